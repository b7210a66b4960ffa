//! deadpool-postgres: a pool of tokio-postgres clients.

use deadpool_postgres::{Config, ManagerConfig, Pool, PoolConfig, RecyclingMethod, Runtime, Timeouts};
use std::time::Duration;
use tokio_postgres::NoTls;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn pool(schema: &str, size: usize, recycling_method: RecyclingMethod) -> Result<Pool, Box<dyn std::error::Error + Send + Sync>> {
    let mut config = Config::new();
    config.url = Some(support::url(schema));
    config.manager = Some(ManagerConfig { recycling_method });
    let wait = Some(Duration::from_secs(5));
    config.pool = Some(PoolConfig { timeouts: Timeouts { wait, create: wait, recycle: wait }, ..PoolConfig::new(size) });
    let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
    pool.get().await?.batch_execute(&support::fresh(schema)).await?;
    Ok(pool)
}

#[tokio::test]
async fn clients_are_shared_and_come_back() -> Outcome {
    let pool = pool("deadpool_shared", 2, RecyclingMethod::Fast).await?;
    pool.get().await?.batch_execute("create table t (n int primary key)").await?;
    let mut tasks = Vec::new();
    for n in 0..8 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            let mut client = pool.get().await?;
            let statement = client.prepare_cached("insert into t values ($1)").await?;
            let transaction = client.transaction().await?;
            transaction.execute(&statement, &[&n]).await?;
            transaction.commit().await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    assert!(pool.status().size <= 2);
    let count: i64 = pool.get().await?.query_one("select count(*) from t", &[]).await?.get(0);
    assert_eq!(count, 8);
    Ok(())
}

#[tokio::test]
async fn a_clean_recycling_forgets_the_session() -> Outcome {
    let pool = pool("deadpool_clean", 1, RecyclingMethod::Clean).await?;
    let client = pool.get().await?;
    client.batch_execute("set application_name = 'mine'; create temp table scratch (n int)").await?;
    drop(client);
    let client = pool.get().await?;
    let name: String = client.query_one("select current_setting('application_name')", &[]).await?.get(0);
    assert_ne!(name, "mine");
    Ok(())
}

#[tokio::test]
async fn a_dead_client_is_replaced() -> Outcome {
    let pool = pool("deadpool_dead", 2, RecyclingMethod::Verified).await?;
    let (one, two) = (pool.get().await?, pool.get().await?);
    let victim: i32 = one.query_one("select pg_backend_pid()", &[]).await?.get(0);
    assert!(two.query_one("select pg_terminate_backend($1)", &[&victim]).await?.get::<_, bool>(0));
    let ended = one.query("select 1", &[]).await.unwrap_err();
    assert!(ended.is_closed() || ended.code().is_some_and(|code| code.code() == "57P01"), "{ended:?}");
    drop(one);
    drop(two);
    let (one, two) = (pool.get().await?, pool.get().await?);
    for client in [&one, &two] {
        let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
        assert_ne!(pid, victim);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_waits_longer_than_said() -> Outcome {
    let pool = pool("deadpool_full", 1, RecyclingMethod::Fast).await?;
    let held = pool.get().await?;
    let late = pool.timeout_get(&Timeouts::wait_millis(100)).await;
    assert!(matches!(late, Err(deadpool_postgres::PoolError::Timeout(_))));
    drop(held);
    pool.get().await?;
    Ok(())
}
