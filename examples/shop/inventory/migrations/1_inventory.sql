create table stock (
    product text primary key,
    on_hand bigint not null check (on_hand >= 0),
    reserved bigint not null default 0 check (reserved >= 0 and reserved <= on_hand)
);

-- What an order holds, and how that ended. An order that was released before it held anything has a row too, and
-- can hold nothing afterwards.
create table reservations (
    order_id bigint primary key,
    status text not null check (status in ('held', 'released', 'committed'))
);

create table reserved_lines (
    order_id bigint not null references reservations (order_id),
    product text not null references stock (product),
    quantity bigint not null check (quantity > 0),
    primary key (order_id, product)
);
