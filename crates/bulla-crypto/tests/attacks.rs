//! What an attacker tries against sealed payloads, contents, key transfers, key epochs and keyrings: one module for each attack of the
//! catalogue. Where the vectors hold an attack already, the row is here with what a vector cannot say: every byte, every
//! order, a random source that repeats itself.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "attacks/a02_altered_epochs.rs"]
mod a02_altered_epochs;
#[path = "attacks/a02_altered_transfers.rs"]
mod a02_altered_transfers;
#[path = "attacks/a03_confusion.rs"]
mod a03_confusion;
#[path = "attacks/a08_removed_devices.rs"]
mod a08_removed_devices;
#[path = "attacks/a10_keyring_files.rs"]
mod a10_keyring_files;
#[path = "attacks/a13_moved_payloads.rs"]
mod a13_moved_payloads;
#[path = "attacks/a14_altered_contents.rs"]
mod a14_altered_contents;
#[path = "attacks/a26_two_keys_for_epochs.rs"]
mod a26_two_keys_for_epochs;
#[path = "attacks/a26_two_plaintexts.rs"]
mod a26_two_plaintexts;
#[path = "attacks/a27_nonces.rs"]
mod a27_nonces;
#[path = "attacks/a28_repeated_randomness.rs"]
mod a28_repeated_randomness;
#[path = "attacks/a33_variable_time.rs"]
mod a33_variable_time;
#[path = "attacks/a34_zero_agreements.rs"]
mod a34_zero_agreements;
#[path = "attacks/a35_equal_plaintexts.rs"]
mod a35_equal_plaintexts;
#[path = "attacks/a36_chunk_sizes.rs"]
mod a36_chunk_sizes;
#[path = "attacks/a37_hashes_of_plaintext.rs"]
mod a37_hashes_of_plaintext;
#[path = "attacks/a62_leaks.rs"]
mod a62_leaks;
#[cfg(target_os = "linux")]
#[path = "attacks/a62_memory.rs"]
mod a62_memory;
#[path = "attacks/collision.rs"]
mod collision;
#[path = "attacks/epochs.rs"]
mod epochs;
#[cfg(target_os = "linux")]
#[path = "attacks/memory.rs"]
mod memory;
#[path = "attacks/support.rs"]
mod support;
