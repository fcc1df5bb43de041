//! The same entries in any order, in any batches, twice, with crashes in between: the same counts everywhere, and it is what
//! the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_core::cbor::Encode as _;
use bulla_core::control::{Claimed, Control, Frontier};
use bulla_core::values::{PayloadState, PutOutcome};
use bulla_core::verify::attach_payload;
use bulla_core::{ContentHash, EntryId, Kind, Verified, VerifiedEntry, VerifiedHeader};
use bulla_store::MemoryBookmarks;

use crate::answers::Answers;
use crate::backend;
use crate::entries::Device;
use crate::history::{History, Worlds};
use crate::random::Random;
use crate::replica::{Replica, Seen, pull};

/// Random histories; over a slower store a part of them.
const HISTORIES: u64 = 400 / backend::STEP as u64;

/// Clauses: ADM-5, ADM-6, ADM-8, ADM-9, ADM-10, ADM-13, ADM-14, MARK-6.
#[tokio::test]
async fn replicas_agree_whatever_came_when() {
    let worlds = Worlds::keen();
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds(HISTORIES) {
        let history = worlds.history(seed, 8 + seed as usize % 40);
        let mut entries = whole(&history);
        if !seed.is_multiple_of(3) {
            withhold(&history, &mut entries, &mut Random::new(seed));
        }
        let first = replica(&history, &entries, seed * 2, 1).await;
        let second = replica(&history, &entries, seed * 2 + 1, 2).await;
        let (one, other) =
            (agrees(&first, &history, seed).await, agrees(&second, &history, seed).await);
        assert_eq!(first.head().await.control, second.head().await.control, "seed {seed}");
        assert_eq!(first.head().await.counting, second.head().await.counting, "seed {seed}");
        for entry in &entries {
            let (one, other) = (one.word(&entry.id()), other.word(&entry.id()));
            let is_known = |word: &Option<String>| {
                word.as_deref().is_some_and(|word| word != "directory.stranger")
            };
            // Of strangers nothing is kept, and what came while they were none stays.
            if is_known(&one) || is_known(&other) {
                assert_eq!(one, other, "seed {seed}: {}", entry.id());
            }
            *words.entry(one.unwrap_or_else(|| "not here".to_owned())).or_default() += 1;
        }
        if seed.is_multiple_of(8) {
            third_from(&first, &history, seed).await;
        }
    }
    if std::env::var("BULLA_ADMISSION_SEED").is_err() && backend::STEP == 1 {
        let expected = [("counts", 1_000), ("directory.cut", 500), ("directory.open", 4)];
        for (word, least) in expected {
            assert!(words.get(word) > Some(&least), "{word} came too rarely: {words:?}");
        }
    }
}

/// Withholds an entry from everybody, at best one where a chain is cut.
fn withhold(history: &History, entries: &mut Vec<Verified>, random: &mut Random) {
    let controls = history.entries.iter().filter_map(VerifiedEntry::control);
    let cuts = controls.flat_map(|control| match control {
        Control::Revoke(revoke) => revoke.cuts.0,
        Control::Role(change) => change.cuts.map_or_else(Vec::new, |cuts| cuts.0),
        Control::Recovery(recovery) => {
            recovery.revoked.into_iter().flat_map(|removed| removed.cuts.0).collect()
        }
        _ => Vec::new(),
    });
    let cuts: BTreeSet<EntryId> = cuts.map(|cut| cut.id).collect();
    let is_cut = |entry: &Verified| cuts.contains(&entry.id()) && !entry.header().kind.is_control();
    let places: Vec<usize> =
        entries.iter().enumerate().filter(|(_, entry)| is_cut(entry)).map(|(at, _)| at).collect();
    let lost = random.pick(&places).unwrap_or_else(|| random.below(entries.len()));
    entries.remove(lost);
}

/// A new replica takes everything from one that has it, and the run ends; so does the next.
async fn third_from(first: &Replica, history: &History, seed: u64) {
    let third = Replica::open(history.space, 3).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let mut runs = 0;
    loop {
        let report = pull(&first.store, &third.store, &bookmarks).await;
        runs += 1;
        assert!(runs < 8, "seed {seed}: {report}");
        if report.counts.stored == 0 {
            assert!(
                report.verdict.is_complete() || wants_payloads(first).await,
                "seed {seed}: {report}"
            );
            break;
        }
    }
    agrees(&third, history, seed).await;
    let seen = (first.seen().await, third.seen().await);
    assert_eq!(first.head().await.counting, third.head().await.counting, "seed {seed}");
    assert_eq!(seen.0.counting(), seen.1.counting(), "seed {seed}");
}

