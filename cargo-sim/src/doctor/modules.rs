//! The source files of a package that are compiled, each without what its conditions leave out.
//!
//! Starting at the crate's root, `mod name;` leads to the next file, as it does for the compiler. So a module for
//! another system, a feature that is off, and `#[cfg(test)]` cause no false alarm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::condition::Conditions;
use super::lexer::{Kind, Token, tokens};
use crate::files::normal;
use crate::shadow::resolve::Package;

/// A file that is compiled.
#[derive(Debug)]
pub struct File {
    /// Its path, relative to the package.
    pub name: String,
    /// The tokens that are compiled.
    pub tokens: Vec<Token>,
}

/// The files of `package`'s library; for a member of the workspace of its programs and tests too.
pub fn files(package: &Package, conditions: &Conditions, is_member: bool) -> Vec<File> {
    let mut walk = Walk { package: package.folder(), conditions, seen: BTreeSet::new(), files: Vec::new() };
    for target in &package.targets {
        let is_library = target.kind.iter().any(|kind| kind.ends_with("lib"));
        let is_own = is_member && target.kind.iter().any(|kind| matches!(kind.as_str(), "bin" | "test"));
        if is_library || is_own {
            walk.file(&target.src_path, true);
        }
    }
    walk.files
}

/// The source of the package's build script, empty when it has none.
pub fn build_script(package: &Package) -> String {
    let script = package.targets.iter().find(|target| target.kind.iter().any(|kind| kind == "custom-build"));
    script.and_then(|script| std::fs::read_to_string(&script.src_path).ok()).unwrap_or_default()
}

struct Walk<'a> {
    package: &'a Path,
    conditions: &'a Conditions,
    seen: BTreeSet<PathBuf>,
    files: Vec<File>,
}

impl Walk<'_> {
    fn file(&mut self, path: &Path, is_root: bool) {
        let path = normal(path);
        let Ok(source) = std::fs::read_to_string(&path) else { return };
        if !self.seen.insert(path.clone()) {
            return;
        }
        let folder = path.parent().unwrap_or(self.package).to_owned();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let children = if is_root || stem == "mod" { folder.clone() } else { folder.join(stem) };
        let Compiled { tokens, modules } = compiled(&tokens(&source), self.conditions);
        let name = path.strip_prefix(self.package).unwrap_or(&path).to_string_lossy().into_owned();
        self.files.push(File { name, tokens });
        for module in modules {
            if let Some(given) = module.path {
                let base =
                    if module.inside.is_empty() { folder.clone() } else { inner(&children, &module.inside) };
                self.file(&base.join(given), true);
                continue;
            }
            let base = inner(&children, &module.inside);
            let flat = base.join(format!("{}.rs", module.name));
            let nested = base.join(&module.name).join("mod.rs");
            self.file(if flat.is_file() { &flat } else { &nested }, false);
        }
    }
}

fn inner(folder: &Path, modules: &[String]) -> PathBuf {
    modules.iter().fold(folder.to_owned(), |folder, module| folder.join(module))
}

struct Module {
    name: String,
    path: Option<String>,
    /// The inline modules it is declared in.
    inside: Vec<String>,
}

struct Compiled {
    tokens: Vec<Token>,
    modules: Vec<Module>,
}

/// Leaves out what is not compiled and lists the modules declared.
fn compiled(all: &[Token], conditions: &Conditions) -> Compiled {
    let mut out = Compiled { tokens: Vec::new(), modules: Vec::new() };
    let (mut depth, mut inside): (usize, Vec<(String, usize)>) = (0, Vec::new());
    let (mut at, mut path) = (0, None);
    while at < all.len() {
        if all[at].is('#') {
            let inner = all.get(at + 1).is_some_and(|token| token.is('!'));
            let open = at + 1 + usize::from(inner);
            if all.get(open).is_some_and(|token| token.is('[')) {
                let end = group_end(all, open);
                let body = &all[open + 1..end.min(all.len()).max(open + 1)];
                let is_off = body.first().and_then(Token::word) == Some("cfg")
                    && body.len() > 3
                    && conditions.hold(&body[2..body.len() - 1]) == Some(false);
                at = end + 1;
                if is_off && inner {
                    // The whole file, or the whole block: the file is the common case.
                    return Compiled { tokens: Vec::new(), modules: Vec::new() };
                } else if is_off {
                    at = item_end(all, at);
                } else if let [name, mark, Token { kind: Kind::Text(text), .. }] = body
                    && name.word() == Some("path")
                    && mark.is('=')
                {
                    path = Some(text.clone());
                }
                continue;
            }
        }
        let token = &all[at];
        if token.word() == Some("mod")
            && let Some(name) = all.get(at + 1).and_then(Token::word)
        {
            let names = || inside.iter().map(|(name, _)| name.clone()).collect();
            match all.get(at + 2) {
                Some(end) if end.is(';') => {
                    out.modules.push(Module { name: name.to_owned(), path: path.take(), inside: names() });
                }
                Some(open) if open.is('{') => inside.push((name.to_owned(), depth)),
                _ => {}
            }
        } else if token.is('{') {
            depth += 1;
        } else if token.is('}') {
            depth = depth.saturating_sub(1);
            inside.pop_if(|(_, at)| *at == depth);
        } else if token.is(';') {
            path = None;
        }
        out.tokens.push(token.clone());
        at += 1;
    }
    out
}

