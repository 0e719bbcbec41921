//! Policies in every kind of file, and the places of their faults.

mod documents;
mod finding;
mod problems;
mod written;

use super::*;

/// Finds the policies of a file with this name and text.
fn find_in(name: &str, text: &str) -> Result<find::Findings, Failure> {
    find::policies(&Rc::new(File { name: name.to_owned(), text: text.to_owned() }))
}

/// Finds the only policy of a file with this name and text.
#[track_caller]
fn only(name: &str, text: &str) -> Found {
    let mut found = find_in(name, text).unwrap_or_else(|failure| panic!("{failure}\n{text}")).found;
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

/// Returns the text at a place.
#[track_caller]
fn at<'t>(text: &'t str, place: &Place) -> &'t str {
    text.get(place.clone()).unwrap_or_else(|| panic!("{place:?} is no place of {text}"))
}
