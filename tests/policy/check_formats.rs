//! `check`: its options, its formats, and what people see.

use serde_json::{Value, json};

use crate::check::{repository, text_of};
use crate::folder::Folder;
use crate::program::run;

/// A policy with two warnings, in lines 3 and 4.
const WARNED: &str = r#"{
  "version": "1",
  "default": "allow",
  "exempt_paths": ["/mcp"]
}
"#;

/// A policy with a fault.
const FAULTY: &str = "{\n  \"version\": \"1\",\n  \"defalt\": \"deny\"\n}\n";

#[test]
fn options_decide_what_is_told_and_what_fails() {
    for (options, code, told) in [
        (&[][..], 0, "2 warnings in 1 policy"),
        (&["--fail-level", "error"], 0, "2 warnings in 1 policy"),
        (&["--fail-level", "warning"], 3, "2 warnings in 1 policy"),
        (&["--deny", "default-allow"], 3, "1 error, 1 warning in 1 policy"),
        (&["--deny", "default-allow", "--deny", "exempt-mcp-path"], 3, "2 errors in 1 policy"),
        (&["--allow", "default-allow"], 0, "1 warning in 1 policy"),
        (&["--allow", "default-allow", "--allow", "exempt-mcp-path", "--fail-level", "warning"], 0, ""),
        (&["--deny", "spend-without-cap"], 0, "2 warnings in 1 policy"),
    ] {
        let done = run(&[&["check"], options, &["-"]].concat(), WARNED);
        assert_eq!((done.code, done.stderr.trim_end()), (code, told), "{options:?}");
        assert_eq!(done.stdout.is_empty(), told.is_empty(), "{options:?}: {}", done.stdout);
    }
}

#[test]
fn wrong_options_end_with_one_and_words_that_help() {
    for (options, expected) in [
        (&["--allow", "unknown-key", "-"][..], "`unknown-key`: it is the id of a fault"),
        (&["--deny", "unachored-regex", "-"], "did you mean `unanchored-regex`?"),
        (&["--deny", "colour", "-"], "the ids are approval-without-reason, "),
        (&["--allow", "default-allow", "--deny", "default-allow", "-"], "both allowed and denied"),
        (&["--tools", "policies/none.json", "-"], "cannot read `policies/none.json`"),
        (
            &["--tools", "policies/run_agent.json", "-"],
            "is not a list of tools with their definitions: it is a policy",
        ),
        (&["--tools", "-", "-"], "stdin (`-`) can be read only once"),
        (&["policies/none.json"], "cannot read `policies/none.json`"),
        (&["--format", "xml", "-"], "possible values: pretty, json, github, sarif"),
        (&["--explain", "colour"], "no warning or fault has this id"),
        (&[], "POLICY"),
    ] {
        let done = run(&[&["check"], options].concat(), WARNED);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{options:?}");
        assert!(done.stderr.contains(expected), "{options:?}: {}", done.stderr);
    }
}

