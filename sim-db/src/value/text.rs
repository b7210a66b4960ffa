//! Text input and output of every type: what simple queries, casts and `COPY` read and write.

use super::datetime::{self, DateFormat, DateOrder};
use super::datetime_input;
use super::interval_text::{IntervalStyle, parse_interval, write_interval};
use super::zone::Zone;
use super::{DataType, EnumValue, Inet, Numeric, Oid, RecordValue, Value, composite_text, json, oid, types};
use crate::error::{DatabaseError, Result, SqlState};
use std::fmt::Write;
use std::sync::Arc;

/// The settings that text formats depend on.
#[derive(Clone, Debug)]
pub struct TextStyle {
    /// `TimeZone`.
    pub zone: Zone,
    /// Second half of `DateStyle`.
    pub date_order: DateOrder,
    /// First half of `DateStyle`.
    pub date_format: DateFormat,
    /// `IntervalStyle`.
    pub interval_style: IntervalStyle,
    /// `extra_float_digits`: shortest exact output when positive.
    pub extra_float_digits: i32,
    /// `bytea_output` is `escape`.
    pub bytea_escape: bool,
    /// The transaction's start, for `now` and `today`: microseconds since 2000-01-01 UTC.
    pub now: i64,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            zone: Zone::utc(),
            date_order: DateOrder::Mdy,
            date_format: DateFormat::Iso,
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_escape: false,
            now: 0,
        }
    }
}

/// What the text and binary formats must know of a type that is not built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A built-in scalar.
    Base,
    /// An enum.
    Enum,
    /// A domain over another type.
    Domain(DataType),
    /// An array of an element type.
    Array(Oid),
    /// A row type: its columns' types.
    Composite(Arc<[DataType]>),
    /// A range of a subtype.
    Range(Oid),
}

/// The catalog as the formats see it: user types, and the names behind `reg*` values.
pub trait TypeCatalog {
    /// The kind of a type; `None` when there is no such type.
    fn kind(&self, type_oid: Oid) -> Option<TypeKind>;
    /// The name for messages, as `format_type` gives it.
    fn type_name(&self, type_oid: Oid) -> String;
    /// A label of an enum type.
    fn enum_value(&self, type_oid: Oid, label: &str) -> Option<Arc<EnumValue>>;
    /// The name that a value of `regclass`, `regtype`, `regproc`, `regnamespace` shows.
    fn object_name(&self, kind: Oid, object: Oid) -> Option<String>;
    /// The object that a text names for such a type.
    ///
    /// # Errors
    ///
    /// 42P01, 42704 or 42883 when there is none.
    fn object_named(&self, kind: Oid, name: &str) -> Result<Oid>;
    /// Checks a value against a domain's constraints.
    ///
    /// # Errors
    ///
    /// 23514 or 23502 when it breaks one.
    fn check_domain(&self, type_oid: Oid, value: &Value) -> Result<()>;
}

/// A catalog of the built-in types alone.
pub struct BuiltinTypes;

impl TypeCatalog for BuiltinTypes {
    fn kind(&self, type_oid: Oid) -> Option<TypeKind> {
        let info = types::info(type_oid)?;
        Some(match types::range_subtype(type_oid) {
            Some(subtype) => TypeKind::Range(subtype),
            None if info.element != 0 => TypeKind::Array(info.element),
            None => TypeKind::Base,
        })
    }

    fn type_name(&self, type_oid: Oid) -> String {
        match types::info(type_oid) {
            Some(info) if info.element != 0 && type_oid != oid::INT2VECTOR && type_oid != oid::OIDVECTOR => {
                format!("{}[]", info.display)
            }
            Some(info) => info.display.to_owned(),
            None => "???".to_owned(),
        }
    }

    fn enum_value(&self, _: Oid, _: &str) -> Option<Arc<EnumValue>> {
        None
    }

    fn object_name(&self, kind: Oid, object: Oid) -> Option<String> {
        (kind == oid::REGTYPE).then(|| self.type_name(object))
    }

    fn object_named(&self, _: Oid, name: &str) -> Result<Oid> {
        types::by_name(name).ok_or_else(|| {
            DatabaseError::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"))
        })
    }

    fn check_domain(&self, _: Oid, _: &Value) -> Result<()> {
        Ok(())
    }
}

