//! Erasing and pruning, at the store that can, and what the top of a stack then says.

#![expect(
    clippy::indexing_slicing,
    reason = "of entries that the case wrote itself; a panic is a failed case"
)]

use std::sync::Arc;

use bulla_core::limits::MAX_PAGE_BYTES;
use bulla_core::values::{GetItem, Has, PayloadState, PutOutcome, ScanBody, ScanRequest, Want};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_store::{Erasable, Erasure, ErasureReport, StoreExt as _};

use super::read::{
    check_same, counted, get, get_some, head, ids_only, put, put_new, scan, scan_ids,
};
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Erasable Must "erase-drops-payload" ["ERA-1", "STO-3"] drops_payload),
    case!(Erasable Must "erase-seen-through-the-stack" ["ERA-1", "CACHE-9"] through_the_stack),
    case!(Erasable Must "erase-three-answers" ["ERA-1", "GET-3", "GET-4", "GET-7"] three_answers),
    case!(Erasable Must "erase-prune" ["ERA-1"] prune),
    case!(Erasable Must "erase-twice" ["ERA-4"] twice),
    case!(Erasable Must "erase-missing-payload" ["ERA-1"] missing_payload),
    case!(Erasable Must "erase-before-arrival" ["ERA-2"] before_arrival),
    case!(Erasable Must "erase-payload-stays-out" ["ERA-3"] stays_out),
    case!(Erasable Must "erase-never-control" ["ERA-5"] never_control),
    case!(Erasable Must "erase-control-before-arrival" ["ERA-5"] control_before_arrival),
    case!(Erasable Must "erase-report" ["ERA-6"] report),
    case!(Erasable Must "erase-shared-content" ["ERA-7", "PUT-9"] shared_content),
    case!(Erasable Must "erase-cursor-stays-good" ["ERA-1", "CUR-1"] cursor_stays_good),
    case!(Erasable Must "erase-reason-stands" ["ERA-4"] reason_stands),
    case!(Erasable Must "erase-taken-back" ["ERA-8", "PUT-4"] taken_back),
    case!(Erasable Must "erase-taken-back-before-arrival" ["ERA-8"] taken_back_before_arrival),
];

const BY: EntryId = EntryId([0xb1; 32]);
const BY_ANOTHER: EntryId = EntryId([0xb2; 32]);

/// A fresh store and the one that can erase behind it.
async fn fresh(ground: &Ground) -> Result<(Stage, Arc<dyn Erasable>), Failure> {
    let stage = ground.fresh().await?;
    let origin = stage.subject.origin.clone().ok_or(Failure::Missing("this store cannot erase"))?;
    Ok((stage, origin))
}

async fn erase(
    stage: &Stage,
    origin: &Arc<dyn Erasable>,
    by: EntryId,
    is_prune: bool,
    ids: &[EntryId],
) -> Result<ErasureReport, Failure> {
    Ok(origin.erase(&stage.cx, Erasure { by, is_prune, ids: ids.to_vec() }).await?)
}

/// Checks what the origin says of an entry whose payload is gone.
async fn check_gone(
    stage: &Stage,
    origin: &Arc<dyn Erasable>,
    entry: &VerifiedEntry,
    state: PayloadState,
) -> Result<(), Failure> {
    let expected = GetItem::Header(header_of(entry), state);
    check_eq!(origin.get_one(&stage.cx, entry.id()).await?, expected, "the header and the reason");
    check_eq!(
        origin.has_one(&stage.cx, entry.id()).await?,
        Has::Yes,
        "held, validly without payload"
    );
    Ok(())
}

async fn drops_payload(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let mut author = stage.world.author(0);
    for (payload_bytes, receipt) in [(64, 1), (16 * 1024, 3), (300_000, 5)] {
        let erased = author.write(Draft { payload_bytes, content: 1, ..Draft::default() })?;
        let kept = author.write(Draft { payload_bytes, content: 2, ..Draft::default() })?;
        put_new(&stage, whole([&erased, &kept]), receipt).await?;
        let before = origin.head(&stage.cx).await?;
        let report = erase(&stage, &origin, BY, false, &[erased.id()]).await?;
        check_eq!(
            report,
            ErasureReport { dropped: 1, ..ErasureReport::default() },
            "one payload dropped"
        );
        check_gone(&stage, &origin, &erased, PayloadState::Erased(BY)).await?;
        check_same(&origin.get_one(&stage.cx, kept.id()).await?, &kept)?;
        let after = origin.head(&stage.cx).await?;
        check_eq!(after.cursor(), before.cursor(), "receipts and log hash stay");
        check_eq!(
            (after.control, after.counting),
            (before.control, before.counting),
            "digests of ids stay"
        );
        check_eq!(after.present.count + 1, before.present.count, "one payload less is present");
    }
    Ok(())
}

