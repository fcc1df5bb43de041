//! Replicas with hardly any room, whose puts are dropped and fail, that were given a part of what there is, once and in any
//! order: when they have pulled from each other they count the same, and it is what the model says. What a replica keeps in
//! quarantine and another does not have is seen by comparing the two alone: the model is told of both.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_admission::AdmissionSettings;
use bulla_core::control::{Revoke, Role};
use bulla_core::genesis::Policy;
use bulla_core::values::PayloadState;
use bulla_core::{EntryId, KeyId, SpaceId, Verified, VerifiedEntry};
use bulla_store::{KeptTotals, MemoryBookmarks, QuarantineBounds};

use crate::convergence::{says, seeds, whole};
use crate::engine::{Engine, Fault};
use crate::entries::{Device, cuts};
use crate::history::{History, Worlds};
use crate::random::Random;
use crate::replica::{Replica, pull};
use crate::scene::{Writer, found};

/// Random histories.
const HISTORIES: u64 = 80;

/// Clauses: ADM-6, ADM-7, ADM-8, ADM-9, ADM-10, ADM-11, QUAR-4.
#[tokio::test]
async fn replicas_with_hardly_any_room_agree() {
    let worlds = Worlds::keen();
    for seed in seeds(HISTORIES) {
        let mut random = Random::new(seed ^ 0x5_0000);
        let (history, entries) = if seed.is_multiple_of(2) {
            let history = worlds.history(seed, 8 + seed as usize % 40);
            let entries = whole(&history);
            (history, entries)
        } else {
            chains(&mut random, Policy::default())
        };
        two_agree(&history, &entries, seed, &mut random).await;
    }
}

/// Clauses: ADM-11, ADM-12.
#[tokio::test]
async fn what_was_used_of_quotas_is_what_is_counted_anew() {
    for seed in seeds(HISTORIES / 2) {
        let mut random = Random::new(seed ^ 0x6_0000);
        let mut few = |most: usize| random.one_in(2).then(|| 1 + random.below(most) as u64);
        let policy = Policy {
            author_entries: few(9),
            author_bytes: few(150),
            space_entries: few(40),
            space_bytes: Some(few(500).unwrap_or(10_000)),
            ..Policy::default()
        };
        let (history, entries) = chains(&mut random, policy);
        let mut replica = narrow(history.space, 1, &mut random).await;
        give(&mut replica, &entries, &mut random).await;
        let reopened = replica.reopen().await;
        for number in 1..7 {
            let key = Device::new(number).key;
            let (used, counted) = (replica.admission.usage(&key), reopened.admission.usage(&key));
            assert_eq!(used, counted, "seed {seed}: {number}");
        }
    }
}

async fn two_agree(history: &History, entries: &[Verified], seed: u64, random: &mut Random) {
    // A third knows nothing but by runs from the first.
    let mut given = [Vec::new(), Vec::new()];
    let (few, none) = (2 + random.below(9), 8 + random.below(60));
    for entry in entries {
        let only = random.one_in(few).then(|| random.below(2));
        let nobody = random.one_in(none);
        for (number, entries) in given.iter_mut().enumerate() {
            if !nobody && only.is_none_or(|only| only == number) {
                entries.push(entry.clone());
            }
        }
    }
    let mut one = narrow(history.space, 1, random).await;
    let mut other = narrow(history.space, 2, random).await;
    give(&mut one, &given[0], random).await;
    give(&mut other, &given[1], random).await;
    exchange(&mut one, &mut other, seed, random).await;
    let mut third = narrow(history.space, 3, random).await;
    exchange(&mut third, &mut one, seed, random).await;
    exchange(&mut one, &mut other, seed, random).await;
    agree((&one, &other), history, seed).await;
    agree((&one, &third), history, seed).await;
    for replica in [one, other, third] {
        let seen = replica.seen().await;
        assert_eq!(replica.reopen().await.seen().await, seen, "seed {seed}: opened again");
        replica.admission.retry(&replica.cx).await.unwrap();
        // Chains may be found to lead over more of what is in quarantine; nothing counts that did not.
        let again = replica.seen().await;
        assert_eq!(again.counting(), seen.counting(), "seed {seed}: judged again");
    }
}

/// Both pull from each other until there is nothing more to be had.
async fn exchange(one: &mut Replica, other: &mut Replica, seed: u64, random: &mut Random) {
    let (there, back) = (Arc::default(), Arc::default());
    for round in 0.. {
        assert!(round < 40, "seed {seed}: they go on for ever");
        let is_faulty = round < 6 && random.one_in(3);
        let first = run(other, one, &there, is_faulty, random).await;
        let second = run(one, other, &back, is_faulty, random).await;
        if !is_faulty && first + second == 0 {
            return;
        }
    }
}

