//! Case folding: what is equal without regard to case.

/// Folds a text to what a comparison without regard to case compares.
pub fn text(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char)
}

/// What `İ` leaves behind an i in lower case: a combining dot above. It is dropped from all texts.
const DOT: char = '\u{307}';

/// Folds a character: to upper case, then to lower case, so that all are equal that are equal in either (`ς` and `σ`, `µ`
/// and `μ`, `ſ` and `s`, the Kelvin sign and `k`). `İ` is the same as `i`, and `ẞ` as `ss`.
pub fn char(char: char) -> impl Iterator<Item = char> {
    parts(char).into_iter().filter(|char| *char != DOT)
}

/// Returns the at most three characters that a character folds to, with [`DOT`] for each that is missing.
#[inline(never)]
fn parts(char: char) -> [char; 3] {
    let mut parts = [DOT; 3];
    if char.is_ascii() {
        let [first, ..] = &mut parts;
        *first = char.to_ascii_lowercase();
        return parts;
    }
    let upper = if char == 'ẞ' { 'ß' } else { char }.to_uppercase();
    for (part, upper) in parts.iter_mut().zip(upper) {
        // Only `İ` has more than one character in lower case: an i and the dot.
        *part = upper.to_lowercase().next().unwrap_or(upper);
    }
    parts
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
