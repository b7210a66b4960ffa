//! Transactions, savepoints, isolation levels, locks, advisory locks, cancel, LISTEN and NOTIFY.

mod database;

use database::{Database, code};
use futures_util::future;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Error, IsolationLevel, NoTls};

#[tokio::test]
async fn a_transaction_is_kept_or_not() -> Result<(), Error> {
    let db = Database::fresh("transactions_kept").await?;
    let mut client = db.connect().await?;
    let other = db.connect().await?;
    client.batch_execute("create table t (n int)").await?;
    let count = async || Ok::<i64, Error>(other.query_one("select count(*) from t", &[]).await?.get(0));

    let kept = client.transaction().await?;
    kept.execute("insert into t values (1)", &[]).await?;
    assert_eq!(count().await?, 0);
    kept.commit().await?;
    assert_eq!(count().await?, 1);

    let undone = client.transaction().await?;
    undone.execute("insert into t values (2)", &[]).await?;
    undone.rollback().await?;
    assert_eq!(count().await?, 1);

    // Dropped without a word: rolled back before anything else runs on the connection.
    client.transaction().await?.execute("insert into t values (3)", &[]).await?;
    assert_eq!(client.query_one("select count(*) from t", &[]).await?.get::<_, i64>(0), 1);
    Ok(())
}

#[tokio::test]
async fn savepoints_undo_a_part() -> Result<(), Error> {
    let db = Database::fresh("transactions_savepoints").await?;
    let mut client = db.connect().await?;
    client.batch_execute("create table t (n int primary key)").await?;
    let mut outer = client.transaction().await?;
    outer.execute("insert into t values (1)", &[]).await?;
    let inner = outer.savepoint("inner").await?;
    inner.execute("insert into t values (2)", &[]).await?;
    let twice = inner.execute("insert into t values (1)", &[]).await.unwrap_err();
    assert_eq!(code(&twice), Some(SqlState::UNIQUE_VIOLATION));
    let failed = inner.execute("insert into t values (3)", &[]).await.unwrap_err();
    assert_eq!(code(&failed), Some(SqlState::IN_FAILED_SQL_TRANSACTION));
    inner.rollback().await?;
    let nested = outer.transaction().await?;
    nested.execute("insert into t values (4)", &[]).await?;
    nested.commit().await?;
    outer.commit().await?;
    let rows = client.query("select n from t order by n", &[]).await?;
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [1, 4]);
    Ok(())
}

#[tokio::test]
async fn a_lost_update_fails_under_repeatable_read() -> Result<(), Error> {
    let db = Database::fresh("transactions_lost_update").await?;
    let (mut first, mut second) = (db.connect().await?, db.connect().await?);
    first.batch_execute("create table account (id int primary key, balance int); insert into account values (1, 100)").await?;
    let level = IsolationLevel::RepeatableRead;
    let one = first.build_transaction().isolation_level(level).start().await?;
    let two = second.build_transaction().isolation_level(level).start().await?;
    let read = "select balance from account where id = 1";
    let (a, b): (i32, i32) = (one.query_one(read, &[]).await?.get(0), two.query_one(read, &[]).await?.get(0));
    one.execute("update account set balance = $1 where id = 1", &[&(a - 10)]).await?;
    let blocked = two.execute("update account set balance = $1 where id = 1", &[&(b - 20)]);
    let committed = async {
        sleep(Duration::from_millis(200)).await;
        one.commit().await
    };
    let (blocked, committed) = future::join(blocked, committed).await;
    committed?;
    assert_eq!(code(&blocked.unwrap_err()), Some(SqlState::T_R_SERIALIZATION_FAILURE));
    Ok(())
}

#[tokio::test]
async fn write_skew_fails_when_serializable() -> Result<(), Error> {
    let db = Database::fresh("transactions_skew").await?;
    let (mut first, mut second) = (db.connect().await?, db.connect().await?);
    first.batch_execute("create table doctor (name text primary key, on_call bool); insert into doctor values ('a', true), ('b', true)").await?;
    let level = IsolationLevel::Serializable;
    let one = first.build_transaction().isolation_level(level).start().await?;
    let two = second.build_transaction().isolation_level(level).start().await?;
    for (transaction, name) in [(&one, "a"), (&two, "b")] {
        let on_call: i64 = transaction.query_one("select count(*) from doctor where on_call", &[]).await?.get(0);
        assert_eq!(on_call, 2);
        transaction.execute("update doctor set on_call = false where name = $1", &[&name]).await?;
    }
    let outcomes = [one.commit().await, two.commit().await];
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(code(failures[0]), Some(SqlState::T_R_SERIALIZATION_FAILURE));
    Ok(())
}

#[tokio::test]
async fn a_deadlock_ends_one_of_two() -> Result<(), Error> {
    let db = Database::fresh("transactions_deadlock").await?;
    let (mut first, mut second) = (db.connect().await?, db.connect().await?);
    first.batch_execute("create table t (id int primary key, n int); insert into t values (1, 0), (2, 0)").await?;
    let one = first.transaction().await?;
    let two = second.transaction().await?;
    let update = "update t set n = n + 1 where id = $1";
    one.execute(update, &[&1]).await?;
    two.execute(update, &[&2]).await?;
    let (a, b) = future::join(
        async {
            let done = one.execute(update, &[&2]).await;
            if done.is_ok() { one.commit().await.map(|()| 1) } else { done }
        },
        async {
            let done = two.execute(update, &[&1]).await;
            if done.is_ok() { two.commit().await.map(|()| 1) } else { done }
        },
    )
    .await;
    let failed = a.and(b).expect_err("one of them is the victim");
    assert_eq!(code(&failed), Some(SqlState::T_R_DEADLOCK_DETECTED));
    let total: i64 = second.query_one("select sum(n) from t", &[]).await?.get(0);
    assert_eq!(total, 2);
    Ok(())
}

