//! tokio-postgres's and sqlx's connection code, against a server that answers simple queries.

use ecosystem::postgres::{self, PASSWORD};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, Row};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(postgres::serve(listener));
    address
}

fn config(at: SocketAddr, password: &str) -> Config {
    let mut config = Config::new();
    config.host(at.ip().to_string()).port(at.port()).user("app").password(password).dbname("shop");
    config.connect_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(30));
    config
}

fn options(at: SocketAddr) -> PgConnectOptions {
    PgConnectOptions::new().host(&at.ip().to_string()).port(at.port()).username("app").password(PASSWORD)
}

#[tokio::test]
async fn tokio_postgres_asks_and_is_answered() {
    let at = serve().await;
    let (client, connection) = config(at, PASSWORD).connect(NoTls).await.expect("it listens");
    let connection = tokio::spawn(connection);
    let answers = futures::future::join_all((1..=5).map(|rows| {
        let query = format!("rows {rows}");
        let client = &client;
        async move { client.simple_query(&query).await.expect("answered") }
    }));
    for (asked, answer) in (1..=5).zip(answers.await) {
        let rows: Vec<(String, String)> = answer
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get("name")?.to_owned())),
                _ => None,
            })
            .collect();
        let expected: Vec<_> = (1..=asked).map(|id| (id.to_string(), format!("row {id}"))).collect();
        assert_eq!(rows, expected);
    }
    let error = client.simple_query("nonsense").await.expect_err("refused");
    assert_eq!(error.code().expect("a database error").code(), "42601");
    drop(client);
    connection.await.expect("it returns").expect("no error");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let at = serve().await;
    let error = config(at, "wrong").connect(NoTls).await.err().expect("refused");
    assert_eq!(error.code().expect("a database error").code(), "28P01");
    let nobody = config("127.0.0.1:9".parse().expect("valid"), PASSWORD).connect(NoTls).await;
    assert!(nobody.err().expect("nobody listens").to_string().contains("connect"));
}

#[tokio::test]
async fn sqlx_asks_over_one_connection() {
    let at = serve().await;
    let mut connection = PgConnection::connect_with(&options(at)).await.expect("it listens");
    connection.ping().await.expect("answered");
    let rows = sqlx::raw_sql("rows 3").fetch_all(&mut connection).await.expect("answered");
    let rows: Vec<(i32, String)> = rows.iter().map(|row| (row.get("id"), row.get("name"))).collect();
    assert_eq!(rows, [(1, "row 1".to_owned()), (2, "row 2".to_owned()), (3, "row 3".to_owned())]);
    let error = sqlx::raw_sql("nonsense").execute(&mut connection).await.expect_err("refused");
    assert_eq!(error.as_database_error().expect("the server's").code().as_deref(), Some("42601"));
    connection.close().await.expect("in order");
}

#[tokio::test]
async fn sqlxs_pool_shares_its_connections() {
    let at = serve().await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(options(at))
        .await
        .expect("it listens");
    let tasks = (0..20).map(|rows| {
        let pool = pool.clone();
        tokio::spawn(async move {
            sqlx::raw_sql(&format!("rows {rows}")).fetch_all(&pool).await.expect("answered").len()
        })
    });
    for (asked, rows) in futures::future::join_all(tasks).await.into_iter().enumerate() {
        assert_eq!(rows.expect("it returns"), asked);
    }
    assert!((1..=3).contains(&pool.size()), "{}", pool.size());
    pool.close().await;
    assert!(sqlx::raw_sql("rows 1").execute(&pool).await.is_err());
}
