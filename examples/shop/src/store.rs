//! What the shop remembers, in PostgreSQL; every method is one transaction.
//!
//! Read committed is enough: whoever decides by a row's status locks the row first, or changes it with a
//! condition that is part of the change.

use crate::error::{Error, Result};
use crate::model::{
    Customer, CustomerChange, Line, NewCustomer, Order, Payment, PaymentStatus, Product, Status,
};
use chrono::{DateTime, Utc};
use sqlx::error::ErrorKind;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{FromRow, PgConnection};
use std::time::Duration;
use tokio::time::sleep;

/// What became of the wish to pay.
#[derive(Clone, Debug)]
pub enum Paying {
    /// The provider is to be asked.
    Started(Payment),
    /// Somebody else pays, or has paid.
    Already(Order),
}

/// The database; clones share the connections.
#[derive(Clone, Debug)]
pub struct Store(PgPool);

/// How often a database that does not answer is tried at the start; it may start later than the shop.
const TRIES: u32 = 10;

impl Store {
    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// If the database does not answer for several seconds, or a migration fails.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let options = PgPoolOptions::new().max_connections(5).acquire_timeout(Duration::from_secs(3));
        let pool = options.connect_lazy(url)?;
        for _ in 1..TRIES {
            match sqlx::migrate!().run(&pool).await {
                Ok(()) => return Ok(Self(pool)),
                Err(error) => tracing::warn!(%error, "trying again"),
            }
            sleep(Duration::from_millis(500)).await;
        }
        sqlx::migrate!().run(&pool).await?;
        Ok(Self(pool))
    }

    /// Adds a product, or changes its price.
    pub async fn put_product(&self, product: &Product) -> Result<()> {
        let statement = "insert into products (name, price) values ($1, $2)
             on conflict (name) do update set price = excluded.price";
        sqlx::query(statement).bind(&product.name).bind(product.price).execute(&self.0).await?;
        Ok(())
    }

    /// One product.
    pub async fn product(&self, name: &str) -> Result<Product> {
        let row: Option<(String, i64)> = sqlx::query_as("select name, price from products where name = $1")
            .bind(name)
            .fetch_optional(&self.0)
            .await?;
        let (name, price) = row.ok_or_else(|| Error::Absent(format!("product {name}")))?;
        Ok(Product { name, price })
    }

    /// Adds a customer; the address of email must be new.
    pub async fn create_customer(&self, new: NewCustomer) -> Result<Customer> {
        let statement = "insert into customers (name, email, phone, address) values ($1, $2, $3, $4)
             returning id, name, email, phone, address";
        let row = sqlx::query_as(statement)
            .bind(&new.name)
            .bind(&new.email)
            .bind(&new.phone)
            .bind(&new.address)
            .fetch_one(&self.0)
            .await;
        match row {
            Err(error) if is(&error, &ErrorKind::UniqueViolation) => {
                Err(Error::Conflict(format!("{} is a customer already", new.email)))
            }
            row => Ok(row?),
        }
    }

    /// One customer.
    pub async fn customer(&self, id: i64) -> Result<Customer> {
        let statement = "select id, name, email, phone, address from customers where id = $1";
        let row = sqlx::query_as(statement).bind(id).fetch_optional(&self.0).await?;
        row.ok_or_else(|| Error::Absent(format!("customer {id}")))
    }

    /// Changes what the change names, and nothing else.
    pub async fn change_customer(&self, id: i64, change: CustomerChange) -> Result<Customer> {
        let statement = "update customers set
                 name = coalesce($2, name),
                 phone = case when $3 then $4 else phone end,
                 address = case when $5 then $6 else address end
             where id = $1
             returning id, name, email, phone, address";
        let row = sqlx::query_as(statement)
            .bind(id)
            .bind(change.name)
            .bind(change.phone.is_some())
            .bind(change.phone.flatten())
            .bind(change.address.is_some())
            .bind(change.address.flatten())
            .fetch_optional(&self.0)
            .await?;
        row.ok_or_else(|| Error::Absent(format!("customer {id}")))
    }

    /// Writes an order down, or finds the one that the customer placed under the same key.
    pub async fn place_order(&self, customer: i64, key: Option<&str>, lines: &[Line]) -> Result<Order> {
        let mut transaction = self.0.begin().await?;
        let mut total = 0_i64;
        for Line { product, quantity } in lines {
            let price: Option<i64> = sqlx::query_scalar("select price from products where name = $1")
                .bind(product)
                .fetch_optional(&mut *transaction)
                .await?;
            let price = price.ok_or_else(|| Error::Absent(format!("product {product}")))?;
            let sum = price.checked_mul(i64::from(*quantity)).and_then(|line| total.checked_add(line));
            total = sum.ok_or_else(|| Error::Invalid("the total is too large".to_owned()))?;
        }
        let statement = "insert into orders (customer, key, total, status, placed_at)
             values ($1, $2, $3, 'placed', $4)
             on conflict (customer, key) do nothing
             returning id";
        let inserted = sqlx::query_scalar(statement)
            .bind(customer)
            .bind(key)
            .bind(total)
            .bind(Utc::now())
            .fetch_optional(&mut *transaction)
            .await;
        let inserted: Option<i64> = match inserted {
            Err(error) if is(&error, &ErrorKind::ForeignKeyViolation) => {
                return Err(Error::Absent(format!("customer {customer}")));
            }
            inserted => inserted?,
        };
        let Some(id) = inserted else {
            let id = sqlx::query_scalar("select id from orders where customer = $1 and key = $2")
                .bind(customer)
                .bind(key)
                .fetch_one(&mut *transaction)
                .await?;
            let order = order(&mut transaction, id, Lock::No).await?;
            return if order.lines == lines {
                Ok(order)
            } else {
                Err(Error::Conflict("the idempotency-key was used for another order".to_owned()))
            };
        };
        for line in lines {
            let quantity = i32::try_from(line.quantity)
                .map_err(|_| Error::Invalid(format!("too many of {}", line.product)))?;
            sqlx::query("insert into lines (order_id, product, quantity) values ($1, $2, $3)")
                .bind(id)
                .bind(&line.product)
                .bind(quantity)
                .execute(&mut *transaction)
                .await?;
        }
        let order = order(&mut transaction, id, Lock::No).await?;
        transaction.commit().await?;
        Ok(order)
    }

    /// One order.
    pub async fn order(&self, id: i64) -> Result<Order> {
        order(&mut *self.0.acquire().await?, id, Lock::No).await
    }

    /// The inventory holds the order's lines.
    pub async fn reserved(&self, id: i64, wait: Duration) -> Result<Order> {
        let mut transaction = self.0.begin().await?;
        let statement = "update orders set status = 'reserved', reserved_until = $2
             where id = $1 and status = 'placed'";
        sqlx::query(statement).bind(id).bind(Utc::now() + wait).execute(&mut *transaction).await?;
        let order = order(&mut transaction, id, Lock::No).await?;
        transaction.commit().await?;
        Ok(order)
    }

    /// Cancels an order that is `from`; whether it was.
    pub async fn cancel(&self, id: i64, from: Status, reason: &str) -> Result<bool> {
        let statement = "update orders set status = 'cancelled', reason = $3 where id = $1 and status = $2";
        let done = sqlx::query(statement).bind(id).bind(from.name()).bind(reason).execute(&self.0).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Starts a payment of an order that is reserved.
    pub async fn start_payment(&self, id: i64, card: &str) -> Result<Paying> {
        let mut transaction = self.0.begin().await?;
        let order = order(&mut transaction, id, Lock::Yes).await?;
        match order.status {
            Status::Paying | Status::Paid => return Ok(Paying::Already(order)),
            Status::Reserved if order.reserved_until > Some(Utc::now()) => {}
            Status::Reserved => return Err(Error::Conflict(format!("order {id} was not paid in time"))),
            Status::Placed => return Err(Error::Conflict(format!("order {id} is not in stock yet"))),
            Status::Cancelled => return Err(Error::Conflict(format!("order {id} is cancelled"))),
        }
        sqlx::query("update orders set status = 'paying' where id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        let statement = "insert into payments (order_id, amount, card, status, started_at)
             values ($1, $2, $3, 'started', $4)
             returning id, order_id, amount, card, status, started_at";
        let payment: PaymentRow = sqlx::query_as(statement)
            .bind(id)
            .bind(order.total)
            .bind(card)
            .bind(Utc::now())
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Paying::Started(payment.try_into()?))
    }

    /// The money has moved.
    pub async fn paid(&self, payment: i64, capture: &str) -> Result<Order> {
        let mut transaction = self.0.begin().await?;
        let statement = "update payments set status = 'captured' where id = $1 returning order_id";
        let id: i64 = sqlx::query_scalar(statement).bind(payment).fetch_one(&mut *transaction).await?;
        sqlx::query("update orders set status = 'paid', capture = $2 where id = $1")
            .bind(id)
            .bind(capture)
            .execute(&mut *transaction)
            .await?;
        let order = order(&mut transaction, id, Lock::No).await?;
        transaction.commit().await?;
        Ok(order)
    }

    /// The money has not moved: the order waits for another card, as long as it is reserved.
    pub async fn declined(&self, payment: i64) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let statement = "update payments set status = 'declined' where id = $1 and status = 'started'
             returning order_id";
        let order: Option<i64> =
            sqlx::query_scalar(statement).bind(payment).fetch_optional(&mut *transaction).await?;
        if let Some(order) = order {
            sqlx::query("update orders set status = 'reserved' where id = $1")
                .bind(order)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The inventory knows what became of the order.
    pub async fn settled(&self, id: i64) -> Result<()> {
        sqlx::query("update orders set settled = true where id = $1").bind(id).execute(&self.0).await?;
        Ok(())
    }

    /// Orders that were placed `age` ago or earlier, and for which the inventory has not answered.
    pub async fn unreserved(&self, age: Duration) -> Result<Vec<i64>> {
        let statement = "select id from orders where status = 'placed' and placed_at <= $1 order by id";
        Ok(sqlx::query_scalar(statement).bind(Utc::now() - age).fetch_all(&self.0).await?)
    }

    /// Orders that were not paid in time.
    pub async fn expired(&self) -> Result<Vec<i64>> {
        let statement =
            "select id from orders where status = 'reserved' and reserved_until <= $1 order by id";
        Ok(sqlx::query_scalar(statement).bind(Utc::now()).fetch_all(&self.0).await?)
    }

    /// Orders of which the inventory does not know that they are paid or cancelled.
    pub async fn unsettled(&self) -> Result<Vec<i64>> {
        let statement =
            "select id from orders where status in ('paid', 'cancelled') and not settled order by id";
        Ok(sqlx::query_scalar(statement).fetch_all(&self.0).await?)
    }

    /// Payments that were started `age` ago or earlier, and on which the provider has not decided.
    pub async fn undecided(&self, age: Duration) -> Result<Vec<Payment>> {
        let statement = "select id, order_id, amount, card, status, started_at from payments
             where status = 'started' and started_at <= $1 order by id";
        let rows: Vec<PaymentRow> =
            sqlx::query_as(statement).bind(Utc::now() - age).fetch_all(&self.0).await?;
        rows.into_iter().map(Payment::try_from).collect()
    }
}

/// Whether a row is read to be changed by what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    No,
    Yes,
}

