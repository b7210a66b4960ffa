//! The session loop over an in-memory stream, polled by hand. The transcripts were read off a real server.

#[path = "../examples/differential/world.rs"]
#[allow(dead_code)]
mod world;

use std::time::Duration;

use sim_db::wire::Authentication;
use world::{Client, World};

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', format!("{sql}\0").as_bytes())
}

fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
}

/// Text parameters, results in text.
fn bind(portal: &str, statement: &str, parameters: &[&str]) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0").into_bytes();
    body.extend_from_slice(&u16::try_from(parameters.len()).unwrap().to_be_bytes());
    for parameter in parameters {
        body.extend_from_slice(&u32::try_from(parameter.len()).unwrap().to_be_bytes());
        body.extend_from_slice(parameter.as_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    message(b'B', &body)
}

fn describe(kind: char, name: &str) -> Vec<u8> {
    message(b'D', format!("{kind}{name}\0").as_bytes())
}

fn close(kind: char, name: &str) -> Vec<u8> {
    message(b'C', format!("{kind}{name}\0").as_bytes())
}

fn execute(portal: &str, max_rows: u8) -> Vec<u8> {
    let mut body = format!("{portal}\0\0\0\0").into_bytes();
    body.push(max_rows);
    message(b'E', &body)
}

fn sync() -> Vec<u8> {
    message(b'S', b"")
}

fn copy_data(data: &str) -> Vec<u8> {
    message(b'd', data.as_bytes())
}

fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    body.push(0);
    let mut bytes = u32::try_from(body.len() + 4).unwrap().to_be_bytes().to_vec();
    bytes.append(&mut body);
    bytes
}

/// What the server sent, a word a message: `C(SELECT 1)`, `D(1,NULL)`, `E(22012)`, `Z(I)`; `closed` at the end.
fn transcript(bytes: &[u8], closed: bool) -> String {
    let mut words = Vec::new();
    let mut rest = bytes;
    while let [tag, after @ ..] = rest {
        let length = u32::from_be_bytes(after[..4].try_into().unwrap()) as usize;
        let body = &after[4..length];
        rest = &after[length..];
        let shown = match tag {
            b'Z' | b'C' | b'd' => {
                Some(String::from_utf8_lossy(body).trim_end_matches('\0').replace(['\t', '\n'], "|"))
            }
            b'D' => Some(row(&body[2..])),
            b'E' | b'N' => {
                let code = body.split(|b| *b == 0).find(|field| field.first() == Some(&b'C')).unwrap();
                Some(String::from_utf8_lossy(&code[1..]).into_owned())
            }
            b'S' => {
                let mut parts = body.split(|b| *b == 0).map(String::from_utf8_lossy);
                Some(format!("{}={}", parts.next().unwrap(), parts.next().unwrap()))
            }
            b'A' => Some(String::from_utf8_lossy(&body[4..]).trim_end_matches('\0').replace('\0', ":")),
            b't' => {
                let oids = body[2..].chunks(4).map(|b| u32::from_be_bytes(b.try_into().unwrap()).to_string());
                Some(oids.collect::<Vec<_>>().join(","))
            }
            _ => None,
        };
        let letter = char::from(*tag);
        words.push(shown.map_or(letter.to_string(), |shown| format!("{letter}({shown})")));
    }
    if closed {
        words.push("closed".to_owned());
    }
    words.join(" ")
}

fn row(mut rest: &[u8]) -> String {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        fields.push(match usize::try_from(length) {
            Err(_) => "NULL".to_owned(),
            Ok(length) => {
                let (field, after) = rest.split_at(length);
                rest = after;
                String::from_utf8_lossy(field).into_owned()
            }
        });
    }
    fields.join(",")
}

fn connect(world: &World) -> Client {
    let mut client = world.connect(1 << 20);
    client.send(&startup(&[("user", "app"), ("database", "d")]));
    world.settle();
    client.receive();
    client
}

fn exchange(world: &World, client: &mut Client, messages: &[Vec<u8>]) -> String {
    client.send(&messages.concat());
    world.settle();
    let (bytes, closed) = client.receive();
    transcript(&bytes, closed)
}

