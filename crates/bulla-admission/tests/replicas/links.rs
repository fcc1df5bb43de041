//! What was refused and lies in a chain that decides: it goes with every run, so that nobody counts what others cannot judge.

use std::sync::Arc;

use bulla_admission::{AdmissionSettings, Totals};
use bulla_core::control::{Cut, Cuts, Revoke, Role};
use bulla_core::genesis::Policy;
use bulla_core::values::PayloadState;
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry};
use bulla_store::{KeptTotals, MemoryBookmarks, QuarantineBounds};

use crate::crashes::survives;
use crate::engine::Engine;
use crate::replica::{Replica, pull};
use crate::rules::{is_stored, pair, refused};
use crate::scene::{Writer, all, found, with_admin_and_writer};

/// Two removals of one writer at once, of which one lets more count.
struct Removed {
    space: SpaceId,
    founder: Writer,
    writer: Writer,
    controls: Vec<Verified>,
    /// What counts by both.
    within: Vec<VerifiedEntry>,
    /// What counts by one of them only, and leads to what counts.
    between: Vec<VerifiedEntry>,
}

fn removed_twice(policy: Policy) -> Removed {
    let (mut founder, mut admin, mut writer, mut controls) = with_admin_and_writer(policy);
    let space = founder.space();
    let within: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let near = admin.revoke(&writer);
    let between: Vec<_> = (0..2).map(|_| writer.write()).collect();
    let far = founder.revoke(&writer);
    controls.extend(all([&near, &far]));
    Removed { space, founder, writer, controls, within, between }
}

async fn assert_words(replica: &Replica, entries: &[VerifiedEntry], expected: &str) {
    let seen = replica.seen().await;
    for entry in entries {
        assert_eq!(seen.word(&entry.id()).as_deref(), Some(expected), "{seen:?}");
    }
}

/// Clauses: ADM-9.
#[tokio::test]
async fn what_was_refused_between_two_removals_goes_with_a_run() {
    let Removed { space, controls, within, between, .. } = removed_twice(Policy::default());
    let first = Replica::open(space, 1).await;
    first.put(&controls).await;
    let outcomes = first.put(&all(&between)).await;
    // The first lies at a cut that asks for nothing; no chain leads over them yet.
    assert_eq!(outcomes, vec![refused("directory.cut", false); 2]);
    assert_eq!(first.kept().await.len(), 2);
    let first = first.reopen().await;
    assert!(first.put(&all(&within)).await.iter().all(is_stored));
    assert_words(&first, &within, "counts").await;
    assert_words(&first, &between, "directory.cut").await;
    assert_eq!(first.kept().await.len(), 0, "what leads to what counts is stored");
    // With its payload: it may count one day.
    let seen = first.seen().await;
    for entry in &between {
        assert_eq!(seen.held[&entry.id()].1, PayloadState::Present);
    }

    let second = Replica::open(space, 2).await;
    let report = pull(&first.store, &second.store, &Arc::new(MemoryBookmarks::new())).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(second.seen().await, seen);
    assert_eq!(second.head().await.counting, first.head().await.counting);
    // Nothing is left to do, and nothing changes when they are opened again.
    for replica in [&first, &second] {
        replica.assert_settled().await;
        assert_eq!(replica.reopen().await.seen().await, seen);
    }
}

/// Clauses: ADM-9.
#[tokio::test]
async fn what_waits_for_it_has_what_is_refused_stored_in_whatever_order() {
    for order in 0..6 {
        let Removed { space, controls, within, between, .. } = removed_twice(Policy::default());
        let replica = Replica::open(space, 1).await;
        replica.put(&controls).await;
        let mut entries = all(within.iter().chain(&between));
        match order {
            0 => {}
            1 => entries.reverse(),
            seed => crate::random::Random::new(seed).shuffle(&mut entries),
        }
        for part in entries.chunks(1 + order as usize % 3) {
            replica.put(part).await;
        }
        assert_words(&replica, &within, "counts").await;
        assert_words(&replica, &between, "directory.cut").await;
        assert_eq!(replica.kept().await.len(), 0, "order {order}");
    }
}

/// What nothing counts behind stays in quarantine: it is bounded there.
///
/// Clauses: ADM-8, ADM-9.
#[tokio::test]
async fn what_leads_to_nothing_stays_in_quarantine() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let within = writer.write();
    let revocation = founder.revoke(&writer);
    let beyond: Vec<_> = (0..3).map(|_| writer.write()).collect();
    replica.put(&all([&revocation])).await;
    replica.put(&all(&beyond)).await;
    assert!(is_stored(&replica.put(&all([&within])).await[0]));
    assert_words(&replica, &beyond, "directory.cut").await;
    assert_eq!(replica.kept().await.len(), 3);
}

