//! Functions of `bytea`, digests, encodings, UUIDs, network addresses.

use super::arithmetic::{i32_of, i64_of};
use super::string::str_of;
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::text::parse_hex;
use crate::value::{Inet, Value};
use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use std::sync::Arc;

fn bytes_of(value: &Value) -> &[u8] {
    match value {
        Value::Bytea(bytes) => bytes,
        _ => &[],
    }
}

fn bytea(bytes: Vec<u8>) -> Value {
    Value::Bytea(bytes.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut line = 0;
    for chunk in bytes.chunks(3) {
        if line == 76 {
            out.push('\n');
            line = 0;
        }
        let n = chunk.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            if at > chunk.len() {
                out.push('=');
            } else {
                out.push(BASE64[(n >> (18 - 6 * at) & 63) as usize] as char);
            }
        }
        line += 4;
    }
    out
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace()) {
        if c == b'=' {
            break;
        }
        let digit = BASE64.iter().position(|d| *d == c).ok_or_else(|| {
            error(b"22023", format!("invalid symbol \"{}\" found while decoding base64 sequence", c as char))
        })?;
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Ok(out)
}

fn encode(bytes: &[u8], format: &str) -> Result<Value> {
    Ok(Value::text(match format.to_ascii_lowercase().as_str() {
        "hex" => hex(bytes),
        "base64" => base64(bytes),
        "escape" => bytes
            .iter()
            .map(|byte| match byte {
                b'\\' => "\\\\".to_owned(),
                0 | 0x80.. => format!("\\{byte:03o}"),
                other => char::from(*other).to_string(),
            })
            .collect(),
        other => return Err(error(b"22023", format!("unrecognized encoding: \"{other}\""))),
    }))
}

fn decode(text: &str, format: &str) -> Result<Value> {
    Ok(bytea(match format.to_ascii_lowercase().as_str() {
        "hex" => parse_hex(text)?,
        "base64" => from_base64(text)?,
        "escape" => crate::value::text::parse_bytea(text)?,
        other => return Err(error(b"22023", format!("unrecognized encoding: \"{other}\""))),
    }))
}

