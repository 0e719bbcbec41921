//! `google.protobuf.Struct`: the form in which Envoy passes on the YAML of a configuration, and metadata.

use std::fmt::Write as _;

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::fault::Faults;
use super::path::Path;
use super::wrong::Wrong;
use crate::json;

/// Beyond this integer a double does not hold every one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why bytes are not read as a `Struct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They are something else
    NoStruct,
    /// They nest deeper than protobuf is read
    TooDeep,
}

/// Turns the wire form of a `Struct` into JSON text. Notes a fault for each number that a Struct may have
/// changed on its way.
///
/// # Errors
/// [`Unreadable`] if the bytes are not a `Struct`.
pub fn to_json(bytes: &[u8], faults: &mut Faults) -> Result<String, Unreadable> {
    let document = Struct::decode(bytes).map_err(|error| match error.to_string() {
        // The error only has a text.
        text if text.contains("recursion limit") => Unreadable::TooDeep,
        _ => Unreadable::NoStruct,
    })?;
    Ok(write(&document, faults))
}

/// Writes a `Struct` as JSON text, with the same faults.
pub fn write(document: &Struct, faults: &mut Faults) -> String {
    let mut out = String::new();
    write_object(&mut out, document, &Path::default(), faults);
    out
}

fn write_object(out: &mut String, object: &Struct, path: &Path, faults: &mut Faults) {
    out.push('{');
    for (index, (key, value)) in object.fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        json::quote(out, key);
        out.push(':');
        write_value(out, value, &path.key(key), faults);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &Value, path: &Path, faults: &mut Faults) {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => out.push_str("null"),
        Some(Kind::BoolValue(true)) => out.push_str("true"),
        Some(Kind::BoolValue(false)) => out.push_str("false"),
        Some(Kind::StringValue(text)) => json::quote(out, text),
        Some(Kind::NumberValue(number)) => write_number(out, *number, path, faults),
        Some(Kind::StructValue(object)) => write_object(out, object, path, faults),
        Some(Kind::ListValue(list)) => {
            out.push('[');
            for (index, element) in list.values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, element, &path.index(index), faults);
            }
            out.push(']');
        }
    }
}

fn write_number(out: &mut String, number: f64, path: &Path, faults: &mut Faults) {
    if !number.is_finite() {
        faults.note(path, Wrong::NotFinite);
        out.push('0');
        return;
    }
    if number.fract() == 0.0 && number.abs() >= EXACT {
        faults.note(path, Wrong::Inexact);
    }
    // The shortest text that reads back as this double: 0.1 stays 0.1, an integer has no fraction.
    // Writing to a String cannot fail.
    let _ = write!(out, "{number}");
}