async fn through_the_stack(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 5)?;
    put_new(&stage, whole(&entries), 1).await?;
    // Everything is read once before, so that a cache in the stack holds it.
    scan(&stage, ScanRequest::everything()).await?;
    let gone = ids(entries.iter().take(2));
    erase(&stage, &origin, BY, false, &gone).await?;
    check_eq!(
        head(&stage).await?.present,
        counted(&ids(entries.iter().skip(2))),
        "the top's head shows it"
    );
    for (item, entry) in scan(&stage, ScanRequest::everything()).await?.into_iter().zip(&entries) {
        let expected = if gone.contains(&entry.id()) {
            ScanBody::Header(header_of(entry), PayloadState::Erased(BY))
        } else {
            ScanBody::Entry(entry.clone())
        };
        check_eq!(item.body, expected, "a scan through the stack shows what is erased");
    }
    for entry in entries.iter().take(2) {
        let expected = GetItem::Header(header_of(entry), PayloadState::Erased(BY));
        check_eq!(get(&stage, entry.id()).await?, expected, "so does a get");
    }
    Ok(())
}

/// Erased, not fetched yet and not held, asked for side by side at the top of the stack.
async fn three_answers(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    let (erased, bare) = (&entries[0], &entries[1]);
    put_new(&stage, vec![erased.clone().into(), header_of(bare).into()], 1).await?;
    erase(&stage, &origin, BY, false, &[erased.id()]).await?;
    check_eq!(head(&stage).await?.present, counted(&[]), "no payload is present");
    let asked = ids(&entries);
    // What a cache keeps of the first answers must say the same.
    for _ in 0..2 {
        let expected = vec![
            GetItem::Header(header_of(erased), PayloadState::Erased(BY)),
            GetItem::Header(header_of(bare), PayloadState::Missing),
            GetItem::Absent,
        ];
        check_eq!(get_some(&stage, &asked, MAX_PAGE_BYTES).await?, expected, "three items");
        let expected = vec![Has::Yes, Has::PayloadMissing, Has::No];
        check_eq!(stage.subject.store.has(&stage.cx, &asked).await?, expected, "three answers");
        for want in [Want::Headers, ScanRequest::everything().want] {
            let items = scan(&stage, ScanRequest { want, ..ScanRequest::everything() }).await?;
            let bodies: Vec<ScanBody> = items.into_iter().map(|item| item.body).collect();
            let expected = vec![
                ScanBody::Header(header_of(erased), PayloadState::Erased(BY)),
                ScanBody::Header(header_of(bare), PayloadState::Missing),
            ];
            check_eq!(bodies, expected, "and no row of what is not held");
        }
    }
    Ok(())
}

async fn prune(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    for entry in stage.world.entries(0, 1)? {
        put_new(&stage, vec![entry.clone().into()], 1).await?;
        erase(&stage, &origin, BY, true, &[entry.id()]).await?;
        check_gone(&stage, &origin, &entry, PayloadState::Pruned(BY)).await?;
    }
    Ok(())
}

async fn twice(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    for entry in stage.world.entries(0, 1)? {
        put_new(&stage, vec![entry.clone().into()], 1).await?;
        erase(&stage, &origin, BY, false, &[entry.id()]).await?;
        let before = origin.head(&stage.cx).await?;
        let report = erase(&stage, &origin, BY, false, &[entry.id(), entry.id()]).await?;
        check_eq!(
            report,
            ErasureReport { already_absent: 2, ..ErasureReport::default() },
            "nothing left to drop"
        );
        check_eq!(origin.head(&stage.cx).await?, before, "nothing changed");
        check_gone(&stage, &origin, &entry, PayloadState::Erased(BY)).await?;
    }
    Ok(())
}

async fn missing_payload(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    for entry in stage.world.entries(0, 1)? {
        put_new(&stage, headers([&entry]), 1).await?;
        let before = origin.head(&stage.cx).await?;
        let report = erase(&stage, &origin, BY, false, &[entry.id()]).await?;
        check_eq!(
            report,
            ErasureReport { already_absent: 1, ..ErasureReport::default() },
            "there was no payload"
        );
        check_gone(&stage, &origin, &entry, PayloadState::Erased(BY)).await?;
        check_eq!(origin.head(&stage.cx).await?, before, "no set changed");
    }
    Ok(())
}

