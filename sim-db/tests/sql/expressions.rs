use super::{Database, check};

fn value(sql: &str, answer: &str) {
    check(&[(sql, answer)]);
}

#[test]
fn integers_overflow_and_divide_as_the_server_does() {
    value("SELECT 2147483647 + 1", "22003: integer out of range");
    value("SELECT -7 / 2, -7 % 3", "-3|-1");
    value("SELECT 1 / 0", "22012: division by zero");
    value("SELECT (-32768)::int2 / (-1)::int2", "22003: smallint out of range");
}

#[test]
fn numerics_keep_the_servers_scale() {
    value("SELECT 1.0 / 3, 7.0 / 2, 2.50 * 2, 1 - 0.9", "0.33333333333333333333|3.5000000000000000|5.00|0.1");
    value(
        "SELECT sqrt(2::numeric), 2::numeric ^ 10, ln(2::numeric)",
        "1.414213562373095|1024.0000000000000000|0.6931471805599453",
    );
    value("SELECT 12.345::numeric(4,1), 99.99::numeric(3,1)", "22003: numeric field overflow");
}

#[test]
fn floats_are_written_in_their_shortest_form() {
    value(
        "SELECT 0.1::float8 + 0.2, 1e15::float8, 123456.7::real, 1e-5::float8",
        "0.30000000000000004|1e+15|123456.7|1e-05",
    );
}

#[test]
fn literals_take_the_type_of_their_company() {
    value(
        "SELECT pg_typeof('1'), pg_typeof(1 + '1'), pg_typeof('a' || 'b'), pg_typeof(1 + 1.5)",
        "unknown|integer|text|numeric",
    );
    value("SELECT 1 = 'x'", "22P02: invalid input syntax for type integer: \"x\"");
    value("SELECT true + 1", "42883: operator does not exist: boolean + integer");
}

#[test]
fn parameters_take_the_type_that_is_asked_of_them() {
    let mut database = Database::new();
    database.run("CREATE TABLE t (a int, b text[], c timestamptz)");
    assert_eq!(
        database.parameters("SELECT * FROM t WHERE a = $1 AND b && $2 AND c < $3 LIMIT $4"),
        [23, 1009, 1184, 20]
    );
    assert_eq!(database.parameters("INSERT INTO t VALUES ($1, $2, $3)"), [23, 1009, 1184]);
    assert_eq!(database.parameters("SELECT $1 + 1, coalesce($2, 'x'), $3 = ANY (ARRAY[1])"), [23, 25, 23]);
}

#[test]
fn columns_are_named_after_what_makes_them() {
    let mut database = Database::new();
    let names = database.names("SELECT 1, 'a'::text, now(), CASE WHEN true THEN 1 END, (SELECT 2 AS two), ARRAY[1], count(*), 1::int4");
    assert_eq!(names, "?column?,text,now,case,two,array,count,int4");
}

#[test]
fn nulls_follow_three_valued_logic() {
    value(
        "SELECT NULL AND false, NULL OR true, NOT NULL::bool, 2 IN (1, NULL), 2 NOT IN (1, NULL)",
        "f|t|∅|∅|∅",
    );
    value("SELECT NULL IS DISTINCT FROM 1, row(NULL, NULL) IS NULL, row(1, NULL) IS NOT NULL", "t|t|f");
}

#[test]
fn dates_are_counted_on_the_calendar() {
    value(
        "SELECT date '2024-01-31' + interval '1 month', date '2024-03-01' - date '2024-02-28'",
        "2024-02-29 00:00:00|2",
    );
    value("SELECT '2024-02-30'::date", "22008: date/time field value out of range: \"2024-02-30\"");
    value("SELECT timestamptz '2024-07-01 12:00+00' AT TIME ZONE 'Europe/Berlin'", "2024-07-01 14:00:00");
    value(
        "SELECT extract(week FROM date '2021-01-03'), date_trunc('quarter', timestamp '2024-05-06')",
        "53|2024-04-01 00:00:00",
    );
    value(
        "SELECT to_char(timestamp '2024-05-06 07:08:09', 'FMDay DD.MM.YY HH12:MI AM')",
        "Monday 06.05.24 07:08 AM",
    );
}

#[test]
fn json_is_taken_apart_and_put_together() {
    value("SELECT '{\"b\": [1, {\"c\": null}], \"a\": 2}'::jsonb -> 'b' ->> 1", "{\"c\": null}");
    value(
        "SELECT '{\"a\": {\"b\": 1}}'::jsonb @> '{\"a\": {}}', jsonb_set('{\"a\": 1}', '{b}', '2')",
        "t|{\"a\": 1, \"b\": 2}",
    );
    value(
        "SELECT jsonb_build_object('x', ARRAY[1, 2], 'y', NULL), '[1,2]'::jsonb || '3'",
        "{\"x\": [1, 2], \"y\": null}|[1, 2, 3]",
    );
    value("SELECT '{bad}'::json", "22P02: invalid input syntax for type json");
}

#[test]
fn arrays_have_bounds_and_slices() {
    value(
        "SELECT (ARRAY[1,2,3])[2:], (ARRAY[1,2])[5], array_length(ARRAY[[1],[2]], 1), ARRAY[1] || ARRAY[2]",
        "{2,3}|∅|2|{1,2}",
    );
    value("SELECT '{a,\"b c\",NULL}'::text[], '[2:3]={1,2}'::int[]", "{a,\"b c\",NULL}|[2:3]={1,2}");
}

#[test]
fn an_address_cast_to_text_shows_its_prefix() {
    value(
        "SELECT '10.0.0.1'::inet, '10.0.0.1'::inet::text, '10.0.0.0/8'::inet::text",
        "10.0.0.1|10.0.0.1/32|10.0.0.0/8",
    );
    value("SELECT '::1'::inet::varchar", "::1/128");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    value("SELECT 5::bit", "0A000: type bit is not supported");
    value("DO $$ BEGIN END $$", "0A000: DO is not supported");
    value(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "0A000: CREATE FUNCTION is not supported",
    );
}
