-- +goose NO TRANSACTION
-- +goose Up

-- Who may sign up by themselves where the switch for the type is on.
create table if not exists whitelist (
  pool_id     text not null,
  app_id      text not null,            -- '' for the pool's own list
  type        text not null,            -- USERNAME | EMAIL | PHONE
  value       text not null,            -- emails in lower case
  created_at  bigint not null,
  constraint whitelist_value_key primary key (pool_id, app_id, type, value)
);

-- Named values that an administrator keeps for the pool's own programs.
create table if not exists pool_env (
  pool_id     text not null,
  key         text not null,
  value       text not null,            -- JSON, sealed
  created_at  bigint not null,
  updated_at  bigint not null,
  constraint pool_env_key_key primary key (pool_id, key)
);

create table if not exists policies (
  pool_id     text not null,
  id          text not null,
  namespace   text not null,
  code        text not null,
  description text not null,
  statements  text not null,            -- [{resource, actions, effect, condition}]
  is_builtin  boolean not null,
  created_at  bigint not null,
  updated_at  bigint not null,
  constraint policies_id_key primary key (pool_id, id),
  constraint policies_code_key unique (pool_id, namespace, code)
);

create table if not exists policy_assignments (
  pool_id     text not null,
  policy_id   text not null,
  target_type text not null,            -- USER | GROUP | DEPARTMENT | ROLE
  target_id   text not null,
  inherit     boolean not null,         -- also by the children of a department
  enabled     boolean not null,
  created_at  bigint not null,
  constraint policy_assignments_target_id_key primary key (pool_id, policy_id, target_type, target_id)
);
create index if not exists policy_assignments_by_target on policy_assignments (pool_id, target_type, target_id, policy_id);
create index if not exists policy_assignments_by_time on policy_assignments (pool_id, policy_id, created_at, target_id);
