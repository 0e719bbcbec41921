//! Files that a command writes. None of them may be a file that the command reads, or another one that it writes, and no
//! file with content is replaced without `--force`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use same_file::Handle;

use crate::outcome::Failure;
use crate::terminal::Terminal;

/// The options of a command that writes one result.
#[derive(Debug, Args)]
pub struct Output {
    /// Write the result to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<String>,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

impl Output {
    /// Makes sure that the file may be written.
    ///
    /// # Errors
    /// It is one of the inputs; or it exists, and `--force` is not given.
    pub fn check(&self, inputs: &[Named<'_>]) -> Result<(), Failure> {
        let Some(name) = &self.output else { return Ok(()) };
        let output = Named { what: "`--output`", name };
        apart(inputs, &[output])?;
        kept(&[output], self.force, |_| String::new())
    }

    /// Writes the result to the file, or to stdout if there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, text: &str, terminal: &mut Terminal) -> Result<(), Failure> {
        match self.output.as_deref() {
            None | Some("-") => {
                terminal.print(format_args!("{text}"));
                Ok(())
            }
            Some(name) => write(name, text),
        }
    }
}

/// A file that the command line names, to be read or written.
#[derive(Debug, Clone, Copy)]
pub struct Named<'o> {
    /// What it is for, such as "the log" or "`-o`"
    pub what: &'o str,
    /// Its name as it was given; `-` is stdin, and as an output stdout
    pub name: &'o str,
}

/// A file as the system knows it, whatever name leads to it.
#[derive(PartialEq, Eq)]
enum Identity {
    /// A file that exists, also behind a link
    File(Handle),
    /// A file that is yet to be made: its folder, and its name there
    Planned(PathBuf, OsString),
}

impl Identity {
    /// Finds out which file is read; `None` if it cannot be opened, which the command tells when it reads it.
    fn of_input(name: &str) -> Option<Self> {
        let handle = match name {
            "-" => Handle::stdin(),
            name if is_device(name) => return None,
            name => Handle::from_path(name),
        };
        handle.ok().map(Self::File)
    }

    /// Finds out which file will be written; `None` for what keeps nothing, and if the folder does not exist, which the
    /// command tells when it writes.
    fn of_output(name: &str) -> Option<Self> {
        if name == "-" || is_device(name) {
            return None;
        }
        if let Ok(handle) = Handle::from_path(name) {
            return Some(Self::File(handle));
        }
        let path = target(Path::new(name));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self::Planned(fs::canonicalize(folder).ok()?, path.file_name()?.to_owned()))
    }
}

/// How many links are followed to a file that does not exist.
const MOST_LINKS: usize = 40;

/// Follows links to the path that would be made.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
    }
    path
}

/// Makes sure that no output is an input or another output, under whatever name.
///
/// # Errors
/// The first one that is.
pub fn apart(inputs: &[Named<'_>], outputs: &[Named<'_>]) -> Result<(), Failure> {
    let mut taken: Vec<(Named<'_>, Identity, &str)> = Vec::new();
    for input in inputs {
        taken.extend(Identity::of_input(input.name).map(|identity| (*input, identity, "read")));
    }
    for output in outputs {
        let Some(identity) = Identity::of_output(output.name) else { continue };
        if let Some((other, _, done)) = taken.iter().find(|(_, other, _)| *other == identity) {
            let (what, name) = (output.what, output.name);
            return Err(Failure::new(format!(
                "{what} `{name}` is {} `{}`, which is {done} by the same command: name another file for {what}",
                other.what, other.name
            )));
        }
        taken.push((*output, identity, "written"));
    }
    Ok(())
}

/// Tells whether a name is that of something that keeps nothing, such as a terminal, a pipe or `/dev/null`. Such a name
/// must not be opened only to look at it: the process at the other end of a pipe would take that for its reader.
fn is_device(name: &str) -> bool {
    fs::metadata(name).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// Makes sure that no output replaces a file with content, unless by `force`. `instead` says what can be done with such a
/// file; it ends with `, and ` or is empty.
///
/// # Errors
/// The first output that does.
pub fn kept(
    outputs: &[Named<'_>],
    force: bool,
    instead: impl Fn(&Named<'_>) -> String,
) -> Result<(), Failure> {
    let has_content = |name: &str| fs::metadata(name).is_ok_and(|about| about.is_file() && about.len() > 0);
    let lost = outputs.iter().find(|output| !force && output.name != "-" && has_content(output.name));
    let Some(output) = lost else { return Ok(()) };
    let Named { what, name } = output;
    Err(Failure::new(format!("{what} `{name}` exists: {}`--force` replaces it", instead(output))))
}

/// Writes a file.
///
/// # Errors
/// It cannot be written.
pub fn write(name: &str, text: &str) -> Result<(), Failure> {
    fs::write(name, text).map_err(|error| Failure::of_file("cannot write", name, &error))
}
