-- +goose NO TRANSACTION
-- +goose Up

-- Mails and texts that are to be sent. A row is claimed by moving its due time, so that several servers share the work and what
-- a dead one had begun becomes due again.
create table if not exists outbox (
  pool_id       text not null,
  id            text not null,
  once          text not null,            -- what makes the message one of its kind: the second with the same is not taken
  channel       text not null,            -- mail | sms
  kind          text not null,
  sealed        text not null,            -- to whom and what it says; wiped when the message has gone or is given up
  state         text not null,            -- due | sent | failed
  attempts      bigint not null,
  due_at        bigint not null,
  lease         text not null,            -- of the server that is sending it
  deadline_at   bigint not null,
  problem       text not null,            -- what the last attempt met with
  created_at    bigint not null,
  ended_at      bigint not null,
  constraint outbox_id_key primary key (pool_id, id),
  constraint outbox_once_key unique (pool_id, once)
);
create index if not exists outbox_by_due on outbox (state, due_at);

-- Through whom a pool sends its mail; one without a row uses the server's own.
create table if not exists mail_providers (
  pool_id       text not null,
  type          text not null,            -- ali | qq | sendgrid | custom
  enabled       boolean not null,
  settings      text not null,            -- sealed
  updated_at    bigint not null,
  constraint mail_providers_pool_id_key primary key (pool_id)
);

-- Mails as a pool words them; the rest is as it comes.
create table if not exists mail_templates (
  pool_id       text not null,
  kind          text not null,
  customized    boolean not null,
  name          text not null,
  subject       text not null,
  sender        text not null,
  content       text not null,
  expires_in    bigint not null,          -- seconds, 0 for what comes with it
  redirect_to   text not null,
  engine        text not null,            -- handlebar | ejs
  updated_at    bigint not null,
  constraint mail_templates_kind_key primary key (pool_id, kind)
);

-- One-time codes: one row for an address and a purpose. The address and the code are kept as keyed hashes.
create table if not exists passcodes (
  pool_id       text not null,
  address       text not null,
  purpose       text not null,
  hash          text not null,
  tries         bigint not null,          -- wrong guesses so far
  most_tries    bigint not null,
  sent_at       bigint not null,
  expires_at    bigint not null,
  used_at       bigint not null,
  constraint passcodes_purpose_key primary key (pool_id, address, purpose)
);
create index if not exists passcodes_by_expiry on passcodes (expires_at);

-- How often something was done, until a moment.
create table if not exists rates (
  pool_id       text not null,
  name          text not null,
  n             bigint not null,
  expires_at    bigint not null,
  constraint rates_name_key primary key (pool_id, name)
);
create index if not exists rates_by_expiry on rates (expires_at);

-- Failed sign-ins of a user, an unknown account or an address. One counter asks for a captcha, the other locks.
create table if not exists sign_in_failures (
  pool_id       text not null,
  subject       text not null,
  asks_n        bigint not null,
  asks_until    bigint not null,          -- when its counting begins anew
  locks_n       bigint not null,
  locks_until   bigint not null,
  locked_until  bigint not null,          -- 0: not locked
  expires_at    bigint not null,
  constraint sign_in_failures_subject_key primary key (pool_id, subject)
);
create index if not exists sign_in_failures_by_expiry on sign_in_failures (expires_at);
