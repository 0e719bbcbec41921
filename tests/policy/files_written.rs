//! Files that commands write: nothing that is read, reviewed or written by the same command is lost.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;
use crate::program::run;

const TOOLS: &str = r#"{"serverInfo": {"name": "s"}, "tools": [{"name": "get_a", "inputSchema": {"type": "object", "maxProperties": 1.50}, "x-new": [null]}], "prompts": [{"name": "p"}]}"#;

#[test]
fn no_output_is_an_input_or_another_output() {
    let folder = Folder::new("apart");
    let tools = folder.with("tools.json", TOOLS);
    let log = folder.with("access.log", "{}\n");
    let (hard, soft, ahead, new) =
        (folder.file("hard"), folder.file("soft"), folder.file("ahead"), folder.file("new"));
    let (policy, digests) = (folder.file("policy.json"), folder.file("digests.json"));
    let written = ["-o", &policy, "--write-definitions", &digests];
    assert_eq!(run(&[&["scan", &tools], &written[..]].concat(), "").code, 0);
    fs::hard_link(&tools, &hard).unwrap();
    std::os::unix::fs::symlink(&log, &soft).unwrap();
    std::os::unix::fs::symlink("new", &ahead).unwrap();
    let around = folder.file("../").clone() + new.rsplit('/').nth(1).unwrap() + "/./new";
    let kept: Vec<_> = [&tools, &log, &policy, &digests].map(|name| (name, fs::read(name).unwrap())).into();
    for (arguments, told) in [
        (&["report", &log, "-o", &log][..], format!("`--output` `{log}` is the log `{log}`, which is read")),
        (&["report", &tools, &log, "-o", &soft], format!("`--output` `{soft}` is the log `{log}`")),
        (&["scan", &tools, "-o", &tools, "--force"], format!("`--output` `{tools}` is the source `{tools}`")),
        (&["scan", &tools, "--write-tools", &hard, "--force"], format!("`{hard}` is the source `{tools}`")),
        (
            &["scan", &tools, "--policy", &format!("{policy}#s"), "-o", &policy, "--force"],
            format!("`{policy}` is the policy `{policy}`"),
        ),
        (
            &["scan", &tools, "--definitions", &digests, "-o", &digests, "--force"],
            format!("`{digests}` is the file of definitions `{digests}`"),
        ),
        (
            &["scan", &tools, "-o", &new, "--write-definitions", &around],
            format!(
                "`--write-definitions` `{around}` is `--output` `{new}`, which is written by the same command"
            ),
        ),
        (
            &["scan", &tools, "-o", &ahead, "--write-tools", &new],
            format!("`--write-tools` `{new}` is `--output` `{ahead}`"),
        ),
    ] {
        let done = run(arguments, "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(done.stderr.contains(&told), "{arguments:?}: {}", done.stderr);
        assert!(!fs::exists(&new).unwrap(), "{arguments:?}");
    }
    for (name, before) in kept {
        assert!(fs::read(name).unwrap() == before, "{name} has changed");
    }
    let nowhere = ["scan", &tools, "-o", "/dev/null", "--write-definitions", "/dev/null"];
    assert_eq!(run(&nowhere, "").code, 0);
}

#[test]
fn scan_replaces_a_file_only_by_force() {
    let folder = Folder::new("force");
    let tools = folder.with("tools.json", TOOLS);
    for option in ["-o", "--write-definitions", "--write-tools"] {
        let empty = folder.with("empty.json", "");
        assert_eq!(run(&["scan", &tools, option, &empty], "").code, 0, "{option}");
        let written = fs::read_to_string(&empty).unwrap();
        assert!(!written.is_empty());

        let reviewed = folder.with("reviewed.json", "reviewed");
        let refused = run(&["scan", &tools, option, &reviewed], "");
        assert_eq!(
            (refused.code, fs::read_to_string(&reviewed).unwrap().as_str()),
            (1, "reviewed"),
            "{option}"
        );
        assert!(refused.stderr.contains("`--force` replaces it"), "{}", refused.stderr);
        let compare = format!("`--policy {reviewed}` compares the server with it");
        assert_eq!(refused.stderr.contains(&compare), option == "-o", "{}", refused.stderr);

        assert_eq!(run(&["scan", &tools, option, &reviewed, "--force"], "").code, 0, "{option}");
        assert_eq!(fs::read_to_string(&reviewed).unwrap(), written, "{option}");
    }
}

#[test]
fn a_result_replaces_a_file_only_by_force() {
    let folder = Folder::new("replaced");
    let policy = folder.with("policy.json", r#"{"version": "1", "tools": {"a": {}}}"#);
    let foreign =
        folder.with("foreign.yaml", "version: '1'\ntools: { a: { rules: [{ name: x, action: deny }] } }\n");
    let log = "tests/cases/demo_access.log";
    for command in [&["report", log][..], &["render", &policy, "--for", "envoy"], &["import", &foreign]] {
        let empty = folder.with("empty", "");
        let done = run(&[command, &["-o", &empty]].concat(), "");
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{command:?}: {}", done.stderr);
        let written = fs::read_to_string(&empty).unwrap();
        assert!(!written.is_empty(), "{command:?}");

        let kept = folder.with("kept", "reviewed");
        let refused = run(&[command, &["-o", &kept]].concat(), "");
        let expected = format!("error: `--output` `{kept}` exists: `--force` replaces it\n");
        assert_eq!((refused.code, refused.stderr), (1, expected), "{command:?}");
        assert_eq!(fs::read_to_string(&kept).unwrap(), "reviewed", "{command:?}");

        assert_eq!(run(&[command, &["-o", &kept, "--force"]].concat(), "").code, 0, "{command:?}");
        assert_eq!(fs::read_to_string(&kept).unwrap(), written, "{command:?}");
    }
}

#[test]
fn a_policy_is_written_as_yaml_if_the_name_of_its_file_says_so() {
    let folder = Folder::new("yaml");
    let foreign = folder.with(
        "foreign.yaml",
        "version: '1'\ntools: { no: { rules: [{ name: x, action: deny, on_deny: 'No: ask' }] } }\n",
    );
    for command in
        [&["scan", "tests/data/aipaygen-1.6.0-tools.json", "--server", "1"][..], &["import", &foreign]]
    {
        let files = ["policy.json", "policy.yaml", "policy.YML"].map(|name| folder.file(name));
        for file in &files {
            let done = run(&[command, &["-o", file, "--force"]].concat(), "");
            assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{command:?}: {}", done.stderr);
            assert_eq!(run(&["check", file], "").code, 0, "{command:?} {file}");
            let text = fs::read_to_string(file).unwrap();
            assert_eq!(text.starts_with("version: \"1\"\n"), !file.ends_with(".json"), "{text}");
            let same = run(&["diff", &files[0], file], "");
            assert_eq!(same.code, 0, "{command:?} {file}: {}{}", same.stdout, same.stderr);
        }
    }
}

#[test]
fn a_policy_that_yaml_cannot_hold_is_not_written() {
    let folder = Folder::new("no-yaml");
    let tools = folder.with(
        "tools.json",
        TOOLS.replace("1.50", r#"1, "properties": {"n": {"type": "integer", "maximum": 9007199254740991}}"#),
    );
    let file = folder.file("policy.yaml");
    let done = run(&["scan", &tools, "-o", &file], "");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("is 9007199254740991, but numbers in YAML are integers of 32 bits"),
        "{}",
        done.stderr
    );
    assert!(!fs::exists(&file).unwrap());
}

#[test]
fn what_write_tools_has_saved_gives_the_same_policy_and_digests() {
    let folder = Folder::new("saved");
    let (tools, saved) = (folder.with("tools.json", TOOLS), folder.file("saved.json"));
    assert_eq!(run(&["scan", &tools, "--write-tools", &saved], "").code, 0);
    let [first, second] = [&tools, &saved].map(|source| run(&["scan", source, "--format", "json"], ""));
    assert_eq!((second.code, second.stdout), (0, first.stdout));
    let [before, after] = [TOOLS.to_owned(), fs::read_to_string(&saved).unwrap()]
        .map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(after, before);
    let policy = folder.with("policy.json", r#"{"version": "1", "tools": {"get_b": {}}}"#);
    let done = run(&["check", &policy, "--tools", &saved], "");
    assert!(done.stdout.contains("unlisted-tool") && done.stdout.contains("unknown-tool"), "{}", done.stdout);
}
