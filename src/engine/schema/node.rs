//! What a schema is compiled into: a list of checks, the cheap ones first.

use std::sync::Arc;

use regex_lite::Regex;

use super::literal::Literal;
use super::types::Types;

/// One schema. Several `$ref`s may share it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// All of them must hold
    pub checks: Vec<Check>,
    /// How much it takes to judge a value by it
    pub extent: Extent,
}

/// What a value must be. Each check says nothing of values of another type than its own.
#[derive(Debug)]
pub(super) enum Check {
    /// `false`
    Never,
    /// `type`
    Type(Types),
    /// `enum` and `const`: any of them
    Literals(Vec<Literal>),
    /// `minimum` and its like: how a number compares to the one of this text
    Bound(Bound, Box<str>),
    /// `multipleOf`
    MultipleOf(Box<str>),
    /// `minLength` and its like: how many of something there are
    Count(Counted, Bound, u64),
    /// `pattern`, and its text
    Pattern(Regex, Box<str>),
    /// `properties`, `required` and `additionalProperties`
    Members(Members),
    /// `items`
    Items(Arc<Node>),
    /// `uniqueItems`
    Unique,
    /// `allOf` and `$ref`
    All(Vec<Arc<Node>>),
    /// `anyOf`
    Any(Vec<Arc<Node>>),
    /// `oneOf`
    One(Vec<Arc<Node>>),
    /// `not`
    Not(Arc<Node>),
}

/// On which side of a number others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// At it or above
    AtLeast,
    /// At it or below
    AtMost,
    /// Above it
    MoreThan,
    /// Below it
    LessThan,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// The code points of a string
    Characters,
    /// The elements of an array
    Elements,
    /// The members of an object
    Members,
}

/// What the members of an object must be.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The names that are spoken of, sorted
    pub named: Vec<Named>,
    /// How many of them are required
    pub required: usize,
    /// What any other member must be; everything goes where there is none
    pub additional: Option<Arc<Node>>,
}

/// A name that `properties` or `required` speaks of.
#[derive(Debug)]
pub(super) struct Named {
    /// The name
    pub name: Box<str>,
    /// Whether it must be there
    pub required: bool,
    /// What its value must be; additional where `properties` does not speak of it
    pub schema: Option<Arc<Node>>,
}

impl Members {
    /// Finds what is said of a name.
    pub fn get(&self, name: &str) -> Option<&Named> {
        let at = self.named.binary_search_by(|named| named.name.as_ref().cmp(name)).ok()?;
        self.named.get(at)
    }
}

/// How far a schema reaches once its `$ref`s are followed, each time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many schemas it consists of
    pub size: usize,
    /// How many of them stand within one another
    pub height: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self { size: 1, height: 1 }
    }
}

impl Node {
    /// Makes a node of its checks, and measures it.
    pub fn new(mut checks: Vec<Check>) -> Self {
        checks.sort_by_key(Check::rank);
        let mut extent = Extent::default();
        for node in checks.iter().flat_map(Check::nodes) {
            extent.size = extent.size.saturating_add(node.extent.size);
            extent.height = extent.height.max(node.extent.height.saturating_add(1));
        }
        Self { checks, extent }
    }

    /// Tells whether nothing fits.
    pub fn is_never(&self) -> bool {
        matches!(self.checks.as_slice(), [Check::Never])
    }
}

impl Check {
    /// Orders the checks: what is cheap first, and what bounds the cost of others before them.
    fn rank(&self) -> u8 {
        match self {
            Self::Never => 0,
            Self::Type(_) => 1,
            Self::Literals(_) => 2,
            Self::Bound(..) => 3,
            Self::MultipleOf(_) => 4,
            Self::Count(..) => 5,
            Self::Pattern(..) => 6,
            Self::Members(_) => 7,
            Self::Items(_) => 8,
            Self::Unique => 9,
            Self::All(_) => 10,
            Self::Any(_) => 11,
            Self::One(_) => 12,
            Self::Not(_) => 13,
        }
    }

    /// Walks the schemas right below.
    fn nodes(&self) -> Box<dyn Iterator<Item = &Arc<Node>> + '_> {
        match self {
            Self::Items(node) | Self::Not(node) => Box::new(std::iter::once(node)),
            Self::All(nodes) | Self::Any(nodes) | Self::One(nodes) => Box::new(nodes.iter()),
            Self::Members(members) => {
                let named = members.named.iter().filter_map(|named| named.schema.as_ref());
                Box::new(named.chain(&members.additional))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}
