//! The rules of stock, in PostgreSQL: nothing is promised twice, and every step may be repeated.
//!
//! An order's row in `reservations` is written or locked first, so that the steps of one order follow each
//! other; products are taken in alphabetical order, so that orders do not wait for each other in a circle.

use sqlx::PgConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// How much of one product there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// On the shelf, reserved or not.
    pub on_hand: i64,
    /// Of these, set aside for orders.
    pub reserved: i64,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is not enough of one product.
    #[error("only {available} of {product} are available, {wanted} are wanted")]
    OutOfStock {
        /// Which.
        product: String,
        /// How much could be had.
        available: i64,
        /// How much was asked for.
        wanted: i64,
    },
    /// The order's reservation has ended, by release or by sale.
    #[error("the reservation of order {order} has ended")]
    Ended {
        /// Which.
        order: i64,
    },
    /// The order holds nothing.
    #[error("order {order} holds nothing")]
    Unknown {
        /// Which.
        order: i64,
    },
    /// The database did not do it, or did not say so.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

type Result<T> = std::result::Result<T, Refusal>;

/// All stock; clones share the connections.
#[derive(Clone, Debug)]
pub struct Stock(PgPool);

/// How often a database that does not answer is tried at the start; it may start later than the inventory.
const TRIES: u32 = 10;

impl Stock {
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

    /// Adds stock.
    pub async fn receive(&self, product: &str, quantity: u32) -> Result<()> {
        let statement = "insert into stock (product, on_hand) values ($1, $2)
             on conflict (product) do update set on_hand = stock.on_hand + excluded.on_hand";
        sqlx::query(statement).bind(product).bind(i64::from(quantity)).execute(&self.0).await?;
        Ok(())
    }

    /// How much of a product there is.
    pub async fn level(&self, product: &str) -> Result<Level> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("select on_hand, reserved from stock where product = $1")
                .bind(product)
                .fetch_optional(&self.0)
                .await?;
        Ok(row.map(|(on_hand, reserved)| Level { on_hand, reserved }).unwrap_or_default())
    }

    /// Sets quantities aside, all or none.
    ///
    /// # Errors
    ///
    /// If one is not in stock, or the order's reservation has ended.
    pub async fn reserve(&self, order: i64, lines: &BTreeMap<String, i64>) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let statement = "insert into reservations (order_id, status) values ($1, 'held')
             on conflict (order_id) do nothing";
        let inserted = sqlx::query(statement).bind(order).execute(&mut *transaction).await?;
        if inserted.rows_affected() == 0 {
            return match status(&mut transaction, order).await?.as_deref() {
                Some("held") => Ok(()),
                _ => Err(Refusal::Ended { order }),
            };
        }
        for (product, &wanted) in lines {
            let statement = "update stock set reserved = reserved + $2
                 where product = $1 and on_hand - reserved >= $2";
            let taken = sqlx::query(statement).bind(product).bind(wanted).execute(&mut *transaction).await?;
            if taken.rows_affected() == 0 {
                let available: Option<i64> =
                    sqlx::query_scalar("select on_hand - reserved from stock where product = $1")
                        .bind(product)
                        .fetch_optional(&mut *transaction)
                        .await?;
                let (product, available) = (product.clone(), available.unwrap_or(0));
                return Err(Refusal::OutOfStock { product, available, wanted });
            }
            sqlx::query("insert into reserved_lines (order_id, product, quantity) values ($1, $2, $3)")
                .bind(order)
                .bind(product)
                .bind(wanted)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Puts back what an order holds. A reservation that is still on its way will find that it has ended.
    ///
    /// # Errors
    ///
    /// If it is sold.
    pub async fn release(&self, order: i64) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let statement = "insert into reservations (order_id, status) values ($1, 'released')
             on conflict (order_id) do nothing";
        let inserted = sqlx::query(statement).bind(order).execute(&mut *transaction).await?;
        if inserted.rows_affected() == 0 {
            match status(&mut transaction, order).await?.as_deref() {
                Some("held") => {}
                Some("released") => return Ok(()),
                _ => return Err(Refusal::Ended { order }),
            }
            for (product, quantity) in held(&mut transaction, order).await? {
                sqlx::query("update stock set reserved = reserved - $2 where product = $1")
                    .bind(product)
                    .bind(quantity)
                    .execute(&mut *transaction)
                    .await?;
            }
            end(&mut transaction, order, "released").await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes what an order holds off the shelf.
    ///
    /// # Errors
    ///
    /// If it holds nothing, or has put it back.
    pub async fn commit(&self, order: i64) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        match status(&mut transaction, order).await?.as_deref() {
            Some("held") => {}
            Some("committed") => return Ok(()),
            Some(_) => return Err(Refusal::Ended { order }),
            None => return Err(Refusal::Unknown { order }),
        }
        for (product, quantity) in held(&mut transaction, order).await? {
            let statement =
                "update stock set on_hand = on_hand - $2, reserved = reserved - $2 where product = $1";
            sqlx::query(statement).bind(product).bind(quantity).execute(&mut *transaction).await?;
        }
        end(&mut transaction, order, "committed").await?;
        Ok(transaction.commit().await?)
    }
}

/// How far an order's reservation is; nobody else changes it until this transaction ends.
async fn status(connection: &mut PgConnection, order: i64) -> Result<Option<String>> {
    let statement = "select status from reservations where order_id = $1 for update";
    Ok(sqlx::query_scalar(statement).bind(order).fetch_optional(connection).await?)
}

async fn held(connection: &mut PgConnection, order: i64) -> Result<Vec<(String, i64)>> {
    let statement = "select product, quantity from reserved_lines where order_id = $1 order by product";
    Ok(sqlx::query_as(statement).bind(order).fetch_all(connection).await?)
}

async fn end(connection: &mut PgConnection, order: i64, status: &str) -> Result<()> {
    sqlx::query("update reservations set status = $2 where order_id = $1")
        .bind(order)
        .bind(status)
        .execute(connection)
        .await?;
    Ok(())
}
