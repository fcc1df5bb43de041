//! Ids chosen so that a filter calls them held: that works only against the salt they were chosen for.

use bulla_core::{Bloom, EntryId};

use crate::support::id;

#[test]
fn a38_ids_ground_against_an_old_salt_gain_nothing() {
    let held: Vec<EntryId> = (0..10_000).map(id).collect();
    let filter = |count, salt| {
        let mut bloom = Bloom::for_count(count, salt);
        held.iter().for_each(|id| bloom.insert(id));
        bloom
    };
    // The old filter is crowded, so that grinding is quick; all that matters is that these ids collide in it.
    let old = filter(2_000, [1; 16]);
    let ground: Vec<EntryId> =
        (1_000_000..).map(id).filter(|id| old.may_hold(id)).take(100_000).collect();
    assert!(ground.iter().all(|id| old.may_hold(id)));

    let fresh = filter(10_000, [2; 16]);
    let wrong = ground.iter().filter(|id| fresh.may_hold(id)).count();
    assert!(wrong < 1_640, "{wrong} of 100,000; 820 by design");
    assert!(held.iter().all(|id| fresh.may_hold(id)));
}
