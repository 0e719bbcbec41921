//! What a policy's document says of its conditions.

use std::collections::HashMap;

use mcp_policy_engine::document::{Faults, Path, structured};
use mcp_policy_engine::json::{self, Value};

/// The operators and operands of all conditions, by their paths.
#[derive(Debug, Clone, Default)]
pub struct Texts(HashMap<String, String>);

impl Texts {
    /// Reads a policy's document, in either form.
    pub fn of(bytes: &[u8]) -> Self {
        let mut texts = Self::default();
        if let Ok(document) = json::read(bytes) {
            texts.add(&Path::default(), document.root());
        } else if let Ok(text) = structured::to_json(bytes, &mut Faults::default())
            && let Ok(document) = json::read(text.as_bytes())
        {
            texts.add(&Path::default(), document.root());
        }
        texts
    }

    fn add(&mut self, path: &Path, value: Value<'_>) {
        if let (Some(subject), Some(op)) = (text(value, "path"), text(value, "op")) {
            let operand = value.get("value").map_or(String::new(), |operand| format!(" {}", shown(operand)));
            self.0.insert(path.to_string(), format!("{subject} {op}{operand}"));
        }
        for (key, member) in value.entries() {
            self.add(&path.key(&key), member);
        }
        for (index, element) in value.elements().enumerate() {
            self.add(&path.index(index), element);
        }
    }

    /// Returns the condition at a path, such as `args.amount lte 10`.
    pub fn condition(&self, path: &str) -> String {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

fn text(value: Value<'_>, key: &str) -> Option<String> {
    value.get(key)?.string().map(std::borrow::Cow::into_owned)
}

/// Returns an operand as JSON; another value of the request by its path.
fn shown(operand: Value<'_>) -> String {
    text(operand, "path").unwrap_or_else(|| {
        let mut out = String::new();
        json::compact(&mut out, operand);
        out
    })
}
