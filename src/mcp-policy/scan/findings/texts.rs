//! The texts of definitions.

use mcp_policy_engine::document::Path;
use serde_json::Value;

use super::Target;
use crate::scan::offer::Offer;

/// A text that a model may read.
#[derive(Debug, Clone)]
pub struct Text<'o> {
    /// What has the text
    pub target: Target,
    /// The path of the text within the definition
    pub place: String,
    /// The text
    pub text: &'o str,
}

/// Members whose texts a model never sees as text.
const NOT_READ: [&str; 5] = ["icons", "_meta", "mimeType", "$schema", "$ref"];

/// Returns the texts of all definitions, keys of objects such as the names of parameters among them.
pub fn of(offer: &Offer) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    if let Some(text) = &offer.instructions {
        let server = offer.server.clone().unwrap_or_default();
        texts.push(Text { target: Target::Server(server), place: "instructions".to_owned(), text });
    }
    for tool in &offer.tools {
        within(&tool.whole, &Target::Tool(tool.name.clone()), &Path::default(), &mut texts);
    }
    for resource in &offer.resources {
        within(&resource.whole, &Target::Resource(resource.name.clone()), &Path::default(), &mut texts);
    }
    for template in &offer.templates {
        within(&template.whole, &Target::Template(template.name.clone()), &Path::default(), &mut texts);
    }
    for prompt in &offer.prompts {
        within(&prompt.whole, &Target::Prompt(prompt.name.clone()), &Path::default(), &mut texts);
    }
    texts
}

fn within<'o>(value: &'o Value, target: &Target, path: &Path, texts: &mut Vec<Text<'o>>) {
    let mut add =
        |path: &Path, text| texts.push(Text { target: target.clone(), place: path.to_string(), text });
    match value {
        Value::String(text) => add(path, text),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                within(element, target, &path.index(index), texts);
            }
        }
        Value::Object(members) => {
            for (key, member) in members.iter().filter(|(key, _)| !NOT_READ.contains(&key.as_str())) {
                let path = path.key(key);
                texts.push(Text { target: target.clone(), place: path.to_string(), text: key });
                within(member, target, &path, texts);
            }
        }
        _ => {}
    }
}
