//! What counts among what is held, by word of an admission.

#![expect(
    clippy::indexing_slicing,
    reason = "of entries that the case wrote itself; a panic is a failed case"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::{
    Counting, GetItem, Has, Head, PayloadState, PutOutcome, Rule, ScanRequest,
};
use bulla_core::{Code, EntryId, SetDigest, VerifiedEntry};
use bulla_store::{
    Erasure, Facts, FactsPage, JudgedEngine, Judgement, Mark, MarkReport, Place, StoreExt as _,
};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;

use super::read::{check_same, counted, get, head, put, put_new, scan, scan_ids};
use super::restart::restart;
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Judged Must "marks-begin-with-rule-all" ["MARK-1"] begins_with_all),
    case!(Judged Must "marks-rule-over-entries" ["MARK-1", "HEAD-4"] rule_over_entries),
    case!(Judged Must "marks-stored-with-entries" ["MARK-2", "MARK-4", "HEAD-1"] stored_with),
    case!(Judged Must "marks-hide-nothing" ["MARK-2"] hide_nothing),
    case!(Judged Must "marks-payload-and-erasure" ["MARK-2", "PUT-4", "ERA-1"] payloads),
    case!(Judged Must "marks-control-entries" ["MARK-3"] control),
    case!(Judged Must "marks-duplicates-keep-theirs" ["MARK-4"] duplicates),
    case!(Judged Must "marks-unjudged-entries-count" ["MARK-4", "MARK-6"] unjudged),
    case!(Judged Must "marks-back-and-forth" ["MARK-5", "MARK-2"] back_and_forth),
    case!(Judged Must "marks-twice" ["MARK-5"] twice),
    case!(Judged Must "marks-unknown-ids" ["MARK-5"] unknown),
    case!(Judged Must "marks-bounds" ["MARK-5", "MARK-8", "STO-10"] bounds),
    case!(Judged Must "marks-judged-by" ["MARK-6"] judged_by),
    case!(Judged Must "marks-listed" ["MARK-8"] listed),
    case!(Judged Must "marks-authored" ["MARK-8"] authored),
    case!(Judged Must "marks-facts" ["MARK-8"] facts),
    case!(Judged Must "marks-watched" ["MARK-9", "WATCH-2"] watched),
    case!(Judged Must "marks-same-set-same-digest" ["MARK-2", "HEAD-5"] same_set),
    case!(Judged Must "marks-restart" ["MARK-7"] restarted),
    case!(Judged Must "marks-concurrent" ["MARK-9", "STO-7"] concurrent),
];

const BY: SetDigest = SetDigest([0xd1; 32]);

/// A fresh store and its engine, under the rule *all*.
pub(super) async fn unruled(ground: &Ground) -> Result<(Stage, Arc<dyn JudgedEngine>), Failure> {
    let stage = ground.fresh().await?;
    let engine = engine_of(&stage)?;
    Ok((stage, engine))
}

/// A fresh store under the rule *directory*.
pub(super) async fn ruled(ground: &Ground) -> Result<(Stage, Arc<dyn JudgedEngine>), Failure> {
    let (stage, engine) = unruled(ground).await?;
    engine.set_rule(&stage.cx, Rule::Directory).await?;
    Ok((stage, engine))
}

pub(super) fn engine_of(stage: &Stage) -> Result<Arc<dyn JudgedEngine>, Failure> {
    stage.subject.judged.clone().ok_or(Failure::Missing("this store does not judge"))
}

pub(super) fn not(code: &'static str) -> Mark {
    Mark::Not(Code::new(code))
}

const CUT: &str = "directory.cut";
const STRANGER: &str = "directory.stranger";

fn judgement(entries: &[&VerifiedEntry], mark: &Mark) -> Judgement {
    let marks = entries.iter().map(|entry| (entry.id(), mark.clone())).collect();
    Judgement { marks, by: None }
}

