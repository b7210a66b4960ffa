//! Types as written, resolved.

use crate::error::Result;
use crate::sql::catalog::Env;
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::value::{DataType, Oid, oid, typmod};
use sqlparser::ast::{
    self, ArrayElemTypeDef, CharacterLength, ExactNumberInfo, IntervalFields, ObjectName, ObjectNamePart,
    TimezoneInfo,
};

/// Types that PostgreSQL has and this does not.
const UNSUPPORTED: &[&str] = &[
    "bit",
    "varbit",
    "xml",
    "money",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "macaddr8",
    "pg_lsn",
    "txid_snapshot",
    "pg_snapshot",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
];

/// An identifier's name: folded unless quoted, cut at 63 bytes.
pub fn fold(ident: &ast::Ident) -> String {
    let mut name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
    if name.len() > 63 {
        let mut end = 63;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
    name
}

/// The identifiers of a name.
///
/// # Errors
///
/// 0A000 for forms that are not PostgreSQL's.
pub fn idents(name: &ObjectName) -> Result<Vec<&ast::Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(ident),
            ObjectNamePart::Function(_) => Err(unsupported("a function as a name")),
        })
        .collect()
}

/// Schema and name of a qualified name; a database before them is left out.
///
/// # Errors
///
/// 42601 for too many parts.
pub fn qualified(name: &ObjectName) -> Result<(Option<String>, String, &ast::Ident)> {
    let parts = idents(name)?;
    match parts.as_slice() {
        [name] => Ok((None, fold(name), name)),
        [schema, name] | [_, schema, name] => Ok((Some(fold(schema)), fold(name), name)),
        _ => Err(error(b"42601", format!("improper qualified name (too many dotted names): {name}"))),
    }
}

fn length(given: Option<CharacterLength>, default: i32, name: &str) -> Result<i32> {
    match given {
        None if default < 0 => Ok(-1),
        None => Ok(typmod::of_length(default)),
        Some(CharacterLength::Max) => Err(unsupported("MAX as a length")),
        Some(CharacterLength::IntegerLength { length, .. }) => match i32::try_from(length) {
            Ok(0) => Err(error(b"22023", format!("length for type {name} must be at least 1"))),
            Ok(length) if length <= 10_485_760 => Ok(typmod::of_length(length)),
            _ => Err(error(b"22023", format!("length for type {name} cannot exceed 10485760"))),
        },
    }
}

