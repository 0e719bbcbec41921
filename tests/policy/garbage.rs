//! Files that no command can use, and places where nothing can be written: each is an error with words, never a crash.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::program::{Done, run};
use crate::recorded::Temporary;

const POLICY: &str = "policies/run_agent.json";
const TOOLS: &str = "tests/data/aipaygen-1.6.0-tools.json";
const LOG: &str = "tests/cases/demo_access.log";

/// Every command with a file of each kind that it takes. `FILE` stands for the file.
const READING: [&[&str]; 21] = [
    &["check", "FILE"],
    &["check", "FILE", "--format", "sarif"],
    &["check", POLICY, "--tools", "FILE"],
    &["explain", "FILE", "--call", "run_agent"],
    &["test", "FILE"],
    &["test", "FILE", "--format", "junit"],
    &["diff", "FILE", POLICY],
    &["diff", POLICY, "FILE"],
    &["diff", POLICY, POLICY, "--tools", "FILE"],
    &["replay", "FILE", "--policy", POLICY],
    &["replay", "FILE", "--policy", POLICY, "--changed", "--format", "json"],
    &["replay", LOG, "--policy", "FILE"],
    &["scan", "FILE"],
    &["scan", "FILE", "--explain", "--format", "json"],
    &["scan", TOOLS, "--policy", "FILE"],
    &["scan", TOOLS, "--definitions", "FILE"],
    &["render", "FILE", "--for", "envoy"],
    &["render", "FILE", "--for", "istio-wasmplugin", "--module", "oci://r.example/m:1", "--selector", "a=b"],
    &["report", "FILE", "-o", "-"],
    &["import", "FILE"],
    &["import", "FILE", "--from", "intercept", "--format", "json"],
];

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns bytes that repeat only after a long time.
fn noise(length: usize) -> Vec<u8> {
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(state.to_be_bytes()[0])
    };
    std::iter::repeat_n((), length).scan(7, |state, ()| step(state)).collect()
}

