//! Arbitrary-precision decimals with PostgreSQL's display scale.
//!
//! `bigdecimal` and `rust_decimal` were set aside: the first has no infinities, `NaN` or the server's rules for the
//! scale of a quotient, the second stops at 28 digits. What is left of them is a big integer and a scale, which is
//! this file over `num-bigint`.

use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A `numeric` value: `unscaled * 10^-scale`, or a special one.
#[derive(Clone, Debug)]
pub enum Numeric {
    /// A finite number with its display scale.
    Finite {
        /// The digits as an integer.
        unscaled: BigInt,
        /// Digits after the point.
        scale: u32,
    },
    /// `NaN`: equal to itself, above every number.
    NaN,
    /// `Infinity`.
    Infinity,
    /// `-Infinity`.
    NegativeInfinity,
}

/// Least number of significant digits of a quotient, square root, and so on.
const SIGNIFICANT_DIGITS_MIN: i64 = 16;
/// Largest scale of a result.
const SCALE_MAX: i64 = 1000;

/// `10^exponent`.
pub fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10u32).pow(exponent)
}

impl Numeric {
    /// `unscaled * 10^-scale`.
    pub fn new(unscaled: impl Into<BigInt>, scale: u32) -> Self {
        Self::Finite { unscaled: unscaled.into(), scale }
    }