/// Checks that of what is held exactly these entries count.
fn check_counting<'e>(
    head: &Head,
    counting: impl IntoIterator<Item = &'e VerifiedEntry>,
) -> Result<(), Failure> {
    let expected = counted(&ids(counting));
    check_eq!(head.counting, Counting::Directory(expected), "exactly the unmarked count");
    Ok(())
}

async fn all_marked(stage: &Stage, engine: &dyn JudgedEngine) -> Result<Vec<Facts>, Failure> {
    let page = engine.marked(&stage.cx, 0, usize::MAX).await?;
    check!(page.end, "the suite marks fewer entries than a page has room for");
    Ok(page.facts)
}

async fn begins_with_all(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = unruled(ground).await?;
    let entries = stage.world.entries(0, 2)?;
    put_new(&stage, whole(entries.iter().take(1)), 1).await?;
    let before = head(&stage).await?;
    check_eq!(engine.rule(&stage.cx).await?, Rule::All, "the rule of every new store");
    let batch = whole(&entries).into_iter().map(|entry| (entry, Mark::Counts)).collect();
    let error = check_err!(engine.put_judged(&stage.cx, batch).await, "judged under all");
    check_eq!(error.code().as_str(), "store.unsupported", "its code");
    let marks = Judgement { by: Some(BY), ..judgement(&[&entries[0]], &not(CUT)) };
    let error = check_err!(engine.mark(&stage.cx, marks).await, "marked under all");
    check_eq!(error.code().as_str(), "store.unsupported", "its code");
    check_eq!(head(&stage).await?, before, "nothing was stored or marked");
    check_eq!(engine.judged_by(&stage.cx).await?, None, "nor judged");
    engine.set_rule(&stage.cx, Rule::All).await?;
    check_eq!(head(&stage).await?.counting, Counting::All, "it is under that rule");
    engine.set_rule(&stage.cx, Rule::Directory).await?;
    check_eq!(engine.rule(&stage.cx).await?, Rule::Directory, "brought under the directory");
    let error = check_err!(engine.set_rule(&stage.cx, Rule::All).await, "the way back");
    check_eq!(error.code().as_str(), "store.unsupported", "its code");
    check_eq!(engine.rule(&stage.cx).await?, Rule::Directory, "for ever");
    Ok(())
}

async fn rule_over_entries(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = unruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    engine.set_rule(&stage.cx, Rule::Directory).await?;
    let expected = Head { counting: Counting::Directory(before.held), ..before };
    check_eq!(head(&stage).await?, expected, "everything counts still, by the other rule");
    check_eq!(engine.judged_by(&stage.cx).await?, None, "and nobody judged it");
    engine.mark(&stage.cx, judgement(&[&entries[1]], &not(CUT))).await?;
    check_counting(&head(&stage).await?, [&entries[0], &entries[2]])?;
    engine.set_rule(&stage.cx, Rule::Directory).await?;
    check_counting(&head(&stage).await?, [&entries[0], &entries[2]])
}

async fn stored_with(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 6)?;
    let marks = [Mark::Counts, not(CUT), not(STRANGER), Mark::Counts, not(CUT), Mark::Counts];
    let batch = whole(&entries).into_iter().zip(marks.clone()).collect();
    let report = engine.put_judged(&stage.cx, batch).await?;
    let expected: Vec<_> = (1..=6).map(PutOutcome::Stored).collect();
    check_eq!(report.outcomes, expected, "each gets the next receipt, marked or not");
    let now = head(&stage).await?;
    check_eq!(report.lineage, now.lineage, "receipts of this history");
    check_eq!((now.last_receipt, now.held), (6, counted(&ids(&entries))), "all are held");
    check_eq!(now.present, counted(&ids(&entries)), "with their payloads");
    check_counting(&now, [&entries[0], &entries[3], &entries[5]])?;
    let marked: Vec<_> = all_marked(&stage, &*engine).await?;
    let expected: Vec<_> = (1..)
        .zip(entries.iter().zip(marks))
        .filter(|(_, (_, mark))| mark.code().is_some())
        .map(|(receipt, (entry, mark))| Facts::of(entry.verified_header(), receipt, mark))
        .collect();
    check_eq!(marked, expected, "those that do not count are listed with their reasons");
    Ok(())
}

