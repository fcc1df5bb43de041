//! The client against a node in this process, honest first, then hostile in every way a script can be: one module for
//! each row of the catalogue, and one for what has no row. Everything runs on loopback and in milliseconds.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "attacks/a04_downgrades.rs"]
mod a04_downgrades;
#[path = "attacks/a15_wrong_bytes_under_an_id.rs"]
mod a15_wrong_bytes_under_an_id;
#[path = "attacks/a22_acknowledgements.rs"]
mod a22_acknowledgements;
#[path = "attacks/a24_one_bad_entry_on_a_page.rs"]
mod a24_one_bad_entry_on_a_page;
#[path = "attacks/a43_cursors_that_jump.rs"]
mod a43_cursors_that_jump;
#[path = "attacks/a46_tokens.rs"]
mod a46_tokens;
#[path = "attacks/a48_nodes_that_are_not_who_they_say.rs"]
mod a48_nodes_that_are_not_who_they_say;
#[path = "attacks/a51_led_elsewhere.rs"]
mod a51_led_elsewhere;
#[path = "attacks/a55_slow_nodes.rs"]
mod a55_slow_nodes;
#[path = "attacks/a57_bombs.rs"]
mod a57_bombs;
#[path = "attacks/answers_that_do_not_fit.rs"]
mod answers_that_do_not_fit;
#[path = "attacks/honest.rs"]
mod honest;
#[path = "attacks/mailboxes.rs"]
mod mailboxes;
#[path = "attacks/support.rs"]
mod support;
