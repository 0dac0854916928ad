-- +goose NO TRANSACTION
-- +goose Up

-- The hashes of passwords that people have given up, kept only where the pool wants new ones to differ from them, and only so many.
create table if not exists password_history (
  pool_id  text not null,
  user_id  text not null,
  set_at   bigint not null,              -- when the password began to hold
  hash     text not null,
  constraint password_history_set_at_key primary key (pool_id, user_id, set_at)
);