/// One session: `setup`, then the messages all at once, against the transcript.
fn check(setup: &str, messages: &[Vec<u8>], expected: &str) {
    let world = World::new(Authentication::Trust);
    let mut client = connect(&world);
    if !setup.is_empty() {
        let done = exchange(&world, &mut client, &[query(setup)]);
        assert!(done.ends_with("Z(I)") && !done.contains("E("), "{setup}: {done}");
    }
    assert_eq!(exchange(&world, &mut client, messages), expected);
}

#[test]
fn a_start_up_is_greeted_with_parameters_and_a_cancel_key() {
    let world = World::new(Authentication::Trust);
    let mut client = world.connect(1 << 20);
    client.send(&startup(&[
        ("user", "app"),
        ("application_name", "x"),
        ("options", "-c TimeZone=Europe/Berlin"),
    ]));
    world.settle();
    let (bytes, closed) = client.receive();
    assert_eq!(
        transcript(&bytes, closed),
        "R S(application_name=x) S(client_encoding=UTF8) S(DateStyle=ISO, MDY) \
         S(default_transaction_read_only=off) S(in_hot_standby=off) S(integer_datetimes=on) \
         S(IntervalStyle=postgres) S(is_superuser=on) S(server_encoding=UTF8) S(server_version=15.18) \
         S(session_authorization=app) S(standard_conforming_strings=on) S(TimeZone=Europe/Berlin) K Z(I)"
    );
}

#[test]
fn an_unknown_setting_refuses_the_session() {
    let world = World::new(Authentication::Trust);
    let mut client = world.connect(1 << 20);
    client.send(&startup(&[("user", "app"), ("nope", "1")]));
    world.settle();
    let (bytes, closed) = client.receive();
    assert_eq!(transcript(&bytes, closed), "R E(42704) closed");
}

#[test]
fn encryption_is_declined_with_one_byte() {
    let world = World::new(Authentication::Trust);
    let mut client = world.connect(1 << 20);
    client.send(&[0, 0, 0, 8, 4, 210, 22, 47]);
    world.settle();
    assert_eq!(client.receive(), (b"N".to_vec(), false));
}

#[test]
fn a_simple_query_answers_each_statement() {
    check("", &[query("SELECT 1; SELECT 2")], "T D(1) C(SELECT 1) T D(2) C(SELECT 1) Z(I)");
    check("", &[query("")], "I Z(I)");
    check("", &[query("COMMIT")], "N(25P01) C(COMMIT) Z(I)");
    check("", &[query("SELECT 1; BEGIN; SELECT 2")], "T D(1) C(SELECT 1) C(BEGIN) T D(2) C(SELECT 1) Z(T)");
}

#[test]
fn several_statements_are_one_transaction_cut_by_their_own_commit() {
    let setup = "CREATE TABLE t (a int PRIMARY KEY)";
    let failing = query("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); SELECT nosuch");
    let expected = "C(INSERT 0 1) N(25P01) C(COMMIT) C(INSERT 0 1) E(42703) Z(I) T D(1) C(SELECT 1) Z(I)";
    check(setup, &[failing, query("SELECT a FROM t")], expected);
}

#[test]
fn a_deferred_constraint_that_fails_suppresses_the_tag_of_a_simple_query_only() {
    let setup = "CREATE TABLE z (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    check(setup, &[query("INSERT INTO z VALUES (1), (1)")], "E(23505) Z(I)");
    let extended = [parse("", "INSERT INTO z VALUES (1), (1)"), bind("", "", &[]), execute("", 0), sync()];
    check(setup, &extended, "1 2 C(INSERT 0 2) E(23505) Z(I)");
}

#[test]
fn an_extended_error_skips_to_sync() {
    let messages = [
        parse("", "SELECT 1/0"),
        bind("", "", &[]),
        execute("", 0),
        parse("", "SELECT 2"),
        sync(),
        query("SELECT 3"),
    ];
    check("", &messages, "1 2 E(22012) Z(I) T D(3) C(SELECT 1) Z(I)");
}

