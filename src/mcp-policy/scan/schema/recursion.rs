//! Cuts references with which a schema contains itself.

use mcp_policy_engine::document::Path;
use serde_json::Value;

use super::Difference;

/// How many steps a search may take. A schema beyond it is left to the engine's own bounds.
const MOST_STEPS: usize = 100_000;

/// Cuts each reference that closes a circle.
pub fn cut(schema: &mut Value, differences: &mut Vec<Difference>) {
    let whole = schema.clone();
    let mut circular = Vec::new();
    let mut steps = 0;
    walk(&whole, &whole, String::new(), &mut Vec::new(), &mut circular, &mut steps);
    for pointer in circular {
        let Some(Value::Object(members)) = schema.pointer_mut(&pointer) else { continue };
        if let Some(reference) = members.remove("$ref") {
            let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
            let path = steps.fold(Path::default(), |path, step| match step.parse::<usize>() {
                Ok(index) => path.index(index),
                Err(_) => path.key(&step),
            });
            let what =
                format!("left out: {reference} contains itself, and the filter does not follow circles");
            differences.push(Difference { path: path.key("$ref").to_string(), what });
        }
    }
}

/// Follows all references from a value, whose pointer is `at`. `open` has the pointers of the values that are being
/// followed, and `circular` collects those of the references that lead to one of them.
fn walk(
    whole: &Value,
    value: &Value,
    at: String,
    open: &mut Vec<String>,
    circular: &mut Vec<String>,
    steps: &mut usize,
) {
    *steps = steps.saturating_add(1);
    if *steps > MOST_STEPS || open.len() > 200 {
        return;
    }
    open.push(at.clone());
    match value {
        Value::Object(members) => {
            if let Some(target) =
                members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'))
            {
                if open.iter().any(|around| around == target) {
                    if !circular.contains(&at) {
                        circular.push(at.clone());
                    }
                } else if let Some(found) = whole.pointer(target) {
                    walk(whole, found, target.to_owned(), open, circular, steps);
                }
            }
            for (key, member) in members {
                let step = key.replace('~', "~0").replace('/', "~1");
                walk(whole, member, format!("{at}/{step}"), open, circular, steps);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(whole, element, format!("{at}/{index}"), open, circular, steps);
            }
        }
        _ => {}
    }
    open.pop();
}
