//! Old valid entries are sent again and again.

use bulla_conformance::suite::author::whole;
use bulla_core::values::PutOutcome;
use bulla_store::ContentAddressedStore as _;

use crate::stage::Stage;

#[tokio::test]
async fn a23_a_thousand_replays_change_nothing() {
    let stage = Stage::new(23).await;
    let mut entries = stage.world.entries(0, 20).unwrap();
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    let head = stage.cache.head(&stage.cx).await.unwrap();
    let before = stage.origin.status(&stage.cx).await.unwrap();
    for turn in 0..1_000 {
        entries.rotate_left(turn % 7);
        if turn % 3 == 0 {
            entries.reverse();
        }
        let report = stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
        assert!(report.outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Duplicate(_))));
    }
    assert_eq!(stage.cache.head(&stage.cx).await.unwrap(), head);
    let after = stage.origin.status(&stage.cx).await.unwrap();
    assert_eq!((after.entries, after.payload_bytes), (before.entries, before.payload_bytes));
}
