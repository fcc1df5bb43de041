//! Attacks and faults that the formats and the verifier withstand, a module for each row of the catalogue.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

#[path = "attacks/a03_signature_of_another_domain.rs"]
mod a03_signature_of_another_domain;
#[path = "attacks/a05_signature_by_another_key.rs"]
mod a05_signature_by_another_key;
#[path = "attacks/a11_changed_field.rs"]
mod a11_changed_field;
#[path = "attacks/a12_changed_kind.rs"]
mod a12_changed_kind;
#[path = "attacks/a13_moved_to_another_space.rs"]
mod a13_moved_to_another_space;
#[path = "attacks/a15_other_bytes_under_an_id.rs"]
mod a15_other_bytes_under_an_id;
#[path = "attacks/a16_verdict_depends_on_what_came_before.rs"]
mod a16_verdict_depends_on_what_came_before;
#[path = "attacks/a24_one_bad_entry_in_a_batch.rs"]
mod a24_one_bad_entry_in_a_batch;
#[path = "attacks/a29_small_order_keys.rs"]
mod a29_small_order_keys;
#[path = "attacks/a30_batch_against_single.rs"]
mod a30_batch_against_single;
#[path = "attacks/a38_ids_ground_against_a_salt.rs"]
mod a38_ids_ground_against_a_salt;
#[path = "attacks/a39_hostile_filters.rs"]
mod a39_hostile_filters;
#[path = "attacks/a41_sets_that_cancel_out.rs"]
mod a41_sets_that_cancel_out;
#[path = "attacks/a57_bombs.rs"]
mod a57_bombs;
#[path = "attacks/a58_noise.rs"]
mod a58_noise;

#[path = "formats/support.rs"]
mod support;
