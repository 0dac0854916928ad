-- +goose NO TRANSACTION
-- +goose Up

-- Addresses that users have bound as second factors; their one-time passwords stand in user_factors.
create table if not exists factors (
  pool_id             text not null,
  user_id             text not null,
  type                text not null,             -- SMS | EMAIL
  email               text not null,
  phone               text not null,
  phone_country_code  text not null,
  created_at          bigint not null,
  constraint factors_type_key primary key (pool_id, user_id, type)
);

-- WebAuthn credentials of users.
create table if not exists passkeys (
  pool_id        text not null,
  id             text not null,
  user_id        text not null,
  credential_id  text not null,                  -- base64url
  rp_id          text not null,                  -- the host it was made for
  name           text not null,
  kind           text not null,                  -- fingerprint | face | other | ''
  record         text not null,                  -- sealed: public key, flags, what the authenticator said of itself
  sign_count     bigint not null,
  second_factor  boolean not null,               -- bound to be asked for beside a password
  cloned_at      bigint not null,                -- when its counter went back; 0 as long as it has not
  app_id         text not null,                  -- where it was made
  created_at     bigint not null,
  used_at        bigint not null,                -- 0 while it has not been
  constraint passkeys_id_key primary key (pool_id, id),
  constraint passkeys_credential_id_key unique (pool_id, credential_id)
);
create index if not exists passkeys_by_user on passkeys (pool_id, user_id, id);

-- Browsers and devices that a user has asked to be spared the second factor.
create table if not exists remembered_devices (
  pool_id          text not null,
  id               text not null,
  user_id          text not null,
  hash             text not null,                -- of the secret half of the device's token
  password_set_at  bigint not null,              -- the user's, then: another password ends the trust
  client_ip        text not null,
  user_agent       text not null,
  created_at       bigint not null,
  used_at          bigint not null,
  expires_at       bigint not null,
  constraint remembered_devices_id_key primary key (pool_id, id)
);
create index if not exists remembered_devices_by_user on remembered_devices (pool_id, user_id, id);
create index if not exists remembered_devices_by_expiry on remembered_devices (expires_at);
