//! The compiled form of a schema: a list of checks, cheap ones first.

use std::sync::Arc;

use super::literal::Literals;
use super::pattern::Pattern;
use super::types::Types;
use crate::json::{Known, TextMap};
use crate::mcp::keys::Spellings;

/// One compiled schema. Several `$ref`s may share it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The checks, all of which must hold
    pub checks: Vec<Check>,
    /// The size of the schema with all `$ref`s followed
    pub extent: Extent,
}

/// One check of a value. A check that is specific to a type accepts all values of other types.
#[derive(Debug)]
pub(super) enum Check {
    /// The schema `false`: nothing fits
    Never,
    /// `type`
    Type(Types),
    /// `enum` and `const`: the value equals one of these
    Literals(Literals),
    /// `minimum`, `maximum` and their exclusive forms
    Bound(Bound, Known),
    /// `multipleOf`
    MultipleOf(Box<str>),
    /// `minLength`, `maxItems` and the like
    Count(Counted, Bound, u64),
    /// `pattern`
    Pattern(Box<Pattern>),
    /// `properties`, `required`, `additionalProperties` and the like
    Members(Box<Members>),
    /// `items`
    Items(Arc<Node>),
    /// `items` beside `prefixItems` or `contains`
    Elements(Box<Elements>),
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
    /// `if`, `then` and `else`
    If(Box<If>),
}

/// The side of a bound on which a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// Equal to the bound or above
    AtLeast,
    /// Equal to the bound or below
    AtMost,
    /// Above the bound
    MoreThan,
    /// Below the bound
    LessThan,
}

/// What a check counts.
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
    /// The names that the schema mentions, sorted
    pub named: Vec<Named>,
    /// What these names are found by
    pub numbers: TextMap,
    /// What other spellings of these names are found by
    pub spellings: Spellings,
    /// How many of these names are required
    pub required: usize,
    /// `patternProperties`: the expressions, and the schemas of members whose names match them
    pub patterns: Vec<(Pattern, Arc<Node>)>,
    /// The schema of all other members; `None` allows anything
    pub additional: Option<Arc<Node>>,
    /// `propertyNames`: the schema of the names
    pub names: Option<Arc<Node>>,
    /// `dependentRequired`: a name, and those that are required if it is there
    pub dependent: Vec<(Box<str>, Vec<Box<str>>)>,
}

/// What the elements of an array must be.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// `prefixItems`: the schemas of the first elements
    pub prefix: Vec<Arc<Node>>,
    /// `items`: the schema of all others
    pub rest: Option<Arc<Node>>,
    /// `contains`: the schema that some elements must fit
    pub contains: Option<Arc<Node>>,
    /// How many elements must fit `contains`
    pub least: u64,
    /// How many elements may fit `contains`
    pub most: u64,
}

/// A schema that selects another one.
#[derive(Debug, Default)]
pub(super) struct If {
    /// Whether a value fits this selects the branch
    pub test: Arc<Node>,
    /// The schema of values that fit
    pub then: Option<Arc<Node>>,
    /// The schema of the others
    pub otherwise: Option<Arc<Node>>,
}

/// A name in `properties` or `required`.
#[derive(Debug)]
pub(super) struct Named {
    /// The name
    pub name: Box<str>,
    /// Whether the member is required
    pub required: bool,
    /// The schema of its value; `None` if `properties` does not list it. The schema of additional members
    /// then applies
    pub schema: Option<Arc<Node>>,
}

impl Members {
    /// Finds the entry of a name.
    pub fn get(&self, name: &str) -> Option<&Named> {
        let at = self.numbers.get(name)?;
        self.named.get(at)
    }
}

/// The size of a schema with all `$ref`s followed, counting a shared schema each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The number of schemas it consists of
    pub size: usize,
    /// The number of levels of nested schemas
    pub height: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self { size: 1, height: 1 }
    }
}

impl Node {
    /// Makes a node from its checks and computes its extent.
    pub fn new(mut checks: Vec<Check>) -> Self {
        checks.sort_by_key(Check::rank);
        let mut extent = Extent::default();
        for node in checks.iter().flat_map(Check::nodes) {
            extent.size = extent.size.saturating_add(node.extent.size);
            extent.height = extent.height.max(node.extent.height.saturating_add(1));
        }
        Self { checks, extent }
    }

    /// Returns whether this is the schema `false`.
    pub fn is_never(&self) -> bool {
        matches!(self.checks.as_slice(), [Check::Never])
    }
}

impl Check {
    /// Returns the position in the order of checks: cheap checks first, and checks that bound the cost of
    /// others before those.
    fn rank(&self) -> u8 {
        match self {
            Self::Never => 0,
            Self::Type(_) => 1,
            Self::Literals(_) => 2,
            Self::Bound(..) => 3,
            Self::MultipleOf(_) => 4,
            Self::Count(..) => 5,
            Self::Pattern(_) => 6,
            Self::Members(_) => 7,
            Self::Items(_) | Self::Elements(_) => 8,
            Self::Unique => 9,
            Self::All(_) => 10,
            Self::Any(_) => 11,
            Self::One(_) => 12,
            Self::Not(_) => 13,
            Self::If(_) => 14,
        }
    }

    /// Iterates over the schemas directly below.
    fn nodes(&self) -> Box<dyn Iterator<Item = &Arc<Node>> + '_> {
        match self {
            Self::Items(node) | Self::Not(node) => Box::new(std::iter::once(node)),
            Self::All(nodes) | Self::Any(nodes) | Self::One(nodes) => Box::new(nodes.iter()),
            Self::Members(members) => {
                let named = members.named.iter().filter_map(|named| named.schema.as_ref());
                let patterns = members.patterns.iter().map(|(_, node)| node);
                Box::new(named.chain(&members.additional).chain(patterns).chain(&members.names))
            }
            Self::Elements(elements) => {
                Box::new(elements.prefix.iter().chain(&elements.rest).chain(&elements.contains))
            }
            Self::If(conditional) => {
                let If { test, then, otherwise } = &**conditional;
                Box::new(std::iter::once(test).chain(then).chain(otherwise))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}
