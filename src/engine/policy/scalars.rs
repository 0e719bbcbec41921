//! The values of `in` and `eq`, prepared for comparisons.

use std::fmt;

use super::condition::Scalar;
use crate::json::{KnownSet, TextMap};

/// One or more values of the policy. A value is looked up among those of its own type.
#[derive(Clone)]
pub struct Scalars {
    list: Box<[Scalar]>,
    /// The strings; `None` if there are none
    pub texts: Option<TextMap>,
    /// The numbers; `None` if there are none
    pub numbers: Option<KnownSet>,
    /// Whether `false` and `true` are among the values; `None` if neither is
    pub bools: Option<[bool; 2]>,
}

impl From<Vec<Scalar>> for Scalars {
    fn from(list: Vec<Scalar>) -> Self {
        let texts = TextMap::of(list.iter().filter_map(Scalar::text));
        let numbers = KnownSet::new(list.iter().filter_map(|scalar| match scalar {
            Scalar::Number(text) => Some(text),
            _ => None,
        }));
        let [off, on] = [false, true]
            .map(|flag| list.iter().any(|scalar| matches!(scalar, Scalar::Bool(own) if *own == flag)));
        Self {
            list: list.into(),
            texts: Some(texts).filter(|texts| !texts.is_empty()),
            numbers: Some(numbers).filter(|numbers| !numbers.is_empty()),
            bools: Some([off, on]).filter(|_| off || on),
        }
    }
}

impl fmt::Debug for Scalars {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest follows from the list.
        self.list.fmt(out)
    }
}

impl Scalars {
    /// Iterates over the values in the order of the policy.
    pub fn iter(&self) -> std::slice::Iter<'_, Scalar> {
        self.list.iter()
    }
}
