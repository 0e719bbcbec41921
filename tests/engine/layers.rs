//! The folders of the engine depend on each other in one direction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules of the engine. Each may use those before it.
const LAYERS: [&str; 16] = [
    "text",
    "work",
    "json",
    "regex",
    "limit",
    "rate_limit",
    "denial",
    "mcp",
    "document",
    "schema",
    "policy",
    "identity",
    "approval",
    "decide",
    "audit",
    "guard",
];

fn engine() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the modules of the crate that a source text names outside of comments.
fn named(source: &str) -> BTreeSet<&str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(modules).filter(|name| LAYERS.contains(name)).collect()
}

/// Returns what follows `crate::` in a line.
fn modules(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(|(at, prefix)| {
        let rest = &line[at + prefix.len()..];
        rest.split(|char: char| !char.is_alphanumeric() && char != '_').next()
    })
}

#[test]
fn a_module_uses_only_modules_of_lower_layers() {
    let mut found = Vec::new();
    files(&engine(), &mut found);
    let mut modules = BTreeSet::new();
    for path in found {
        let below = path.strip_prefix(engine()).unwrap();
        let module = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" {
            continue;
        }
        let layer = LAYERS.iter().position(|known| *known == module);
        let layer = layer.unwrap_or_else(|| panic!("{module} has no layer: give it one"));
        for name in named(&std::fs::read_to_string(&path).unwrap()) {
            let used = LAYERS.iter().position(|known| *known == name).unwrap();
            assert!(used <= layer, "{} uses `{name}`, which is above `{module}`", below.display());
        }
        modules.insert(module);
    }
    assert_eq!(modules.len(), LAYERS.len(), "a layer has no module: {modules:?}");
}
