//! From the user's workspace to a shadow that is ready to build.
//!
//! The steps: mirror the tree; copy the lock file; let cargo resolve it without the drop-in, to learn which tokio
//! the user has; make the copy of it and the drop-in; put the drop-in in its place; resolve again, and see that
//! it is used and that there is one runtime only. Nothing is silently real: a patch that cargo ignores ends here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::closure::Closure;
use super::folder::Folder;
use super::mirror::Mirror;
use super::resolve::{Graph, Package, patch_key};
use super::state::{State, stamp, stamp_below};
use super::workspace::Workspace;
use crate::error::Error;
use crate::files;
use crate::tokio::drop_in::{self, Home, Services, Source};
use crate::tokio::{real, version};

/// How the user wants dependencies resolved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    /// No network.
    pub offline: bool,
    /// The user's lock file must be complete.
    pub locked: bool,
}

/// A shadow that is ready.
#[derive(Debug)]
pub struct Shadow {
    /// The user's workspace.
    pub workspace: Workspace,
    /// `target/sim`.
    pub folder: Folder,
    /// Which path is where.
    pub mirror: Mirror,
    /// The folders of the mirrored packages, in the user's tree.
    pub packages: Vec<PathBuf>,
    /// The version of tokio that is replaced, if there is one.
    pub tokio: Option<String>,
    /// What the drop-in can have beside the code under test.
    pub services: Services,
    /// Configuration files that cargo would read in the user's tree and does not find from the shadow.
    pub configs: Vec<PathBuf>,
    /// What the user should know, a line each.
    pub notes: Vec<String>,
}

impl Shadow {
    /// Makes the shadow of `workspace`, or brings it up to date.
    ///
    /// # Errors
    ///
    /// Whatever stands in the way, with what to do about it.
    pub fn prepare(workspace: Workspace, network: Network, services: Services) -> Result<Shadow, Error> {
        let folder = Folder::below(&workspace.target);
        let closure = Closure::of(&workspace)?;
        let mirror = Mirror::new(&closure, folder.tree());
        let _lock = folder.take()?;
        mirror.refresh(&closure, folder.root())?;

        let (above, within): (Vec<PathBuf>, Vec<PathBuf>) = config_files(&workspace.root)
            .into_iter()
            .partition(|file| !file.starts_with(mirror.from()) && !lies_above(file, folder.root()));
        let inputs = inputs(&closure, above.iter().chain(&within));
        let mut shadow = Shadow {
            packages: closure.manifests.keys().cloned().collect(),
            configs: above,
            tokio: None,
            services,
            notes: Vec::new(),
            workspace,
            folder,
            mirror,
        };
        if let Some(state) = State::unchanged(&shadow.folder.state(), &inputs)
            && shadow.root().join("Cargo.lock").is_file()
            && (!network.locked || state.notes.is_empty())
            && state.services == services
        {
            (shadow.tokio, shadow.notes) = (state.tokio, state.notes);
        } else {
            shadow.resolve(inputs, network)?;
        }
        Ok(shadow)
    }

    /// The shadow of the workspace root.
    pub fn root(&self) -> PathBuf {
        self.mirror.shadow(&self.workspace.root).expect("the root is mirrored")
    }

    /// What was made for the version in place, with stamps.
    fn outputs(&self) -> BTreeMap<PathBuf, String> {
        let Some(version) = &self.tokio else { return BTreeMap::new() };
        let (real, drop_in) = (self.folder.real_tokio(version), self.folder.drop_in(version, self.services));
        let files = [
            self.folder.config(),
            real.join("Cargo.toml"),
            drop_in.join("Cargo.toml"),
            drop_in.join("build.rs"),
        ];
        let mut outputs: BTreeMap<PathBuf, String> = files.map(|file| (file.clone(), stamp(&file))).into();
        let sources = real.join("src");
        outputs.insert(sources.clone(), stamp_below(&sources));
        outputs
    }

