//! Names with `*`, and which of many decides on a name.

mod affixes;
mod ambiguity;
mod index;
mod patterns;
mod section;

pub(super) use ambiguity::ambiguous;
pub use patterns::Patterns;
pub use section::Section;

use std::fmt;
use std::ops::Range;

/// A name in which `*` stands for any run of characters and everything else for itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// From the first `*` to behind the last; `None` where there is no `*`
    stars: Option<Range<usize>>,
    literals: usize,
}

impl Pattern {
    /// Makes a pattern. Every text is a valid one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let stars = text.find('*').zip(text.rfind('*'));
        let stars = stars.map(|(first, last)| first..last.saturating_add(1));
        let literals = text.chars().filter(|char| *char != '*').count();
        Self { text: text.to_owned(), stars, literals }
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether the pattern has no characters at all, so that only the empty name fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Tells whether the pattern stands for exactly one name.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.stars.is_none()
    }

    /// Returns how a name has to begin and to end; `None` where the pattern is exact.
    #[must_use]
    pub fn ends(&self) -> Option<(&str, &str)> {
        let stars = self.stars.as_ref()?;
        self.text.get(..stars.start).zip(self.text.get(stars.end..))
    }

    /// Tells whether `name` fits, byte for byte.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((prefix, suffix)) = self.ends() else { return self.text == name };
        let within = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        let Some(mut rest) = within else { return false };
        let middle = self.stars.clone().and_then(|stars| self.text.get(stars)).unwrap_or_default();
        if middle == "*" {
            return true;
        }
        for part in middle.split('*').filter(|part| !part.is_empty()) {
            // Preparing the search for a part takes as long as the part is.
            if part.len() > rest.len() {
                return false;
            }
            // The leftmost place of a part leaves the most room for the parts behind it.
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        true
    }

    /// Returns how many units of work it takes at most to tell whether a name of this many bytes fits.
    #[must_use]
    pub fn work(&self, length: usize) -> usize {
        (length >> 1).saturating_add(self.text.len().saturating_mul(3)).saturating_add(6)
    }

    /// Counts the characters that stand for themselves.
    #[must_use]
    pub fn literals(&self) -> usize {
        self.literals
    }

    /// Counts the parts between two `*`.
    fn parts(&self) -> usize {
        self.text.split('*').count().saturating_sub(2)
    }

    /// Tells whether some name fits both patterns.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.ends(), other.ends()) {
            (None, _) => other.matches(&self.text),
            (_, None) => self.matches(&other.text),
            // If one prefix begins with the other and one suffix ends with the other, this name fits both:
            // the longer prefix, the middle of the one, the middle of the other, the longer suffix.
            (Some((prefix, suffix)), Some((others_prefix, others_suffix))) => {
                (prefix.starts_with(others_prefix) || others_prefix.starts_with(prefix))
                    && (suffix.ends_with(others_suffix) || others_suffix.ends_with(suffix))
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest follows from the text.
        out.debug_tuple("Pattern").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_and_the_rest_for_itself() {
        for (pattern, name, expected) in [
            ("get_*", "get_x", true),
            ("get_*", "get_", true),
            ("get_*", "Get_x", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "acb", false),
            ("a*b*b", "ab", false),
            ("*ab", "aab", true),
            ("a**b", "ab", true),
            ("*a**b*", "xaxbx", true),
            ("é*", "é€", true),
            ("a.b", "axb", false),
            ("a", "a ", false),
            ("[a]*", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_overlap_when_a_name_fits_both() {
        for (left, right, expected) in [
            ("get_*", "*_get", true),
            ("a*", "b*", false),
            ("a*c", "ab*", true),
            ("*a", "*b", false),
            ("a*b", "a*c", false),
            ("*x*", "*y*", true),
            ("*", "*", true),
            ("**", "a", true),
            ("ab", "a*c", false),
            ("a*a", "a", false),
        ] {
            let (left, right) = (Pattern::new(left), Pattern::new(right));
            assert_eq!(left.overlaps(&right), expected, "{left} {right}");
            assert_eq!(right.overlaps(&left), expected, "{right} {left}");
        }
    }
}
