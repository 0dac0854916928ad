-- +goose NO TRANSACTION
-- +goose Up

create table if not exists users (
  pool_id                     text not null,
  id                          text not null,
  status                      text not null,
  status_changed_at           bigint,
  work_status                 text not null,
  username                    text,
  email                       text,              -- lower case
  phone                       text,
  phone_country_code          text,
  phone_key                   text,              -- country code and number, what makes a phone unique
  external_id                 text,
  unionid                     text,
  openid                      text,
  name                        text,
  nickname                    text,
  photo                       text,
  gender                      text not null,
  email_verified              boolean not null,
  phone_verified              boolean not null,
  birthdate                   text,
  country                     text,
  province                    text,
  city                        text,
  locality                    text,
  region                      text,
  address                     text,
  street_address              text,
  postal_code                 text,
  formatted                   text,
  company                     text,
  browser                     text,
  device                      text,
  given_name                  text,
  family_name                 text,
  middle_name                 text,
  profile                     text,
  preferred_username          text,
  website                     text,
  zoneinfo                    text,
  locale                      text,
  oauth                       text,
  identity_number             text,
  source_type                 text not null,
  source_id                   text,
  register_source             text,
  direct_management           text,
  main_department_id          text,
  main_department_code        text,
  metadata                    text,
  metadata_source             text,
  tenant_id                   text,
  password                    text,              -- a hash in PHC or crypt form
  password_set_at             bigint,
  password_level              bigint,
  password_reset_on_login     boolean not null,  -- on the first or the next sign-in
  logins_count                bigint not null,
  last_login_at               bigint,
  last_login_ip               text,
  last_login_app              text,
  last_mfa_at                 bigint,
  signed_up_at                bigint,
  token_expired_at            bigint,            -- as given: no token is valid past it
  tokens_after                bigint,            -- tokens issued up to here are invalid
  expired_at                  bigint,
  is_deleted                  boolean not null,
  archived_at                 bigint,
  created_at                  bigint not null,
  updated_at                  bigint not null,
  constraint users_id_key primary key (pool_id, id),
  constraint users_username_key unique (pool_id, username),
  constraint users_email_key unique (pool_id, email),
  constraint users_phone_key_key unique (pool_id, phone_key),
  constraint users_external_id_key unique (pool_id, external_id)
);
-- What lists are put in order by. Making time is the identifier's; status, gender and source type are in the search index; who has no value
-- comes last and is not in an index.
create index if not exists users_by_update on users (pool_id, updated_at, id);
create index if not exists users_by_status_change on users (pool_id, status_changed_at, id);
create index if not exists users_by_logins on users (pool_id, logins_count, id);
create index if not exists users_by_name on users (pool_id, name, id) where name is not null;
create index if not exists users_by_phone on users (pool_id, phone, id) where phone is not null;
create index if not exists users_by_country_code on users (pool_id, phone_country_code, id) where phone_country_code is not null;
create index if not exists users_by_password_time on users (pool_id, password_set_at, id) where password_set_at is not null;
create index if not exists users_by_password_level on users (pool_id, password_level, id) where password_level is not null;
create index if not exists users_by_login_time on users (pool_id, last_login_at, id) where last_login_at is not null;
create index if not exists users_by_login_ip on users (pool_id, last_login_ip, id) where last_login_ip is not null;
create index if not exists users_by_mfa_time on users (pool_id, last_mfa_at, id) where last_mfa_at is not null;
-- What lists are filtered by besides. Texts longer than a line have none: nobody asks for them by their whole value.
create index if not exists users_by_archive on users (pool_id, archived_at, id) where archived_at is not null;
create index if not exists users_by_sign_up on users (pool_id, signed_up_at, id) where signed_up_at is not null;
create index if not exists users_by_login_app on users (pool_id, last_login_app, id) where last_login_app is not null;
create index if not exists users_by_unionid on users (pool_id, unionid, id) where unionid is not null;
create index if not exists users_by_openid on users (pool_id, openid, id) where openid is not null;
create index if not exists users_by_nickname on users (pool_id, nickname, id) where nickname is not null;
create index if not exists users_by_birthdate on users (pool_id, birthdate, id) where birthdate is not null;
create index if not exists users_by_country on users (pool_id, country, id) where country is not null;
create index if not exists users_by_province on users (pool_id, province, id) where province is not null;
create index if not exists users_by_city on users (pool_id, city, id) where city is not null;
create index if not exists users_by_locality on users (pool_id, locality, id) where locality is not null;
create index if not exists users_by_region on users (pool_id, region, id) where region is not null;
create index if not exists users_by_postal_code on users (pool_id, postal_code, id) where postal_code is not null;
create index if not exists users_by_company on users (pool_id, company, id) where company is not null;
create index if not exists users_by_device on users (pool_id, device, id) where device is not null;
create index if not exists users_by_given_name on users (pool_id, given_name, id) where given_name is not null;
create index if not exists users_by_family_name on users (pool_id, family_name, id) where family_name is not null;
create index if not exists users_by_middle_name on users (pool_id, middle_name, id) where middle_name is not null;
create index if not exists users_by_preferred_username on users (pool_id, preferred_username, id) where preferred_username is not null;
create index if not exists users_by_zoneinfo on users (pool_id, zoneinfo, id) where zoneinfo is not null;
create index if not exists users_by_locale on users (pool_id, locale, id) where locale is not null;
create index if not exists users_by_identity_number on users (pool_id, identity_number, id) where identity_number is not null;
create index if not exists users_by_direct_management on users (pool_id, direct_management, id) where direct_management is not null;
create index if not exists users_by_main_department on users (pool_id, main_department_id, id) where main_department_id is not null;
create index if not exists users_by_main_department_code on users (pool_id, main_department_code, id) where main_department_code is not null;
create index if not exists users_by_source on users (pool_id, source_id, id) where source_id is not null;
create index if not exists users_by_tenant on users (pool_id, tenant_id, id) where tenant_id is not null;

