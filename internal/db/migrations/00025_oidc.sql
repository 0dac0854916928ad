-- +goose NO TRANSACTION
-- +goose Up

-- Devices that ask to be connected (RFC 8628). Codes are kept as hashes alone.
create table if not exists device_requests (
  pool_id      text not null,
  device_hash  text not null,
  user_hash    text not null,
  app_id       text not null,
  scope        text not null,            -- words separated by spaces
  client_ip    text not null,
  user_id      text not null,            -- who has answered; empty before
  session_id   text not null,
  state        text not null,            -- pending | allowed | refused | used
  polled_at    bigint not null,
  pause        bigint not null,          -- ms that must be between two polls
  created_at   bigint not null,
  expires_at   bigint not null,
  constraint device_requests_device_hash_key primary key (pool_id, device_hash)
);
-- A person types a code before its pool is known.
create index if not exists device_requests_by_user_hash on device_requests (user_hash);
create index if not exists device_requests_by_expiry on device_requests (expires_at);

-- What a user has agreed that an application may read.
create table if not exists consents (
  pool_id      text not null,
  user_id      text not null,
  app_id       text not null,
  scope        text not null,            -- words separated by spaces
  created_at   bigint not null,
  updated_at   bigint not null,
  constraint consents_app_id_key primary key (pool_id, user_id, app_id)
);

-- Logout tokens on their way to applications (OpenID Connect Back-Channel Logout 1.0). Few, and soon gone.
create table if not exists logout_notices (
  pool_id      text not null,
  id           text not null,
  app_id       text not null,
  user_id      text not null,
  session_id   text not null,
  tries        bigint not null,
  due_at       bigint not null,          -- when the next try is made
  created_at   bigint not null,
  constraint logout_notices_id_key primary key (pool_id, id)
);
create index if not exists logout_notices_by_due on logout_notices (due_at);
