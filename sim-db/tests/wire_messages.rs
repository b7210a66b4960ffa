//! Our codec, judged by the client's side of `postgres-protocol`: what it writes we read, what we write it reads.

use bytes::BytesMut;
use futures::{executor::block_on, future::join, io::AsyncWriteExt};
use postgres_protocol::{
    IsNull, authentication,
    message::{
        backend::{self, Message},
        frontend as client,
    },
};
use proptest::prelude::*;
use sim_db::wire::{
    authentication::Authentication,
    backend::{Field, Output, Status},
    channel::{Channel, End},
    frontend::{self, Bind, Frontend, Target},
    pipe::pipe,
    startup::{self, Packet, Refusal},
};

fn written(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut bytes = BytesMut::new();
    write(&mut bytes);
    bytes
}

fn check_frontend(write: impl FnOnce(&mut BytesMut), expected: Frontend) {
    let bytes = written(write);
    assert_eq!(frontend::parse(bytes[0], &bytes[5..]), Ok(expected));
}

fn check_malformed(tag: u8, body: &[u8], sqlstate: &str, message: &str) {
    let malformed = frontend::parse(tag, body).expect_err("this body is malformed");
    assert_eq!((malformed.sqlstate, malformed.message.as_str()), (sqlstate, message));
}

fn check_startup(body: &[u8], sqlstate: &str, message: &str) {
    match startup::parse(body) {
        Err(Refusal::Fatal(malformed)) => {
            assert_eq!((malformed.sqlstate, malformed.message.as_str()), (sqlstate, message));
        }
        other => panic!("expected a FATAL error, got {other:?}"),
    }
}

#[test]
fn a_query_carries_its_text() {
    check_frontend(|b| client::query("SELECT 'ä'", b).unwrap(), Frontend::Query("SELECT 'ä'".to_owned()));
}

#[test]
fn parse_carries_parameter_types() {
    let parse =
        Frontend::Parse { name: "s".to_owned(), query: "SELECT $1".to_owned(), parameter_types: vec![23, 0] };
    check_frontend(|b| client::parse("s", "SELECT $1", [23, 0], b).unwrap(), parse);
}

#[test]
fn bind_carries_formats_values_and_nulls() {
    let bind = Bind {
        portal: "p".to_owned(),
        statement: "s".to_owned(),
        parameter_formats: vec![1],
        parameters: vec![Some(vec![0, 7]), None],
        result_formats: vec![1, 0],
    };
    check_frontend(
        |b| {
            let values: [Option<[u8; 2]>; 2] = [Some([0, 7]), None];
            let write = |value: Option<[u8; 2]>, out: &mut BytesMut| {
                Ok(value.map_or(IsNull::Yes, |bytes| {
                    out.extend_from_slice(&bytes);
                    IsNull::No
                }))
            };
            assert!(client::bind("p", "s", [1], values, write, [1, 0], b).is_ok());
        },
        Frontend::Bind(bind),
    );
}

#[test]
fn the_short_messages_are_told_apart() {
    check_frontend(
        |b| client::describe(b'S', "s", b).unwrap(),
        Frontend::Describe(Target::Statement("s".to_owned())),
    );
    check_frontend(|b| client::close(b'P', "p", b).unwrap(), Frontend::Close(Target::Portal("p".to_owned())));
    check_frontend(
        |b| client::execute("p", 5, b).unwrap(),
        Frontend::Execute { portal: "p".to_owned(), max_rows: 5 },
    );
    check_frontend(client::sync, Frontend::Sync);
    check_frontend(client::flush, Frontend::Flush);
    check_frontend(client::terminate, Frontend::Terminate);
    check_frontend(client::copy_done, Frontend::CopyDone);
    check_frontend(|b| client::copy_fail("no", b).unwrap(), Frontend::CopyFail("no".to_owned()));
}

