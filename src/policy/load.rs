//! The document's own keys.

use sha2::{Digest as _, Sha256};

use super::fault::{Faults, Path};
use super::fields::{self, Fields};
use super::rule::{self, Counters};
use super::{Effect, Pattern, Policy, RequestHeaders, Rule, Section, structured};
use crate::json::{self, DefectKind, Value};
use crate::mcp::answer::Form;

/// Envoy's own default for what it buffers of a body.
const MAX_BODY_BYTES: u32 = 1_048_576;
/// The module's memory is 32-bit and holds a body several times over.
const MOST_BODY_BYTES: u32 = 67_108_864;
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
            Some(json) => {
                converted = json;
                converted.as_bytes()
            }
            None => {
                faults.add(&root, format_args!("must be JSON or a Struct: {malformed}"));
                return Err(faults);
            }
        },
        (Err(malformed), _) => {
            faults.add(&root, format_args!("must be JSON: {malformed}"));
            return Err(faults);
        }
    };
    let Ok(document) = json::read(text) else {
        faults.add(&root, "the Struct cannot be written as JSON");
        return Err(faults);
    };
    if let Some(defect) = document.defect().filter(|defect| defect.kind != DefectKind::DuplicateKey) {
        faults.add(&root, defect);
    }
    fields::refuse_duplicates(document.root(), &root, &mut faults);
    let policy = read(document.root(), digest(text), &mut faults);
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        _ => Err(faults),
    }
}

fn read(value: Value<'_>, digest: String, faults: &mut Faults) -> Option<Policy> {
    let mut document = Fields::open(value, &Path::default(), faults)?;
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
    let default = document.word("default", &[("deny", Effect::Deny), ("allow", Effect::Allow)], faults);
    let mode = rule::mode(&mut document, faults);
    let hide = hidden(&mut document, faults);
    let mut counters = Counters::default();
    let all_tools = document
        .take("all_tools")
        .and_then(|(value, path)| rule::rule(value, &path, "all_tools", &mut counters, faults));
    let tools = section(&mut document, "tools", &mut counters, faults);
    let forms = [("result", Form::Result), ("error", Form::Error), ("http", Form::Http)];
    let denials = document.word("denials", &forms, faults);
    let exempt_paths = exempt_paths(&mut document, faults);
    let max_body_bytes = document.count("max_body_bytes", MOST_BODY_BYTES, faults).unwrap_or(MAX_BODY_BYTES);
    let ways = [("hold", RequestHeaders::Hold), ("stream", RequestHeaders::Stream)];
    let request_headers = document.word("request_headers", &ways, faults);
    let counter_capacity = capacity(&mut document, faults);
    document.close(faults);
    Some(Policy {
        digest,
        server,
        default: default.unwrap_or_default(),
        mode,
        hide,
        all_tools,
        tools,
        denials: denials.unwrap_or_default(),
        exempt_paths,
        max_body_bytes: usize::try_from(max_body_bytes).unwrap_or_default(),
        request_headers: request_headers.unwrap_or_default(),
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

fn hidden(document: &mut Fields<'_>, faults: &mut Faults) -> Vec<(Pattern, String)> {
    let mut hide = Vec::new();
    for (value, path) in document.list("hide", faults) {
        match value.string() {
            Some(text) if !text.is_empty() => hide.push((Pattern::new(&text), path.to_string())),
            Some(_) => faults.add(&path, "a pattern must not be empty"),
            None => faults.unfit(&path, "a pattern", value),
        }
    }
    hide
}

/// Reads the entries of a section, pattern by pattern.
fn section(
    document: &mut Fields<'_>,
    key: &'static str,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Section<Rule> {
    let mut entries = Vec::new();
    let mut paths = Vec::new();
    for (name, value, path) in document.named(key, faults) {
        if name.is_empty() {
            faults.add(&path, "a pattern must not be empty");
        }
        if let Some(rule) = rule::rule(value, &path, &name, counters, faults) {
            entries.push((Pattern::new(&name), rule));
            paths.push((path, name));
        }
    }
    Section::new(entries).unwrap_or_else(|ambiguous| {
        for (first, second) in ambiguous {
            if let (Some((_, earlier)), Some((path, _))) = (paths.get(first), paths.get(second)) {
                faults.add(
                    path,
                    format_args!(
                        "overlaps `{earlier}`, which has as many literal characters, so neither decides"
                    ),
                );
            }
        }
        Section::default()
    })
}

fn exempt_paths(document: &mut Fields<'_>, faults: &mut Faults) -> Vec<String> {
    let mut paths = Vec::new();
    for (value, path) in document.list("exempt_paths", faults) {
        match value.string() {
            Some(text) if text.starts_with('/') && !text.contains(['?', '#']) => {
                paths.push(text.into_owned())
            }
            _ => faults.unfit(&path, "a path that begins with `/`, without query", value),
        }
    }
    paths
}

fn capacity(document: &mut Fields<'_>, faults: &mut Faults) -> u32 {
    let Some((value, path)) = document.take("counters") else { return COUNTER_CAPACITY };
    let Some(mut counters) = Fields::open(value, &path, faults) else { return COUNTER_CAPACITY };
    let capacity = counters.count("capacity", MOST_COUNTER_CAPACITY, faults);
    counters.close(faults);
    capacity.unwrap_or(COUNTER_CAPACITY)
}

/// Returns the first 16 hex digits of the SHA-256 of a document.
fn digest(text: &[u8]) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
