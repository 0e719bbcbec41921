//! The keys of a policy document, object by object, from [`DOCUMENT`] on.

use super::words::{
    ACTIONS, ARGUMENTS, CERTIFICATES, DEFAULTS, DIGESTS, EFFECTS, FORMS, KINDS, MODES, OPS, SCOPES, VERSIONS,
    WAYS, WINDOWS,
};
use crate::document::Absent::{As, Means, Nothing, Refused};
use crate::document::Takes::{
    Boolean, Either, Filled, Integer, List, Named, Number, Object, Positive, Schema, Text, Words,
};
use crate::document::{Keys, Note, Takes, object, words};

/// The tree of a hostile body takes about 16 times as much of the module's 32-bit memory.
const MOST_BODY_BYTES: u32 = 16_777_216;
/// All of them together take about 130 MB of Envoy's memory.
const MOST_COUNTERS: u32 = 1_048_576;
/// The longest window, in seconds: some 31 years.
pub(super) const LONGEST_WINDOW: u32 = 1_000_000_000;
/// The longest time-out, in milliseconds.
const LONGEST_TIMEOUT_MS: u32 = 60_000;
/// The longest wait, in seconds: clients have given up by then.
const LONGEST_WAIT_SECONDS: u32 = 300;
/// The longest life of a question and its answer: 30 days, in seconds.
const LONGEST_LIFE_SECONDS: u32 = 2_592_000;

const NAME: Takes = Takes::Said("a name", &Filled);
const RULES: Takes = Takes::Said("an object of patterns and their rules", &Named(&Object(&RULE)));
const METHODS: Takes = Takes::Said("an object of methods and `allow` or `deny`", &Named(&EFFECT));
const CONDITIONS: Takes = List(&Object(&CONDITION));
const HIDDEN: Takes = List(&PATTERN);
const VERDICT: Takes = Words(&words(&DEFAULTS));
const MODE: Takes = Words(&words(&MODES));
const WINDOW_SHAPE: Takes = Either(&[Words(&words(&WINDOWS)), Integer { least: 1, most: LONGEST_WINDOW }]);

/// A window.
pub(super) const WINDOW: Takes =
    Takes::Said("`second`, `minute`, `hour`, `day` or a number of seconds", &WINDOW_SHAPE);
/// A window, for a message about a wrong number.
pub(super) const WINDOW_IN_FULL: Takes = Takes::Said(
    "`second`, `minute`, `hour`, `day` or a whole number of seconds from 1 to 1000000000",
    &WINDOW_SHAPE,
);
/// What one call adds.
pub(super) const AMOUNT: Takes =
    Takes::Said("a positive number or a path such as `args.amount`", &Either(&[Positive, Filled]));
/// Who a grant is for.
pub(super) const MATCHING: Takes = Takes::Said(
    "`any` or a list of descriptions such as `{\"jwt\": \"ci@corp.example\"}`",
    &Either(&[Words(&["any"]), List(&Object(&MATCH))]),
);
/// What a grant says of claims.
pub(super) const CLAIMS: Takes =
    Takes::Said("an object of claims, such as `{\"team\": \"sre\"}`", &Named(&SCALAR));
/// What a grant says of a key.
pub(super) const DIGEST: Takes = Takes::Said("the SHA-256 of the key, as 64 hex digits", &Filled);
/// What hides a tool.
pub(super) const PATTERN: Takes = Takes::Said("a pattern such as `get_*`", &Filled);
/// What decides on a method.
pub(super) const EFFECT: Takes = Words(&words(&EFFECTS));
/// What `exempt_paths` lists.
pub(super) const EXEMPT_PATH: Takes =
    Takes::Said("a path that begins with `/`, without query or fragment", &Filled);
/// What a condition speaks of.
pub(super) const VALUE_PATH: Takes = Takes::Said(
    "a path such as `args.items[0].sku`, `args.recipients[*]`, `args[\"a.b\"]`, `grant`, `principal` or \
     `claims.team`",
    &Filled,
);
/// How a condition compares, for a message about a missing operator.
pub(super) const OPERATOR: Takes = Takes::Said("an operator such as `eq`", &Words(&words(&OPS)));
/// What a condition compares a list with.
pub(super) const SCALARS: Takes =
    Takes::Said("a list of strings, numbers or booleans, not empty", &List(&SCALAR));
/// What a condition compares with.
pub(super) const SCALAR: Takes =
    Takes::Said("a string, a number or a boolean", &Either(&[Text, Number, Boolean]));

object! {
    /// The document itself.
    DOCUMENT, Document: "an object", Any;

