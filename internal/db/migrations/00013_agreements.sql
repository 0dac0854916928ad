-- +goose NO TRANSACTION
-- +goose Up

-- What people agree to before they sign up or in, per application.
create table if not exists agreements (
  pool_id      text not null,
  app_id       text not null,
  id           bigint not null,            -- unique in the application, the same for ever, below 2^53
  title        text not null,              -- HTML that has been cleaned: links, text and simple marks
  lang         text not null,
  required     boolean not null,
  available_at bigint not null,            -- 0 signing up, 1 signing in, 2 both
  position     bigint not null,
  created_at   bigint not null,
  updated_at   bigint not null,
  constraint agreements_id_key primary key (pool_id, app_id, id)
);
