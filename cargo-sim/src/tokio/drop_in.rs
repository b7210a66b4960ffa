//! The package named `tokio` that is ours: `sim-tokio`'s source under another manifest.
//!
//! The manifest is made from two others. From `sim-tokio`'s: edition, dependencies and its own feature lines,
//! with what it takes from its workspace written out. From the locked tokio's: name, version, and every
//! feature it has, the implicit ones of optional dependencies too, because a dependent that names a feature we
//! lack would not resolve. A feature of tokio's that the drop-in does not know keeps its links to other
//! features (`full`, `test-util`) and does nothing else.
//!
//! The dependency on the package `tokio` in `sim-tokio`'s manifest becomes the copy; those on the sim crates
//! come from where the user's own `sim` comes from, because with two instances of the runtime the user's test
//! and the user's service would live in different worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::error::Error;
use crate::files;
use crate::shadow::manifest::Manifest;

/// What the drop-in can have beside the code under test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// A node that serves PostgreSQL: `sim-db`.
    pub postgres: bool,
}

impl Services {
    /// The packages of the sim repository that it takes, beside those of the drop-in itself.
    fn packages(self) -> &'static [&'static str] {
        if self.postgres { &["sim-db"] } else { &[] }
    }

    /// The function of the drop-in that offers them: the only place where the two meet.
    fn glue(self) -> &'static str {
        if self.postgres {
            "pub(crate) fn offer() { sim_db::postgres::offer(); }"
        } else {
            "pub(crate) fn offer() {}"
        }
    }
}

/// Where the sim crates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From their folders below [`Home::root`].
    Path,
    /// From a git repository, by the keys of a dependency: `git` and perhaps `branch`, `tag` or `rev`.
    Git(Vec<(String, String)>),
    /// From a registry, at exactly this version.
    Registry(String),
}

/// The sim crates' repository and how to depend on it.
#[derive(Debug, Clone)]
pub struct Home {
    /// The folder that holds `sim-tokio`, `sim-net` and the others.
    pub root: PathBuf,
    /// How the drop-in names them.
    pub source: Source,
}

impl Home {
    /// Where the drop-in's source is.
    pub fn package(&self) -> PathBuf {
        self.root.join("sim-tokio")
    }
}

/// Writes the package to `target`, on top of the copy in `real`.
///
/// # Errors
///
/// When `sim-tokio` cannot be read, or the package cannot be written.
pub fn generate(
    home: &Home,
    version: &str,
    features: &BTreeMap<String, Vec<String>>,
    services: Services,
    real: &Path,
    target: &Path,
) -> Result<(), Error> {
    let package = home.package();
    if !package.join("Cargo.toml").is_file() {
        return Err(Error::Input(format!(
            "no sim-tokio in {}, which cargo sim was built from: install cargo-sim again, or set SIM_HOME to a \
             checkout of its repository",
            home.root.display()
        )));
    }
    let own = Manifest::read(&package)?;
    let shared = Manifest::read(&home.root)?;
    let manifest = manifest(home, &own, &shared, version, features, services, real)?;
    files::write_if_changed(&target.join("Cargo.toml"), manifest.as_bytes())?;
    files::write_if_changed(&target.join("build.rs"), BUILD.replace("GLUE", services.glue()).as_bytes())?;
    files::link(&package.join("src"), &target.join("src"))?;
    Ok(())
}

/// Tells the source which of its two lives it leads: `cfg(drop_in)` says that `real_tokio` has the seam, and
/// `services.rs` which services were asked for.
const BUILD: &str = r#"fn main() {
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    std::fs::write(std::path::Path::new(&out).join("services.rs"), "GLUE").expect("cargo made the folder");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(drop_in)");
    println!("cargo::rustc-cfg=drop_in");
}
"#;

