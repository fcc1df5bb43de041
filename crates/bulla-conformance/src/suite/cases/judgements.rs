//! What an admission asks of marks: listings, what they were made from, heads that show them, and that they stay.

#![expect(
    clippy::indexing_slicing,
    reason = "of entries that the case wrote itself; a panic is a failed case"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_core::values::{PayloadState, Rule, ScanRequest};
use bulla_core::{EntryId, SetDigest, VerifiedEntry};
use bulla_store::{Erasure, Facts, FactsPage, Judgement, Mark, Place};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;

use super::marks::{all_marked, check_counting, engine_of, judgement, not, ruled, unruled};
use super::read::{counted, head, put_new, scan_ids};
use super::restart::restart;
use crate::suite::author::{Draft, header_of, ids, whole};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Judged Must "marks-listed" ["MARK-8"] listed),
    case!(Judged Must "marks-authored" ["MARK-8"] authored),
    case!(Judged Must "marks-facts" ["MARK-8"] facts),
    case!(Judged Must "marks-restart" ["MARK-7"] restarted),
    case!(Judged Must "marks-concurrent" ["MARK-9", "STO-7"] concurrent),
    case!(Judged Must "marks-judged-by" ["MARK-6"] judged_by),
    case!(Judged Must "marks-watched" ["MARK-9", "WATCH-2"] watched),
];

const BY: SetDigest = SetDigest([0xd1; 32]);
const CUT: &str = "directory.cut";
const STRANGER: &str = "directory.stranger";

async fn listed(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 9)?;
    let marks = (0..9).map(|n| if n % 3 == 0 { Mark::Counts } else { not(CUT) });
    engine.put_judged(&stage.cx, whole(&entries).into_iter().zip(marks).collect()).await?;
    let expected = all_marked(&stage, &*engine).await?;
    let receipts: Vec<u64> = expected.iter().map(|facts| facts.receipt).collect();
    check_eq!(receipts, [2, 3, 5, 6, 8, 9], "by receipt");
    for limit in [1, 2, 4, 6, 7] {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let FactsPage { facts, end } = engine.marked(&stage.cx, after, limit).await?;
            check!(facts.len() <= limit, "no more than asked for");
            check!(end || facts.len() == limit, "and no fewer before the end");
            after = facts.last().map_or(after, |facts| facts.receipt);
            found.extend(facts);
            if end {
                break;
            }
            check!(found.len() < entries.len(), "a listing comes to its end");
        }
        check_eq!(found, expected, "page by page the same");
    }
    let beyond = engine.marked(&stage.cx, u64::MAX, 1).await?;
    check_eq!(beyond, FactsPage { facts: Vec::new(), end: true }, "nothing beyond the last");
    Ok(())
}

async fn authored(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let mut author = stage.world.author(0);
    let first = author.write(Draft::default())?;
    let mut branch = author.clone();
    let second = author.write(Draft { content: 2, ..Draft::default() })?;
    let fork = branch.write(Draft { content: 3, ..Draft::default() })?;
    let third = author.write(Draft { content: 4, ..Draft::default() })?;
    let others = stage.world.entries(1, 2)?;
    // In an order that is not that of their sequence.
    let order = [&third, &others[0], &fork, &first, &second, &others[1]];
    let batch = whole(order).into_iter().map(|entry| {
        let mark = if entry.id() == fork.id() { not(CUT) } else { Mark::Counts };
        (entry, mark)
    });
    engine.put_judged(&stage.cx, batch.collect()).await?;
    let fact = |entry: &VerifiedEntry, receipt, mark| {
        Facts::of(entry.verified_header(), receipt, mark, PayloadState::Present)
    };
    let expected = [
        fact(&first, 4, Mark::Counts),
        fact(&fork, 3, not(CUT)),
        fact(&second, 5, Mark::Counts),
        fact(&third, 1, Mark::Counts),
    ];
    let id = author.id();
    for limit in [1, 2, 3, 4, 5] {
        let (mut after, mut found) = (Place::default(), Vec::new());
        loop {
            let page = engine.authored(&stage.cx, id, after, limit).await?;
            after = page.facts.last().map_or(after, Facts::place);
            found.extend(page.facts);
            if page.end {
                break;
            }
            check!(found.len() < expected.len(), "a listing comes to its end");
        }
        check_eq!(found, expected, "by sequence, branches by receipt");
    }
    let from = engine.authored(&stage.cx, id, Place::before(2), 10).await?;
    check_eq!(from.facts, expected[1..], "from a sequence on");
    let last = Place { sequence: u64::MAX, receipt: u64::MAX };
    let none = FactsPage { facts: Vec::new(), end: true };
    check_eq!(engine.authored(&stage.cx, id, last, 10).await?, none, "nothing after the end");
    let stranger = stage.world.author(7).id();
    let page = engine.authored(&stage.cx, stranger, Place::default(), 10).await?;
    check_eq!(page, none, "nothing by one who wrote nothing");
    Ok(())
}

async fn facts(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    let genesis = stage.world.genesis();
    let batch = vec![
        (genesis.clone().into(), Mark::Counts),
        (header_of(&entries[0]).into(), not(CUT)),
        (entries[1].clone().into(), Mark::Counts),
    ];
    engine.put_judged(&stage.cx, batch).await?;
    let asked = [entries[1].id(), entries[2].id(), entries[0].id(), genesis.id(), entries[1].id()];
    let known =
        Some(Facts::of(entries[1].verified_header(), 3, Mark::Counts, PayloadState::Present));
    let expected = [
        known.clone(),
        None,
        Some(Facts::of(entries[0].verified_header(), 2, not(CUT), PayloadState::Missing)),
        Some(Facts::of(genesis.verified_header(), 1, Mark::Counts, PayloadState::Present)),
        known,
    ];
    check_eq!(engine.facts(&stage.cx, &asked).await?, expected, "each in its place");
    check_eq!(engine.facts(&stage.cx, &[]).await?, [], "nothing asked");
    Ok(())
}