async fn order(connection: &mut PgConnection, id: i64, lock: Lock) -> Result<Order> {
    let statement = match lock {
        Lock::No => {
            "select id, customer, total, status, reason, capture, placed_at, reserved_until
             from orders where id = $1"
        }
        Lock::Yes => {
            "select id, customer, total, status, reason, capture, placed_at, reserved_until
             from orders where id = $1 for update"
        }
    };
    let row: Option<OrderRow> = sqlx::query_as(statement).bind(id).fetch_optional(&mut *connection).await?;
    let row = row.ok_or_else(|| Error::Absent(format!("order {id}")))?;
    let statement = "select product, quantity from lines where order_id = $1 order by product";
    let lines: Vec<(String, i32)> = sqlx::query_as(statement).bind(id).fetch_all(connection).await?;
    let line = |(product, quantity): (String, i32)| Line { product, quantity: quantity.unsigned_abs() };
    Ok(Order {
        id: row.id,
        customer: row.customer,
        lines: lines.into_iter().map(line).collect(),
        total: row.total,
        status: Status::named(&row.status)?,
        reason: row.reason,
        capture: row.capture,
        placed_at: row.placed_at,
        reserved_until: row.reserved_until,
    })
}

#[derive(FromRow)]
struct OrderRow {
    id: i64,
    customer: i64,
    total: i64,
    status: String,
    reason: Option<String>,
    capture: Option<String>,
    placed_at: DateTime<Utc>,
    reserved_until: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct PaymentRow {
    id: i64,
    order_id: i64,
    amount: i64,
    card: String,
    status: String,
    started_at: DateTime<Utc>,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = Error;

    fn try_from(row: PaymentRow) -> Result<Self> {
        let PaymentRow { id, order_id, amount, card, status, started_at } = row;
        let status = match &*status {
            "started" => PaymentStatus::Started,
            "captured" => PaymentStatus::Captured,
            "declined" => PaymentStatus::Declined,
            other => return Err(Error::Broken(format!("payment {id} is `{other}`"))),
        };
        Ok(Self { id, order: order_id, amount, card, status, started_at })
    }
}

fn is(error: &sqlx::Error, kind: &ErrorKind) -> bool {
    error.as_database_error().is_some_and(|error| error.kind() == *kind)
}
