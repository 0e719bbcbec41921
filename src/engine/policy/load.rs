//! The document's own keys.

use sha2::{Digest as _, Sha256};

use super::approvals;
use super::fault::{Faults, Path};
use super::fields::{self, Fields};
use super::grant;
use super::rule::{self, Counters};
use super::structured::{self, Unreadable};
use super::{Arguments, Policy, RequestHeaders, Rules};
use crate::json::{self, Value};
use crate::mcp::answer::Form;

/// Envoy's own default for what it buffers of a body.
const MAX_BODY_BYTES: u32 = 1_048_576;
/// The tree of a hostile body takes some sixteen times as much of the module's 32-bit memory.
const MOST_BODY_BYTES: u32 = 16_777_216;
const COUNTER_CAPACITY: u32 = 16_384;
/// About 130 MB of Envoy's memory when all are live.
const MOST_COUNTER_CAPACITY: u32 = 1_048_576;

/// Turns the bytes of a plugin configuration into a policy.
pub(super) fn policy(bytes: &[u8]) -> Result<Policy, Faults> {
    let mut faults = Faults::default();
    let root = Path::default();
    if bytes.is_empty() {
        faults.add(&root, "the plugin configuration is empty, it must hold a policy");
        return Err(faults);
    }
    let converted;
    let text = match (json::read(bytes), bytes.first()) {
        (Ok(_), _) => bytes,
        // The wire form of a Struct begins with the tag of its first field; it is never valid JSON.
        (Err(malformed), Some(b'\n')) => match structured::to_json(bytes, &mut faults) {
            Ok(json) => {
                // Of YAML, Envoy makes strings of decimals and of integers beyond 32 bits.
                faults.take_numbers_in_strings();
                converted = json;
                converted.as_bytes()
            }
            Err(Unreadable::TooDeep) => {
                faults.add(&root, "nests too deep for a Struct, write the policy as JSON");
                return Err(faults);
            }
            Err(Unreadable::NoStruct) => return Err(no_json(&malformed, bytes)),
        },
        (Err(malformed), _) => return Err(no_json(&malformed, bytes)),
    };
    let Ok(document) = json::read(text) else {
        faults.add(&root, "the Struct cannot be written as JSON");
        return Err(faults);
    };
    let policy = read(document.root(), digest(text), &mut faults);
    if let Some(at) = fields::refuse_ambiguity(document.root(), &root, 0, &mut faults) {
        let what = "arrays and objects nest deeper than 100 levels";
        faults.add(&root, format_args!("{what} at {}", position(text, at)));
    }
    if let Some(defect) = document.defect().filter(|_| faults.is_empty()) {
        faults.add(&root, defect);
    }
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        _ => Err(faults),
    }
}

fn no_json(malformed: &json::Malformed, bytes: &[u8]) -> Faults {
    let mut faults = Faults::default();
    let place = position(bytes, malformed.at);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let yaml = first.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'#'));
    let advice = if yaml { "; YAML can go as a `google.protobuf.Struct`" } else { "" };
    faults.add(&Path::default(), format_args!("must be JSON, but {} at {place}{advice}", malformed.what));
    faults
}

/// Says where byte `at` of a text is, as an editor does.
fn position(text: &[u8], at: usize) -> String {
    let before = String::from_utf8_lossy(text.get(..at).unwrap_or(text));
    let (line, last) = before.split('\n').enumerate().last().unwrap_or_default();
    format!("line {}, column {}", line.saturating_add(1), last.chars().count().saturating_add(1))
}

