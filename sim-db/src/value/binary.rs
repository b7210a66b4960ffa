//! Binary input and output: the send and receive formats of the wire protocol.

use super::text::{TypeCatalog, TypeKind};
use super::{ArrayValue, DataType, Inet, Interval, Numeric, Oid, RangeValue, RecordValue, Value, json, oid};
use crate::error::{DatabaseError, Result, SqlState};
use num_bigint::{BigInt, Sign};
use std::net::IpAddr;
use std::sync::Arc;

/// Appends the binary format of a value of a type; nothing for `NULL`, whose length is -1.
pub fn write(out: &mut Vec<u8>, value: &Value, types: &dyn TypeCatalog) {
    match value {
        Value::Null | Value::Void => {}
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Int2(n) => out.extend(n.to_be_bytes()),
        Value::Int4(n) => out.extend(n.to_be_bytes()),
        Value::Int8(n) | Value::Time(n) | Value::Timestamp(n) | Value::TimestampTz(n) => {
            out.extend(n.to_be_bytes())
        }
        Value::Oid(n) => out.extend(n.to_be_bytes()),
        Value::Float4(n) => out.extend(n.to_be_bytes()),
        Value::Float8(n) => out.extend(n.to_be_bytes()),
        Value::Numeric(n) => write_numeric(out, n),
        Value::Text(text) | Value::Char(text) | Value::Json(text) => out.extend(text.as_bytes()),
        Value::Byte(b) => out.push(*b),
        Value::Bytea(bytes) => out.extend(&**bytes),
        Value::Date(days) => out.extend(days.to_be_bytes()),
        Value::TimeTz(micros, west) => {
            out.extend(micros.to_be_bytes());
            out.extend(west.to_be_bytes());
        }
        Value::Interval(interval) => {
            out.extend(interval.micros.to_be_bytes());
            out.extend(interval.days.to_be_bytes());
            out.extend(interval.months.to_be_bytes());
        }
        Value::Uuid(bytes) => out.extend(bytes),
        Value::Jsonb(document) => {
            let mut text = String::new();
            json::write(&mut text, document);
            out.push(1);
            out.extend(text.as_bytes());
        }
        Value::Array(array) => {
            let nulls = array.values.iter().any(Value::is_null);
            out.extend((array.dimensions.len() as i32).to_be_bytes());
            out.extend(i32::from(nulls).to_be_bytes());
            out.extend(array.element.to_be_bytes());
            for (length, lower) in &array.dimensions {
                out.extend((*length as i32).to_be_bytes());
                out.extend(lower.to_be_bytes());
            }
            for value in &array.values {
                write_sized(out, value, types);
            }
        }
        Value::Record(record) => {
            out.extend((record.values.len() as i32).to_be_bytes());
            for (at, value) in record.values.iter().enumerate() {
                out.extend(record.types.get(at).copied().unwrap_or(oid::TEXT).to_be_bytes());
                write_sized(out, value, types);
            }
        }
        Value::Enum(value) => out.extend(value.label.as_bytes()),
        Value::Inet(inet) => {
            out.push(if inet.address.is_ipv4() { 2 } else { 3 });
            out.push(inet.prefix);
            out.push(u8::from(inet.cidr));
            match inet.address {
                IpAddr::V4(address) => {
                    out.push(4);
                    out.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    out.push(16);
                    out.extend(address.octets());
                }
            }
        }
        Value::MacAddr(bytes) => out.extend(bytes),
        Value::Range(range) => write_range(out, range, types),
    }
}

