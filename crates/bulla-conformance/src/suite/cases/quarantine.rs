//! What is refused and kept all the same.

#![expect(
    clippy::indexing_slicing,
    reason = "of entries that the case wrote itself; a panic is a failed case"
)]

use std::sync::Arc;

use bulla_core::values::{GetItem, Has, PutOutcome, Refusal, ScanRequest};
use bulla_core::{Code, EntryId, Verified, VerifiedEntry};
use bulla_store::{
    JudgedEngine, Kept, KeptEntry, KeptFacts, KeptPage, KeptTotals, Mark, StoreExt as _,
};
use futures_util::future::try_join_all;

use super::marks::{engine_of, not, ruled};
use super::read::{get, head, put, put_new, scan};
use super::restart::restart;
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Judged Must "quarantine-is-not-held" ["QUAR-1"] not_held),
    case!(Judged Must "quarantine-outcomes" ["QUAR-2", "STO-5"] outcomes),
    case!(Judged Must "quarantine-twice" ["QUAR-2"] twice),
    case!(Judged Must "quarantine-payload-comes" ["QUAR-2"] payload_comes),
    case!(Judged Must "quarantine-entries-of-an-author" ["QUAR-4"] entries_of_an_author),
    case!(Judged Must "quarantine-bytes-of-an-author" ["QUAR-4", "QUAR-8"] bytes_of_an_author),
    case!(Judged Must "quarantine-left-by-storing" ["QUAR-5"] left_by_storing),
    case!(Judged Must "quarantine-listed" ["QUAR-6"] listed),
    case!(Judged Must "quarantine-entries-by-id" ["QUAR-6", "STO-22"] entries_by_id),
    case!(Judged Must "quarantine-released" ["QUAR-7"] released),
    case!(Judged Must "quarantine-payload-dropped" ["QUAR-8"] payload_dropped),
    case!(Judged Must "quarantine-bounds" ["QUAR-6", "STO-10"] bounds),
    case!(Judged Must "quarantine-restart" ["QUAR-3"] restarted),
    case!(Judged Must "quarantine-concurrent" ["QUAR-5", "STO-7"] concurrent),
];

const NO_RIGHT: &str = "directory.no_right";
const STRANGER: &str = "directory.stranger";

fn given(entries: Vec<Verified>, code: &'static str) -> Vec<(Verified, Code)> {
    entries.into_iter().map(|entry| (entry, Code::new(code))).collect()
}

async fn keep(
    stage: &Stage,
    engine: &dyn JudgedEngine,
    entries: Vec<Verified>,
    code: &'static str,
) -> Result<Vec<Kept>, Failure> {
    let asked = entries.len();
    let kept = engine.keep(&stage.cx, given(entries, code)).await?;
    check_eq!(kept.len(), asked, "one outcome each");
    Ok(kept)
}

/// Everything that is kept, by id, and that the totals agree with it.
async fn all_kept(stage: &Stage, engine: &dyn JudgedEngine) -> Result<Vec<KeptFacts>, Failure> {
    let page = engine.kept(&stage.cx, None, usize::MAX).await?;
    check!(page.end, "the suite keeps fewer entries than a page has room for");
    let bytes = page.facts.iter().map(|facts| facts.size_bytes).sum();
    let entries = u64::try_from(page.facts.len()).unwrap_or(u64::MAX);
    let totals = engine.kept_totals(&stage.cx).await?;
    check_eq!(totals, KeptTotals { entries, bytes }, "totals are those of what is listed");
    Ok(page.facts)
}

/// As a listing has them.
fn facts_of(mut entries: Vec<Verified>, code: &'static str) -> Vec<KeptFacts> {
    entries.sort_by_key(Verified::id);
    entries.iter().map(|entry| KeptFacts::of(entry, Code::new(code))).collect()
}

async fn not_held(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&stage.world.entries(1, 1)?), 1).await?;
    let before = (head(&stage).await?, scan(&stage, ScanRequest::everything()).await?);
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept, Kept::Kept, Kept::Kept], "kept");
    let after = (head(&stage).await?, scan(&stage, ScanRequest::everything()).await?);
    check_eq!(after, before, "what is kept is not held");
    for entry in &entries {
        check_eq!(get(&stage, entry.id()).await?, GetItem::Absent, "nor given");
        check_eq!(stage.subject.store.has_one(&stage.cx, entry.id()).await?, Has::No, "nor had");
    }
    check_eq!(engine.facts(&stage.cx, &ids(&entries)).await?, [None, None, None], "nor known");
    let listed = all_kept(&stage, &*engine).await?;
    check_eq!(listed, facts_of(whole(&entries), NO_RIGHT), "it is listed with its reason");
    Ok(())
}