    /// Zero without fraction digits.
    pub fn zero() -> Self {
        Self::new(0, 0)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Finite { unscaled, .. } if unscaled.sign() == Sign::NoSign)
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Self::Finite { unscaled, .. } => unscaled.sign() == Sign::Minus,
            Self::NegativeInfinity => true,
            _ => false,
        }
    }

    /// Display scale; 0 for the special values.
    pub fn scale(&self) -> u32 {
        match self {
            Self::Finite { scale, .. } => *scale,
            _ => 0,
        }
    }

    /// Parses `[+-]digits[.digits][e[+-]digits]`, `NaN`, `[+-]Infinity`, `[+-]inf`; `None` if it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, body) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if body.eq_ignore_ascii_case("nan") && body.len() == text.len() {
            return Some(Self::NaN);
        }
        if body.eq_ignore_ascii_case("infinity") || body.eq_ignore_ascii_case("inf") {
            return Some(if negative { Self::NegativeInfinity } else { Self::Infinity });
        }
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (&body[..at], body[at + 1..].parse::<i64>().ok().filter(|e| e.abs() < 200_000)?),
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = [whole, fraction].concat();
        let mut unscaled = BigInt::parse_bytes(digits.as_bytes(), 10)?;
        if negative {
            unscaled = -unscaled;
        }
        let scale = fraction.len() as i64 - exponent;
        if scale < 0 {
            unscaled *= power_of_ten(u32::try_from(-scale).ok()?);
        }
        Some(Self::new(unscaled, u32::try_from(scale.max(0)).ok()?))
    }

    /// The nearest value of 15 significant digits, as the server's cast from `double precision`.
    pub fn from_f64(number: f64, digits: usize) -> Self {
        if number.is_nan() {
            return Self::NaN;
        }
        if number.is_infinite() {
            return if number > 0.0 { Self::Infinity } else { Self::NegativeInfinity };
        }
        let text = format!("{number:.*e}", digits - 1);
        let (mantissa, exponent) = text.split_once('e').expect("the exponent format has an e");
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        Self::parse(&format!("{mantissa}e{exponent}")).expect("a formatted float is a number")
    }

    /// The nearest `double precision`.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Finite { .. } => self.to_string().parse().unwrap_or(f64::NAN),
            Self::NaN => f64::NAN,
            Self::Infinity => f64::INFINITY,
            Self::NegativeInfinity => f64::NEG_INFINITY,
        }
    }

    /// The nearest integer, halves away from zero; `None` for the special values.
    pub fn to_integer(&self) -> Option<BigInt> {
        match self.round(0) {
            Self::Finite { unscaled, .. } => Some(unscaled),
            _ => None,
        }
    }

    /// The nearest `i64`, halves away from zero; `None` when out of range or special.
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_integer()?).ok()
    }

    /// Rounded to `scale` digits after the point (before it when negative), halves away from zero.
    pub fn round(&self, scale: i32) -> Self {
        self.adjust(scale, |dividend, divisor| {
            let half = divisor / 2u32;
            if dividend.sign() == Sign::Minus {
                (dividend - half) / divisor
            } else {
                (dividend + half) / divisor
            }
        })
    }

    /// Cut to `scale` digits after the point (before it when negative).
    pub fn truncate(&self, scale: i32) -> Self {
        self.adjust(scale, |dividend, divisor| dividend / divisor)
    }

    fn adjust(&self, target: i32, divide: impl Fn(&BigInt, &BigInt) -> BigInt) -> Self {
        let Self::Finite { unscaled, scale } = self else { return self.clone() };
        let scale_wanted = target.clamp(-(SCALE_MAX as i32) * 200, 16_383);
        let drop = i64::from(*scale) - i64::from(scale_wanted);
        if drop <= 0 {
            return Self::new(unscaled * power_of_ten((-drop) as u32), scale_wanted as u32);
        }
        let quotient = divide(unscaled, &power_of_ten(drop as u32));
        if scale_wanted < 0 {
            return Self::new(quotient * power_of_ten((-scale_wanted) as u32), 0);
        }
        Self::new(quotient, scale_wanted as u32)
    }

    /// Largest integer not above it.
    pub fn floor(&self) -> Self {
        let cut = self.truncate(0);
        if self.is_negative() && cut != *self { cut.sub(&Self::new(1, 0)) } else { cut }
    }

    /// Smallest integer not below it.
    pub fn ceil(&self) -> Self {
        self.neg().floor().neg()
    }

    /// The opposite number.
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Finite { unscaled, scale } => Self::new(-unscaled, *scale),
            Self::NaN => Self::NaN,
            Self::Infinity => Self::NegativeInfinity,
            Self::NegativeInfinity => Self::Infinity,
        }
    }

    /// The sign: -1, 0 or 1; `None` for `NaN`.
    pub fn signum(&self) -> Option<i32> {
        match self {
            Self::NaN => None,
            _ if self.is_negative() => Some(-1),
            _ if self.is_zero() => Some(0),
            _ => Some(1),
        }
    }

    fn aligned(&self, other: &Self) -> Option<(BigInt, BigInt, u32)> {
        match (self, other) {
            (Self::Finite { unscaled: a, scale: x }, Self::Finite { unscaled: b, scale: y }) => {
                Some(match x.cmp(y) {
                    Ordering::Equal => (a.clone(), b.clone(), *x),
                    Ordering::Less => (a * power_of_ten(y - x), b.clone(), *y),
                    Ordering::Greater => (a.clone(), b * power_of_ten(x - y), *x),
                })
            }
            _ => None,
        }
    }

    /// Sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        if let Some((a, b, scale)) = self.aligned(other) {
            return Self::new(a + b, scale);
        }
        match (self, other) {
            (Self::NaN, _)
            | (_, Self::NaN)
            | (Self::Infinity, Self::NegativeInfinity)
            | (Self::NegativeInfinity, Self::Infinity) => Self::NaN,
            (Self::Finite { .. }, special) | (special, _) => special.clone(),
        }
    }

    /// Difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    fn infinity_of_sign(sign: i32) -> Self {
        match sign {
            1 => Self::Infinity,
            -1 => Self::NegativeInfinity,
            _ => Self::NaN,
        }
    }

    /// Product.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Finite { unscaled: a, scale: x }, Self::Finite { unscaled: b, scale: y }) => {
                Self::new(a * b, x + y)
            }
            _ => match (self.signum(), other.signum()) {
                (Some(a), Some(b)) => Self::infinity_of_sign(a * b),
                _ => Self::NaN,
            },
        }
    }

    /// Weight and first digit in base 10,000: what the server's rules for scales are written in.
    fn weight_base_ten_thousand(&self) -> (i64, i64) {
        let Self::Finite { unscaled, scale } = self else { return (0, 0) };
        if unscaled.sign() == Sign::NoSign {
            return (0, 0);
        }
        let digits = unscaled.magnitude().to_string();
        let exponent = digits.len() as i64 - i64::from(*scale) - 1;
        let weight = exponent.div_euclid(4);
        let leading = (exponent - weight * 4 + 1) as usize;
        let head: String = digits.chars().chain(std::iter::repeat('0')).take(leading).collect();
        (weight, head.parse().expect("one to four digits"))
    }

    /// The scale of `self / other` by the server's rule.
    pub fn quotient_scale(&self, other: &Self) -> u32 {
        let (weight, first) = self.weight_base_ten_thousand();
        let (other_weight, other_first) = other.weight_base_ten_thousand();
        let mut quotient_weight = weight - other_weight;
        if first <= other_first {
            quotient_weight -= 1;
        }
        let scale = SIGNIFICANT_DIGITS_MIN - quotient_weight * 4;
        scale.max(i64::from(self.scale())).max(i64::from(other.scale())).clamp(0, SCALE_MAX) as u32
    }

    /// Quotient; `None` for a division by zero.
    pub fn div(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) => Some(Self::NaN),
            (_, other) if other.is_zero() => None,
            (Self::Finite { unscaled: a, scale: x }, Self::Finite { unscaled: b, scale: y }) => {
                let scale = self.quotient_scale(other);
                // One digit more than asked for, then rounded: `round` only looks at that digit, and a remainder
                // beyond it cannot turn a value below one half into one half.
                let shift = i64::from(scale) + 1 + i64::from(*y) - i64::from(*x);
                let quotient = if shift >= 0 {
                    (a * power_of_ten(shift as u32)) / b
                } else {
                    a / (b * power_of_ten((-shift) as u32))
                };
                Some(Self::new(quotient, scale + 1).round(scale as i32))
            }
            (Self::Finite { .. }, _) => Some(Self::zero()),
            (_, Self::Finite { .. }) => {
                Some(Self::infinity_of_sign(self.signum().unwrap_or(0) * other.signum().unwrap_or(0)))
            }
            _ => Some(Self::NaN),
        }
    }

    /// Quotient cut to an integer; `None` for a division by zero.
    pub fn div_integer(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        match self.aligned(other) {
            Some((a, b, _)) => Some(Self::new(a / b, 0)),
            None => self.div(other),
        }
    }

    /// Remainder with the sign of the dividend; `None` for a division by zero.
    pub fn rem(&self, other: &Self) -> Option<Self> {
        if let (Self::NaN, _) | (_, Self::NaN) = (self, other) {
            return Some(Self::NaN);
        }
        if other.is_zero() {
            return None;
        }
        match self.aligned(other) {
            Some((a, b, scale)) => Some(Self::new(a % b, scale)),
            None if matches!(self, Self::Finite { .. }) => Some(self.clone()),
            None => Some(Self::NaN),
        }
    }

    /// Square root; `None` for a negative number.
    pub fn sqrt(&self) -> Option<Self> {
        if self.is_negative() {
            return None;
        }
        let Self::Finite { unscaled, scale } = self else { return Some(self.clone()) };
        let (weight, _) = self.weight_base_ten_thousand();
        let wanted =
            (SIGNIFICANT_DIGITS_MIN - (weight * 2 + 1)).max(i64::from(*scale)).clamp(0, SCALE_MAX) as u32;
        let shift = 2 * (wanted + 1) - scale.min(&(2 * (wanted + 1)));
        let root = (unscaled * power_of_ten(shift)).sqrt();
        Some(Self::new(root, wanted + 1).round(wanted as i32))
    }

    /// Decimal digits before the point (0 for a number below one), the `+1`-free weight in base ten.
    pub fn integer_digits(&self) -> i64 {
        let Self::Finite { unscaled, scale } = self else { return 0 };
        if unscaled.sign() == Sign::NoSign {
            return 0;
        }
        unscaled.magnitude().to_string().len() as i64 - i64::from(*scale)
    }

    /// The same number without trailing zeros after the point.
    pub fn normalized(&self) -> Self {
        let Self::Finite { unscaled, scale } = self else { return self.clone() };
        let mut unscaled = unscaled.clone();
        let mut scale = *scale;
        let ten = BigInt::from(10u32);
        while scale > 0 && (&unscaled % &ten).sign() == Sign::NoSign {
            unscaled /= &ten;
            scale -= 1;
        }
        Self::new(unscaled, scale)
    }
}

