//! An author signs two entries with one sequence.

use bulla_conformance::suite::author::{Draft, whole};
use bulla_core::Lineage;
use bulla_core::values::{ScanBody, ScanRequest};
use bulla_store::{ContentAddressedStore, Context, MemoryStore, StoreExt as _};
use futures_util::TryStreamExt as _;

use crate::stage::world;

#[tokio::test]
async fn a18_forks_fed_to_two_stores_end_as_the_same_proof() {
    let (world, cx) = (world(18), Context::new());
    let mut author = world.author(0);
    let first = author.write(Draft::default()).unwrap();
    let mut branch = author.clone();
    let left = author.write(Draft { content: 1, ..Draft::default() }).unwrap();
    let right = branch.write(Draft { content: 2, ..Draft::default() }).unwrap();
    assert_eq!(left.header().sequence, right.header().sequence);

    let stores = [1, 2].map(|n| MemoryStore::with_lineage(world.space(), Lineage([n; 16])));
    stores[0].put(&cx, whole([&first, &left])).await.unwrap();
    stores[1].put(&cx, whole([&right, &first])).await.unwrap();
    for (from, to) in [(0, 1), (1, 0)] {
        let items: Vec<_> =
            stores[from].scan_all(&cx, ScanRequest::everything()).try_collect().await.unwrap();
        let batch = items.into_iter().filter_map(|item| match item.body {
            ScanBody::Entry(entry) => Some(entry.into()),
            _ => None,
        });
        stores[to].put_all(&cx, batch.collect()).await.unwrap();
    }
    let heads = [stores[0].head(&cx).await.unwrap(), stores[1].head(&cx).await.unwrap()];
    assert!(heads[0].same_entries(&heads[1]));
    assert_eq!(heads[0].held.count, 3, "both branches are kept");
    for store in &stores {
        for entry in [&left, &right] {
            let held = store.get_one(&cx, entry.id()).await.unwrap();
            assert_eq!(held, bulla_core::values::GetItem::Entry(entry.clone()));
        }
    }
}
