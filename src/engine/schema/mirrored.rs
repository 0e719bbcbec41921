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

/// Finds the annotations of a schema. One that is not the name of a header, or is anywhere else than on a property,
/// is none: clients do not call a tool that has it.
pub(super) fn read(schema: Value<'_>) -> Vec<Mirrored> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found);
    found
}

fn walk(schema: Value<'_>, path: &mut Vec<String>, found: &mut Vec<Mirrored>) {
    let Some(properties) = schema.get("properties") else { return };
    for (name, property) in properties.entries() {
        path.push(name.into_owned());
        if let Some(header) = property.get("x-mcp-header").and_then(Value::string)
            && is_token(&header)
        {
            found.push(Mirrored { header: format!("Mcp-Param-{header}"), path: path.clone() });
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
    fn an_annotation_counts_on_a_property_alone() {
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
        let found: Vec<_> =
            read(document.root()).into_iter().map(|one| (one.header, one.path.join("."))).collect();
        let expected = [
            ("Mcp-Param-Region", "region"),
            ("Mcp-Param-Deep", "place.deep"),
            ("Mcp-Param-Name", "properties"),
        ];
        assert_eq!(found, expected.map(|(header, path)| (header.to_owned(), path.to_owned())));
    }
}
