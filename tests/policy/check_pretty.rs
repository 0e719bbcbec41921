//! `check`: what people see, compared with the texts in `tests/policy/check/`. `UPDATE=1` writes them anew.

use std::process::{Command, Stdio};

use crate::check::repository;
use crate::program::run;

/// Compares a text with a file.
#[track_caller]
fn is_in(name: &str, text: &str) {
    let path = repository().join("tests/policy/check").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: {text}");
}

#[test]
fn each_input_is_told_as_its_text_says() {
    let folder = repository().join("tests/policy/check");
    let mut count = 0_u32;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "json" || end == "yaml") {
            let done = run(&["check", "-"], &std::fs::read_to_string(&path).unwrap());
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap();
            is_in(&format!("{name}.txt"), &(done.stdout + &done.stderr));
            count = count.saturating_add(1);
        }
    }
    assert!(count >= 11, "{count}");
}

#[test]
fn what_is_hard_to_show_is_shown() {
    let odd = "{\n\t\"version\": \"1\",\n\t\"tools\": { \"日本語\": {},\t\"工具\": { \"actoin\": \"deny\" } },\n\t\"\\u001b[31m\": 1, \
               \"é\u{85}\u{202e}\u{7f}\": 2\n}\n";
    let words = "Lorem ipsum dolor sit amet. ".repeat(4_000);
    let long = format!(r#"{{"version":"1","description":"{words}","defalt":"deny","server":"{words}"}}"#);
    for (name, input) in [("odd_characters.txt", odd), ("long_line.txt", &long)] {
        let done = run(&["check", "-"], input);
        is_in(name, &(done.stdout + &done.stderr));
    }
}

#[test]
fn a_terminal_gets_colors() {
    let done = Command::new(env!("CARGO_BIN_EXE_mcp-policy"))
        .args(["check", "tests/policy/check/misspelt_key.json"])
        .current_dir(repository())
        .env("CLICOLOR_FORCE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    is_in("misspelt_key.color", &String::from_utf8(done.stdout).unwrap().replace('\u{1b}', "␛"));
}
