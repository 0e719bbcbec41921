//! Builds the tree of one document from the parser's events.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::span::{self, content};
use super::{Kind, Malformed, Yaml};

/// How deep lists and objects may nest. Code that walks the tree calls itself once for each level.
const MAX_DEPTH: usize = 200;
/// How many values the aliases of a document may stand for. Without a bound, a few lines expand to billions.
const MAX_ALIASED: usize = 100_000;

/// The tree of one document, as far as it is read.
pub(super) struct Builder<'t> {
    text: &'t str,
    /// The lists and objects that have not ended, the outermost first
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    /// How many values the aliases so far stand for
    aliased: usize,
}

/// A list or an object that has not ended.
struct Open {
    span: Range<usize>,
    tag: Option<String>,
    anchor: usize,
    is_object: bool,
    /// The elements; of an object its keys and values in turn
    items: Vec<Yaml>,
    size: Size,
}

/// A value with an anchor.
struct Anchored {
    value: Yaml,
    size: Size,
}

/// How large a value is.
#[derive(Clone, Copy, Default)]
struct Size {
    /// How many levels of lists and objects it has
    depth: usize,
    /// How many values it has, with itself
    values: usize,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, open: Vec::new(), anchors: HashMap::new(), aliased: 0 }
    }

    /// Adds an event with its place, and returns the document if it ends with this event.
    pub(super) fn add(&mut self, event: Event<'_>, span: Range<usize>) -> Result<Option<Yaml>, Malformed> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => span::block(self.text, span),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => span::quoted(self.text, span),
                    // The place of a scalar without text would be that of the next token.
                    ScalarStyle::Plain if text.is_empty() => span::before(self.text, span),
                    _ => content(self.text, span),
                };
                let plain = style == ScalarStyle::Plain;
                let text = at_end_of_text(self.text, text.into_owned(), style, &span);
                let value = Yaml { span, tag: tag.map(|tag| name(&tag)), kind: Kind::Scalar { text, plain } };
                self.end(value, anchor, Size { depth: 0, values: 1 })
            }
            Event::SequenceStart(anchor, tag) => self.begin(span, anchor, tag.map(|tag| name(&tag)), false),
            Event::MappingStart(anchor, tag) => self.begin(span, anchor, tag.map(|tag| name(&tag)), true),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(None),
        }
    }

    fn begin(
        &mut self,
        span: Range<usize>,
        anchor: usize,
        tag: Option<String>,
        is_object: bool,
    ) -> Result<Option<Yaml>, Malformed> {
        let span = content(self.text, span);
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let size = Size { depth: 1, values: 1 };
        self.open.push(Open { span, tag, anchor, is_object, items: Vec::new(), size });
        Ok(None)
    }

    fn close(&mut self, end: Range<usize>) -> Result<Option<Yaml>, Malformed> {
        let Some(Open { mut span, tag, anchor, is_object, items, size }) = self.open.pop() else {
            return Ok(None);
        };
        // The end of a block is where the next token begins, so its last value tells where it ends.
        let in_brackets = matches!(self.text.get(end.clone()), Some("]" | "}"));
        let last = items.last().map(|last| last.span.end);
        span.end = if in_brackets { end.end } else { last.unwrap_or(span.end) }.max(span.start);
        let kind = if is_object { Kind::Object(pairs(items)) } else { Kind::List(items) };
        self.end(Yaml { span, tag, kind }, anchor, size)
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Result<Option<Yaml>, Malformed> {
        let Some(Anchored { value, size }) = self.anchors.get(&anchor) else {
            return Err(Malformed::new(span, "there is no such anchor before this alias"));
        };
        self.aliased = self.aliased.saturating_add(size.values);
        if self.aliased > MAX_ALIASED {
            return Err(Malformed::new(
                span,
                format!("the aliases stand for more than {MAX_ALIASED} values"),
            ));
        }
        if self.open.len().saturating_add(size.depth) > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let (value, size) = (value.clone(), *size);
        self.end(value, 0, size)
    }

    /// Puts a value that has ended where it belongs.
    fn end(&mut self, value: Yaml, anchor: usize, size: Size) -> Result<Option<Yaml>, Malformed> {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { value: value.clone(), size });
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(value)) };
        open.size.depth = open.size.depth.max(size.depth.saturating_add(1));
        open.size.values = open.size.values.saturating_add(size.values);
        open.items.push(value);
        Ok(None)
    }
}

fn too_deep(at: Range<usize>) -> Malformed {
    Malformed::new(at, format!("lists and objects nest deeper than {MAX_DEPTH} levels"))
}

fn name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn pairs(items: Vec<Yaml>) -> Vec<(Yaml, Yaml)> {
    let mut pairs = Vec::with_capacity(items.len().div_ceil(2));
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// The parser ends a block with a line break even if the text ends without one. Other readers do not.
fn at_end_of_text(whole: &str, mut text: String, style: ScalarStyle, span: &Range<usize>) -> String {
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let is_last = whole.get(span.end..).is_some_and(|rest| rest.trim_matches([' ', '\t']).is_empty());
    if is_block && is_last && text.ends_with('\n') {
        text.pop();
    }
    text
}
