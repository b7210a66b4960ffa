//! Values in the binary format, both ways.

mod database;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use database::Database;
use postgres_types::{FromSql, Json, ToSql};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::net::IpAddr;
use std::str::FromStr;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

/// Sends values as a type, and reads them back as binary and as text.
async fn round_trip<T>(client: &Client, sql_type: &str, values: &[(T, &str)]) -> Result<(), Error>
where
    T: ToSql + Sync + PartialEq + Debug + for<'a> FromSql<'a>,
{
    let statement = client.prepare(&format!("select $1::{sql_type}, $1::{sql_type}::text")).await?;
    for (value, text) in values {
        let row = client.query_one(&statement, &[value]).await?;
        assert_eq!(row.get::<_, T>(0), *value, "{sql_type}");
        assert_eq!(row.get::<_, &str>(1), *text, "{sql_type}");
    }
    let null = client.query_one(&statement, &[&None::<T>]).await?;
    assert_eq!(null.get::<_, Option<T>>(0), None, "{sql_type}");
    Ok(())
}

#[tokio::test]
async fn numbers_and_text() -> Result<(), Error> {
    let client = Database::fresh("types_numbers").await?.connect().await?;
    round_trip(&client, "bool", &[(true, "true"), (false, "false")]).await?;
    round_trip(&client, "int2", &[(0_i16, "0"), (i16::MIN, "-32768")]).await?;
    round_trip(&client, "int4", &[(1_i32, "1"), (i32::MAX, "2147483647")]).await?;
    round_trip(&client, "int8", &[(-1_i64, "-1"), (i64::MIN, "-9223372036854775808")]).await?;
    round_trip(&client, "float4", &[(1.5_f32, "1.5"), (f32::INFINITY, "Infinity")]).await?;
    round_trip(&client, "float8", &[(0.1_f64, "0.1"), (1e300, "1e+300"), (-0.0, "-0")]).await?;
    round_trip(&client, "text", &[(String::new(), ""), ("héllo\n\"q\"".into(), "héllo\n\"q\"")]).await?;
    round_trip(&client, "varchar(5)", &[("abc".to_owned(), "abc")]).await?;
    round_trip(&client, "bytea", &[(vec![0_u8, 255, 16], "\\x00ff10"), (Vec::new(), "\\x")]).await?;
    round_trip(&client, "oid", &[(16_384_u32, "16384")]).await
}

#[tokio::test]
async fn decimals() -> Result<(), Error> {
    let client = Database::fresh("types_decimals").await?.connect().await?;
    let decimal = |text: &str| Decimal::from_str(text).expect("a decimal");
    let values = ["0", "1", "-1", "0.1", "-0.00001", "12345678901234567890.123456789", "100000000", "0.0010", "99999.9999"];
    let values: Vec<_> = values.iter().map(|text| (decimal(text), *text)).collect();
    round_trip(&client, "numeric", &values).await?;
    let row = client.query_one("select sum(n), avg(n), 1::numeric / 3 from unnest($1::numeric[]) as n", &[&vec![decimal("1.5"), decimal("2.25")]]).await?;
    assert_eq!(row.get::<_, Decimal>(0), decimal("3.75"));
    assert_eq!(row.get::<_, Decimal>(1), decimal("1.8750000000000000"));
    assert_eq!(row.get::<_, Decimal>(2), decimal("0.33333333333333333333"));
    Ok(())
}

#[tokio::test]
async fn dates_and_times() -> Result<(), Error> {
    let client = Database::fresh("types_dates").await?.connect().await?;
    client.batch_execute("set timezone = 'UTC'").await?;
    let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
    round_trip(&client, "date", &[(date(2024, 2, 29), "2024-02-29"), (date(1970, 1, 1), "1970-01-01"), (date(1, 1, 1), "0001-01-01")]).await?;
    let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).expect("a time");
    round_trip(&client, "time", &[(time, "23:59:59.999999"), (NaiveTime::MIN, "00:00:00")]).await?;
    let moment = date(2024, 5, 6).and_hms_micro_opt(7, 8, 9, 120).expect("a time");
    round_trip::<NaiveDateTime>(&client, "timestamp", &[(moment, "2024-05-06 07:08:09.00012")]).await?;
    round_trip::<DateTime<Utc>>(&client, "timestamptz", &[(moment.and_utc(), "2024-05-06 07:08:09.00012+00")]).await?;
    let row = client.query_one("select now() - now() = interval '0', (now() at time zone 'UTC')::date = current_date", &[]).await?;
    assert!(row.get::<_, bool>(0) && row.get::<_, bool>(1));
    Ok(())
}

