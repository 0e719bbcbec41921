//! The ids of faults.

use mcp_policy_engine::document::{InIdentity, InRule, InSchema, Wrong};

use super::Kind;

const fn kind(id: &'static str, meaning: &'static str, explanation: &'static str) -> Kind {
    Kind { id, meaning, explanation }
}

/// What can be wrong with the file around a policy, beside duplicate keys.
static OF_FILES: [Kind; 4] = [
    kind("malformed", "the file cannot be read as YAML or JSON", ""),
    kind(
        "merge-key",
        "YAML has a merge key (`<<`), which Envoy does not merge",
        "Envoy reads `<<` as a key like any other, so what was meant to be merged is missing. Write the members out.",
    ),
    kind(
        "configuration",
        "a proxy would not pass this configuration on to the filter",
        "The policy itself can be good, but the filter would get another one or none. The message says what the proxy \
         expects.",
    ),
    kind(
        "variable",
        "a policy in a Compose file has a dollar sign that stands alone",
        "Compose replaces it, and what follows, by a variable, so the filter would get another policy than the file shows. \
         Write a dollar sign of the policy as `$$`.",
    ),
];

/// Iterates over every kind of fault, those of files first.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    OF_FILES.iter().chain(FAULTS)
}

/// Gives each kind of fault its id and its meaning, and an explanation if the message alone does not say what to do. A
/// new kind of fault does not compile without an id.
macro_rules! kinds {
    ($($wrong:pat => $id:literal, $meaning:literal $(, $explanation:literal)?;)+) => {
        /// Every kind of fault of a document.
        static FAULTS: &[Kind] = &[$(kind($id, $meaning, concat!($($explanation)?))),+];

        /// Returns the stable id of a fault.
        pub fn id(wrong: &Wrong) -> &'static str {
            match wrong {
                $($wrong => $id),+
            }
        }
    };
}

