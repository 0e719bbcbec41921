//! The tree that the reader builds: one flat list of nodes in document order.

use std::borrow::Cow;
use std::ops::Range;

use super::defect::Defect;
use super::node::{Kind, Node};

/// A JSON text as a tree.
#[derive(Debug)]
pub struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node>,
    pub(super) defect: Option<Defect>,
    pub(super) duplicate: Option<Defect>,
    pub(super) prototype: Option<usize>,
}

impl<'t> Document<'t> {
    /// Makes the document `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        let text = "{}";
        let node = Node::new(Kind::Object, 0, text.len(), 1);
        Self { text, nodes: vec![node], defect: None, duplicate: None, prototype: None }
    }

    /// Returns the outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    /// Returns the whole text, white space around the value included.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Returns the first thing in this text that parsers read differently.
    #[must_use]
    pub fn defect(&self) -> Option<&Defect> {
        self.defect.as_ref()
    }

    /// Returns the first key that occurs twice in one object, at any depth.
    #[must_use]
    pub fn duplicate(&self) -> Option<&Defect> {
        self.duplicate.as_ref()
    }

    /// Returns the byte offset of the first key that reaches the prototype of an object in JavaScript:
    /// `__proto__`, or `constructor` with an object that has the key `prototype`.
    #[must_use]
    pub fn prototype_key(&self) -> Option<usize> {
        self.prototype
    }

    fn node(&self, index: usize) -> Node {
        // Indices come from the tree itself, so the node exists. If it did not, `null` would allow nothing.
        self.nodes.get(index).copied().unwrap_or(Node::new(Kind::Null, 0, 0, index))
    }
}

/// One value of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

impl<'d> Value<'d> {
    /// Returns the value's JSON type.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.document.node(self.index).kind
    }

    /// Returns the byte offsets of the value in the text.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.document.node(self.index).span()
    }

    /// Returns the value's own text, byte for byte.
    #[must_use]
    pub fn raw(self) -> &'d str {
        self.document.text.get(self.span()).unwrap_or_default()
    }

    /// Returns the string, unescaped, or `None` if the value is not a string.
    #[must_use]
    pub fn string(self) -> Option<Cow<'d, str>> {
        let node = self.document.node(self.index);
        matches!(node.kind, Kind::String { .. }).then(|| node.string(self.document.text))
    }

    /// Returns how many units of work it takes at most to read the value as a string or key.
    #[must_use]
    pub fn string_work(self) -> usize {
        match self.kind() {
            Kind::String { escaped: true } => self.raw().len().saturating_add(4),
            _ => 1,
        }
    }

    /// Returns the text of a number, or `None` if the value is not a number.
    #[must_use]
    pub fn number(self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// Returns the value under `key`, which is compared with unescaped keys; `None` if there is no such key
    /// or the value is not an object. Reliable only if no key occurs twice.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let is_it = |plain: Option<&[u8]>, name: Value<'_>| match plain {
            Some(plain) => plain == key.as_bytes(),
            None => name.string().is_some_and(|name| name == key),
        };
        self.keyed_plainly().find(|(plain, name, _)| is_it(*plain, *name)).map(|(.., value)| value)
    }

    /// Iterates over the keys (unescaped) and values of an object, in order; nothing for other values.
    #[must_use]
    pub fn entries(self) -> Entries<'d> {
        let node = self.document.node(self.index);
        let next = self.index.saturating_add(1);
        let end = if node.kind == Kind::Object { node.after() } else { next };
        Entries { document: self.document, next, end }
    }

    /// Like [`entries`](Self::entries), with each key as a value, too, which is a string.
    pub fn keyed(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut entries = self.entries();
        std::iter::from_fn(move || entries.next_pair())
    }

    /// Like [`keyed`](Self::keyed), with the text between the key's quotes if it has no escapes.
    pub(crate) fn keyed_plainly(self) -> impl Iterator<Item = (Option<&'d [u8]>, Value<'d>, Value<'d>)> {
        let mut entries = self.entries();
        std::iter::from_fn(move || {
            let (key, value, node) = entries.next_member()?;
            let plain = match node.kind {
                Kind::String { escaped: true } => None,
                _ => Some(node.inner(entries.document.text.as_bytes())),
            };
            Some((plain, key, value))
        })
    }

    /// Like [`entries`](Self::entries), with the byte offsets of each key, colon and value.
    pub fn members(self) -> impl Iterator<Item = (Cow<'d, str>, Range<usize>, Value<'d>)> {
        let mut entries = self.entries();
        std::iter::from_fn(move || {
            let (key, value) = entries.next_pair()?;
            Some((key.string().unwrap_or_default(), key.span().start..value.span().end, value))
        })
    }

    /// Iterates over the elements of an array, in order; nothing for other values.
    #[must_use]
    pub fn elements(self) -> Elements<'d> {
        let node = self.document.node(self.index);
        let next = self.index.saturating_add(1);
        let end = if node.kind == Kind::Array { node.after() } else { next };
        Elements { document: self.document, next, end }
    }

    /// Returns the number of values in the value, itself and keys included: what a walk through it passes.
    #[must_use]
    pub fn size(self) -> usize {
        self.document.node(self.index).after().saturating_sub(self.index).max(1)
    }

    /// Tells whether more than so many arrays and objects stand within one another in the value, itself included.
    #[must_use]
    pub fn nests_deeper(self, levels: usize) -> bool {
        let within = |value: Self| value.nests_deeper(levels.saturating_sub(1));
        match self.kind() {
            Kind::Array | Kind::Object if levels == 0 => true,
            Kind::Array => self.elements().any(within),
            Kind::Object => self.entries().any(|(_, member)| within(member)),
            _ => false,
        }
    }

    /// Tells whether the value is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Tells whether the value is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }
}

/// The keys and values of an object.
#[derive(Debug, Clone)]
pub struct Entries<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Entries<'d> {
    /// Returns the next key and value, and the node of the key.
    #[inline]
    fn next_member(&mut self) -> Option<(Value<'d>, Value<'d>, Node)> {
        let [node, after, ..] = self.document.nodes.get(self.next..self.end)? else { return None };
        let key = Value { document: self.document, index: self.next };
        let value = Value { document: self.document, index: self.next.wrapping_add(1) };
        self.next = after.after().max(self.next.wrapping_add(2));
        Some((key, value, *node))
    }

    fn next_pair(&mut self) -> Option<(Value<'d>, Value<'d>)> {
        let (key, value, _) = self.next_member()?;
        Some((key, value))
    }
}

impl<'d> Iterator for Entries<'d> {
    type Item = (Cow<'d, str>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let (_, value, node) = self.next_member()?;
        Some((node.string(self.document.text), value))
    }
}

/// The elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let value = Value { document: self.document, index: self.next };
        self.next = self.document.node(self.next).after().max(self.next.saturating_add(1));
        Some(value)
    }
}
