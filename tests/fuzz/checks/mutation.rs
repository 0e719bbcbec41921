//! Changes JSON texts along their structure, for all targets that read JSON. Most bytes of such a text are part of
//! its structure, so changes of single bytes hardly ever leave a valid document.

use std::ops::Range;

use libfuzzer_sys::fuzzer_mutate;
use mcp_policy_engine::json::{self, Value};

/// How often a part is repeated at most.
const MOST_TIMES: usize = 300;

/// Changes the first `size` bytes of `data`, and returns how many there are then, at most `most`. Half of the changes
/// are libFuzzer's own; `fragments` are JSON values that may be put into the text.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32, fragments: &[&str]) -> usize {
    mutate_part(data, size, most, seed, fragments, |text, _| 0..text.len())
}

/// Mutates like [`mutate`], but only what is behind the first line.
pub fn mutate_behind_line(data: &mut [u8], size: usize, most: usize, seed: u32, fragments: &[&str]) -> usize {
    mutate_part(data, size, most, seed, fragments, |text, _| {
        text.iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 1)..text.len()
    })
}

/// Mutates like [`mutate`], but only the data of one event.
pub fn mutate_event(data: &mut [u8], size: usize, most: usize, seed: u32, fragments: &[&str]) -> usize {
    mutate_part(data, size, most, seed, fragments, |text, random| {
        let starts: Vec<usize> = (0..text.len()).filter(|at| text[*at..].starts_with(b"data:")).collect();
        let start = random.pick(&starts).map_or(0, |start| start + b"data:".len());
        let length = text[start..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        start..length.map_or(text.len(), |length| start + length)
    })
}

/// Mutates the part of a text that `choose` returns, or else anything in it.
fn mutate_part(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    fragments: &[&str],
    choose: impl FnOnce(&[u8], &mut Random) -> Range<usize>,
) -> usize {
    let mut random = Random((u64::from(seed) << 1) | 1);
    if random.below(2) == 0 {
        return fuzzer_mutate(data, size, most);
    }
    let text = &data[..size];
    let part = choose(text, &mut random);
    let Some(changed) = change(&text[part.clone()], &mut random, fragments) else {
        return fuzzer_mutate(data, size, most);
    };
    let whole = [&text[..part.start], &changed, &text[part.end..]].concat();
    if whole.len() > most {
        return fuzzer_mutate(data, size, most);
    }
    data[..whole.len()].copy_from_slice(&whole);
    whole.len()
}

/// Changes one to three parts of a text; `None` if it is no JSON.
fn change(text: &[u8], random: &mut Random, fragments: &[&str]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(3) {
        let (span, new) = one_change(&text, random, fragments)?;
        text.splice(span, new);
    }
    Some(text)
}

/// Returns which bytes of a text to replace, and by what.
fn one_change(text: &[u8], random: &mut Random, fragments: &[&str]) -> Option<(Range<usize>, Vec<u8>)> {
    let document = json::read(text).ok()?;
    let mut parts = Vec::new();
    collect(document.root(), false, &mut parts);
    let part = random.pick(&parts)?.clone();
    let other = random.pick(&parts)?;
    let own = &text[part.value.clone()];
    let fragment = random.pick(fragments).map_or(&b"{}"[..], |fragment| fragment.as_bytes());
    let whole = &text[part.whole()];
    let joined = |pieces: &[&[u8]]| pieces.concat();
    Some(match random.below(10) {
        0 | 1 => (part.value.clone(), fragment.to_vec()),
        2 | 3 => (part.value.clone(), text[other.value.clone()].to_vec()),
        4 if part.is_within => (part.with_comma(text), Vec::new()),
        5 if part.is_within => {
            let most = MOST_TIMES.min(1 << random.below(9));
            let times = random.below(most) + 1;
            (part.whole(), vec![whole; times].join(&b','))
        }
        6 if part.key.is_some() && fragment.starts_with(b"\"") => (part.key.clone()?, fragment.to_vec()),
        6 => (part.value.clone(), joined(&[b"[", own, b"]"])),
        7 if fragment.starts_with(b"\"") => (part.value.clone(), joined(&[b"{", fragment, b":", own, b"}"])),
        8 if other.is_within && other.key.is_some() == part.key.is_some() => {
            (part.whole(), joined(&[whole, b",", &text[other.whole()]]))
        }
        _ => (part.value.clone(), random.pick(SCALARS)?.as_bytes().to_vec()),
    })
}

/// Values that readers and rules treat in different ways.
const SCALARS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "1.0",
    "1e0",
    "1E2",
    "0.1",
    "10.5",
    "1e400",
    "1e-400",
    "5e-324",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "\"\"",
    "\"a\"",
    "\"1\"",
    "\"true\"",
    "\"*\"",
    "\"é\"",
    "\"\\u0061\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"__proto__\"",
    "[]",
    "{}",
    "[1,\"1\",1.0,true,null]",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "{\"\":0}",
    "\"2026-07-28T00:00:00Z\"",
];

/// A value in a text, with its key if it has one.
#[derive(Clone)]
struct Part {
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// It is a member or an element
    is_within: bool,
}

impl Part {
    fn whole(&self) -> Range<usize> {
        self.key.as_ref().map_or(self.value.start, |key| key.start)..self.value.end
    }

    /// Returns the part with the comma behind it, or else with the one in front of it.
    fn with_comma(&self, text: &[u8]) -> Range<usize> {
        let Range { start, end } = self.whole();
        match text.get(end) {
            Some(b',') => start..end + 1,
            _ if start > 0 && text[start - 1] == b',' => start - 1..end,
            _ => start..end,
        }
    }
}

fn collect(value: Value<'_>, is_within: bool, parts: &mut Vec<Part>) {
    if !is_within {
        parts.push(Part { key: None, value: value.span(), is_within });
    }
    for element in value.elements() {
        parts.push(Part { key: None, value: element.span(), is_within: true });
        collect(element, true, parts);
    }
    for (key, member) in value.keyed() {
        parts.push(Part { key: Some(key.span()), value: member.span(), is_within: true });
        collect(member, true, parts);
    }
}

/// Pseudo-random numbers (xorshift64*): the same for the same seed.
pub struct Random(pub u64);

impl Random {
    /// Returns a number below `bound`, and 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        number as usize % bound.max(1)
    }

    /// Returns one element of a list; `None` if it has none.
    pub fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }
}
