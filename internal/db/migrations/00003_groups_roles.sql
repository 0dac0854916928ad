-- +goose NO TRANSACTION
-- +goose Up

create table if not exists groups (
  pool_id           text not null,
  id                text not null,
  code              text not null,
  name              text not null,
  description       text not null,
  type              text not null,
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint groups_id_key primary key (pool_id, id),
  constraint groups_code_key unique (pool_id, code)
);

create table if not exists group_members (
  pool_id           text not null,
  group_id          text not null,
  user_id           text not null,
  created_at        bigint not null,             -- when the user became a member, or is to
  enable_time       bigint not null default 0,   -- 0 is at once
  end_time          bigint not null default 0,   -- 0 is never
  pending           boolean not null default false, -- its beginning is still to be recorded
  constraint group_members_user_id_key primary key (pool_id, group_id, user_id)
);
create index if not exists group_members_by_user on group_members (pool_id, user_id, group_id, enable_time, end_time);
create index if not exists group_members_by_time on group_members (pool_id, group_id, created_at, user_id, enable_time, end_time);
create index if not exists group_members_pending on group_members (enable_time) where pending;
create index if not exists group_members_ending on group_members (end_time) where end_time > 0;

-- Permission namespaces: "default", and one for each application.
create table if not exists namespaces (
  pool_id           text not null,
  code              text not null,
  name              text not null,
  description       text not null,
  number            bigint not null,             -- what the wires call its id
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint namespaces_code_key primary key (pool_id, code),
  constraint namespaces_number_key unique (pool_id, number)
);

create table if not exists roles (
  pool_id           text not null,
  id                text not null,
  namespace         text not null,
  code              text not null,
  name              text not null,
  description       text not null,
  parent_id         text not null,
  is_system         boolean not null,
  disabled          boolean not null,
  disable_time      bigint not null,             -- when the role disables itself; 0 is never
  permission_apply  boolean not null,
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint roles_id_key primary key (pool_id, id),
  constraint roles_code_key unique (pool_id, namespace, code)
);

create table if not exists role_assignments (
  pool_id           text not null,
  role_id           text not null,
  target_type       text not null,               -- USER | GROUP
  target_id         text not null,
  enable_time       bigint not null,             -- 0 is at once
  end_time          bigint not null,             -- 0 is never
  pending           boolean not null,            -- its beginning is still to be recorded
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint role_assignments_target_id_key primary key (pool_id, role_id, target_type, target_id)
);
create index if not exists role_assignments_by_target on role_assignments (pool_id, target_type, target_id, role_id);
create index if not exists role_assignments_by_time on role_assignments (pool_id, role_id, target_type, created_at, target_id);
create index if not exists role_assignments_pending on role_assignments (enable_time) where pending;
create index if not exists role_assignments_ending on role_assignments (end_time) where end_time > 0;

-- What a target may or may not do with a resource.
create table if not exists grants (
  pool_id           text not null,
  id                text not null,
  namespace         text not null,
  target_type       text not null,               -- USER | GROUP | ROLE | DEPARTMENT
  target_id         text not null,
  inherit           boolean not null default false, -- also by the departments below a department
  resource          text not null,
  resource_type     text not null,
  actions           text not null,
  effect            text not null,               -- ALLOW | DENY
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint grants_id_key primary key (pool_id, id),
  constraint grants_resource_key unique (pool_id, target_type, target_id, namespace, effect, inherit, resource_type, resource)
);
create index if not exists grants_by_resource on grants (pool_id, namespace, resource, target_type, target_id);
