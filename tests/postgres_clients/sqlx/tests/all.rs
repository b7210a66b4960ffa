//! sqlx: pool, migrations, `query_as`, nested transactions, listener, advisory lock.

use futures_util::{TryStreamExt, future};
use rust_decimal::Decimal;
use sqlx::postgres::{PgAdvisoryLock, PgListener, PgPool, PgPoolOptions};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, Executor, FromRow, Row};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

type Outcome = Result<(), sqlx::Error>;

async fn pool(schema: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let url = support::url(schema);
    let mut first = sqlx::PgConnection::connect(&url).await?;
    first.execute(AssertSqlSafe(support::fresh(schema))).await?;
    first.close().await?;
    PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(20)).connect(&url).await
}

async fn migrated(schema: &str) -> Result<PgPool, sqlx::Error> {
    let pool = pool(schema, 5).await?;
    sqlx::migrate!("./migrations").run(&pool).await?;
    Ok(pool)
}

#[derive(Debug, PartialEq, Clone, Copy, sqlx::Type)]
#[sqlx(type_name = "kind", rename_all = "lowercase")]
enum Kind {
    Deposit,
    Transfer,
}

#[derive(Debug, FromRow)]
struct Account {
    id: i64,
    owner: String,
    balance: Decimal,
    opened: chrono::DateTime<chrono::Utc>,
    note: Option<String>,
}

#[derive(Debug, FromRow)]
struct Movement {
    id: Uuid,
    kind: Kind,
    amount: Decimal,
    detail: Json<serde_json::Value>,
}

fn money(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

#[tokio::test]
async fn migrations_run_once() -> Outcome {
    let pool = migrated("sqlx_migrations").await?;
    sqlx::migrate!("./migrations").run(&pool).await?;
    let applied: Vec<(i64, String, bool)> =
        sqlx::query_as("select version, description, success from _sqlx_migrations order by version")
            .fetch_all(&pool)
            .await?;
    assert_eq!(applied, [(1, "account".to_owned(), true), (2, "movement".to_owned(), true)]);
    Ok(())
}

#[tokio::test]
async fn two_instances_may_migrate_at_once() -> Outcome {
    let pool = pool("sqlx_two", 5).await?;
    let migrator = sqlx::migrate!("./migrations");
    let (one, two) = future::join(migrator.run(&pool), migrator.run(&pool)).await;
    one?;
    two?;
    let count: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&pool).await?;
    assert_eq!(count, 2);
    Ok(())
}