#[test]
fn a_portal_is_run_by_portions() {
    let messages = [
        parse("s", "SELECT generate_series(1, 5)"),
        bind("p", "s", &[]),
        execute("p", 2),
        execute("p", 2),
        execute("p", 2),
        execute("p", 2),
        describe('P', "p"),
        sync(),
        execute("p", 0),
        sync(),
    ];
    let expected = "1 2 D(1) D(2) s D(3) D(4) s D(5) C(SELECT 1) C(SELECT 0) T Z(I) E(34000) Z(I)";
    check("", &messages, expected);
}

#[test]
fn rows_of_a_write_are_portioned_but_the_write_is_whole() {
    let messages = [
        parse("s", "INSERT INTO z VALUES (1), (2), (3) RETURNING a"),
        bind("p", "s", &[]),
        execute("p", 2),
        execute("p", 2),
        execute("p", 2),
        sync(),
    ];
    check("CREATE TABLE z (a int)", &messages, "1 2 D(1) D(2) s D(3) C(INSERT 0 1) C(INSERT 0 0) Z(I)");
}

#[test]
fn a_statement_without_rows_runs_once_a_portal() {
    let messages = [parse("s", "BEGIN"), bind("p", "s", &[]), execute("p", 0), execute("p", 0), sync()];
    check("", &messages, "1 2 C(BEGIN) E(55000) Z(E)");
}

#[test]
fn an_empty_statement_is_described_and_answered() {
    let messages =
        [parse("", ""), bind("", "", &[]), describe('S', ""), describe('P', ""), execute("", 0), sync()];
    check("", &messages, "1 2 t() n n I Z(I)");
}

#[test]
fn statements_describe_their_parameters_and_columns() {
    let messages = [parse("s", "SELECT $1::int4 + 1, $2::text"), describe('S', "s"), sync()];
    check("", &messages, "1 t(23,25) T Z(I)");
}

#[test]
fn names_that_are_missing_or_taken_are_errors() {
    check("", &[describe('S', "x"), sync()], "E(26000) Z(I)");
    check("", &[describe('P', "x"), sync()], "E(34000) Z(I)");
    check("", &[execute("x", 0), sync()], "E(34000) Z(I)");
    check("", &[bind("", "", &[]), sync()], "E(26000) Z(I)");
    check("", &[close('S', "x"), close('P', "x"), sync()], "3 3 Z(I)");
    check("", &[parse("s", "SELECT 1"), parse("s", "SELECT 1"), sync()], "1 E(42P05) Z(I)");
    check(
        "",
        &[parse("s", "SELECT 1"), bind("p", "s", &[]), bind("p", "s", &[]), sync()],
        "1 2 E(42P03) Z(I)",
    );
    check("", &[parse("s", "SELECT $1::int4"), bind("", "s", &[]), sync()], "1 E(08P01) Z(I)");
    check("", &[parse("", "SELECT 1; SELECT 2"), sync()], "E(42601) Z(I)");
}

#[test]
fn a_failed_transaction_lets_only_its_end_through() {
    let messages = [
        query("BEGIN"),
        parse("s", "SELECT 1"),
        sync(),
        query("SELECT nosuch"),
        describe('S', "s"),
        sync(),
        bind("", "s", &[]),
        sync(),
        parse("", "ROLLBACK"),
        describe('S', ""),
        bind("", "", &[]),
        execute("", 0),
        sync(),
    ];
    let expected =
        "C(BEGIN) Z(T) 1 Z(T) E(42703) Z(E) E(25P02) Z(E) E(25P02) Z(E) 1 t() n 2 C(ROLLBACK) Z(I)";
    check("", &messages, expected);
}

#[test]
fn changed_settings_are_told_before_ready() {
    let set = query("SET application_name = 'x'; SET timezone = 'Europe/Berlin'; SET datestyle = 'german'");
    let expected =
        "C(SET) C(SET) C(SET) S(application_name=x) S(DateStyle=German, DMY) S(TimeZone=Europe/Berlin) Z(I)";
    check("", &[set], expected);
    check("", &[query("BEGIN; SET application_name = 'x'; ROLLBACK")], "C(BEGIN) C(SET) C(ROLLBACK) Z(I)");
}

#[test]
fn flush_sends_without_ready() {
    check("", &[parse("s", "SELECT 1"), message(b'H', b"")], "1");
}