    fn resolve(&mut self, mut inputs: BTreeMap<PathBuf, String>, network: Network) -> Result<(), Error> {
        let root = self.root();
        let (users, ours) = (self.workspace.root.join("Cargo.lock"), root.join("Cargo.lock"));
        remove(&self.folder.state())?;
        remove(&self.folder.config())?;
        let lock = fs::read(&users).ok();
        match &lock {
            Some(content) => drop(files::write_if_changed(&ours, content)?),
            None if network.locked => {
                return Err(Error::Input(format!(
                    "--locked needs {}, which does not exist: run `cargo generate-lockfile`",
                    users.display()
                )));
            }
            None => {
                self.notes
                    .push("there is no Cargo.lock: versions are chosen for the simulation alone".into());
            }
        }
        let flags: Vec<&str> = [(network.offline, "--offline"), (network.locked, "--locked")]
            .iter()
            .filter_map(|&(on, flag)| on.then_some(flag))
            .collect();
        let graph = self.graph(&flags, "").map_err(|error| match error {
            Error::Cargo { stderr, .. } if network.locked && stderr.contains("--locked") => {
                Error::Input(format!(
                    "{} does not fit the manifests and --locked was given: run `cargo update --workspace`",
                    users.display()
                ))
            }
            other => other,
        })?;
        if lock.is_some() && fs::read(&ours).ok() != lock {
            self.notes
                .push("Cargo.lock does not fit the manifests: the simulation uses a completed copy".into());
        }

        if let Some(tokio) = graph.tokio() {
            version::supported(&tokio.version)?;
            let home = home(&graph)?;
            for file in [home.root.join("Cargo.toml"), home.package().join("Cargo.toml")] {
                inputs.insert(file.clone(), stamp(&file));
            }
            self.replace(tokio, &home)?;
            self.tokio = Some(tokio.version.clone());
            let hint = if network.offline {
                "\nthe drop-in's own dependencies have to be fetched once: run the same without --offline"
            } else {
                ""
            };
            let flags: &[&str] = if network.offline { &["--offline"] } else { &[] };
            let graph = self.graph(flags, hint)?;
            self.check_replaced(&graph)?;
            self.configure(tokio, Some(&graph))?;
        } else if self.services != Services::default() && graph.home().is_none() {
            return Err(Error::Input(
                "--postgres is for tests that run in the simulation, and nothing here depends on tokio or sim: \
                 leave it out"
                    .into(),
            ));
        }
        let (tokio, services, notes) = (self.tokio.clone(), self.services, self.notes.clone());
        State { inputs, outputs: self.outputs(), tokio, services, notes }.save(&self.folder.state())
    }

    /// The graph of the shadow as it stands.
    ///
    /// # Errors
    ///
    /// Cargo's own words, with `hint`.
    pub fn graph(&self, flags: &[&str], hint: &'static str) -> Result<Graph, Error> {
        let configs: Vec<String> =
            self.configs.iter().map(|file| format!("--config={}", file.display())).collect();
        let flags: Vec<&str> = flags.iter().copied().chain(configs.iter().map(String::as_str)).collect();
        Graph::resolve(&self.root(), &flags, hint)
    }

    fn replace(&self, tokio: &Package, home: &Home) -> Result<(), Error> {
        let drop_in = self.folder.drop_in(&tokio.version, self.services);
        let real = self.folder.real_tokio(&tokio.version);
        real::copy(&tokio.version, tokio.folder(), &real)?;
        drop_in::generate(home, &tokio.version, &tokio.features, self.services, &real, &drop_in)?;
        self.configure(tokio, None)
    }

    /// Writes the configuration that puts the drop-in in tokio's place. Once the graph with it is known, the
    /// packages of the simulation are optimized in debug builds too: they run a hundred times as often as the
    /// user's code is built.
    fn configure(&self, tokio: &Package, graph: Option<&Graph>) -> Result<(), Error> {
        let key = tokio.source.as_deref().map_or_else(|| "crates-io".to_owned(), patch_key);
        let quoted = |text: &str| toml_edit::Value::from(text).decorated("", "").to_string();
        let mut text = format!(
            "# Made by cargo sim: the drop-in in tokio's place.\n[patch.{}]\ntokio = {{ path = {} }}\n",
            quoted(&key),
            quoted(&self.folder.drop_in(&tokio.version, self.services).to_string_lossy())
        );
        for package in graph.iter().flat_map(|graph| &graph.packages).filter(|package| is_simulation(package))
        {
            let spec = quoted(&format!("{}@{}", package.name, package.version));
            let _ = write!(text, "\n[profile.dev.package.{spec}]\nopt-level = 3\n");
        }
        files::write_if_changed(&self.folder.config(), text.as_bytes()).map(|_| ())
    }