fn manifest(
    home: &Home,
    own: &Manifest,
    shared: &Manifest,
    version: &str,
    features: &BTreeMap<String, Vec<String>>,
    services: Services,
    real: &Path,
) -> Result<String, Error> {
    let mut document = DocumentMut::new();
    let edition = own
        .string("package", "edition")
        .or_else(|| shared.document().get("workspace")?.get("package")?.get("edition")?.as_str())
        .unwrap_or("2024");
    let mut package = Table::new();
    for (key, text) in [("name", "tokio"), ("version", version), ("edition", edition), ("build", "build.rs")]
    {
        package.insert(key, value(text));
    }
    package.insert("publish", value(false));
    for key in ["autotests", "autobenches", "autoexamples", "autobins"] {
        package.insert(key, value(false));
    }
    document.insert("package", Item::Table(package));
    let mut library = Table::new();
    library.insert("path", value("src/lib.rs"));
    for key in ["test", "doctest", "bench"] {
        library.insert(key, value(false));
    }
    document.insert("lib", Item::Table(library));
    document.insert("workspace", Item::Table(Table::new()));
    document.insert("features", Item::Table(feature_table(own, features)));

    let resolve = |table: &Item| dependencies(home, shared, real, table);
    if let Some(table) = own.document().get("dependencies") {
        document.insert("dependencies", Item::Table(resolve(table)?));
    }
    let shared_table = |name: &&str| {
        let taken = InlineTable::from_iter([("workspace", true)]);
        Item::Table(Table::from_iter([(*name, Item::Value(taken.into()))]))
    };
    for package in services.packages() {
        for (name, item) in resolve(&shared_table(package))? {
            document["dependencies"][&*name] = item;
        }
    }
    if let Some(targets) = own.document().get("target").and_then(Item::as_table_like) {
        let mut all = Table::new();
        all.set_implicit(true);
        for (condition, target) in targets.iter() {
            if let Some(table) = target.get("dependencies") {
                let mut one = Table::new();
                one.set_implicit(true);
                one.insert("dependencies", Item::Table(resolve(table)?));
                all.insert(condition, Item::Table(one));
            }
        }
        document.insert("target", Item::Table(all));
    }
    let mut lints = Table::new();
    lints.set_implicit(true);
    let mut rust = Table::new();
    rust.insert("warnings", value("allow"));
    lints.insert("rust", Item::Table(rust));
    document.insert("lints", Item::Table(lints));
    Ok(document.to_string())
}

/// Tokio's features with the links among themselves, and the drop-in's own lines.
fn feature_table(own: &Manifest, features: &BTreeMap<String, Vec<String>>) -> Table {
    let mut lines: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, enables) in features {
        let among = enables.iter().filter(|enabled| features.contains_key(*enabled)).cloned();
        lines.entry(name).or_default().extend(among);
    }
    if let Some(table) = own.document().get("features").and_then(Item::as_table_like) {
        for (name, enables) in table.iter() {
            let listed = enables.as_array().into_iter().flatten().filter_map(Value::as_str);
            lines.entry(name).or_default().extend(listed.map(str::to_owned));
        }
    }
    let mut table = Table::new();
    for (name, enables) in lines {
        table.insert(name, value(enables.iter().collect::<Array>()));
    }
    table
}

/// A table of dependencies with everything taken from the workspace written out.
fn dependencies(home: &Home, shared: &Manifest, real: &Path, table: &Item) -> Result<Table, Error> {
    let mut out = Table::new();
    let entries = table.as_table_like().into_iter().flat_map(|table| table.iter());
    for (name, item) in entries {
        let mut own = specification(item);
        let mut base_folder = home.package();
        if own.remove("workspace").is_some() {
            let root = shared.shared(name).ok_or_else(|| Error::Unreadable {
                path: home.root.join("Cargo.toml"),
                reason: format!("sim-tokio takes `{name}` from [workspace.dependencies], which has none"),
            })?;
            own = inherited(specification(root), own);
            base_folder.clone_from(&home.root);
        }
        let package = own.get("package").and_then(Value::as_str).unwrap_or(name).to_owned();
        if package == "tokio" {
            for key in ["version", "git", "branch", "tag", "rev", "registry"] {
                own.remove(key);
            }
            own.insert("package", super::real::NAME.into());
            own.insert("path", text(real));
        } else if let Some(path) = own.get("path").and_then(Value::as_str).map(str::to_owned) {
            own.remove("version");
            own.remove("path");
            match &home.source {
                Source::Path => {
                    own.insert("path", text(&files::normal(&base_folder.join(path))));
                }
                Source::Git(keys) => {
                    for (key, given) in keys {
                        own.insert(key, given.as_str().into());
                    }
                }
                Source::Registry(version) => {
                    own.insert("version", format!("={version}").into());
                }
            }
        }
        out.insert(name, value(own));
    }
    Ok(out)
}

