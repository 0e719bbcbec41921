//! `mcp-policy completions`: each shell reads its script, and the manual page names every command.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::program::run;

const COMMANDS: [&str; 11] = [
    "check",
    "explain",
    "test",
    "replay",
    "diff",
    "scan",
    "render",
    "report",
    "schema",
    "import",
    "completions",
];

#[test]
fn completions_and_the_manual_name_every_command() {
    for what in ["bash", "zsh", "fish", "man"] {
        let done = run(&["completions", what], "");
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{what}");
        let text = done.stdout.to_lowercase();
        for command in COMMANDS {
            assert!(text.contains(command), "{what}: {command}");
        }
    }
}

#[test]
fn bash_reads_its_completions() {
    let script = run(&["completions", "bash"], "").stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn the_manual_has_a_section_for_each_command_and_its_options() {
    let page = run(&["completions", "man"], "").stdout;
    for command in COMMANDS {
        assert!(page.contains(&format!("\n.SH {}\n", command.to_uppercase())), "{command}");
    }
    assert!(page.contains("Exit codes"), "{page}");
    assert!(page.contains("\\fIPOLICY\\fR"), "{page}");
}

#[test]
fn an_unknown_shell_is_wrong_usage() {
    let done = run(&["completions", "cmd"], "");
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("bash, zsh, fish, man"), "{}", done.stderr);
}