/// Settings and catalog together: all that reading or writing a text needs.
#[derive(Clone, Copy)]
pub struct TextContext<'a> {
    /// Settings.
    pub style: &'a TextStyle,
    /// Catalog.
    pub types: &'a dyn TypeCatalog,
}

impl<'a> TextContext<'a> {
    /// A context of settings and a catalog.
    pub fn new(style: &'a TextStyle, types: &'a dyn TypeCatalog) -> Self {
        Self { style, types }
    }
}

/// The text of a value of a type; empty for `NULL`.
pub fn output(value: &Value, type_oid: Oid, context: TextContext<'_>) -> String {
    let mut out = String::new();
    write(&mut out, value, type_oid, context);
    out
}

/// Writes the text of a value of a type; nothing for `NULL`.
pub fn write(out: &mut String, value: &Value, type_oid: Oid, context: TextContext<'_>) {
    let style = context.style;
    match value {
        Value::Null | Value::Void => {}
        Value::Bool(b) => out.push(if *b { 't' } else { 'f' }),
        Value::Int2(n) => drop(write!(out, "{n}")),
        Value::Int4(n) => drop(write!(out, "{n}")),
        Value::Int8(n) => drop(write!(out, "{n}")),
        Value::Oid(n) => match type_oid {
            oid::REGCLASS
            | oid::REGTYPE
            | oid::REGPROC
            | oid::REGPROCEDURE
            | oid::REGNAMESPACE
            | oid::REGROLE => match context.types.object_name(type_oid, *n) {
                _ if *n == 0 => out.push('-'),
                Some(name) => out.push_str(&name),
                None => drop(write!(out, "{n}")),
            },
            _ => drop(write!(out, "{n}")),
        },
        Value::Float4(n) => write_float(out, f64::from(*n), style.extra_float_digits, true),
        Value::Float8(n) => write_float(out, *n, style.extra_float_digits, false),
        Value::Numeric(n) => drop(write!(out, "{n}")),
        Value::Text(text) | Value::Char(text) | Value::Json(text) => out.push_str(text),
        Value::Byte(0) => {}
        Value::Byte(b) => {
            if b.is_ascii() {
                out.push(*b as char);
            } else {
                let _ = write!(out, "\\{b:03o}");
            }
        }
        Value::Bytea(bytes) => write_bytea(out, bytes, style.bytea_escape),
        Value::Date(days) => datetime::write_date(out, *days, style),
        Value::Time(micros) => datetime::write_time(out, *micros),
        Value::TimeTz(micros, west) => {
            datetime::write_time(out, *micros);
            datetime::write_offset(out, -west);
        }
        Value::Timestamp(moment) => datetime::write_timestamp(out, *moment, None, style),
        Value::TimestampTz(moment) => datetime::write_timestamp(out, *moment, Some(&style.zone), style),
        Value::Interval(interval) => write_interval(out, *interval, style.interval_style),
        Value::Uuid(bytes) => write_uuid(out, bytes),
        Value::Jsonb(document) => json::write(out, document),
        Value::Array(array) => composite_text::write_array(out, array, type_oid, context),
        Value::Record(record) => composite_text::write_record(out, record, context),
        Value::Enum(value) => out.push_str(&value.label),
        Value::Inet(inet) => write_inet(out, inet),
        Value::MacAddr(bytes) => {
            for (at, byte) in bytes.iter().enumerate() {
                let _ = write!(out, "{}{byte:02x}", if at > 0 { ":" } else { "" });
            }
        }
        Value::Range(range) => composite_text::write_range(out, range, context),
    }
}