async fn hide_nothing(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let plain = ground.fresh_in(&stage.world).await?;
    let entries = stage.world.entries(0, 4)?;
    let batch = whole(&entries).into_iter().map(|entry| (entry, not(CUT))).collect();
    engine.put_judged(&stage.cx, batch).await?;
    put_new(&plain, whole(&entries), 1).await?;
    for entry in &entries {
        check_same(&get(&stage, entry.id()).await?, entry)?;
        check_eq!(stage.subject.store.has_one(&stage.cx, entry.id()).await?, Has::Yes, "held");
    }
    let (shown, expected) = (
        scan(&stage, ScanRequest::everything()).await?,
        scan(&plain, ScanRequest::everything()).await?,
    );
    check_eq!(shown, expected, "a scan shows what is marked like anything else");
    check_counting(&head(&stage).await?, [])?;
    let status = stage.subject.store.status(&stage.cx).await?;
    check_eq!(status.entries, 4, "what is held");
    Ok(())
}

async fn payloads(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 2)?;
    let batch = headers(&entries).into_iter().map(|entry| (entry, not(CUT))).collect();
    engine.put_judged(&stage.cx, batch).await?;
    let before = head(&stage).await?;
    let outcomes = put(&stage, whole(&entries)).await?.outcomes;
    let added: Vec<_> = (1..=2).map(PutOutcome::PayloadAdded).collect();
    check_eq!(outcomes, added, "the payload of a marked entry is as good as any");
    let now = head(&stage).await?;
    check_eq!(now.present, counted(&ids(&entries)), "present");
    check_eq!((now.cursor(), now.counting), (before.cursor(), before.counting), "still marked");
    let erased = entries[0].id();
    if let Some(origin) = &stage.subject.origin {
        let by = EntryId([0xb1; 32]);
        origin.erase(&stage.cx, Erasure { by, is_prune: false, ids: vec![erased] }).await?;
        let expected = GetItem::Header(header_of(&entries[0]), PayloadState::Erased(by));
        check_eq!(get(&stage, erased).await?, expected, "erased like any");
        check_eq!(head(&stage).await?.counting, before.counting, "still marked");
        engine.mark(&stage.cx, judgement(&[&entries[0]], &Mark::Counts)).await?;
        check_eq!(get(&stage, erased).await?, expected, "a mark brings no payload back");
    }
    Ok(())
}

async fn control(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let genesis = stage.world.genesis().clone();
    let entries = stage.world.entries(0, 1)?;
    let batch = whole([&genesis, &entries[0]]);
    let marks = [not("directory.parents"), Mark::Counts];
    engine.put_judged(&stage.cx, batch.into_iter().zip(marks).collect()).await?;
    let now = head(&stage).await?;
    check_eq!(now.control, counted(&[genesis.id()]), "control entries are named in full");
    check_counting(&now, &entries)?;
    engine.mark(&stage.cx, judgement(&[&genesis], &Mark::Counts)).await?;
    let now = head(&stage).await?;
    check_eq!(now.control, counted(&[genesis.id()]), "whatever counts of them");
    check_counting(&now, [&genesis, &entries[0]])
}