/// The same counts for both, and it is what the model says.
async fn agree((one, other): (&Replica, &Replica), history: &History, seed: u64) {
    one.assert_settled().await;
    other.assert_settled().await;
    let seen = (says(one, history, seed).await, says(other, history, seed).await);
    for (one, other) in [(&seen.0, &seen.1), (&seen.1, &seen.0)] {
        for (id, (code, state)) in &one.held {
            let is_lost = *state == PayloadState::Missing && code.is_none();
            let has = other.held.get(id).map(|(_, state)| *state);
            assert!(!is_lost || has == Some(PayloadState::Missing), "seed {seed}: {id}, {has:?}");
        }
    }
    assert_eq!(seen.0.counting(), seen.1.counting(), "seed {seed}");
    let heads = (one.head().await, other.head().await);
    assert_eq!(heads.0.counting, heads.1.counting, "seed {seed}");
    let is_same = heads.0.control == heads.1.control;
    for id in seen.0.held.keys().chain(seen.1.held.keys()) {
        if let (Some(one), Some(other)) = (seen.0.word(id), seen.1.word(id)) {
            // Who counts the same asks for nothing: a header that would decide may be at one of them alone. And why an entry
            // does not count may depend on control entries that do not count either, for which there is no room.
            let is_open = |word: &String| word == "directory.open";
            let counts = |word: &String| word == "counts";
            assert!(
                one == other
                    || !counts(&one)
                        && !counts(&other)
                        && (!is_same || is_open(&one) || is_open(&other)),
                "seed {seed}: {id}, {one} and {other}, {is_same}"
            );
        }
    }
}

/// A replica with little room of some kinds.
async fn narrow(space: SpaceId, number: u8, random: &mut Random) -> Replica {
    let all = AdmissionSettings::default();
    let mut few = |most: usize, otherwise: u64| match random.below(2) {
        0 => 1 + random.below(most) as u64,
        _ => otherwise,
    };
    let refused = (few(4, all.author_refused), few(8, all.space_refused));
    let settings = AdmissionSettings {
        open_branches: few(3, 16) as usize,
        links: few(12, all.links as u64) as usize - 1,
        ..all.with_refused(refused.0, refused.1)
    };
    let most = QuarantineBounds::default();
    let bounds = QuarantineBounds {
        author: KeptTotals { entries: few(4, most.author.entries), ..most.author },
        all: KeptTotals { entries: few(7, most.all.entries), ..most.all },
    };
    let engine = Engine::with_bounds(space, number, bounds);
    Replica::over(engine, settings).await.unwrap()
}

/// Gives entries to a replica, in batches, most of them once; some puts fail or are dropped.
async fn give(replica: &mut Replica, entries: &[Verified], random: &mut Random) {
    let mut order = entries.to_vec();
    match random.below(6) {
        0 => random.shuffle(&mut order),
        1 => order.reverse(),
        // As they were written, but for some that come late.
        2 => {
            let late: BTreeSet<EntryId> = random.some(&order, 4).iter().map(Verified::id).collect();
            order.sort_by_key(|entry| late.contains(&entry.id()));
        }
        // The directory first, the end of chains before their beginning.
        3 | 4 => {
            match random.below(3) {
                0 => random.shuffle(&mut order),
                _ => order.reverse(),
            }
            order.sort_by_key(|entry| !entry.header().kind.is_control());
        }
        _ => {}
    }
    let again = random.some(&order, 4);
    order.extend(again);
    for _ in 0..random.below(4) {
        // What was refused for now is offered again.
        order.extend_from_slice(entries);
    }
    let most = 1 + random.below(9);
    while !order.is_empty() {
        let rest = order.split_off((1 + random.below(most)).min(order.len()));
        let mut batch = std::mem::replace(&mut order, rest);
        if random.one_in(7) {
            batch = batch.iter().map(|entry| entry.verified_header().clone().into()).collect();
        }
        let is_faulty = random.one_in(4);
        if is_faulty {
            let fault = random.pick(&Fault::ALL).unwrap();
            replica.engine.plan(1 + random.below(14) as u64, fault);
        }
        let told = replica.try_put(&batch).await;
        replica.engine.heal();
        assert!(is_faulty || matches!(told, Some(Ok(_))), "{told:?}");
        recover(replica, matches!(told, Some(Ok(_))), random).await;
    }
    replica.admission.settle(&replica.cx).await.unwrap();
}

/// What may happen when a call came to its end, or did not.
async fn recover(replica: &mut Replica, is_well: bool, random: &mut Random) {
    match random.below(if is_well { 12 } else { 4 }) {
        0 => *replica = replica.reopen().await,
        1 => replica.admission.settle(&replica.cx).await.unwrap(),
        2 => {
            replica.admission.retry(&replica.cx).await.unwrap();
        }
        _ => {}
    }
}