/// Writes a float as PostgreSQL does: shortest round-trip digits, exponent below 1e-4 and from 1e15 (1e6 for `real`).
pub fn write_float(out: &mut String, number: f64, extra_digits: i32, single: bool) {
    if number.is_nan() {
        return out.push_str("NaN");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if number == 0.0 {
        return out.push_str(if number.is_sign_negative() { "-0" } else { "0" });
    }
    let scientific = if extra_digits > 0 {
        if single { format!("{:e}", number as f32) } else { format!("{number:e}") }
    } else {
        let digits = (if single { 6 } else { 15 } + extra_digits).max(1) as usize;
        format!("{number:.*e}", digits - 1)
    };
    let (mantissa, exponent) = scientific.split_once('e').expect("exponent format");
    let exponent: i32 = exponent.parse().expect("exponent digits");
    let negative = mantissa.starts_with('-');
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.truncate(digits.trim_end_matches('0').len().max(1));
    if negative {
        out.push('-');
    }
    let exponent_max = match (extra_digits > 0, single) {
        (true, false) => 15,
        (true, true) => 6,
        (false, single) => (if single { 6 } else { 15 }) + extra_digits.min(0),
    };
    if exponent < -4 || exponent >= exponent_max {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            let _ = write!(out, ".{}", &digits[1..]);
        }
        let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    } else if exponent < 0 {
        let _ = write!(out, "0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            let _ = write!(out, "{digits}{}", "0".repeat(whole - digits.len()));
        } else {
            let _ = write!(out, "{}.{}", &digits[..whole], &digits[whole..]);
        }
    }
}

fn write_bytea(out: &mut String, bytes: &[u8], escape: bool) {
    if escape {
        for byte in bytes {
            match byte {
                b'\\' => out.push_str("\\\\"),
                0x20..=0x7e => out.push(*byte as char),
                _ => drop(write!(out, "\\{byte:03o}")),
            }
        }
        return;
    }
    out.push_str("\\x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

/// Writes a `uuid`.
pub fn write_uuid(out: &mut String, bytes: &[u8; 16]) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
}

fn write_inet(out: &mut String, inet: &Inet) {
    let _ = write!(out, "{}", inet.address);
    if inet.cidr || inet.prefix != inet.bits_max() {
        let _ = write!(out, "/{}", inet.prefix);
    }
}

/// 22P02 for a text that is no value of a type.
pub fn invalid_syntax(type_name: &str, text: &str) -> DatabaseError {
    DatabaseError::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

fn out_of_range(type_name: &str, text: &str) -> DatabaseError {
    DatabaseError::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {type_name}"),
    )
}

/// Reads a value of a type, applying the type modifier as an assignment does.
///
/// # Errors
///
/// 22P02 and the type's own codes for a text that is no value of it.
pub fn input(text: &str, data_type: DataType, context: TextContext<'_>) -> Result<Value> {
    let value = input_unmodified(text, data_type, context)?;
    super::typmod::apply(value, data_type, false)
}

fn parse_integer(text: &str, type_name: &str, min: i64, max: i64) -> Result<i64> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid_syntax(type_name, text));
    }
    trimmed
        .parse::<i64>()
        .ok()
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| out_of_range(type_name, text))
}

/// Reads a boolean as the server does: any unambiguous prefix of true, false, yes, no, on, off, 1, 0.
pub fn parse_bool(text: &str) -> Option<bool> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.is_empty() {
        return None;
    }
    match lower.as_str() {
        "on" | "1" => Some(true),
        "off" | "of" | "0" => Some(false),
        t if "true".starts_with(t) || "yes".starts_with(t) => Some(true),
        t if "false".starts_with(t) || "no".starts_with(t) => Some(false),
        _ => None,
    }
}

fn parse_float(text: &str, type_name: &str, single: bool) -> Result<f64> {
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    let number = match lower.as_str() {
        "nan" => return Ok(f64::NAN),
        "infinity" | "inf" | "+infinity" | "+inf" => return Ok(f64::INFINITY),
        "-infinity" | "-inf" => return Ok(f64::NEG_INFINITY),
        t if t.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'))
            && !t.is_empty() =>
        {
            t.parse::<f64>().map_err(|_| invalid_syntax(type_name, text))?
        }
        _ => return Err(invalid_syntax(type_name, text)),
    };
    let narrowed = if single { f64::from(number as f32) } else { number };
    let vanished =
        narrowed == 0.0 && lower.bytes().take_while(|b| *b != b'e').any(|b| (b'1'..=b'9').contains(&b));
    if narrowed.is_infinite() || vanished {
        return Err(DatabaseError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{trimmed}\" is out of range for type {type_name}"),
        ));
    }
    Ok(narrowed)
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let body = text.trim();
    let body = body.strip_prefix('{').and_then(|b| b.strip_suffix('}')).unwrap_or(body);
    let mut bytes = [0; 16];
    let mut nibbles = 0;
    let mut after_hyphen = true;
    for c in body.bytes() {
        match (c, (c as char).to_digit(16)) {
            (b'-', _) if nibbles % 4 == 0 && !after_hyphen && nibbles < 32 => after_hyphen = true,
            (_, Some(digit)) if nibbles < 32 => {
                bytes[nibbles / 2] |= (digit as u8) << (if nibbles % 2 == 0 { 4 } else { 0 });
                nibbles += 1;
                after_hyphen = false;
            }
            _ => return None,
        }
    }
    (nibbles == 32 && !after_hyphen).then_some(bytes)
}

