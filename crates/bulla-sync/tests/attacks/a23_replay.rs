//! Old valid entries are sent again.

use std::sync::Arc;

use crate::support::*;

#[tokio::test]
async fn a23_replayed_entries_change_nothing() {
    let (author, entries) = chain(50);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let (target, first) = (store(author.space(), 2), bookmarks());
    assert!(pull(&origin, &target, &first).await.is_clean());
    let before = head(&*target).await;
    // Each time with nothing remembered, from sources that received them in other orders.
    let mut dice = Dice(23);
    for round in 0..50_u8 {
        let mut shuffled = entries.clone();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, dice.below(i + 1));
        }
        let source = store(author.space(), 10 + round);
        fill(&*source, shuffled.iter().take(1 + dice.below(50))).await;
        let report = pull(
            &source,
            &target,
            &Arc::new(Default::default()) as &Arc<bulla_store::MemoryBookmarks>,
        )
        .await;
        assert!(report.verdict.is_complete(), "{report}");
        assert_eq!(report.counts.stored, 0);
    }
    assert_eq!(head(&*target).await, before);
}
