//! Aim: a guarded store does what its admission says, entry by entry. Method: scripted admissions over memory engines; each
//! case looks at the outcomes, at the head, at the marks and at what is kept.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "guarded/batches.rs"]
mod batches;
#[path = "guarded/changes.rs"]
mod changes;
#[path = "guarded/script.rs"]
mod script;
