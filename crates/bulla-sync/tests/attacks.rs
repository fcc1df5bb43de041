//! Peers that lie and machines that fail: one module per row of the catalogue of attacks. The real engine runs against
//! scripted stores; each test says what must be noticed and what must not have changed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::clone_on_ref_ptr,
    reason = "tests stop at the first surprise"
)]

#[path = "attacks/a18_forks.rs"]
mod a18_forks;
#[path = "attacks/a19_rollback.rs"]
mod a19_rollback;
#[path = "attacks/a20_forked_views.rs"]
mod a20_forked_views;
#[path = "attacks/a21_frontiers.rs"]
mod a21_frontiers;
#[path = "attacks/a21_frontiers_kept.rs"]
mod a21_frontiers_kept;
#[path = "attacks/a21_withholding.rs"]
mod a21_withholding;
#[path = "attacks/a22_acknowledged_and_dropped.rs"]
mod a22_acknowledged_and_dropped;
#[path = "attacks/a23_replay.rs"]
mod a23_replay;
#[path = "attacks/a24_bad_entry_in_a_batch.rs"]
mod a24_bad_entry_in_a_batch;
#[path = "attacks/a38_bloom_poisoning.rs"]
mod a38_bloom_poisoning;
#[path = "attacks/a39_filter_contents.rs"]
mod a39_filter_contents;
#[path = "attacks/a42_restore.rs"]
mod a42_restore;
#[path = "attacks/a43_cursors_that_lie.rs"]
mod a43_cursors_that_lie;
#[path = "attacks/a44_two_behind_one_name.rs"]
mod a44_two_behind_one_name;
#[path = "attacks/a61_clock.rs"]
mod a61_clock;
#[path = "attacks/crashes.rs"]
mod crashes;
#[path = "attacks/frontiers_written.rs"]
mod frontiers_written;
#[path = "attacks/heads_that_lie.rs"]
mod heads_that_lie;
#[path = "attacks/held_and_counting.rs"]
mod held_and_counting;
#[path = "attacks/kept.rs"]
mod kept;
#[path = "attacks/support.rs"]
mod support;
