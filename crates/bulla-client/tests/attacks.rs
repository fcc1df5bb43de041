//! The client against a node in this process, honest first, then hostile in every way a script can be: one module for
//! each row of the catalogue, and a few for what has no row. Everything runs on loopback and in milliseconds.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "attacks/honest.rs"]
mod honest;
#[path = "attacks/support.rs"]
mod support;
