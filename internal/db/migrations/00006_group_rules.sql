-- +goose NO TRANSACTION
-- +goose Up

-- The rules of dynamic groups. While pending is not empty, all users are being evaluated under it, and members still follow rule.
create table if not exists group_rules (
  pool_id           text not null,
  group_id          text not null,
  rule              text not null,               -- that members follow; '' before the first one does
  pending           text not null,               -- that they are to follow
  change_id         text not null,               -- of the change to the pending rule
  position          text not null,               -- users up to this id have been evaluated under the pending rule
  evaluated         bigint not null,             -- how many those are
  updated_at        bigint not null,             -- when the rule came into force or, before that, was asked for
  constraint group_rules_group_id_key primary key (pool_id, group_id)
);
create index if not exists group_rules_pending on group_rules (change_id) where change_id <> '';

-- Who is to be a member once the change to a pending rule is through.
create table if not exists group_candidates (
  pool_id           text not null,
  change_id         text not null,
  user_id           text not null,
  constraint group_candidates_user_id_key primary key (pool_id, change_id, user_id)
);

-- Changes with every change of a rule of the pool, so that servers notice each other's. Pools that never had a rule have no row.
create table if not exists rule_versions (
  pool_id           text not null,
  version           text not null,
  constraint rule_versions_pool_id_key primary key (pool_id)
);
