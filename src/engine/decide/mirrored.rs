//! Headers that repeat arguments. A proxy that routes or counts by such a header must not see another value than the
//! server reads in the body.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Decision, layers};
use crate::denial::{Code, Denial};
use crate::identity::Caller;
use crate::json::{self, Kind, Value, decimal};
use crate::mcp::headers::{Field, Headers};
use crate::mcp::message::{Call, Target};
use crate::policy::{Mode, Policy, Rule};
use crate::schema::Mirrored;
use crate::work::{self, Work};

/// The first protocol version whose clients must send these headers.
const FIRST: &[u8] = b"2026-07-28";

/// The units of work of finding a header among those of a request, of which Envoy accepts 100.
const HEADER: usize = 100;

impl Decision {
    /// Refuses a call of a tool if a header that the schema of one of its rules speaks of does not agree with the
    /// argument. Spends the budgets for rules that are enforced and for rules in shadow mode.
    pub fn compare_headers(
        &mut self,
        policy: &Policy,
        caller: &Caller,
        call: &Call<'_>,
        headers: &Headers,
        [work, shadow]: [&Work; 2],
    ) {
        let Target::Tool(name) = &call.target else { return };
        // Then there is nothing to compare, and a client may leave such a header out.
        if !headers.is_any_mirrored() && !knows_them(headers) {
            return;
        }
        for rules in layers(policy, caller) {
            for rule in rules.tools.get(name).into_iter().flatten().chain(&rules.all_tools) {
                let in_shadow = rule.mode == Mode::Shadow;
                if let Some(denial) = disagreement(rule, call, headers, if in_shadow { shadow } else { work })
                {
                    self.refuse(in_shadow, denial);
                }
            }
        }
    }
}

/// Tells whether the client knows of these headers, by its protocol version.
fn knows_them(headers: &Headers) -> bool {
    headers.protocol_version.once().is_some_and(|version| version >= FIRST)
}

fn disagreement(rule: &Arc<Rule>, call: &Call<'_>, headers: &Headers, work: &Work) -> Option<Denial> {
    let mirrored = rule.arguments.as_ref()?.mirrored();
    let known = knows_them(headers);
    let exhausted = || {
        let path = format!("{}.arguments", rule.path);
        let reason = "the arguments take more work to judge than one request may cause: send less";
        Denial::by(path, Code::ArgumentsInvalid, reason).because_of(work::CAUSE)
    };
    mirrored.iter().find_map(|one| {
        let Some(argument) = argument(call.arguments(), one, work) else { return Some(exhausted()) };
        let header = headers.mirrored(&one.header);
        let length = header.once().map_or(0, <[u8]>::len);
        if !work.spend(work::of_reading(length).saturating_add(HEADER)) {
            return Some(exhausted());
        }
        let why = compare(header, argument, known).err()?;
        let reason = format!("`{}` {why} `args.{}`", one.header, one.path.join("."));
        Some(Denial::protocol(Code::HeadersDisagree, reason).because_of("headers"))
    })
}

/// Finds the argument; `null` is none. Returns `None` if the budget of work does not suffice for that, and for comparing the
/// argument.
fn argument<'d>(arguments: Option<Value<'d>>, mirrored: &Mirrored, work: &Work) -> Option<Option<Value<'d>>> {
    let mut found = arguments;
    for name in &mirrored.path {
        let Some(object) = found.take() else { break };
        for (key, value) in object.keyed() {
            if !work.spend(key.string_work().saturating_add(1)) {
                return None;
            }
            if key.string().is_some_and(|key| *key == **name) {
                found = Some(value);
                break;
            }
        }
    }
    let found = found.filter(|value| value.kind() != Kind::Null);
    let units =
        found.map_or(0, |value| value.string_work().saturating_add(value.number().map_or(0, str::len)));
    work.spend(units).then_some(found)
}

/// Compares a header with an argument. Only clients of a version that has these headers must send them.
fn compare(header: &Field, argument: Option<Value<'_>>, known: bool) -> Result<(), &'static str> {
    let header = match header {
        Field::Absent if known && argument.is_some() => return Err("is missing, but must repeat"),
        Field::Absent => return Ok(()),
        Field::Repeated => return Err("occurs more than once, but must repeat"),
        Field::Once(value) => decode(value).ok_or("has characters that must be encoded to repeat")?,
    };
    let argument = argument.ok_or("is present without")?;
    let same = match argument.kind() {
        Kind::String { .. } => argument.string().is_some_and(|text| text.as_bytes() == header),
        Kind::Bool(_) => argument.raw().as_bytes() == header,
        Kind::Number => {
            let document = json::read(&header).ok();
            let number = document.as_ref().and_then(|document| document.root().number());
            number.is_some_and(|number| decimal::compare(number, argument.raw()).is_eq())
        }
        Kind::Null | Kind::Array | Kind::Object => false,
    };
    if same { Ok(()) } else { Err("is not the same as") }
}

/// Undoes `=?base64?…?=`; `None` if the value has characters that no client may send so.
fn decode(value: &[u8]) -> Option<Vec<u8>> {
    match value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')).then(|| value.to_vec()),
    }
}