#[test]
fn malformed_messages_are_errors_and_the_session_goes_on() {
    check("", &[message(b'Q', b"abc")], "E(08P01) Z(I)");
    check("", &[message(b'P', b"\0select 1\0"), sync()], "E(08P01) Z(I)");
    check(
        "",
        &[message(b'Q', b"select '\xff'\0"), query("SELECT 1")],
        "E(22021) Z(I) T D(1) C(SELECT 1) Z(I)",
    );
}

#[test]
fn what_is_no_protocol_ends_the_session() {
    check("", &[message(b'?', b"")], "E(08P01) closed");
    check("", &[message(b'p', b"x\0")], "E(08P01) closed");
    check("", &[vec![b'Q', 0, 0, 0, 2]], "closed");
    check("", &[message(b'X', b"")], "closed");
}

#[test]
fn copy_takes_and_gives_rows() {
    let setup = "CREATE TABLE z (a int, b text)";
    let messages = [
        query("COPY z FROM STDIN"),
        copy_data("1\tx\n2\t\\N\n3\ty"),
        copy_data("z\n"),
        message(b'c', b""),
        query("COPY z TO STDOUT; COPY z TO STDOUT (FORMAT csv, HEADER)"),
    ];
    let expected = "G C(COPY 3) Z(I) H d(1|x|) d(2|\\N|) d(3|yz|) c C(COPY 3) \
                    H d(a,b|) d(1,x|) d(2,|) d(3,yz|) c C(COPY 3) Z(I)";
    check(setup, &messages, expected);
}

#[test]
fn copy_that_fails_ignores_the_rest_of_its_input() {
    let setup = "CREATE TABLE z (a int, b text)";
    let fail = [query("COPY z FROM STDIN; SELECT 1"), copy_data("1\tx\n"), message(b'f', b"boo\0")];
    check(setup, &fail, "G E(57014) Z(I)");
    let bad =
        [query("COPY z FROM STDIN"), copy_data("1\tx\nq\ty\n"), copy_data("2\tx\n"), message(b'c', b"")];
    check(setup, &bad, "G E(22P02) Z(I)");
    let lost = [query("COPY z FROM STDIN"), query("SELECT 1")];
    check(setup, &lost, "G E(08P01) E(08P01) closed");
}

#[test]
fn copy_in_the_extended_protocol_swallows_a_sync() {
    let messages = [
        parse("", "COPY z FROM STDIN"),
        describe('S', ""),
        bind("", "", &[]),
        execute("", 0),
        sync(),
        copy_data("1\tx\n"),
        message(b'c', b""),
        sync(),
    ];
    check("CREATE TABLE z (a int, b text)", &messages, "1 t() n 2 G C(COPY 1) Z(I)");
}

#[test]
fn notifications_come_to_idle_sessions_at_once() {
    let world = World::new(Authentication::Trust);
    let (mut a, mut b) = (connect(&world), connect(&world));
    assert_eq!(exchange(&world, &mut a, &[query("LISTEN ch")]), "C(LISTEN) Z(I)");
    assert_eq!(exchange(&world, &mut b, &[query("BEGIN; NOTIFY ch, 'hi'")]), "C(BEGIN) C(NOTIFY) Z(T)");
    assert_eq!(exchange(&world, &mut a, &[]), "");
    assert_eq!(exchange(&world, &mut b, &[query("COMMIT")]), "C(COMMIT) Z(I)");
    assert_eq!(exchange(&world, &mut a, &[]), "A(ch:hi)");
}

#[test]
fn notifications_wait_for_the_end_of_a_transaction() {
    let world = World::new(Authentication::Trust);
    let (mut a, mut b) = (connect(&world), connect(&world));
    exchange(&world, &mut a, &[query("LISTEN ch"), query("BEGIN")]);
    exchange(&world, &mut b, &[query("NOTIFY ch")]);
    assert_eq!(exchange(&world, &mut a, &[query("SELECT 1")]), "T D(1) C(SELECT 1) Z(T)");
    assert_eq!(exchange(&world, &mut a, &[query("COMMIT")]), "C(COMMIT) A(ch) Z(I)");
}