async fn duplicates(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 2)?;
    let first =
        vec![(entries[0].clone().into(), not(CUT)), (entries[1].clone().into(), Mark::Counts)];
    engine.put_judged(&stage.cx, first).await?;
    let before = head(&stage).await?;
    let other =
        vec![(entries[0].clone().into(), Mark::Counts), (entries[1].clone().into(), not(CUT))];
    let outcomes = engine.put_judged(&stage.cx, other).await?.outcomes;
    let known: Vec<_> = (1..=2).map(PutOutcome::Duplicate).collect();
    check_eq!(outcomes, known, "held already");
    check_eq!(head(&stage).await?, before, "and each keeps its mark");
    check_eq!(put(&stage, whole(&entries)).await?.outcomes, known, "put without a word");
    check_eq!(head(&stage).await?, before, "nor does that change a mark");
    // Twice in one batch: the first word is the one it is stored with.
    let twin = stage.world.entries(1, 1)?;
    let batch = vec![(twin[0].clone().into(), not(CUT)), (twin[0].clone().into(), Mark::Counts)];
    let outcomes = engine.put_judged(&stage.cx, batch).await?.outcomes;
    check_eq!(outcomes, [PutOutcome::Stored(3), PutOutcome::Duplicate(3)], "stored once");
    check_counting(&head(&stage).await?, [&entries[1]])
}

async fn unjudged(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 4)?;
    let (judged, unjudged) = entries.split_at(2);
    engine.mark(&stage.cx, Judgement { marks: Vec::new(), by: Some(BY) }).await?;
    let batch = whole(judged).into_iter().map(|entry| (entry, Mark::Counts)).collect();
    engine.put_judged(&stage.cx, batch).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, Some(BY), "what comes judged changes nothing");
    put(&stage, whole(judged)).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, Some(BY), "nor does what is held already");
    put_new(&stage, whole(unjudged), 3).await?;
    check_eq!(engine.judged_by(&stage.cx).await?, None, "nobody has judged these");
    check_counting(&head(&stage).await?, &entries)
}

async fn back_and_forth(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 5)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    let shown = scan(&stage, ScanRequest::everything()).await?;
    let some = [&entries[0], &entries[3]];
    for code in [CUT, STRANGER, CUT] {
        let report = engine.mark(&stage.cx, judgement(&some, &not(code))).await?;
        check_eq!(report.changed, 2, "both are marked now");
        let now = head(&stage).await?;
        check_counting(&now, [&entries[1], &entries[2], &entries[4]])?;
        check_eq!(Head { counting: before.counting, ..now }, before, "nothing else changed");
        let codes: BTreeSet<Option<Code>> = all_marked(&stage, &*engine)
            .await?
            .into_iter()
            .map(|facts| facts.mark.code().cloned())
            .collect();
        check_eq!(codes, BTreeSet::from([Some(Code::new(code))]), "by this reason");
        let report = engine.mark(&stage.cx, judgement(&some, &Mark::Counts)).await?;
        check_eq!(report.changed, 2, "both count again");
        check_eq!(head(&stage).await?, before, "and all is as it was");
        check_eq!(all_marked(&stage, &*engine).await?, [], "nothing is listed");
    }
    engine.mark(&stage.cx, judgement(&some, &not(CUT))).await?;
    let replaced = engine.mark(&stage.cx, judgement(&some, &not(STRANGER))).await?;
    check_eq!(replaced.changed, 2, "another reason is another mark");
    let now = head(&stage).await?;
    check_counting(&now, [&entries[1], &entries[2], &entries[4]])?;
    check_eq!(scan(&stage, ScanRequest::everything()).await?, shown, "receipts stay");
    // And receipts go on from there.
    put_new(&stage, whole(&stage.world.entries(1, 1)?), 6).await
}

async fn twice(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let marks = judgement(&[&entries[0], &entries[1]], &not(CUT));
    let report = engine.mark(&stage.cx, marks.clone()).await?;
    check_eq!(report, MarkReport { changed: 2, ..MarkReport::default() }, "the first time");
    let before = head(&stage).await?;
    let report = engine.mark(&stage.cx, marks).await?;
    check_eq!(report, MarkReport { unchanged: 2, ..MarkReport::default() }, "the second time");
    check_eq!(head(&stage).await?, before, "changes nothing");
    // The last word stands, and an entry counts once.
    let (one, other) = (entries[0].id(), entries[2].id());
    let marks =
        vec![(one, Mark::Counts), (other, not(CUT)), (one, not(CUT)), (other, Mark::Counts)];
    let report = engine.mark(&stage.cx, Judgement { marks, by: None }).await?;
    check_eq!(report, MarkReport { unchanged: 2, ..MarkReport::default() }, "as they were");
    check_eq!(head(&stage).await?, before, "the last word is the present state");
    Ok(())
}