fn text(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

/// A dependency as a table: `"1"` is `{ version = "1" }`.
fn specification(item: &Item) -> InlineTable {
    if let Some(version) = item.as_str() {
        return InlineTable::from_iter([("version", version)]);
    }
    let entries = item.as_table_like().into_iter().flat_map(|table| table.iter());
    let values =
        entries.filter_map(|(key, item)| item.as_value().map(|value| (key, value.clone().decorated("", ""))));
    values.collect()
}

/// What cargo makes of `workspace = true` with more keys beside it: features add up, the rest is the member's.
fn inherited(mut root: InlineTable, member: InlineTable) -> InlineTable {
    for (key, given) in member {
        match (key.as_str(), root.get_mut("features").and_then(Value::as_array_mut), given.as_array()) {
            ("features", Some(features), Some(more)) => {
                more.iter().filter_map(Value::as_str).for_each(|more| features.push(more));
            }
            _ => {
                root.insert(key, given);
            }
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: &str = "[workspace.package]\nedition = '2024'\n[workspace.dependencies]\nsim-net = { path = 'sim-net' }\nsim-db = { path = 'sim-db', default-features = false }\n\
        libc = '0.2'\nfutures = { version = '0.3', features = ['std'] }\n";
    const OWN: &str = "[package]\nname = 'sim-tokio'\nedition.workspace = true\n[features]\nnet = ['dep:libc']\nmacros = ['real_tokio/macros']\n\
        [dependencies]\nreal_tokio = { package = 'tokio', version = '1.47', features = ['sync'] }\nsim-net.workspace = true\n\
        libc = { workspace = true, optional = true }\nfutures = { workspace = true, features = ['alloc'] }\nslab = '0.4'\n";

    fn generated_with(source: Source, services: Services) -> DocumentMut {
        let home = Home { root: "/home/sim".into(), source };
        let own = Manifest::parse(Path::new("/home/sim/sim-tokio"), OWN).unwrap();
        let shared = Manifest::parse(Path::new("/home/sim"), SHARED).unwrap();
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let features = BTreeMap::from([
            ("full".to_owned(), list(&["net", "macros", "parking_lot"])),
            ("net".to_owned(), list(&["libc", "mio/os-poll"])),
            ("macros".to_owned(), list(&["tokio-macros"])),
            ("libc".to_owned(), list(&["dep:libc"])),
            ("tokio-macros".to_owned(), list(&["dep:tokio-macros"])),
            ("parking_lot".to_owned(), list(&["dep:parking_lot"])),
        ]);
        let real = Path::new("/t/sim/real-tokio-1.54.1");
        let text = manifest(&home, &own, &shared, "1.54.1", &features, services, real).unwrap();
        text.parse().unwrap()
    }

    fn generated(source: Source) -> DocumentMut {
        generated_with(source, Services::default())
    }

    fn check(document: &DocumentMut, path: &[&str], wanted: &str) {
        let item = path.iter().fold(document.as_item(), |item, key| &item[*key]);
        assert_eq!(item.to_string().trim().replace('\'', "\""), wanted, "{path:?} in\n{document}");
    }

    #[test]
    fn it_is_tokio_at_the_locked_version_with_all_its_features() {
        let document = generated(Source::Path);
        check(&document, &["package", "name"], "\"tokio\"");
        check(&document, &["package", "version"], "\"1.54.1\"");
        check(&document, &["package", "edition"], "\"2024\"");
        check(&document, &["features", "full"], "[\"macros\", \"net\", \"parking_lot\"]");
        check(&document, &["features", "net"], "[\"dep:libc\", \"libc\"]");
        check(&document, &["features", "macros"], "[\"real_tokio/macros\", \"tokio-macros\"]");
        check(&document, &["features", "parking_lot"], "[]");
    }

    #[test]
    fn what_the_workspace_gives_is_written_out() {
        let document = generated(Source::Path);
        check(&document, &["dependencies", "futures", "features"], "[\"std\", \"alloc\"]");
        check(&document, &["dependencies", "libc", "version"], "\"0.2\"");
        check(&document, &["dependencies", "libc", "optional"], "true");
        check(&document, &["dependencies", "slab", "version"], "\"0.4\"");
    }

    #[test]
    fn tokio_becomes_the_copy() {
        let document = generated(Source::Path);
        check(&document, &["dependencies", "real_tokio", "package"], "\"real-tokio\"");
        check(&document, &["dependencies", "real_tokio", "path"], "\"/t/sim/real-tokio-1.54.1\"");
        check(&document, &["dependencies", "real_tokio", "features"], "[\"sync\"]");
        assert!(document["dependencies"]["real_tokio"].get("version").is_none());
    }

    #[test]
    fn the_sim_crates_come_from_where_the_user_has_them() {
        let net = |source| generated(source)["dependencies"]["sim-net"].to_string();
        assert_eq!(net(Source::Path).trim(), "{ path = \"/home/sim/sim-net\" }");
        let git = vec![("git".to_owned(), "https://x/sim".to_owned()), ("tag".to_owned(), "v1".to_owned())];
        assert_eq!(net(Source::Git(git)).trim(), "{ git = \"https://x/sim\", tag = \"v1\" }");
        assert_eq!(net(Source::Registry("0.1.0".into())).trim(), "{ version = \"=0.1.0\" }");
    }

    #[test]
    fn a_service_comes_from_where_the_others_do_and_only_when_asked_for() {
        assert!(generated(Source::Path)["dependencies"].get("sim-db").is_none());
        let document = generated_with(Source::Registry("0.1.0".into()), Services { postgres: true });
        check(&document, &["dependencies", "sim-db", "version"], "\"=0.1.0\"");
        check(&document, &["dependencies", "sim-db", "default-features"], "false");
    }
}
