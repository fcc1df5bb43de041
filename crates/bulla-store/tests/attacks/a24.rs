//! One bad entry in a batch.

use bulla_conformance::suite::author::{ids, whole};
use bulla_core::Lineage;
use bulla_core::values::PutOutcome;
use bulla_store::{ContentAddressedStore as _, Context, MemoryStore};

use crate::stage::world;

#[tokio::test]
async fn a24_one_bad_entry_at_every_place_of_250_stops_no_other() {
    const LENGTH: usize = 250;
    let (world, other, cx) = (world(24), world(25), Context::new());
    let good = world.entries(0, LENGTH as u64 - 1).unwrap();
    let bad = other.genesis();
    for position in 0..LENGTH {
        let store = MemoryStore::with_lineage(world.space(), Lineage([1; 16]));
        let mut batch = whole(&good);
        batch.insert(position, bad.clone().into());
        let outcomes = store.put(&cx, batch).await.unwrap().outcomes;
        for (index, outcome) in outcomes.iter().enumerate() {
            match outcome {
                PutOutcome::Refused(refusal) => {
                    assert_eq!((index, refusal.code.as_str()), (position, "entry.space"));
                }
                outcome => {
                    assert!(matches!(outcome, PutOutcome::Stored(_)), "{index}: {outcome:?}");
                }
            }
        }
        let head = store.head(&cx).await.unwrap();
        assert_eq!(head.last_receipt, LENGTH as u64 - 1);
        // The next run is clean.
        let again = store.put(&cx, whole(&good)).await.unwrap().outcomes;
        assert!(again.iter().all(|outcome| matches!(outcome, PutOutcome::Duplicate(_))));
        assert_eq!(store.has(&cx, &ids([bad])).await.unwrap(), vec![bulla_core::values::Has::No]);
    }
}