/// Two sessions on one row: `a` holds it, `b` waits for it.
fn blocked(world: &World) -> (Client, Client) {
    let (mut a, mut b) = (connect(world), connect(world));
    exchange(
        world,
        &mut a,
        &[query("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)")],
    );
    exchange(world, &mut a, &[query("BEGIN; UPDATE t SET n = 1 WHERE id = 1")]);
    assert_eq!(exchange(world, &mut b, &[query("UPDATE t SET n = n + 10 WHERE id = 1")]), "");
    (a, b)
}

#[test]
fn a_client_that_vanishes_gives_its_locks_back() {
    let world = World::new(Authentication::Trust);
    let (a, mut b) = blocked(&world);
    drop(a);
    assert_eq!(exchange(&world, &mut b, &[]), "C(UPDATE 1) Z(I)");
    assert_eq!(exchange(&world, &mut b, &[query("SELECT n FROM t")]), "T D(10) C(SELECT 1) Z(I)");
}

#[test]
fn a_blocked_statement_outlives_its_client() {
    let world = World::new(Authentication::Trust);
    let (mut a, b) = blocked(&world);
    drop(b);
    assert_eq!(exchange(&world, &mut a, &[query("COMMIT")]), "C(COMMIT) Z(I)");
    assert_eq!(exchange(&world, &mut a, &[query("SELECT n FROM t")]), "T D(11) C(SELECT 1) Z(I)");
}

#[test]
fn a_cancel_request_ends_the_wait_and_needs_the_secret() {
    let world = World::new(Authentication::Trust);
    let mut b = world.connect(1 << 20);
    b.send(&startup(&[("user", "app"), ("database", "d")]));
    world.settle();
    let (bytes, _) = b.receive();
    let at = bytes.len() - 6 - 8;
    let (pid, secret) = (&bytes[at..at + 4], &bytes[at + 4..at + 8]);
    let mut a = connect(&world);
    exchange(&world, &mut a, &[query("SELECT pg_advisory_lock(1)")]);
    assert_eq!(exchange(&world, &mut b, &[query("SELECT pg_advisory_lock(1)")]), "");
    let cancel = |secret: &[u8]| [&[0, 0, 0, 16, 4, 210, 22, 46], pid, secret].concat();
    world.connect(64).send(&cancel(&[0; 4]));
    assert_eq!(exchange(&world, &mut b, &[]), "");
    let mut other = world.connect(64);
    other.send(&cancel(secret));
    assert_eq!(exchange(&world, &mut b, &[]), "T E(57014) Z(I)");
    assert_eq!(other.receive(), (Vec::new(), true));
}

#[test]
fn an_idle_transaction_ends_when_its_timeout_fires() {
    let world = World::new(Authentication::Trust);
    let (mut a, mut b) = blocked(&world);
    let set = query("SET idle_in_transaction_session_timeout = '5s'");
    assert_eq!(exchange(&world, &mut a, &[set]), "C(SET) Z(T)");
    world.advance(Duration::from_secs(4));
    assert_eq!(exchange(&world, &mut b, &[]), "");
    world.advance(Duration::from_secs(2));
    assert_eq!(exchange(&world, &mut b, &[]), "C(UPDATE 1) Z(I)");
    assert_eq!(exchange(&world, &mut a, &[]), "E(25P03) closed");
}

#[test]
fn a_terminated_session_is_told_whether_idle_or_waiting() {
    let world = World::new(Authentication::Trust);
    let (mut a, mut b) = blocked(&world);
    let mut c = connect(&world);
    let terminate =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    assert_eq!(exchange(&world, &mut c, &[query(terminate)]), "T D(2) C(SELECT 1) Z(I)");
    assert_eq!(exchange(&world, &mut a, &[]), "E(57P01) closed");
    assert_eq!(exchange(&world, &mut b, &[]), "E(57P01) closed");
}

#[test]
fn a_crash_is_a_warning_and_a_closed_stream() {
    let world = World::new(Authentication::Trust);
    let (mut a, mut b) = blocked(&world);
    world.server.crash(sim_db::engine::Shutdown::Crash);
    assert_eq!(exchange(&world, &mut a, &[]), "N(57P02) closed");
    assert_eq!(exchange(&world, &mut b, &[]), "N(57P02) closed");
    let mut c = connect(&world);
    assert_eq!(exchange(&world, &mut c, &[query("SELECT n FROM t")]), "T D(0) C(SELECT 1) Z(I)");
}

