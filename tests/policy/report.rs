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
