//! Finds and reads test files.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::case::{self, TestFile};
use crate::diagnostic::Diagnostic;
use crate::input::{self, File, Kind};
use crate::outcome::Failure;

/// The ends of the names of test files in folders.
const ENDS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// How deep folders are searched. A link can lead back to a folder above.
const DEEPEST: usize = 32;

/// Returns the test files that the arguments name, in order. Folders are searched for them.
///
/// # Errors
/// There is no such file or folder, or no test file at all.
pub fn find(arguments: &[String]) -> Result<Vec<String>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for argument in arguments {
        let path = Path::new(argument);
        if argument != "-" && path.is_dir() {
            let before = files.len();
            search(path, DEEPEST, &mut files)?;
            if files.len() == before {
                let text = format!(
                    "`{argument}` has no test file: their names end with `.test.yaml` or `.test.json`"
                );
                return Err(Failure::new(text));
            }
        } else {
            files.push(path.to_owned());
        }
    }
    Ok(files.iter().map(|path| path.to_string_lossy().into_owned()).collect())
}

fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let name = folder.to_string_lossy();
    let failed = |error| Failure::of_file("cannot read", &name, &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if let Some(depth) = depth.checked_sub(1).filter(|_| !name.starts_with('.')) {
                search(&path, depth, files)?;
            }
        } else if ENDS.iter().any(|end| name.ends_with(end)) {
            if is_of_promtool(&path) {
                let path = path.display();
                anstream::eprintln!("note: `{path}` is left out, because it is a test for `promtool`");
                continue;
            }
            files.push(path);
        }
    }
    Ok(())
}

/// Tells whether a file has unit tests of Prometheus rules, whose names end in the same way. A file that is neither these
/// nor a test of a policy is one with a fault.
fn is_of_promtool(path: &Path) -> bool {
    let Ok(file) = File::read(&path.to_string_lossy()) else { return false };
    input::tree(&Rc::new(file)).is_ok_and(|node| {
        let has = |key: &str| node.member(key).is_some();
        has("rule_files") && has("tests") && !has("policy") && !has("cases")
    })
}

/// Reads a test file.
///
/// # Errors
/// The file cannot be read, or is for another command; or its faults.
pub fn read(name: &str) -> Result<Result<TestFile, Vec<Diagnostic>>, Failure> {
    let file = Rc::new(File::read(name)?);
    let node = input::tree(&file);
    let kind = node.as_ref().map_or_else(|_| Kind::of_text(&file.text), Kind::of);
    Ok(match (kind, node) {
        (Some(other), _) if other != Kind::Tests => return Err(other.instead_of("a test file", &file)),
        (_, Ok(node)) => case::read(&file, &node),
        (_, Err(malformed)) => Err(vec![*malformed]),
    })
}
