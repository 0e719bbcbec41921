//! `if`, `then` and `else`, which together are one check.

use std::sync::Arc;

use crate::schema::node::{Check, If, Node};

/// What is known of the three so far.
#[derive(Default)]
pub(super) struct Branches {
    test: Option<Arc<Node>>,
    then: Option<Arc<Node>>,
    otherwise: Option<Arc<Node>>,
}

impl Branches {
    /// Returns the place of the schema under one of the three keywords.
    pub(super) fn place(&mut self, key: &str) -> &mut Option<Arc<Node>> {
        match key {
            "if" => &mut self.test,
            "then" => &mut self.then,
            _ => &mut self.otherwise,
        }
    }

    /// Makes the check. `then` and `else` have no meaning without `if`.
    pub(super) fn into_check(self) -> Option<Check> {
        let Self { test, then, otherwise } = self;
        test.map(|test| Check::If(Box::new(If { test, then, otherwise })))
    }
}