/// Appends the length and the binary format; -1 alone for `NULL`.
pub fn write_sized(out: &mut Vec<u8>, value: &Value, types: &dyn TypeCatalog) {
    if value.is_null() {
        return out.extend((-1_i32).to_be_bytes());
    }
    let at = out.len();
    out.extend([0; 4]);
    write(out, value, types);
    let length = (out.len() - at - 4) as i32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn write_range(out: &mut Vec<u8>, range: &RangeValue, types: &dyn TypeCatalog) {
    if range.empty {
        return out.push(1);
    }
    let mut flags = 0;
    if range.lower_inclusive {
        flags |= 0x02;
    }
    if range.upper_inclusive {
        flags |= 0x04;
    }
    if range.lower.is_none() {
        flags |= 0x08;
    }
    if range.upper.is_none() {
        flags |= 0x10;
    }
    out.push(flags);
    for bound in [&range.lower, &range.upper].into_iter().flatten() {
        write_sized(out, bound, types);
    }
}

fn write_numeric(out: &mut Vec<u8>, number: &Numeric) {
    let special = |out: &mut Vec<u8>, sign: u16| {
        out.extend([0; 4]);
        out.extend(sign.to_be_bytes());
        out.extend([0; 2]);
    };
    let Numeric::Finite { unscaled, scale } = number else {
        return special(
            out,
            match number {
                Numeric::Infinity => 0xD000,
                Numeric::NegativeInfinity => 0xF000,
                _ => 0xC000,
            },
        );
    };
    let mut digits = unscaled.magnitude().to_string();
    let scale = *scale as usize;
    while digits.len() < scale + 1 {
        digits.insert(0, '0');
    }
    let whole = digits.len() - scale;
    let padding_left = (4 - whole % 4) % 4;
    let padding_right = (4 - scale % 4) % 4;
    let padded = format!("{}{digits}{}", "0".repeat(padding_left), "0".repeat(padding_right));
    let mut groups: Vec<i16> = padded
        .as_bytes()
        .chunks(4)
        .map(|chunk| chunk.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
        .collect();
    let mut weight = (whole + padding_left) as i16 / 4 - 1;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    weight -= zeros as i16;
    if groups.is_empty() {
        weight = 0;
    }
    out.extend((groups.len() as i16).to_be_bytes());
    out.extend(weight.to_be_bytes());
    out.extend((if unscaled.sign() == Sign::Minus { 0x4000_u16 } else { 0 }).to_be_bytes());
    out.extend((scale as u16).to_be_bytes());
    for group in groups {
        out.extend(group.to_be_bytes());
    }
}

/// Bytes of one value, read from the front.
struct Reader<'a> {
    bytes: &'a [u8],
}

fn insufficient() -> DatabaseError {
    DatabaseError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
}

fn malformed(message: impl Into<String>) -> DatabaseError {
    DatabaseError::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if self.bytes.len() < count {
            return Err(insufficient());
        }
        let (head, tail) = self.bytes.split_at(count);
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many bytes as taken"))
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<&'a str> {
        let bytes = std::mem::take(&mut self.bytes);
        check_text(bytes)
    }
}

/// Checks that bytes are a text the server can store: UTF-8 without a zero byte.
///
/// # Errors
///
/// 22021 naming the first bad sequence.
pub fn check_text(bytes: &[u8]) -> Result<&str> {
    let invalid = |sequence: &[u8]| {
        let hex: Vec<String> = sequence.iter().map(|byte| format!("0x{byte:02x}")).collect();
        let message = format!("invalid byte sequence for encoding \"UTF8\": {}", hex.join(" "));
        DatabaseError::new(SqlState(*b"22021"), message)
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(invalid(&[0])),
        Ok(text) => Ok(text),
        Err(error) => {
            let bad = &bytes[error.valid_up_to()..];
            let wanted = match bad[0] {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                _ => 1,
            };
            Err(invalid(&bad[..wanted.min(bad.len())]))
        }
    }
}

/// Reads a value of a type; `number` is that of the parameter, for messages (0 outside a Bind).
///
/// # Errors
///
/// 08P01 for too few bytes, 22P03 for too many or bad ones, 22021 for text that is not UTF-8.
pub fn read(bytes: &[u8], data_type: DataType, types: &dyn TypeCatalog, number: usize) -> Result<Value> {
    let mut reader = Reader { bytes };
    let value = read_value(&mut reader, data_type.oid, types)?;
    if !reader.bytes.is_empty() {
        return Err(malformed(format!("incorrect binary data format in bind parameter {number}")));
    }
    super::typmod::apply(value, data_type, false)
}