#[test]
fn each_id_is_explained() {
    let help = run(&["check", "--help"], "").stdout;
    let faults = help.split("Faults:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let warnings =
        help.split("Warnings:\n").nth(1).unwrap().lines().filter_map(|line| line.strip_prefix("  "));
    let warnings = warnings.filter(|line| !line.starts_with(' ') && !line.contains(','));
    let ids: Vec<&str> = faults.split([',', ' ', '\n']).chain(warnings).filter(|id| !id.is_empty()).collect();
    assert!(ids.len() > 80, "{ids:?}");
    for id in ids {
        let done = run(&["check", "--explain", id], "");
        assert_eq!(done.code, 0, "{id}: {}", done.stderr);
        assert!(done.stdout.lines().count() >= 4, "{id}: {}", done.stdout);
    }
}

#[test]
fn json_is_one_object_with_every_member() {
    let done = run(&["check", "--format", "json", "-"], FAULTY);
    assert_eq!((done.code, done.stderr.as_str()), (3, ""));
    let printed: Value = serde_json::from_str(&done.stdout).unwrap();
    let diagnostic = &printed["diagnostics"][0];
    let message = text_of(diagnostic, "message");
    let expected = json!({ "diagnostics": [{
        "file": "stdin", "line": 3, "column": 3, "severity": "error", "id": "unknown-key", "path": "defalt",
        "message": message, "help": "unknown key `defalt`; did you mean `default`?",
    }] });
    assert_eq!(printed, expected);
    assert!(message.starts_with("unknown key, expected `version`"), "{message}");
    let clean = run(&["check", "--format", "json", "policies/spend.json"], "");
    assert_eq!((clean.code, clean.stdout.as_str()), (0, "{\n  \"diagnostics\": []\n}\n"));
}

#[test]
fn workflow_commands_are_one_line_each_and_escaped() {
    let policy = "{\n  \"version\": \"1\",\n  \"resources\": {\"50%,\\né\": {\"limits\": [{\"counter\": \"c\"}]}}\n}\n";
    let folder = Folder::new("github");
    let file = folder.with("a,b:c.json", policy);
    let done = run(&["check", "--format", "github", &file], "");
    assert_eq!((done.code, done.stderr.as_str()), (3, ""));
    let lines: Vec<&str> = done.stdout.lines().collect();
    let [window, max] = lines.as_slice() else { panic!("{}", done.stdout) };
    let start = format!(
        "::error file={},line=3,col=40,endLine=3,endColumn=40,title=missing-key::resources[\"50%25,\\né\"].limits[0].",
        file.replace(',', "%2C").replace(':', "%3A"),
    );
    assert!(window.starts_with(&format!("{start}window: is missing, must be ")), "{window}\n{start}");
    assert!(window.ends_with("%0Aadd the key `window` to this object"), "{window}");
    assert!(max.starts_with(&format!("{start}max: is missing")), "{max}");
    let warned = run(&["check", "--format", "github", "-"], WARNED);
    assert!(
        warned
            .stdout
            .starts_with("::warning file=stdin,line=3,col=14,endLine=3,endColumn=20,title=default-allow::")
    );
}

#[test]
fn sarif_fits_its_schema_and_names_relative_files() {
    let mut schema: Value = serde_json::from_str(
        &std::fs::read_to_string(repository().join("tests/data/sarif-2.1.0.json")).unwrap(),
    )
    .unwrap();
    // The schema's own expression for languages closes a bracket that is not open.
    for object in ["run", "toolComponent"] {
        schema["definitions"][object]["properties"]["language"].as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = Folder::new("sarif");
    let odd = folder.with("é #1.json", FAULTY);
    for (arguments, input, results) in [
        (&["-"][..], FAULTY, 1),
        (&["-", "--deny", "default-allow"], WARNED, 2),
        (&["policies/spend.json", "./policies/grants.json"], "", 0),
        (&[odd.as_str(), "-"], WARNED, 3),
        (&["-"], "{", 1),
        (&["-"], "version: '1'\nserver: a\nserver: b\n", 1),
    ] {
        let done = run(&[&["check", "--format", "sarif"], arguments].concat(), input);
        let log: Value = serde_json::from_str(&done.stdout).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{error} {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let run = &log["runs"][0];
        let found = run["results"].as_array().unwrap();
        assert_eq!((found.len(), run["columnKind"].as_str()), (results, Some("unicodeCodePoints")));
        for result in found {
            let number = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][number]["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(
                uri == "stdin" || uri.starts_with("file:///") && uri.ends_with("%C3%A9%20%231.json"),
                "{uri}"
            );
        }
    }
    let done = run(&["check", "--format", "sarif", "-"], FAULTY);
    let log: Value = serde_json::from_str(&done.stdout).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    let region = json!({ "startLine": 3, "startColumn": 3, "endLine": 3, "endColumn": 11 });
    assert_eq!(
        (&place["artifactLocation"], &place["region"]),
        (&json!({ "uri": "stdin", "uriBaseId": "%SRCROOT%" }), &region)
    );
}

#[test]
fn several_policies_are_counted_together_and_in_their_order() {
    let folder = Folder::new("several");
    let (first, second) = (folder.with("1.json", FAULTY), folder.with("2.json", WARNED));
    let done = run(&["check", &first, &second, "policies/spend.json"], "");
    assert_eq!((done.code, done.stderr.trim_end()), (3, "1 error, 2 warnings in 3 policies"));
    let origins: Vec<&str> =
        done.stdout.lines().filter_map(|line| line.trim().strip_prefix("--> ")).collect();
    assert_eq!(origins, [format!("{first}:3:3"), format!("{second}:3:14"), format!("{second}:4:20")]);
}
