//! `to_char` and `to_number` of numbers.

use super::arithmetic::{f64_of, numeric_of};
use super::string::str_of;
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Numeric, Value};

#[derive(Default)]
struct Shape {
    fill: bool,
    whole: usize,
    zeros_from: Option<usize>,
    decimals: usize,
    decimals_forced: usize,
    sign: Option<&'static str>,
    point: bool,
}

fn format(number: &Numeric, pattern: &str) -> Result<Value> {
    let upper = pattern.to_ascii_uppercase();
    if upper.contains("EEEE") {
        let digits = upper.split_once('.').map_or(0, |(_, rest)| rest.matches('9').count());
        let text = format!("{:.*e}", digits, number.to_f64());
        let (mantissa, exponent) = text.split_once('e').expect("exponent format");
        let exponent: i32 = exponent.parse().expect("exponent digits");
        let lead = if number.is_negative() { "" } else { " " };
        let sign = if exponent < 0 { '-' } else { '+' };
        return Ok(Value::text(format!("{lead}{mantissa}e{sign}{:02}", exponent.abs())));
    }
    if upper.trim_start_matches("FM") == "RN" {
        return Ok(Value::text(roman(number, !upper.starts_with("FM"))));
    }
    let mut shape = Shape { fill: true, ..Shape::default() };
    let body = match upper.strip_prefix("FM") {
        Some(rest) => {
            shape.fill = false;
            rest.to_owned()
        }
        None => upper.clone(),
    };
    // First pass: digits before and after the point, signs.
    let mut chars = body.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        if c == '"' {
            quoted = !quoted;
            continue;
        }
        if quoted {
            continue;
        }
        match c {
            '9' | '0' if shape.point => {
                shape.decimals += 1;
                if c == '0' {
                    shape.decimals_forced = shape.decimals;
                }
            }
            '9' | '0' => {
                if c == '0' && shape.zeros_from.is_none() {
                    shape.zeros_from = Some(shape.whole);
                }
                shape.whole += 1;
            }
            '.' | 'D' => shape.point = true,
            'S' => shape.sign = Some("S"),
            'M' if chars.peek() == Some(&'I') => {
                chars.next();
                shape.sign = Some("MI");
            }
            'P' if chars.peek() == Some(&'R') => {
                chars.next();
                shape.sign = Some("PR");
            }
            _ => {}
        }
    }
    let rounded = number.round(shape.decimals as i32);
    let negative = rounded.is_negative();
    let text = rounded.to_string();
    let text = text.trim_start_matches('-');
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole = if whole == "0" && shape.whole > 0 && shape.zeros_from.is_none() && shape.decimals > 0 {
        ""
    } else {
        whole
    };
    let overflow = whole.len() > shape.whole;
    let digits: Vec<char> = if overflow {
        "#".repeat(shape.whole).chars().collect()
    } else {
        format!("{whole:>width$}", width = shape.whole).chars().collect()
    };
    let decimals: String = if overflow { "#".repeat(shape.decimals) } else { decimals.to_owned() };
    let shown_decimals = if shape.fill || overflow {
        decimals.len()
    } else {
        decimals.trim_end_matches('0').len().max(shape.decimals_forced)
    };
    // Second pass: write.
    let mut out = String::new();
    let (mut digit, mut decimal) = (0, 0);
    let mut started = false;
    let mut point = false;
    let mut sign_written = shape.sign.is_some();
    let mut chars = body.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        if c == '"' {
            quoted = !quoted;
            continue;
        }
        if quoted {
            out.push(c);
            continue;
        }
        match c {
            '9' | '0' if point => {
                if decimal < shown_decimals {
                    out.push(decimals.as_bytes()[decimal] as char);
                }
                decimal += 1;
            }
            '9' | '0' => {
                let here = digits[digit];
                let zero = shape.zeros_from.is_some_and(|from| digit >= from);
                let last_blank_zero = here == ' ' && digit + 1 == shape.whole && shape.decimals == 0;
                digit += 1;
                let shown = if here != ' ' {
                    Some(here)
                } else if zero || last_blank_zero {
                    Some('0')
                } else {
                    None
                };
                match shown {
                    Some(shown) => {
                        if !started && !sign_written {
                            out.push_str(if negative {
                                "-"
                            } else if shape.fill {
                                " "
                            } else {
                                ""
                            });
                            sign_written = true;
                        }
                        started = true;
                        out.push(shown);
                    }
                    None if shape.fill => out.push(' '),
                    None => {}
                }
            }
            '.' | 'D' => {
                if !sign_written {
                    out.push_str(if negative {
                        "-"
                    } else if shape.fill {
                        " "
                    } else {
                        ""
                    });
                    sign_written = true;
                }
                point = true;
                if shown_decimals > 0 || shape.fill || body.ends_with(['.', 'D']) || shape.decimals > 0 {
                    out.push('.');
                }
            }
            ',' | 'G' => {
                if started {
                    out.push(',');
                } else if shape.fill {
                    out.push(' ');
                }
            }
            'S' => out.push(if negative { '-' } else { '+' }),
            'M' if chars.peek() == Some(&'I') => {
                chars.next();
                out.push_str(if negative {
                    "-"
                } else if shape.fill {
                    " "
                } else {
                    ""
                });
            }
            'P' if chars.peek() == Some(&'R') => {
                chars.next();
                if negative {
                    out.push('>');
                } else if shape.fill {
                    out.push(' ');
                }
            }
            'L' => out.push_str(if shape.fill { " " } else { "" }),
            'T' if chars.peek() == Some(&'H') => {
                chars.next();
            }
            'F' if chars.peek() == Some(&'M') => {
                chars.next();
            }
            other => out.push(other),
        }
    }
    if shape.sign == Some("PR") && negative {
        let blanks = out.len() - out.trim_start().len();
        out.insert(blanks, '<');
    } else if shape.sign == Some("PR") && shape.fill {
        out.insert(0, ' ');
    }
    if shape.sign == Some("S") && out.starts_with(['+', '-']) {
        // The sign moves to the first digit.
        let sign = out.remove(0);
        let blanks = out.len() - out.trim_start().len();
        out.insert(blanks, sign);
    }
    Ok(Value::text(out))
}

