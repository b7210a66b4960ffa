//! What a variable is expected to be.

/// What an environment variable is expected to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) secret: bool,
    pub(super) differs: bool,
    pub(super) live_prefix: Option<String>,
    pub(super) test_prefix: Option<String>,
}

impl Variable {
    fn new(name: &str, required: bool, secret: bool) -> Self {
        let (live_prefix, test_prefix) = (None, None);
        Self { name: name.to_owned(), required, secret, differs: false, live_prefix, test_prefix }
    }

    /// Must be set on each node, to the same value, which is shown to nobody.
    pub fn secret(name: &str) -> Self {
        Self::new(name, true, true)
    }

    /// Must be set on each node, to the same value.
    pub fn required(name: &str) -> Self {
        Self::new(name, true, false)
    }

    /// May be missing: the code's default is meant. Where it is set, it has the same value.
    pub fn optional(name: &str) -> Self {
        Self::new(name, false, false)
    }

    /// Nodes of one service may have different values: a name, a flag in a staged rollout.
    #[must_use]
    pub fn differs(mut self) -> Self {
        self.differs = true;
        self
    }

    /// Values of live mode begin with this.
    #[must_use]
    pub fn live_prefix(mut self, prefix: &str) -> Self {
        self.live_prefix = Some(prefix.to_owned());
        self
    }

    /// Values of test mode begin with this.
    #[must_use]
    pub fn test_prefix(mut self, prefix: &str) -> Self {
        self.test_prefix = Some(prefix.to_owned());
        self
    }
}

/// Whether a name sounds like a secret: one of its words does.
pub(super) fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["SECRET", "KEY", "TOKEN", "PASSWORD", "SALT", "PEPPER", "CREDENTIAL", "CREDENTIALS"];
    name.to_ascii_uppercase().split('_').any(|word| WORDS.contains(&word))
}

/// Whether a secret's value is what stands in examples.
pub(super) fn is_placeholder(value: &str) -> bool {
    const VALUES: [&str; 9] =
        ["", "changeme", "change-me", "secret", "password", "dev", "development", "test", "default"];
    VALUES.contains(&&*value.to_ascii_lowercase())
}

/// Whether a value is one of test mode at usual providers.
pub(super) fn looks_test(value: &str) -> bool {
    ["sk_test_", "pk_test_", "rk_test_", "whsec_test_"].iter().any(|prefix| value.starts_with(prefix))
        || value.to_ascii_lowercase().contains("sandbox")
}

/// Whether a value is one of live mode at usual providers.
pub(super) fn looks_live(value: &str) -> bool {
    ["sk_live_", "pk_live_", "rk_live_", "whsec_live_"].iter().any(|prefix| value.starts_with(prefix))
}