async fn before_arrival(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let [whole_later, header_later, other] = {
        let entries = stage.world.entries(0, 3)?;
        <[_; 3]>::try_from(entries)
            .map_err(|_| Failure::Harness("the suite wrote too few entries".into()))?
    };
    let asked = ids([&whole_later, &header_later]);
    let report = erase(&stage, &origin, BY, false, &asked).await?;
    check_eq!(report, ErasureReport { remembered: 2, ..ErasureReport::default() }, "remembered");
    check_eq!(origin.head(&stage.cx).await?.last_receipt, 0, "remembering is not storing");
    check_eq!(origin.has_one(&stage.cx, whole_later.id()).await?, Has::No, "and not having");
    let batch =
        vec![whole_later.clone().into(), header_of(&header_later).into(), other.clone().into()];
    put_new(&stage, batch, 1).await?;
    check_gone(&stage, &origin, &whole_later, PayloadState::Erased(BY)).await?;
    check_gone(&stage, &origin, &header_later, PayloadState::Erased(BY)).await?;
    check_same(&origin.get_one(&stage.cx, other.id()).await?, &other)?;
    check_eq!(
        origin.head(&stage.cx).await?.present,
        counted(&[other.id()]),
        "what was erased is not present"
    );
    Ok(())
}

async fn stays_out(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    for (entry, is_prune) in stage.world.entries(0, 2)?.iter().zip([false, true]) {
        let receipt = origin.head(&stage.cx).await?.last_receipt + 1;
        put_new(&stage, vec![entry.clone().into()], receipt).await?;
        erase(&stage, &origin, BY, is_prune, &[entry.id()]).await?;
        let before = origin.head(&stage.cx).await?;
        let outcomes = put(&stage, vec![entry.clone().into()]).await?.outcomes;
        check_eq!(
            outcomes,
            vec![PutOutcome::Duplicate(receipt)],
            "an erased payload is not taken back"
        );
        check_eq!(origin.head(&stage.cx).await?, before, "nothing changed");
        let state = if is_prune { PayloadState::Pruned(BY) } else { PayloadState::Erased(BY) };
        check_gone(&stage, &origin, entry, state).await?;
    }
    Ok(())
}

async fn never_control(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let genesis = stage.world.genesis().clone();
    put_new(&stage, vec![genesis.clone().into()], 1).await?;
    let before = origin.head(&stage.cx).await?;
    for is_prune in [false, true] {
        let report = erase(&stage, &origin, BY, is_prune, &[genesis.id()]).await?;
        check_eq!(
            report,
            ErasureReport { refused: 1, ..ErasureReport::default() },
            "control entries stay"
        );
    }
    check_same(&origin.get_one(&stage.cx, genesis.id()).await?, &genesis)?;
    check_eq!(origin.head(&stage.cx).await?, before, "nothing changed");
    Ok(())
}

async fn control_before_arrival(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let genesis = stage.world.genesis().clone();
    erase(&stage, &origin, BY, false, &[genesis.id()]).await?;
    put_new(&stage, vec![genesis.clone().into()], 1).await?;
    check_same(&origin.get_one(&stage.cx, genesis.id()).await?, &genesis)
}

async fn report(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    let genesis = stage.world.genesis().clone();
    put_new(&stage, vec![genesis.clone().into()], 1).await?;
    put_new(&stage, whole(entries.iter().take(1)), 2).await?;
    put_new(&stage, headers(entries.iter().skip(1).take(1)), 3).await?;
    let mut asked = ids(&entries);
    asked.push(genesis.id());
    let report = erase(&stage, &origin, BY, false, &asked).await?;
    let expected = ErasureReport { dropped: 1, already_absent: 1, remembered: 1, refused: 1 };
    check_eq!(report, expected, "each id is counted once, by what became of it");
    check_eq!(
        erase(&stage, &origin, BY, false, &[]).await?,
        ErasureReport::default(),
        "nothing asked, nothing done"
    );
    Ok(())
}

async fn shared_content(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let mut receipt = 1;
    for payload_bytes in [64, 40_000] {
        let same = Draft { payload_bytes, content: 3, timestamp: receipt, ..Draft::default() };
        let one = stage.world.author(1).write(same.clone())?;
        let other = stage.world.author(2).write(same.clone())?;
        let bare = stage.world.author(3).write(same)?;
        put_new(
            &stage,
            vec![one.clone().into(), other.clone().into(), header_of(&bare).into()],
            receipt,
        )
        .await?;
        erase(&stage, &origin, BY, false, &[one.id()]).await?;
        check_gone(&stage, &origin, &one, PayloadState::Erased(BY)).await?;
        check_same(&origin.get_one(&stage.cx, other.id()).await?, &other)?;
        // A header that names the same hash keeps nothing from erasure.
        erase(&stage, &origin, BY, false, &[other.id()]).await?;
        check_gone(&stage, &origin, &other, PayloadState::Erased(BY)).await?;
        let expected = GetItem::Header(header_of(&bare), PayloadState::Missing);
        check_eq!(
            origin.get_one(&stage.cx, bare.id()).await?,
            expected,
            "and never gets it by its hash"
        );
        let outcomes = put(&stage, vec![bare.clone().into()]).await?.outcomes;
        check_eq!(outcomes, vec![PutOutcome::PayloadAdded(receipt + 2)], "only by being given it");
        receipt += 3;
    }
    Ok(())
}

