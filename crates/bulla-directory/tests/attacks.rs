//! What members, former members and relays try in order to get or keep rights in a space, and what comes of it. Every
//! entry is signed and verified as it would be when it comes from outside.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![expect(dead_code, reason = "helpers that several test programs share")]

#[path = "attacks/a01_entries_by_those_without_the_right.rs"]
mod a01_entries_by_those_without_the_right;
#[path = "attacks/a07_removed_author.rs"]
mod a07_removed_author;
#[path = "attacks/a09_concurrent_removals.rs"]
mod a09_concurrent_removals;
#[path = "attacks/clean.rs"]
mod clean;
#[path = "attacks/epochs.rs"]
mod epochs;
#[path = "attacks/invitations.rs"]
mod invitations;
#[path = "attacks/many_epochs.rs"]
mod many_epochs;
#[path = "attacks/recipients.rs"]
mod recipients;
#[path = "attacks/recovery.rs"]
mod recovery;
#[path = "attacks/rights.rs"]
mod rights;
#[path = "attacks/wide.rs"]
mod wide;
#[path = "attacks/withheld.rs"]
mod withheld;

#[path = "common/entries.rs"]
mod entries;
#[path = "common/random.rs"]
mod random;
#[path = "attacks/support.rs"]
mod support;
