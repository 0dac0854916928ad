-- +goose NO TRANSACTION
-- +goose Up

-- Secrets that work once: codes, refresh tokens, steps of a sign-in, links. Only the hash of a text is here; what it stands for is sealed.
create table if not exists tickets (
  pool_id     text not null,
  hash        text not null,             -- SHA-256 of the text
  kind        text not null,
  user_id     text not null,
  app_id      text not null,
  family_id   text not null,
  data        text not null,             -- sealed
  created_at  bigint not null,
  expires_at  bigint not null,
  used_at     bigint not null,           -- 0 while it has not been
  constraint tickets_hash_key primary key (pool_id, hash)
);
create index if not exists tickets_by_expiry on tickets (expires_at);
create index if not exists tickets_by_user on tickets (pool_id, user_id, kind);

-- Who is signed in, and where.
create table if not exists sessions (
  pool_id     text not null,
  id          text not null,
  user_id     text not null,
  app_id      text not null,             -- where it began
  hash        text not null,             -- of the cookie's secret half
  amr         text not null,             -- how the user proved who they are (RFC 8176), JSON
  device_id   text not null,
  auth_time   bigint not null,
  created_at  bigint not null,
  seen_at     bigint not null,           -- at most five minutes late
  idle_life   bigint not null,           -- milliseconds
  expires_at  bigint not null,
  client_ip   text not null,
  user_agent  text not null,
  constraint sessions_id_key primary key (pool_id, id)
);
create index if not exists sessions_by_user on sessions (pool_id, user_id, id);
create index if not exists sessions_by_expiry on sessions (expires_at);

-- All tokens that come from one sign-in to one application stand and fall together.
create table if not exists token_families (
  pool_id     text not null,
  id          text not null,
  app_id      text not null,
  user_id     text not null,
  session_id  text not null,             -- '' when it belongs to none
  kind        text not null,             -- oidc | oauth | v2
  scope       text not null,
  offline     boolean not null,          -- outlives the end of its session (OpenID Connect Core 1.0, section 11)
  auth_time   bigint not null,
  nonce       text not null,
  amr         text not null,
  client_ip   text not null,
  user_agent  text not null,
  created_at  bigint not null,
  used_at     bigint not null,           -- when tokens were last issued
  expires_at  bigint not null,
  revoked_at  bigint not null,           -- 0 while it stands
  constraint token_families_id_key primary key (pool_id, id)
);
create index if not exists token_families_by_user on token_families (pool_id, user_id, app_id, id);
create index if not exists token_families_by_session on token_families (pool_id, session_id) where session_id <> '';
create index if not exists token_families_by_app on token_families (pool_id, app_id, used_at);
create index if not exists token_families_by_expiry on token_families (expires_at);
