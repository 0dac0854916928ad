-- +goose NO TRANSACTION
-- +goose Up

-- Organisations and their departments: one tree for each organisation, whose root is the organisation.
create table if not exists departments (
  pool_id             text not null,
  id                  text not null,
  org_id              text not null,               -- the root's id; a root's own
  parent_id           text not null,               -- '' for a root
  code                text,                        -- unique in the organisation
  root_code           text,                        -- the code again, of roots: unique in the pool
  name                text not null,
  description         text not null,
  order_index         bigint not null,             -- among its siblings
  open_department_id  text,
  is_virtual          boolean not null,
  enabled             boolean not null,
  i18n                text not null,               -- JSON, '' for none
  description_i18n    text not null,               -- JSON, '' for none
  created_at          bigint not null,
  updated_at          bigint not null,
  constraint departments_id_key primary key (pool_id, id),
  constraint departments_code_key unique (pool_id, org_id, code),
  constraint departments_root_code_key unique (pool_id, root_code),
  constraint departments_open_department_id_key unique (pool_id, org_id, open_department_id)
);
create index if not exists departments_by_parent on departments (pool_id, parent_id, order_index, id);
create index if not exists departments_by_code on departments (pool_id, code, id);
create index if not exists departments_by_open_id on departments (pool_id, open_department_id);

-- Who stands above whom: a row for each department and each of its ancestors, itself at depth 0.
create table if not exists department_paths (
  pool_id             text not null,
  descendant          text not null,
  ancestor            text not null,
  depth               bigint not null,
  constraint department_paths_ancestor_key primary key (pool_id, descendant, ancestor)
);
create index if not exists department_paths_by_descendant on department_paths (pool_id, descendant, depth, ancestor);
create index if not exists department_paths_by_ancestor on department_paths (pool_id, ancestor, depth, descendant);

create table if not exists department_members (
  pool_id             text not null,
  department_id       text not null,
  user_id             text not null,
  is_leader           boolean not null default false,
  created_at          bigint not null,             -- when the user became a member, or is to
  enable_time         bigint not null default 0,   -- 0 is at once
  end_time            bigint not null default 0,   -- 0 is never
  pending             boolean not null default false, -- its beginning is still to be recorded
  constraint department_members_user_id_key primary key (pool_id, department_id, user_id)
);
create index if not exists department_members_by_user on department_members (pool_id, user_id, created_at, department_id, enable_time, end_time);
create index if not exists department_members_by_time on department_members (pool_id, department_id, created_at, user_id, enable_time, end_time);
create index if not exists department_members_by_leader on department_members (pool_id, department_id, user_id) where is_leader;
create index if not exists department_members_pending on department_members (enable_time) where pending;
create index if not exists department_members_ending on department_members (end_time) where end_time > 0;

create table if not exists posts (
  pool_id             text not null,
  id                  text not null,
  code                text not null,
  name                text not null,
  description         text not null,
  created_at          bigint not null,
  updated_at          bigint not null,
  constraint posts_id_key primary key (pool_id, id),
  constraint posts_code_key unique (pool_id, code)
);

create table if not exists user_posts (
  pool_id             text not null,
  user_id             text not null,
  post_id             text not null,
  created_at          bigint not null,
  constraint user_posts_post_id_key primary key (pool_id, user_id, post_id)
);
create index if not exists user_posts_by_post on user_posts (pool_id, post_id, user_id);

create table if not exists department_posts (
  pool_id             text not null,
  department_id       text not null,
  post_id             text not null,
  created_at          bigint not null,
  constraint department_posts_post_id_key primary key (pool_id, department_id, post_id)
);
create index if not exists department_posts_by_post on department_posts (pool_id, post_id, department_id);