    Version "version": Takes::Said("`\"1\"`", &Words(&words(&VERSIONS))), Refused,
        "the version of this form of document";
    Server "server": NAME, As(r#""default""#), "the protected server's name, part of its counters' names";
    Description "description": Text, Nothing, "free text";
    Mode "mode": MODE, As(r#""enforce""#), "whether decisions take effect, or are made and counted only";
    Default "default": VERDICT, As(r#""deny""#), "the verdict on what no entry names";
    Hide "hide": HIDDEN, As("[]"), "tools that seem not to exist";
    AllTools "all_tools": Object(&RULE), Nothing, "a rule for every tool call, beside the tool's own";
    Tools "tools": RULES, As("{}"), "rules by the tool's name";
    Resources "resources": RULES, As("{}"), "rules by the resource's URI";
    Prompts "prompts": RULES, As("{}"), "rules by the prompt's name";
    Methods "methods": METHODS, As("{}"), "verdicts on methods that act on none of these";
    Identity "identity": List(&Object(&SOURCE)), As("[]"), "where the caller's name comes from";
    Grants "grants": List(&Object(&GRANT)), Means("everybody is one"), "who may do what";
    Denials "denials": Words(&words(&FORMS)), As(r#""result""#), "how a refused tool call is answered";
    ExemptPaths "exempt_paths": List(&EXEMPT_PATH), As("[]"), "request paths that pass unread";
    MaxBodyBytes "max_body_bytes": Integer { least: 1, most: MOST_BODY_BYTES }, As("1048576"),
        "larger bodies are refused";
    RequestHeaders "request_headers": Words(&words(&WAYS)), As(r#""hold""#),
        "whether headers wait for the verdict on the body";
    Approvals "approvals": Object(&APPROVALS), Nothing, "whom to ask where a rule wants an approval";
    Audit "audit": Object(&AUDIT), As("{}"), "what records hold";
    Counters "counters": Object(&COUNTERS), As("{}"), "how many counters there can be";
}

object! {
    /// What records hold.
    AUDIT, Audit: "an object with `arguments`", Any;

    Arguments "arguments": Words(&words(&ARGUMENTS)), As(r#""hash""#), "what records hold of arguments";
    Digest "digest": Words(&words(&DIGESTS)), As(r#""sha256""#), "how arguments are hashed";
}

object! {
    /// How many counters there can be.
    COUNTERS, Counters: "an object with `capacity`", Any;

    Capacity "capacity": Integer { least: 1, most: MOST_COUNTERS }, As("16384"),
        "how many counters of single sessions are kept at a time";
}

object! {
    /// The approval service.
    APPROVALS, Approvals: "an object with `cluster`", Any;

    Cluster "cluster": Takes::Said("the name of a cluster of Envoy's", &Filled), Refused,
        "the cluster of Envoy's in which the service is";
    Authority "authority": Takes::Said("a host name", &Filled), Means("the cluster's name"),
        "the host that it is asked for";
    Path "path": Takes::Said("a path that begins with `/`, without a fragment", &Filled),
        As(r#""/v1/approvals""#), "where it takes questions";
    TimeoutMs "timeout_ms": Integer { least: 1, most: LONGEST_TIMEOUT_MS }, As("2000"),
        "how long its answer may take, on top of `wait_seconds`";
    WaitSeconds "wait_seconds": Integer { least: 0, most: LONGEST_WAIT_SECONDS }, As("0"),
        "how long it may hold its answer for a person to decide";
    ExpiresSeconds "expires_seconds": Integer { least: 1, most: LONGEST_LIFE_SECONDS }, As("900"),
        "how long a question, and its answer, stands";
}

object! {
    /// What applies to the targets of one entry.
    RULE, Rule: "an object, `{}` to allow", Any;

    Action "action": Words(&words(&ACTIONS)), As(r#""allow""#), "the verdict where nothing else refuses";
    Reason "reason": Text, Nothing, "what the caller is told on a denial";
    Mode "mode": MODE, As(r#""enforce""#), "whether the rule takes effect";
    Arguments "arguments": Schema, Nothing, "what the arguments of a call must be";
    Require "require": CONDITIONS, As("[]"), "conditions that must all hold";
    DenyIf "deny_if": CONDITIONS, As("[]"), "conditions of which none may hold";
    Limits "limits": List(&Object(&LIMIT)), As("[]"), "limits, all of which must have room";
    RateLimit "rate_limit": Object(&RATE_LIMIT), Nothing, "a limit of each session, named after the entry";
}

object! {
    /// How much of something may happen within a window.
    LIMIT, Limit: "an object with `counter`, `window` and `max`", Any;

    Counter "counter": NAME, Refused, "the name of what it counts; limits that name one counter share it";
    Window "window": WINDOW, Refused, "over what time it counts";
    Max "max": Positive, Refused, "how much may fall within a window";
    Scope "scope": Words(&words(&SCOPES)), As(r#""grant""#), "whose tally it is";
    Amount "amount": AMOUNT, As("1"), "how much one call adds: a number, or the argument that says so";
    Type "type": Words(&words(&KINDS)), As(r#""sliding""#),
        "whether windows move with time or with the calendar";
}

object! {
    /// A limit in short.
    RATE_LIMIT, RateLimit: "an object with `max` and `window`", Any;

    Max "max": Positive, Refused, "how many calls may fall within a window";
    Window "window": WINDOW, Refused, "over what time it counts";
}

object! {
    /// What a rule asks of a value.
    CONDITION, Condition: "an object with `path`, `op` and `value`", Any;

    Path "path": VALUE_PATH, Refused, "what the condition speaks of";
    Op "op": Words(&words(&OPS)), Refused, "how it compares";
    Value "value": Takes::Said(
        "what the operator compares with",
        &Either(&[Text, Number, Boolean, List(&SCALAR)]),
    ), Means("refused, but for `exists`: true"), "what it compares with";
    Reason "reason": Text, Nothing, "what the caller is told on a denial by it";
    Name "name": NAME, Nothing, "what the caller is told that it is called";
}

object! {
    /// Where a caller's name comes from.
    SOURCE, Source: "an object with one of `jwt`, `mtls`, `api_key` and `header`", One;

    Jwt "jwt": Object(&JWT), Nothing, "a claim of a token that Envoy has verified";
    Mtls "mtls": Words(&words(&CERTIFICATES)), Nothing, "a name in the peer's certificate";
    ApiKey "api_key": Object(&API_KEY), Nothing, "the SHA-256 of a key";
    Header "header": Object(&HEADER), Nothing, "a header that a trusted hop sets";
}

object! {
    /// A claim of a token.
    JWT, Jwt: "an object", Any;

    Metadata "metadata": NAME, As(r#""envoy.filters.http.jwt_authn""#),
        "the filter that has verified the token";
    Payload "payload": NAME, Refused, "the `payload_in_metadata` of its provider";
    Claim "claim": NAME, As(r#""sub""#), "the claim";
}

object! {
    /// A key in a header.
    API_KEY, ApiKey: "an object with `header`", Any;

    Header "header": NAME, Refused, "the header's name";
    Scheme "scheme": Text, Nothing, "the authentication scheme before the key";
}

object! {
    /// A header that a trusted hop sets.
    HEADER, Header: "an object with `name`", Any;

    Name "name": NAME, Refused, "the header's name";
}

object! {
    /// What the document allows a set of callers.
    GRANT, Grant: "an object with `name` and `match`", Any;

    Name "name": NAME, Refused, "its name in records, counters and conditions";
    Match "match": MATCHING, Refused, "who it is for";
    Expires "expires": Takes::Said("a time as in RFC 3339, such as `2027-01-01T00:00:00Z`", &Filled),
        Means("never"), "from when on its callers are refused";
    Default "default": VERDICT, Means("`deny` with any section of its own, else nothing"),
        "the verdict on what none of its entries names";
    Hide "hide": HIDDEN, As("[]"), "tools that seem not to exist";
    AllTools "all_tools": Object(&RULE), Nothing, "a rule for every tool call, beside the tool's own";
    Tools "tools": RULES, Nothing, "rules by the tool's name";
    Resources "resources": RULES, Nothing, "rules by the resource's URI";
    Prompts "prompts": RULES, Nothing, "rules by the prompt's name";
    Methods "methods": METHODS, Nothing, "verdicts on methods that act on none of these";
}

object! {
    /// A description of callers, all of which must fit.
    MATCH, Match: "an object with `jwt`, `claim`, `mtls`, `api_key_sha256` or `header`", Some;

    Jwt "jwt": NAME, Nothing, "a pattern of the name that a token gives";
    Mtls "mtls": NAME, Nothing, "a pattern of the name that a certificate gives";
    Header "header": NAME, Nothing, "a pattern of the name that a header gives";
    ApiKeySha256 "api_key_sha256": DIGEST, Nothing, "the SHA-256 of a key";
    Claim "claim": CLAIMS, Nothing,
        "claims of the token: patterns of strings, or numbers or booleans";
}

/// Every object of a policy document, with the notes on its keys.
pub static OBJECTS: [(&crate::document::Object, &[Note]); 14] = [
    (&DOCUMENT, Document::NOTES),
    (&AUDIT, Audit::NOTES),
    (&COUNTERS, Counters::NOTES),
    (&APPROVALS, Approvals::NOTES),
    (&RULE, Rule::NOTES),
    (&LIMIT, Limit::NOTES),
    (&RATE_LIMIT, RateLimit::NOTES),
    (&CONDITION, Condition::NOTES),
    (&SOURCE, Source::NOTES),
    (&JWT, Jwt::NOTES),
    (&API_KEY, ApiKey::NOTES),
    (&HEADER, Header::NOTES),
    (&GRANT, Grant::NOTES),
    (&MATCH, Match::NOTES),
];

/// The keys that the document and a grant have in common: a set of rules.
pub(super) trait RuleKeys: Keys {
    const DEFAULT: Self;
    const HIDE: Self;
    const ALL_TOOLS: Self;
    const TOOLS: Self;
    const RESOURCES: Self;
    const PROMPTS: Self;
    const METHODS: Self;
}

macro_rules! rule_keys {
    ($($keys:ident),+) => {
        $(impl RuleKeys for $keys {
            const DEFAULT: Self = Self::Default;
            const HIDE: Self = Self::Hide;
            const ALL_TOOLS: Self = Self::AllTools;
            const TOOLS: Self = Self::Tools;
            const RESOURCES: Self = Self::Resources;
            const PROMPTS: Self = Self::Prompts;
            const METHODS: Self = Self::Methods;
        })+
    };
}
rule_keys!(Document, Grant);