impl From<i64> for Numeric {
    fn from(number: i64) -> Self {
        Self::new(number, 0)
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NaN => f.write_str("NaN"),
            Self::Infinity => f.write_str("Infinity"),
            Self::NegativeInfinity => f.write_str("-Infinity"),
            Self::Finite { unscaled, scale } => {
                let digits = unscaled.magnitude().to_string();
                let scale = *scale as usize;
                let digits = format!("{digits:0>width$}", width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                if unscaled.sign() == Sign::Minus {
                    f.write_str("-")?;
                }
                f.write_str(whole)?;
                if scale > 0 { write!(f, ".{fraction}") } else { Ok(()) }
            }
        }
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        fn rank(number: &Numeric) -> i8 {
            match number {
                Numeric::NegativeInfinity => -1,
                Numeric::Finite { .. } => 0,
                Numeric::Infinity => 1,
                Numeric::NaN => 2,
            }
        }
        match (self, other) {
            (Self::Finite { unscaled: a, scale: x }, Self::Finite { unscaled: b, scale: y }) if x == y => {
                a.cmp(b)
            }
            _ => match self.aligned(other) {
                Some((a, b, _)) => a.cmp(&b),
                None => rank(self).cmp(&rank(other)),
            },
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_f64().to_bits().hash(state);
    }
}