    fn check_replaced(&self, graph: &Graph) -> Result<(), Error> {
        let version = self.tokio.as_deref().unwrap_or_default();
        let drop_in = self.folder.drop_in(version, self.services);
        for tokio in graph.named("tokio").filter(|tokio| tokio.version == version) {
            if tokio.folder() != drop_in {
                return Err(Error::Input(format!(
                    "tokio {version} still comes from {}: remove what overrides it (a path dependency or a [patch] \
                     in a configuration file)",
                    tokio.source.as_deref().unwrap_or(&tokio.folder().to_string_lossy())
                )));
            }
        }
        let runtimes: Vec<&Package> = graph.named("sim-runtime").collect();
        if let [one, other, ..] = runtimes[..] {
            return Err(Error::Input(format!(
                "two instances of the runtime: {} and {}: depend on one `sim` only",
                one.id, other.id
            )));
        }
        Ok(())
    }
}

/// Whether the package is part of the simulated world below the user's code.
fn is_simulation(package: &Package) -> bool {
    let name = package.name.as_str();
    matches!(name, "sim-host" | "sim-runtime" | "sim-net" | "sim-db" | real::NAME)
        || (name == "tokio" && package.source.is_none())
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// The user's own `sim`, else the repository this program was built from, else `SIM_HOME`, which wins over it.
fn home(graph: &Graph) -> Result<Home, Error> {
    if let Some(home) = graph.home()
        && home.package().join("Cargo.toml").is_file()
    {
        return Ok(home);
    }
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned);
    let root = std::env::var_os("SIM_HOME").map(PathBuf::from).or(built_from).unwrap_or_default();
    if let Some(home) = graph.home() {
        // From a registry the source of the drop-in is not among the user's packages: ours serves, if it is
        // of the same version.
        let Source::Registry(_) = home.source else {
            return Err(Error::Input(format!(
                "the `sim` in {} has no sim-tokio beside it",
                home.root.display()
            )));
        };
        return Ok(Home { root, source: home.source });
    }
    Ok(Home { root, source: Source::Path })
}

/// The configuration files cargo reads in `folder`, the deepest last.
fn config_files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folder
        .ancestors()
        .filter_map(|above| {
            ["config.toml", "config"]
                .map(|name| above.join(".cargo").join(name))
                .into_iter()
                .find(|file| file.is_file())
        })
        .collect();
    found.reverse();
    // Cargo reads this one in any case.
    let cargo_home = cargo_home();
    found.retain(|file| file.parent() != cargo_home.as_deref());
    found
}

fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))
}

/// Whether cargo, called below `folder`, looks at this file.
fn lies_above(config: &Path, folder: &Path) -> bool {
    config.parent().and_then(Path::parent).is_some_and(|above| folder.starts_with(above))
}

fn inputs<'a>(closure: &Closure, configs: impl Iterator<Item = &'a PathBuf>) -> BTreeMap<PathBuf, String> {
    let mut files: Vec<PathBuf> = closure.manifests.keys().map(|folder| folder.join("Cargo.toml")).collect();
    files.push(closure.root.join("Cargo.lock"));
    files.extend(configs.cloned());
    files.extend(std::env::current_exe());
    files.extend(cargo_home().map(|home| home.join("config.toml")));
    let mut inputs: BTreeMap<PathBuf, String> =
        files.into_iter().map(|file| (file.clone(), stamp(&file))).collect();
    if let Some(home) = std::env::var_os("SIM_HOME") {
        let file = PathBuf::from(home).join("sim-tokio/Cargo.toml");
        inputs.insert(file.clone(), stamp(&file));
    }
    inputs
}