/// Files that are nothing: no policy, no test, no list of tools, no record.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let log = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(LOG)).unwrap();
    let log = zipped(&log);
    let bomb = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let below = level - 1;
        text + &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}, *a{below}]\n")
    });
    let wide = "{\"version\": \"1\", \"x\": ".to_owned() + &"9".repeat(100_000) + "}";
    let list = |text: &str| text.as_bytes().to_vec();
    vec![
        ("empty", Vec::new()),
        ("blank", list(" \n\t\n")),
        ("noise", noise(4000)),
        ("zeros", vec![0; 200]),
        ("utf8.json", b"{\"version\": \"1\", \"description\": \"\xff\"}".to_vec()),
        ("utf8.yaml", b"version: \"1\"\ndescription: \xff\n".to_vec()),
        ("utf16.json", "{\"version\": \"1\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("cut.gz", log[..12].to_vec()),
        ("noise.gz", [b"\x1f\x8b".to_vec(), noise(500)].concat()),
        ("twice.gz", zipped(&log)),
        ("open.json", list(&"[".repeat(100_000))),
        ("deep-lists.json", list(&("[".repeat(100_000) + &"]".repeat(100_000)))),
        ("deep-objects.json", list(&("{\"a\":".repeat(50_000) + "1" + &"}".repeat(50_000)))),
        ("deep.yaml", list(&(0..300).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"))),
        ("flow.yaml", list(&("a: ".to_owned() + &"[".repeat(20_000)))),
        ("digits.json", wide.into_bytes()),
        ("exponent.json", list("{\"version\": \"1\", \"max_body_bytes\": 1e999999}")),
        ("null.json", list("null")),
        ("string.json", list("\"x\"")),
        ("half.json", list("{\"version\": \"1\", \"description\": \"\\ud800\"}")),
        ("twice.json", list("{\"version\": \"1\", \"version\": \"1\"}")),
        ("bomb.yaml", bomb.into_bytes()),
        ("circle.yaml", list("a: &a [*a]\n")),
        ("tag.yaml", list("!!python/object:os.system x\n")),
        ("two.yaml", list("---\na: 1\n---\nb: [\n")),
    ]
}

#[track_caller]
fn did_not_crash(done: &Done, about: &str) {
    for word in ["panicked", "RUST_BACKTRACE", "overflow", "src/", ".rs:"] {
        assert!(!done.stderr.contains(word), "{about}: {}", done.stderr);
    }
}

#[test]
fn a_file_that_is_nothing_is_an_error_that_names_it() {
    for (name, bytes) in garbage() {
        let file = Temporary::file(&format!("garbage-{name}"), bytes);
        for command in READING {
            let words: Vec<&str> =
                command.iter().map(|word| if *word == "FILE" { file.path() } else { *word }).collect();
            let done = run(&words, "");
            let about = format!("{name}: {command:?}: {}", done.code);
            assert!(matches!(done.code, 1 | 3), "{about}: {}", done.stderr);
            did_not_crash(&done, &about);
            let told = done.stdout + &done.stderr;
            // An empty log has no line to name.
            let is_named = told.contains(&format!("garbage-{name}")) || told.contains("no record");
            assert!(is_named, "{about}: {told}");
        }
    }
}

#[test]
fn a_path_that_is_no_file_is_an_error_that_names_it() {
    for path in ["no/such/file.json", "policies", "policies/run_agent.json/below"] {
        for command in READING {
            // A folder is searched for tests, and the policies of this one have none beside them.
            if command[0] == "test" && path == "policies" {
                continue;
            }
            let words: Vec<&str> =
                command.iter().map(|word| if *word == "FILE" { path } else { *word }).collect();
            let done = run(&words, "");
            assert_eq!(done.code, 1, "{words:?}: {}", done.stderr);
            did_not_crash(&done, &format!("{words:?}"));
            assert!(done.stderr.contains(&format!("`{path}`")), "{words:?}: {}", done.stderr);
        }
    }
}

/// Commands that have something to print, with the exit code that they have where it can be printed.
const PRINTING: [(&[&str], i32); 16] = [
    (&["check", "policies/spend.json", "--format", "json"], 0),
    (&["check", "--explain", "unused-rule"], 0),
    (&["explain", POLICY, "--call", "run_agent"], 0),
    (&["explain", POLICY, "--call", "other"], 2),
    (&["test", "tests/policies/aipaygen.test.yaml"], 0),
    (&["test", "tests/policies/aipaygen.test.yaml", "--format", "junit"], 0),
    (&["diff", POLICY, "policies/spend.json"], 3),
    (&["replay", LOG, "--policy", "policies/aipaygen.json"], 0),
    (&["scan", TOOLS], 0),
    (&["render", POLICY, "--for", "envoy"], 0),
    (&["report", LOG, "-o", "-"], 0),
    (&["schema"], 0),
    (&["import", POLICY], 0),
    (&["completions", "bash"], 0),
    (&["completions", "man"], 0),
    (&["--help"], 0),
];

fn start(words: &[&str], stdout: Stdio, stderr: Stdio) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_mcp-policy"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("the program starts")
}

#[cfg(target_os = "linux")]
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("Linux").into()
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_ends_with_one() {
    for (words, _) in PRINTING {
        let output = start(words, full(), Stdio::piped()).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(words == ["--help"] || stderr.contains("cannot write"), "{words:?}: {stderr}");
    }
    for words in [["report", LOG, "-o", "/dev/full"], ["scan", TOOLS, "-o", "/dev/full"]] {
        let done = run(&words, "");
        assert_eq!(done.code, 1, "{words:?}");
        assert!(done.stderr.contains("cannot write `/dev/full`"), "{words:?}: {}", done.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn notes_and_errors_that_cannot_be_written_change_no_exit_code() {
    for (words, code) in PRINTING {
        let status = start(words, Stdio::null(), full()).wait().unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}");
    }
    for words in [&["check", "no/such/file.json"][..], &["scan", "no/such/file.json"], &["nope"], &["check"]]
    {
        let status = start(words, Stdio::null(), full()).wait().unwrap();
        assert_eq!(status.code(), Some(1), "{words:?}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_failure() {
    for (words, code) in PRINTING {
        let mut child = start(words, Stdio::piped(), Stdio::piped());
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
    }
}
