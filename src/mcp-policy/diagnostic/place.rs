//! What of a place is shown.

use mcp_policy_engine::document::Wrong;

use crate::input::Place;

/// Returns the place of a fault. A missing key belongs to the whole object, which can be long, so its
/// opening brace stands for it.
pub fn of_fault(text: &str, place: Place, wrong: &Wrong) -> Place {
    let is_object = text.get(place.clone()).is_some_and(|held| held.starts_with('{'));
    match wrong {
        Wrong::Missing { .. } if is_object => place.start..place.start.saturating_add(1),
        _ => place,
    }
}

/// Returns the part of a place that is in its first line, without white space at the end.
pub fn first_line(text: &str, place: &Place) -> Place {
    let start = floor(text, place.start);
    let held = text.get(start..floor(text, place.end.max(start))).unwrap_or_default();
    let line = held.split('\n').next().unwrap_or_default().trim_end();
    start..start.saturating_add(line.len())
}

/// A line of a file, cut around a place. Its characters are safe for a terminal.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text
    pub text: String,
    /// The bytes of the text that are the place
    pub place: Place,
}

/// How many characters are shown before a place if the line is long.
const BEFORE: usize = 40;
/// How many characters of a place are shown.
const WITHIN: usize = 60;
/// How many characters are shown after a place.
const BEHIND: usize = 40;
/// A line with up to so many characters is shown whole.
const WHOLE: usize = BEFORE + WITHIN + BEHIND;
/// How many bytes before and after a place are looked at: more than a whole line has.
const FAR: usize = 4 * WHOLE + 4;

impl Excerpt {
    /// Cuts the line in which a place begins.
    pub fn new(text: &str, place: &Place) -> Self {
        let place = first_line(text, place);
        // What is farther away than this is not shown, however long the line is.
        let near = floor(text, place.start.saturating_sub(FAR))..place.start;
        let before = text.get(near).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
        let within = text.get(place.clone()).unwrap_or_default();
        let near = place.end..floor(text, place.end.saturating_add(FAR));
        let behind = text.get(near).unwrap_or_default().split('\n').next().unwrap_or_default().trim_end();
        let is_short = |text: &str, most: usize| text.chars().nth(most).is_none();
        let fits = [before, within, behind].iter().all(|part| is_short(part, WHOLE))
            && is_short(&[before, within, behind].concat(), WHOLE);
        let mut shown = String::new();
        if fits || is_short(before, BEFORE) {
            shown.extend(before.chars().map(safe));
        } else {
            let (start, _) = before.char_indices().rev().nth(BEFORE.saturating_sub(1)).unwrap_or_default();
            shown.push('…');
            shown.extend(before.get(start..).unwrap_or_default().chars().map(safe));
        }
        let start = shown.len();
        let cut = !fits && !is_short(within, WITHIN);
        let most = if fits { WHOLE } else { WITHIN };
        shown.extend(within.chars().take(most).map(safe));
        let place = start..shown.len();
        if !cut {
            let most = if fits { WHOLE } else { BEHIND };
            shown.extend(behind.chars().take(most).map(safe));
        }
        if cut || (!fits && !is_short(behind, BEHIND)) {
            shown.push('…');
        }
        Self { text: shown, place }
    }
}

/// Returns a character that takes its place on a terminal and has no effect there. `annotate-snippets` shows most
/// control characters as symbols; these are left.
fn safe(char: char) -> char {
    match char {
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        '\r' => '␍',
        _ => char,
    }
}

/// Returns the position of the character that byte `at` belongs to, or the end of the text.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Writes a text into one line of a terminal: control characters are escaped.
pub fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let (plain, escape) = match char.is_control() || safe(char) != char {
                false => (Some(char), None),
                true => (None, Some(char.escape_default())),
            };
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn excerpt(text: &str, expected: &str) {
        let (before, rest) = text.split_once('«').unwrap();
        let (within, behind) = rest.split_once('»').unwrap();
        let place = before.len()..[before, within].concat().len();
        let Excerpt { text, place } = Excerpt::new(&[before, within, behind].concat(), &place);
        let (before, rest) = text.split_at(place.start);
        let (within, behind) = rest.split_at(place.len());
        assert_eq!(format!("{before}«{within}»{behind}"), expected);
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        excerpt("a\n b«c»d \ne", " b«c»d");
        excerpt("«»", "«»");
        excerpt("a\n«»", "«»");
        excerpt("a\n  «{\n  \"b\": 1\n}», c", "  «{»");
        excerpt("a «{ \r\n}»", "a «{»");
        excerpt("\t日«本»", "\t日«本»");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let long = "é".repeat(100_000);
        let (before, behind) = ("é".repeat(BEFORE), "é".repeat(BEHIND));
        excerpt(&format!("{long}«x»{long}\n"), &format!("…{before}«x»{behind}…"));
        excerpt(&format!("ab«x»{long}"), &format!("ab«x»{behind}…"));
        excerpt(&format!("{long}«x»ab"), &format!("…{before}«x»ab"));
        excerpt(&format!("«{long}»ab"), &format!("«{}»…", "é".repeat(WITHIN)));
    }

    #[test]
    fn what_could_act_on_a_terminal_is_replaced() {
        excerpt("a\u{9b}«\u{202e}b»\rc", "a\u{fffd}«\u{fffd}b»␍c");
        excerpt("a\r«b»", "a␍«b»");
        assert_eq!(escaped("a\u{1b}[31m\u{9b}\n\u{202e}é"), "a\\u{1b}[31m\\u{9b}\\n\\u{202e}é");
    }

    #[test]
    fn a_place_outside_of_the_text_is_its_end() {
        assert_eq!(first_line("é", &(1..9)), 0..2);
        assert_eq!(first_line("a\n", &(7..9)), 2..2);
    }
}
