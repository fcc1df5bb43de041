//! Messages, streams, the compact form and bundles from outside the crate: round trips against the plain values, every
//! byte mutated, every body cut at every byte, every bound, and what the forms cost on the wire.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "wire/budget.rs"]
mod budget;
#[path = "wire/codes.rs"]
mod codes;
#[path = "wire/messages.rs"]
mod messages;
#[path = "wire/streams.rs"]
mod streams;
#[path = "wire/support.rs"]
mod support;
#[path = "wire/tables.rs"]
mod tables;
