//! The keys of `approvals`.

use crate::document::Absent::{As, Means, Refused};
use crate::document::Takes::{Filled, Integer, List};
use crate::document::{Takes, object};

/// The longest time-out, in milliseconds.
const LONGEST_TIMEOUT_MS: u32 = 60_000;
/// The longest wait, in seconds: clients have given up by then.
const LONGEST_WAIT_SECONDS: u32 = 300;
/// The longest life of a question and its answer: 30 days, in seconds.
const LONGEST_LIFE_SECONDS: u32 = 2_592_000;
/// What `ignored_meta` lists.
pub(in crate::policy) const META: Takes = Takes::Said("a key of `_meta`, or a pattern of keys", &Filled);

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
    IgnoredMeta "ignored_meta": List(&META),
        As(r#"["claudecode/toolUseId", "vscode.conversationId", "vscode.requestId"]"#),
        "members of `_meta` that differ whenever a client repeats a call, so no approval is bound to them";
}
