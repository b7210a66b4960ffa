create table products (
    name text primary key,
    price bigint not null check (price >= 0)
);

create table customers (
    id bigint generated always as identity primary key,
    name text not null,
    email text not null unique,
    phone text,
    address text
);

create table orders (
    id bigint generated always as identity primary key,
    customer bigint not null references customers (id),
    key text,
    total bigint not null check (total >= 0),
    status text not null check (status in ('placed', 'reserved', 'paying', 'paid', 'cancelled')),
    reason text,
    capture text,
    placed_at timestamptz not null,
    reserved_until timestamptz,
    settled boolean not null default false,
    unique (customer, key)
);

create table lines (
    order_id bigint not null references orders (id),
    product text not null references products (name),
    quantity integer not null check (quantity > 0),
    primary key (order_id, product)
);

create table payments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders (id),
    amount bigint not null check (amount >= 0),
    card text not null,
    status text not null check (status in ('started', 'captured', 'declined')),
    started_at timestamptz not null
);

create index orders_by_status on orders (status);
create index payments_by_order on payments (order_id);