async fn outcomes(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let (one, two) = (stage.world.entries(0, 2)?, stage.world.entries(1, 2)?);
    let foreign = ground.world()?.entries(0, 1)?;
    put_new(&stage, whole(one.iter().take(1)), 1).await?;
    keep(&stage, &*engine, whole(two.iter().take(1)), NO_RIGHT).await?;
    let batch = whole([&foreign[0], &one[0], &two[0], &two[1], &two[1], &one[1]]);
    let expected = [
        Kept::Refused(Refusal { code: Code::new("entry.space"), is_retryable: false }),
        Kept::Held(1),
        Kept::Already,
        Kept::Kept,
        Kept::Already,
        Kept::Kept,
    ];
    check_eq!(keep(&stage, &*engine, batch, NO_RIGHT).await?, expected, "each in its place");
    let expected = facts_of(whole([&two[0], &two[1], &one[1]]), NO_RIGHT);
    check_eq!(all_kept(&stage, &*engine).await?, expected, "those and no others");
    check_eq!(keep(&stage, &*engine, Vec::new(), NO_RIGHT).await?, [], "nothing given");
    Ok(())
}

async fn twice(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 2)?;
    keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let before = all_kept(&stage, &*engine).await?;
    let again = [Kept::Already, Kept::Already];
    check_eq!(keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?, again, "known");
    check_eq!(keep(&stage, &*engine, headers(&entries), NO_RIGHT).await?, again, "as headers too");
    check_eq!(all_kept(&stage, &*engine).await?, before, "nothing is taken away");
    check_eq!(keep(&stage, &*engine, whole(&entries), STRANGER).await?, again, "another reason");
    let expected = facts_of(whole(&entries), STRANGER);
    check_eq!(all_kept(&stage, &*engine).await?, expected, "takes the place of the first");
    Ok(())
}

async fn payload_comes(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 1)?;
    keep(&stage, &*engine, headers(&entries), NO_RIGHT).await?;
    check_eq!(
        all_kept(&stage, &*engine).await?,
        facts_of(headers(&entries), NO_RIGHT),
        "kept as it came"
    );
    check_eq!(keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?, [Kept::Already], "known");
    check_eq!(
        all_kept(&stage, &*engine).await?,
        facts_of(whole(&entries), NO_RIGHT),
        "and the payload with it"
    );
    let found = engine.kept_entries(&stage.cx, &ids(&entries), u32::MAX).await?;
    let entry = Verified::from(entries[0].clone());
    check_eq!(found, [Some(KeptEntry { entry, code: Code::new(NO_RIGHT) })], "byte for byte");
    Ok(())
}

fn full(code: &'static str) -> Kept {
    Kept::Refused(Refusal { code: Code::new(code), is_retryable: true })
}

async fn entries_of_an_author(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for content in 0..1_026 {
        entries.push(author.write(Draft { payload_bytes: 16, content, ..Draft::default() })?);
    }
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    check!(kept.iter().take(1_024).all(|kept| *kept == Kept::Kept), "1,024 are kept");
    check!(
        kept.iter().skip(1_024).all(|kept| *kept == full("quarantine.author_full")),
        "and no more"
    );
    let known = keep(&stage, &*engine, whole(entries.iter().take(1)), NO_RIGHT).await?;
    check_eq!(known, [Kept::Already], "what is kept stays so in a full quarantine");
    let other = stage.world.entries(1, 1)?;
    let kept = keep(&stage, &*engine, whole(&other), NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept], "another author has room of his own");
    engine.release(&stage.cx, &[entries[7].id()]).await?;
    let kept = keep(&stage, &*engine, whole(entries.iter().skip(1_024)), NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept, full("quarantine.author_full")], "room for one again");
    Ok(())
}