fn read_value(reader: &mut Reader<'_>, type_oid: Oid, types: &dyn TypeCatalog) -> Result<Value> {
    Ok(match type_oid {
        oid::BOOL => Value::Bool(reader.array::<1>()?[0] != 0),
        oid::INT2 => Value::Int2(reader.i16()?),
        oid::INT4 => Value::Int4(reader.i32()?),
        oid::INT8 => Value::Int8(reader.i64()?),
        oid::OID
        | oid::XID
        | oid::CID
        | oid::REGCLASS
        | oid::REGTYPE
        | oid::REGPROC
        | oid::REGPROCEDURE
        | oid::REGNAMESPACE
        | oid::REGROLE => Value::Oid(reader.i32()? as u32),
        oid::FLOAT4 => Value::Float4(f32::from_be_bytes(reader.array()?)),
        oid::FLOAT8 => Value::Float8(f64::from_be_bytes(reader.array()?)),
        oid::NUMERIC => Value::numeric(read_numeric(reader)?),
        oid::TEXT | oid::VARCHAR | oid::NAME | oid::UNKNOWN => Value::text(reader.text()?),
        oid::BPCHAR => Value::Char(reader.text()?.into()),
        oid::CHAR => Value::Byte(reader.array::<1>()?[0]),
        oid::BYTEA => Value::Bytea(std::mem::take(&mut reader.bytes).into()),
        oid::DATE => Value::Date(reader.i32()?),
        oid::TIME => Value::Time(reader.i64()?),
        oid::TIMETZ => Value::TimeTz(reader.i64()?, reader.i32()?),
        oid::TIMESTAMP => Value::Timestamp(reader.i64()?),
        oid::TIMESTAMPTZ => Value::TimestampTz(reader.i64()?),
        oid::INTERVAL => {
            let (micros, days, months) = (reader.i64()?, reader.i32()?, reader.i32()?);
            Value::Interval(Interval::new(months, days, micros))
        }
        oid::UUID => Value::Uuid(reader.array()?),
        oid::JSON => {
            let text = reader.text()?;
            json::validate(text)?;
            Value::Json(text.into())
        }
        oid::JSONB => {
            let version = reader.array::<1>()?[0];
            if version != 1 {
                return Err(DatabaseError::internal(format!("unsupported jsonb version number {version}")));
            }
            Value::Jsonb(Arc::new(json::parse(reader.text()?)?))
        }
        oid::INET | oid::CIDR => {
            let [family, prefix, cidr, length] = reader.array::<4>()?;
            let address = match (family, length) {
                (2, 4) => IpAddr::from(reader.array::<4>()?),
                (3, 16) => IpAddr::from(reader.array::<16>()?),
                _ => return Err(malformed("invalid address family in external \"inet\" value")),
            };
            Value::Inet(Arc::new(Inet { address, prefix, cidr: cidr != 0 }))
        }
        oid::MACADDR => Value::MacAddr(reader.array()?),
        oid::VOID => Value::Void,
        other => read_constructed(reader, other, types)?,
    })
}

fn read_sized(reader: &mut Reader<'_>, type_oid: Oid, types: &dyn TypeCatalog) -> Result<Value> {
    let length = reader.i32()?;
    if length < 0 {
        return Ok(Value::Null);
    }
    let mut inner = Reader { bytes: reader.take(length as usize)? };
    let value = read_value(&mut inner, type_oid, types)?;
    if inner.bytes.is_empty() { Ok(value) } else { Err(malformed("improper binary format in array element")) }
}

