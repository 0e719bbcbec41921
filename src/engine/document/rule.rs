//! What can be wrong with rules, limits, conditions and grants.

mod text;

use super::keys::{Object, Takes};
use super::path::Path;
use crate::limit::Amount;

/// What is wrong with a rule, a limit, a condition or a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InRule {
    /// A pattern is empty
    EmptyPattern,
    /// A pattern of names has characters that only a regular expression needs
    RegexAsPattern,
    /// A pattern of names begins or ends with white space
    SpaceAround,
    /// A pattern overlaps with another one, and neither decides
    Overlaps {
        /// The path of the other one
        other: Path,
    },
    /// A method is decided by another section
    OfSection {
        /// The method
        method: String,
        /// The section
        section: &'static str,
    },
    /// A pattern of resources matches no URI that a pattern can decide on
    NeverPlain {
        /// What all of these URIs have
        obstacle: &'static str,
    },
    /// A resource has a rule for arguments
    NoArguments {
        /// The rule, if it stands elsewhere and the resource names it
        of: Option<String>,
    },
    /// A rule that is not for one tool alone has the digest of a definition
    NoDefinition,
    /// A rule with `when` has the digest of a definition
    DefinitionOfSome,
    /// Another rule of the entry has another digest of the tool's definition
    OtherDefinition {
        /// The path of that digest
        first: String,
    },
    /// A list of rules is empty
    NoRules,
    /// The name of a rule is empty
    EmptyRuleName,
    /// No rule has this name
    NoSuchRule {
        /// The name
        name: String,
        /// The name of a rule that is almost the same
        alike: Option<String>,
        /// The names of all rules
        known: Vec<String>,
    },
    /// A digest is chosen where arguments are not hashed
    NoDigest,
    /// A rule needs an approval, and the document does not say whom to ask
    NobodyToAsk,
    /// The word for a window is unknown
    UnknownWindow {
        /// The word
        word: String,
        /// What belongs there
        expected: &'static Takes,
    },
    /// A counter is defined in another way elsewhere
    Disagrees {
        /// Its name
        counter: String,
        /// The key that differs
        on: &'static str,
        /// The path of the limit that came first
        first: Path,
    },
    /// A limit has no room for what each call adds
    NoRoom {
        /// What each call adds
        adds: Amount,
        /// What may fall within a window
        max: Amount,
    },
    /// Another limit of the same rule adds another amount to the same counter
    OtherAmount {
        /// The counter's name
        counter: String,
        /// The path of that limit
        first: String,
    },
    /// A limit is shared, and the document does not say where it is counted
    NoService,
    /// A limit cannot be shared
    Unshareable {
        /// What would be right, and why
        told: &'static str,
    },
    /// A shared limit does not fit into the whole numbers that the service counts
    TooManyHits {
        /// The most that fits
        most: Amount,
        /// The amount of one hit
        hit: Amount,
        /// The path of the limit that makes hits so small
        finest: String,
        /// The argument whose decimals nothing bounds, if that is the reason
        unbounded: Option<String>,
    },
    /// The same argument is added up twice
    AddedTwice,
    /// A text is not a path to a value
    NoValuePath {
        /// The text
        text: String,
        /// What belongs there
        expected: &'static Takes,
        /// Why it is not
        why: &'static str,
    },
    /// Groups of conditions nest too deep
    TooNested {
        /// How deep they may nest
        most: usize,
    },
    /// A group has both kinds of lists
    TwoGroups,
    /// `any` is empty
    EmptyAny,
    /// A reason stands there in both spellings
    TwoReasons,
    /// A rule with `when` restricts nothing where it applies
    RestrictsNothing,
    /// A text is not a time zone
    NoTimeZone {
        /// The text
        text: String,
        /// What belongs there
        expected: &'static Takes,
        /// Why it is not
        why: &'static str,
    },
    /// A condition compares with more than one value
    ManyValues,
    /// A condition compares with a value that is never what the operator takes
    NeverFits {
        /// The path to the value
        value: String,
        /// What the operator takes
        expected: &'static str,
    },
    /// The operator cannot be used for what a condition speaks of
    NoSuchTest {
        /// The path to what it speaks of
        subject: String,
        /// The operators that can
        ops: &'static str,
    },
    /// A regular expression of a condition does not compile
    NoRegex {
        /// The expression
        text: String,
        /// Why
        why: String,
    },
    /// A condition compares a string with something that is not a string
    NotOfStrings {
        /// The path to the string
        subject: String,
    },
    /// A description fits everybody
    FitsAll(&'static Object),
    /// Another grant has the same name
    NameTaken {
        /// That grant's path
        by: String,
    },
}