kinds! {
    Wrong::Empty => "empty-document", "the configuration has no text",
        "An empty configuration is a mistake more often than a decision, so the filter refuses all requests. A policy that allows everything is `{\"version\": \"1\", \"default\": \"allow\"}`.";
    Wrong::NotJson { .. } => "not-json", "the text is not JSON";
    Wrong::TooDeep(_) | Wrong::TooDeepForStruct => "too-deep", "lists and objects nest too deep";
    Wrong::NoTextOfStruct => "unreadable-struct", "a Struct has no JSON text";
    Wrong::Defect(_) => "ambiguous-text", "parsers read the text differently",
        "Two parsers could take the same text for two policies: one that a reviewer reads and one that takes effect. Write the place so that it can be read in one way only.";
    Wrong::Unfit { .. } => "wrong-value", "a value is not what belongs there";
    Wrong::UnfitNumber => "unfit-number", "a number is beyond 64-bit integers and doubles";
    Wrong::LoneSurrogate => "lone-surrogate", "a string has half of a surrogate pair";
    Wrong::NotFinite => "not-finite", "a number is infinite or NaN";
    Wrong::Inexact => "inexact-number", "a Struct may have changed an integer",
        "A `google.protobuf.Struct` holds all numbers as doubles, which cannot tell integers beyond 2^53 apart. Give Envoy the policy as text, in a `google.protobuf.StringValue`.";
    Wrong::MaybeNumber => "string-or-number", "a string of a Struct may have been a number",
        "Envoy reads a YAML number with a decimal point as a string. A condition with that value would compare strings. Give Envoy the policy as text, in a `google.protobuf.StringValue`.";
    Wrong::MaybeWord => "boolean-or-word", "a boolean of a Struct may have been a word such as `no`",
        "Envoy reads `no`, `off`, `yes` and `on` without quotes as booleans. Quote the word, or give Envoy the policy as text, in a `google.protobuf.StringValue`.";
    Wrong::EmptyString => "empty-string", "a string is empty";
    Wrong::Missing { .. } => "missing-key", "an object lacks a key";
    Wrong::UnknownKey { .. } => "unknown-key", "an object has a key that nothing reads",
        "A key that nothing reads is usually misspelt. If it were ignored, the restriction that it was meant to be would not exist.";
    Wrong::DuplicateKey => "duplicate-key", "an object has a key twice",
        "Readers keep the first or the last of equal keys, so a reviewer and the filter could see different policies. Remove one.";

    Wrong::Rule(InRule::EmptyPattern) => "empty-pattern", "a pattern is empty";
    Wrong::Rule(InRule::RegexAsPattern) => "regex-as-pattern", "a pattern is written as a regular expression",
        "Names of tools, resources and prompts are patterns in which only `*` is special. To test a name or an argument with a regular expression, use a condition with `\"op\": \"regex\"`.";
    Wrong::Rule(InRule::SpaceAround) => "space-around-pattern", "a pattern begins or ends with white space",
        "No server lists a name with white space around it, so the pattern would never match. Remove the spaces.";
    Wrong::Rule(InRule::Dropped(_)) => "invisible-in-pattern", "a pattern has a character that some servers drop",
        "Some servers drop a control character, one that nobody sees, such as a zero-width space, or white space in a method; others keep it. Calls with such names are refused, so the pattern would never match. Write the name again without the character.";
    Wrong::Rule(InRule::Overlaps { .. }) => "ambiguous-patterns", "two patterns overlap, and neither decides",
        "Of the patterns that match a name, the one with the most literal characters decides. These two have equally many and match some of the same names: `get_*_a` and `get_b_*`. Add an entry for the names that both match, or make one pattern longer.";
    Wrong::Rule(InRule::OfSection { .. } | InRule::MatchesOfSection { .. }) => "method-of-section", "another section decides on a method",
        "Calls of tools are decided by `tools`, reading resources by `resources`, prompts by `prompts`. `methods` is for all other methods. Move the entry to the section that the message names. A pattern such as `resources/*` seems to decide on `resources/read`, too. Write out the methods that it is for, such as `resources/list`.";
    Wrong::Rule(InRule::Respells { .. }) => "respelled-method", "a method is another spelling of one of MCP's",
        "Some servers ignore the case of a method. So other spellings of MCP's methods are refused, whatever the policy says, and an entry for one of them would decide nothing. Write the method as MCP does.";
    Wrong::Rule(InRule::NeverPlain { .. }) => "never-plain", "a pattern of resources never allows anything",
        "A pattern of resources decides only on plain URIs. A URI with a dot segment (`..`), an empty segment, a \
         backslash, user information or an unusual spelling can name another resource than it seems to, so no pattern \
         allows it. Every URI that this pattern matches has what the message names. Write the pattern as the server \
         lists its URIs, such as `file:///srv/docs/*`.";
    Wrong::Rule(InRule::NoArguments { .. }) => "arguments-of-resource", "a resource has a rule for arguments",
        "A resource is read by its URI and has no arguments. Remove `arguments`, or use another rule for resources.";
    Wrong::Rule(InRule::NoDefinition) => "no-definition", "a definition stands where no single tool is named",
        "A definition belongs to one tool, so only a rule under the exact name of a tool in `tools` can have it. Give the tool an entry of its own. A named rule cannot have it, because several tools can use the rule.";
    Wrong::Rule(InRule::DefinitionOfSome) => "definition-of-some", "a rule with `when` has a definition",
        "Lists show a tool before it is called, so its definition cannot depend on a call. Write it in a rule of its own: `[{\"when\": […], …}, {\"definition\": \"sha256:…\"}]`.";
    Wrong::Rule(InRule::OtherDefinition { .. }) => "other-definition", "a tool has two definitions",
        "All rules of an entry apply, so with two digests the tool would always be refused. Remove one.";
    Wrong::Rule(InRule::NoRules) => "no-rules", "a list of rules is empty";
    Wrong::Rule(InRule::EmptyRuleName) => "empty-rule-name", "the name of a rule is empty";
    Wrong::Rule(InRule::NoSuchRule { .. }) => "unknown-rule", "no rule has this name",
        "A string in place of a rule is the name of one in `rules`. A rule can also stand there itself: `{}` allows, `{\"action\": \"deny\"}` denies.";
    Wrong::Rule(InRule::NoDigest) => "unused-digest", "a digest is chosen, but arguments are not hashed",
        "`digest` chooses how arguments are hashed in records. Add `\"arguments\": \"hash\"`, or remove it.";
    Wrong::Rule(InRule::NobodyToAsk) => "nobody-to-ask", "a rule needs approval, but there is no `approvals`",
        "An approval is asked of the service behind a cluster of Envoy. Add `\"approvals\": {\"cluster\": \"…\"}` to the document, or use another action.";
    Wrong::Rule(InRule::UnknownWindow { .. }) => "unknown-window", "the word for a window is unknown";
    Wrong::Rule(InRule::Disagrees { .. }) => "counter-disagrees", "a counter is defined in two ways",
        "Limits with the same `counter` and the same place share one tally, so they must have the same window, scope and type. Give one of them another name, or make them equal.";
    Wrong::Rule(InRule::NoRoom { .. }) => "limit-without-room", "a limit is below what each call adds",
        "Each call adds at least as much as the message says. A smaller maximum refuses the first call already. To refuse all calls, write `\"action\": \"deny\"`.";
    Wrong::Rule(InRule::OtherAmount { .. }) => "two-amounts", "a rule charges two amounts to one counter",
        "A call charges each counter once. If two limits of a rule share a counter, both must add the same amount. Give one of them another `counter`.";
    Wrong::Rule(InRule::NoService) => "no-rate-limit-service", "a limit is shared, but there is no `shared_limits`";
    Wrong::Rule(InRule::Unshareable { .. }) => "unshareable-limit", "the rate limit service cannot count a limit";
    Wrong::Rule(InRule::TooManyHits { .. }) => "too-many-hits", "a shared limit does not fit into whole hits of 32 bits";
    Wrong::Rule(InRule::AddedTwice) => "added-twice", "an argument is added up twice";
    Wrong::Rule(InRule::NoValuePath { .. }) => "wrong-path", "a text is not a path to a value",
        "A path begins with where the value is from: `args.amount`, `principal`, `claims.team`, `time.of_day`. Members follow with a dot, elements of lists with `[0]` or `[*]`.";
    Wrong::Rule(InRule::TooNested { .. }) => "groups-too-deep", "groups of conditions nest too deep",
        "Flatten the groups: conditions in one list all have to hold.";
    Wrong::Rule(InRule::TwoGroups) => "two-groups", "a group has both `conditions` and `any`",
        "A group has either `conditions`, which must all hold, or `any`, of which one must hold. Put one group into the other.";
    Wrong::Rule(InRule::EmptyAny) => "empty-any", "an empty `any` never holds",
        "`any` holds if one of its conditions holds, so an empty one never does. Add a condition, or remove the group.";
    Wrong::Rule(InRule::TwoReasons) => "two-reasons", "a reason is given in both spellings";
    Wrong::Rule(InRule::RestrictsNothing) => "restricts-nothing", "a rule with `when` restricts nothing",
        "`when` says when a rule applies. If the rule then restricts nothing, it allows all other calls as well. Write the condition in `require`, which refuses calls for which it does not hold.";
    Wrong::Rule(InRule::NoTimeZone { .. }) => "wrong-time-zone", "a text is not a time zone";
    Wrong::Rule(InRule::ManyValues) => "many-values", "a condition compares with more than one value",
        "A condition with `[*]` compares each element. The value on the right side must be a single one.";
    Wrong::Rule(InRule::NeverFits { .. }) => "never-fits", "a condition compares with a value that its operator never takes";
    Wrong::Rule(InRule::NoSuchTest { .. }) => "unsuitable-operator", "the operator does not suit the value",
        "Some operators compare only strings, others only numbers or times. The message lists those that suit.";
    Wrong::Rule(InRule::NoRegex { .. }) => "wrong-regex", "a regular expression does not compile",
        "The syntax is RE2's without look-around and back-references, so that matching takes linear time.";
    Wrong::Rule(InRule::NotOfStrings { .. }) => "not-strings", "a string is compared with a value of another type",
        "A header, a claim or a name is a string. It never equals a number or a boolean, so write the values in quotes.";
    Wrong::Rule(InRule::FitsAll(_)) => "fits-everybody", "an empty description would fit every caller",
        "An empty description matches every caller. If that is meant, write `\"match\": \"any\"`.";
    Wrong::Rule(InRule::NameTaken { .. }) => "grant-name-taken", "two grants have the same name";

    Wrong::Schema(InSchema::UnknownKeyword { .. }) => "unknown-keyword", "a schema has a keyword that the filter does not know",
        "A keyword that the filter does not judge would have no effect, and calls that it was meant to refuse would pass. Remove it, or write a condition in `require`.";
    Wrong::Schema(InSchema::NoType) => "no-type", "`type` is an empty list";
    Wrong::Schema(InSchema::NoPattern { .. }) => "wrong-pattern", "a `pattern` does not compile";
    Wrong::Schema(InSchema::NoProperty) => "misplaced-header", "an `x-mcp-header` repeats no argument",
        "Clients read `x-mcp-header` only in a property to which only `properties` lead from the top of the schema, and do not call a tool that has it elsewhere. Write it in the property, beside a `$ref` if there is one.";
    Wrong::Schema(InSchema::Recursive) => "recursive-schema", "a schema leads back to itself",
        "A schema with a cycle of `$ref`s has no greatest depth, so judging a call could take any time. Write the levels out that are needed, and end with `{}` or `false`.";
    Wrong::Schema(InSchema::TooHigh) => "schema-too-deep", "schemas nest too deep";
    Wrong::Schema(InSchema::TooLarge { .. }) => "schema-too-large", "a schema consists of too many schemas",
        "Each `$ref` stands for a copy of what it names. Split the schema, or restrict less of it.";

    Wrong::Identity(InIdentity::SourceNameTaken { .. }) => "source-name-taken", "two sources have the same name";
    Wrong::Identity(InIdentity::SameSource { .. }) => "same-source", "two sources read the same",
        "A caller is named by the first source that finds a credential, so the second of two equal sources never names anybody. Remove one.";
    Wrong::Identity(InIdentity::SourceName) => "wrong-source-name", "a source's name has a control character";
    Wrong::Identity(InIdentity::NoHeaderName { .. }) => "wrong-header-name", "no header can have this name";
    Wrong::Identity(InIdentity::NeverArrives { .. }) => "header-never-arrives", "Envoy does not pass the header to filters",
        "Envoy takes this header for itself before any filter runs. Choose another one.";
    Wrong::Identity(InIdentity::NoScheme { .. }) => "wrong-scheme", "a text is not an authentication scheme";
    Wrong::Identity(InIdentity::NoSource { .. }) => "unknown-source", "no source has this name";
    Wrong::Identity(InIdentity::OtherKind { .. }) => "source-of-other-kind", "a description names a source of another kind",
        "Claims are of sources of the kind `jwt`, keys of the kind `api_key`. Name a source of that kind, or describe the caller differently.";
    Wrong::Identity(InIdentity::TwoKinds { .. }) => "two-kinds", "a description describes callers of two kinds of sources",
        "One source alone names a caller: a token, a certificate, a key, a header or an attribute. A caller matches a description if all its members match, so nobody would match this one, and callers would get a later grant. Write a description for each kind; one of the list is enough.";
    Wrong::Identity(InIdentity::WhichSource { .. }) => "which-source", "a description must name one of several sources",
        "The same name in two sources can be two callers. Say which source gives the name: `\"source\": \"…\"`.";
    Wrong::Identity(InIdentity::NoClaimPath { .. }) => "wrong-claim-path", "a key of `claim` is not a path";
    Wrong::Identity(InIdentity::NeverInForce) => "never-in-force", "a grant begins after it ends",
        "`not_before` must be earlier than `expires`.";
    Wrong::Identity(InIdentity::NoGrants) => "no-grants", "the list of grants is empty",
        "With an empty list nobody would be restricted by a grant. Remove `grants` if there is nothing to grant by caller.";
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
            assert!(known.insert(kind.id), "{} occurs twice", kind.id);
        }
    }
}
