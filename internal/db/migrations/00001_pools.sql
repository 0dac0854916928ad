-- +goose NO TRANSACTION
-- +goose Up

-- A pool is an organisation's realm. Everything else belongs to exactly one.
create table if not exists pools (
  pool_id     text not null,
  name        text not null,
  secret      text not null,            -- sealed under the master key
  is_default  boolean not null,         -- the pool that answers callers who name none
  settings    text not null default '{}', -- what an administrator has set; the rest is as it comes
  created_at  bigint not null,
  updated_at  bigint not null,
  constraint pools_id_key primary key (pool_id)
);

-- Signing and encryption keys of a pool; the private half is sealed.
create table if not exists pool_keys (
  pool_id     text not null,
  purpose     text not null,            -- sign (RS256) | sign_ec (ES256) | rsa | sm2
  kid         text not null,
  private_key text not null,
  public_key  text not null,
  stage       text not null,            -- next: published, not used yet | current | retired: published, not used any more
  expires_at  bigint not null,          -- when a retired key is published no longer; 0 before
  created_at  bigint not null,
  constraint pool_keys_kid_key primary key (pool_id, purpose, kid)
);

create table if not exists administrators (
  pool_id     text not null,
  id          text not null,
  username    text not null,
  password    text not null,
  created_at  bigint not null,
  constraint administrators_id_key primary key (pool_id, id),
  constraint administrators_username_key unique (pool_id, username)
);

create table if not exists applications (
  pool_id     text not null,
  id          text not null,
  name        text not null,
  identifier  text not null,
  logo        text not null,
  description text not null,
  app_type    text not null,
  secret      text not null,            -- sealed
  enabled     boolean not null,
  sso         boolean not null,
  sso_at      bigint not null,
  settings    text not null,            -- JSON: signin.AppSettings
  created_at  bigint not null,
  updated_at  bigint not null,
  constraint applications_id_key primary key (pool_id, id),
  constraint applications_identifier_key unique (pool_id, identifier)
);
-- A request names an application before its pool is known.
create index if not exists applications_by_id on applications (id);

create table if not exists access_keys (
  pool_id     text not null,
  id          text not null,
  secret      text not null,            -- sealed
  kind        text not null,
  owner_id    text not null,            -- the administrator or user it was made for
  tenant_id   text not null,
  enabled     boolean not null,
  created_at  bigint not null,
  used_at     bigint not null,          -- at most an hour late
  constraint access_keys_id_key primary key (pool_id, id)
);
-- A signature names a key before its pool is known.
create index if not exists access_keys_by_id on access_keys (id);

-- Nonces of signed requests that changed something, kept until their date alone refuses the request.
create table if not exists nonces (
  pool_id     text not null,
  key_id      text not null,
  nonce       text not null,
  expires_at  bigint not null,
  constraint nonces_nonce_key primary key (pool_id, key_id, nonce)
);
create index if not exists nonces_by_expiry on nonces (expires_at);

-- Counters in place of count(*). A name's value is the sum of its slots: writers of one pool do not wait for each other.
create table if not exists tallies (
  pool_id     text not null,
  name        text not null,
  slot        bigint not null,
  n           bigint not null,
  constraint tallies_slot_key primary key (pool_id, name, slot)
);
