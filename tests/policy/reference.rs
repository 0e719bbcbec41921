//! The examples of the README and of the pages in docs/ print what is written there.
//!
//! Each block `console` is run from a folder like the repository's root, one after the other. A line `…` stands for any
//! number of lines, and `…` within a line for any text. A command that cannot do its work fails, whatever it prints. A block
//! behind a comment `<!-- not run: why -->` is not run, and blocks of other kinds are not either: `tests/docs` loads those of
//! JSON and YAML.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const REFERENCE: &str = include_str!("../../docs/mcp-policy.md");

/// The comment before a block that no test can run.
const NOT_RUN: &str = "<!-- not run: ";

/// A command, and what it prints to stdout and stderr.
struct Example {
    command: String,
    printed: Vec<String>,
}

/// Reads the examples of a document. A block within a list is indented.
fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut lines = document.lines();
    let mut before = "";
    while let Some(line) = lines.next() {
        let is_run = !before.starts_with(NOT_RUN);
        let (text, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        before = if line.is_empty() { before } else { text };
        if text != "```console" || !is_run {
            continue;
        }
        let mut block = lines.by_ref().map(|line| line.get(indent..).unwrap_or_default());
        while let Some(line) = block.next().filter(|line| *line != "```") {
            let Some(first) = line.strip_prefix("$ ") else {
                let example = examples.last_mut().expect("a block begins with a command");
                example.printed.push(line.to_owned());
                continue;
            };
            let mut command = first.to_owned();
            let here = first.contains("<<'END'");
            while command.ends_with('\\') || (here && !command.ends_with("\nEND")) {
                command.push('\n');
                command.push_str(block.next().expect("the command ends"));
            }
            examples.push(Example { command, printed: Vec::new() });
        }
    }
    examples
}

/// Makes an expression of the lines that an example prints.
fn expected(printed: &[String]) -> Regex {
    let mut pattern = "(?s)^".to_owned();
    for line in printed {
        pattern.push_str(&match line.trim() {
            "…" => "(?:.*\n)?".to_owned(),
            _ => regex::escape(line).replace('…', "[^\n]*") + "\n",
        });
    }
    Regex::new(&(pattern + "$")).expect("an expression")
}

/// Makes a folder with the files that the examples read. What they write stays in it.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["envoy", "policies", "tests"] {
        symlink(Path::new(ROOT).join(name), folder.join(name)).expect("a link");
    }
    folder
}

/// Runs a command as a shell does. Returns what it prints, and whether it could run: the exit code of a command that cannot
/// is 1, or that of the shell.
fn run(command: &str, folder: &Path) -> (String, bool) {
    let program = Path::new(env!("CARGO_BIN_EXE_mcp-policy"));
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("a folder").display());
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .output()
        .expect("a shell");
    let could_run = matches!(output.status.code(), Some(0 | 2 | 3));
    (String::from_utf8(output.stdout).expect("UTF-8"), could_run)
}

/// Runs the examples of a page in a folder of its own. Returns those that print something else, and how many it has.
fn run_all(page: &Path) -> (Vec<String>, usize) {
    let examples = examples(&std::fs::read_to_string(page).expect("a page"));
    let folder = folder(page.file_stem().and_then(|name| name.to_str()).expect("a name"));
    let wrong = examples
        .iter()
        .map(|example| (example, run(&example.command, &folder)))
        .filter(|(example, (printed, could_run))| !could_run || !expected(&example.printed).is_match(printed))
        .map(|(example, (printed, _))| format!("{}: $ {}\n{printed}", page.display(), example.command))
        .collect();
    (wrong, examples.len())
}

#[test]
fn the_examples_of_all_pages_print_what_is_written_there() {
    let docs = Path::new(ROOT).join("docs");
    let mut pages: Vec<PathBuf> =
        docs.read_dir().expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let (mut wrong, mut found) = run_all(&Path::new(ROOT).join("README.md"));
    for page in pages.iter().filter(|page| !page.ends_with("README.md")) {
        let (more, examples) = run_all(page);
        wrong.extend(more);
        found += examples;
    }
    assert!(wrong.is_empty(), "these print something else:\n{}", wrong.join("\n"));
    assert!(found >= 20, "{found} examples");
}

#[test]
fn a_block_is_left_out_only_behind_a_comment_that_says_why() {
    let block = "```console\n$ true\n```\n";
    for (page, found) in [
        (block.to_owned(), 1),
        (format!("<!-- not run: it needs a cluster -->\n\n{block}"), 0),
        (format!("<!-- not run: it needs a cluster -->\n{block}\n{block}"), 1),
        (format!("<!-- not run: it needs a cluster -->\ntext\n\n{block}"), 1),
        ("1. text\n\n   ```console\n   $ true\n   ```\n".to_owned(), 1),
    ] {
        assert_eq!(examples(&page).len(), found, "{page}");
    }
}

#[test]
fn the_reference_has_every_command_and_every_warning() {
    let printed = |command: &str| run(&format!("mcp-policy {command}"), Path::new(ROOT)).0;
    let help = printed("--help");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        let name = line.split_whitespace().next().expect("a name");
        let told = REFERENCE.contains(&format!("## `{name}")) || name == "help";
        assert!(told, "no section about `{name}`");
    }
    let help = printed("check --help");
    let ids = help.lines().skip_while(|line| *line != "Warnings:").skip(1);
    for line in ids.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   ")) {
        let told = REFERENCE.contains(&format!("| `{}` |", line.trim()));
        assert!(told, "the table of warnings lacks `{}`", line.trim());
    }
}

#[test]
fn the_reference_has_every_format_of_a_command_in_its_section() {
    let printed = |command: &str| run(&format!("mcp-policy {command}"), Path::new(ROOT)).0;
    let mut found = 0;
    for section in REFERENCE.split("\n## `").skip(1) {
        let name = section.split('`').next().expect("a name");
        let help = printed(&format!("help {name}"));
        let values = help.lines().skip_while(|line| !line.contains("--format <")).skip(1);
        let values = values.take_while(|line| !line.contains("[default:"));
        for line in values.filter_map(|line| line.trim().strip_prefix("- ")) {
            let format = line.split(':').next().expect("a format");
            // Every command writes text unless another format is chosen; `--format json` is told of once.
            let told = [format!("--format {format}"), format!("| `{format}` |")];
            let is_told =
                told.iter().any(|told| section.contains(told)) || ["pretty", "json"].contains(&format);
            assert!(is_told, "the section `{name}` lacks the format `{format}`");
            found += 1;
        }
    }
    assert!(found > 12, "{found}");
}
