//! What an attacker tries against keys, key files and logins: one module for each attack of the catalogue.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "attacks/a03_key_confusion.rs"]
mod a03_key_confusion;
#[path = "attacks/a05_other_identity.rs"]
mod a05_other_identity;
#[path = "attacks/a10_weak_door.rs"]
mod a10_weak_door;
#[path = "attacks/a33_variable_time.rs"]
mod a33_variable_time;
#[path = "attacks/a48_relayed_login.rs"]
mod a48_relayed_login;
#[path = "attacks/a62_leaks.rs"]
mod a62_leaks;
#[path = "attacks/one_key_two_uses.rs"]
mod one_key_two_uses;
#[path = "attacks/people.rs"]
mod people;
