-- +goose NO TRANSACTION
-- +goose Up

-- What servers over one database tell each other has changed, for some minutes.
create table if not exists changes (
  pool_id           text not null,
  id                text not null,
  origin            text not null,               -- the server that made the change
  topic             text not null,
  keys              text not null,               -- JSON
  transaction_id    bigint not null,
  created_at        bigint not null,
  constraint changes_id_key primary key (pool_id, id)
);
create index if not exists changes_by_transaction on changes (transaction_id);
create index if not exists changes_by_time on changes (created_at);
