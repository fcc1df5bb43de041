//! What runs remember between each other, as bookmarks (chapter `sync.md`, SYN-20 to SYN-27).
//!
//! Every value begins with a version. What cannot be read is as good as absent: the next run finds out again.

mod checkpoint;
mod forks;
mod keys;
mod known;
mod ledger;
mod pages;
mod sighting;

pub(crate) use checkpoint::{Checkpoint, Seen};
pub(crate) use forks::Tip;
pub(crate) use keys::{Keys, Place};
pub(crate) use known::Known;
pub(crate) use ledger::Ledger;
pub(crate) use pages::{Paged, load, save};
pub(crate) use sighting::Sighting;

/// Version of every value kept here (SYN-21).
const VERSION: u64 = 1;