/// Reads `bytea`, in hexadecimal or escape format.
///
/// # Errors
///
/// 22023 for a bad hexadecimal digit, 22P02 for a bad escape.
pub fn parse_bytea(text: &str) -> Result<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return parse_hex(hex);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let bad = || {
            DatabaseError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea")
        };
        match rest.next() {
            Some(b'\\') => bytes.push(b'\\'),
            Some(first @ b'0'..=b'3') => {
                let octal = |digit: Option<u8>| digit.filter(|d| (b'0'..=b'7').contains(d)).map(|d| d - b'0');
                let (second, third) = (octal(rest.next()), octal(rest.next()));
                bytes.push((first - b'0') * 64 + second.ok_or_else(bad)? * 8 + third.ok_or_else(bad)?);
            }
            _ => return Err(bad()),
        }
    }
    Ok(bytes)
}

/// Reads pairs of hexadecimal digits, blanks between them allowed.
///
/// # Errors
///
/// 22023 for anything else.
pub fn parse_hex(hex: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(hex.len() / 2);
    let mut high = None;
    for c in hex.chars() {
        if c.is_ascii_whitespace() && high.is_none() {
            continue;
        }
        let digit = c.to_digit(16).ok_or_else(|| {
            DatabaseError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid hexadecimal digit: \"{c}\""),
            )
        })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push(first << 4 | digit),
        }
    }
    if high.is_some() {
        let message = "invalid hexadecimal data: odd number of digits";
        return Err(DatabaseError::new(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    Ok(bytes)
}

fn parse_inet(text: &str, cidr: bool) -> Result<Inet> {
    let kind = if cidr { "cidr" } else { "inet" };
    let bad = || invalid_syntax(kind, text);
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| bad())?)),
        None => (text, None),
    };
    let mut padded = address.trim().to_owned();
    if cidr && !padded.contains(':') {
        while padded.matches('.').count() < 3 {
            padded.push_str(".0");
        }
    }
    let address: std::net::IpAddr = padded.parse().map_err(|_| bad())?;
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(bits);
    if prefix > bits {
        return Err(bad());
    }
    if cidr {
        let host_bits_set = match address {
            std::net::IpAddr::V4(v4) => prefix < 32 && u32::from(v4) << prefix != 0,
            std::net::IpAddr::V6(v6) => prefix < 128 && u128::from(v6) << prefix != 0,
        };
        if host_bits_set {
            let message = format!("invalid cidr value: \"{text}\"");
            return Err(DatabaseError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
                .with_detail("Value has bits set to right of mask."));
        }
    }
    Ok(Inet { address, prefix, cidr })
}

fn parse_macaddr(text: &str) -> Option<[u8; 6]> {
    let digits: String = text.trim().chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    if digits.len() != 12 {
        return None;
    }
    let bytes = parse_hex(&digits).ok()?;
    bytes.try_into().ok()
}

