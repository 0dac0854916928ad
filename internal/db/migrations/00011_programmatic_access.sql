-- +goose NO TRANSACTION
-- +goose Up

-- Accounts by which programs, and not people, get tokens of an application.
create table if not exists programmatic_accounts (
  pool_id        text not null,
  id             text not null,
  app_id         text not null,
  secret         text not null,            -- sealed
  remarks        text not null,
  token_lifetime bigint not null,          -- seconds
  enabled        boolean not null,
  owner_id       text not null,            -- the administrator or user who made it
  created_at     bigint not null,
  updated_at     bigint not null,
  constraint programmatic_accounts_id_key primary key (pool_id, id)
);
create index if not exists programmatic_accounts_by_app on programmatic_accounts (pool_id, app_id, id);
