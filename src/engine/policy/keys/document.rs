//! The document's own keys, and those of its smaller objects.

use super::{
    APPROVALS, ENTRY, GRANT, HIDDEN, METHODS, MODE, NAME, NAMED_RULES, ORIGIN, RULES, SHARED_LIMITS, SOURCE,
    UNAUTHENTICATED, VERDICT,
};
use crate::document::Absent::{As, Means, Nothing, Refused};
use crate::document::Takes::{Filled, Integer, List, Object, Text, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::{ARGUMENTS, CLAIMS, DIGESTS, FORMS, VERSIONS, WAYS};

/// The tree of a hostile body takes about 16 times as much of the module's 32-bit memory.
const MOST_BODY_BYTES: u32 = 16_777_216;
/// All of them together take about 130 MB of Envoy's memory.
const MOST_COUNTERS: u32 = 1_048_576;
/// What `exempt_paths` lists.
pub(in crate::policy) const EXEMPT_PATH: Takes =
    Takes::Said("a path that begins with `/`, without query or fragment", &Filled);

/// A time zone.
pub(in crate::policy) const TIME_ZONE: Takes =
    Takes::Said("a time zone as in POSIX, such as `CET-1CEST,M3.5.0,M10.5.0/3`", &Filled);

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
    AllTools "all_tools": ENTRY, Nothing, "rules for every tool call, beside the tool's own";
    Rules "rules": NAMED_RULES, As("{}"), "rules with names, for entries to use";
    Tools "tools": RULES, As("{}"), "rules by the tool's name";
    Resources "resources": RULES, As("{}"), "rules by the resource's URI";
    Prompts "prompts": RULES, As("{}"), "rules by the prompt's name";
    Methods "methods": METHODS, As("{}"), "verdicts on methods that act on none of these";
    TimeZone "time_zone": TIME_ZONE, As(r#""UTC0""#), "the time zone of conditions on the time";
    Identity "identity": List(&Object(&SOURCE)), As("[]"), "where the caller's name comes from";
    Grants "grants": List(&Object(&GRANT)), Means("everybody is one"), "who may do what";
    Unauthenticated "unauthenticated": Object(&UNAUTHENTICATED), Nothing,
        "what a caller without an identity is told";
    Origins "origins": List(&ORIGIN), Means("all"), "web pages that may send requests";
    Denials "denials": Words(&words(&FORMS)), As(r#""result""#), "how a refused tool call is answered";
    ExemptPaths "exempt_paths": List(&EXEMPT_PATH), As("[]"), "request paths that pass unread";
    MaxBodyBytes "max_body_bytes": Integer { least: 1, most: MOST_BODY_BYTES }, As("1048576"),
        "larger bodies are refused";
    RequestHeaders "request_headers": Words(&words(&WAYS)), As(r#""hold""#),
        "whether headers wait for the verdict on the body";
    Approvals "approvals": Object(&APPROVALS), Nothing, "whom to ask where a rule wants an approval";
    SharedLimits "shared_limits": Object(&SHARED_LIMITS), Nothing, "where limits are counted that several proxies share";
    Audit "audit": Object(&AUDIT), As("{}"), "what records hold";
    Counters "counters": Object(&COUNTERS), As("{}"), "how many counters there can be";
}

object! {
    /// What records hold.
    AUDIT, Audit: "an object with `arguments` or `claims`", Any;

    Arguments "arguments": Words(&words(&ARGUMENTS)), As(r#""hash""#), "what records hold of arguments";
    Digest "digest": Words(&words(&DIGESTS)), As(r#""sha256""#), "how arguments are hashed";
    Claims "claims": Words(&words(&CLAIMS)), As(r#""hash""#), "what records hold of the claims that the policy reads";
}

object! {
    /// How many counters there can be.
    COUNTERS, Counters: "an object with `capacity`", Any;

    Capacity "capacity": Integer { least: 1, most: MOST_COUNTERS }, As("16384"),
        "how many counters of single sessions are kept at a time";
}
