//! What is known of a package as a whole, by its name, its features and the C library it links.

use super::{Kind, Severity};
use crate::shadow::resolve::Package;

/// Something known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub kind: Kind,
    /// In words.
    pub detail: String,
}

/// Packages that have an event loop or runtime of their own.
const RUNTIMES: [&str; 16] = [
    "actix-rt",
    "async-global-executor",
    "async-io",
    "async-std",
    "blocking",
    "compio-runtime",
    "futures-executor",
    "glommio",
    "io-uring",
    "may",
    "mio",
    "monoio",
    "nio",
    "polling",
    "smol",
    "tokio-uring",
];

/// `links` keys of libraries that compute and do no I/O, or only keep the package unique.
const PURE_LIBRARIES: [&str; 26] = [
    "aws_lc",
    "blake3",
    "brotli",
    "bz2",
    "bzip2",
    "compiler-rt",
    "libsodium",
    "lz4",
    "lzma",
    "mimalloc",
    "oniguruma",
    "onig",
    "pcre2",
    "rayon-core",
    "ring_core",
    "rust_secp256k1",
    "snappy",
    "snmalloc",
    "sodium",
    "tree-sitter",
    "unwind",
    "wasm-bindgen",
    "wasm_bindgen",
    "z",
    "zstd",
    "jemalloc",
];

/// What is known about `package` built with `features`.
pub fn about(package: &Package, features: &[String]) -> Vec<Fact> {
    let has = |feature: &str| features.iter().any(|on| on == feature);
    let mut facts = Vec::new();
    let mut see =
        |severity, kind, detail: &str| facts.push(Fact { severity, kind, detail: detail.to_owned() });
    match package.name.as_str() {
        "rustix" if !has("use-libc") => see(
            Severity::Uncontrolled,
            Kind::RawSystemCall,
            "its linux_raw backend calls the kernel past libc; its feature `use-libc` goes through it",
        ),
        "ahash" if has("runtime-rng") || !has("compile-time-rng") => see(
            Severity::Varies,
            Kind::Hashing,
            "keys from a counter and addresses; iterating its maps is not repeatable from run to run",
        ),
        "foldhash" => see(
            Severity::Varies,
            Kind::Hashing,
            "RandomState takes its seed from addresses; iterating hashbrown's default maps follows it",
        ),
        "fastrand" if has("std") => {
            see(
                Severity::Varies,
                Kind::Hashing,
                "its generators are seeded from the clock and the thread's id",
            );
        }
        "uuid" if has("v7") => {
            see(Severity::Varies, Kind::Hashing, "v7 keeps a counter for the whole process");
        }
        "tokio" => see(
            Severity::Uncontrolled,
            Kind::OtherRuntime,
            "a tokio besides the replaced one: its clock, timers and sockets are real",
        ),
        name if RUNTIMES.contains(&name) => {
            see(
                Severity::Refused,
                Kind::OtherRuntime,
                "an event loop or runtime of its own, which is not simulated",
            );
        }
        _ => {}
    }
    if let Some(library) = &package.links
        && !PURE_LIBRARIES.iter().any(|pure| library.trim_start_matches("lib").starts_with(pure))
        && !library.starts_with("aws_lc")
        && !library.starts_with("prettyplease")
    {
        let detail = format!(
            "links `{library}`; sockets, files and threads of C code are refused, its other state is its own"
        );
        see(Severity::Refused, Kind::CLibrary, &detail);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn check(name: &str, links: Option<&str>, features: &[&str], wanted: Option<Kind>) {
        let package = Package {
            id: name.into(),
            name: name.into(),
            version: "1.0.0".into(),
            source: None,
            manifest_path: "/p/Cargo.toml".into(),
            features: BTreeMap::new(),
            links: links.map(str::to_owned),
            targets: Vec::new(),
        };
        let features: Vec<String> = features.iter().map(|feature| (*feature).to_owned()).collect();
        assert_eq!(
            about(&package, &features).first().map(|fact| fact.kind),
            wanted,
            "{name} {links:?} {features:?}"
        );
    }

    #[test]
    fn packages_by_name_and_features() {
        check("rustix", None, &["std"], Some(Kind::RawSystemCall));
        check("rustix", None, &["use-libc"], None);
        check("ahash", None, &["runtime-rng"], Some(Kind::Hashing));
        check("ahash", None, &["compile-time-rng"], None);
        check("uuid", None, &["v4"], None);
        check("uuid", None, &["v7"], Some(Kind::Hashing));
        check("async-std", None, &[], Some(Kind::OtherRuntime));
        check("tokio", None, &[], Some(Kind::OtherRuntime));
        check("serde", None, &["std"], None);
    }

    #[test]
    fn c_libraries_by_what_they_do() {
        check("openssl-sys", Some("openssl"), &[], Some(Kind::CLibrary));
        check("pq-sys", Some("pq"), &[], Some(Kind::CLibrary));
        check("libsqlite3-sys", Some("sqlite3"), &[], Some(Kind::CLibrary));
        check("zstd-sys", Some("zstd"), &[], None);
        check("ring", Some("ring_core_0_17_14_"), &[], None);
        check("aws-lc-sys", Some("aws_lc_0_30_0"), &[], None);
        check("rayon-core", Some("rayon-core"), &[], None);
        check("libz-sys", Some("z"), &[], None);
    }
}
