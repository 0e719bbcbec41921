//! `$ref`: a JSON pointer (RFC 6901, in the URI fragment form of section 6) within one schema.

use std::borrow::Cow;

use crate::document::Part;

/// What a pointer has led to so far.
enum Place {
    Schema,
    /// An object of schemas by name
    Map,
    /// A list of schemas
    List,
}

/// Returns the schema that `reference` points to within the schema `root`. Returns `None` if it points
/// outside of `root`, to nothing, or to something that is not a schema, such as a value of `enum`.
#[must_use]
pub fn resolve<'d>(root: &Part<'d>, reference: &str) -> Option<Part<'d>> {
    let pointer = decode(reference.strip_prefix('#')?)?;
    let mut found = root.clone();
    if pointer.is_empty() {
        return Some(found);
    }
    let mut place = Place::Schema;
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = unescape(token)?;
        place = match (place, token.as_ref()) {
            (Place::Schema, "properties" | "$defs" | "definitions" | "patternProperties") => Place::Map,
            (Place::Schema, "allOf" | "anyOf" | "oneOf" | "prefixItems") => Place::List,
            (
                Place::Schema,
                "items"
                | "additionalProperties"
                | "propertyNames"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else",
            ) => Place::Schema,
            (Place::Schema, _) => return None,
            (Place::Map | Place::List, _) => Place::Schema,
        };
        found = if found.value.is_array() {
            found.elements().nth(index(&token)?)?
        } else {
            found.member(&token)?
        };
    }
    matches!(place, Place::Schema).then_some(found)
}

/// Parses an array index. Leading zeros are not allowed.
fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    token.parse().ok().filter(|_| plain)
}

/// Replaces `~1` by `/` and `~0` by `~` in a reference token. Returns `None` if any other `~` occurs.
fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let known = token.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']));
    known.then(|| token.replace("~1", "/").replace("~0", "~").into())
}

/// Decodes the `%` escapes of a URI fragment. Returns `None` if they are incomplete or not UTF-8.
fn decode(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
            rest = behind;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Notation;
    use crate::json;

    #[test]
    fn a_pointer_finds_its_schema() {
        let text = br##"{"$defs":{"a/b":{"title":"1"},"c~d":{"title":"2"},"e%f \u00e9":{"title":"3"},"~1":{"title":"4"},
            "":{"title":"5"},"deep":{"$defs":{"er":{"title":"6"}}},"0":{"title":"7"}},
            "properties":{"p":{"items":{"title":"8"}}},"anyOf":[true,{"not":{"title":"9"}}],
            "additionalProperties":{"title":"10"},"enum":[{"title":"no"}],"default":{"title":"no"}}"##;
        let document = json::read(text).unwrap();
        let root = Part::root(document.root(), Notation::Json);
        for (reference, expected) in [
            ("#/$defs/a~1b", Some("1")),
            ("#/$defs/a/b", None),
            ("#/$defs/c~0d", Some("2")),
            ("#/%24defs/c%7e0d", Some("2")),
            ("#/$defs/e%25f%20%C3%A9", Some("3")),
            ("#/$defs/e%25f é", Some("3")),
            ("#/$defs/~01", Some("4")),
            ("#/$defs/", Some("5")),
            ("#/$defs/deep/$defs/er", Some("6")),
            ("#/$defs/0", Some("7")),
            ("#/properties/p/items", Some("8")),
            ("#/anyOf/1/not", Some("9")),
            ("#/additionalProperties", Some("10")),
            ("#/$defs/none", None),
            ("#/$defs", None),
            ("#/anyOf", None),
            ("#/anyOf/2", None),
            ("#/anyOf/01", None),
            ("#/anyOf/+1", None),
            ("#/anyOf/-", None),
            ("#/enum/0", None),
            ("#/default", None),
            ("#/$defs/c~d", None),
            ("#/$defs/c~2d", None),
            ("#/$defs/%", None),
            ("#/$defs/%4", None),
            ("#/$defs/%+4", None),
            ("#/$defs/%ff", None),
            ("#$defs", None),
            ("#name", None),
            ("/$defs/deep", None),
            ("other.json#/$defs/deep", None),
            ("", None),
        ] {
            let found = resolve(&root, reference);
            let title = found.and_then(|schema| schema.value.get("title")?.string());
            assert_eq!(title.as_deref(), expected, "{reference}");
        }
        assert_eq!(resolve(&root, "#").unwrap().place(), root.place());
    }

    #[test]
    fn a_referenced_schema_has_its_path_in_the_document() {
        let document = json::read(br#"{"arguments":{"$defs":{"a b":true},"anyOf":[true]}}"#).unwrap();
        let root = Part::root(document.root(), Notation::Json).member("arguments").unwrap();
        for (reference, expected) in [
            ("#", "arguments"),
            ("#/$defs/a b", "arguments.$defs[\"a b\"]"),
            ("#/anyOf/0", "arguments.anyOf[0]"),
        ] {
            assert_eq!(resolve(&root, reference).unwrap().path.to_string(), expected);
        }
    }
}
