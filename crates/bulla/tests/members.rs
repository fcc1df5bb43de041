//! Spaces with members: who reads, who writes, who is out, and what holds when devices disagree for a while. Over engines in memory;
//! `members_on_disk.rs` runs the same over the one on disk.

#![expect(clippy::unwrap_used, reason = "tests stop where something is not as they say")]

#[path = "members/concurrent.rs"]
mod concurrent;
#[path = "members/on_memory.rs"]
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
#[cfg(target_os = "linux")]
#[path = "members/memory.rs"]
mod memory;
#[cfg(target_os = "linux")]
#[expect(clippy::indexing_slicing, reason = "tests stop where something is not as they say")]
#[path = "../../bulla-crypto/tests/attacks/memory.rs"]
mod memory_of_process;
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
