//! An explanation as text.

use anstyle::Style;

use super::Explanation;
use crate::diagnostic::escaped;
use crate::terminal::{ERROR, FAINT, GOOD, HEADING, PLAIN, Terminal, WARNING, line};
use crate::trace::{Check, Layer, Outcome, Rule, Subject};

/// How wide the first column is.
const LEFT: usize = 10;
/// The most characters to which a column is widened.
const WIDEST: usize = 64;
/// The most characters of a condition that are shown.
const LONGEST: usize = 120;

/// Prints the explanation.
pub fn print(explanation: &Explanation, terminal: &mut Terminal) {
    request(explanation, terminal);
    caller(explanation, terminal);
    let rule = explanation.verdict.rule.as_deref();
    for layer in &explanation.layers {
        line!(terminal);
        print_layer(layer, rule, terminal);
    }
    if explanation.layers.is_empty() && explanation.verdict.decision == "deny" {
        row("rules", format_args!("{FAINT}not checked: the request is refused earlier{PLAIN}"), terminal);
    }
    line!(terminal);
    if let Some(outcome) = explanation.approval {
        row("approval", format_args!("{outcome}"), terminal);
    }
    verdict(explanation, terminal);
}

/// Prints a line whose first column is a heading, or empty.
fn row(heading: &str, text: std::fmt::Arguments<'_>, terminal: &mut Terminal) {
    line!(terminal, "{HEADING}{heading:LEFT$}{PLAIN}{text}");
}

fn request(explanation: &Explanation, terminal: &mut Terminal) {
    let Explanation { http, message, at, .. } = explanation;
    match message {
        Some(message) => {
            let method = escaped(message.method.as_deref().unwrap_or("a response"));
            let id =
                message.id.as_ref().map_or("a notification".to_owned(), |id| format!("id {}", escaped(id)));
            let targets: Vec<String> =
                message.targets.iter().map(|name| format!(" `{}`", escaped(name))).collect();
            row("request", format_args!("{method}{}, {id}", targets.join(",")), terminal);
            if let Some(arguments) = &message.arguments {
                row("", format_args!("{FAINT}arguments{PLAIN} {}", escaped(arguments)), terminal);
            }
            row("", format_args!("{FAINT}{}, {at}{PLAIN}", escaped(http)), terminal);
        }
        None => row("request", format_args!("{} {FAINT}{at}{PLAIN}", escaped(http)), terminal),
    }
}

