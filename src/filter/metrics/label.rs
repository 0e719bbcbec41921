//! Names from the policy as parts of the names of metrics.

/// The longest label, in characters.
const LONGEST: usize = 64;

/// Returns a name as a label. A dot would begin another label, and Envoy's rules for tags and the tools behind it
/// expect ASCII, so each character that is neither a letter, a digit, `-` nor `_` becomes `_`. Names that are
/// equal then share their metrics.
pub(super) fn of(name: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' };
    match name.chars().take(LONGEST).map(plain).collect::<String>() {
        // An empty label is none.
        label if label.is_empty() => "_".to_owned(),
        label => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_has_no_character_that_separates_labels() {
        for (name, label) in [
            ("run_agent-2", "run_agent-2"),
            ("Team.A b", "Team_A_b"),
            ("größe/дом", "gr__e____"),
            ("", "_"),
            ("a\nb;c=\"d\"", "a_b_c__d_"),
        ] {
            assert_eq!(of(name), label, "{name}");
        }
        assert_eq!(of(&"ü".repeat(100)), "_".repeat(64));
    }
}