fn roman(number: &Numeric, fill: bool) -> String {
    let Some(mut n) = number.to_i64().filter(|n| (1..4000).contains(n)) else {
        return "#".repeat(15);
    };
    let mut out = String::new();
    for (value, digits) in [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ] {
        while n >= value {
            out.push_str(digits);
            n -= value;
        }
    }
    if fill { format!("{out:>15}") } else { out }
}

fn to_number(text: &str, pattern: &str) -> Result<Value> {
    let scale = pattern
        .to_ascii_uppercase()
        .split_once(['.', 'D'])
        .map_or(0, |(_, rest)| rest.chars().filter(|c| matches!(c, '9' | '0')).count());
    let negative = text.contains('-') || (text.contains('<') && text.contains('>'));
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let number = Numeric::parse(if digits.is_empty() { "0" } else { &digits })
        .ok_or_else(|| error(b"22P02", format!("invalid input syntax for type numeric: \"{text}\"")))?;
    let number = if negative { number.neg() } else { number };
    Ok(Value::numeric(number.truncate(scale as i32)))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("to_char", &[NUMERIC, TEXT], TEXT, |_, a| format(numeric_of(&a[0]), str_of(&a[1]))),
    Function::scalar("to_char", &[INT4, TEXT], TEXT, |_, a| {
        format(&Numeric::from(a[0].as_i64().unwrap_or(0)), str_of(&a[1]))
    }),
    Function::scalar("to_char", &[INT8, TEXT], TEXT, |_, a| {
        format(&Numeric::from(a[0].as_i64().unwrap_or(0)), str_of(&a[1]))
    }),
    Function::scalar("to_char", &[FLOAT8, TEXT], TEXT, |_, a| {
        format(&Numeric::from_f64(f64_of(&a[0]), 15), str_of(&a[1]))
    }),
    Function::scalar("to_char", &[FLOAT4, TEXT], TEXT, |_, a| {
        format(&Numeric::from_f64(f64_of(&a[0]), 6), str_of(&a[1]))
    }),
    Function::scalar("to_number", &[TEXT, TEXT], NUMERIC, |_, a| to_number(str_of(&a[0]), str_of(&a[1]))),
];