/// The author of what is refused fills its own quarantine; no length of chain keeps what counts from counting.
///
/// Clauses: ADM-9.
#[tokio::test]
async fn a_chain_longer_than_the_quarantine_is_followed() {
    let (mut founder, mut admin, mut writer, mut controls) =
        with_admin_and_writer(Policy::default());
    let space = founder.space();
    let mut chain = writer.write_many(5);
    let near = admin.revoke(&writer);
    chain.extend(writer.write_many(60));
    let far = founder.revoke(&writer);
    let author = KeptTotals { entries: 8, bytes: 4_096 };
    let bounds = QuarantineBounds { author, ..QuarantineBounds::default() };
    let engine = Engine::with_bounds(space, 1, bounds);
    let replica = Replica::over(engine, AdmissionSettings::default()).await.unwrap();
    controls.extend(all([&near, &far]));
    replica.put(&controls).await;
    // First as a source shows them, in parts smaller than the chain; then what was refused for now, as it is asked for again.
    let mut rounds = 0;
    loop {
        let mut is_new = false;
        for part in chain.chunks(25) {
            is_new |= replica.put(part).await.iter().any(is_stored);
        }
        if !is_new {
            break;
        }
        rounds += 1;
        assert!(rounds < 6, "each round goes on where the last one ended");
    }
    let seen = replica.seen().await;
    let word = |entry: &Verified| seen.word(&entry.id());
    assert!(chain[..5].iter().all(|entry| word(entry).as_deref() == Some("counts")));
    assert!(chain[5..].iter().all(|entry| word(entry).as_deref() == Some("directory.cut")));
    assert_eq!(replica.kept().await.len(), 0);
}

/// Whoever signs a long chain before its removal fills no store with it afterwards: beyond a bound its own entries stay open,
/// everywhere.
///
/// Clauses: ADM-9.
#[tokio::test]
async fn a_chain_signed_beforehand_fills_no_store() {
    // Of entries that go to quarantine otherwise with control entries among them, and of control entries alone.
    for of_each in [8, 0] {
        let (mut founder, mut admin, mut writer, mut controls) =
            with_admin_and_writer(Policy::default());
        let space = founder.space();
        let mut chain = writer.write_many(2);
        let near = admin.revoke(&writer);
        while chain.len() < 270 {
            chain.extend(writer.write_many(of_each));
            chain.push(writer.frontier().into());
        }
        let far = founder.revoke(&writer);
        controls.extend(all([&near, &far]));
        let author = KeptTotals { entries: 30, bytes: 1 << 20 };
        let bounds = QuarantineBounds { author, ..QuarantineBounds::default() };
        let settings = AdmissionSettings::default().with_asked_for(50, 1 << 20).with_refused(5, 5);
        let mut replicas = Vec::new();
        for (number, is_reversed) in [(1, false), (2, true)] {
            let engine = Engine::with_bounds(space, number, bounds);
            let replica = Replica::over(engine, settings).await.unwrap();
            replica.put(&controls).await;
            let mut chain = chain.clone();
            if is_reversed {
                chain.reverse();
            }
            for _ in 0..6 {
                for part in chain.chunks(25) {
                    replica.put(part).await;
                }
            }
            let held = replica.seen().await.held.len();
            assert!(held <= 5 + 2 + 50 + 5, "{held} entries held");
            assert!(replica.kept().await.len() <= 30);
            assert_open(&replica, &chain, 2).await;
            replicas.push(replica);
        }
        // Neither counts what the other does not.
        let bookmarks = Arc::new(MemoryBookmarks::new());
        pull(&replicas[0].store, &replicas[1].store, &bookmarks).await;
        assert_eq!(replicas[0].head().await.counting, replicas[1].head().await.counting);
    }
}

/// This many of the entries are open.
async fn assert_open(replica: &Replica, entries: &[Verified], open: usize) {
    let seen = replica.seen().await;
    let words = entries.iter().map(|entry| seen.word(&entry.id()));
    let count = words.filter(|word| word.as_deref() == Some("directory.open")).count();
    assert_eq!(count, open, "{seen:?}");
}

/// Clauses: ADM-9, ADM-12.
#[tokio::test]
async fn quotas_keep_no_chain_open() {
    let policy = Policy { author_entries: Some(2), author_bytes: Some(32), ..Policy::default() };
    let Removed { space, controls, within, between, writer, .. } = removed_twice(policy);
    let replica = Replica::open(space, 1).await;
    replica.put(&controls).await;
    assert!(replica.put(&all(&within[..2])).await.iter().all(is_stored));
    assert_words(&replica, &within[..2], "directory.open").await;
    // There is no room for more of this author, but for what its chain asks for.
    assert!(replica.put(&all(&within[2..])).await.iter().all(is_stored));
    replica.put(&all(&between)).await;
    assert_words(&replica, &within, "counts").await;
    assert_words(&replica, &between, "directory.cut").await;
    assert_eq!(replica.kept().await.len(), 0);
    let used = Totals { entries: 5, bytes: 80 };
    assert_eq!(replica.admission.usage(&writer.device.key), used);
    assert_eq!(replica.reopen().await.admission.usage(&writer.device.key), used);
}

