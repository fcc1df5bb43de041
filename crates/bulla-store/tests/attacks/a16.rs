//! A bad answer before a good one, and a good one before a bad one.

use bulla_conformance::suite::author::{header_of, ids, whole};
use bulla_core::values::{GetItem, PayloadState};
use bulla_store::{ContentAddressedStore as _, StoreExt as _};

use crate::stage::Stage;

/// Numbers that look random, the same for the same seed.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |sides| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    }
}

#[tokio::test]
async fn a16_bad_answers_never_poison_what_is_kept() {
    const SEED: u64 = 16;
    println!("seed {SEED}");
    let stage = Stage::with(16, bulla_store::CacheSettings::default(), 40_000).await;
    let entries = stage.world.entries(0, 40).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();

    let mut lie = dice(SEED);
    let foreign = entries.clone();
    stage.faults.rewrite_get(move |_, items| {
        Ok(items
            .into_iter()
            .map(|item| match (lie(5), &item) {
                (0, _) => GetItem::Corrupt,
                (1, _) => GetItem::Absent,
                (2, GetItem::Entry(entry)) => {
                    GetItem::Header(header_of(entry), PayloadState::Missing)
                }
                (3, _) => GetItem::Entry(foreign[usize::try_from(lie(40)).unwrap()].clone()),
                _ => item,
            })
            .collect())
    });

    let mut choose = dice(SEED + 1);
    let mut whole_answers = 0;
    for _ in 0..20_000 {
        let entry = &entries[usize::try_from(choose(40)).unwrap()];
        match stage.cache.get_one(&stage.cx, entry.id()).await {
            // What comes out whole is the entry asked for, whatever came in before.
            Ok(GetItem::Entry(got)) => {
                assert_eq!(got.to_raw(), entry.to_raw());
                whole_answers += 1;
            }
            Ok(GetItem::Header(header, PayloadState::Missing)) => {
                assert_eq!(header, header_of(entry));
            }
            Ok(GetItem::Corrupt | GetItem::Absent) => {}
            Ok(other) => panic!("the origin never said {other:?}"),
            Err(error) => assert_eq!(error.code().as_str(), "peer.wrong_entry"),
        }
        if choose(16) == 0 {
            stage.clock.advance_ms(10_000);
        }
    }
    assert!(whole_answers > 1_000, "the honest answers got through: {whole_answers}");

    // The last word is the truth's.
    stage.faults.heal();
    stage.clock.advance_ms(10_000);
    for (item, entry) in
        stage.cache.get_all(&stage.cx, &ids(&entries)).await.unwrap().into_iter().zip(entries)
    {
        assert_eq!(item, GetItem::Entry(entry));
    }
}
