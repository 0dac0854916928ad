-- +goose NO TRANSACTION
-- +goose Up

-- What happened, written in the transaction that did it. The month leads after the pool, so that old months can be cut off.
create table if not exists audit_log (
  pool_id           text not null,
  month             bigint not null,             -- 202611
  id                text not null,
  at                bigint not null,
  actor_kind        text not null,               -- key | admin | user | system
  actor_id          text not null,
  user_id           text not null,               -- the user who acted or, for their own actions, is concerned
  app_id            text not null,
  operation         text not null,               -- create | update | delete | add | remove | …
  resource          text not null,               -- user | userGroup | role | …
  target_id         text not null,
  target_name       text not null,
  event             text not null,               -- for actions of users: login, logout, register, …
  success           boolean not null,
  before_values     text not null,
  after_values      text not null,
  client_ip         text not null,
  user_agent        text not null,
  request_id        text not null,
  constraint audit_log_id_key primary key (pool_id, month, id)
);
create index if not exists audit_log_by_time on audit_log (pool_id, at, id);
create index if not exists audit_log_by_actor on audit_log (pool_id, actor_id, at);
create index if not exists audit_log_by_user on audit_log (pool_id, user_id, at);
create index if not exists audit_log_by_request on audit_log (pool_id, request_id);
