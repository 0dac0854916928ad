-- +goose NO TRANSACTION
-- +goose Up

-- Who has signed in to which application, how often, and when last.
create table if not exists application_users (
  pool_id     text not null,
  app_id      text not null,
  user_id     text not null,
  logins      bigint not null,
  first_at    bigint not null,
  last_at     bigint not null,
  constraint application_users_user_id_key primary key (pool_id, app_id, user_id)
);
create index if not exists application_users_by_time on application_users (pool_id, app_id, last_at);
create index if not exists application_users_by_user on application_users (pool_id, user_id, last_at);
