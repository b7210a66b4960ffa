//! COPY in and out, as text and binary.

mod database;

use bytes::{Bytes, BytesMut};
use database::{Database, code};
use futures_util::{SinkExt, TryStreamExt, pin_mut};
use tokio_postgres::Error;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

async fn text(client: &tokio_postgres::Client, sql: &str) -> Result<String, Error> {
    let stream = client.copy_out(sql).await?;
    let bytes: BytesMut = stream.try_fold(BytesMut::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    }).await?;
    Ok(String::from_utf8(bytes.to_vec()).expect("COPY as text is text"))
}

#[tokio::test]
async fn text_goes_in_and_out() -> Result<(), Error> {
    let db = Database::fresh("copy_text").await?;
    let client = db.connect().await?;
    client.batch_execute("create table t (id int primary key, name text, price numeric(8, 2))").await?;
    let sink = client.copy_in("copy t from stdin").await?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(b"1\tpen\t2.50\n2\ttab\\")).await?;
    sink.send(Bytes::from_static(b"there\t\\N\n")).await?;
    assert_eq!(sink.finish().await?, 2);
    assert_eq!(text(&client, "copy t to stdout").await?, "1\tpen\t2.50\n2\ttab\\there\t\\N\n");
    assert_eq!(
        text(&client, "copy (select id, name from t order by id desc) to stdout (format csv, header)").await?,
        "id,name\n2,tab\there\n1,pen\n"
    );
    Ok(())
}

#[tokio::test]
async fn a_bad_line_undoes_all() -> Result<(), Error> {
    let db = Database::fresh("copy_bad").await?;
    let client = db.connect().await?;
    client.batch_execute("create table t (id int primary key)").await?;
    let sink = client.copy_in("copy t from stdin").await?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(b"1\n2\nx\n")).await?;
    let bad = sink.finish().await.unwrap_err();
    assert_eq!(code(&bad), Some(SqlState::INVALID_TEXT_REPRESENTATION));
    {
        // Dropped before it is finished: aborted.
        let sink = client.copy_in::<_, Bytes>("copy t from stdin").await?;
        pin_mut!(sink);
        sink.send(Bytes::from_static(b"1\n")).await?;
    }
    assert_eq!(client.query_one("select count(*) from t", &[]).await?.get::<_, i64>(0), 0);
    Ok(())
}

#[tokio::test]
async fn binary_goes_in_and_out() -> Result<(), Error> {
    let db = Database::fresh("copy_binary").await?;
    let client = db.connect().await?;
    client.batch_execute("create table t (id bigint, name text, ok bool)").await?;
    let types = [Type::INT8, Type::TEXT, Type::BOOL];
    let writer = BinaryCopyInWriter::new(client.copy_in("copy t from stdin (format binary)").await?, &types);
    pin_mut!(writer);
    for n in 0..500_i64 {
        let name = (n % 3 != 0).then(|| format!("name {n}"));
        writer.as_mut().write(&[&n, &name, &(n % 2 == 0)]).await?;
    }
    assert_eq!(writer.finish().await?, 500);
    let stream = client.copy_out("copy (select * from t order by id) to stdout (format binary)").await?;
    let rows: Vec<_> = BinaryCopyOutStream::new(stream, &types).try_collect().await?;
    assert_eq!(rows.len(), 500);
    assert_eq!(rows[7].get::<i64>(0), 7);
    assert_eq!(rows[7].get::<Option<&str>>(1), Some("name 7"));
    assert_eq!(rows[9].get::<Option<&str>>(1), None);
    assert!(!rows[7].get::<bool>(2));
    Ok(())
}
