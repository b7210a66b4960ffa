//! `#[cfg(…)]`: whether an item is compiled.
//!
//! The compiler says which conditions hold on this machine, cargo which features are on, `RUSTFLAGS` may add some. A
//! name that the package's build script mentions stays open, and an open item is looked at, with its opposite too.

use std::collections::BTreeSet;

use super::lexer::{Kind, Token};

/// Conditions that a build script may mention but does not set: absent means no.
const DECIDED: [&str; 12] = [
    "unix",
    "windows",
    "test",
    "doc",
    "doctest",
    "docsrs",
    "loom",
    "miri",
    "fuzzing",
    "proc_macro",
    "kani",
    "shuttle",
];

/// What holds.
#[derive(Debug, Clone)]
pub struct Conditions {
    flags: BTreeSet<String>,
    values: BTreeSet<(String, String)>,
    features: BTreeSet<String>,
    build_script: String,
}

impl Conditions {
    /// From the lines of `rustc --print cfg`, or others like them.
    pub fn of(printed: &str) -> Conditions {
        let (mut flags, mut values) = (BTreeSet::new(), BTreeSet::new());
        for line in printed.lines() {
            if let Some((key, value)) = line.split_once('=') {
                values.insert((key.to_owned(), value.trim_matches('"').to_owned()));
            } else {
                flags.insert(line.to_owned());
            }
        }
        Conditions { flags, values, features: BTreeSet::new(), build_script: String::new() }
    }

    /// The same for a package with these features and the source of its build script, empty when it has none.
    pub fn for_package(&self, features: &[String], build_script: String) -> Conditions {
        Conditions { features: features.iter().cloned().collect(), build_script, ..self.clone() }
    }

    /// The answer for the tokens between the parentheses of `cfg(…)`: `None` when it cannot be known.
    pub fn hold(&self, tokens: &[Token]) -> Option<bool> {
        let mut at = 0;
        self.one(tokens, &mut at)
    }

    fn one(&self, tokens: &[Token], at: &mut usize) -> Option<bool> {
        let name = tokens.get(*at)?.word()?;
        *at += 1;
        if tokens.get(*at).is_some_and(|token| token.is('=')) {
            let Some(Token { kind: Kind::Text(value), .. }) = tokens.get(*at + 1) else { return None };
            *at += 2;
            return self.value(name, value);
        }
        if !tokens.get(*at).is_some_and(|token| token.is('(')) {
            return self.flag(name);
        }
        *at += 1;
        let mut parts = Vec::new();
        while tokens.get(*at).is_some_and(|token| !token.is(')')) {
            parts.push(self.one(tokens, at));
            while tokens.get(*at).is_some_and(|token| !token.is(')') && !token.is(',')) {
                *at += 1;
            }
            if tokens.get(*at).is_some_and(|token| token.is(',')) {
                *at += 1;
            }
        }
        *at += 1;
        match name {
            "not" => parts.first().copied().flatten().map(|part| !part),
            "all" if parts.contains(&Some(false)) => Some(false),
            "any" if parts.contains(&Some(true)) => Some(true),
            "all" | "any" if parts.contains(&None) => None,
            "all" => Some(true),
            "any" => Some(false),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> Option<bool> {
        if self.flags.contains(name) {
            return Some(true);
        }
        (DECIDED.contains(&name) || !self.build_script.contains(name)).then_some(false)
    }

    fn value(&self, key: &str, value: &str) -> Option<bool> {
        if key == "feature" {
            return Some(self.features.contains(value));
        }
        let pair = (key.to_owned(), value.to_owned());
        if self.values.contains(&pair) {
            return Some(true);
        }
        let may_be_set = self.build_script.contains(key) && self.build_script.contains(value);
        (key.starts_with("target_") || !may_be_set).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn check(condition: &str, wanted: Option<bool>) {
        let printed = "unix\ndebug_assertions\ntarget_os=\"linux\"\ntarget_arch=\"x86_64\"\n";
        let conditions = Conditions::of(printed).for_package(
            &["std".to_owned()],
            "// windows\nprintln!(\"cargo::rustc-cfg=linux_raw=\\\"1\\\"\")".to_owned(),
        );
        assert_eq!(conditions.hold(&tokens(condition)), wanted, "{condition}");
    }

    #[test]
    fn what_is_known_is_answered() {
        check("unix", Some(true));
        check("test", Some(false));
        check("windows", Some(false));
        check("feature = \"std\"", Some(true));
        check("feature = \"rayon\"", Some(false));
        check("backend = \"linux_raw\"", Some(false));
        check("linux_raw = \"2\"", Some(false));
        check("loom_like", Some(false));
        check("target_os = \"macos\"", Some(false));
        check("not(windows)", Some(true));
        check("all(unix, target_arch = \"x86_64\")", Some(true));
        check("all(unix, not(feature = \"std\"))", Some(false));
        check("any(windows, all(unix, feature = \"std\"),)", Some(true));
        check("any()", Some(false));
        check("all()", Some(true));
    }

    #[test]
    fn what_a_build_script_decides_stays_open() {
        check("linux_raw", None);
        check("not(linux_raw)", None);
        check("all(unix, linux_raw)", None);
        check("all(windows, linux_raw)", Some(false));
        check("any(unix, linux_raw)", Some(true));
        check("version(\"1.2\")", None);
        check("linux_raw = \"1\"", None);
    }
}
