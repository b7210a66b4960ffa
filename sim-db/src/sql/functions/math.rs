//! Mathematical functions.

use super::arithmetic::{checked_float, division_by_zero, f64_of, i32_of, i64_of, numeric_of, overflow};
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Numeric, Value};
use num_bigint::BigInt;

/// Bits of the working precision of numeric `exp`, `ln` and `power`, in decimal digits beyond those asked for.
const GUARD_DIGITS: u32 = 12;

/// A fixed-point number of `digits` decimals, for series.
fn fixed(number: &Numeric, digits: u32) -> BigInt {
    match number.truncate(digits as i32) {
        Numeric::Finite { unscaled, .. } => unscaled,
        _ => BigInt::ZERO,
    }
}

/// `e^x` as a fixed-point number.
fn exp_fixed(x: &BigInt, digits: u32) -> BigInt {
    let one = crate::value::numeric::power_of_ten(digits);
    // Halve until small, sum the series, square back.
    let mut halvings = 0_u32;
    let mut reduced = x.clone();
    let limit: BigInt = &one / 8;
    while reduced.magnitude() > limit.magnitude() && halvings < 200 {
        reduced /= 2;
        halvings += 1;
    }
    let mut sum = one.clone();
    let mut term = one.clone();
    for n in 1..400_u32 {
        term = &term * &reduced / &one / n;
        if term == BigInt::ZERO {
            break;
        }
        sum += &term;
    }
    for _ in 0..halvings {
        sum = &sum * &sum / &one;
    }
    sum
}

/// `ln x` as a fixed-point number, for `x` above zero.
fn ln_fixed(x: &BigInt, digits: u32) -> BigInt {
    let one = crate::value::numeric::power_of_ten(digits);
    // Bring x near 1 by square roots, then 2 * atanh((x - 1) / (x + 1)).
    let mut value = x.clone();
    let mut doublings = 0_u32;
    let near: BigInt = &one / 8;
    while (&value - &one).magnitude() > near.magnitude() && doublings < 200 {
        value = (&value * &one).sqrt();
        doublings += 1;
    }
    let ratio = (&value - &one) * &one / (&value + &one);
    let square = &ratio * &ratio / &one;
    let mut term = ratio.clone();
    let mut sum = ratio;
    for n in (3..2000_u32).step_by(2) {
        term = &term * &square / &one;
        let part = &term / n;
        if part == BigInt::ZERO {
            break;
        }
        sum += part;
    }
    sum * 2 * BigInt::from(2).pow(doublings)
}

/// Natural logarithm with the server's number of digits.
fn numeric_ln(number: &Numeric) -> Result<Numeric> {
    let Numeric::Finite { .. } = number else {
        return match number {
            Numeric::NegativeInfinity => Err(error(b"2201E", "cannot take logarithm of a negative number")),
            other => Ok(other.clone()),
        };
    };
    if number.is_zero() {
        return Err(error(b"2201E", "cannot take logarithm of zero"));
    }
    if number.is_negative() {
        return Err(error(b"2201E", "cannot take logarithm of a negative number"));
    }
    let magnitude = number.to_f64().ln().abs().max(1e-300).log10().trunc() as i64;
    let scale = (16 - magnitude).max(i64::from(number.scale())).clamp(0, 1000) as u32;
    let extra = number.scale().max(number.integer_digits().unsigned_abs() as u32) + GUARD_DIGITS;
    let digits = scale + extra;
    Ok(Numeric::new(ln_fixed(&fixed(number, digits), digits), digits).round(scale as i32))
}

fn numeric_exp(number: &Numeric) -> Result<Numeric> {
    let Numeric::Finite { .. } = number else {
        return Ok(if matches!(number, Numeric::NegativeInfinity) {
            Numeric::zero()
        } else {
            number.clone()
        });
    };
    let approximate = number.to_f64() * std::f64::consts::LOG10_E;
    if approximate > 130_000.0 {
        return Err(error(b"22003", "value overflows numeric format"));
    }
    let scale = (16 - approximate.trunc() as i64).max(i64::from(number.scale())).clamp(0, 1000) as u32;
    let digits = scale + approximate.max(0.0) as u32 + GUARD_DIGITS + 8;
    Ok(Numeric::new(exp_fixed(&fixed(number, digits), digits), digits).round(scale as i32))
}

