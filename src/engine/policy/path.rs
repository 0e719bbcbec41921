//! Paths to attributes of a call, such as `args.items[0].sku` or `claims.team`.

mod step;

use std::fmt;

pub(super) use step::SPACE_AROUND;
use step::step;

use crate::json::{self, Value};
use crate::mcp::keys;
use crate::work::Work;

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The call's arguments
    Arguments,
    /// The name of the caller's grant
    Grant,
    /// The caller's name
    Principal,
    /// The claims of the caller's token
    Claims,
    /// The words of the claim `scope` or `scp`
    Scopes,
    /// The name of the source that named the caller
    Source,
    /// The name of the called tool
    Tool,
    /// The day of the week, such as `mon`
    Weekday,
    /// The time of day, such as `08:30`
    TimeOfDay,
    /// The date, such as `2027-01-31`
    Date,
}

impl Origin {
    /// Returns whether all values are strings.
    #[must_use]
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Arguments | Self::Claims)
    }

    /// Returns whether the value depends on the time.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Weekday | Self::TimeOfDay | Self::Date)
    }
}

/// One step of a path, from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name
    Key(String),
    /// To the element with this index
    Index(usize),
    /// To each element
    Each,
}

/// A path to a value of a call or its caller. With `[*]` it leads to any number of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath {
    text: String,
    origin: Origin,
    steps: Vec<Step>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub enum Resolved<'d> {
    /// A value other than null
    Value(Value<'d>),
    /// Nothing, null, or `[*]` of an empty array
    Missing,
    /// A value on the path is not the array or object that it should be. A server might convert it, for
    /// example parse a string of JSON, and find values that no condition has checked.
    Blocked,
    /// A key on the path also occurs in another spelling, which some servers accept for it
    Respelled,
}

impl ValuePath {
    /// Parses a path: a name such as `grant`, `scopes` or `scopes[*]`, `time.weekday`, `time.of_day` or
    /// `time.date`, or `args` or `claims` with at least one step. A step is `.key` (without `.`, `[`, `]`,
    /// `*` and `"`), `["any key"]` (a JSON string), `[index]`, or `[*]` for each element. The first step is a
    /// key.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence whose subject is the path.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.split(['.', '[']).next().unwrap_or_default();
        let mut rest = text.get(name.len()..).unwrap_or_default();
        let origin = match (name, rest) {
            ("args", _) => Origin::Arguments,
            ("grant", _) => Origin::Grant,
            ("principal", _) => Origin::Principal,
            ("claims", _) => Origin::Claims,
            ("scopes", _) => Origin::Scopes,
            ("source", _) => Origin::Source,
            ("tool", _) => Origin::Tool,
            ("time", ".weekday") => Origin::Weekday,
            ("time", ".of_day") => Origin::TimeOfDay,
            ("time", ".date") => Origin::Date,
            ("time", _) => return Err("is none of `time.weekday`, `time.of_day` and `time.date`"),
            _ => return Err("begins with another word"),
        };
        if origin.is_time() {
            rest = "";
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, behind) = step(rest)?;
            steps.push(step);
            rest = behind;
        }
        match (origin, steps.as_slice()) {
            (Origin::Arguments | Origin::Claims, []) => Err("names no single one"),
            (Origin::Arguments | Origin::Claims, [Step::Index(_) | Step::Each, ..]) => {
                Err("begins with an index in place of a key")
            }
            (Origin::Arguments | Origin::Claims, _) | (_, []) | (Origin::Scopes, [Step::Each]) => {
                Ok(Self { text: text.to_owned(), origin, steps })
            }
            (Origin::Scopes, _) => Err("goes on in another way than `[*]`"),
            _ => Err("goes on behind a name"),
        }
    }

    /// Returns the path as it stands in the document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the keys at the start of the path, up to its first index or `[*]`.
    #[must_use]
    pub fn leading_keys(&self) -> Vec<String> {
        let key = |step: &Step| match step {
            Step::Key(key) => Some(key.clone()),
            Step::Index(_) | Step::Each => None,
        };
        self.steps.iter().map_while(key).collect()
    }

    /// Returns where the path starts.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the steps from where the path starts.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns whether the path leads to at most one argument: it starts with `args` and has no `[*]`.
    #[must_use]
    pub fn is_one_argument(&self) -> bool {
        self.origin == Origin::Arguments && self.is_one_value()
    }

    /// Returns whether the path leads to at most one value: it has no `[*]`.
    #[must_use]
    pub fn is_one_value(&self) -> bool {
        !self.steps.contains(&Step::Each)
    }

    /// Returns whether the path leads to the list of scopes as a whole.
    #[must_use]
    pub fn is_list_of_words(&self) -> bool {
        self.origin == Origin::Scopes && self.steps.is_empty()
    }

    /// Follows the path from `root`, the arguments or the claims, and spends `work`. If the budget does not
    /// suffice, what is found is incomplete, and the budget is exhausted. Returns one result, or with `[*]`
    /// one for each element; at least one in all cases.
    #[must_use]
    pub fn find<'d>(&self, root: Option<Value<'d>>, work: &Work) -> Vec<Resolved<'d>> {
        let mut found = vec![Resolved::new(root)];
        for step in &self.steps {
            match step {
                Step::Key(key) => found.iter_mut().for_each(|place| *place = place.key(key, work)),
                Step::Index(index) => found.iter_mut().for_each(|place| *place = place.index(*index, work)),
                Step::Each => found = found.into_iter().flat_map(|place| place.each(work)).collect(),
            }
        }
        found
    }

    /// Returns the value at a path without `[*]`; `None` if there is none.
    #[must_use]
    pub fn find_one<'d>(&self, root: Option<Value<'d>>, work: &Work) -> Option<Value<'d>> {
        match *self.find(root, work) {
            [Resolved::Value(value)] if !work.is_exhausted() => Some(value),
            _ => None,
        }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl<'d> Resolved<'d> {
    fn new(value: Option<Value<'d>>) -> Self {
        match value {
            Some(value) if value.kind() != json::Kind::Null => Self::Value(value),
            _ => Self::Missing,
        }
    }

    fn key(self, key: &str, work: &Work) -> Self {
        match self {
            Self::Value(value) if value.is_object() => {
                let mut found = None;
                for (other, value) in value.keyed() {
                    let spent = work.spend(other.string_work());
                    let other = other.string().unwrap_or_default();
                    if !spent || !work.spend(keys::work_beside(&other, key)) || keys::is_variant(&other, key)
                    {
                        return Self::Respelled;
                    }
                    if other == key {
                        found = Some(value);
                    }
                }
                Self::new(found)
            }
            Self::Value(_) => Self::Blocked,
            other => other,
        }
    }

    fn index(self, index: usize, work: &Work) -> Self {
        match self {
            Self::Value(value) if value.is_array() => {
                let passed = value.elements().take_while(|_| work.spend(1));
                Self::new(passed.take(index.saturating_add(1)).nth(index))
            }
            Self::Value(_) => Self::Blocked,
            other => other,
        }
    }

    fn each(self, work: &Work) -> Vec<Self> {
        match self {
            Self::Value(value) if value.is_array() => {
                let elements = value.elements().take_while(|_| work.spend(1));
                let elements: Vec<Self> = elements.map(|element| Self::new(Some(element))).collect();
                if elements.is_empty() { vec![Self::Missing] } else { elements }
            }
            Self::Value(_) => vec![Self::Blocked],
            other => vec![other],
        }
    }
}

#[cfg(test)]
mod tests;
