//! What an attacker tries against invitations, the exchange and recovery keys: one module for each attack. Most attackers
//! here hold the invitation; those who do not, open nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "attacks/a02_altered_messages.rs"]
mod a02_altered_messages;
#[path = "attacks/a03_signed_objects.rs"]
mod a03_signed_objects;
#[path = "attacks/a28_repeated_randomness.rs"]
mod a28_repeated_randomness;
#[path = "attacks/a34_zero_agreements.rs"]
mod a34_zero_agreements;
#[path = "attacks/a62_leaks.rs"]
mod a62_leaks;
#[cfg(target_os = "linux")]
#[path = "attacks/a62_memory.rs"]
mod a62_memory;
#[path = "attacks/honest.rs"]
mod honest;
#[path = "attacks/invitation_late.rs"]
mod invitation_late;
#[path = "attacks/invitation_used_twice.rs"]
mod invitation_used_twice;
#[cfg(target_os = "linux")]
#[path = "../../bulla-crypto/tests/attacks/memory.rs"]
mod memory;
#[path = "attacks/messages_in_any_order.rs"]
mod messages_in_any_order;
#[path = "attacks/qr_codes.rs"]
mod qr_codes;
#[path = "attacks/recovery_words.rs"]
mod recovery_words;
#[path = "attacks/registers.rs"]
mod registers;
#[path = "attacks/somebody_in_the_middle.rs"]
mod somebody_in_the_middle;
#[path = "attacks/strange_contents.rs"]
mod strange_contents;
#[path = "attacks/support.rs"]
mod support;