fn input_unmodified(text: &str, data_type: DataType, context: TextContext<'_>) -> Result<Value> {
    let style = context.style;
    Ok(match data_type.oid {
        oid::BOOL => Value::Bool(parse_bool(text).ok_or_else(|| invalid_syntax("boolean", text))?),
        oid::INT2 => Value::Int2(parse_integer(text, "smallint", i16::MIN.into(), i16::MAX.into())? as i16),
        oid::INT4 => Value::Int4(parse_integer(text, "integer", i32::MIN.into(), i32::MAX.into())? as i32),
        oid::INT8 => Value::Int8(parse_integer(text, "bigint", i64::MIN, i64::MAX)?),
        oid::OID | oid::XID | oid::CID => {
            let name = context.types.type_name(data_type.oid);
            Value::Oid(parse_integer(text, &name, i32::MIN.into(), u32::MAX.into())? as u32)
        }
        oid::REGCLASS
        | oid::REGTYPE
        | oid::REGPROC
        | oid::REGPROCEDURE
        | oid::REGNAMESPACE
        | oid::REGROLE => {
            if text == "-" {
                Value::Oid(0)
            } else if let Ok(number) = text.parse::<u32>() {
                Value::Oid(number)
            } else {
                Value::Oid(context.types.object_named(data_type.oid, text)?)
            }
        }
        oid::FLOAT4 => Value::Float4(parse_float(text, "real", true)? as f32),
        oid::FLOAT8 => Value::Float8(parse_float(text, "double precision", false)?),
        oid::NUMERIC => {
            let number = Numeric::parse(text.trim()).ok_or_else(|| invalid_syntax("numeric", text))?;
            Value::numeric(number)
        }
        oid::TEXT | oid::VARCHAR | oid::UNKNOWN | oid::PG_NODE_TREE | oid::JSONPATH => Value::text(text),
        oid::NAME => {
            let mut end = text.len().min(63);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            Value::text(&text[..end])
        }
        oid::BPCHAR => Value::Char(text.into()),
        oid::CHAR => Value::Byte(text.bytes().next().unwrap_or(0)),
        oid::BYTEA => Value::Bytea(parse_bytea(text)?.into()),
        oid::DATE => Value::Date(datetime_input::parse_date(text, style)?),
        oid::TIME => Value::Time(datetime_input::parse_time(text, style, false)?.0),
        oid::TIMETZ => {
            let (micros, west) = datetime_input::parse_time(text, style, true)?;
            Value::TimeTz(micros, west)
        }
        oid::TIMESTAMP => Value::Timestamp(datetime_input::parse_timestamp(text, style, false)?),
        oid::TIMESTAMPTZ => Value::TimestampTz(datetime_input::parse_timestamp(text, style, true)?),
        oid::INTERVAL => {
            Value::Interval(parse_interval(text, super::typmod::interval_unit(data_type.typmod))?)
        }
        oid::UUID => Value::Uuid(parse_uuid(text).ok_or_else(|| invalid_syntax("uuid", text))?),
        oid::JSON => {
            json::validate(text)?;
            Value::Json(text.into())
        }
        oid::JSONB => Value::Jsonb(Arc::new(json::parse(text)?)),
        oid::INET => Value::Inet(Arc::new(parse_inet(text, false)?)),
        oid::CIDR => Value::Inet(Arc::new(parse_inet(text, true)?)),
        oid::MACADDR => Value::MacAddr(parse_macaddr(text).ok_or_else(|| invalid_syntax("macaddr", text))?),
        oid::VOID => Value::Void,
        other => input_constructed(text, other, data_type.typmod, context)?,
    })
}

fn input_constructed(text: &str, type_oid: Oid, typmod: i32, context: TextContext<'_>) -> Result<Value> {
    match context.types.kind(type_oid) {
        Some(TypeKind::Array(element)) => {
            composite_text::parse_array(text, DataType { oid: element, typmod }, type_oid, context)
        }
        Some(TypeKind::Range(subtype)) => composite_text::parse_range(text, type_oid, subtype, context),
        Some(TypeKind::Enum) => context.types.enum_value(type_oid, text).map(Value::Enum).ok_or_else(|| {
            let name = context.types.type_name(type_oid);
            DatabaseError::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid input value for enum {name}: \"{text}\""),
            )
        }),
        Some(TypeKind::Domain(base)) => {
            let value = input(text, base, context)?;
            context.types.check_domain(type_oid, &value)?;
            Ok(value)
        }
        Some(TypeKind::Composite(columns)) => {
            let values = composite_text::parse_record(text, &columns, context)?;
            let types = columns.iter().map(|column| column.oid).collect();
            Ok(Value::Record(Arc::new(RecordValue { type_oid, types, values })))
        }
        _ => {
            let name = context.types.type_name(type_oid);
            Err(DatabaseError::unsupported(format!("input of a value of type {name}")))
        }
    }
}
