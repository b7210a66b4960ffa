//! diesel-async: the query builder over tokio-postgres.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

diesel::table! {
    author (id) {
        id -> Int4,
        name -> Text,
    }
}

diesel::table! {
    book (id) {
        id -> Int4,
        author_id -> Int4,
        title -> Text,
        pages -> Nullable<Int4>,
        tags -> Array<Text>,
        sold -> Int8,
    }
}

diesel::joinable!(book -> author (author_id));
diesel::allow_tables_to_appear_in_same_query!(author, book);

#[derive(Debug, Queryable, Selectable, Identifiable, PartialEq)]
#[diesel(table_name = author, check_for_backend(diesel::pg::Pg))]
struct Author {
    id: i32,
    name: String,
}

#[derive(Debug, Queryable, Selectable, Identifiable, Associations, PartialEq)]
#[diesel(table_name = book, belongs_to(Author), check_for_backend(diesel::pg::Pg))]
struct Book {
    id: i32,
    author_id: i32,
    title: String,
    pages: Option<i32>,
    tags: Vec<String>,
    sold: i64,
}

#[derive(Insertable)]
#[diesel(table_name = book)]
struct NewBook<'a> {
    author_id: i32,
    title: &'a str,
    pages: Option<i32>,
    tags: Vec<&'a str>,
}

async fn library(schema: &str) -> AsyncPgConnection {
    let mut connection = AsyncPgConnection::establish(&support::url(schema)).await.expect("the server is there");
    connection.batch_execute(&support::fresh(schema)).await.expect("a schema");
    connection
        .batch_execute(
            "create table author (id serial primary key, name text not null unique);
             create table book (
                id serial primary key, author_id int not null references author, title text not null,
                pages int, tags text[] not null default '{}', sold bigint not null default 0)",
        )
        .await
        .expect("tables");
    diesel::insert_into(author::table)
        .values([author::name.eq("Ada"), author::name.eq("Bo")])
        .execute(&mut connection)
        .await
        .expect("authors");
    connection
}

#[tokio::test]
async fn rows_are_written_read_and_joined() -> QueryResult<()> {
    let mut connection = library("diesel_rows").await;
    let books = [
        NewBook { author_id: 1, title: "Engines", pages: Some(120), tags: vec!["old", "math"] },
        NewBook { author_id: 1, title: "Notes", pages: None, tags: vec![] },
        NewBook { author_id: 2, title: "Boats", pages: Some(80), tags: vec!["sea"] },
    ];
    let written: Vec<Book> =
        diesel::insert_into(book::table).values(&books).returning(Book::as_returning()).get_results(&mut connection).await?;
    assert_eq!(written.iter().map(|book| book.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(written[0].tags, ["old", "math"]);

    let long: Vec<(String, Option<i32>)> = book::table
        .inner_join(author::table)
        .filter(book::pages.gt(100).or(book::tags.contains(vec!["sea"])))
        .order((author::name.desc(), book::id))
        .select((author::name, book::pages))
        .load(&mut connection)
        .await?;
    assert_eq!(long, [("Bo".to_owned(), Some(80)), ("Ada".to_owned(), Some(120))]);

    let ada: Author = author::table.filter(author::name.eq("Ada")).select(Author::as_select()).first(&mut connection).await?;
    let of_ada: Vec<Book> = Book::belonging_to(&ada).select(Book::as_select()).order(book::title).load(&mut connection).await?;
    assert_eq!(of_ada.iter().map(|book| book.title.as_str()).collect::<Vec<_>>(), ["Engines", "Notes"]);

    let counts: Vec<(String, i64)> = author::table
        .inner_join(book::table)
        .group_by(author::name)
        .select((author::name, diesel::dsl::count(book::id)))
        .order(author::name)
        .load(&mut connection)
        .await?;
    assert_eq!(counts, [("Ada".to_owned(), 2), ("Bo".to_owned(), 1)]);

    let changed = diesel::update(book::table.filter(book::author_id.eq(1)))
        .set((book::sold.eq(book::sold + 5), book::pages.eq(None::<i32>)))
        .execute(&mut connection)
        .await?;
    assert_eq!(changed, 2);
    let gone: String = diesel::delete(book::table.find(3)).returning(book::title).get_result(&mut connection).await?;
    assert_eq!(gone, "Boats");
    assert_eq!(book::table.find(3).select(book::id).first::<i32>(&mut connection).await.optional()?, None);
    Ok(())
}

#[tokio::test]
async fn errors_have_their_kind() -> QueryResult<()> {
    let mut connection = library("diesel_errors").await;
    let twice = diesel::insert_into(author::table).values(author::name.eq("Ada")).execute(&mut connection).await;
    match twice {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information)) => {
            assert_eq!(information.constraint_name(), Some("author_name_key"));
        }
        other => panic!("{other:?}"),
    }
    let orphan = diesel::insert_into(book::table)
        .values((book::author_id.eq(99), book::title.eq("x")))
        .execute(&mut connection)
        .await;
    assert!(matches!(orphan, Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))));
    Ok(())
}

#[tokio::test]
async fn upserts_count_on() -> QueryResult<()> {
    let mut connection = library("diesel_upsert").await;
    for _ in 0..2 {
        diesel::insert_into(author::table)
            .values((author::id.eq(1), author::name.eq("Ada L.")))
            .on_conflict(author::id)
            .do_update()
            .set(author::name.eq(diesel::upsert::excluded(author::name)))
            .execute(&mut connection)
            .await?;
    }
    let ignored =
        diesel::insert_into(author::table).values(author::name.eq("Bo")).on_conflict_do_nothing().execute(&mut connection).await?;
    assert_eq!(ignored, 0);
    let names: Vec<String> = author::table.order(author::id).select(author::name).load(&mut connection).await?;
    assert_eq!(names, ["Ada L.", "Bo"]);
    Ok(())
}

#[tokio::test]
async fn transactions_nest_and_roll_back() -> QueryResult<()> {
    let mut connection = library("diesel_transactions").await;
    connection
        .transaction::<_, Error, _>(async |connection| {
            diesel::insert_into(author::table).values(author::name.eq("Cy")).execute(connection).await?;
            let inner = connection
                .transaction::<(), Error, _>(async |connection| {
                    diesel::insert_into(author::table).values(author::name.eq("Di")).execute(connection).await?;
                    Err(Error::RollbackTransaction)
                })
                .await;
            assert_eq!(inner, Err(Error::RollbackTransaction));
            Ok(())
        })
        .await?;
    let serializable = connection
        .build_transaction()
        .serializable()
        .run(async |connection| author::table.count().get_result::<i64>(connection).await)
        .await?;
    assert_eq!(serializable, 3);
    Ok(())
}

#[tokio::test]
async fn a_pool_hands_out_connections() -> Result<(), Box<dyn std::error::Error>> {
    let schema = "diesel_pool";
    drop(library(schema).await);
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(support::url(schema));
    let pool = Pool::builder(manager).max_size(2).build()?;
    let mut tasks = Vec::new();
    for n in 0..6 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            let mut connection = pool.get().await.expect("a connection");
            diesel::insert_into(author::table)
                .values(author::name.eq(format!("author {n}")))
                .execute(&mut connection)
                .await
                .expect("an insert")
        }));
    }
    for task in tasks {
        assert_eq!(task.await?, 1);
    }
    let mut connection = pool.get().await?;
    assert_eq!(author::table.count().get_result::<i64>(&mut connection).await?, 8);
    Ok(())
}
