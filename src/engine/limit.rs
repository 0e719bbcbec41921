//! Exact limits on calls and spend, shared by all workers of a proxy.
//!
//! A [`Counter`] names a tally; [`Layout`] gives it a [`Place`] in a [`Store`], and [`Places`] keeps those
//! that a policy bounds; [`charge`] charges all limits of a call together or none, and [`give_back`] undoes
//! that. Time, the secret and the store are arguments.
//!
//! Memory is bounded by the layout, whatever callers send: the keys are a fixed set, and an entry
//! gives way once its window has passed.

mod amount;
mod bucket;
mod charge;
mod give_back;
mod place;
mod places;
mod scale;
mod store;
mod tally;
mod transaction;
mod window;

pub use amount::{Amount, AmountError};
pub use bucket::Receipt;
pub use charge::{Charge, ChargeOutcome, Why, charge, look};
pub use give_back::{GivenBack, give_back};
pub use place::{Counter, Layout, Of, Place, Scope, Shadow};
pub use places::Places;
pub use scale::Scale;
pub use store::{MemoryStore, Store, Unavailable};
pub use tally::Usage;
pub use window::{Kind, Window};

/// A list that seldom has more than two items: so many limits need no allocation.
pub type Few<T> = smallvec::SmallVec<[T; 2]>;
