//! Two replicas with different receipts behind one name.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_conformance::suite::author::{ids, whole};
use bulla_core::Lineage;
use bulla_core::values::{PageLimit, ScanBody, ScanRequest};
use bulla_store::{ContentAddressedStore, MemoryStore, StoreError};

use crate::stage::Stage;

#[tokio::test]
async fn a44_a_reader_sent_to_and_fro_between_replicas_loses_nothing() {
    let stage = Stage::new(44).await;
    let mut entries = stage.world.entries(0, 30).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let all: BTreeSet<_> = ids(&entries).into_iter().collect();
    entries.reverse();
    let twin = Arc::new(MemoryStore::with_lineage(stage.world.space(), Lineage([2; 16])));
    twin.put(&stage.cx, whole(&entries)).await.unwrap();
    let replicas: [Arc<dyn ContentAddressedStore>; 2] = [Arc::clone(&stage.origin) as _, twin];

    // A reader with one cursor per lineage, through a cache; the balancer changes sides every third question.
    let mut found = BTreeSet::new();
    let mut cursors = std::collections::HashMap::new();
    let mut after = None;
    let mut refused = 0;
    for question in 0..60 {
        stage.switch.set(Arc::clone(&replicas[question / 3 % 2]));
        let limit = PageLimit { max_items: 4, ..PageLimit::MAX };
        let request = ScanRequest { after, limit, ..ScanRequest::everything() };
        match stage.cache.scan(&stage.cx, request).await {
            Ok(page) => {
                for item in page.items {
                    assert!(matches!(item.body, ScanBody::Entry(_)));
                    found.insert(item.id);
                }
                cursors.insert(page.cursor.lineage, page.cursor);
                after = Some(page.cursor);
            }
            Err(StoreError::Cursor(_)) => {
                refused += 1;
                let head = stage.cache.head(&stage.cx).await.unwrap();
                after = cursors.get(&head.lineage).copied();
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 5, "the other side's cursor was refused each time: {refused}");
    assert_eq!(found, all);
}
