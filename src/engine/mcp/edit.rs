//! Changes to a text, by spans.

use std::borrow::Cow;
use std::ops::Range;

/// Replacements of spans that do not overlap, in any order.
#[derive(Debug, Default)]
pub(super) struct Edits<'w> {
    edits: Vec<(Range<usize>, Cow<'w, str>)>,
    removed: usize,
}

impl<'w> Edits<'w> {
    /// Replaces the bytes in `span` by `with`; an empty span inserts.
    pub(super) fn replace(&mut self, span: Range<usize>, with: impl Into<Cow<'w, str>>) {
        self.edits.push((span, with.into()));
    }

    /// Removes those elements of one array, or members of one object, that are not kept. `elements` holds the
    /// spans of all in their order, and whether each is kept. Each removed one takes a comma with it: the one
    /// before it, or the one behind it where no element before it is kept.
    pub(super) fn retain(&mut self, elements: &[(Range<usize>, bool)]) {
        let mut kept_before = false;
        let mut previous_end = None;
        for (index, (span, kept)) in elements.iter().enumerate() {
            if *kept {
                kept_before = true;
            } else {
                let next = elements.get(index.saturating_add(1)).map(|(next, _)| next.start);
                let cut = match (previous_end, next) {
                    (Some(end), _) if kept_before => end..span.end,
                    (_, Some(start)) => span.start..start,
                    (_, None) => span.clone(),
                };
                self.remove(cut);
                self.removed = self.removed.saturating_add(1);
            }
            previous_end = Some(span.end);
        }
    }

    /// Removes a span. A list can have millions of elements, so a span behind one that is removed only makes that one longer.
    fn remove(&mut self, span: Range<usize>) {
        match self.edits.last_mut() {
            Some((before, with)) if before.end == span.start && with.is_empty() => before.end = span.end,
            _ => self.replace(span, ""),
        }
    }

    /// Returns how many elements are removed.
    pub(super) fn removed(&self) -> usize {
        self.removed
    }

    /// Returns `text` with every change made, or `None` where there is none.
    pub(super) fn apply(mut self, text: &str) -> Option<Vec<u8>> {
        if self.edits.is_empty() {
            return None;
        }
        self.edits.sort_unstable_by_key(|(span, _)| span.start);
        let mut out = Vec::with_capacity(text.len().saturating_add(64));
        let mut at = 0;
        for (span, with) in &self.edits {
            out.extend_from_slice(text.as_bytes().get(at..span.start).unwrap_or_default());
            out.extend_from_slice(with.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(text.as_bytes().get(at..).unwrap_or_default());
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_element_takes_one_comma_along_and_no_other_byte() {
        for (text, kept, expected) in [
            ("[ 1 , 2 , 3 ]", [true, true, true], None),
            ("[ 1 , 2 , 3 ]", [false, true, true], Some("[ 2 , 3 ]")),
            ("[ 1 , 2 , 3 ]", [true, false, true], Some("[ 1 , 3 ]")),
            ("[ 1 , 2 , 3 ]", [true, true, false], Some("[ 1 , 2 ]")),
            ("[ 1 , 2 , 3 ]", [false, false, true], Some("[ 3 ]")),
            ("[ 1 , 2 , 3 ]", [false, true, false], Some("[ 2 ]")),
            ("[ 1 , 2 , 3 ]", [true, false, false], Some("[ 1 ]")),
            ("[ 1 , 2 , 3 ]", [false, false, false], Some("[  ]")),
        ] {
            let spans = [2..3, 6..7, 10..11];
            let elements: Vec<_> = spans.into_iter().zip(kept).collect();
            let mut edits = Edits::default();
            edits.retain(&elements);
            assert_eq!(edits.removed(), kept.iter().filter(|kept| !**kept).count());
            // Those that stand together are one change.
            let runs = kept.chunk_by(|one, other| one == other).filter(|run| !run[0]).count();
            assert_eq!(edits.edits.len(), runs);
            let bytes = edits.apply(text).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(bytes.as_deref(), expected, "{kept:?}");
        }
    }
}