fn read(value: Value<'_>, digest: String, faults: &mut Faults) -> Option<Policy> {
    let mut document = Fields::open(value, &Path::default(), "an object", faults)?;
    version(&mut document, faults);
    let server = match document.take("server") {
        None => "default".to_owned(),
        Some((value, path)) => match value.string() {
            Some(name) if !name.is_empty() => name.into_owned(),
            _ => {
                faults.unfit(&path, "a name", value);
                String::new()
            }
        },
    };
    document.text("description", faults);
    let mode = rule::mode(&mut document, faults);
    let mut counters = Counters::default();
    let rules = Rules::read(&mut document, &Path::default(), false, &mut counters, faults);
    let identity = grant::sources(&mut document, faults);
    let grants = grant::grants(&mut document, &mut counters, faults);
    let forms = [("result", Form::Result), ("error", Form::Error), ("http", Form::Http)];
    let denials = document.word("denials", &forms, Form::default(), faults);
    let exempt_paths = exempt_paths(&mut document, faults);
    let max_body_bytes = document.count("max_body_bytes", MOST_BODY_BYTES, faults).unwrap_or(MAX_BODY_BYTES);
    let ways = [("hold", RequestHeaders::Hold), ("stream", RequestHeaders::Stream)];
    let request_headers = document.word("request_headers", &ways, RequestHeaders::default(), faults);
    let approvals = approvals::approvals(&mut document, faults);
    if !document.has_any(&["approvals"]) {
        let of_grants = grants.iter().map(|grant| &grant.rules);
        approvals::refuse_unasked(&std::iter::once(&rules).chain(of_grants).collect::<Vec<_>>(), faults);
    }
    let audit = audit(&mut document, faults);
    let counter_capacity = capacity(&mut document, faults);
    document.close(faults);
    Some(Policy {
        digest,
        server,
        mode,
        rules,
        identity,
        grants,
        denials: denials.unwrap_or_default(),
        exempt_paths,
        max_body_bytes: usize::try_from(max_body_bytes).unwrap_or_default(),
        request_headers: request_headers.unwrap_or_default(),
        approvals,
        audit,
        counter_capacity,
    })
}

fn version(document: &mut Fields<'_>, faults: &mut Faults) {
    match document.take("version") {
        None => faults.add(&Path::default().key("version"), "is missing, must be `\"1\"`"),
        Some((value, _)) if value.string().as_deref() == Some("1") => {}
        Some((value, path)) => faults.unfit(&path, "`\"1\"`", value),
    }
}

fn exempt_paths(document: &mut Fields<'_>, faults: &mut Faults) -> Vec<String> {
    let mut paths = Vec::new();
    for (value, path) in document.list("exempt_paths", faults) {
        match value.string() {
            Some(text) if text.starts_with('/') && !text.contains(['?', '#']) => {
                paths.push(text.into_owned())
            }
            _ => faults.unfit(&path, "a path that begins with `/`, without query or fragment", value),
        }
    }
    paths
}

fn audit(document: &mut Fields<'_>, faults: &mut Faults) -> Arguments {
    let Some((value, path)) = document.take("audit") else { return Arguments::default() };
    let Some(mut audit) = Fields::open(value, &path, "an object with `arguments`", faults) else {
        return Arguments::default();
    };
    let words = [("hash", Arguments::Sha256), ("full", Arguments::Full), ("none", Arguments::None)];
    let mut arguments = audit.word("arguments", &words, Arguments::default(), faults).unwrap_or_default();
    if arguments == Arguments::Sha256 {
        let digests = [("sha256", Arguments::Sha256), ("blake3", Arguments::Blake3)];
        arguments = audit.word("digest", &digests, arguments, faults).unwrap_or_default();
    } else if let Some((_, path)) = audit.take("digest") {
        faults.add(&path, "must not stand here, only `\"arguments\": \"hash\"` makes a digest");
    }
    audit.close(faults);
    arguments
}

fn capacity(document: &mut Fields<'_>, faults: &mut Faults) -> u32 {
    let Some((value, path)) = document.take("counters") else { return COUNTER_CAPACITY };
    let Some(mut counters) = Fields::open(value, &path, "an object with `capacity`", faults) else {
        return COUNTER_CAPACITY;
    };
    let capacity = counters.count("capacity", MOST_COUNTER_CAPACITY, faults);
    counters.close(faults);
    capacity.unwrap_or(COUNTER_CAPACITY)
}

/// Returns the first 16 hex digits of the SHA-256 of a document.
fn digest(text: &[u8]) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
