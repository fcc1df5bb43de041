//! Looking up by id.

use bulla_core::EntryId;
use bulla_core::values::{GetItem, Has, PayloadState};
use bulla_store::StoreExt as _;

use super::read::{check_same, get_some, put_new};
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "get-order" ["GET-1", "GET-3", "GET-4"] order),
    case!(Core Must "get-bytes" ["GET-2"] bytes),
    case!(Core Must "get-bytes-zero" ["GET-2"] zero_bytes),
    case!(Core Must "get-all-by-prefixes" ["GET-1", "GET-2"] all_by_prefixes),
    case!(Core Must "has-order" ["GET-7"] has_order),
    case!(Core Must "get-changes-nothing" ["STO-8"] changes_nothing),
];

const UNKNOWN: EntryId = EntryId([0xab; 32]);

async fn order(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    let bare = stage.world.author(1).write(Draft::default())?;
    put_new(&stage, whole(&entries), 1).await?;
    put_new(&stage, headers([&bare]), 3).await?;
    let known = ids(&entries);
    let mut asked = vec![UNKNOWN, bare.id()];
    asked.extend(known.iter().rev());
    asked.extend([UNKNOWN, bare.id()]);
    asked.extend(&known);
    let answer = get_some(&stage, &asked, 1 << 20).await?;
    check_eq!(answer.len(), asked.len(), "everything fits");
    for (id, item) in asked.iter().zip(&answer) {
        if *id == UNKNOWN {
            check_eq!(*item, GetItem::Absent, "absence is an answer");
        } else if *id == bare.id() {
            check_eq!(
                *item,
                GetItem::Header(header_of(&bare), PayloadState::Missing),
                "a header and its state"
            );
        } else if let Some(entry) = entries.iter().find(|entry| entry.id() == *id) {
            check_same(item, entry)?;
        }
    }
    Ok(())
}

async fn bytes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for content in 0..8 {
        entries.push(author.write(Draft { payload_bytes: 10_000, content, ..Draft::default() })?);
    }
    put_new(&stage, whole(&entries), 1).await?;
    let asked = ids(&entries);
    let sizes: Vec<usize> = whole(&entries).iter().map(bulla_core::Verified::size_bytes).collect();
    for count in 1..=asked.len() {
        let exact: usize = sizes.iter().take(count).sum();
        for (max_bytes, most) in [(exact, count), (exact - 1, (count - 1).max(1))] {
            let answer =
                get_some(&stage, &asked, u32::try_from(max_bytes).unwrap_or(u32::MAX)).await?;
            check!(
                answer.len() <= most,
                "{} answers where {max_bytes} bytes allow {most}",
                answer.len()
            );
            for (item, entry) in answer.iter().zip(&entries) {
                check_same(item, entry)?;
            }
        }
    }
    Ok(())
}

async fn zero_bytes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let answer = get_some(&stage, &ids(&entries), 0).await?;
    check_eq!(answer.len(), 1, "one item is always given, and no more than the bytes allow");
    let absent = get_some(&stage, &[UNKNOWN, UNKNOWN], 0).await?;
    check!(!absent.is_empty(), "also when it is absent");
    Ok(())
}

async fn all_by_prefixes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 40)?;
    put_new(&stage, whole(&entries), 1).await?;
    let asked = ids(&entries);
    let mut answered = 0;
    while let Some(rest) = asked.get(answered..).filter(|rest| !rest.is_empty()) {
        let answer = get_some(&stage, rest, 1500).await?;
        for (item, entry) in answer.iter().zip(entries.iter().skip(answered)) {
            check_same(item, entry)?;
        }
        answered += answer.len();
    }
    Ok(())
}

async fn has_order(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    let bare = stage.world.author(1).write(Draft::default())?;
    put_new(&stage, whole(&entries), 1).await?;
    put_new(&stage, headers([&bare]), 3).await?;
    let mut asked = vec![UNKNOWN, bare.id()];
    asked.extend(ids(&entries));
    asked.extend([bare.id(), UNKNOWN]);
    let expected =
        vec![Has::No, Has::PayloadMissing, Has::Yes, Has::Yes, Has::PayloadMissing, Has::No];
    for _ in 0..2 {
        check_eq!(
            stage.subject.store.has(&stage.cx, &asked).await?,
            expected,
            "one answer each, in order"
        );
    }
    Ok(())
}

async fn changes_nothing(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = stage.subject.store.head(&stage.cx).await?;
    for _ in 0..3 {
        stage.subject.store.get_all(&stage.cx, &ids(&entries)).await?;
        stage.subject.store.has(&stage.cx, &[UNKNOWN]).await?;
    }
    check_eq!(stage.subject.store.head(&stage.cx).await?, before, "reading changes nothing");
    Ok(())
}