async fn bytes_of_an_author(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for content in 0..5 {
        let payload_bytes = 1024 * 1024 - 1_000;
        entries.push(author.write(Draft { payload_bytes, content, ..Draft::default() })?);
    }
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let expected = [Kept::Kept, Kept::Kept, Kept::Kept, Kept::Kept, full("quarantine.author_full")];
    check_eq!(kept, expected, "4 MiB are kept");
    let small = author.write(Draft { content: 9, ..Draft::default() })?;
    let kept = keep(&stage, &*engine, vec![small.into()], NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept], "what fits is kept");
    let found = engine.kept_entries(&stage.cx, &ids(&entries), u32::MAX).await?;
    for (found, entry) in found.iter().zip(&entries).take(4) {
        let found = found.as_ref().map(|kept| kept.entry.payload());
        check_eq!(found, Some(Some(entry.payload())), "long payloads come out as they went in");
    }
    check_eq!(found.get(4), Some(&None), "the one too many is not there");
    let dropped = engine.drop_payloads(&stage.cx, &[entries[2].id()]).await?;
    check_eq!(dropped, 1, "a payload that is erased");
    let kept = keep(&stage, &*engine, whole(&entries[4..]), NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept], "makes room for another");
    Ok(())
}

async fn left_by_storing(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 4)?;
    keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let batch = vec![
        (entries[0].clone().into(), Mark::Counts),
        (entries[1].clone().into(), not("directory.cut")),
    ];
    let outcomes = engine.put_judged(&stage.cx, batch).await?.outcomes;
    check_eq!(outcomes, [PutOutcome::Stored(1), PutOutcome::Stored(2)], "admitted");
    let expected = facts_of(whole([&entries[2], &entries[3]]), NO_RIGHT);
    check_eq!(all_kept(&stage, &*engine).await?, expected, "what is stored is kept no longer");
    put_new(&stage, whole([&entries[2]]), 3).await?;
    let expected = facts_of(whole([&entries[3]]), NO_RIGHT);
    check_eq!(all_kept(&stage, &*engine).await?, expected, "however it was stored");
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let expected = [Kept::Held(1), Kept::Held(2), Kept::Held(3), Kept::Already];
    check_eq!(kept, expected, "and is not kept again");
    Ok(())
}

async fn listed(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 7)?;
    keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let expected = facts_of(whole(&entries), NO_RIGHT);
    for limit in [1, 2, 3, 7, 8] {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let KeptPage { facts, end } = engine.kept(&stage.cx, after, limit).await?;
            check!(facts.len() <= limit, "no more than asked for");
            check!(end || facts.len() == limit, "and no fewer before the end");
            after = facts.last().map(|facts| facts.id);
            found.extend(facts);
            if end {
                break;
            }
            check!(found.len() < entries.len(), "a listing comes to its end");
        }
        check_eq!(found, expected, "page by page the same");
    }
    let beyond = engine.kept(&stage.cx, Some(EntryId([0xff; 32])), 1).await?;
    check_eq!(beyond, KeptPage { facts: Vec::new(), end: true }, "nothing after the last");
    Ok(())
}

async fn entries_by_id(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 4)?;
    keep(&stage, &*engine, whole(entries.iter().take(3)), NO_RIGHT).await?;
    let kept = |entry: &VerifiedEntry| {
        Some(KeptEntry { entry: entry.clone().into(), code: Code::new(NO_RIGHT) })
    };
    let all = [kept(&entries[0]), kept(&entries[1]), kept(&entries[2]), None];
    let asked = ids(&entries);
    let found = engine.kept_entries(&stage.cx, &asked, u32::MAX).await?;
    check_eq!(found, all, "each in its place");
    let size = Verified::from(entries[0].clone()).size_bytes();
    let two = u32::try_from(2 * size + 40).unwrap_or(u32::MAX);
    let found = engine.kept_entries(&stage.cx, &asked, two).await?;
    check_eq!(found, all[..2], "a prefix, as many as the bytes allow");
    let found = engine.kept_entries(&stage.cx, &asked, 0).await?;
    check_eq!(found, all[..1], "one is always given");
    Ok(())
}

async fn released(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    keep(&stage, &*engine, whole(entries.iter().take(2)), NO_RIGHT).await?;
    let twice = [entries[0].id(), entries[0].id(), entries[2].id()];
    check_eq!(engine.release(&stage.cx, &twice).await?, 1, "those that were kept, once each");
    check_eq!(engine.release(&stage.cx, &twice).await?, 0, "and not again");
    let expected = facts_of(whole([&entries[1]]), NO_RIGHT);
    check_eq!(all_kept(&stage, &*engine).await?, expected, "the other one stays");
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    check_eq!(kept, [Kept::Kept, Kept::Already, Kept::Kept], "what is offered again is new");
    Ok(())
}