/// One pulls from the other; how many entries it stored.
async fn run(
    source: &Replica,
    target: &mut Replica,
    bookmarks: &Arc<MemoryBookmarks>,
    is_faulty: bool,
    random: &mut Random,
) -> u64 {
    if is_faulty {
        let fault = random.pick(&Fault::ALL).unwrap();
        target.engine.plan(1 + random.below(30) as u64, fault);
    }
    let engine = Arc::clone(&target.engine);
    let report = engine.unless_hung(pull(&source.store, &target.store, bookmarks)).await;
    engine.heal();
    if is_faulty {
        recover(target, report.is_some(), random).await;
        target.admission.settle(&target.cx).await.unwrap();
    }
    report.map_or(0, |report| report.counts.stored)
}

/// Writers whose chains fork, lead over entries of others and are cut in several places at once.
fn chains(random: &mut Random, policy: Policy) -> (History, Vec<Verified>) {
    let (founder, genesis) = found(policy);
    let space = founder.space();
    let mut seniors = vec![founder];
    let mut entries = vec![genesis];
    for number in 2..4 {
        let mut admin = Writer::new(number, space);
        let grant = seniors[0].grant(&admin.device, Role::Admin);
        admin.learn(&grant);
        seniors.push(admin);
        entries.push(grant);
    }
    // What each writer was after each of its entries.
    let mut writers: Vec<Vec<Writer>> = Vec::new();
    for number in 4..7 {
        let mut writer = Writer::new(number, space);
        let role = if random.one_in(4) { Role::Reader } else { Role::Writer };
        let grant = seniors[0].grant(&writer.device, role);
        for other in writers.iter_mut().flatten().chain(&mut seniors[1..]) {
            other.learn(&grant);
        }
        writer.learn(&grant);
        entries.push(grant);
        writers.push(vec![writer]);
    }
    for _ in 0..10 + random.below(50) {
        // Most is by the first.
        let at = random.below(3).min(random.below(3));
        match random.below(30) {
            0..=2 => {
                let writer = writers[at].clone();
                let by = random.below(seniors.len());
                entries.push(removed(&mut seniors[by], &writer, random));
            }
            3 => {
                let by = random.below(2);
                let admin = seniors[by + 1].clone();
                entries.push(removed(&mut seniors[by], &[admin], random));
            }
            4 => {
                let mut ids: BTreeSet<EntryId> =
                    random.some(&entries, 6).iter().map(VerifiedEntry::id).collect();
                ids.extend(random.pick(&entries).map(|entry| entry.id()));
                let by = random.below(seniors.len());
                entries.push(seniors[by].erase(ids.into_iter().collect()));
            }
            5 => {
                let learnt = random.pick(&entries).unwrap();
                let by = random.below(seniors.len());
                seniors[by].learn(&learnt);
            }
            _ => entries.extend(written(&mut writers[at], &entries, random)),
        }
    }
    let entries: Vec<Verified> = entries.into_iter().map(Verified::from).collect();
    let history =
        History { space, entries: Vec::new(), others: Vec::new(), groups: vec![EntryId::ZERO] };
    (history, entries)
}

/// The next entry of a writer, which may go on from any of those before.
fn written(
    writer: &mut Vec<Writer>,
    known: &[VerifiedEntry],
    random: &mut Random,
) -> Option<VerifiedEntry> {
    let mut next = writer.last()?.clone();
    if random.one_in(5) {
        next = random.pick(writer)?;
    }
    if random.one_in(12) {
        let foreign = random.pick(known)?;
        next.continue_at(foreign.id(), foreign.header().sequence);
    }
    if random.one_in(3) {
        next.learn(&random.pick(known)?);
    }
    let entry = match random.below(10) {
        0 => next.frontier(),
        1 => next.erase_range(&next.device.clone(), 1 + random.below(4) as u64),
        _ => next.seal(KeyId([20 + random.below(9) as u8; 32])),
    };
    writer.push(next);
    Some(entry)
}

/// A removal, or a lower role, by which some of what the device ever was counts.
fn removed(by: &mut Writer, was: &[Writer], random: &mut Random) -> VerifiedEntry {
    let device = was[0].device.clone();
    let mut named = Vec::new();
    for _ in 0..random.below(3) {
        named.extend(random.pick(was).unwrap().cuts().0);
    }
    let mut seen = BTreeSet::new();
    named.retain(|cut| seen.insert(cut.id));
    let cuts = cuts(named);
    match random.below(4) {
        0 => by.role(&device, Role::Reader, Some(cuts)),
        _ => by.control(&Revoke { device: device.key, cuts }.into()),
    }
}
