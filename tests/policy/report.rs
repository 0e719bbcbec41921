//! `report`, and how logs are read: what is in them, what is not, and what of them is lost.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::program::run;
use crate::recorded::{Temporary, call, records};

fn some_records() -> Vec<String> {
    let policy = json!({ "version": "1", "server": "shop", "tools": { "a": { "limits": [{ "counter": "c", "window": 60, "max": 2 }] } } });
    let requests: Vec<_> =
        (0..6).map(|number| call(number * 1000, if number < 4 { "a" } else { "<b>" }, &json!({}))).collect();
    records(&policy, &requests)
}

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_form_of_a_log_gives_the_same_report() {
    let records = some_records();
    let quoted = |record: &String| json!({ "mcp": record, "status": 200 }).to_string();
    let lines =
        |line: &dyn Fn(&String) -> String| records.iter().map(line).collect::<Vec<_>>().join("\n") + "\n";
    let plain = lines(&|record| record.clone());
    let (first, second) = plain.split_at(plain.len() / 2);
    let logs = [
        ("plain", plain.clone().into_bytes()),
        ("text", lines(&|record| format!("[2027] \"POST /mcp\" 200 {record} -")).into_bytes()),
        ("member", lines(&|record| format!(r#"{{"mcp":[{record}]}}"#)).into_bytes()),
        ("string", lines(&quoted).into_bytes()),
        ("container", lines(&|record| json!({ "log": quoted(record) + "\n" }).to_string()).into_bytes()),
        ("windows", plain.replace('\n', "\r\n").into_bytes()),
        ("unended", plain.trim_end().to_owned().into_bytes()),
        ("gzip", zipped(&plain)),
        ("members", [zipped(first), zipped(second)].concat()),
    ];
    let reports: Vec<(&str, String)> = logs
        .into_iter()
        .map(|(name, bytes)| {
            let log = Temporary::file(&format!("form-{name}"), bytes);
            let done = run(&["report", log.path(), "-o", "-"], "");
            assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{name}");
            (name, done.stdout)
        })
        .collect();
    for (name, report) in &reports {
        assert_eq!(report, &reports[0].1, "{name}");
    }
    assert!(reports[0].1.contains("&lt;b&gt;") && !reports[0].1.contains("<b>"));
}

#[test]
fn lines_without_a_record_are_counted_and_the_first_is_named() {
    let log =
        format!("no record\n{}\n{{\"mcp\":[]}}\n{{\"decision\":\"allow\"}}\n\n", some_records().join("\n"));
    let done = run(&["report", "-", "-o", "-"], &log);
    assert_eq!(done.code, 0);
    let notes = "note: 3 lines have no record; the first is stdin:1\nnote: 1 record cannot be read: stdin:9: `id` is missing\n";
    assert_eq!(done.stderr, notes);
}

#[test]
fn a_line_that_is_too_long_is_skipped_and_told() {
    let records = some_records();
    let most = 16 * 1024 * 1024;
    // The longest line that is read is a record among other text.
    let longest = format!("{}{}", " ".repeat(most - records[0].len()), records[0]);
    let longer = format!("{}{}", " ".repeat(most), records[2]);
    let lines = [&longer, &longest, &longer, &records[1], &longer].map(String::as_str);
    let log = Temporary::file("long-lines", zipped(&lines.join("\n")));
    let policy =
        Temporary::file("long-lines.json", r#"{"version": "1", "server": "shop", "tools": {"a": {}}}"#);
    let done = run(&["replay", log.path(), "--policy", policy.path(), "--format", "json"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let told = done.stderr.replace(log.path(), "log");
    assert_eq!(told, "note: 3 lines are longer than 16 MiB and were skipped; the first is log:1\n");
    let result: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&result["judged"], &result["read"]["lines"]), (&json!(2), &json!(5)), "{result}");

    let done = run(&["report", "-", "-o", "-"], &longer);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.stderr,
        "note: 1 line is longer than 16 MiB and was skipped: stdin:1\nerror: no record was found in the logs\n"
    );
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it() {
    let policy = "policies/aipaygen.json";
    for (arguments, input, error) in [
        (&["report", "missing.log", "-o", "-"][..], "", "cannot read `missing.log`"),
        (&["report", "-", "-o", "-"], "nothing\n", "no record was found"),
        (&["report", "-", "-o", "/nowhere/x.html"], "", "cannot write `/nowhere/x.html`"),
        (&["replay", "-", "--policy", "missing.json"], "", "missing.json"),
        (&["replay", "-", "--policy", policy], "nothing\n", "no record of the server `aipaygen` was found"),
    ] {
        let input = if input.is_empty() { some_records().join("\n") } else { input.to_owned() };
        let done = run(arguments, &input);
        assert_eq!(done.code, 1, "{arguments:?}");
        assert!(done.stderr.contains(error), "{arguments:?}: {}", done.stderr);
    }
}