/// An entry of somebody else where a chain should go on says that it ends there, be it refused itself or not.
///
/// Clauses: ADM-9.
#[tokio::test]
async fn a_header_of_another_author_decides_when_it_comes() {
    for role in [Role::Writer, Role::Reader] {
        let (mut founder, genesis) = found(Policy::default());
        let space = founder.space();
        let (mut writer, mut other) = (Writer::new(2, space), Writer::new(5, space));
        let grants =
            [founder.grant(&writer.device, Role::Writer), founder.grant(&other.device, role)];
        let entry = writer.write();
        let foreign = other.write();
        // The last entry of the writer names one of the other as the one before it.
        writer.continue_at(foreign.id(), 2);
        let last = writer.write();
        let revocation = founder.revoke(&writer);
        let replica = Replica::open(space, 1).await;
        replica.put(&all([&genesis, &grants[0], &grants[1], &revocation])).await;
        replica.put(&all([&last, &entry])).await;
        assert_words(&replica, std::slice::from_ref(&entry), "directory.open").await;
        replica.put(&all([&foreign])).await;
        assert_words(&replica, std::slice::from_ref(&entry), "directory.cut").await;
        let word = if role == Role::Writer { "counts" } else { "directory.no_right" };
        assert_words(&replica, std::slice::from_ref(&foreign), word).await;
        assert_eq!(replica.kept().await.len(), 0, "{role:?}");
        let second = Replica::open(space, 2).await;
        pull(&replica.store, &second.store, &Arc::new(MemoryBookmarks::new())).await;
        assert_eq!(second.seen().await, replica.seen().await);
    }
}

/// Clauses: ADM-9, ADM-14.
#[tokio::test]
async fn what_was_erased_in_quarantine_is_erased_when_a_chain_asks_for_it() {
    let Removed { space, mut founder, controls, within, between, .. } =
        removed_twice(Policy::default());
    let replica = Replica::open(space, 1).await;
    replica.put(&controls).await;
    replica.put(&all(&between)).await;
    let erasure = founder.erase(vec![between[0].id()]);
    replica.put(&all([&erasure])).await;
    replica.put(&all(&within)).await;
    let second = Replica::open(space, 2).await;
    pull(&replica.store, &second.store, &Arc::new(MemoryBookmarks::new())).await;
    for replica in [&replica, &second] {
        let seen = replica.seen().await;
        let states = [0, 1].map(|at: usize| seen.held[&between[at].id()].1);
        assert_eq!(states, [PayloadState::Erased(erasure.id()), PayloadState::Present]);
    }
}

/// Clauses: ADM-5, ADM-9, ADM-11.
#[tokio::test]
async fn a_fault_at_any_call_leaves_no_chain_without_its_links() {
    let policies = [
        Policy::default(),
        Policy { author_entries: Some(100), space_bytes: Some(10_000), ..Policy::default() },
    ];
    for policy in policies {
        let Removed { space, mut founder, controls, within, between, .. } = removed_twice(policy);
        let erasure = founder.erase(vec![between[0].id()]);
        // Erased in quarantine, and erased once it is stored.
        for is_early in [true, false] {
            let mut batches = vec![controls.clone(), all(&between)];
            if is_early {
                batches.push(all([&erasure]));
            }
            batches.extend([all(&within[..1]), all([&erasure]), all(&within)]);
            batches.push(batches.concat());
            survives((space, batches), 40, 1).await;
        }
    }
}

/// A removal whose cut names another entry of the chain than where it ends: what leads there is stored when the removal comes.
///
/// Clauses: ADM-9, ADM-10.
#[tokio::test]
async fn what_is_in_quarantine_is_stored_when_a_removal_leads_over_it() {
    let (mut founder, mut admin, mut writer, mut controls) =
        with_admin_and_writer(Policy::default());
    let space = founder.space();
    let chain: Vec<_> = (0..6).map(|_| writer.write()).collect();
    let cut = |at: usize| {
        let sequence = u64::try_from(at + 1).unwrap();
        let device = writer.device.key;
        Revoke { device, cuts: Cuts(vec![Cut { sequence, id: chain[at].id(), control: None }]) }
    };
    let near = admin.control(&cut(1).into());
    let far = founder.control(&cut(4).into());
    let replica = Replica::open(space, 1).await;
    controls.extend(all([&near]));
    replica.put(&controls).await;
    replica.put(&all(&chain)).await;
    assert_words(&replica, &chain[..2], "counts").await;
    assert_eq!(replica.kept().await.len(), 4);
    replica.put(&all([&far])).await;
    assert_words(&replica, &chain[..2], "counts").await;
    assert_words(&replica, &chain[2..], "directory.cut").await;
    let mut kept: Vec<EntryId> = replica.kept().await.iter().map(|facts| facts.id).collect();
    kept.retain(|id| *id != chain[5].id());
    assert_eq!(kept, [], "all but what comes after the last cut");

    let second = Replica::open(space, 2).await;
    let report = pull(&replica.store, &second.store, &Arc::new(MemoryBookmarks::new())).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(second.head().await.counting, replica.head().await.counting);
}
