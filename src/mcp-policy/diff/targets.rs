//! The targets that are compared: each name that one of the policies knows, and each combination of patterns that can
//! decide on another name.

use std::collections::BTreeSet;

use mcp_policy_engine::policy::{Pattern, Rules};

/// The sections that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Tools, with what is hidden
    Tool,
    /// Resources
    Resource,
    /// Prompts
    Prompt,
    /// Methods that act on none of these
    Method,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Tool, Self::Resource, Self::Prompt, Self::Method];

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::Prompt => "prompt",
            Self::Method => "method",
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'p> {
    /// This name
    Name(String),
    /// Names on which patterns decide: one for each [`Chooser`], or none
    Class(Vec<Option<&'p Pattern>>),
}

impl Target<'_> {
    /// Returns the text for people.
    pub fn text(&self, kind: Kind) -> String {
        match self {
            Self::Name(name) => format!("{} `{name}`", kind.word()),
            Self::Class(chosen) => match chosen.iter().flatten().max_by_key(|pattern| pattern.literals()) {
                Some(pattern) => format!("{}s `{pattern}`", kind.word()),
                None => format!("any other {}", kind.word()),
            },
        }
    }

    /// Returns a name among those on which patterns decide, one with no more than the most specific pattern asks for.
    pub fn sample(&self) -> Option<String> {
        let Self::Class(chosen) = self else { return None };
        let pattern = chosen.iter().flatten().max_by_key(|pattern| pattern.literals())?;
        Some(sample(pattern, "\u{fffd}"))
    }
}

/// The patterns with `*` of which one decides, the most specific.
#[derive(Debug, Default)]
pub struct Chooser<'p> {
    /// The patterns
    pub patterns: Vec<&'p Pattern>,
    /// Whether the most specific decides; else any of them does, as for `hide`
    pub by_literals: bool,
}

/// The most combinations of patterns that are compared.
pub const MOST_CLASSES: usize = 20_000;

/// Returns the patterns of a section of a layer.
pub fn patterns<'p>(rules: &'p Rules, kind: Kind) -> Box<dyn Iterator<Item = &'p Pattern> + 'p> {
    match kind {
        Kind::Tool => Box::new(rules.tools.entries().map(|(pattern, _)| pattern)),
        Kind::Resource => Box::new(rules.resources.section().entries().map(|(pattern, _)| pattern)),
        Kind::Prompt => Box::new(rules.prompts.entries().map(|(pattern, _)| pattern)),
        Kind::Method => Box::new(rules.methods.section().entries().map(|(pattern, _)| pattern)),
    }
}

/// Returns the patterns that hide tools.
pub fn hiding(rules: &Rules) -> impl Iterator<Item = &Pattern> {
    rules.hide.iter().map(|(pattern, _)| pattern)
}

/// Returns the choosers of all layers: of each its section, then for tools what it hides.
pub fn choosers<'p>(layers: &[&'p Rules], kind: Kind) -> Vec<Chooser<'p>> {
    let open = |pattern: &&'p Pattern| !pattern.is_exact();
    let sections = layers
        .iter()
        .map(|rules| Chooser { patterns: patterns(rules, kind).filter(open).collect(), by_literals: true });
    let hidden = layers.iter().map(|rules| Chooser {
        patterns: if kind == Kind::Tool { hiding(rules).filter(open).collect() } else { Vec::new() },
        by_literals: false,
    });
    sections.chain(hidden).collect()
}

/// Returns the names that some layer knows.
pub fn names(layers: &[&Rules], kind: Kind) -> BTreeSet<String> {
    let exact = |pattern: &&Pattern| pattern.is_exact();
    let mut names = BTreeSet::new();
    for rules in layers {
        names.extend(patterns(rules, kind).filter(exact).map(|pattern| pattern.as_str().to_owned()));
        if kind == Kind::Tool {
            names.extend(hiding(rules).filter(exact).map(|pattern| pattern.as_str().to_owned()));
        }
    }
    names
}

/// Returns every combination of deciding patterns that some name may have, and perhaps some that none has. `None` if there
/// are too many.
pub fn classes<'p>(choosers: &[Chooser<'p>]) -> Option<Vec<Vec<Option<&'p Pattern>>>> {
    let mut found: Vec<Vec<Option<&Pattern>>> = vec![Vec::new()];
    for chooser in choosers {
        let mut longer = Vec::new();
        for chosen in &found {
            let fits = |pattern: &&&Pattern| chosen.iter().flatten().all(|known| known.overlaps(pattern));
            for choice in std::iter::once(None)
                .chain(chooser.patterns.iter().filter(fits).map(|pattern| Some(*pattern)))
            {
                longer.push(chosen.iter().copied().chain([choice]).collect());
            }
        }
        if longer.len() > MOST_CLASSES {
            return None;
        }
        found = longer;
    }
    let other = character_of_none(choosers)?;
    found.retain(|chosen| is_possible(chosen, choosers, other));
    Some(found)
}

/// Returns a character that no pattern has.
fn character_of_none(choosers: &[Chooser<'_>]) -> Option<char> {
    let known: BTreeSet<char> = choosers
        .iter()
        .flat_map(|chooser| &chooser.patterns)
        .flat_map(|pattern| pattern.as_str().chars())
        .collect();
    ('\u{0}'..='\u{10ffff}').rev().find(|char| !known.contains(char))
}

/// Returns whether no chooser would have to choose another pattern than it did. No pattern has the character `other`.
fn is_possible(chosen: &[Option<&Pattern>], choosers: &[Chooser<'_>], other: char) -> bool {
    let other = other.to_string();
    choosers.iter().zip(chosen).all(|(chooser, choice)| {
        let beats = |pattern: &&Pattern| match choice {
            None => true,
            Some(choice) => chooser.by_literals && pattern.literals() > choice.literals(),
        };
        let mut better = chooser.patterns.iter().copied().filter(beats);
        !better.any(|pattern| {
            pattern.matches(&other)
                || chosen.iter().flatten().any(|known| pattern.matches(&sample(known, &other)))
        })
    })
}

/// Returns a name that fits a pattern and only those other patterns that fit all its names: no pattern has the character
/// `other`.
fn sample(pattern: &Pattern, other: &str) -> String {
    pattern.as_str().replace('*', other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sections: &[&[&str]]) -> Vec<String> {
        let patterns: Vec<Vec<Pattern>> =
            sections.iter().map(|texts| texts.iter().map(|text| Pattern::new(text)).collect()).collect();
        let choosers: Vec<Chooser<'_>> = patterns
            .iter()
            .map(|list| Chooser { patterns: list.iter().collect(), by_literals: true })
            .collect();
        let text = |chosen: Vec<Option<&Pattern>>| {
            chosen.iter().map(|choice| choice.map_or("-", Pattern::as_str)).collect::<Vec<_>>().join(" ")
        };
        classes(&choosers).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn the_same_patterns_decide_together() {
        assert_eq!(texts(&[&["get_*", "*"], &["get_*", "*"]]), ["get_* get_*", "* *"]);
        assert_eq!(texts(&[&["get_*"], &["get_a*"]]), ["- -", "get_* -", "get_* get_a*"]);
        assert_eq!(texts(&[&["a*"], &["b*"]]), ["- -", "- b*", "a* -"]);
        assert_eq!(texts(&[&["*"], &[]]), ["* -"]);
        assert_eq!(texts(&[&["a*", "*b"], &["a*b"]]).len(), 5);
        // A pattern with an unusual character does not fit every name.
        assert_eq!(texts(&[&["*", "*\u{10ffff}*", "*\u{10fffe}"]]).len(), 3);
    }
}