#[test]
fn malformed_messages_have_the_errors_of_postgresql() {
    check_malformed(b'Q', b"abc", "08P01", "invalid string in message");
    check_malformed(b'Q', b"select 1\0x", "08P01", "invalid message format");
    check_malformed(b'Q', b"select '\xff'\0", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff");
    check_malformed(b'Q', b"\xe2\x82\0", "22021", "invalid byte sequence for encoding \"UTF8\": 0xe2 0x82");
    check_malformed(b'P', b"\0select 1\0", "08P01", "insufficient data left in message");
    check_malformed(b'D', b"X\0", "08P01", "invalid DESCRIBE message subtype 88");
    check_malformed(b'C', b"", "08P01", "no data left in message");
    check_malformed(b'?', b"", "08P01", "invalid frontend message type 63");
    let formats = b"\0s\0\0\x02\0\0\0\0\0\x01\0\0\0\x011\0\0";
    check_malformed(b'B', formats, "08P01", "bind message has 2 parameter formats but 1 parameters");
}

#[test]
fn startup_settings_come_from_options_first() {
    let parameters = [
        ("user", "app"),
        ("options", "-c geqo=off -csearch_path=a\\ b --lock-timeout=5s"),
        ("TimeZone", "UTC"),
        ("_pq_.x", "1"),
    ];
    let bytes = written(|b| client::startup_message(parameters, b).unwrap());
    let Ok(Packet::Startup(startup)) = startup::parse(&bytes[4..]) else { panic!("a good packet") };
    assert_eq!((startup.user.as_str(), startup.database.as_str()), ("app", "app"));
    let settings: Vec<(&str, &str)> =
        startup.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [("geqo", "off"), ("search_path", "a b"), ("lock_timeout", "5s"), ("TimeZone", "UTC")];
    assert_eq!(settings, expected);
    assert_eq!(startup.unknown_protocol_options, ["_pq_.x"]);
}

#[test]
fn startup_refusals_have_the_errors_of_postgresql() {
    let layout = "invalid startup packet layout: expected terminator as last byte";
    check_startup(
        b"\0\x03\0\0database\0d\0\0",
        "28000",
        "no PostgreSQL user name specified in startup packet",
    );
    check_startup(b"\0\x03\0\0user\0a\0", "08P01", layout);
    check_startup(b"\0\x03\0\0user\0a\0\0x", "08P01", layout);
    check_startup(b"\0\x02\0\0", "0A000", "unsupported frontend protocol 2.0: server supports 3.0 to 3.0");
    check_startup(b"\0\x03\0\0user\0a\0options\0-c geqo\0\0", "42601", "-c geqo requires a value");
    assert_eq!(startup::parse(b"\0"), Err(Refusal::Silent));
}

#[test]
fn ssl_gssenc_and_cancel_requests_are_told_apart() {
    let ssl = written(client::ssl_request);
    assert_eq!(startup::parse(&ssl[4..]), Ok(Packet::SslRequest));
    assert_eq!(startup::parse(&80_877_104_i32.to_be_bytes()), Ok(Packet::GssEncRequest));
    let cancel = written(|b| client::cancel_request(7, -9, b));
    assert_eq!(startup::parse(&cancel[4..]), Ok(Packet::Cancel { pid: 7, secret: -9 }));
}

#[test]
fn a_client_reads_every_message_we_write() {
    let mut out = Output::default();
    out.authentication(0, &[]);
    out.parameter_status("TimeZone", "UTC");
    out.backend_key_data(7, -9);
    out.parameter_description(&[23, 25]);
    let field = Field {
        name: "n",
        table_oid: 16_384,
        column_number: 2,
        type_oid: 23,
        type_length: 4,
        type_modifier: -1,
        format: 1,
    };
    out.row_description([field].into_iter());
    out.data_row(2, |i, b| {
        b.extend_from_slice(if i == 0 { b"abc" } else { b"" });
        Ok::<bool, ()>(i == 0)
    })
    .unwrap();
    out.command_complete("SELECT 1");
    out.error_response([(b'S', "ERROR"), (b'C', "23505")].into_iter());
    out.notification_response(7, "ch", "text");
    out.copy_in_response(false, 2);
    out.ready_for_query(Status::Failed);
    let mut bytes = BytesMut::from(out.pending());
    let mut next = || Message::parse(&mut bytes).unwrap().expect("another message");
    assert!(matches!(next(), Message::AuthenticationOk));
    assert!(matches!(next(), Message::ParameterStatus(m) if m.name().unwrap() == "TimeZone"));
    assert!(matches!(next(), Message::BackendKeyData(m) if (m.process_id(), m.secret_key()) == (7, -9)));
    assert!(matches!(next(), Message::ParameterDescription(_)));
    assert!(matches!(next(), Message::RowDescription(_)));
    let Message::DataRow(row) = next() else { panic!("a row") };
    let ranges: Vec<_> = fallible_iterator::FallibleIterator::collect(row.ranges()).unwrap();
    assert_eq!(ranges, [Some(4..7), None]);
    assert!(matches!(next(), Message::CommandComplete(m) if m.tag().unwrap() == "SELECT 1"));
    assert!(matches!(next(), Message::ErrorResponse(_)));
    assert!(matches!(next(), Message::NotificationResponse(m) if m.channel().unwrap() == "ch"));
    assert!(matches!(next(), Message::CopyInResponse(_)));
    assert!(matches!(next(), Message::ReadyForQuery(m) if m.status() == b'E'));
    assert!(Message::parse(&mut bytes).unwrap().is_none());
}

#[test]
fn a_row_that_fails_leaves_no_bytes() {
    let mut out = Output::default();
    assert_eq!(out.data_row(1, |_, _| Err("no such format")), Err("no such format"));
    assert!(out.pending().is_empty());
}

/// Runs the server's side of an authentication against `postgres-protocol`'s client with `password`.
fn check_authentication(method: &Authentication, password: &str, expected: Result<(), &str>) {
    let (ours, mut theirs) = pipe(64);
    let server = async {
        let mut channel = Channel::new(ours);
        let result = method.run(&mut channel, "app", [7; 34]).await;
        let _ = channel.flush().await;
        result
    };
    let client = async {
        let mut scram = authentication::sasl::ScramSha256::new(
            password.as_bytes(),
            authentication::sasl::ChannelBinding::unsupported(),
        );
        while let Some(message) = read_message(&mut theirs).await {
            let answer = match message {
                Message::AuthenticationCleartextPassword => {
                    written(|b| client::password_message(password.as_bytes(), b).unwrap())
                }
                Message::AuthenticationMd5Password(m) => {
                    let hash = authentication::md5_hash(b"app", password.as_bytes(), m.salt());
                    written(|b| client::password_message(hash.as_bytes(), b).unwrap())
                }
                Message::AuthenticationSasl(_) => {
                    written(|b| client::sasl_initial_response("SCRAM-SHA-256", scram.message(), b).unwrap())
                }
                Message::AuthenticationSaslContinue(m) => {
                    scram.update(m.data()).unwrap();
                    written(|b| client::sasl_response(scram.message(), b).unwrap())
                }
                Message::AuthenticationSaslFinal(m) => return scram.finish(m.data()).unwrap(),
                _ => panic!("an authentication request"),
            };
            theirs.write_all(&answer).await.unwrap();
        }
    };
    let (result, ()) = block_on(join(server, client));
    let result = match &result {
        Ok(()) => Ok(()),
        Err(End::Violation(malformed)) => Err(malformed.sqlstate),
        Err(End::Gone) => Err("gone"),
    };
    assert_eq!(result, expected);
}

async fn read_message(stream: &mut (impl futures::io::AsyncRead + Unpin)) -> Option<backend::Message> {
    use futures::io::AsyncReadExt;
    let mut bytes = BytesMut::new();
    loop {
        if let Some(message) = Message::parse(&mut bytes).unwrap() {
            return Some(message);
        }
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        bytes.extend_from_slice(&byte);
    }
}

#[test]
fn every_password_scheme_takes_the_right_one() {
    check_authentication(&Authentication::Trust, "any", Ok(()));
    check_authentication(&Authentication::Cleartext("secret".to_owned()), "secret", Ok(()));
    check_authentication(&Authentication::Md5("secret".to_owned()), "secret", Ok(()));
    check_authentication(&Authentication::ScramSha256("secret".to_owned()), "secret", Ok(()));
}

#[test]
fn every_password_scheme_refuses_the_wrong_one() {
    check_authentication(&Authentication::Cleartext("secret".to_owned()), "Secret", Err("28P01"));
    check_authentication(&Authentication::Md5("secret".to_owned()), "Secret", Err("28P01"));
    check_authentication(&Authentication::ScramSha256("secret".to_owned()), "Secret", Err("28P01"));
}

proptest! {
    #[test]
    fn no_body_makes_the_parsers_panic(tag: u8, body: Vec<u8>) {
        let _ = frontend::parse(tag, &body);
        let _ = startup::parse(&body);
        let mut versioned = vec![0, 3, 0, 0];
        versioned.extend_from_slice(&body);
        let _ = startup::parse(&versioned);
    }

    #[test]
    fn a_cut_message_is_malformed(name in "[a-z]{0,5}", sql in ".{0,30}", types: Vec<u32>, cut: prop::sample::Index) {
        let whole = written(|b| {
            let types = types.iter().copied().take(40);
            client::parse(&name, &sql.replace('\0', ""), types, b).unwrap();
        });
        let body = &whole[5..];
        prop_assert!(frontend::parse(b'P', &body[..cut.index(body.len())]).is_err());
    }
}