fn caller(explanation: &Explanation, terminal: &mut Terminal) {
    let caller = &explanation.caller;
    match (&caller.principal, &caller.source) {
        (Some(name), Some(source)) => {
            row("caller", format_args!("`{}`, named by `{}`", escaped(name), escaped(source)), terminal);
        }
        (Some(name), None) => row("caller", format_args!("`{}`", escaped(name)), terminal),
        (None, _) if caller.sources.is_empty() => {
            row("caller", format_args!("{FAINT}no name: the policy has no `identity`{PLAIN}"), terminal);
        }
        (None, _) => row("caller", format_args!("no name"), terminal),
    }
    let name = |name: &str, kind: &str| {
        if name == kind { name.to_owned() } else { format!("{} ({kind})", escaped(name)) }
    };
    let names: Vec<String> = caller.sources.iter().map(|source| name(&source.name, source.kind)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    for (source, name) in caller.sources.iter().zip(&names) {
        let (mark, style) = if source.names { ("✓", GOOD) } else { ("·", FAINT) };
        row("", format_args!("{style}{mark}{PLAIN} {name:width$}  {}", escaped(&source.why)), terminal);
    }
    if caller.grant.is_none() && caller.grants.is_empty() {
        return;
    }
    match &caller.grant {
        Some(grant) => row("grant", format_args!("`{}`", escaped(grant)), terminal),
        None => row("grant", format_args!("{ERROR}none{PLAIN}"), terminal),
    }
    let width = caller.grants.iter().map(|grant| grant.name.chars().count()).max().unwrap_or_default();
    for grant in &caller.grants {
        let (mark, style) = if grant.applies { ("✓", GOOD) } else { ("·", FAINT) };
        let why = escaped(&grant.why.join("; "));
        row("", format_args!("{style}{mark}{PLAIN} {:width$}  {why}", grant.name), terminal);
    }
}

fn print_layer(layer: &Layer, decides: Option<&str>, terminal: &mut Terminal) {
    let name =
        layer.grant.as_ref().map_or("document".to_owned(), |grant| format!("grant `{}`", escaped(grant)));
    line!(terminal, "{HEADING}{name}{PLAIN}");
    for subject in &layer.subjects {
        if layer.subjects.len() > 1 {
            line!(terminal, "  {HEADING}{}{PLAIN}", escaped(&subject.name));
        }
        print_subject(subject, decides, terminal);
    }
}

fn print_subject(subject: &Subject, decides: Option<&str>, terminal: &mut Terminal) {
    if let Some(path) = &subject.hidden_by {
        let rest = "so nothing else is checked";
        line!(terminal, "  {ERROR}✗{PLAIN} hidden by {path}, {rest}{}", arrow(path, decides));
        return;
    }
    match (&subject.entry, &subject.default) {
        (Some(entry), _) => {
            let effect = entry.effect.map_or(String::new(), |effect| format!(": {effect}"));
            let mark = if entry.effect.is_some() { arrow(&entry.path, decides) } else { "" };
            line!(terminal, "  {} decides{effect}{mark}", entry.path);
        }
        (None, Some((path, effect))) => {
            let (mark, style) = if *effect == "allow" { ("✓", GOOD) } else { ("✗", ERROR) };
            let text = match path.starts_with("grants[") && *effect == "allow" {
                true => "no entry of the grant names it, and the grant refuses only what it names".to_owned(),
                false => format!("no entry names it, so {path} decides: {effect}"),
            };
            line!(terminal, "  {style}{mark}{PLAIN} {text}{}", arrow(path, decides));
        }
        (None, None) if subject.rules.is_empty() && subject.name.ends_with("/list") => {
            let text = "no entry is needed: the response shows what the caller may use";
            line!(terminal, "  {GOOD}✓{PLAIN} {text}");
        }
        (None, None) => {
            line!(terminal, "  {GOOD}✓{PLAIN} no entry is needed: the method keeps a session going");
        }
    }
    for other in &subject.others {
        line!(terminal, "    {FAINT}not {}: {}{PLAIN}", other.path, other.why);
    }
    let mut decides = decides;
    if let Some(obstacle) = &subject.obstacle {
        let own = subject.rules.iter().find(|rule| rule.of.is_none());
        let mark = arrow(own.map_or("", |rule| &rule.path), decides);
        line!(terminal, "  {ERROR}✗{PLAIN} {obstacle}{mark}");
        // The denial has the path of the rule, which the rule itself did not cause.
        decides = decides.filter(|_| mark.is_empty());
    }
    for rule in &subject.rules {
        print_rule(rule, decides, terminal);
    }
    if !subject.rules.is_empty() && subject.rules.iter().all(|rule| rule.applies == Some(false)) {
        line!(terminal, "    {FAINT}none of the rules applies, so they refuse nothing{PLAIN}");
    }
}

/// How far checks are moved to the right.
#[derive(Debug, Clone, Copy)]
struct Indent {
    columns: usize,
    /// Whether they are parts of a group
    is_part: bool,
}

fn arrow(path: &str, decides: Option<&str>) -> &'static str {
    if decides == Some(path) { "  ← decides" } else { "" }
}

fn print_rule(rule: &Rule, decides: Option<&str>, terminal: &mut Terminal) {
    let refuses = rule.checks.iter().any(|check| check.refuses);
    let (mark, style) = match (rule.applies, rule.action) {
        (Some(false), _) => ("·", FAINT),
        (Some(true), "deny") => ("✗", ERROR),
        (Some(true), "require_approval") if !refuses => ("?", WARNING),
        (Some(true), _) if !refuses => ("✓", GOOD),
        _ => ("✗", ERROR),
    };
    let applies = if rule.applies == Some(false) { ", does not apply" } else { "" };
    let action = match rule.action {
        "allow" => String::new(),
        action => format!(": {action}"),
    };
    let of = rule.of.filter(|of| !rule.path.ends_with(of)).map_or(String::new(), |of| format!(", of {of}"));
    let shadow = if rule.shadow { ", in shadow mode" } else { "" };
    // What a rule in shadow mode says has no effect.
    let decides = decides.filter(|_| !rule.shadow);
    let arrow = arrow(&rule.path, decides);
    let path = &rule.path;
    line!(terminal, "  {style}{mark}{PLAIN} rule {path}{action}{FAINT}{of}{shadow}{applies}{PLAIN}{arrow}");
    let indent = Indent { columns: 4, is_part: false };
    print_checks(&rule.checks, &rule.path, indent, decides, terminal);
}