async fn payload_dropped(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 4)?;
    put_new(&stage, whole(&entries[3..]), 1).await?;
    let kept =
        [entries[0].clone().into(), entries[1].clone().into(), header_of(&entries[2]).into()];
    keep(&stage, &*engine, kept.to_vec(), NO_RIGHT).await?;
    let named = [entries[0].id(), entries[0].id(), entries[2].id(), entries[3].id()];
    check_eq!(engine.drop_payloads(&stage.cx, &named).await?, 1, "those that had one, once each");
    check_eq!(engine.drop_payloads(&stage.cx, &named).await?, 0, "and not again");
    let left: Vec<Verified> =
        [header_of(&entries[0]).into(), entries[1].clone().into(), header_of(&entries[2]).into()]
            .into();
    check_eq!(all_kept(&stage, &*engine).await?, facts_of(left, NO_RIGHT), "the entries stay");
    check_eq!(head(&stage).await?.present.count, 1, "what is held keeps its payload");
    let again = keep(&stage, &*engine, whole(entries.iter().take(1)), NO_RIGHT).await?;
    check_eq!(again, [Kept::Already], "an entry that comes with it again");
    Ok(())
}

async fn bounds(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 1)?;
    let many = vec![(Verified::from(header_of(&entries[0])), Code::new(NO_RIGHT)); 4_097];
    let error = check_err!(engine.keep(&stage.cx, many).await, "4,097 entries");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    let ids = vec![entries[0].id(); 10_001];
    let error = check_err!(engine.kept_entries(&stage.cx, &ids, 0).await, "10,001 ids");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    let error = check_err!(engine.release(&stage.cx, &ids).await, "10,001 ids");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    let error = check_err!(engine.drop_payloads(&stage.cx, &ids).await, "10,001 ids");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    check_eq!(all_kept(&stage, &*engine).await?, [], "nothing was done");
    Ok(())
}

async fn restarted(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for payload_bytes in [16, 1_000, 16 * 1024 + 1, 300_000] {
        entries.push(author.write(Draft { payload_bytes, ..Draft::default() })?);
    }
    let header = stage.world.entries(1, 1)?;
    keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    keep(&stage, &*engine, headers(&header), STRANGER).await?;
    engine.release(&stage.cx, &[entries[1].id()]).await?;
    let before = all_kept(&stage, &*engine).await?;
    let found = engine.kept_entries(&stage.cx, &ids(&entries), u32::MAX).await?;
    drop(engine);
    let stage = restart(stage).await?;
    let engine = engine_of(&stage)?;
    check_eq!(all_kept(&stage, &*engine).await?, before, "what is kept outlives the process");
    let again = engine.kept_entries(&stage.cx, &ids(&entries), u32::MAX).await?;
    check_eq!(again, found, "with its payloads");
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let expected = [Kept::Already, Kept::Kept, Kept::Already, Kept::Already];
    check_eq!(kept, expected, "and is known");
    Ok(())
}

async fn concurrent(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 40)?;
    let mut tasks = Vec::new();
    for task in 0..6_usize {
        let (engine, cx, mut mine) = (Arc::clone(&engine), stage.cx.clone(), entries.clone());
        mine.rotate_left(task * 7);
        tasks.push(tokio::spawn(async move {
            for chunk in mine.chunks(8) {
                match task % 3 {
                    0 => _ = engine.keep(&cx, given(whole(chunk), NO_RIGHT)).await?,
                    1 => {
                        let even = chunk.iter().filter(|entry| entry.header().sequence % 2 == 0);
                        let batch = whole(even).into_iter().map(|entry| (entry, Mark::Counts));
                        _ = engine.put_judged(&cx, batch.collect()).await?;
                    }
                    _ => _ = engine.release(&cx, &ids(chunk)).await?,
                }
            }
            Ok::<_, Failure>(())
        }));
    }
    for done in try_join_all(tasks).await? {
        done?;
    }
    let kept = keep(&stage, &*engine, whole(&entries), NO_RIGHT).await?;
    let odd = entries.iter().filter(|entry| entry.header().sequence % 2 == 1);
    for (entry, kept) in entries.iter().zip(kept) {
        let is_held = entry.header().sequence % 2 == 0;
        check_eq!(matches!(kept, Kept::Held(_)), is_held, "held or kept, never both");
    }
    check_eq!(all_kept(&stage, &*engine).await?, facts_of(whole(odd), NO_RIGHT), "and listed so");
    check_eq!(put(&stage, Vec::new()).await?.outcomes, [], "the store goes on");
    Ok(())
}
