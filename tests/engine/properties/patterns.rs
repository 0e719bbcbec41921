//! The search among patterns against a trial of each.

use mcp_policy_engine::policy::{Pattern, Patterns, Policy, Section};
use proptest::prelude::*;
use proptest::sample::Index;

use super::entries::matches;
use super::many;

/// Patterns that share prefixes and suffixes, so that many of them fit one name.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = prop_oneof![
        3 => "[ab]{0,4}\\*[ab]{0,3}",
        2 => "[ab]{0,3}",
        2 => "\\*[abc]{1,2}\\*",
        1 => "[ab]{0,2}(\\*[abé]{0,2}){1,3}",
    ];
    prop::collection::vec(text, 0..40)
}

/// A name, often one that fits a pattern.
fn name() -> impl Strategy<Value = (Index, String, String)> {
    (any::<Index>(), "[abcé]{0,3}", "[abcé]{0,7}")
}

fn named(texts: &[String], (text, run, other): &(Index, String, String)) -> String {
    // A long name has all letters.
    let run = if other.len() == 7 { run.repeat(50) } else { run.clone() };
    match texts {
        [] => other.clone(),
        _ if other.len() < 4 => other.clone(),
        _ => text.get(texts).replace('*', &run),
    }
}

fn fits(text: &str, name: &str) -> bool {
    matches(text.as_bytes(), name.as_bytes())
}

fn literals(text: &str) -> usize {
    text.chars().filter(|char| *char != '*').count()
}

/// Tells whether some name fits both patterns, letter by letter.
fn overlap(left: &[char], right: &[char]) -> bool {
    match (left, right) {
        ([], []) => true,
        (['*', rest @ ..], [_, others @ ..]) if overlap(rest, right) || overlap(left, others) => true,
        ([_, others @ ..], ['*', rest @ ..]) if overlap(left, rest) || overlap(others, right) => true,
        (['*', rest @ ..], []) => overlap(rest, right),
        ([], ['*', rest @ ..]) => overlap(left, rest),
        ([own, rest @ ..], [other, others @ ..]) => own == other && overlap(rest, others),
        _ => false,
    }
}

fn overlaps(left: &str, right: &str) -> bool {
    let [left, right] = [left, right].map(|text| text.chars().collect::<Vec<char>>());
    overlap(&left, &right)
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn a_name_fits_a_pattern_as_letter_by_letter(pattern in "[ab*é]{0,6}", name in "[abé*]{0,7}") {
        prop_assert_eq!(Pattern::new(&pattern).matches(&name), fits(&pattern, &name));
    }

    #[test]
    fn patterns_overlap_as_letter_by_letter(left in "[ab*é]{0,5}", right in "[ab*é]{0,5}") {
        let found = Pattern::new(&left).overlaps(&Pattern::new(&right));
        prop_assert_eq!(found, overlaps(&left, &right));
    }

    #[test]
    fn the_pattern_that_is_found_is_the_first_of_all_that_fit(
        texts in texts(),
        name in name(),
        accepted in any::<u64>(),
    ) {
        let name = named(&texts, &name);
        let numbered = texts.iter().enumerate().map(|(number, text)| (Pattern::new(text), number));
        let patterns = Patterns::new(numbered.collect());
        let accepts = |number: &usize| accepted >> (number % 64) & 1 == 1;
        let expected = texts.iter().position(|text| fits(text, &name));
        prop_assert_eq!(patterns.get(&name).copied(), expected);
        let expected = (0..texts.len()).find(|number| fits(&texts[*number], &name) && accepts(number));
        prop_assert_eq!(patterns.find(&name, accepts).copied(), expected);
        prop_assert_eq!(patterns.has_exact(&name), !name.contains('*') && texts.contains(&name));
    }

    #[test]
    fn the_entry_that_decides_is_the_most_literal_of_all_that_fit(texts in texts(), name in name()) {
        let name = named(&texts, &name);
        let numbered = texts.iter().enumerate().map(|(number, text)| (Pattern::new(text), number));
        let section = Section::new(numbered.collect());
        let rank = |number: &usize| (!texts[*number].contains('*'), literals(&texts[*number]));
        let expected =
            (0..texts.len()).rev().filter(|number| fits(&texts[*number], &name)).max_by_key(rank);
        prop_assert_eq!(section.get(&name).copied(), expected);
    }

    #[test]
    fn the_pattern_that_hides_a_tool_is_the_first_that_fits(texts in texts(), name in name()) {
        let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        let name = named(&texts, &name);
        let document = serde_json::json!({"version": "1", "hide": texts}).to_string();
        let policy = Policy::from_bytes(document.as_bytes()).expect("a valid policy");
        let expected = texts.iter().position(|text| fits(text, &name)).map(|number| format!("hide[{number}]"));
        prop_assert_eq!(policy.rules.hidden(&name), expected.as_deref());
    }

    #[test]
    fn each_pair_of_which_neither_decides_is_a_fault(texts in texts()) {
        let mut texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        texts.sort();
        texts.dedup();
        let entries: Vec<String> = texts.iter().map(|text| format!("{}: {{}}", serde_json::json!(text))).collect();
        let document = format!(r#"{{"version": "1", "tools": {{{}}}}}"#, entries.join(","));
        let mut expected = Vec::new();
        for (second, text) in texts.iter().enumerate().filter(|(_, text)| text.contains('*')) {
            for other in texts[..second].iter().filter(|other| other.contains('*')) {
                if literals(text) == literals(other) && overlaps(text, other) {
                    expected.push((other, text));
                }
            }
        }
        let faults = Policy::from_bytes(document.as_bytes()).err().map(|faults| faults.to_string());
        let faults = faults.unwrap_or_default();
        prop_assert_eq!(faults.lines().count(), expected.len(), "{} {:?}", faults, expected);
        for (line, (other, text)) in faults.lines().zip(expected) {
            let begins = format!("tools.{text}: overlaps `tools.{other}`");
            prop_assert!(line.starts_with(&begins), "{} {}", line, begins);
        }
    }
}
