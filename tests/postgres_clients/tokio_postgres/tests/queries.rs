//! Queries, rows, prepared statements, portals, pipelining, errors.

mod database;

use database::{Database, code};
use futures_util::{StreamExt, TryStreamExt, future, pin_mut};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, SimpleQueryMessage};

#[tokio::test]
async fn rows_come_back_as_they_were_written() -> Result<(), Error> {
    let db = Database::fresh("queries_rows").await?;
    let client = db.connect().await?;
    client.batch_execute("create table item (id serial primary key, name text not null, price int)").await?;
    for (name, price) in [("pen", Some(2)), ("book", Some(12)), ("gift", None)] {
        let changed = client.execute("insert into item (name, price) values ($1, $2)", &[&name, &price]).await?;
        assert_eq!(changed, 1);
    }
    let rows = client.query("select id, name, price from item where id >= $1 order by id", &[&2]).await?;
    let read: Vec<(i32, &str, Option<i32>)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(read, [(2, "book", Some(12)), (3, "gift", None)]);
    assert_eq!(rows[0].columns().iter().map(|c| c.name()).collect::<Vec<_>>(), ["id", "name", "price"]);
    assert_eq!(*rows[0].columns()[1].type_(), Type::TEXT);
    let one = client.query_one("select count(*) from item", &[]).await?;
    assert_eq!(one.get::<_, i64>(0), 3);
    assert!(client.query_opt("select 1 from item where id = 99", &[]).await?.is_none());
    let changed = client.execute("update item set price = coalesce(price, 0) + 1", &[]).await?;
    assert_eq!(changed, 3);
    Ok(())
}

#[tokio::test]
async fn prepared_statements_know_their_types() -> Result<(), Error> {
    let db = Database::fresh("queries_prepared").await?;
    let client = db.connect().await?;
    client.batch_execute("create table t (a bigint, b varchar(20), c timestamptz default now())").await?;
    let statement = client.prepare("insert into t (a, b) values ($1, $2) returning a + 1 as next, b, c").await?;
    assert_eq!(statement.params(), [Type::INT8, Type::VARCHAR]);
    let types: Vec<_> = statement.columns().iter().map(|c| c.type_().clone()).collect();
    assert_eq!(types, [Type::INT8, Type::VARCHAR, Type::TIMESTAMPTZ]);
    for n in 0..3_i64 {
        let row = client.query_one(&statement, &[&n, &"x"]).await?;
        assert_eq!(row.get::<_, i64>("next"), n + 1);
    }
    let typed = client.prepare_typed("select $1 || 'y'", &[Type::TEXT]).await?;
    assert_eq!(client.query_one(&typed, &[&"x"]).await?.get::<_, &str>(0), "xy");
    let inferred = client.prepare("select $1::int + 1, $2 = any($3::text[]), coalesce($4, 1.5::float8)").await?;
    assert_eq!(inferred.params(), [Type::INT4, Type::TEXT, Type::TEXT_ARRAY, Type::FLOAT8]);
    Ok(())
}

#[tokio::test]
async fn portals_give_rows_in_portions() -> Result<(), Error> {
    let db = Database::fresh("queries_portals").await?;
    let mut client = db.connect().await?;
    let transaction = client.transaction().await?;
    let portal = transaction.bind("select * from generate_series(1, 7) as n", &[]).await?;
    let mut portions = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 3).await?;
        if rows.is_empty() {
            break;
        }
        portions.push(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>());
    }
    assert_eq!(portions, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    transaction.commit().await
}

