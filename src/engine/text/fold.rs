//! Case folding: what is equal without regard to case.

/// Folds a text to what a comparison without regard to case compares.
pub fn text(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char)
}

/// Folds a character: to upper case, then to lower case, so that all are equal that are equal in either (`ς` and `σ`, `µ`
/// and `μ`, `ſ` and `s`, the Kelvin sign and `k`). The combining dot that `İ` leaves behind an i is dropped, and `ẞ` is the
/// same as `ss`.
pub fn char(char: char) -> impl Iterator<Item = char> {
    let upper = if char == 'ẞ' { 'ß' } else { char }.to_uppercase();
    upper.flat_map(char::to_lowercase).filter(|char| *char != '\u{307}')
}

#[cfg(test)]
mod tests {
    fn fold(text: &str) -> String {
        super::text(text).collect()
    }

    #[test]
    fn a_character_folds_like_its_other_cases() {
        // The planes that have letters with cases.
        for char in '\u{1}'..='\u{1ffff}' {
            let whole = char.to_string();
            let folded = fold(&whole);
            for other in [whole.to_uppercase(), whole.to_lowercase(), folded.clone()] {
                assert_eq!(fold(&other), folded, "{char:?} and {other:?}");
            }
        }
    }
}
