//! What a caller is shown of a list.

use std::path::Path;

use mcp_policy_engine::decide::{Asked, Lists};
use mcp_policy_engine::guard::Request;
use mcp_policy_engine::json::{self, Value};
use mcp_policy_engine::limit::{MemoryStore, Unavailable};
use mcp_policy_engine::mcp::list::{ListKind, filter};

use super::expect::Expect;
use super::fields::{Faults, Part};
use crate::listing::{self, Answers};
use crate::outcome::Failure;

/// The id of the request and of its answer.
const ID: &str = "1";

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer, as JSON
    text: String,
    /// It has the names that a step expects something of, and no definitions
    only_names: bool,
}

/// Returns the server's answer: the list in the file that `of` names, or one of the names that the step expects
/// something of. `None`, with a fault, if there is no such list.
pub fn answer(
    kind: ListKind,
    of: Option<&Part<'_>>,
    folder: &Path,
    expect: &Expect,
    faults: &mut Faults,
) -> Option<Answer> {
    let names: Vec<&String> = expect.shows.iter().chain(&expect.hides).collect();
    let (member, key) = keys(kind);
    let Some(part) = of else {
        let elements: Vec<serde_json::Value> =
            names.iter().map(|name| serde_json::json!({ key: name })).collect();
        let answer = serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": { member: elements }});
        return Some(Answer { text: answer.to_string(), only_names: true });
    };
    let path = folder.join(part.text(faults)?);
    let read = |path: &Path| {
        let answers = Answers::with_definitions(&path.to_string_lossy())?;
        let document = answers.document()?;
        let elements = listing::elements(&document, member, key).map_err(|wrong| answers.failure(&wrong))?;
        Ok(elements.into_iter().map(|(name, element)| (name, element.raw().to_owned())).collect::<Vec<_>>())
    };
    let elements = match read(&path) {
        Ok(elements) => elements,
        Err(failure) => {
            let failure: Failure = failure;
            part.fault(failure.to_string(), faults);
            return None;
        }
    };
    for name in names.iter().filter(|name| !elements.iter().any(|(known, _)| known == **name)) {
        faults.add(&expect.place, &part.path, format!("`{name}` is not in `{}`", path.display()));
    }
    let elements: Vec<String> = elements.into_iter().map(|(_, element)| element).collect();
    let text = format!(r#"{{"jsonrpc":"2.0","id":{ID},"result":{{"{member}":[{}]}}}}"#, elements.join(","));
    Some(Answer { text, only_names: false })
}

/// Returns the key of a list in a result, and the key that names its elements.
fn keys(kind: ListKind) -> (&'static str, &'static str) {
    match kind {
        ListKind::Tools => ("tools", "name"),
        ListKind::Prompts => ("prompts", "name"),
        ListKind::Resources => ("resources", "uri"),
        ListKind::ResourceTemplates => ("resourceTemplates", "uriTemplate"),
    }
}

/// Finds the list in an answer, in its result, or as itself.
fn list<'d>(root: Value<'d>, member: &str) -> Option<Value<'d>> {
    let result = root.get("result").unwrap_or(root);
    let list = if root.is_array() { root } else { result.get(member)? };
    list.is_array().then_some(list)
}

/// Returns the names that the filter leaves in an answer for this request's caller. What the answer shows of pinned tools
/// is kept in the store.
///
/// # Errors
/// Why nothing of the answer is shown.
pub fn shown(
    request: &Request,
    kind: ListKind,
    answer: &Answer,
    now_ns: u64,
    store: &MemoryStore,
) -> Result<Vec<String>, String> {
    let Answer { text, only_names } = answer;
    let clock = || Some(now_ns);
    let asked = Asked::now(ID, &request.policy.pins, store);
    let lists = Lists::new(&request.policy, &request.caller, &clock).answering(asked.as_ref());
    let mut names = Vec::new();
    let filtered = filter(text.as_bytes(), &mut |element| match only_names {
        true => element.name.is_some_and(|name| lists.shows(element.kind, name)),
        false => lists.keeps(element),
    });
    if filtered.is_err() && kind == ListKind::Tools {
        lists.lose();
    }
    lists.settle(store, &mut |_| ()).map_err(|Unavailable| "what it shows cannot be stored".to_owned())?;
    let filtered = filtered.map_err(|unreadable| unreadable.to_string())?;
    let left = filtered.bytes.as_deref().unwrap_or(text.as_bytes());
    let (member, key) = keys(kind);
    if let Ok(document) = json::read(left)
        && let Some(list) = list(document.root(), member)
    {
        let name = |element: Value<'_>| Some(element.get(key)?.string()?.into_owned());
        names.extend(list.elements().filter_map(name));
    }
    Ok(names)
}
