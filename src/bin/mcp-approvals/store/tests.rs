//! One suite, both engines.
