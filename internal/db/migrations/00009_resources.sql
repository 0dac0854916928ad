-- +goose NO TRANSACTION
-- +goose Up

-- What grants and policies speak of, where somebody has described it: nothing needs to stand here to be granted.
create table if not exists resources (
  pool_id           text not null,
  id                text not null,
  namespace         text not null,
  code              text not null,
  type              text not null,               -- DATA | API | MENU | BUTTON | UI
  name              text not null,
  description       text not null,
  api_identifier    text not null,               -- the address of an API
  actions           text not null,               -- [{name, description}]
  linked_to_tenant  boolean not null,
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint resources_id_key primary key (pool_id, id),
  constraint resources_code_key unique (pool_id, namespace, code)
);

-- One row for each application, whose namespace has the same code: who may enter it unless something else is said of them.
create table if not exists application_strategies (
  pool_id           text not null,
  app_id            text not null,
  strategy          text not null,               -- ALLOW_ALL | DENY_ALL
  updated_at        bigint not null,
  constraint application_strategies_app_id_key primary key (pool_id, app_id)
);

-- Who may or may not enter an application.
create table if not exists application_access (
  pool_id           text not null,
  id                text not null,
  app_id            text not null,
  target_type       text not null,               -- USER | GROUP | DEPARTMENT | ROLE
  target_id         text not null,
  effect            text not null,               -- ALLOW | DENY
  enabled           boolean not null,
  inherit           boolean not null,            -- also for the departments below a department
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint application_access_id_key primary key (pool_id, id),
  constraint application_access_target_id_key unique (pool_id, app_id, target_type, target_id)
);
create index if not exists application_access_by_target on application_access (pool_id, target_type, target_id, app_id);

create index if not exists grants_by_resource on grants (pool_id, namespace, resource, target_type, target_id);
