//! What runs remember between each other, as bookmarks (chapter `sync.md`, SYN-20 to SYN-27).
//!
//! Every value begins with a version. What cannot be read is as good as absent: the next run finds out again. A run reads
//! what it needs when it needs it, and writes what changed: one that brings nothing writes nothing.

mod checkpoint;
mod forks;
mod highest;
mod keys;
mod known;
mod ledger;
pub(crate) mod list;
mod pages;
mod sighting;

pub(crate) use checkpoint::{Checkpoint, Seen};
pub(crate) use forks::Tip;
pub(crate) use highest::{Highest, Noted, OfAuthor, PageSet};
pub(crate) use keys::{Keys, Place};
pub(crate) use known::{Known, Reached};
pub(crate) use ledger::{Ledger, ListPages};
pub(crate) use list::{List, Listed};
pub(crate) use pages::Paged;
pub(crate) use sighting::Sighting;

/// Version of every value kept here (SYN-21).
const VERSION: u64 = 1;
/// Pages of a list that is read whole, at most.
const MOST_PAGES: u64 = 64;