create table if not exists identities (
  pool_id           text not null,
  id                text not null,
  user_id           text not null,
  source            text not null,               -- the connection if known, else the identity source, else the provider
  user_id_in_idp    text not null,
  ext_idp_id        text not null,
  connection_id     text not null,
  provider          text not null,
  type              text not null,
  is_social         boolean not null,
  openid            text not null,
  access_token      text not null,
  refresh_token     text not null,
  user_info         text not null,
  origin_conn_ids   text not null,
  created_at        bigint not null,
  constraint identities_id_key primary key (pool_id, id),
  constraint identities_user_id_in_idp_key unique (pool_id, source, user_id_in_idp)
);
create index if not exists identities_by_user on identities (pool_id, user_id);
create index if not exists identities_by_idp on identities (pool_id, ext_idp_id, user_id_in_idp);

-- Where a user came from when another directory keeps them.
create table if not exists sync_relations (
  pool_id           text not null,
  provider          text not null,
  user_id_in_idp    text not null,
  user_id           text not null,
  user_info         text not null,
  constraint sync_relations_user_id_in_idp_key primary key (pool_id, provider, user_id_in_idp)
);
create index if not exists sync_relations_by_user on sync_relations (pool_id, user_id);

-- Second factors of a user.
create table if not exists user_factors (
  pool_id           text not null,
  user_id           text not null,
  totp_secret       text not null,               -- sealed
  totp_step         bigint not null,             -- the last time step whose code was taken (RFC 6238, 5.2)
  totp_at           bigint not null,             -- when it was enrolled
  recovery_code     text not null,               -- keyed hash
  trigger_data      text not null,
  updated_at        bigint not null,
  constraint user_factors_user_id_key primary key (pool_id, user_id)
);

-- Fields that an organisation defines, and its settings of built-in ones (target_type USER_BASE).
create table if not exists fields (
  pool_id           text not null,
  target_type       text not null,
  key               text not null,
  data_type         text not null,
  label             text not null,
  description       text not null,
  options           text not null,
  encrypted         boolean not null,
  is_unique         boolean not null,
  user_editable     boolean not null,
  admin_visible     boolean not null,
  user_visible      boolean not null,
  i18n              text not null,
  validate_rules    text not null,
  app_ids           text not null,
  desensitization   boolean not null,
  created_at        bigint not null,
  updated_at        bigint not null,
  constraint fields_key_key primary key (pool_id, target_type, key)
);

-- Values of custom fields, for targets of every kind.
create table if not exists field_values (
  pool_id           text not null,
  target_type       text not null,
  target_id         text not null,
  key               text not null,
  value             text not null,               -- JSON
  text_value        text,                        -- the first 1,024 characters of the value as text
  number_value      double precision,            -- numbers, times in ms, booleans as 0 and 1
  unique_value      text,                        -- a digest of the value where the field is unique
  updated_at        bigint not null,
  constraint field_values_key_key primary key (pool_id, target_type, target_id, key),
  constraint field_values_unique_value_key unique (pool_id, target_type, key, unique_value)
);
create index if not exists field_values_by_text on field_values (pool_id, target_type, key, substr(text_value, 1, 200));
create index if not exists field_values_by_number on field_values (pool_id, target_type, key, number_value);