/// The position of the mark that closes the group opened at `open`, or the end.
pub fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') if depth <= 1 => return at,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The position after the item, statement, field or arm that starts at `at`, its other attributes included.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.is('#'))
        && tokens.get(at + 1).is_some_and(|token| token.is('['))
    {
        at = group_end(tokens, at + 1) + 1;
    }
    while at < tokens.len() {
        match tokens[at].kind {
            Kind::Mark('{') => return group_end(tokens, at) + 1,
            Kind::Mark('(' | '[') => at = group_end(tokens, at) + 1,
            Kind::Mark(';' | ',') => return at + 1,
            // The end of what surrounds it.
            Kind::Mark('}' | ')' | ']') => return at,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::resolve::Target;
    use crate::tests::Scratch;
    use std::collections::BTreeMap;

    fn conditions() -> Conditions {
        Conditions::of("unix\ntarget_os=\"linux\"\n").for_package(&["std".to_owned()], String::new())
    }

    fn check(source: &str, wanted: &str) {
        let compiled = compiled(&tokens(source), &conditions());
        let words: Vec<&str> = compiled.tokens.iter().filter_map(Token::word).collect();
        assert_eq!(words.join(" "), wanted, "{source}");
    }

    #[test]
    fn what_is_switched_off_is_left_out() {
        check("a #[cfg(windows)] mod b { c } d", "a d");
        check("#[cfg(test)] #[allow(x)] fn b() -> u8 { c } d", "d");
        check("#[cfg(windows)] use a::{b, c}; d", "d");
        check("#[cfg(feature = \"off\")] type A = B<C>; d", "d");
        check("enum E { A, #[cfg(windows)] B(u8), C }", "enum E A C");
        check("f(#[cfg(windows)] a, b)", "f b");
        check("{ #[cfg(windows)] a } b", "b");
        check("if #[cfg(windows)] { a } else { b }", "if else b");
        check("#[cfg(unix)] fn b() { c }", "fn b c");
        check("#[derive(A)] struct S;", "struct S");
        check("#![cfg(windows)] a", "");
    }

    fn package(scratch: &Scratch, targets: &[(&str, &str)]) -> Package {
        let target = |&(kind, path): &(&str, &str)| Target {
            kind: vec![kind.to_owned()],
            src_path: scratch.path().join(path),
        };
        Package {
            id: "p".into(),
            name: "p".into(),
            version: "1.0.0".into(),
            source: None,
            manifest_path: scratch.path().join("Cargo.toml"),
            features: BTreeMap::new(),
            links: None,
            targets: targets.iter().map(target).collect(),
        }
    }

    #[test]
    fn modules_lead_to_files() {
        let scratch = Scratch::new("modules");
        scratch.write("src/lib.rs", "mod a; pub(crate) mod b; mod in_line { mod c; } #[cfg(windows)] mod w; #[path = \"odd/p.rs\"] mod p; mod gone;");
        scratch.write("src/a.rs", "mod deep;");
        scratch.write("src/a/deep.rs", "");
        scratch.write("src/b/mod.rs", "mod inner;");
        scratch.write("src/b/inner.rs", "");
        scratch.write("src/in_line/c.rs", "");
        scratch.write("src/w.rs", "");
        scratch.write("src/odd/p.rs", "");
        scratch.write("src/unused.rs", "");
        scratch.write("tests/t.rs", "");
        let package =
            package(&scratch, &[("lib", "src/lib.rs"), ("test", "tests/t.rs"), ("custom-build", "build.rs")]);
        let names = |is_member| {
            let mut names: Vec<String> =
                files(&package, &conditions(), is_member).into_iter().map(|file| file.name).collect();
            names.sort();
            names.join(" ")
        };
        let library =
            "src/a.rs src/a/deep.rs src/b/inner.rs src/b/mod.rs src/in_line/c.rs src/lib.rs src/odd/p.rs";
        assert_eq!(names(false), library);
        assert_eq!(names(true), format!("{library} tests/t.rs"));
    }
}
