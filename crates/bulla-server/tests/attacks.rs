//! Attacks that the answering side withstands, a module for each row of the catalogue. Each test runs a node in this
//! process and speaks to it over a socket on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

#[path = "attacks/a24_one_bad_entry_in_a_put.rs"]
mod a24_one_bad_entry_in_a_put;
#[path = "attacks/a46_stolen_tokens.rs"]
mod a46_stolen_tokens;
#[path = "attacks/a47_other_token_formats.rs"]
mod a47_other_token_formats;
#[path = "attacks/a48_passed_on_challenges.rs"]
mod a48_passed_on_challenges;
#[path = "attacks/a49_challenge_floods.rs"]
mod a49_challenge_floods;
#[path = "attacks/a49_mailbox_floods.rs"]
mod a49_mailbox_floods;
#[path = "attacks/a50_existence_oracles.rs"]
mod a50_existence_oracles;
#[path = "attacks/a50_founders.rs"]
mod a50_founders;
#[path = "attacks/a50_work.rs"]
mod a50_work;
#[path = "attacks/a54_loops.rs"]
mod a54_loops;
#[path = "attacks/a55_http2.rs"]
mod a55_http2;
#[path = "attacks/a55_slow_peers.rs"]
mod a55_slow_peers;
#[path = "attacks/a56_request_smuggling.rs"]
mod a56_request_smuggling;
#[path = "attacks/a57_bombs.rs"]
mod a57_bombs;
#[path = "attacks/a57_places.rs"]
mod a57_places;
#[path = "attacks/a58_panics.rs"]
mod a58_panics;
#[path = "attacks/a61_clock_jumps.rs"]
mod a61_clock_jumps;
#[path = "attacks/a62_leaks.rs"]
mod a62_leaks;
#[path = "attacks/a64_feeds_that_outlive_rights.rs"]
mod a64_feeds_that_outlive_rights;
#[path = "attacks/a64_rights_that_go_meanwhile.rs"]
mod a64_rights_that_go_meanwhile;
#[path = "attacks/mailboxes.rs"]
mod mailboxes;
#[path = "attacks/support.rs"]
mod support;