#[test]
fn a_server_that_is_down_says_so() {
    let world = World::new(Authentication::Trust);
    world.server.set_availability(sim_db::wire::Availability::StartingUp);
    let mut client = world.connect(1 << 20);
    client.send(&startup(&[("user", "app")]));
    world.settle();
    let (bytes, closed) = client.receive();
    assert_eq!(transcript(&bytes, closed), "E(57P03) closed");
}

#[test]
fn databases_are_apart_and_survive_their_sessions() {
    let world = World::new(Authentication::Trust);
    let mut a = connect(&world);
    exchange(&world, &mut a, &[query("CREATE TABLE t (a int)")]);
    drop(a);
    let mut b = connect(&world);
    assert_eq!(exchange(&world, &mut b, &[query("SELECT a FROM t")]), "T C(SELECT 0) Z(I)");
    let mut other = world.connect(1 << 20);
    other.send(&startup(&[("user", "app"), ("database", "other")]));
    world.settle();
    other.receive();
    assert_eq!(exchange(&world, &mut other, &[query("SELECT a FROM t")]), "E(42P01) Z(I)");
}

#[test]
fn a_slow_reader_holds_the_statement_back_and_loses_nothing() {
    let world = World::new(Authentication::Trust);
    let mut client = world.connect(64);
    let mut bytes = Vec::new();
    let mut send = |client: &mut Client, message: &[u8]| {
        for piece in message.chunks(32) {
            client.send(piece);
            for _ in 0..4_000 {
                world.settle();
                let (more, _) = client.receive();
                if more.is_empty() {
                    break;
                }
                bytes.extend_from_slice(&more);
            }
        }
    };
    send(&mut client, &startup(&[("user", "app")]));
    send(&mut client, &query("SELECT repeat('x', 100) FROM generate_series(1, 300)"));
    let shown = transcript(&bytes, false);
    assert_eq!(shown.matches("D(xxx").count(), 300);
    assert!(shown.ends_with("C(SELECT 300) Z(I)"));
}

#[test]
fn the_binary_header_of_a_copy_travels_with_the_first_row() {
    let world = World::new(Authentication::Trust);
    let mut client = connect(&world);
    let pieces = |client: &mut Client, sql: &str| {
        client.send(&query(sql));
        world.settle();
        let (bytes, _) = client.receive();
        let mut rest = bytes.as_slice();
        let mut lengths = Vec::new();
        while let [tag, after @ ..] = rest {
            let length = u32::from_be_bytes(after[..4].try_into().unwrap()) as usize;
            if *tag == b'd' {
                lengths.push(length - 4);
            }
            rest = &after[length..];
        }
        lengths
    };
    // Header 19, a row of one integer 10, the trailer 2.
    let rows = "COPY (SELECT n FROM generate_series(1, 2) AS n) TO STDOUT (FORMAT binary)";
    assert_eq!(pieces(&mut client, rows), [29, 10, 2]);
    let none = "COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)";
    assert_eq!(pieces(&mut client, none), [21]);
}

#[test]
fn an_ungrouped_column_is_pointed_at() {
    let world = World::new(Authentication::Trust);
    let mut client = connect(&world);
    exchange(&world, &mut client, &[query("CREATE TABLE g (id int, n int)")]);
    let position = |client: &mut Client, sql: &str| {
        client.send(&query(sql));
        world.settle();
        let (bytes, _) = client.receive();
        let field = bytes.split(|b| *b == 0).find(|field| field.first() == Some(&b'P'));
        field.map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
    };
    for (sql, place) in [
        ("SELECT id, count(*) FROM g", "8"),
        ("SELECT count(n), g.id FROM g WHERE id > 1", "18"),
        ("SELECT n + id FROM g GROUP BY n", "12"),
        ("SELECT count(*) FROM g ORDER BY n", "33"),
    ] {
        assert_eq!(position(&mut client, sql).as_deref(), Some(place), "{sql}");
    }
}
