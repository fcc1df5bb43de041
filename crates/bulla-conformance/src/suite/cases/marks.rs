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
use bulla_store::{Erasure, Facts, JudgedEngine, Judgement, Mark, MarkReport, StoreExt as _};

use super::read::{check_same, counted, get, head, put, put_new, scan};
use crate::suite::author::{header_of, headers, ids, whole};
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
    case!(Judged Must "marks-same-set-same-digest" ["MARK-2", "HEAD-5"] same_set),
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

pub(super) fn judgement(entries: &[&VerifiedEntry], mark: &Mark) -> Judgement {
    let marks = entries.iter().map(|entry| (entry.id(), mark.clone())).collect();
    Judgement { marks, by: None }
}

/// Checks that of what is held exactly these entries count.
pub(super) fn check_counting<'e>(
    head: &Head,
    counting: impl IntoIterator<Item = &'e VerifiedEntry>,
) -> Result<(), Failure> {
    let expected = counted(&ids(counting));
    check_eq!(head.counting, Counting::Directory(expected), "exactly the unmarked count");
    Ok(())
}

pub(super) async fn all_marked(
    stage: &Stage,
    engine: &dyn JudgedEngine,
) -> Result<Vec<Facts>, Failure> {
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
        .map(|(receipt, (entry, mark))| {
            Facts::of(entry.verified_header(), receipt, mark, PayloadState::Present)
        })
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