async fn cursor_stays_good(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 6)?;
    put_new(&stage, whole(entries.iter().take(4)), 1).await?;
    let cursor = head(&stage).await?.cursor();
    erase(&stage, &origin, BY, false, &ids(entries.iter().take(4))).await?;
    put_new(&stage, whole(entries.iter().skip(4)), 5).await?;
    let rest = scan_ids(&stage, ScanRequest { after: Some(cursor), ..ids_only() }).await?;
    check_eq!(rest, ids(entries.iter().skip(4)), "receipts go on where they were");
    check_eq!(
        scan_ids(&stage, ids_only()).await?,
        ids(&entries),
        "erased entries keep their place"
    );
    Ok(())
}

async fn reason_stands(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    for entry in stage.world.entries(0, 1)? {
        put_new(&stage, vec![entry.clone().into()], 1).await?;
        erase(&stage, &origin, BY, true, &[entry.id()]).await?;
        erase(&stage, &origin, BY_ANOTHER, true, &[entry.id()]).await?;
        check_gone(&stage, &origin, &entry, PayloadState::Pruned(BY)).await?;
        erase(&stage, &origin, BY_ANOTHER, false, &[entry.id()]).await?;
        check_gone(&stage, &origin, &entry, PayloadState::Erased(BY_ANOTHER)).await?;
        erase(&stage, &origin, BY, false, &[entry.id()]).await?;
        erase(&stage, &origin, BY, true, &[entry.id()]).await?;
        check_gone(&stage, &origin, &entry, PayloadState::Erased(BY_ANOTHER)).await?;
    }
    Ok(())
}

async fn taken_back(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 4)?;
    put_new(&stage, whole(&entries), 1).await?;
    let all = ids(&entries);
    erase(&stage, &origin, BY, false, &all[..2]).await?;
    erase(&stage, &origin, BY, true, &all[3..]).await?;
    let before = head(&stage).await?;
    let named = [all[0], all[1], all[2], all[3], all[0], EntryId([9; 32])];
    check_eq!(origin.restore(&stage.cx, &named).await?, 2, "those that were dropped, each once");
    check_eq!(head(&stage).await?, before, "no payload came or went");
    for entry in entries.iter().take(2) {
        let expected = GetItem::Header(header_of(entry), PayloadState::Missing);
        check_eq!(origin.get_one(&stage.cx, entry.id()).await?, expected, "wanted again");
        check_eq!(origin.has_one(&stage.cx, entry.id()).await?, Has::PayloadMissing, "and said so");
    }
    for id in &all[2..] {
        check_eq!(origin.has_one(&stage.cx, *id).await?, Has::Yes, "others are as they were");
    }
    let pruned = GetItem::Header(header_of(&entries[3]), PayloadState::Pruned(BY));
    check_eq!(origin.get_one(&stage.cx, all[3]).await?, pruned, "what was pruned stays so");
    check_eq!(origin.restore(&stage.cx, &named).await?, 0, "a second time nothing is left to do");
    let report = put(&stage, whole(&entries)).await?;
    let expected = vec![
        PutOutcome::PayloadAdded(1),
        PutOutcome::PayloadAdded(2),
        PutOutcome::Duplicate(3),
        PutOutcome::Duplicate(4),
    ];
    check_eq!(report.outcomes, expected, "what comes again is taken back");
    check_eq!(head(&stage).await?.present.count, 3, "and present");
    Ok(())
}

async fn taken_back_before_arrival(ground: &Ground) -> Result<(), Failure> {
    let (stage, origin) = fresh(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    let named = ids(&entries);
    erase(&stage, &origin, BY, false, &named[..2]).await?;
    erase(&stage, &origin, BY, true, &named[2..]).await?;
    check_eq!(origin.restore(&stage.cx, &named[2..]).await?, 0, "what is pruned stays so");
    check_eq!(origin.restore(&stage.cx, &named[..1]).await?, 1, "forgotten");
    check_eq!(origin.restore(&stage.cx, &named[..1]).await?, 0, "once");
    put_new(&stage, whole(&entries), 1).await?;
    let now = head(&stage).await?;
    check_eq!((now.held.count, now.present.count), (3, 1), "the others are stored as headers");
    check_eq!(
        origin.has_one(&stage.cx, named[0]).await?,
        Has::Yes,
        "what was forgotten came whole"
    );
    let item = origin.get_one(&stage.cx, named[1]).await?;
    check_eq!(item, GetItem::Header(header_of(&entries[1]), PayloadState::Erased(BY)), "erased");
    Ok(())
}
