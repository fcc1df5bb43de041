//! Aim: the disk store keeps the store contract. Method: the conformance suite, every table, over stores in temporary
//! folders; random operations and restarts against a naive model; many writers and many spaces at once; stores written
//! by earlier versions.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "engine/cache.rs"]
mod cache;
#[path = "engine/fixture.rs"]
mod fixture;
#[path = "engine/judged.rs"]
mod judged;
#[path = "engine/many.rs"]
mod many;
#[path = "engine/model.rs"]
mod model;
#[path = "engine/suite.rs"]
mod suite;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "the two binaries use different parts")]
mod support;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = suite::trials();
    let own: [(&str, fn()); 23] = [
        ("cache::what_is_kept_outlives_the_process", cache::what_is_kept_outlives_the_process),
        (
            "cache::random_operations_match_the_memory_storage",
            cache::random_operations_match_the_memory_storage,
        ),
        (
            "cache::bound_holds_and_what_is_asked_for_stays_longer",
            cache::bound_holds_and_what_is_asked_for_stays_longer,
        ),
        (
            "cache::damaged_contents_are_fetched_again_and_never_served",
            cache::damaged_contents_are_fetched_again_and_never_served,
        ),
        (
            "cache::damage_found_in_use_begins_the_cache_anew",
            cache::damage_found_in_use_begins_the_cache_anew,
        ),
        ("cache::cache_folders_are_locked_and_marked", cache::cache_folders_are_locked_and_marked),
        (
            "cache::nothing_is_kept_while_the_device_is_nearly_full",
            cache::nothing_is_kept_while_the_device_is_nearly_full,
        ),
        ("model::random_operations_match_the_model", model::random_operations_match_the_model),
        ("many::removal_answers_every_put_that_waits", many::removal_answers_every_put_that_waits),
        (
            "many::writers_share_syncs_and_see_receipts_in_order",
            many::writers_share_syncs_and_see_receipts_in_order,
        ),
        (
            "many::spaces_in_use_are_bounded_and_lose_nothing",
            many::spaces_in_use_are_bounded_and_lose_nothing,
        ),
        ("many::large_put_does_not_starve_small_ones", many::large_put_does_not_starve_small_ones),
        (
            "many::interval_syncs_rarely_and_answers_after",
            many::interval_syncs_rarely_and_answers_after,
        ),
        (
            "many::digests_are_written_down_now_and_then",
            many::digests_are_written_down_now_and_then,
        ),
        (
            "many::closed_store_answers_and_ends_watchers",
            many::closed_store_answers_and_ends_watchers,
        ),
        (
            "many::erased_bytes_leave_the_disk_with_compaction",
            many::erased_bytes_leave_the_disk_with_compaction,
        ),
        (
            "judged::marks_and_quarantine_outlive_backup_restore_and_new_lineage",
            judged::marks_and_quarantine_outlive_backup_restore_and_new_lineage,
        ),
        (
            "judged::removed_space_leaves_no_marks_and_nothing_in_quarantine",
            judged::removed_space_leaves_no_marks_and_nothing_in_quarantine,
        ),
        (
            "judged::full_quarantine_is_an_impairment_until_something_leaves",
            judged::full_quarantine_is_an_impairment_until_something_leaves,
        ),
        (
            "judged::nearly_full_device_keeps_nothing_more_and_still_judges",
            judged::nearly_full_device_keeps_nothing_more_and_still_judges,
        ),
        (
            "judged::judgements_that_change_nothing_cost_no_commit",
            judged::judgements_that_change_nothing_cost_no_commit,
        ),
        ("fixture::store_of_0_1_opens_and_verifies", fixture::store_of_0_1_opens_and_verifies),
        (
            "fixture::store_of_format_2_opens_and_verifies",
            fixture::store_of_format_2_opens_and_verifies,
        ),
    ];
    trials.extend(own.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    }));
    libtest_mimic::run(&arguments, trials).exit();
}