#[tokio::test]
async fn uuids_json_and_addresses() -> Result<(), Error> {
    let client = Database::fresh("types_uuids").await?.connect().await?;
    let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    round_trip(&client, "uuid", &[(id, "01234567-89ab-cdef-0123-456789abcdef")]).await?;
    let value = json!({"b": [1, 2.5, null, true], "a": "x\"y", "nested": {"k": "v"}});
    round_trip::<Value>(&client, "jsonb", &[(value.clone(), r#"{"a": "x\"y", "b": [1, 2.5, null, true], "nested": {"k": "v"}}"#), (json!(null), "null")]).await?;
    round_trip::<Value>(&client, "json", &[(json!([1, "two"]), r#"[1,"two"]"#)]).await?;
    let row = client.query_one("select $1::jsonb -> 'b' ->> 1, $1::jsonb @> '{\"a\": \"x\\\"y\"}', jsonb_array_length($1::jsonb -> 'b')", &[&Json(&value)]).await?;
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("2.5", true, 4_i32));
    let address: IpAddr = "192.168.0.1".parse().expect("an address");
    round_trip(&client, "inet", &[(address, "192.168.0.1/32"), ("::1".parse().expect("an address"), "::1/128")]).await?;
    let made: Uuid = client.query_one("select gen_random_uuid()", &[]).await?.get(0);
    assert_eq!(made.get_version_num(), 4);
    Ok(())
}

#[tokio::test]
async fn arrays() -> Result<(), Error> {
    let client = Database::fresh("types_arrays").await?.connect().await?;
    round_trip(&client, "int4[]", &[(vec![1, 2, 3], "{1,2,3}"), (Vec::<i32>::new(), "{}")]).await?;
    round_trip(&client, "text[]", &[(vec![Some("a b".to_owned()), None, Some(String::new())], "{\"a b\",NULL,\"\"}")]).await?;
    let rows = client.query("select n from unnest($1::int8[]) as n where n <> all($2) order by n desc", &[&vec![1_i64, 5, 9], &vec![5_i64]]).await?;
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [9, 1]);
    Ok(())
}

#[derive(Debug, PartialEq, ToSql, FromSql, Clone, Copy)]
#[postgres(name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Ok,
    Happy,
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[postgres(name = "place")]
struct Place {
    street: String,
    number: i32,
    mood: Option<Mood>,
}

#[tokio::test]
async fn enums_domains_and_composites() -> Result<(), Error> {
    let client = Database::fresh("types_enums").await?.connect().await?;
    client
        .batch_execute(
            "create type mood as enum ('sad', 'ok', 'happy');
             create type place as (street text, number int, mood mood);
             create domain positive as int check (value > 0);
             create table person (name text, current mood not null, history mood[], home place, age positive)",
        )
        .await?;
    let home = Place { street: "Main".into(), number: 5, mood: Some(Mood::Ok) };
    client
        .execute(
            "insert into person values ($1, $2, $3, $4, 30)",
            &[&"ann", &Mood::Happy, &vec![Mood::Sad, Mood::Ok], &home],
        )
        .await?;
    client.execute("insert into person values ('bob', 'sad', null, row('Side', 1, null), 1)", &[]).await?;
    let row = client.query_one("select * from person where current > $1", &[&Mood::Ok]).await?;
    assert_eq!(row.get::<_, Mood>("current"), Mood::Happy);
    assert_eq!(row.get::<_, Vec<Mood>>("history"), [Mood::Sad, Mood::Ok]);
    assert_eq!(row.get::<_, Place>("home"), home);
    let order = client.query("select current from person order by current", &[]).await?;
    assert_eq!(order.iter().map(|row| row.get(0)).collect::<Vec<Mood>>(), [Mood::Sad, Mood::Happy]);
    let bad = client.execute("insert into person values ('x', 'ok', null, null, 0)", &[]).await.unwrap_err();
    assert_eq!(bad.code().map(|code| code.code()), Some("23514"));
    Ok(())
}
