create table movement (
    id uuid primary key,
    account bigint not null references account (id) on delete cascade,
    kind kind not null,
    amount numeric(12, 2) not null,
    detail jsonb not null default '{}'
);

create index movement_account on movement (account, kind);

alter table account add column note text;
