//! Arguments that clients repeat in headers, for those on the way who do not read bodies (MCP 2026-07-28, "Custom
//! Headers from Tool Parameters").

use crate::json::Value;
use crate::mcp::headers::is_token;

/// An argument whose schema has `x-mcp-header`, at the end of a chain of `properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The header: `Mcp-Param-` and the name that the schema gives
    pub header: String,
    /// The names of the members that lead to the argument
    pub path: Vec<String>,
}

/// An annotation `x-mcp-header`.
pub(super) struct Annotation {
    /// The offset of its value in the document
    pub at: usize,
    /// What is told; `None` if its value is not the name of a header
    pub mirrored: Option<Mirrored>,
}

/// Finds the annotations of a schema on properties to which a chain of `properties` leads. Clients do not call a tool
/// that has one anywhere else.
pub(super) fn read(schema: Value<'_>) -> Vec<Annotation> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found);
    found
}

fn walk(schema: Value<'_>, path: &mut Vec<String>, found: &mut Vec<Annotation>) {
    let Some(properties) = schema.get("properties") else { return };
    for (name, property) in properties.entries() {
        path.push(name.into_owned());
        if let Some(value) = property.get("x-mcp-header") {
            let name = value.string().filter(|name| is_token(name));
            let mirrored =
                name.map(|name| Mirrored { header: format!("Mcp-Param-{name}"), path: path.clone() });
            found.push(Annotation { at: value.span().start, mirrored });
        }
        walk(property, path, found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn annotations_are_found_at_the_end_of_a_chain_of_properties() {
        let schema = r#"{
            "x-mcp-header": "Root",
            "properties": {
                "region": { "type": "string", "x-mcp-header": "Region" },
                "place": { "type": "object", "properties": { "deep": { "x-mcp-header": "Deep" } } },
                "list": { "items": { "x-mcp-header": "Item" } },
                "any": { "anyOf": [{ "x-mcp-header": "Any" }], "not": { "x-mcp-header": "Not" } },
                "spaced": { "x-mcp-header": "a b" }, "empty": { "x-mcp-header": "" }, "number": { "x-mcp-header": 1 },
                "yes": true, "properties": { "x-mcp-header": "Name" }
            },
            "$defs": { "a": { "properties": { "b": { "x-mcp-header": "Defined" } } } }
        }"#;
        let document = json::read(schema.as_bytes()).unwrap();
        let found = read(document.root());
        let told: Vec<_> = found
            .into_iter()
            .map(|one| {
                one.mirrored.map_or(String::new(), |one| format!("{} {}", one.header, one.path.join(".")))
            })
            .collect();
        let expected =
            ["Mcp-Param-Region region", "Mcp-Param-Deep place.deep", "", "", "", "Mcp-Param-Name properties"];
        assert_eq!(told, expected);
    }
}