fn numeric(info: ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(DataType::of(oid::NUMERIC)),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    if !(1..=1000).contains(&precision) {
        return Err(error(b"22023", format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(error(b"22023", format!("NUMERIC scale {scale} must be between -1000 and 1000")));
    }
    Ok(DataType { oid: oid::NUMERIC, typmod: typmod::of_numeric(precision as i32, scale as i32) })
}

fn time_precision(precision: Option<u64>) -> i32 {
    precision.map_or(-1, |p| p.min(6) as i32)
}

fn interval_typmod(fields: Option<IntervalFields>, precision: Option<u64>) -> i32 {
    const YEAR: i32 = 1 << 2;
    const MONTH: i32 = 1 << 1;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    let range = match fields {
        None if precision.is_none() => return -1,
        None => 0x7fff,
        Some(IntervalFields::Year) => YEAR,
        Some(IntervalFields::Month) => MONTH,
        Some(IntervalFields::Day) => DAY,
        Some(IntervalFields::Hour) => HOUR,
        Some(IntervalFields::Minute) => MINUTE,
        Some(IntervalFields::Second) => SECOND,
        Some(IntervalFields::YearToMonth) => YEAR | MONTH,
        Some(IntervalFields::DayToHour) => DAY | HOUR,
        Some(IntervalFields::DayToMinute) => DAY | HOUR | MINUTE,
        Some(IntervalFields::DayToSecond) => DAY | HOUR | MINUTE | SECOND,
        Some(IntervalFields::HourToMinute) => HOUR | MINUTE,
        Some(IntervalFields::HourToSecond) => HOUR | MINUTE | SECOND,
        Some(IntervalFields::MinuteToSecond) => MINUTE | SECOND,
    };
    range << 16 | precision.map_or(0xffff, |p| p.min(6) as i32)
}

fn custom(name: &ObjectName, modifiers: &[String], env: &Env) -> Result<DataType> {
    let (schema, type_name, ident) = qualified(name)?;
    let unqualified_builtin = match type_name.as_str() {
        "serial" | "serial4" => Some(oid::INT4),
        "bigserial" | "serial8" => Some(oid::INT8),
        "smallserial" | "serial2" => Some(oid::INT2),
        "string" => None,
        _ => None,
    };
    if schema.is_none()
        && let Some(oid) = unqualified_builtin
    {
        return Ok(DataType::of(oid));
    }
    let found = env.find_type(schema.as_deref(), &type_name);
    let Some(found) = found else {
        if schema.is_none() && UNSUPPORTED.contains(&type_name.as_str()) {
            return Err(unsupported(format!("type {type_name}")));
        }
        let shown = match &schema {
            Some(schema) => format!("{schema}.{type_name}"),
            None => type_name,
        };
        return Err(error_at_ident(ident, b"42704", format!("type \"{shown}\" does not exist")));
    };
    let first = modifiers.first().and_then(|m| m.parse::<i32>().ok());
    let typmod = match (found, first) {
        (oid::VARCHAR | oid::BPCHAR, Some(length)) => typmod::of_length(length),
        (oid::NUMERIC, Some(precision)) => {
            let scale = modifiers.get(1).and_then(|m| m.parse::<i32>().ok()).unwrap_or(0);
            typmod::of_numeric(precision, scale)
        }
        (oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ, Some(precision)) => {
            precision.clamp(0, 6)
        }
        _ => -1,
    };
    Ok(DataType { oid: found, typmod })
}

fn array(element: DataType, env: &Env) -> Result<DataType> {
    if env.element_of(element.oid).is_some() {
        return Ok(element);
    }
    let found = env.array_of(element.oid).ok_or_else(|| {
        use crate::value::text::TypeCatalog;
        error(b"42704", format!("could not find array type for data type {}", env.type_name(element.oid)))
    })?;
    Ok(DataType { oid: found, typmod: element.typmod })
}

/// Resolves a type.
///
/// # Errors
///
/// 42704 when there is no such type, 22023 for a bad modifier.
pub fn resolve(data_type: &ast::DataType, env: &Env) -> Result<DataType> {
    use ast::DataType as T;
    let of = |oid: Oid| Ok(DataType::of(oid));
    match data_type {
        T::Bool | T::Boolean => of(oid::BOOL),
        T::SmallInt(_) | T::Int2(_) => of(oid::INT2),
        T::Int(_) | T::Integer(_) | T::Int4(_) => of(oid::INT4),
        T::BigInt(_) | T::Int8(_) => of(oid::INT8),
        T::Real | T::Float4 => of(oid::FLOAT4),
        T::DoublePrecision | T::Float8 => of(oid::FLOAT8),
        T::Float(ExactNumberInfo::Precision(precision)) if *precision <= 24 => of(oid::FLOAT4),
        T::Float(_) => of(oid::FLOAT8),
        T::Numeric(info) | T::Decimal(info) | T::Dec(info) => numeric(*info),
        T::Text => of(oid::TEXT),
        T::Varchar(given) | T::CharacterVarying(given) | T::CharVarying(given) => {
            Ok(DataType { oid: oid::VARCHAR, typmod: length(*given, -1, "varchar")? })
        }
        T::Char(given) | T::Character(given) => {
            Ok(DataType { oid: oid::BPCHAR, typmod: length(*given, 1, "char")? })
        }
        T::Uuid => of(oid::UUID),
        T::Bytea => of(oid::BYTEA),
        T::Date => of(oid::DATE),
        T::Time(precision, zone) => {
            let zoned = matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz);
            Ok(DataType {
                oid: if zoned { oid::TIMETZ } else { oid::TIME },
                typmod: time_precision(*precision),
            })
        }
        T::Timestamp(precision, zone) => {
            let zoned = matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz);
            let oid = if zoned { oid::TIMESTAMPTZ } else { oid::TIMESTAMP };
            Ok(DataType { oid, typmod: time_precision(*precision) })
        }
        T::Interval { fields, precision } => {
            Ok(DataType { oid: oid::INTERVAL, typmod: interval_typmod(*fields, *precision) })
        }
        T::JSON => of(oid::JSON),
        T::JSONB => of(oid::JSONB),
        T::Regclass => of(oid::REGCLASS),
        T::Custom(name, modifiers) => {
            let modifiers: Vec<String> = modifiers.iter().map(ToString::to_string).collect();
            custom(name, &modifiers, env)
        }
        T::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => array(resolve(element, env)?, env),
        T::Collate(inner, _) => resolve(inner, env),
        other => {
            // Words that only sqlparser has as types are names to PostgreSQL.
            let name = other.to_string().to_lowercase();
            match env.find_type(None, &name) {
                Some(oid) => of(oid),
                None => Err(unsupported(format!("type {name}"))),
            }
        }
    }
}

/// The sequence type behind `serial` and its kin.
pub fn serial(data_type: &ast::DataType) -> Option<Oid> {
    let ast::DataType::Custom(name, _) = data_type else { return None };
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
    Some(match fold(ident).as_str() {
        "serial" | "serial4" => oid::INT4,
        "bigserial" | "serial8" => oid::INT8,
        "smallserial" | "serial2" => oid::INT2,
        _ => return None,
    })
}