async fn restarted(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 40)?;
    let (early, late) = entries.split_at(30);
    let batch = whole(early).into_iter().zip((0..).map(|n| match n % 4 {
        0 => not(CUT),
        _ => Mark::Counts,
    }));
    engine.put_judged(&stage.cx, batch.collect()).await?;
    let flips = judgement(&[&entries[0], &entries[4]], &Mark::Counts);
    engine.mark(&stage.cx, Judgement { by: Some(BY), ..flips }).await?;
    let batch = whole(late).into_iter().map(|entry| (entry, not(STRANGER)));
    engine.put_judged(&stage.cx, batch.collect()).await?;
    let before = (head(&stage).await?, all_marked(&stage, &*engine).await?);
    drop(engine);
    let stage = restart(stage).await?;
    let engine = engine_of(&stage)?;
    check_eq!(engine.rule(&stage.cx).await?, Rule::Directory, "the rule");
    let after = (head(&stage).await?, all_marked(&stage, &*engine).await?);
    check_eq!(after, before, "head and marks are as they were");
    check_eq!(engine.judged_by(&stage.cx).await?, Some(BY), "and what they were made from");
    engine.mark(&stage.cx, judgement(&[&entries[8]], &Mark::Counts)).await?;
    check_eq!(all_marked(&stage, &*engine).await?.len(), before.1.len() - 1, "and goes on");
    Ok(())
}

async fn concurrent(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let mut tasks = Vec::new();
    for number in 0..4 {
        let entries = stage.world.entries(number, 24)?;
        let (engine, cx) = (Arc::clone(&engine), stage.cx.clone());
        let origin = stage.subject.origin.clone();
        tasks.push(tokio::spawn(async move {
            for (part, chunk) in entries.chunks(6).enumerate() {
                let mark = if part % 2 == 0 { Mark::Counts } else { not(CUT) };
                let batch = whole(chunk).into_iter().map(|entry| (entry, mark.clone()));
                engine.put_judged(&cx, batch.collect()).await?;
                // All that is there changes its mind; the last word on each is said below.
                let some: Vec<_> = entries.iter().step_by(2).collect();
                engine.mark(&cx, judgement(&some, &not(STRANGER))).await?;
                engine.mark(&cx, judgement(&some, &Mark::Counts)).await?;
                if let Some(origin) = &origin {
                    let ids = vec![chunk[0].id()];
                    let erasure = Erasure { by: EntryId([0xb1; 32]), is_prune: false, ids };
                    origin.erase(&cx, erasure).await?;
                }
            }
            let mine: Vec<_> = entries.iter().skip(1).step_by(2).collect();
            engine.mark(&cx, judgement(&mine, &not(CUT))).await?;
            Ok::<_, Failure>(entries)
        }));
    }
    let mut counting = Vec::new();
    let mut all = BTreeSet::new();
    for entries in try_join_all(tasks).await? {
        let entries = entries?;
        all.extend(ids(&entries));
        counting.extend(entries.into_iter().step_by(2));
    }
    let now = head(&stage).await?;
    check_counting(&now, &counting)?;
    let shown = scan_ids(&stage, ScanRequest::everything()).await?;
    check_eq!(shown.iter().copied().collect::<BTreeSet<_>>(), all, "all are held");
    check_eq!(now.held, counted(&shown), "and in the head");
    let marked: BTreeSet<_> =
        all_marked(&stage, &*engine).await?.into_iter().map(|facts| facts.id).collect();
    let expected: BTreeSet<_> =
        all.difference(&ids(&counting).into_iter().collect()).copied().collect();
    check_eq!(marked, expected, "what is listed is what does not count");
    Ok(())
}

async fn judged_by(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 1)?;
    put_new(&stage, whole(&entries), 1).await?;
    let mut marks = judgement(&[&entries[0]], &not(CUT));
    engine.mark(&stage.cx, marks.clone()).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, None, "not said");
    marks.by = Some(BY);
    engine.mark(&stage.cx, marks.clone()).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, Some(BY), "said with marks that changed nothing");
    marks.by = None;
    marks.marks = vec![(entries[0].id(), Mark::Counts)];
    engine.mark(&stage.cx, marks).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, Some(BY), "a part of a judgement leaves it");
    engine.mark(&stage.cx, Judgement { marks: Vec::new(), by: Some(SetDigest([2; 32])) }).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, Some(SetDigest([2; 32])), "and says it anew");
    Ok(())
}

async fn watched(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = unruled(ground).await?;
    let entries = stage.world.entries(0, 1)?;
    put_new(&stage, whole(&entries), 1).await?;
    let mut heads = stage.subject.store.watch(&stage.cx).await?;
    let mut goals = vec![head(&stage).await?];
    engine.set_rule(&stage.cx, Rule::Directory).await?;
    goals.push(head(&stage).await?);
    for mark in [not(CUT), Mark::Counts] {
        // The heads of what went before are read first, so that none of them can stand for this one.
        let goal = goals.last().copied();
        while let Some(head) = heads.next().await {
            if Some(head?) == goal {
                break;
            }
        }
        engine.mark(&stage.cx, judgement(&[&entries[0]], &mark)).await?;
        goals.push(head(&stage).await?);
    }
    let goal = goals.last().copied();
    while let Some(head) = heads.next().await {
        if Some(head?) == goal {
            return Ok(());
        }
    }
    Err(Failure::Broken("the watch ended while the store is open".into()))
}
