//! A walk through the schema of a rule's arguments, over the parts that restrict a value.

use std::collections::HashSet;

use mcp_policy_engine::document::Part;
use mcp_policy_engine::json::{Kind, Value, decimal};
use mcp_policy_engine::schema::resolve;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// Strings
    pub const STRING: Self = Self(1);
    /// Numbers and integers
    pub const NUMBER: Self = Self(2);
    /// Lists
    pub const ARRAY: Self = Self(4);
    /// Objects
    pub const OBJECT: Self = Self(8);
    const OTHER: Self = Self(16);

    fn named(name: &str) -> Self {
        match name {
            "string" => Self::STRING,
            "number" | "integer" => Self::NUMBER,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::OTHER,
        }
    }

    fn of(value: Value<'_>) -> Self {
        match value.kind() {
            Kind::String { .. } => Self::STRING,
            Kind::Number => Self::NUMBER,
            Kind::Array => Self::ARRAY,
            Kind::Object => Self::OBJECT,
            Kind::Null | Kind::Bool(_) => Self::OTHER,
        }
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the types that are in both sets.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A schema within the schema of a rule's arguments.
pub struct Visit<'v, 'c> {
    /// The schema: an object
    pub schema: &'v Part<'c>,
    /// The types that a value can have here; `None` for any
    pub types: Option<Types>,
}

/// How deep the walk goes. Schemas that load can be deeper, but no published one is.
const DEEPEST: usize = 40;

/// Iterates over a schema and those within it. What is below `not` and `if` is left out: it does not restrict a value. A
/// schema in `$defs` comes where something refers to it.
pub fn walk<'c>(root: &Part<'c>, visit: &mut dyn FnMut(&Visit<'_, 'c>)) {
    let mut walk = Walk { root, seen: HashSet::new(), visit };
    walk.schema(root, Some(Types::OBJECT), 0);
}

struct Walk<'w, 'c> {
    root: &'w Part<'c>,
    seen: HashSet<(String, Option<u8>)>,
    visit: &'w mut dyn FnMut(&Visit<'_, 'c>),
}

impl<'c> Walk<'_, 'c> {
    /// Visits a schema; `given` are the types that a value can have according to the schemas around it.
    fn schema(&mut self, schema: &Part<'c>, given: Option<Types>, depth: usize) {
        let key = (schema.path.to_string(), given.map(|Types(bits)| bits));
        if depth > DEEPEST || !schema.value.is_object() || !self.seen.insert(key) {
            return;
        }
        let types = both(given, types(self.root, schema, 0));
        (self.visit)(&Visit { schema, types });
        let below = depth.saturating_add(1);
        for (key, part) in schema.members() {
            match &*key {
                "properties" | "patternProperties" => {
                    part.members().for_each(|(_, part)| self.schema(&part, None, below));
                }
                "prefixItems" => part.elements().for_each(|part| self.schema(&part, None, below)),
                "items" | "additionalProperties" | "contains" => self.schema(&part, None, below),
                "propertyNames" => self.schema(&part, Some(Types::STRING), below),
                "allOf" | "anyOf" | "oneOf" => {
                    part.elements().for_each(|part| self.schema(&part, types, below))
                }
                "then" | "else" => self.schema(&part, types, below),
                "$ref" => {
                    if let Some(target) = target(self.root, &part) {
                        self.schema(&target, types, below);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns the schema that a `$ref` leads to.
pub fn target<'c>(root: &Part<'c>, reference: &Part<'c>) -> Option<Part<'c>> {
    resolve(root, &reference.value.string()?)
}

fn both(one: Option<Types>, other: Option<Types>) -> Option<Types> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

/// Returns the types of the values that a schema accepts; `None` if they can have any.
pub fn types(root: &Part<'_>, schema: &Part<'_>, depth: usize) -> Option<Types> {
    let below = depth.checked_add(1).filter(|depth| *depth < DEEPEST)?;
    let union = |sets: Vec<Types>| sets.into_iter().reduce(Types::or);
    let mut found = None;
    for (key, part) in schema.members() {
        let set = match &*key {
            "type" => {
                let names = part.elements().chain([part.clone()]).filter_map(|part| part.value.string());
                union(names.map(|name| Types::named(&name)).collect())
            }
            "enum" => union(part.elements().map(|part| Types::of(part.value)).collect()),
            "const" => Some(Types::of(part.value)),
            "$ref" => target(root, &part).and_then(|target| types(root, &target, below)),
            "allOf" => part.elements().fold(None, |set, part| both(set, types(root, &part, below))),
            "anyOf" | "oneOf" => {
                let sets: Option<Vec<Types>> =
                    part.elements().map(|part| types(root, &part, below)).collect();
                sets.and_then(union)
            }
            _ => None,
        };
        found = both(found, set);
    }
    found
}

/// Returns whether a schema bounds a number from above, itself or by what it refers to.
pub fn is_bounded(root: &Part<'_>, schema: &Part<'_>, depth: usize) -> bool {
    let Some(below) = depth.checked_add(1).filter(|depth| *depth < DEEPEST) else { return false };
    schema.members().any(|(key, part)| match &*key {
        "maximum" | "exclusiveMaximum" => {
            part.number().is_some_and(|number| decimal::compare(&number, "1e15").is_lt())
        }
        "enum" | "const" => true,
        "$ref" => target(root, &part).is_some_and(|target| is_bounded(root, &target, below)),
        "allOf" => part.elements().any(|part| is_bounded(root, &part, below)),
        "anyOf" | "oneOf" => {
            // A branch that takes no numbers bounds them as well.
            let takes_none = |part: &Part<'_>| {
                types(root, part, 0).is_some_and(|types| types.and(Types::NUMBER).is_empty())
            };
            part.elements().all(|part| takes_none(&part) || is_bounded(root, &part, below))
        }
        _ => false,
    })
}
