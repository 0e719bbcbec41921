//! What restricts a call. A call passes if it passes all of them, so a policy allows no more than another one if each
//! restriction of the other is implied by one of its own.

use std::sync::Arc;

use mcp_policy_engine::mcp::definition::DefinitionDigest;
use mcp_policy_engine::policy::{Action, Mode, Rule};

use super::bounds;
use super::side::Side;
use super::terms::Terms;
use crate::input::Value;

/// One restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// The conditions under which it applies; `None` if it always does
    pub when: Option<String>,
    /// What it is
    pub what: What,
}

/// What a restriction is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The call is refused
    Refused(Why),
    /// A person must approve
    Approval,
    /// It must be possible to tell whether conditions hold
    Known,
    /// A clause must hold
    Require(String),
    /// A clause must not hold
    DenyIf(String),
    /// The tool must be listed with the definition of this digest
    Definition(DefinitionDigest),
    /// The arguments must fit a schema
    Schema(String),
    /// A limit must have room
    Limit(Terms),
    /// Something that is only compared as a whole: a key and its value
    Other(String, String),
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A rule denies it
    Denied,
    /// No entry names it
    NotListed,
    /// It seems not to exist
    Hidden,
    /// Its URI is not plain
    Unplain,
}

impl Why {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotListed => "not listed",
            Self::Hidden => "hidden",
            Self::Unplain => "refused, not plain",
        }
    }
}

/// The keys of a rule that are compared.
const KEYS: [&str; 11] = [
    "action",
    "reason",
    "on_deny",
    "mode",
    "when",
    "definition",
    "arguments",
    "require",
    "deny_if",
    "limits",
    "rate_limit",
];

impl Restriction {
    /// Makes a restriction that always applies.
    pub fn always(what: What) -> Self {
        Self { when: None, what }
    }

    /// Returns whether every call that passes this passes the other one too.
    pub fn implies(&self, other: &Self) -> bool {
        let applies = self.when.is_none() || self.when == other.when;
        applies
            && match (&self.what, &other.what) {
                (What::Refused(_), _) => true,
                (What::Limit(own), What::Limit(others)) => own.imply(others),
                (What::Require(own), What::Require(others)) => {
                    own == others || bounds::accepts_no_more(own, others)
                }
                (What::DenyIf(own), What::DenyIf(others)) => {
                    own == others || bounds::denies_no_less(own, others)
                }
                (own, others) => own == others,
            }
    }

    /// Returns the restrictions of a rule, for callers of a grant of this name.
    pub fn of_rule(rule: &Rule, side: &Side, grant: &str) -> Vec<Self> {
        if rule.mode == Mode::Shadow {
            return Vec::new();
        }
        let clause = |clause| side.clause(clause, grant);
        let when: Vec<String> = rule.when.iter().map(clause).collect();
        let when = Some(when.join(" and ")).filter(|when| !when.is_empty());
        let mut whats = Vec::new();
        whats.extend(when.is_some().then_some(What::Known));
        whats.extend(match rule.action {
            Action::Allow => None,
            Action::Deny => Some(What::Refused(Why::Denied)),
            Action::RequireApproval => Some(What::Approval),
        });
        whats.extend(rule.definition.map(What::Definition));
        whats.extend(rule.require.iter().map(clause).map(What::Require));
        whats.extend(rule.deny_if.iter().map(clause).map(What::DenyIf));
        whats.extend(rule.limits.iter().map(|limit| What::Limit(Terms::new(limit, side))));
        if let Some(Value::Object(members)) = side.rule(rule).map(|node| &node.value) {
            for (key, _, value) in members {
                match key.as_str() {
                    "arguments" => whats.push(What::Schema(side.canonical(value))),
                    known if KEYS.contains(&known) => {}
                    _ => whats.push(What::Other(key.clone(), side.canonical(value))),
                }
            }
        }
        whats.into_iter().map(|what| Self { when: when.clone(), what }).collect()
    }

    /// Returns the restrictions of all these rules.
    pub fn of_rules(rules: &[Arc<Rule>], side: &Side, grant: &str) -> Vec<Self> {
        rules.iter().flat_map(|rule| Self::of_rule(rule, side, grant)).collect()
    }

    /// Returns whether no call passes.
    pub fn refuses_all(&self) -> Option<Why> {
        match self.what {
            What::Refused(why) if self.when.is_none() => Some(why),
            _ => None,
        }
    }

    /// Returns the restriction as text for people.
    pub fn text(&self) -> String {
        let what = match &self.what {
            What::Refused(why) => why.word().to_owned(),
            What::Approval => "needs approval".to_owned(),
            What::Known => "refused if the condition cannot be judged".to_owned(),
            What::Require(clause) => format!("requires {clause}"),
            What::DenyIf(clause) => format!("denied if {clause}"),
            What::Definition(digest) => format!("the definition of digest {digest}"),
            What::Schema(schema) => format!("arguments must fit {}", shortened(schema)),
            What::Limit(terms) => format!("limit `{}`: {}", terms.counter, terms.text()),
            What::Other(key, value) => format!("{key}: {}", shortened(value)),
        };
        match &self.when {
            Some(when) => format!("{what}, when {when}"),
            None => what,
        }
    }
}

/// Shortens a text that people need not read in full.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
