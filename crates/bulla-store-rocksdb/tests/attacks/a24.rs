//! A24, one bad entry in a batch: it alone is refused, wherever it stands, and the next batch is as good as any.

use bulla_core::Verified;
use bulla_core::values::PutOutcome;
use bulla_store::ContentAddressedStore;

use crate::support::{assert_clean, cx, open, runtime, scan_all, small, world};

const BATCH: u64 = 25;

#[test]
fn a24_entry_of_another_space_never_jams_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (ours, theirs) = (world(1), world(2));
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(ours.space()).await.unwrap();
        let stray = small(&mut theirs.author(0), 1).remove(0);
        let mut author = ours.author(0);
        let mut stored = Vec::new();
        for position in 0..usize::try_from(BATCH).unwrap() {
            let entries = small(&mut author, BATCH - 1);
            stored.extend(entries.iter().map(|entry| (entry.id(), true)));
            let mut batch: Vec<Verified> = entries.into_iter().map(Verified::from).collect();
            batch.insert(position, stray.clone().into());
            let outcomes = store.put(&cx(), batch).await.unwrap().outcomes;
            for (place, outcome) in outcomes.iter().enumerate() {
                match outcome {
                    PutOutcome::Refused(refusal) => {
                        assert_eq!((place, refusal.code.as_str()), (position, "entry.space"));
                        assert!(!refusal.is_retryable);
                    }
                    outcome => assert!(matches!(outcome, PutOutcome::Stored(_)), "{outcome:?}"),
                }
            }
            assert_eq!(outcomes.len(), usize::try_from(BATCH).unwrap());
        }
        assert_eq!(scan_all(&store).await, stored);
        assert_clean(&spaces).await;
    });
}
