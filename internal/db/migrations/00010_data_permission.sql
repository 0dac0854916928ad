-- +goose NO TRANSACTION
-- +goose Up

-- What data policies speak of: a text, a list of texts, or a tree of nodes, with the actions that are possible on it.
create table if not exists data_resources (
  pool_id      text not null,
  id           text not null,
  namespace    text not null,
  code         text not null,                -- unique in the namespace
  name         text not null,                -- unique in the namespace
  description  text not null,
  type         text not null,                -- STRING | ARRAY | TREE
  struct       text not null,                -- JSON: a text, a list of texts or a list of nodes
  actions      text not null,                -- JSON
  fields       text not null,                -- JSON: what the nodes of a tree may have beside the usual
  created_at   bigint not null,
  updated_at   bigint not null,
  constraint data_resources_id_key primary key (pool_id, id),
  constraint data_resources_code_key unique (pool_id, namespace, code),
  constraint data_resources_name_key unique (pool_id, namespace, name)
);

create table if not exists data_policies (
  pool_id      text not null,
  id           text not null,
  name         text not null,                -- unique in the pool
  description  text not null,
  statements   text not null,                -- [{effect, permissions: [{resource, node, action}], condition}]; a resource by its id
  created_at   bigint not null,
  updated_at   bigint not null,
  constraint data_policies_id_key primary key (pool_id, id),
  constraint data_policies_name_key unique (pool_id, name)
);

-- The resources that a policy speaks of: what its statements say, to be found from either side.
create table if not exists data_policy_resources (
  pool_id      text not null,
  policy_id    text not null,
  resource_id  text not null,
  constraint data_policy_resources_resource_id_key primary key (pool_id, policy_id, resource_id)
);
create index if not exists data_policy_resources_by_resource on data_policy_resources (pool_id, resource_id, policy_id);

create table if not exists data_policy_assignments (
  pool_id      text not null,
  policy_id    text not null,
  target_type  text not null,                -- USER | GROUP | DEPARTMENT | ROLE
  target_id    text not null,
  created_at   bigint not null,
  constraint data_policy_assignments_target_id_key primary key (pool_id, policy_id, target_type, target_id)
);
create index if not exists data_policy_assignments_by_target on data_policy_assignments (pool_id, target_type, target_id, policy_id);
create index if not exists data_policy_assignments_by_time on data_policy_assignments (pool_id, policy_id, created_at, target_id);
