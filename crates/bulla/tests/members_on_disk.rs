//! The tests of `members.rs`, every one of them, over the engine on disk, and what shows there alone.

#![cfg(feature = "disk")]
#![expect(clippy::unwrap_used, reason = "tests stop where something is not as they say")]

#[path = "members/concurrent.rs"]
mod concurrent;
#[path = "members/dropped.rs"]
mod dropped;
#[path = "members/on_disk.rs"]
mod engine;
#[path = "members/erasing.rs"]
mod erasing;
#[path = "members/expected.rs"]
mod expected;
#[path = "members/frontiers.rs"]
mod frontiers;
#[path = "members/groups.rs"]
mod groups;
#[path = "members/keys.rs"]
mod keys;
#[path = "members/log.rs"]
mod log;
#[path = "members/old.rs"]
mod old;
#[path = "members/recovery.rs"]
mod recovery;
#[path = "members/reopened.rs"]
mod reopened;
#[path = "members/revoked.rs"]
mod revoked;
#[path = "members/roles.rs"]
mod roles;
#[path = "members/support.rs"]
mod support;
#[path = "members/topics.rs"]
mod topics;
#[path = "members/worn.rs"]
mod worn;
