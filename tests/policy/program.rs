//! The program under test.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// How the program ended.
#[derive(Debug)]
pub struct Done {
    /// Its exit code
    pub code: i32,
    /// What it wrote to stdout
    pub stdout: String,
    /// What it wrote to stderr
    pub stderr: String,
}

/// Runs the program with these arguments and this input. Its folder is the repository's.
pub fn run(arguments: &[&str], input: &str) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-policy"))
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that does not read its input closes the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    Done {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