fn read_constructed(reader: &mut Reader<'_>, type_oid: Oid, types: &dyn TypeCatalog) -> Result<Value> {
    match types.kind(type_oid) {
        Some(TypeKind::Array(element)) => {
            let dimension_count = reader.i32()?;
            let _has_nulls = reader.i32()?;
            let given = reader.i32()? as u32;
            if !(0..=6).contains(&dimension_count) {
                return Err(malformed(format!("invalid number of array dimensions: {dimension_count}")));
            }
            if given != element {
                let message = "wrong element type";
                return Err(DatabaseError::new(SqlState::DATATYPE_MISMATCH, message));
            }
            let mut dimensions = Vec::new();
            let mut count = 1_usize;
            for _ in 0..dimension_count {
                let (length, lower) = (reader.i32()?, reader.i32()?);
                let length = usize::try_from(length).map_err(|_| malformed("invalid array dimension"))?;
                count = count
                    .checked_mul(length)
                    .filter(|n| *n <= reader.bytes.len())
                    .ok_or_else(insufficient)?;
                dimensions.push((length, lower));
            }
            let count = if dimensions.is_empty() { 0 } else { count };
            let values =
                (0..count).map(|_| read_sized(reader, element, types)).collect::<Result<Vec<_>>>()?;
            if values.is_empty() {
                dimensions.clear();
            }
            Ok(Value::Array(Arc::new(ArrayValue { element, dimensions, values })))
        }
        Some(TypeKind::Enum) => {
            let label = reader.text()?;
            types.enum_value(type_oid, label).map(Value::Enum).ok_or_else(|| {
                let name = types.type_name(type_oid);
                DatabaseError::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    format!("invalid input value for enum {name}: \"{label}\""),
                )
            })
        }
        Some(TypeKind::Domain(base)) => {
            let value = super::typmod::apply(read_value(reader, base.oid, types)?, base, false)?;
            types.check_domain(type_oid, &value)?;
            Ok(value)
        }
        Some(TypeKind::Range(subtype)) => {
            let flags = reader.array::<1>()?[0];
            if flags & 1 != 0 {
                return Ok(Value::Range(Arc::new(RangeValue::empty(type_oid))));
            }
            let lower = if flags & 0x08 == 0 { Some(read_sized(reader, subtype, types)?) } else { None };
            let upper = if flags & 0x10 == 0 { Some(read_sized(reader, subtype, types)?) } else { None };
            let range = RangeValue::new(type_oid, lower, upper, flags & 0x02 != 0, flags & 0x04 != 0)?;
            Ok(Value::Range(Arc::new(range)))
        }
        Some(TypeKind::Composite(columns)) => {
            let count = reader.i32()?;
            if count as usize != columns.len() {
                return Err(DatabaseError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("wrong number of columns: {count}, expected {}", columns.len()),
                ));
            }
            let mut values = Vec::new();
            for column in columns.iter() {
                let _given = reader.i32()?;
                values.push(read_sized(reader, column.oid, types)?);
            }
            let types = columns.iter().map(|column| column.oid).collect();
            Ok(Value::Record(Arc::new(RecordValue { type_oid, types, values })))
        }
        _ => {
            let name = types.type_name(type_oid);
            let message = format!("no binary input function available for type {name}");
            Err(DatabaseError::new(SqlState::UNDEFINED_FUNCTION, message))
        }
    }
}

fn read_numeric(reader: &mut Reader<'_>) -> Result<Numeric> {
    let count = reader.i16()? as u16 as usize;
    let weight = i64::from(reader.i16()?);
    let sign = reader.i16()? as u16;
    let scale = reader.i16()? as u16;
    match sign {
        0xC000 => return Ok(Numeric::NaN),
        0xD000 => return Ok(Numeric::Infinity),
        0xF000 => return Ok(Numeric::NegativeInfinity),
        0 | 0x4000 => {}
        _ => return Err(malformed("invalid sign in external \"numeric\" value")),
    }
    let mut unscaled = BigInt::ZERO;
    for _ in 0..count {
        let digit = reader.i16()?;
        if !(0..10_000).contains(&digit) {
            return Err(malformed("invalid digit in external \"numeric\" value"));
        }
        unscaled = unscaled * 10_000 + digit;
    }
    // The value is digits * 10000^(weight - count + 1).
    let exponent = (weight - count as i64 + 1) * 4;
    let number = if exponent >= 0 {
        Numeric::new(unscaled * super::numeric::power_of_ten(exponent as u32), 0)
    } else {
        Numeric::new(unscaled, (-exponent) as u32)
    };
    let number = if sign == 0x4000 { number.neg() } else { number };
    Ok(number.truncate(i32::from(scale)))
}