fn numeric_power(base: &Numeric, exponent: &Numeric) -> Result<Numeric> {
    if matches!(base, Numeric::NaN) || matches!(exponent, Numeric::NaN) {
        let one = Numeric::new(1, 0);
        return Ok(if *base == one || exponent.is_zero() { one } else { Numeric::NaN });
    }
    let (Numeric::Finite { .. }, Numeric::Finite { .. }) = (base, exponent) else {
        return Ok(Numeric::from_f64(base.to_f64().powf(exponent.to_f64()), 15));
    };
    if base.is_zero() && exponent.is_negative() {
        return Err(error(b"2201F", "zero raised to a negative power is undefined"));
    }
    let whole = exponent.truncate(0);
    let is_whole = whole == *exponent;
    if base.is_negative() && !is_whole {
        return Err(error(
            b"2201F",
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    if base.is_zero() {
        return Ok(if exponent.is_zero() { Numeric::new(1, 0).round(16) } else { Numeric::zero().round(16) });
    }
    let approximate = exponent.to_f64() * base.to_f64().abs().log10();
    if approximate > 131_000.0 {
        return Err(error(b"22003", "value overflows numeric format"));
    }
    let scale = (16 - approximate.trunc() as i64)
        .max(i64::from(base.scale()))
        .max(i64::from(exponent.scale()))
        .clamp(0, 1000) as u32;
    let scale = if is_whole { 16.max(base.scale()).max(exponent.scale()) } else { scale };
    if is_whole && let Some(power) = whole.to_i64().filter(|n| n.abs() <= 100_000) {
        let Numeric::Finite { unscaled, scale: base_scale } = base else { return Ok(Numeric::NaN) };
        let raised =
            Numeric::new(unscaled.pow(power.unsigned_abs() as u32), base_scale * power.unsigned_abs() as u32);
        if power >= 0 {
            return Ok(raised.round(scale as i32));
        }
        let one = Numeric::new(crate::value::numeric::power_of_ten(scale + 4), scale + 4);
        return one.div(&raised).map(|n| n.round(scale as i32)).ok_or_else(division_by_zero);
    }
    let digits = scale + approximate.abs() as u32 + GUARD_DIGITS + 16;
    let log = Numeric::new(ln_fixed(&fixed(base, digits), digits), digits);
    let product = log.mul(exponent);
    Ok(Numeric::new(exp_fixed(&fixed(&product, digits), digits), digits).round(scale as i32))
}

fn power(base: f64, exponent: f64) -> Result<Value> {
    if base == 0.0 && exponent < 0.0 {
        return Err(error(b"2201F", "zero raised to a negative power is undefined"));
    }
    if base < 0.0 && exponent.fract() != 0.0 && exponent.is_finite() {
        return Err(error(
            b"2201F",
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    checked_float(base.powf(exponent), base.is_infinite() || exponent.is_infinite(), true)
}

fn logarithm(x: f64, log: fn(f64) -> f64) -> Result<Value> {
    if x == 0.0 {
        return Err(error(b"2201E", "cannot take logarithm of zero"));
    }
    if x < 0.0 {
        return Err(error(b"2201E", "cannot take logarithm of a negative number"));
    }
    Ok(Value::Float8(log(x)))
}

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

fn random_f64(exec: &crate::sql::context::Exec) -> Result<f64> {
    let mut bytes = [0; 8];
    exec.session()?.engine().environment().fill_entropy(&mut bytes);
    Ok((u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64)
}

macro_rules! float_functions {
    ($($name:literal => $body:expr;)*) => {
        static FLOATS: &[Function] = &[$(
            Function::scalar($name, &[FLOAT8], FLOAT8, |_, a| {
                let body: fn(f64) -> f64 = $body;
                let x = f64_of(&a[0]);
                checked_float(body(x), x.is_infinite(), true)
            }),
        )*];
    };
}

float_functions! {
    "exp" => f64::exp;
    "cbrt" => f64::cbrt;
    "||/" => f64::cbrt;
    "ceil" => f64::ceil;
    "ceiling" => f64::ceil;
    "floor" => f64::floor;
    "round" => f64::round_ties_even;
    "trunc" => f64::trunc;
    "sign" => |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 };
    "degrees" => f64::to_degrees;
    "radians" => f64::to_radians;
    "sin" => f64::sin;
    "cos" => f64::cos;
    "tan" => f64::tan;
    "cot" => |x| 1.0 / x.tan();
    "atan" => f64::atan;
    "sinh" => f64::sinh;
    "cosh" => f64::cosh;
    "tanh" => f64::tanh;
    "asinh" => f64::asinh;
}

/// The one-argument functions of `double precision`.
pub(super) fn floats() -> &'static [Function] {
    FLOATS
}

fn bounded(x: f64, body: fn(f64) -> f64) -> Result<Value> {
    if x.abs() > 1.0 {
        return Err(error(b"22003", "input is out of range"));
    }
    Ok(Value::Float8(body(x)))
}

fn square_root(x: f64) -> Result<Value> {
    if x < 0.0 {
        return Err(error(b"2201F", "cannot take square root of a negative number"));
    }
    Ok(Value::Float8(x.sqrt()))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("ceil", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).ceil()))),
    Function::scalar("ceiling", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).ceil()))),
    Function::scalar("floor", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).floor()))),
    Function::scalar("round", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).round(0)))),
    Function::scalar("round", &[NUMERIC, INT4], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).round(i32_of(&a[1]).clamp(-2000, 2000))))
    }),
    Function::scalar("trunc", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).truncate(0)))),
    Function::scalar("trunc", &[NUMERIC, INT4], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).truncate(i32_of(&a[1]).clamp(-2000, 2000))))
    }),
    Function::scalar("sign", &[NUMERIC], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).signum().map_or(Numeric::NaN, |sign| Numeric::new(sign, 0))))
    }),
    Function::scalar("sqrt", &[NUMERIC], NUMERIC, |_, a| {
        let root = numeric_of(&a[0]).sqrt();
        root.map(Value::numeric)
            .ok_or_else(|| error(b"2201F", "cannot take square root of a negative number"))
    }),
    Function::scalar("sqrt", &[FLOAT8], FLOAT8, |_, a| square_root(f64_of(&a[0]))),
    Function::scalar("|/", &[FLOAT8], FLOAT8, |_, a| square_root(f64_of(&a[0]))),
    Function::scalar("power", &[FLOAT8, FLOAT8], FLOAT8, |_, a| power(f64_of(&a[0]), f64_of(&a[1]))),
    Function::scalar("pow", &[FLOAT8, FLOAT8], FLOAT8, |_, a| power(f64_of(&a[0]), f64_of(&a[1]))),
    Function::scalar("^", &[FLOAT8, FLOAT8], FLOAT8, |_, a| power(f64_of(&a[0]), f64_of(&a[1]))),
    Function::scalar("power", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_power(numeric_of(&a[0]), numeric_of(&a[1])).map(Value::numeric)
    }),
    Function::scalar("pow", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_power(numeric_of(&a[0]), numeric_of(&a[1])).map(Value::numeric)
    }),
    Function::scalar("^", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_power(numeric_of(&a[0]), numeric_of(&a[1])).map(Value::numeric)
    }),
    Function::scalar("exp", &[NUMERIC], NUMERIC, |_, a| numeric_exp(numeric_of(&a[0])).map(Value::numeric)),
    Function::scalar("ln", &[NUMERIC], NUMERIC, |_, a| numeric_ln(numeric_of(&a[0])).map(Value::numeric)),
    Function::scalar("ln", &[FLOAT8], FLOAT8, |_, a| logarithm(f64_of(&a[0]), f64::ln)),
    Function::scalar("log", &[FLOAT8], FLOAT8, |_, a| logarithm(f64_of(&a[0]), f64::log10)),
    Function::scalar("log10", &[FLOAT8], FLOAT8, |_, a| logarithm(f64_of(&a[0]), f64::log10)),
    Function::scalar("log", &[NUMERIC], NUMERIC, |_, a| log_base(&Numeric::new(10, 0), numeric_of(&a[0]))),
    Function::scalar("log10", &[NUMERIC], NUMERIC, |_, a| log_base(&Numeric::new(10, 0), numeric_of(&a[0]))),
    Function::scalar("log", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        log_base(numeric_of(&a[0]), numeric_of(&a[1]))
    }),
    Function::scalar("div", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_of(&a[0]).div_integer(numeric_of(&a[1])).map(Value::numeric).ok_or_else(division_by_zero)
    }),
    Function::scalar("asin", &[FLOAT8], FLOAT8, |_, a| bounded(f64_of(&a[0]), f64::asin)),
    Function::scalar("acos", &[FLOAT8], FLOAT8, |_, a| bounded(f64_of(&a[0]), f64::acos)),
    Function::scalar("atan2", &[FLOAT8, FLOAT8], FLOAT8, |_, a| {
        Ok(Value::Float8(f64_of(&a[0]).atan2(f64_of(&a[1]))))
    }),
    Function::scalar("pi", &[], FLOAT8, |_, _| Ok(Value::Float8(std::f64::consts::PI))),
    Function::scalar("gcd", &[INT4, INT4], INT4, |_, a| {
        let common = gcd(i64_of(&a[0]).into(), i64_of(&a[1]).into());
        i32::try_from(common).map(Value::Int4).map_err(|_| overflow("integer"))
    }),
    Function::scalar("gcd", &[INT8, INT8], INT8, |_, a| {
        let common = gcd(i64_of(&a[0]).into(), i64_of(&a[1]).into());
        i64::try_from(common).map(Value::Int8).map_err(|_| overflow("bigint"))
    }),
    Function::scalar("lcm", &[INT4, INT4], INT4, |_, a| {
        let (x, y) = (i128::from(i64_of(&a[0])), i128::from(i64_of(&a[1])));
        let common = gcd(x, y);
        let multiple = if common == 0 { 0 } else { (x / common * y).abs() };
        i32::try_from(multiple).map(Value::Int4).map_err(|_| overflow("integer"))
    }),
    Function::scalar("lcm", &[INT8, INT8], INT8, |_, a| {
        let (x, y) = (i128::from(i64_of(&a[0])), i128::from(i64_of(&a[1])));
        let common = gcd(x, y);
        let multiple = if common == 0 { 0 } else { (x / common * y).abs() };
        i64::try_from(multiple).map(Value::Int8).map_err(|_| overflow("bigint"))
    }),
    Function::scalar("factorial", &[INT8], NUMERIC, |_, a| {
        let n = i64_of(&a[0]);
        if n < 0 {
            return Err(error(b"22003", "factorial of a negative number is undefined"));
        }
        if n > 32_177 {
            return Err(error(b"22003", "value overflows numeric format"));
        }
        Ok(Value::numeric(Numeric::new((1..=n).fold(BigInt::from(1), |product, k| product * k), 0)))
    }),
    Function::scalar("width_bucket", &[FLOAT8, FLOAT8, FLOAT8, INT4], INT4, |_, a| {
        let number = Numeric::from_f64(f64_of(&a[0]), 15);
        width_bucket(
            &number,
            &Numeric::from_f64(f64_of(&a[1]), 15),
            &Numeric::from_f64(f64_of(&a[2]), 15),
            i32_of(&a[3]),
        )
    }),
    Function::scalar("width_bucket", &[NUMERIC, NUMERIC, NUMERIC, INT4], INT4, |_, a| {
        width_bucket(numeric_of(&a[0]), numeric_of(&a[1]), numeric_of(&a[2]), i32_of(&a[3]))
    }),
    Function::scalar("scale", &[NUMERIC], INT4, |_, a| Ok(Value::Int4(numeric_of(&a[0]).scale() as i32))),
    Function::scalar("min_scale", &[NUMERIC], INT4, |_, a| {
        Ok(Value::Int4(numeric_of(&a[0]).normalized().scale() as i32))
    }),
    Function::scalar("trim_scale", &[NUMERIC], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).normalized()))
    }),
    Function::scalar("random", &[], FLOAT8, |exec, _| random_f64(exec).map(Value::Float8)).volatile(),
    Function::scalar("setseed", &[FLOAT8], VOID, |_, _| Ok(Value::Void)).volatile(),
];

