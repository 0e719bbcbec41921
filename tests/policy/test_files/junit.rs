//! The result of `test` as JUnit's XML.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use regex::Regex;

use super::{PASSING, POLICY};
use crate::check::repository;
use crate::folder::Folder;

#[test]
fn the_junit_result_has_a_suite_for_each_file() {
    let failing =
        PASSING.replace("expect: denied", "expect: allow").replace("a small", "a <small> & \"plain\"");
    let folder = Folder::holding("junit", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let done = folder.test(&["--format", "junit"]);
    assert_eq!(done.code, 3);
    for part in [
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        r#"<testsuites name="mcp-policy test" tests="5" failures="1" errors="0""#,
        r#"tests="5" skipped="0" errors="0" failures="1" time="0."#,
        r#"<testcase name="a &lt;small&gt; &amp; &quot;plain&quot; payment" classname="#,
        r#"<failure message="expect: expected allow, found denied" type="verdict">"#,
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    let times =
        done.stdout.lines().filter(|line| line.contains("<testcase ") && line.contains(r#" time="0."#));
    assert_eq!(times.count(), 5, "{}", done.stdout);
}

/// What a schema says of an element.
#[derive(Debug, Default)]
struct Declared {
    /// Its attributes, each with its type and whether it is required
    attributes: BTreeMap<String, (String, bool)>,
    /// The elements that it may hold
    children: BTreeSet<String>,
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().map(Result::unwrap).find(|it| it.key.as_ref() == name.as_bytes());
    found.map(|it| String::from_utf8(it.value.into_owned()).unwrap())
}

/// Reads the elements that a schema declares. It is an XSD with the prefix `xs` whose elements have no types with names.
fn schema(text: &str) -> BTreeMap<String, Declared> {
    let (mut reader, mut found, mut open) = (Reader::from_str(text), BTreeMap::new(), None);
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Eof => return found,
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                b"xs:element" => match (attribute(tag, "name"), attribute(tag, "ref"), &open) {
                    (Some(name), _, None) => {
                        found.insert(name.clone(), Declared::default());
                        open = matches!(event, Event::Start(_)).then_some(name);
                    }
                    (_, Some(child), Some(parent)) => {
                        found.get_mut(parent).unwrap().children.insert(child);
                    }
                    _ => {}
                },
                b"xs:attribute" => {
                    if let Some(element) = &open {
                        let is_required = attribute(tag, "use").as_deref() == Some("required");
                        let declared = (attribute(tag, "type").unwrap(), is_required);
                        let attributes = &mut found.get_mut(element).unwrap().attributes;
                        attributes.insert(attribute(tag, "name").unwrap(), declared);
                    }
                }
                _ => {}
            },
            Event::End(tag) if tag.name().as_ref() == b"xs:element" => open = None,
            _ => {}
        }
    }
}

#[test]
fn it_fits_the_schema_that_jenkins_checks_it_with() {
    let text = std::fs::read_to_string(repository().join("tests/data/junit-10.xsd")).unwrap();
    let schema = schema(&text);
    assert!(schema["testcase"].children.contains("failure") && schema["testsuite"].attributes["name"].1);
    let time = Regex::new(r"^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?$").unwrap();
    assert!(text.contains(&time.as_str()[1..time.as_str().len() - 1]));

    let failing = PASSING
        .replace("expect: denied", "expect: allow")
        .replace("a small payment", r#""\u0001 <b> ]]> \u2028 & é""#);
    let folder = Folder::holding(
        "junit-schema",
        &[("policy.json", POLICY), ("a.test.yaml", &failing), ("b.test.yaml", PASSING)],
    );
    let done = folder.test(&["--format", "junit"]);
    assert_eq!(done.code, 3, "{done:?}");
    let (mut reader, mut open, mut seen) = (Reader::from_str(&done.stdout), Vec::new(), BTreeSet::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                let declared = schema.get(&name).unwrap_or_else(|| panic!("no element {name}"));
                if let Some(parent) = open.last() {
                    assert!(schema[parent].children.contains(&name), "{name} in {parent}");
                }
                for it in tag.attributes().map(Result::unwrap) {
                    let key = std::str::from_utf8(it.key.as_ref()).unwrap();
                    let (kind, _) =
                        declared.attributes.get(key).unwrap_or_else(|| panic!("{name}: no {key}"));
                    let value = std::str::from_utf8(&it.value).unwrap();
                    assert!(kind != "SUREFIRE_TIME" || time.is_match(value), "{name}: {key}={value}");
                }
                for (key, _) in declared.attributes.iter().filter(|(_, (_, is_required))| *is_required) {
                    assert!(attribute(tag, key).is_some(), "{name}: {key} is missing");
                }
                seen.insert(name.clone());
                if matches!(event, Event::Start(_)) {
                    open.push(name);
                }
            }
            Event::End(_) => drop(open.pop()),
            _ => {}
        }
    }
    assert_eq!(seen, BTreeSet::from(["failure", "testcase", "testsuite", "testsuites"].map(str::to_owned)));
}