/// Each of two replicas was given a part only, and they pull from each other until neither learns anything: then both say the
/// same of whatever both have, the same counts, and it is what the model says.
///
/// Clauses: ADM-5, ADM-6, ADM-9, ADM-10.
#[tokio::test]
async fn two_replicas_that_pull_from_each_other_agree() {
    let worlds = Worlds::keen();
    for seed in seeds(HISTORIES / 4) {
        let history = worlds.history(seed, 8 + seed as usize % 40);
        let mut random = Random::new(seed ^ 0x2_0000);
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for entry in whole(&history) {
            match random.below(4) {
                0 => ones.push(entry),
                1 => others.push(entry),
                _ => {
                    ones.push(entry.clone());
                    others.push(entry);
                }
            }
        }
        let one = replica(&history, &ones, seed * 2, 1).await;
        let other = replica(&history, &others, seed * 2 + 1, 2).await;
        let (bookmarks, back) = (Arc::default(), Arc::default());
        for round in 0.. {
            assert!(round < 12, "seed {seed}: they go on for ever");
            let there = pull(&other.store, &one.store, &bookmarks).await;
            let back = pull(&one.store, &other.store, &back).await;
            if there.counts.stored + back.counts.stored == 0 {
                break;
            }
        }
        let seen = (says(&one, &history, seed).await, says(&other, &history, seed).await);
        for (one, other) in [(&seen.0, &seen.1), (&seen.1, &seen.0)] {
            for (id, (code, state)) in &one.held {
                // It may have been erased at both, by what counts no more.
                let is_lost = *state == PayloadState::Missing && code.is_none();
                let has = other.held.get(id).map(|(_, state)| *state);
                assert!(
                    !is_lost || has == Some(PayloadState::Missing),
                    "seed {seed}: {id}, {has:?}"
                );
            }
        }
        let heads = (one.head().await, other.head().await);
        assert_eq!(heads.0.control, heads.1.control, "seed {seed}");
        assert_eq!(seen.0.counting(), seen.1.counting(), "seed {seed}");
        assert_eq!(heads.0.counting, heads.1.counting, "seed {seed}");
        for id in seen.0.held.keys().chain(seen.1.held.keys()) {
            // What does not count need not be everywhere: who counts the same is asked for nothing.
            if let (Some(one), Some(other)) = (seen.0.word(id), seen.1.word(id)) {
                assert_eq!(one, other, "seed {seed}: {id}");
            }
        }
    }
}

/// Whether payloads are missing at the source, so that no run can be complete.
async fn wants_payloads(replica: &Replica) -> bool {
    replica.headers().await.iter().any(|(_, state)| *state == PayloadState::Missing)
}

/// A replica that was given everything, in its own way, until nothing changed any more.
async fn replica(history: &History, entries: &[Verified], seed: u64, number: u8) -> Replica {
    let mut random = Random::new(seed);
    let mut replica = Replica::open(history.space, number).await;
    let mut order = entries.to_vec();
    match random.below(3) {
        0 => random.shuffle(&mut order),
        1 => order.reverse(),
        _ => {}
    }
    let again = random.some(&order, 5);
    order.extend(again);
    while !order.is_empty() {
        let rest = order.split_off((1 + random.below(7)).min(order.len()));
        let mut batch = std::mem::replace(&mut order, rest);
        if random.one_in(6) {
            // A header comes before its payload.
            batch = batch.iter().map(|entry| entry.verified_header().clone().into()).collect();
        }
        replica.put(&batch).await;
        if random.one_in(9) {
            replica = replica.reopen().await;
        }
    }
    for round in 0.. {
        assert!(round < 40, "seed {seed}: it goes on for ever");
        let mut is_new = false;
        for outcome in replica.put(entries).await {
            is_new |= matches!(outcome, PutOutcome::Stored(_) | PutOutcome::PayloadAdded(_));
        }
        if !is_new {
            break;
        }
    }
    replica.assert_settled().await;
    replica
}

/// What a replica that was given everything says is what the model says, and no payload is missing.
async fn agrees(replica: &Replica, history: &History, seed: u64) -> Seen {
    let seen = says(replica, history, seed).await;
    for (id, (_, state)) in &seen.held {
        assert_ne!(*state, PayloadState::Missing, "seed {seed}: {id}");
    }
    seen
}

/// What a replica says is what the model says of the control entries that it holds.
pub(crate) async fn says(replica: &Replica, history: &History, seed: u64) -> Seen {
    let seen = replica.seen().await;
    let controls = replica.controls().await;
    let held = replica.headers().await;
    let is_other = |header: &VerifiedHeader| {
        let kind = header.header().kind;
        !kind.is_control() || kind == Kind::FRONTIER
    };
    let mut others: Vec<VerifiedHeader> =
        held.iter().map(|(header, _)| header.clone()).filter(is_other).collect();
    others.extend(replica.kept_headers().await);
    let known =
        History { space: history.space, entries: controls, others, groups: history.groups.clone() };
    let expected = Answers::of_model(&known);
    for (id, (code, payload)) in &seen.held {
        let word = expected.verdicts.get(id).or_else(|| expected.others.get(id));
        let word = word.unwrap_or_else(|| panic!("seed {seed}: the model does not know {id}"));
        let word = if word == "open" { "directory.open" } else { word.as_str() };
        assert_eq!(code.as_deref().unwrap_or("counts"), word, "seed {seed}: {id}");
        match payload {
            PayloadState::Erased(_) => assert!(expected.erased.contains(id), "seed {seed}: {id}"),
            PayloadState::Present => assert!(!expected.erased.contains(id), "seed {seed}: {id}"),
            PayloadState::Missing => {}
            PayloadState::Pruned(_) => panic!("seed {seed}: {id} is {payload:?}"),
        }
    }
    for (id, code) in &seen.kept {
        assert_eq!(expected.others.get(id), Some(code), "seed {seed}: {id} in quarantine");
    }
    seen
}

/// The entries of a history with their payloads.
pub(crate) fn whole(history: &History) -> Vec<Verified> {
    let keys: Vec<_> = (0..8).map(|number| Device::new(number).key).collect();
    let frontiers: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| {
            let claimed = Claimed { author: *key, sequence: 1, id: EntryId([1; 32]) };
            Frontier { proven: vec![], claimed: vec![claimed] }.to_cbor()
        })
        .collect();
    let others = history.others.iter().map(|header| {
        let operation = vec![0; 16];
        let payloads = [operation].into_iter().chain(frontiers.clone());
        let mut fitting =
            payloads.filter(|payload| ContentHash::of(payload) == header.header().content_hash);
        attach_payload(header.clone(), fitting.next().unwrap().into()).unwrap().into()
    });
    history.entries.iter().cloned().map(Verified::from).chain(others).collect()
}

pub(crate) fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("BULLA_ADMISSION_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..count).collect(),
    }
}