async fn unknown(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(entries.iter().take(1)), 1).await?;
    let marks = judgement(&[&entries[2], &entries[0], &entries[1]], &not(CUT));
    let report = engine.mark(&stage.cx, marks).await?;
    let unknown = vec![entries[2].id(), entries[1].id()];
    check_eq!(report, MarkReport { changed: 1, unchanged: 0, unknown }, "named, in order");
    check_counting(&head(&stage).await?, [])?;
    put_new(&stage, whole(entries.iter().skip(1)), 2).await?;
    check_counting(&head(&stage).await?, entries.iter().skip(1))
}

async fn bounds(ground: &Ground) -> Result<(), Failure> {
    let (stage, engine) = ruled(ground).await?;
    let entries = stage.world.entries(0, 2)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    let many = |count: usize| {
        let marks = std::iter::repeat_n((entries[0].id(), not(CUT)), count).collect();
        Judgement { marks, by: Some(BY) }
    };
    let error = check_err!(engine.mark(&stage.cx, many(4_097)).await, "4,097 marks");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    let given = whole(entries.iter().take(1)).into_iter().map(|entry| (entry, Mark::Counts));
    let batch = given.cycle().take(MAX_ENTRIES_PER_PUT + 1).collect();
    let error = check_err!(engine.put_judged(&stage.cx, batch).await, "4,097 entries");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    let ids = vec![entries[0].id(); 10_001];
    let error = check_err!(engine.facts(&stage.cx, &ids).await, "10,001 ids");
    check_eq!(error.code().as_str(), "request.too_large", "its code");
    check_eq!(head(&stage).await?, before, "nothing was done");
    check_eq!(engine.judged_by(&stage.cx).await?, None, "nothing was said");
    check_eq!(engine.mark(&stage.cx, many(4_096)).await?.changed, 1, "4,096 are allowed");
    check_eq!(engine.marked(&stage.cx, 0, 0).await?.facts.len(), 1, "no items mean one");
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
    let fact =
        |entry: &VerifiedEntry, receipt, mark| Facts::of(entry.verified_header(), receipt, mark);
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
    let known = Some(Facts::of(entries[1].verified_header(), 3, Mark::Counts));
    let expected = [
        known.clone(),
        None,
        Some(Facts::of(entries[0].verified_header(), 2, not(CUT))),
        Some(Facts::of(genesis.verified_header(), 1, Mark::Counts)),
        known,
    ];
    check_eq!(engine.facts(&stage.cx, &asked).await?, expected, "each in its place");
    check_eq!(engine.facts(&stage.cx, &[]).await?, [], "nothing asked");
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

async fn same_set(ground: &Ground) -> Result<(), Failure> {
    let (one, first) = ruled(ground).await?;
    let other = ground.fresh_in(&one.world).await?;
    let second = engine_of(&other)?;
    second.set_rule(&other.cx, Rule::Directory).await?;
    let entries = one.world.entries(0, 8)?;
    let bad: Vec<_> = entries.iter().step_by(3).collect();
    put_new(&one, whole(&entries), 1).await?;
    first.mark(&one.cx, judgement(&bad, &not(CUT))).await?;
    // The other way round, one after the other, and without what does not count.
    for entry in entries.iter().rev().filter(|entry| !bad.contains(entry)) {
        let batch = vec![(entry.clone().into(), Mark::Counts)];
        second.put_judged(&other.cx, batch).await?;
    }
    let (one, other) = (head(&one).await?, head(&other).await?);
    check!(one.same_entries(&other), "what counts is the same: {one:?} {other:?}");
    check!(one.held != other.held, "what is held is not");
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
