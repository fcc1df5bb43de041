//! Heads: asked each time, or given again for a moment and marked so.

use bulla_conformance::suite::author::whole;
use bulla_core::values::Freshness;
use bulla_store::testing::Method;
use bulla_store::{CacheSettings, Clock as _, ContentAddressedStore as _};

use crate::stage::Stage;

#[tokio::test]
async fn by_default_each_head_is_asked_for() {
    let stage = Stage::new(5).await;
    for (entry, receipt) in stage.world.entries(0, 3).unwrap().iter().zip(1..) {
        stage.origin.put(&stage.cx, whole([entry])).await.unwrap();
        let head = stage.cache.head(&stage.cx).await.unwrap();
        assert_eq!((head.last_receipt, head.freshness), (receipt, Freshness::Fresh));
    }
    assert_eq!(stage.faults.calls(Method::Head), 3);
}

/// Clauses: CACHE-4.
#[tokio::test]
async fn a_head_given_again_is_never_called_fresh() {
    let settings = CacheSettings { freshness_ms: 500, ..CacheSettings::default() };
    let stage = Stage::with(6, settings, 1 << 20).await;
    let entries = stage.world.entries(0, 2).unwrap();
    stage.origin.put(&stage.cx, whole(&entries[..1])).await.unwrap();
    assert_eq!(stage.cache.head(&stage.cx).await.unwrap().freshness, Freshness::Fresh);
    let seen = stage.clock.unix_ms();
    stage.origin.put(&stage.cx, whole(&entries[1..])).await.unwrap();
    stage.clock.advance_ms(499);
    let again = stage.cache.head(&stage.cx).await.unwrap();
    // An older head marked fresh would look like a rollback to whoever saw the newer one elsewhere.
    assert_eq!((again.last_receipt, again.freshness), (1, Freshness::StaleSince(seen)));
    assert_eq!(stage.faults.calls(Method::Head), 1);
    stage.clock.advance_ms(1);
    let now = stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!((now.last_receipt, now.freshness), (2, Freshness::Fresh));
}

#[tokio::test]
async fn a_write_ends_the_moment() {
    let settings = CacheSettings { freshness_ms: 60_000, ..CacheSettings::default() };
    let stage = Stage::with(7, settings, 1 << 20).await;
    for (entry, receipt) in stage.world.entries(0, 3).unwrap().iter().zip(1..) {
        stage.cache.put(&stage.cx, whole([entry])).await.unwrap();
        let head = stage.cache.head(&stage.cx).await.unwrap();
        assert_eq!(
            (head.last_receipt, head.freshness),
            (receipt, Freshness::Fresh),
            "whoever wrote sees it"
        );
    }
}

/// Clauses: CACHE-4.
#[tokio::test]
async fn a_wall_clock_that_jumps_changes_no_answer() {
    let settings = CacheSettings { freshness_ms: 500, ..CacheSettings::default() };
    let stage = Stage::with(8, settings, 1 << 20).await;
    stage.cache.head(&stage.cx).await.unwrap();
    for unix_ms in [0, u64::MAX >> 1, 1] {
        stage.clock.set_unix_ms(unix_ms);
        let asked = stage.faults.calls(Method::Head);
        stage.cache.head(&stage.cx).await.unwrap();
        assert_eq!(
            stage.faults.calls(Method::Head),
            asked,
            "the moment is measured by time that passed"
        );
        stage.clock.advance_ms(500);
        assert_eq!(stage.cache.head(&stage.cx).await.unwrap().freshness, Freshness::Fresh);
    }
}

/// Clauses: CACHE-4.
#[tokio::test]
async fn a_stale_answer_of_a_cache_behind_is_passed_on_as_stale() {
    let stage = Stage::new(9).await;
    let entries = stage.world.entries(0, 2).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let fresh = stage.cache.head(&stage.cx).await.unwrap();
    stage.faults.rewrite_head(|mut head| {
        head.freshness = Freshness::StaleSince(77);
        Ok(head)
    });
    let stale = stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(stale.freshness, Freshness::StaleSince(77));
    assert_eq!(stale.cursor(), fresh.cursor());
}
