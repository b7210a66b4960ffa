//! The packets before a session exists: they have a length and no type.

use super::{cursor::Cursor, malformed::Malformed};

/// Most bytes of a start-up packet, length field excluded.
pub const STARTUP_BYTES_MAX: usize = 10_000;

const SSL_REQUEST: i32 = 80_877_103;
const GSSENC_REQUEST: i32 = 80_877_104;
const CANCEL_REQUEST: i32 = 80_877_102;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Answered with one byte.
    SslRequest,
    /// Answered with one byte.
    GssEncRequest,
    /// Asks to cancel what another session is running; never answered.
    Cancel {
        /// The other session's process id.
        pid: i32,
        /// The secret it got in `BackendKeyData`.
        secret: i32,
    },
    /// Starts a session.
    Startup(Startup),
}

/// The parameters of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Startup {
    /// The protocol version asked for: major.
    pub major: u16,
    /// The protocol version asked for: minor.
    pub minor: u16,
    /// Who connects.
    pub user: String,
    /// Which database; the user's name if none was given.
    pub database: String,
    /// Settings, in the order in which they apply: those of `options` first.
    pub settings: Vec<(String, String)>,
    /// Protocol options (`_pq_.…`) that we do not know: the client is told.
    pub unknown_protocol_options: Vec<String>,
    /// The client asked for a replication connection.
    pub replication: bool,
}

/// Why a start-up packet ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Without a word, as PostgreSQL does for bytes that are no packet at all.
    Silent,
    /// With a FATAL error.
    Fatal(Malformed),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Fatal(malformed)
    }
}

fn fatal(sqlstate: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Fatal(Malformed { sqlstate, message: message.into() })
}

/// Parses the packet behind the length field.
///
/// # Errors
/// See [`Refusal`].
pub fn parse(body: &[u8]) -> Result<Packet, Refusal> {
    let mut cursor = Cursor::new(body);
    let code = cursor.i32().map_err(|_| Refusal::Silent)?;
    match code {
        SSL_REQUEST => return Ok(Packet::SslRequest),
        GSSENC_REQUEST => return Ok(Packet::GssEncRequest),
        CANCEL_REQUEST => {
            let (Ok(pid), Ok(secret), Ok(())) = (cursor.i32(), cursor.i32(), cursor.end()) else {
                return Err(Refusal::Silent);
            };
            return Ok(Packet::Cancel { pid, secret });
        }
        _ => {}
    }
    let [major_high, major_low, minor_high, minor_low] = code.to_be_bytes();
    let major = u16::from_be_bytes([major_high, major_low]);
    let minor = u16::from_be_bytes([minor_high, minor_low]);
    if major != 3 {
        return Err(fatal(
            "0A000",
            format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"),
        ));
    }
    let mut startup = Startup { major, minor, ..Startup::default() };
    let mut options = Vec::new();
    loop {
        let name = match cursor.rest() {
            [0] => break,
            [] | [0, ..] => return Err(layout()),
            _ => text(&mut cursor)?,
        };
        if cursor.rest().len() < 2 && !cursor.rest().contains(&0) {
            return Err(layout());
        }
        let value = text(&mut cursor)?;
        match name.as_str() {
            "user" => startup.user = value,
            "database" => startup.database = value,
            "options" => options = split_options(&value),
            "replication" => startup.replication = !matches!(value.as_str(), "false" | "off" | "no" | "0"),
            _ if name.starts_with("_pq_.") => startup.unknown_protocol_options.push(name),
            _ => startup.settings.push((name, value)),
        }
    }
    if startup.user.is_empty() {
        return Err(fatal("28000", "no PostgreSQL user name specified in startup packet"));
    }
    if startup.database.is_empty() {
        startup.database.clone_from(&startup.user);
    }
    let mut settings = parse_options(&options)?;
    settings.append(&mut startup.settings);
    startup.settings = settings;
    Ok(Packet::Startup(startup))
}

fn layout() -> Refusal {
    fatal("08P01", "invalid startup packet layout: expected terminator as last byte")
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Refusal> {
    match cursor.string() {
        Ok(text) => Ok(text.to_owned()),
        Err(malformed) if malformed.sqlstate == "08P01" => Err(layout()),
        Err(malformed) => Err(malformed.into()),
    }
}

/// Splits at white space; a backslash keeps the next character.
fn split_options(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The settings among a server's command-line switches: `-c name=value`, `-cname=value`, `--name=value`.
fn parse_options(words: &[String]) -> Result<Vec<(String, String)>, Refusal> {
    let mut settings = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (shown, assignment) = if let Some(long) = word.strip_prefix("--") {
            (word.as_str(), long)
        } else if word == "-c" {
            match words.next() {
                Some(next) => ("-c ", next.as_str()),
                None => return Err(invalid_argument(word)),
            }
        } else if let Some(short) = word.strip_prefix("-c") {
            ("-c ", short)
        } else {
            return Err(invalid_argument(word));
        };
        let Some((name, value)) = assignment.split_once('=') else {
            let shown = if shown.starts_with("--") { shown.to_owned() } else { format!("-c {assignment}") };
            return Err(fatal("42601", format!("{shown} requires a value")));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn invalid_argument(word: &str) -> Refusal {
    fatal("42601", format!("invalid command-line argument for server process: {word}"))
}
