//! What attackers do to a store under the directory. Each module is named after what it tries.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![expect(dead_code, reason = "helpers that several test programs share")]

#[path = "attacks/a04_earlier_formats.rs"]
mod a04_earlier_formats;
#[path = "attacks/a07_removed_authors.rs"]
mod a07_removed_authors;
#[path = "attacks/a24_bad_entry_in_a_batch.rs"]
mod a24_bad_entry_in_a_batch;
#[path = "attacks/a59_storage.rs"]
mod a59_storage;
#[path = "support/backend.rs"]
mod backend;
#[path = "attacks/control_last.rs"]
mod control_last;
#[path = "support/engine.rs"]
mod engine;
#[path = "../../bulla-directory/tests/common/entries.rs"]
mod entries;
#[path = "attacks/late_revocations.rs"]
mod late_revocations;
#[path = "../../bulla-directory/tests/common/random.rs"]
mod random;
#[path = "support/replica.rs"]
mod replica;
#[path = "support/scene.rs"]
mod scene;