#[tokio::test]
async fn row_locks_wait_refuse_or_skip() -> Result<(), Error> {
    let db = Database::fresh("transactions_row_locks").await?;
    let (mut holder, other) = (db.connect().await?, db.connect().await?);
    holder.batch_execute("create table job (id int primary key); insert into job values (1), (2), (3)").await?;
    let held = holder.transaction().await?;
    held.query_one("select id from job where id = 1 for update", &[]).await?;
    let refused = other.query("select id from job where id = 1 for update nowait", &[]).await.unwrap_err();
    assert_eq!(code(&refused), Some(SqlState::LOCK_NOT_AVAILABLE));
    let free = other.query_one("select id from job order by id limit 1 for update skip locked", &[]).await?;
    assert_eq!(free.get::<_, i32>(0), 2);
    other.batch_execute("set lock_timeout = '50ms'").await?;
    let late = other.query("select id from job where id = 1 for share", &[]).await.unwrap_err();
    assert_eq!(code(&late), Some(SqlState::LOCK_NOT_AVAILABLE));
    held.commit().await?;
    other.query_one("select id from job where id = 1 for update", &[]).await?;
    Ok(())
}

#[tokio::test]
async fn advisory_locks_exclude() -> Result<(), Error> {
    let db = Database::fresh("transactions_advisory").await?;
    let (mut first, second) = (db.connect().await?, db.connect().await?);
    let held = first.transaction().await?;
    held.execute("select pg_advisory_xact_lock(7001)", &[]).await?;
    let tried = "select pg_try_advisory_lock(7001)";
    assert!(!second.query_one(tried, &[]).await?.get::<_, bool>(0));
    let waiting = second.execute("select pg_advisory_lock(7001)", &[]);
    let (waited, committed) = future::join(waiting, async {
        sleep(Duration::from_millis(50)).await;
        held.commit().await
    })
    .await;
    waited?;
    committed?;
    assert!(second.query_one("select pg_advisory_unlock(7001)", &[]).await?.get::<_, bool>(0));
    assert!(!second.query_one("select pg_advisory_unlock(7001)", &[]).await?.get::<_, bool>(0));
    Ok(())
}

#[tokio::test]
async fn a_running_statement_can_be_cancelled() -> Result<(), Error> {
    let db = Database::fresh("transactions_cancel").await?;
    let client = db.connect().await?;
    let token = client.cancel_token();
    let (slept, cancelled) = future::join(client.batch_execute("select pg_sleep(100)"), async {
        sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    })
    .await;
    cancelled?;
    assert_eq!(code(&slept.unwrap_err()), Some(SqlState::QUERY_CANCELED));
    // The session goes on, and a cancel of an idle one changes nothing.
    token.cancel_query(NoTls).await?;
    assert_eq!(client.query_one("select 1", &[]).await?.get::<_, i32>(0), 1);
    client.batch_execute("set statement_timeout = 100").await?;
    let late = client.batch_execute("select pg_sleep(10)").await.unwrap_err();
    assert_eq!(code(&late), Some(SqlState::QUERY_CANCELED));
    Ok(())
}

#[tokio::test]
async fn notifications_come_at_commit() -> Result<(), Error> {
    let db = Database::fresh("transactions_notify").await?;
    let (listener, mut messages) = db.connect_listening().await?;
    let mut sender = db.connect().await?;
    listener.batch_execute("listen orders").await?;
    let transaction = sender.transaction().await?;
    transaction.batch_execute("notify orders, 'one'; notify orders, 'one'; notify orders, 'two'").await?;
    transaction.execute("select pg_notify('other', 'no')", &[]).await?;
    assert!(timeout(Duration::from_millis(100), messages.recv()).await.is_err());
    transaction.commit().await?;
    let mut received = Vec::new();
    while received.len() < 2 {
        if let Some(AsyncMessage::Notification(notification)) = messages.recv().await {
            received.push(format!("{}: {}", notification.channel(), notification.payload()));
        }
    }
    assert_eq!(received, ["orders: one", "orders: two"]);
    listener.batch_execute("unlisten *").await?;
    sender.batch_execute("notify orders, 'three'").await?;
    assert!(timeout(Duration::from_millis(100), messages.recv()).await.is_err());
    Ok(())
}

#[tokio::test]
async fn notices_and_settings_reach_the_client() -> Result<(), Error> {
    let db = Database::fresh("transactions_notices").await?;
    let (client, mut messages) = db.connect_listening().await?;
    client.batch_execute("drop table if exists nowhere").await?;
    let Some(AsyncMessage::Notice(notice)) = messages.recv().await else { panic!("a notice comes first") };
    assert_eq!(notice.message(), "table \"nowhere\" does not exist, skipping");
    client.batch_execute("set application_name = 'tests'").await?;
    let row = client.query_one("select current_setting('application_name'), current_user, current_database()", &[]).await?;
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("tests", "app", "app"));
    Ok(())
}
