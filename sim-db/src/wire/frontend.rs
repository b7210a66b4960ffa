//! Messages from a client, after start-up.
//!
//! Parsed here and not by a protocol crate: `pgwire`'s decoder hands a body parser the whole connection buffer,
//! so that a length that lies reads into the next message, replaces bytes that are not UTF-8 silently, and has one
//! error for cases that PostgreSQL tells apart; `postgres-protocol` has the client's side only. A server
//! whose errors are part of its promise needs the exact ones. (The tests judge this codec by `postgres-protocol`.)

use super::{cursor::Cursor, malformed::Malformed};

/// Most bytes of a message that carries text or data: PostgreSQL's limit on one allocation.
const LARGE_BYTES_MAX: usize = 0x3fff_fffe;
/// Most bytes of a message of fixed shape.
const SMALL_BYTES_MAX: usize = 10_000;

/// A prepared statement or a portal, by name; the empty name is the unnamed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `S`
    Statement(String),
    /// `P`
    Portal(String),
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frontend {
    /// `Q`: the text of any number of statements.
    Query(String),
    /// `P`: one statement to prepare.
    Parse {
        /// Empty for the unnamed statement.
        name: String,
        /// The statement's text.
        query: String,
        /// Types of the first parameters; 0 asks the server to infer.
        parameter_types: Vec<u32>,
    },
    /// `B`: parameters for a prepared statement.
    Bind(Bind),
    /// `D`
    Describe(Target),
    /// `E`: run a portal; `max_rows` 0 means all.
    Execute {
        /// Empty for the unnamed portal.
        portal: String,
        /// How many rows before the portal is suspended; zero and less mean all.
        max_rows: i32,
    },
    /// `C`
    Close(Target),
    /// `S`: the end of an extended exchange.
    Sync,
    /// `H`: send what is waiting.
    Flush,
    /// `X`: an orderly good-bye.
    Terminate,
    /// `d`: a piece of COPY input.
    CopyData(Vec<u8>),
    /// `c`: the end of COPY input.
    CopyDone,
    /// `f`: the client gave up, with its reason.
    CopyFail(String),
    /// `F`: the old fast-path call.
    FunctionCall,
    /// `p`: a password or a SASL message, by the state of the authentication.
    Password(Vec<u8>),
}

/// The body of `B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Empty for the unnamed portal.
    pub portal: String,
    /// Empty for the unnamed statement.
    pub statement: String,
    /// None: all text; one: for all; otherwise one each.
    pub parameter_formats: Vec<u16>,
    /// `None` is NULL.
    pub parameters: Vec<Option<Vec<u8>>>,
    /// None: all text; one: for all; otherwise one each.
    pub result_formats: Vec<u16>,
}

/// The most bytes, length field included, that a message of this type may have.
///
/// # Errors
/// A type that no client sends ends the session, as in PostgreSQL.
pub fn length_max(tag: u8) -> Result<usize, Malformed> {
    match tag {
        b'Q' | b'P' | b'B' | b'F' | b'd' | b'f' => Ok(LARGE_BYTES_MAX),
        b'D' | b'E' | b'C' | b'S' | b'H' | b'X' | b'c' => Ok(SMALL_BYTES_MAX),
        other => Err(Malformed::protocol(format!("invalid frontend message type {other}"))),
    }
}

/// Whether an error in this message makes the server skip to the next Sync.
pub fn skips_to_sync(tag: u8) -> bool {
    matches!(tag, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
}

/// Parses one message.
///
/// # Errors
/// PostgreSQL's error for the same bytes.
pub fn parse(tag: u8, body: &[u8]) -> Result<Frontend, Malformed> {
    let mut cursor = Cursor::new(body);
    let message = match tag {
        b'Q' => Frontend::Query(cursor.string()?.to_owned()),
        b'P' => parse_parse(&mut cursor)?,
        b'B' => Frontend::Bind(parse_bind(&mut cursor)?),
        b'D' => Frontend::Describe(parse_target(&mut cursor, "DESCRIBE")?),
        b'E' => Frontend::Execute { portal: cursor.string()?.to_owned(), max_rows: cursor.i32()? },
        b'C' => Frontend::Close(parse_target(&mut cursor, "CLOSE")?),
        b'S' => Frontend::Sync,
        b'H' => Frontend::Flush,
        b'X' => return Ok(Frontend::Terminate),
        b'd' => return Ok(Frontend::CopyData(body.to_vec())),
        b'c' => return Ok(Frontend::CopyDone),
        b'f' => Frontend::CopyFail(cursor.string()?.to_owned()),
        b'F' => return Ok(Frontend::FunctionCall),
        b'p' => return Ok(Frontend::Password(body.to_vec())),
        other => return Err(Malformed::protocol(format!("invalid frontend message type {other}"))),
    };
    cursor.end()?;
    Ok(message)
}

fn parse_parse(cursor: &mut Cursor<'_>) -> Result<Frontend, Malformed> {
    let name = cursor.string()?.to_owned();
    let query = cursor.string()?.to_owned();
    let count = cursor.u16()?;
    let parameter_types = (0..count).map(|_| cursor.u32()).collect::<Result<_, _>>()?;
    Ok(Frontend::Parse { name, query, parameter_types })
}

fn parse_bind(cursor: &mut Cursor<'_>) -> Result<Bind, Malformed> {
    let portal = cursor.string()?.to_owned();
    let statement = cursor.string()?.to_owned();
    let parameter_formats = parse_formats(cursor)?;
    let count = cursor.u16()?;
    if parameter_formats.len() > 1 && parameter_formats.len() != usize::from(count) {
        return Err(Malformed::protocol(format!(
            "bind message has {} parameter formats but {count} parameters",
            parameter_formats.len()
        )));
    }
    let mut parameters = Vec::new();
    for _ in 0..count {
        let length = cursor.i32()?;
        parameters.push(match length {
            -1 => None,
            _ => Some(cursor.bytes(usize::try_from(length).unwrap_or(usize::MAX))?.to_vec()),
        });
    }
    let result_formats = parse_formats(cursor)?;
    Ok(Bind { portal, statement, parameter_formats, parameters, result_formats })
}

fn parse_formats(cursor: &mut Cursor<'_>) -> Result<Vec<u16>, Malformed> {
    let count = cursor.u16()?;
    (0..count).map(|_| cursor.u16()).collect()
}

fn parse_target(cursor: &mut Cursor<'_>, verb: &str) -> Result<Target, Malformed> {
    let kind = cursor.byte()?;
    let name = cursor.string()?.to_owned();
    match kind {
        b'S' => Ok(Target::Statement(name)),
        b'P' => Ok(Target::Portal(name)),
        other => {
            cursor.end()?;
            Err(Malformed::protocol(format!("invalid {verb} message subtype {other}")))
        }
    }
}