fn substring(bytes: &[u8], start: i64, length: Option<i64>) -> Result<Value> {
    let end = match length {
        Some(length) if length < 0 => return Err(error(b"22011", "negative substring length not allowed")),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let from = ((start.max(1) - 1) as usize).min(bytes.len());
    let to = (end.max(1) - 1).min(bytes.len() as i64).max(from as i64) as usize;
    Ok(bytea(bytes[from..to].to_vec()))
}

fn byte_index(bytes: &[u8], index: i64) -> Result<usize> {
    usize::try_from(index).ok().filter(|at| *at < bytes.len()).ok_or_else(|| {
        error(b"2202E", format!("index {index} out of valid range, 0..{}", bytes.len() as i64 - 1))
    })
}

fn inet_of(value: &Value) -> Result<&Inet> {
    match value {
        Value::Inet(inet) => Ok(inet),
        _ => Err(crate::error::DatabaseError::internal("an inet argument is an inet")),
    }
}

/// The bits of an address, and their number.
fn address_bits(inet: &Inet) -> (u128, u32) {
    match inet.address {
        std::net::IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        std::net::IpAddr::V6(address) => (u128::from(address), 128),
    }
}

fn network_contains(outer: &Inet, inner: &Inet, strict: bool) -> bool {
    let ((a, bits), (b, other_bits)) = (address_bits(outer), address_bits(inner));
    let shift = bits - u32::from(outer.prefix);
    let same = bits == other_bits && a.checked_shr(shift) == b.checked_shr(shift);
    same && if strict { outer.prefix < inner.prefix } else { outer.prefix <= inner.prefix }
}

fn with_bits(inet: &Inet, bits: u128) -> Inet {
    let address = if inet.address.is_ipv4() {
        std::net::IpAddr::from(std::net::Ipv4Addr::from(bits as u32))
    } else {
        std::net::IpAddr::from(std::net::Ipv6Addr::from(bits))
    };
    Inet { address, ..inet.clone() }
}

fn inet(value: Inet) -> Value {
    Value::Inet(Arc::new(value))
}

fn uuid_v4(exec: &crate::sql::context::Exec) -> Result<Value> {
    let mut bytes = [0; 16];
    exec.session()?.engine().environment().fill_entropy(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Value::Uuid(bytes))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("md5", &[TEXT], TEXT, |_, a| {
        Ok(Value::text(hex(&Md5::digest(str_of(&a[0]).as_bytes()))))
    }),
    Function::scalar("md5", &[BYTEA], TEXT, |_, a| Ok(Value::text(hex(&Md5::digest(bytes_of(&a[0])))))),
    Function::scalar("sha224", &[BYTEA], BYTEA, |_, a| Ok(bytea(Sha224::digest(bytes_of(&a[0])).to_vec()))),
    Function::scalar("sha256", &[BYTEA], BYTEA, |_, a| Ok(bytea(Sha256::digest(bytes_of(&a[0])).to_vec()))),
    Function::scalar("sha384", &[BYTEA], BYTEA, |_, a| Ok(bytea(Sha384::digest(bytes_of(&a[0])).to_vec()))),
    Function::scalar("sha512", &[BYTEA], BYTEA, |_, a| Ok(bytea(Sha512::digest(bytes_of(&a[0])).to_vec()))),
    Function::scalar("encode", &[BYTEA, TEXT], TEXT, |_, a| encode(bytes_of(&a[0]), str_of(&a[1]))),
    Function::scalar("decode", &[TEXT, TEXT], BYTEA, |_, a| decode(str_of(&a[0]), str_of(&a[1]))),
    Function::scalar("length", &[BYTEA], INT4, |_, a| Ok(Value::Int4(bytes_of(&a[0]).len() as i32))),
    Function::scalar("length", &[BYTEA, NAME], INT4, |_, a| {
        Ok(Value::Int4(String::from_utf8_lossy(bytes_of(&a[0])).chars().count() as i32))
    }),
    Function::scalar("octet_length", &[BYTEA], INT4, |_, a| Ok(Value::Int4(bytes_of(&a[0]).len() as i32))),
    Function::scalar("bit_length", &[BYTEA], INT4, |_, a| Ok(Value::Int4(bytes_of(&a[0]).len() as i32 * 8))),
    Function::scalar("||", &[BYTEA, BYTEA], BYTEA, |_, a| {
        Ok(bytea([bytes_of(&a[0]), bytes_of(&a[1])].concat()))
    }),
    Function::scalar("substring", &[BYTEA, INT4], BYTEA, |_, a| {
        substring(bytes_of(&a[0]), i64_of(&a[1]), None)
    }),
    Function::scalar("substring", &[BYTEA, INT4, INT4], BYTEA, |_, a| {
        substring(bytes_of(&a[0]), i64_of(&a[1]), Some(i64_of(&a[2])))
    }),
    Function::scalar("substr", &[BYTEA, INT4], BYTEA, |_, a| substring(bytes_of(&a[0]), i64_of(&a[1]), None)),
    Function::scalar("substr", &[BYTEA, INT4, INT4], BYTEA, |_, a| {
        substring(bytes_of(&a[0]), i64_of(&a[1]), Some(i64_of(&a[2])))
    }),
    Function::scalar("position", &[BYTEA, BYTEA], INT4, |_, a| {
        let (bytes, wanted) = (bytes_of(&a[0]), bytes_of(&a[1]));
        let found =
            if wanted.is_empty() { Some(0) } else { bytes.windows(wanted.len()).position(|w| w == wanted) };
        Ok(Value::Int4(found.map_or(0, |at| at as i32 + 1)))
    }),
    Function::scalar("get_byte", &[BYTEA, INT4], INT4, |_, a| {
        let bytes = bytes_of(&a[0]);
        Ok(Value::Int4(i32::from(bytes[byte_index(bytes, i64_of(&a[1]))?])))
    }),
    Function::scalar("set_byte", &[BYTEA, INT4, INT4], BYTEA, |_, a| {
        let mut bytes = bytes_of(&a[0]).to_vec();
        let at = byte_index(&bytes, i64_of(&a[1]))?;
        bytes[at] = i32_of(&a[2]) as u8;
        Ok(bytea(bytes))
    }),
    Function::scalar("btrim", &[BYTEA, BYTEA], BYTEA, |_, a| {
        let set = bytes_of(&a[1]);
        let bytes = bytes_of(&a[0]);
        let from = bytes.iter().position(|byte| !set.contains(byte)).unwrap_or(bytes.len());
        let to = bytes.iter().rposition(|byte| !set.contains(byte)).map_or(from, |at| at + 1);
        Ok(bytea(bytes[from..to].to_vec()))
    }),
    Function::scalar("convert_to", &[TEXT, NAME], BYTEA, |_, a| Ok(bytea(str_of(&a[0]).as_bytes().to_vec()))),
    Function::scalar("convert_from", &[BYTEA, NAME], TEXT, |_, a| {
        Ok(Value::text(crate::value::binary::check_text(bytes_of(&a[0]))?))
    }),
    Function::scalar("gen_random_uuid", &[], UUID, |exec, _| uuid_v4(exec)).volatile(),
    Function::scalar("uuid_generate_v4", &[], UUID, |exec, _| uuid_v4(exec)).volatile(),
    Function::scalar("gen_random_bytes", &[INT4], BYTEA, |exec, a| {
        let length = i32_of(&a[0]);
        if !(1..=1024).contains(&length) {
            return Err(error(b"39000", "Length not in range"));
        }
        let mut bytes = vec![0; length as usize];
        exec.session()?.engine().environment().fill_entropy(&mut bytes);
        Ok(bytea(bytes))
    })
    .volatile(),
    Function::scalar("<<", &[INET, INET], BOOL, |_, a| {
        Ok(Value::Bool(network_contains(inet_of(&a[1])?, inet_of(&a[0])?, true)))
    }),
    Function::scalar("<<=", &[INET, INET], BOOL, |_, a| {
        Ok(Value::Bool(network_contains(inet_of(&a[1])?, inet_of(&a[0])?, false)))
    }),
    Function::scalar(">>", &[INET, INET], BOOL, |_, a| {
        Ok(Value::Bool(network_contains(inet_of(&a[0])?, inet_of(&a[1])?, true)))
    }),
    Function::scalar(">>=", &[INET, INET], BOOL, |_, a| {
        Ok(Value::Bool(network_contains(inet_of(&a[0])?, inet_of(&a[1])?, false)))
    }),
    Function::scalar("+", &[INET, INT8], INET, |_, a| {
        let given = inet_of(&a[0])?;
        let (bits, _) = address_bits(given);
        Ok(inet(with_bits(given, bits.wrapping_add(i64_of(&a[1]) as u128))))
    }),
    Function::scalar("-", &[INET, INET], INT8, |_, a| {
        let ((left, _), (right, _)) = (address_bits(inet_of(&a[0])?), address_bits(inet_of(&a[1])?));
        Ok(Value::Int8(left.wrapping_sub(right) as i64))
    }),
    Function::scalar("host", &[INET], TEXT, |_, a| Ok(Value::text(inet_of(&a[0])?.address.to_string()))),
    Function::scalar("masklen", &[INET], INT4, |_, a| Ok(Value::Int4(i32::from(inet_of(&a[0])?.prefix)))),
    Function::scalar("family", &[INET], INT4, |_, a| {
        Ok(Value::Int4(if inet_of(&a[0])?.address.is_ipv4() { 4 } else { 6 }))
    }),
    Function::scalar("network", &[INET], CIDR, |_, a| {
        let given = inet_of(&a[0])?;
        let (bits, width) = address_bits(given);
        let shift = width - u32::from(given.prefix);
        let masked = bits.checked_shr(shift).and_then(|b| b.checked_shl(shift)).unwrap_or(0);
        Ok(inet(Inet { cidr: true, ..with_bits(given, masked) }))
    }),
];