fn print_checks(
    checks: &[Check],
    above: &str,
    indent: Indent,
    decides: Option<&str>,
    terminal: &mut Terminal,
) {
    let Indent { columns: indent, is_part } = indent;
    let name = |check: &Check| {
        let tail = check.path.strip_prefix(above).unwrap_or(&check.path);
        tail.trim_start_matches('.').to_owned()
    };
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default().min(WIDEST);
    let left = widest(&mut checks.iter().map(|check| name(check).chars().count()));
    let middle = widest(&mut checks.iter().map(|check| check.text.chars().count()));
    for check in checks {
        // A part of a group decides nothing by itself.
        let (mark, style) = if is_part { ("·", FAINT) } else { marked(check) };
        let word = said(check);
        let found = escaped(check.found.as_deref().unwrap_or_default());
        let comma = if found.is_empty() || word.is_empty() { "" } else { ": " };
        let (name, text) = (name(check), shortened(&escaped(&check.text)));
        let arrow = arrow(&check.path, decides);
        line!(
            terminal,
            "{:indent$}{style}{mark}{PLAIN} {FAINT}{name:left$}{PLAIN}  {text:middle$}  {word}{comma}{found}{arrow}",
            ""
        );
        let below = Indent { columns: indent.saturating_add(4), is_part: true };
        print_checks(&check.parts, &check.path, below, decides, terminal);
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST).and_then(|(at, _)| text.get(..at)) {
        Some(short) => format!("{short}…"),
        None => text.to_owned(),
    }
}

fn marked(check: &Check) -> (&'static str, Style) {
    match (check.refuses, check.outcome, check.kind) {
        (true, Outcome::Indeterminate, _) => ("?", ERROR),
        (true, _, _) => ("✗", ERROR),
        (false, Outcome::Unjudged, _) => ("·", FAINT),
        (false, Outcome::Indeterminate, _) => ("?", WARNING),
        (false, Outcome::Fails, "when") => ("·", FAINT),
        (false, _, _) => ("✓", GOOD),
    }
}

fn said(check: &Check) -> &'static str {
    match (check.kind, check.outcome) {
        ("limits", _) => "",
        ("arguments", Outcome::Holds) => "fits",
        ("arguments", _) => "does not fit",
        ("deny_if", Outcome::Holds) => "triggered",
        ("deny_if", Outcome::Fails) => "not triggered",
        ("when", Outcome::Fails) => "does not hold",
        (_, Outcome::Holds) => "holds",
        (_, Outcome::Fails) => "fails",
        (_, Outcome::Indeterminate) => "cannot be judged",
        (_, Outcome::Unjudged) => "not looked at",
    }
}

fn verdict(explanation: &Explanation, terminal: &mut Terminal) {
    let verdict = &explanation.verdict;
    let by = verdict.rule.as_ref().map_or(String::new(), |rule| format!(" by {rule}"));
    let code = verdict.code.unwrap_or_default();
    let (text, style) = match verdict.decision {
        "deny" => (format!("denied: {code}"), ERROR),
        "would_deny" => (format!("allowed; without shadow mode denied: {code}"), WARNING),
        "exempt" => ("allowed: the path is exempt, so nothing is read or recorded".to_owned(), WARNING),
        _ => ("allowed".to_owned(), GOOD),
    };
    row("verdict", format_args!("{style}{text}{PLAIN}{by}"), terminal);
    if let Some(text) = &verdict.text {
        let sees = if verdict.decision == "deny" { "the model sees:" } else { "the model would see:" };
        row("", format_args!("{FAINT}{sees}{PLAIN} {}", escaped(text)), terminal);
    }
    if let Some(seconds) = verdict.retry_after_seconds {
        row("", format_args!("{FAINT}to be retried after {seconds} s{PLAIN}"), terminal);
    }
}
