//! What cargo resolved: which tokio is locked, from where, and whose `sim` is in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::workspace::{cargo, output};
use crate::error::Error;
use crate::tokio::drop_in::{Home, Source};

/// The graph, as `cargo metadata` prints it.
#[derive(Debug, Deserialize)]
pub struct Graph {
    /// Every package in it.
    pub packages: Vec<Package>,
    /// Who depends on whom.
    pub resolve: Resolve,
    /// The ids of the workspace's members.
    pub workspace_members: Vec<String>,
}

/// A package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Cargo's name for exactly this package.
    pub id: String,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from; nothing for a path.
    pub source: Option<String>,
    /// Its manifest.
    pub manifest_path: PathBuf,
    /// Its features, implicit ones included.
    pub features: BTreeMap<String, Vec<String>>,
    /// The C library it links, if it does.
    pub links: Option<String>,
    /// Its libraries, programs, tests and build scripts.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// A target of a package.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// `lib`, `bin`, `test`, `proc-macro`, `custom-build`, …
    pub kind: Vec<String>,
    /// Its first source file.
    pub src_path: PathBuf,
}

/// The edges of the graph.
#[derive(Debug, Deserialize)]
pub struct Resolve {
    /// One for each package.
    pub nodes: Vec<Node>,
}

/// A package's edges.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The package.
    pub id: String,
    /// Its dependencies.
    pub deps: Vec<Edge>,
    /// The features it is built with.
    #[serde(default)]
    pub features: Vec<String>,
}

/// One dependency.
#[derive(Debug, Deserialize)]
pub struct Edge {
    /// Its id.
    pub pkg: String,
    /// Why: one entry a kind.
    pub dep_kinds: Vec<EdgeKind>,
}

/// Why one package depends on another.
#[derive(Debug, Deserialize)]
pub struct EdgeKind {
    /// Nothing for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Package {
    /// The folder of its manifest.
    pub fn folder(&self) -> &Path {
        self.manifest_path.parent().expect("a manifest lies in a folder")
    }
}

impl Graph {
    /// Resolves the workspace at `root` with `flags` such as `--offline`.
    ///
    /// # Errors
    ///
    /// Cargo's own words, with `hint`.
    pub fn resolve(root: &Path, flags: &[&str], hint: &'static str) -> Result<Graph, Error> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1"]).args(flags).current_dir(root);
        command.arg("--manifest-path").arg(root.join("Cargo.toml"));
        Graph::from_json(&output(&mut command, "resolve the dependencies", hint)?)
    }

    fn from_json(json: &str) -> Result<Graph, Error> {
        serde_json::from_str(json)
            .map_err(|e| Error::Input(format!("cargo metadata gave something unexpected: {e}")))
    }

    /// The packages of a name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.name == name)
    }

    /// The tokio to replace: the one 1.x there can be, or the newest other one, to be refused by its version.
    pub fn tokio(&self) -> Option<&Package> {
        let numbers = |package: &&Package| crate::tokio::version::numbers(&package.version);
        let one = self.named("tokio").find(|package| numbers(package).is_some_and(|(major, _)| major == 1));
        one.or_else(|| self.named("tokio").max_by_key(numbers))
    }

    /// Where the user's own `sim` comes from, when there is one; its runtime is the one package that every
    /// use of it needs.
    pub fn home(&self) -> Option<Home> {
        let runtime = self.named("sim-runtime").next()?;
        let root = runtime.folder().parent()?.to_owned();
        let source = match runtime.source.as_deref() {
            None => Source::Path,
            Some(source) => match source.strip_prefix("git+") {
                Some(git) => Source::Git(git_keys(git)),
                None => Source::Registry(runtime.version.clone()),
            },
        };
        Some(Home { root, source })
    }
}

/// The key in `[patch]` for packages of `source`.
pub fn patch_key(source: &str) -> String {
    if let Some(git) = source.strip_prefix("git+") {
        return git.split(['?', '#']).next().unwrap_or(git).to_owned();
    }
    let is_crates_io =
        source.contains("github.com/rust-lang/crates.io-index") || source.contains("index.crates.io");
    if is_crates_io { "crates-io".to_owned() } else { source.trim_start_matches("registry+").to_owned() }
}

/// The keys of a dependency on a git source such as `https://x/y?branch=main#abc`. The commit is the lock
/// file's affair: naming it here would make it another source.
fn git_keys(source: &str) -> Vec<(String, String)> {
    let source = source.split('#').next().unwrap_or(source);
    let (url, query) = source.split_once('?').unwrap_or((source, ""));
    let mut keys = vec![("git".to_owned(), url.to_owned())];
    for (key, given) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        keys.push((key.to_owned(), given.replace("%2F", "/").replace("%2f", "/")));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, source: Option<&str>, manifest: &str) -> String {
        let source = source.map_or("null".to_owned(), |source| format!("\"{source}\""));
        format!(
            "{{\"id\":\"{name} {version}\",\"name\":\"{name}\",\"version\":\"{version}\",\"source\":{source},\
             \"manifest_path\":\"{manifest}\",\"features\":{{}},\"links\":null}}"
        )
    }

    fn graph(packages: &[String]) -> Graph {
        let json = format!(
            "{{\"packages\":[{}],\"resolve\":{{\"nodes\":[]}},\"workspace_members\":[]}}",
            packages.join(",")
        );
        Graph::from_json(&json).unwrap()
    }

    #[test]
    fn the_1_x_is_replaced_even_beside_an_old_one() {
        let versions = |list: &[&str]| {
            list.iter().map(|v| package("tokio", v, None, "/t/Cargo.toml")).collect::<Vec<_>>()
        };
        for (list, wanted) in [
            (vec!["0.2.25", "1.54.1"], Some("1.54.1")),
            (vec!["1.40.0"], Some("1.40.0")),
            (vec!["0.1.22", "0.2.25"], Some("0.2.25")),
            (vec![], None),
        ] {
            assert_eq!(graph(&versions(&list)).tokio().map(|p| p.version.as_str()), wanted, "{list:?}");
        }
    }

    #[test]
    fn the_sim_crates_are_found_by_their_runtime() {
        let home = |source| {
            graph(&[package("sim-runtime", "0.1.0", source, "/r/sim-runtime/Cargo.toml")]).home().unwrap()
        };
        assert_eq!(home(None).source, Source::Path);
        assert_eq!(home(None).root, Path::new("/r"));
        let keys = [("git".to_owned(), "https://x/sim".to_owned()), ("branch".to_owned(), "a/b".to_owned())];
        assert_eq!(home(Some("git+https://x/sim?branch=a%2Fb#0123")).source, Source::Git(keys.to_vec()));
        assert_eq!(
            home(Some("registry+https://github.com/rust-lang/crates.io-index")).source,
            Source::Registry("0.1.0".into())
        );
        assert!(graph(&[]).home().is_none());
    }

    #[test]
    fn each_source_has_its_patch_key() {
        for (source, wanted) in [
            ("registry+https://github.com/rust-lang/crates.io-index", "crates-io"),
            ("sparse+https://index.crates.io/", "crates-io"),
            ("git+https://github.com/tokio-rs/tokio?branch=master#0123", "https://github.com/tokio-rs/tokio"),
            ("registry+https://own.example/index", "https://own.example/index"),
            ("sparse+https://own.example/index/", "sparse+https://own.example/index/"),
        ] {
            assert_eq!(patch_key(source), wanted);
        }
    }
}