#[tokio::test]
async fn rows_become_structs() -> Outcome {
    let pool = migrated("sqlx_rows").await?;
    let ann: Account = sqlx::query_as("insert into account (owner, balance) values ($1, $2) returning *")
        .bind("ann")
        .bind(money("10.50"))
        .fetch_one(&pool)
        .await?;
    assert_eq!((ann.id, ann.owner.as_str(), ann.balance, ann.note.as_deref()), (1, "ann", money("10.50"), None));
    assert!(ann.opened.timestamp() > 0);
    let id = Uuid::from_u128(7);
    sqlx::query("insert into movement values ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(ann.id)
        .bind(Kind::Deposit)
        .bind(money("10.50"))
        .bind(Json(serde_json::json!({"from": "cash"})))
        .execute(&pool)
        .await?;
    let found: Movement =
        sqlx::query_as("select * from movement where account = $1 and kind = any($2) and detail->>'from' = $3")
            .bind(ann.id)
            .bind([Kind::Deposit, Kind::Transfer])
            .bind("cash")
            .fetch_one(&pool)
            .await?;
    assert_eq!((found.id, found.kind, found.amount), (id, Kind::Deposit, money("10.50")));
    assert_eq!(found.detail.0["from"], "cash");
    let missing = sqlx::query("select 1 from account where owner = 'bob'").fetch_optional(&pool).await?;
    assert!(missing.is_none());
    Ok(())
}

#[tokio::test]
async fn rows_can_be_streamed() -> Outcome {
    let pool = pool("sqlx_stream", 2).await?;
    let numbers: Vec<i32> = sqlx::query("select n from generate_series(1, 300) as n where n % $1 = 0")
        .bind(100)
        .fetch(&pool)
        .map_ok(|row| row.get::<i32, _>("n"))
        .try_collect()
        .await?;
    assert_eq!(numbers, [100, 200, 300]);
    Ok(())
}

#[tokio::test]
async fn errors_name_their_constraint() -> Outcome {
    let pool = migrated("sqlx_errors").await?;
    sqlx::query("insert into account (owner) values ('ann')").execute(&pool).await?;
    let twice = sqlx::query("insert into account (owner) values ('ann')").execute(&pool).await.unwrap_err();
    let twice = twice.as_database_error().expect("the server's");
    assert!(twice.is_unique_violation());
    assert_eq!((twice.constraint(), twice.table()), (Some("account_owner_key"), Some("account")));
    let negative = sqlx::query("update account set balance = -1").execute(&pool).await.unwrap_err();
    let negative = negative.as_database_error().expect("the server's");
    assert!(negative.is_check_violation());
    assert_eq!(negative.constraint(), Some("balance_not_negative"));
    let orphan = sqlx::query("insert into movement values (gen_random_uuid(), 9, 'deposit', 1)").execute(&pool).await.unwrap_err();
    assert!(orphan.as_database_error().expect("the server's").is_foreign_key_violation());
    let missing = sqlx::query("select * from nowhere").execute(&pool).await.unwrap_err();
    assert_eq!(missing.as_database_error().expect("the server's").code().as_deref(), Some("42P01"));
    Ok(())
}

#[tokio::test]
async fn transactions_nest() -> Outcome {
    let pool = migrated("sqlx_nested").await?;
    let mut outer = pool.begin().await?;
    sqlx::query("insert into account (owner) values ('kept')").execute(&mut *outer).await?;
    let mut inner = outer.begin().await?;
    sqlx::query("insert into account (owner) values ('undone')").execute(&mut *inner).await?;
    let failed = sqlx::query("insert into account (owner) values ('kept')").execute(&mut *inner).await;
    assert!(failed.is_err());
    inner.rollback().await?;
    let mut second = outer.begin().await?;
    sqlx::query("insert into account (owner) values ('too')").execute(&mut *second).await?;
    second.commit().await?;
    outer.commit().await?;
    let mut dropped = pool.begin().await?;
    sqlx::query("insert into account (owner) values ('dropped')").execute(&mut *dropped).await?;
    drop(dropped);
    let owners: Vec<String> = sqlx::query_scalar("select owner from account order by id").fetch_all(&pool).await?;
    assert_eq!(owners, ["kept", "too"]);
    Ok(())
}

#[tokio::test]
async fn transfers_at_once_keep_the_total() -> Outcome {
    let pool = migrated("sqlx_transfers").await?;
    sqlx::query("insert into account (owner, balance) values ('a', 100), ('b', 100)").execute(&pool).await?;
    let transfer = |from: &'static str, to: &'static str, amount: i64| {
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin().await?;
            let (first, second) = if from < to { (from, to) } else { (to, from) };
            sqlx::query("select 1 from account where owner in ($1, $2) order by owner for update")
                .bind(first)
                .bind(second)
                .fetch_all(&mut *transaction)
                .await?;
            sqlx::query("update account set balance = balance - $2 where owner = $1")
                .bind(from)
                .bind(Decimal::from(amount))
                .execute(&mut *transaction)
                .await?;
            sqlx::query("update account set balance = balance + $2 where owner = $1")
                .bind(to)
                .bind(Decimal::from(amount))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        }
    };
    let done = future::join_all((0..6).map(|n| {
        let (from, to) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
        tokio::spawn(transfer(from, to, 10 + n))
    }))
    .await;
    for transfer in done {
        transfer.expect("no panic")?;
    }
    let (total, a): (Decimal, Decimal) =
        sqlx::query_as("select sum(balance), min(balance) filter (where owner = 'a') from account").fetch_one(&pool).await?;
    assert_eq!((total, a), (Decimal::from(200), Decimal::from(103)));
    Ok(())
}

#[tokio::test]
async fn a_full_pool_makes_wait() -> Outcome {
    let pool = pool("sqlx_pool", 1).await?;
    let held = pool.acquire().await?;
    assert!(timeout(Duration::from_millis(200), pool.acquire()).await.is_err());
    drop(held);
    let mut connection = pool.acquire().await?;
    connection.ping().await?;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *connection).await?;
    assert!(pid > 0);
    drop(connection);
    pool.close().await;
    assert!(pool.acquire().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_listener_hears_what_was_committed() -> Outcome {
    let pool = pool("sqlx_listener", 3).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen_all(["sqlx_orders", "sqlx_bills"]).await?;
    let mut transaction = pool.begin().await?;
    sqlx::query("select pg_notify('sqlx_orders', $1)").bind("7").execute(&mut *transaction).await?;
    transaction.commit().await?;
    let heard = listener.recv().await?;
    assert_eq!((heard.channel(), heard.payload()), ("sqlx_orders", "7"));
    pool.execute("notify sqlx_bills").await?;
    let heard = listener.recv().await?;
    assert_eq!((heard.channel(), heard.payload()), ("sqlx_bills", ""));
    listener.unlisten_all().await?;
    pool.execute("notify sqlx_bills").await?;
    assert!(timeout(Duration::from_millis(200), listener.recv()).await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_advisory_lock_is_held_by_one() -> Outcome {
    let pool = pool("sqlx_advisory", 3).await?;
    let lock = PgAdvisoryLock::new("sqlx tests");
    let guard = lock.acquire(pool.acquire().await?).await?;
    let refused = lock.try_acquire(pool.acquire().await?).await?;
    assert!(refused.left().is_none());
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move {
            let lock = PgAdvisoryLock::new("sqlx tests");
            let guard = lock.acquire(pool.acquire().await?).await?;
            guard.release_now().await
        }
    });
    sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    guard.release_now().await?;
    waiting.await.expect("no panic")?;
    Ok(())
}
