//! How large an expression is, and how much of a text it reads.

/// The size of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// At least as many as the compiled expression has
    pub states: usize,
    /// How many characters of a text a search reads at most: more than the longest match has if the
    /// expression matches only at the beginning of a text, otherwise unlimited
    pub reach: usize,
}

/// The size of a part of an expression.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub states: usize,
    /// The length of the longest match in characters
    pub width: usize,
}

impl Size {
    /// The size of one character.
    pub const ONE: Self = Self { states: 1, width: 1 };

    /// Returns the size of this part with another one after it.
    pub fn then(self, next: Self) -> Self {
        let states = self.states.saturating_add(next.states);
        Self { states, width: self.width.saturating_add(next.width) }
    }

    /// Returns the size of a choice of this part and another one.
    pub fn or(self, other: Self) -> Self {
        let states = self.states.saturating_add(other.states).saturating_add(1);
        Self { states, width: self.width.max(other.width) }
    }

    /// Returns the size of this part repeated at most this many `times`; `None` is without end. The compiler makes so
    /// many `copies` of it.
    pub fn repeated(self, times: Option<usize>, copies: usize) -> Self {
        let states = self.states.saturating_add(1).saturating_mul(copies.max(1)).saturating_add(1);
        let width = match times {
            Some(times) => self.width.saturating_mul(times),
            None if self.width == 0 => 0,
            None => usize::MAX,
        };
        Self { states, width }
    }
}
