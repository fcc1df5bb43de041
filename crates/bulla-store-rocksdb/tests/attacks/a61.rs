//! A61, clocks that jump and go back: they decide nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_core::values::Head;
use bulla_store::ContentAddressedStore;
use bulla_store_rocksdb::DiskSpaces;

use crate::support::{TestClock, assert_clean, cx, mixed, options, put, runtime, world};

const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 3600 * 1000;
const NOW_MS: u64 = 1_790_000_000_000;

async fn heads_with(jumps: [u64; 4]) -> Vec<Head> {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let mut heads = Vec::new();
    let mut author = world(6).author(0);
    for unix_ms in jumps {
        clock.unix_ms.store(unix_ms, Ordering::Relaxed);
        let spaces = DiskSpaces::open(folder.path(), options(), Arc::clone(&clock) as _).unwrap();
        let store = spaces.create_disk_store(world(6).space()).await.unwrap();
        put(&store, &mixed(&mut author, 4)).await;
        clock.monotonic_ms.fetch_add(TEN_YEARS_MS, Ordering::Relaxed);
        put(&store, &mixed(&mut author, 4)).await;
        // A process that starts again counts its monotonic time from anywhere.
        clock.monotonic_ms.store(0, Ordering::Relaxed);
        assert_clean(&spaces).await;
        heads.push(store.head(&cx()).await.unwrap());
    }
    heads
}

#[test]
fn a61_jumping_clocks_change_nothing() {
    runtime().block_on(async {
        let steady = heads_with([NOW_MS; 4]).await;
        let jumping = heads_with([NOW_MS, NOW_MS + TEN_YEARS_MS, NOW_MS - TEN_YEARS_MS, 0]).await;
        for (steady, jumping) in steady.iter().zip(&jumping) {
            assert!(steady.same_entries(jumping));
            assert_eq!(
                (steady.present, steady.last_receipt),
                (jumping.present, jumping.last_receipt)
            );
        }
    });
}
