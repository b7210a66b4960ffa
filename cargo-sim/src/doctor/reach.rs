//! The packages that end up in a test binary.
//!
//! From the members along normal dependencies, and along the members' own dev-dependencies; build scripts and
//! procedural macros run in the compiler. The way through the replaced tokio is not followed: what only it needs
//! (mio, socket2) is never called. Neither is the way through the sim crates.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::shadow::resolve::{Graph, Package};
use crate::tokio::real;

/// A package that is linked.
#[derive(Debug)]
pub struct Reached<'a> {
    /// The package.
    pub package: &'a Package,
    /// The features it is built with.
    pub features: &'a [String],
    /// Whether it is a member of the workspace.
    pub is_member: bool,
}

/// The packages reached from the members called `wanted`, or from all; sorted by name and version.
///
/// # Errors
///
/// When a wanted package is no member.
pub fn packages<'a>(graph: &'a Graph, wanted: &[String]) -> Result<Vec<Reached<'a>>, Error> {
    let by_id: BTreeMap<&str, &Package> =
        graph.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, _> = graph.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let is_member = |id: &str| graph.workspace_members.iter().any(|member| member == id);
    let named = |name: &String| graph.named(name).any(|package| is_member(&package.id));
    if let Some(unknown) = wanted.iter().find(|name| !named(name)) {
        return Err(Error::Input(format!("no package `{unknown}` in this workspace")));
    }
    let mut waiting: Vec<&str> = graph
        .workspace_members
        .iter()
        .map(String::as_str)
        .filter(|id| wanted.is_empty() || by_id.get(id).is_some_and(|package| wanted.contains(&package.name)))
        .collect();
    let roots: BTreeSet<&str> = waiting.iter().copied().collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut reached = Vec::new();
    while let Some(id) = waiting.pop() {
        let (Some(package), Some(node)) = (by_id.get(id), nodes.get(id)) else { continue };
        if !seen.insert(id) || is_ours(package, graph) || is_macro(package) {
            continue;
        }
        reached.push(Reached { package, features: &node.features, is_member: is_member(id) });
        for edge in &node.deps {
            let linked = edge.dep_kinds.iter().any(|kind| match kind.kind.as_deref() {
                None => true,
                Some("dev") => roots.contains(id),
                Some(_) => false,
            });
            if linked {
                waiting.push(&edge.pkg);
            }
        }
    }
    reached.sort_by_key(|reached| (&reached.package.name, &reached.package.version));
    Ok(reached)
}

/// The replaced tokio, the copy of it, and the sim crates.
fn is_ours(package: &Package, graph: &Graph) -> bool {
    let replaced = graph.named(real::NAME).any(|copy| copy.version == package.version);
    match package.name.as_str() {
        "tokio" => replaced,
        "sim" | "sim-runtime" | "sim-net" | "sim-db" | "sim-host" | "sim-macros" | "sim-tokio" => true,
        name => name == real::NAME,
    }
}

fn is_macro(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(packages: &[&str], edges: &[(&str, &str, Option<&str>)]) -> Graph {
        let package = |id: &&str| {
            let (name, version) = id.split_once(' ').unwrap_or((id, "1.0.0"));
            let kind = if name.ends_with("-macro") { "proc-macro" } else { "lib" };
            serde_json::json!({"id": id, "name": name, "version": version, "source": null, "manifest_path": "/p/Cargo.toml",
                "features": {}, "links": null, "targets": [{"kind": [kind], "src_path": "/p/src/lib.rs"}]})
        };
        let node = |id: &&str| {
            let of = edges.iter().filter(|(from, ..)| from == id);
            let deps: Vec<_> = of
                .map(|(_, to, kind)| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                .collect();
            serde_json::json!({"id": id, "deps": deps, "features": []})
        };
        let json = serde_json::json!({
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "resolve": {"nodes": packages.iter().map(node).collect::<Vec<_>>()},
            "workspace_members": ["app", "core"],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn linked_packages_are_reached() {
        let graph = graph(
            &[
                "app",
                "core",
                "serde",
                "serde-macro",
                "cc",
                "insta",
                "dev-of-dep",
                "tokio 1.54.1",
                "real-tokio 1.54.1",
                "mio",
                "tokio 0.2.1",
            ],
            &[
                ("app", "core", None),
                ("app", "serde", None),
                ("app", "tokio 1.54.1", None),
                ("app", "tokio 0.2.1", None),
                ("app", "insta", Some("dev")),
                ("core", "cc", Some("build")),
                ("serde", "serde-macro", None),
                ("serde", "dev-of-dep", Some("dev")),
                ("tokio 1.54.1", "real-tokio 1.54.1", None),
                ("real-tokio 1.54.1", "mio", None),
            ],
        );
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            packages(&graph, &wanted)
                .map(|list| list.iter().map(|r| r.package.id.clone()).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(names(&[]).unwrap(), "app, core, insta, serde, tokio 0.2.1");
        assert_eq!(names(&["core"]).unwrap(), "core");
        assert!(names(&["serde"]).unwrap_err().to_string().contains("`serde`"));
    }
}
