//! Clocks that jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_store::{Clock, Context};
use bulla_sync::{Options, Reason};

use crate::support::*;

/// The wall clock jumps by years in both directions; the monotonic one leaps ahead, as after a pause of the process.
#[derive(Debug, Default)]
struct Jumping {
    ticks: AtomicU64,
}

impl Clock for Jumping {
    fn unix_ms(&self) -> u64 {
        const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 3_600 * 1_000;
        match self.ticks.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => 0,
            1 => 1_700_000_000_000 + TEN_YEARS_MS,
            _ => 1_700_000_000_000 - TEN_YEARS_MS,
        }
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(60 * self.ticks.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a61_jumping_clocks_change_no_result() {
    let (author, entries) = chain(300);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let target = store(author.space(), 2);
    fill(&*target, &author.another(2).write_many(10)).await;
    let bookmarks = bookmarks();
    let options =
        || Options::pull().with_pages(1 << 20, 30).with_clock(Arc::new(Jumping::default()));
    let report = run(&source, &target, &bookmarks, options()).await;
    assert!(report.is_clean(), "{report}");
    let report = run(&target, &source, &bookmarks, options()).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}

#[tokio::test]
async fn a61_a_deadline_that_passes_ends_the_run_and_loses_nothing() {
    let (author, entries) = chain(300);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = || Options::pull().with_pages(1 << 20, 30);
    let hasty = options()
        .with_context(Context::new().with_deadline(Duration::from_secs(60 * 30)))
        .with_clock(Arc::new(Jumping::default()));
    let report = run(&source, &target, &bookmarks, hasty).await;
    assert!(matches!(incomplete(&report).reason, Reason::Deadline), "{report}");
    assert!(report.is_retryable());
    let report = run(&source, &target, &bookmarks, options()).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}
