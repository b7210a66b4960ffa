-- Accounts, and who moved what.
create table account (
    id bigserial primary key,
    owner text not null unique,
    balance numeric(12, 2) not null default 0 constraint balance_not_negative check (balance >= 0),
    opened timestamptz not null default now()
);

create type kind as enum ('deposit', 'transfer');
