//! "Not held" is remembered and the entry comes meanwhile.

use bulla_conformance::suite::author::whole;
use bulla_core::values::{GetItem, Has};
use bulla_store::cached::MAX_NEGATIVE_MS;
use bulla_store::testing::Method;
use bulla_store::{CacheSettings, ContentAddressedStore as _, StoreExt as _};

use crate::stage::Stage;

#[tokio::test]
async fn a53_ask_push_ask_finds_it() {
    let stage = Stage::new(53).await;
    for entry in stage.world.entries(0, 3).unwrap() {
        let id = entry.id();
        assert_eq!(stage.cache.get_one(&stage.cx, id).await.unwrap(), GetItem::Absent);
        assert_eq!(stage.cache.has_one(&stage.cx, id).await.unwrap(), Has::No);
        stage.cache.put_one(&stage.cx, entry.clone()).await.unwrap();
        assert_eq!(stage.cache.has_one(&stage.cx, id).await.unwrap(), Has::Yes);
        assert_eq!(stage.cache.get_one(&stage.cx, id).await.unwrap(), GetItem::Entry(entry));
    }
}

#[tokio::test]
async fn a53_pushed_past_the_cache_it_is_found_in_time_or_with_the_next_head() {
    let settings = CacheSettings { negative_ms: u64::MAX, ..CacheSettings::default() };
    let stage = Stage::with(54, settings, 1 << 20).await;
    let entries = stage.world.entries(0, 2).unwrap();
    let (first, second) = (&entries[0], &entries[1]);

    assert_eq!(stage.cache.has_one(&stage.cx, first.id()).await.unwrap(), Has::No);
    stage.origin.put(&stage.cx, whole([first])).await.unwrap();
    stage.clock.advance_ms(MAX_NEGATIVE_MS - 1);
    assert_eq!(
        stage.cache.has_one(&stage.cx, first.id()).await.unwrap(),
        Has::No,
        "believed for a moment"
    );
    let asked = stage.faults.calls(Method::Has);
    stage.clock.advance_ms(1);
    assert_eq!(
        stage.cache.has_one(&stage.cx, first.id()).await.unwrap(),
        Has::Yes,
        "however long a setting says"
    );
    assert_eq!(stage.faults.calls(Method::Has), asked + 1);

    assert_eq!(stage.cache.get_one(&stage.cx, second.id()).await.unwrap(), GetItem::Absent);
    stage.origin.put(&stage.cx, whole([second])).await.unwrap();
    stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(
        stage.cache.get_one(&stage.cx, second.id()).await.unwrap(),
        GetItem::Entry(second.clone())
    );
}

#[tokio::test]
async fn a53_an_answer_from_before_the_push_is_not_remembered_after_it() {
    let stage = Stage::new(55).await;
    let entry = stage.world.entries(0, 1).unwrap().remove(0);
    let id = entry.id();
    // The question is answered "absent" by the origin and held on its way back while the entry is pushed.
    stage.faults.rewrite_get(|_, _| Ok(vec![GetItem::Absent]));
    let gate = stage.faults.hold(Method::Get);
    let (cache, cx) = (std::sync::Arc::clone(&stage.cache), stage.cx.clone());
    let asking = tokio::spawn(async move { cache.get_one(&cx, id).await });
    while gate.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    stage.cache.put_one(&stage.cx, entry.clone()).await.unwrap();
    gate.open();
    assert_eq!(asking.await.unwrap().unwrap(), GetItem::Absent);
    stage.faults.heal();
    assert_eq!(stage.cache.has_one(&stage.cx, id).await.unwrap(), Has::Yes);
    assert_eq!(stage.cache.get_one(&stage.cx, id).await.unwrap(), GetItem::Entry(entry));
}
