//! Which versions of tokio can be replaced.

use crate::error::Error;

/// The newest version whose sources the edits were checked on; newer ones are tried, and refused by name if
/// they do not look as expected.
pub const CHECKED: &str = "1.54.1";

/// What to move to from an older 1.x.
const OLDEST_FIXED: &str = "1.47.1";

/// Says whether `version` can be replaced.
///
/// # Errors
///
/// [`Error::UnsupportedTokio`] outside 1.47 and newer 1.x.
pub fn supported(version: &str) -> Result<(), Error> {
    match numbers(version) {
        Some((1, minor)) if minor >= 47 => Ok(()),
        _ => Err(Error::UnsupportedTokio { version: version.to_owned(), suggested: OLDEST_FIXED }),
    }
}

/// Major and minor number.
pub fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_1_47_and_newer_1_x() {
        for good in ["1.47.0", "1.47.1", "1.54.1", "1.100.0", "1.48.0-alpha.1"] {
            assert!(supported(good).is_ok(), "{good}");
        }
        for bad in ["1.46.9", "1.0.0", "0.2.25", "2.0.0", "2.47.0", "nonsense"] {
            assert!(supported(bad).is_err(), "{bad}");
        }
    }
}
