//! Attacks and faults against stores and caches, one module each: the attack is staged against the real code, and what
//! must not happen is checked.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/stage.rs"]
mod stage;

#[path = "attacks/a15.rs"]
mod a15;
#[path = "attacks/a16.rs"]
mod a16;
#[path = "attacks/a18.rs"]
mod a18;
#[path = "attacks/a23.rs"]
mod a23;
#[path = "attacks/a24.rs"]
mod a24;
#[path = "attacks/a40.rs"]
mod a40;
#[path = "attacks/a42.rs"]
mod a42;
#[path = "attacks/a43.rs"]
mod a43;
#[path = "attacks/a44.rs"]
mod a44;
#[path = "attacks/a53.rs"]
mod a53;
#[path = "attacks/a54.rs"]
mod a54;
