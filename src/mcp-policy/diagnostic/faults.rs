//! The ids of faults.

use mcp_policy_engine::document::{InIdentity, InRule, InSchema, Wrong};

use super::Kind;

const fn kind(id: &'static str, meaning: &'static str) -> Kind {
    Kind { id, meaning, explanation: "" }
}

/// What can be wrong with the file around a policy, beside duplicate keys.
static OF_FILES: [Kind; 3] = [
    kind("malformed", "the file cannot be read as YAML or JSON"),
    kind("merge-key", "YAML has a merge key (`<<`), which Envoy does not merge"),
    kind("configuration", "a proxy would not pass this configuration on to the filter"),
];

/// Iterates over every kind of fault, those of files first.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    OF_FILES.iter().chain(FAULTS)
}

/// Gives each kind of fault its id and its meaning. A new kind of fault does not compile without one.
macro_rules! kinds {
    ($($wrong:pat => $id:literal, $meaning:literal;)+) => {
        /// Every kind of fault of a document.
        static FAULTS: &[Kind] = &[$(kind($id, $meaning)),+];

        /// Returns the stable id of a fault.
        pub fn id(wrong: &Wrong) -> &'static str {
            match wrong {
                $($wrong => $id),+
            }
        }
    };
}

kinds! {
    Wrong::Empty => "empty-document", "the configuration has no text";
    Wrong::NotJson { .. } => "not-json", "the text is not JSON";
    Wrong::TooDeep(_) | Wrong::TooDeepForStruct => "too-deep", "lists and objects nest too deep";
    Wrong::NoTextOfStruct => "unreadable-struct", "a Struct has no JSON text";
    Wrong::Defect(_) => "ambiguous-text", "parsers read the text differently";
    Wrong::Unfit { .. } => "wrong-value", "a value is not what belongs there";
    Wrong::UnfitNumber => "unfit-number", "a number is beyond 64-bit integers and doubles";
    Wrong::LoneSurrogate => "lone-surrogate", "a string has half of a surrogate pair";
    Wrong::NotFinite => "not-finite", "a number is infinite or NaN";
    Wrong::Inexact => "inexact-number", "a Struct may have changed an integer";
    Wrong::MaybeNumber => "string-or-number", "a string of a Struct may have been a number";
    Wrong::MaybeWord => "boolean-or-word", "a boolean of a Struct may have been a word such as `no`";
    Wrong::EmptyString => "empty-string", "a string is empty";
    Wrong::Missing { .. } => "missing-key", "an object lacks a key";
    Wrong::UnknownKey { .. } => "unknown-key", "an object has a key that nothing reads";
    Wrong::DuplicateKey => "duplicate-key", "an object has a key twice";

    Wrong::Rule(InRule::EmptyPattern) => "empty-pattern", "a pattern is empty";
    Wrong::Rule(InRule::RegexAsPattern) => "regex-as-pattern", "a pattern is written as a regular expression";
    Wrong::Rule(InRule::SpaceAround) => "space-around-pattern", "a pattern begins or ends with white space";
    Wrong::Rule(InRule::Overlaps { .. }) => "ambiguous-patterns", "two patterns overlap, and neither decides";
    Wrong::Rule(InRule::OfSection { .. }) => "method-of-section", "another section decides on a method";
    Wrong::Rule(InRule::NeverPlain { .. }) => "never-plain", "a pattern of resources never allows anything";
    Wrong::Rule(InRule::NoArguments { .. }) => "arguments-of-resource", "a resource has a rule for arguments";
    Wrong::Rule(InRule::NoDefinition) => "no-definition", "a definition stands where no single tool is named";
    Wrong::Rule(InRule::DefinitionOfSome) => "definition-of-some", "a rule with `when` has a definition";
    Wrong::Rule(InRule::OtherDefinition { .. }) => "other-definition", "a tool has two definitions";
    Wrong::Rule(InRule::NoRules) => "no-rules", "a list of rules is empty";
    Wrong::Rule(InRule::EmptyRuleName) => "empty-rule-name", "the name of a rule is empty";
    Wrong::Rule(InRule::NoSuchRule { .. }) => "unknown-rule", "no rule has this name";
    Wrong::Rule(InRule::NoDigest) => "unused-digest", "a digest is chosen, but arguments are not hashed";
    Wrong::Rule(InRule::NobodyToAsk) => "nobody-to-ask", "a rule needs approval, but there is no `approvals`";
    Wrong::Rule(InRule::UnknownWindow { .. }) => "unknown-window", "the word for a window is unknown";
    Wrong::Rule(InRule::Disagrees { .. }) => "counter-disagrees", "a counter is defined in two ways";
    Wrong::Rule(InRule::NoRoom { .. }) => "limit-without-room", "a limit is below what each call adds";
    Wrong::Rule(InRule::OtherAmount { .. }) => "two-amounts", "a rule charges two amounts to one counter";
    Wrong::Rule(InRule::NoService) => "no-rate-limit-service", "a limit is shared, but there is no `shared_limits`";
    Wrong::Rule(InRule::Unshareable { .. }) => "unshareable-limit", "the rate limit service cannot count a limit";
    Wrong::Rule(InRule::TooManyHits { .. }) => "too-many-hits", "a shared limit does not fit into whole hits of 32 bits";
    Wrong::Rule(InRule::AddedTwice) => "added-twice", "an argument is added up twice";
    Wrong::Rule(InRule::NoValuePath { .. }) => "wrong-path", "a text is not a path to a value";
    Wrong::Rule(InRule::TooNested { .. }) => "groups-too-deep", "groups of conditions nest too deep";
    Wrong::Rule(InRule::TwoGroups) => "two-groups", "a group has both `conditions` and `any`";
    Wrong::Rule(InRule::EmptyAny) => "empty-any", "an empty `any` never holds";
    Wrong::Rule(InRule::TwoReasons) => "two-reasons", "a reason is given in both spellings";
    Wrong::Rule(InRule::RestrictsNothing) => "restricts-nothing", "a rule with `when` restricts nothing";
    Wrong::Rule(InRule::NoTimeZone { .. }) => "wrong-time-zone", "a text is not a time zone";
    Wrong::Rule(InRule::ManyValues) => "many-values", "a condition compares with more than one value";
    Wrong::Rule(InRule::NeverFits { .. }) => "never-fits", "a condition compares with a value that its operator never takes";
    Wrong::Rule(InRule::NoSuchTest { .. }) => "unsuitable-operator", "the operator does not suit the value";
    Wrong::Rule(InRule::NoRegex { .. }) => "wrong-regex", "a regular expression does not compile";
    Wrong::Rule(InRule::NotOfStrings { .. }) => "not-strings", "a string is compared with a value of another type";
    Wrong::Rule(InRule::FitsAll(_)) => "fits-everybody", "an empty description would fit every caller";
    Wrong::Rule(InRule::NameTaken { .. }) => "grant-name-taken", "two grants have the same name";

    Wrong::Schema(InSchema::UnknownKeyword { .. }) => "unknown-keyword", "a schema has a keyword that the filter does not know";
    Wrong::Schema(InSchema::NoType) => "no-type", "`type` is an empty list";
    Wrong::Schema(InSchema::NoPattern { .. }) => "wrong-pattern", "a `pattern` does not compile";
    Wrong::Schema(InSchema::Recursive) => "recursive-schema", "a schema leads back to itself";
    Wrong::Schema(InSchema::TooHigh) => "schema-too-deep", "schemas nest too deep";
    Wrong::Schema(InSchema::TooLarge { .. }) => "schema-too-large", "a schema consists of too many schemas";

    Wrong::Identity(InIdentity::SourceNameTaken { .. }) => "source-name-taken", "two sources have the same name";
    Wrong::Identity(InIdentity::SameSource { .. }) => "same-source", "two sources read the same";
    Wrong::Identity(InIdentity::SourceName) => "wrong-source-name", "a source's name has a control character";
    Wrong::Identity(InIdentity::NoHeaderName { .. }) => "wrong-header-name", "no header can have this name";
    Wrong::Identity(InIdentity::NeverArrives { .. }) => "header-never-arrives", "Envoy does not pass the header to filters";
    Wrong::Identity(InIdentity::NoScheme { .. }) => "wrong-scheme", "a text is not an authentication scheme";
    Wrong::Identity(InIdentity::NoSource { .. }) => "unknown-source", "no source has this name";
    Wrong::Identity(InIdentity::OtherKind { .. }) => "source-of-other-kind", "a description names a source of another kind";
    Wrong::Identity(InIdentity::WhichSource { .. }) => "which-source", "a description must name one of several sources";
    Wrong::Identity(InIdentity::NoClaimPath { .. }) => "wrong-claim-path", "a key of `claim` is not a path";
    Wrong::Identity(InIdentity::NeverInForce) => "never-in-force", "a grant begins after it ends";
    Wrong::Identity(InIdentity::NoGrants) => "no-grants", "the list of grants is empty";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_ids_of_what_is_wrong_around_a_policy_are_known() {
        for text in [
            include_str!("../input/find.rs"),
            include_str!("../input/find/filters.rs"),
            include_str!("../input/tree.rs"),
        ] {
            let ids = text.split("id: \"").skip(1).filter_map(|rest| rest.split('"').next());
            let unknown: Vec<&str> = ids.filter(|id| !all().any(|kind| kind.id == *id)).collect();
            assert_eq!(unknown, Vec::<&str>::new());
        }
    }

    #[test]
    fn each_id_is_in_lower_case_with_hyphens_and_stands_once() {
        let mut known = BTreeSet::new();
        for kind in all() {
            assert!(kind.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", kind.id);
            assert!(known.insert(kind.id), "{} stands twice", kind.id);
        }
    }
}