fn log_base(base: &Numeric, number: &Numeric) -> Result<Value> {
    let (top, bottom) =
        (numeric_ln(&number.round(i32::try_from(number.scale()).unwrap_or(0)))?, numeric_ln(base)?);
    // More digits for the quotient than the two logarithms show.
    let digits = 40 + number.scale();
    let fine = |n: &Numeric| Numeric::new(ln_fixed(&fixed(n, digits), digits), digits);
    let quotient = fine(number).div(&fine(base)).ok_or_else(division_by_zero)?;
    let magnitude = quotient.to_f64().abs().max(1e-300).log10().trunc() as i64;
    let scale = (16 - magnitude).max(i64::from(number.scale())).max(i64::from(base.scale())).clamp(0, 1000);
    let _ = (top, bottom);
    Ok(Value::numeric(quotient.round(scale as i32)))
}

fn width_bucket(number: &Numeric, low: &Numeric, high: &Numeric, count: i32) -> Result<Value> {
    if count <= 0 {
        return Err(error(b"2201G", "count must be greater than zero"));
    }
    if low == high {
        return Err(error(b"2201G", "lower bound cannot equal upper bound"));
    }
    let descending = low > high;
    let (below, above) =
        if descending { (number > low, number <= high) } else { (number < low, number >= high) };
    if below {
        return Ok(Value::Int4(0));
    }
    if above {
        return count.checked_add(1).map(Value::Int4).ok_or_else(|| overflow("integer"));
    }
    let offset = if descending { low.sub(number) } else { number.sub(low) };
    let width = if descending { low.sub(high) } else { high.sub(low) };
    let bucket =
        offset.mul(&Numeric::from(i64::from(count))).div_integer(&width).ok_or_else(division_by_zero)?;
    Ok(Value::Int4(bucket.to_i64().unwrap_or(0) as i32 + 1))
}
