//! Everything that `serde_json` reads: keys in order, duplicates included.

use std::fmt;

use mcp_policy_engine::json::{self, DefectKind, Document, Fit, Kind, MAX_DEPTH, Value};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a text as `serde_json` does.
    pub fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(entries) => 1 + entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn has_a_key_twice(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(Self::has_a_key_twice),
            Self::Object(entries) => entries.iter().enumerate().any(|(at, (key, value))| {
                value.has_a_key_twice() || entries[..at].iter().any(|(other, _)| other == key)
            }),
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Tree;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Integer(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Integer(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = from.next_element()? {
                    elements.push(element);
                }
                Ok(Tree::Array(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = from.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Object(entries))
            }
        }
        from.deserialize_any(Reads)
    }
}

/// Tells whether the reader and the oracle read the same value.
fn same(value: Value<'_>, tree: &Tree) -> bool {
    match (value.kind(), tree) {
        (Kind::Null, Tree::Null) => true,
        (Kind::Bool(own), Tree::Bool(other)) => own == *other,
        (Kind::Number, Tree::Integer(other)) => value.raw().parse() == Ok(*other),
        (Kind::Number, Tree::Float(other)) => {
            // The oracle's doubles may differ in the last bits.
            let own: f64 = value.raw().parse().expect("a number");
            (own - other).abs() <= own.abs() * 1e-14 || (own - other).abs() < 1e-300
        }
        (Kind::String { .. }, Tree::Text(other)) => value.string().as_deref() == Some(other),
        (Kind::Array, Tree::Array(others)) => {
            value.elements().count() == others.len()
                && value.elements().zip(others).all(|(own, other)| same(own, other))
        }
        (Kind::Object, Tree::Object(others)) => {
            value.entries().count() == others.len()
                && value.entries().zip(others).all(|(own, other)| own.0 == other.0 && same(own.1, &other.1))
        }
        _ => false,
    }
}

fn numbers<'d>(value: Value<'d>, out: &mut Vec<&'d str>) {
    out.extend(value.number());
    value.elements().for_each(|element| numbers(element, out));
    value.entries().for_each(|(_, value)| numbers(value, out));
}

/// Reads a text with the reader and the oracle, and compares the results.
#[track_caller]
pub fn compare(bytes: &[u8]) {
    match (json::read(bytes), Tree::read(bytes)) {
        (Err(malformed), Ok(tree)) => panic!("{malformed}, but it reads as {tree:?}"),
        (Ok(document), Ok(tree)) => {
            assert!(same(document.root(), &tree), "read as {tree:?}");
            assert_eq!(document.duplicate().is_some(), tree.has_a_key_twice());
            defects_agree(&document, &tree);
        }
        (Ok(document), Err(error)) => {
            let mut all = Vec::new();
            numbers(document.root(), &mut all);
            // The oracle reads some of the largest doubles as infinite.
            let huge = all.iter().any(|text| text.parse::<f64>().is_ok_and(|number| number.abs() > 1e307));
            assert!(document.defect().is_some() || huge, "no defect, but {error}");
        }
        (Err(_), Err(_)) => {}
    }
}

fn defects_agree(document: &Document<'_>, tree: &Tree) {
    let mut all = Vec::new();
    numbers(document.root(), &mut all);
    let unfit = all.iter().any(|text| json::fit(text) == Fit::Unfit);
    let defects = [
        (DefectKind::DuplicateKey, tree.has_a_key_twice()),
        (DefectKind::TooDeep, tree.depth() > MAX_DEPTH),
        (DefectKind::UnfitNumber, unfit),
        // The oracle refuses these, so they do not occur here.
        (DefectKind::LoneSurrogate, false),
    ];
    match document.defect() {
        None => assert!(!defects.iter().any(|(_, there)| *there), "no defect, but {defects:?}"),
        Some(defect) => assert!(defects.contains(&(defect.kind, true)), "{defect:?}, but {defects:?}"),
    }
}