#[tokio::test]
async fn requests_on_one_connection_are_pipelined() -> Result<(), Error> {
    let db = Database::fresh("queries_pipelined").await?;
    let client = db.connect().await?;
    client.batch_execute("create table t (n int primary key)").await?;
    let statement = client.prepare("insert into t values ($1)").await?;
    let numbers: Vec<i32> = (0..20).collect();
    let inserts = numbers.iter().map(|n| {
        let (client, statement) = (&client, &statement);
        async move { client.execute(statement, &[n]).await }
    });
    assert_eq!(future::try_join_all(inserts).await?, vec![1; 20]);
    // The one in the middle fails; its neighbours do not.
    let (before, twice, after) = future::join3(
        client.query_one("select count(*) from t", &[]),
        client.execute(&statement, &[&7]),
        client.query_one("select max(n) from t", &[]),
    )
    .await;
    assert_eq!(before?.get::<_, i64>(0), 20);
    assert_eq!(code(&twice.unwrap_err()), Some(SqlState::UNIQUE_VIOLATION));
    assert_eq!(after?.get::<_, i32>(0), 19);
    Ok(())
}

#[tokio::test]
async fn a_row_stream_may_be_dropped_early() -> Result<(), Error> {
    let db = Database::fresh("queries_stream").await?;
    let client = db.connect().await?;
    let no_parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
    {
        let rows = client.query_raw("select n, repeat('x', 100) from generate_series(1, 5000) as n", no_parameters).await?;
        pin_mut!(rows);
        let first = rows.next().await.expect("there are rows")?;
        assert_eq!(first.get::<_, i32>(0), 1);
    }
    let rows = client.query_raw("select n from generate_series(1, 3) as n", no_parameters).await?;
    let read: Vec<i32> = rows.map_ok(|row| row.get::<_, i32>(0)).try_collect().await?;
    assert_eq!(read, [1, 2, 3]);
    Ok(())
}

#[tokio::test]
async fn simple_queries_answer_each_statement() -> Result<(), Error> {
    let db = Database::fresh("queries_simple").await?;
    let client = db.connect().await?;
    let messages = client.simple_query("create table t (a int, b text); insert into t values (1, 'x'), (2, null); select * from t order by a").await?;
    let mut shown = Vec::new();
    for message in &messages {
        match message {
            SimpleQueryMessage::CommandComplete(count) => shown.push(format!("complete {count}")),
            SimpleQueryMessage::Row(row) => {
                shown.push(format!("{} {}", row.get(0).unwrap_or("-"), row.get("b").unwrap_or("-")));
            }
            SimpleQueryMessage::RowDescription(columns) => shown.push(format!("{} columns", columns.len())),
            _ => shown.push("?".into()),
        }
    }
    assert_eq!(shown, ["complete 0", "complete 2", "2 columns", "1 x", "2 -", "complete 2"]);
    Ok(())
}

#[tokio::test]
async fn errors_carry_code_constraint_and_place() -> Result<(), Error> {
    let db = Database::fresh("queries_errors").await?;
    let client = db.connect().await?;
    client
        .batch_execute(
            "create table parent (id int primary key);
             create table child (
                id int primary key, parent int constraint child_parent references parent,
                n int not null, m int constraint m_positive check (m > 0))",
        )
        .await?;
    let mut seen = Vec::new();
    for sql in [
        "insert into child values (1, 9, 1, 1)",
        "insert into child values (1, null, null, 1)",
        "insert into child values (1, null, 1, -1)",
        "insert into parent values (1), (1)",
        "select * from nowhere",
        "select nothing from child",
        "selec 1",
        "select 1/0",
        "select 'x'::int",
        "select no_such(1)",
        "select id, count(*) from child",
    ] {
        let error = client.query(sql, &[]).await.expect_err(sql);
        let error = error.as_db_error().expect(sql);
        let position = match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => at.to_string(),
            _ => "-".into(),
        };
        seen.push(format!(
            "{} {} {} {} {position}",
            error.code().code(),
            error.table().unwrap_or("-"),
            error.column().unwrap_or("-"),
            error.constraint().unwrap_or("-")
        ));
    }
    assert_eq!(
        seen,
        [
            "23503 child - child_parent -",
            "23502 child n - -",
            "23514 child - m_positive -",
            "23505 parent - parent_pkey -",
            "42P01 - - - 15",
            "42703 - - - 8",
            "42601 - - - 1",
            "22012 - - - -",
            "22P02 - - - 8",
            "42883 - - - 8",
            "42803 - - - 8",
        ]
    );
    Ok(())
}
