//! Whatever found no room where, replicas agree on what counts: it is taken, and so is what it depends on.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_admission::{AdmissionSettings, codes};
use bulla_core::control::{Grant, Group, Role};
use bulla_core::genesis::Policy;
use bulla_core::values::PutOutcome;
use bulla_core::{AuthorKey, EntryId, Kind, Verified};
use bulla_store::MemoryBookmarks;

use crate::bounds::{bounded, three};
use crate::convergence::{seeds, whole};
use crate::entries::Device;
use crate::history::Worlds;
use crate::random::Random;
use crate::replica::{Replica, pull};
use crate::rules::{is_stored, refused};
use crate::scene::{Writer, all, epoch, found};

const HISTORIES: u64 = 200;

/// Everything that replicas must agree on.
async fn decided(replica: &Replica) -> (Vec<EntryId>, BTreeMap<AuthorKey, Role>, Vec<EntryId>) {
    let members = replica.admission.with_directory(|directory| {
        directory.members().into_iter().map(|member| (member.device, member.role)).collect()
    });
    let epochs = replica.admission.with_directory(|directory| {
        let groups = directory.groups().into_iter().map(|group| group.id);
        let groups = groups.chain([EntryId::ZERO]);
        groups.filter_map(|group| Some(directory.writing_epoch(&group)?.id)).collect()
    });
    (replica.seen().await.counting(), members, epochs)
}

/// Offers everything until nothing more is taken, as runs do with what was refused for now.
async fn offer(replica: &Replica, entries: &[Verified], what: &str) {
    for round in 0.. {
        assert!(round < 60, "{what}: it goes on for ever");
        let outcomes = replica.put(entries).await;
        if !outcomes
            .iter()
            .any(|outcome| matches!(outcome, PutOutcome::Stored(_) | PutOutcome::PayloadAdded(_)))
        {
            break;
        }
    }
}

/// A reader fills its room at one replica, and at the other hides what counts behind one more entry that does not: of what
/// an admin writes on top of that, the admin's own grant lies behind it only.
///
/// Clauses: ADM-7, CTL-7.
#[tokio::test]
async fn what_lies_behind_junk_is_taken_whatever_the_bound() {
    let (_, mut admin, mut reader, control) = three();
    let space = admin.space();
    let (first, second) = (bounded(space, 1, 4, 64).await, bounded(space, 2, 4, 64).await);
    for replica in [&first, &second] {
        replica.put(&all(&control)).await;
    }
    let mut branch = reader.clone();
    let junk: Vec<_> = (0..4).map(|_| branch.erase(vec![EntryId([1; 32])])).collect();
    assert!(first.put(&all(&junk)).await.iter().all(is_stored));
    // A chain of three, of which only the last is named.
    let hiding: Vec<_> = (5..8).map(|id| reader.erase(vec![EntryId([id; 32])])).collect();
    second.put(&all(&hiding)).await;
    admin.learn(&hiding[2]);
    let removal = admin.revoke_all(&reader.device);
    second.put(&all([&removal])).await;
    assert_eq!(second.admission.access().rights(&reader.device.key).role, None);

    let full = refused(codes::CONTROL, true);
    assert_eq!(first.put(&all(&hiding)).await, vec![full; 3]);
    assert!(is_stored(&first.put(&all([&removal])).await[0]));
    // Its author is heard; the give of its role is not in its past yet.
    let bookmarks = Arc::new(MemoryBookmarks::new());
    for _ in 0..3 {
        pull(&second.store, &first.store, &bookmarks).await;
    }
    assert_eq!(first.admission.access().rights(&reader.device.key).role, None);
    for _ in 0..3 {
        pull(&first.store, &second.store, &bookmarks).await;
    }
    assert_eq!(decided(&first).await, decided(&second).await);
    let seen = first.seen().await;
    assert!(hiding.iter().all(|entry| seen.held.contains_key(&entry.id())));
    // Who opens the store anew is told the same.
    let settings = AdmissionSettings::default().with_refused(4, 64);
    let again = Replica::over(Arc::clone(&first.engine), settings).await.unwrap();
    assert_eq!(decided(&again).await, decided(&second).await);
}

/// What an admin wrote before it was removed counts, and is taken where it comes after the removal and much else of it.
///
/// Clauses: ADM-7.
#[tokio::test]
async fn what_cuts_keep_is_taken_from_authors_without_room() {
    let (mut founder, mut admin, _, control) = three();
    let space = admin.space();
    let devices: Vec<Device> = (20..26).map(Device::new).collect();
    let grants: Vec<_> = devices.iter().map(|device| admin.grant(device, Role::Writer)).collect();
    let removal = founder.revoke(&admin);
    let junk: Vec<_> =
        (40..60).map(|number| admin.grant(&Device::new(number), Role::Admin)).collect();
    let replica = bounded(space, 1, 4, 64).await;
    replica.put(&all(&control)).await;
    replica.put(&all([&removal])).await;
    let outcomes = replica.put(&all(&junk)).await;
    assert_eq!(outcomes.iter().filter(|outcome| is_stored(outcome)).count(), 4);
    // In any order: the last is named by the cuts, and each names the one before.
    let mut late = all(&grants);
    late.reverse();
    for _ in 0..grants.len() {
        replica.put(&late).await;
    }
    for (device, grant) in devices.iter().zip(&grants) {
        assert_eq!(replica.seen().await.word(&grant.id()).as_deref(), Some("counts"));
        assert_eq!(replica.admission.access().rights(&device.key).role, Some(Role::Writer));
    }
}

/// Two replicas full of different junk take the same counting entries in other orders, over rounds of exchange.
///
/// Clauses: ADM-7.
#[tokio::test]
async fn replicas_full_of_other_junk_agree() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let (mut founder, mut admin, mut reader, mut control) = three();
        let space = admin.space();
        let replicas = [bounded(space, 1, 4, 8).await, bounded(space, 2, 4, 8).await];
        for replica in &replicas {
            replica.put(&all(&control)).await;
        }
        let mut removed = Writer::new(4, space);
        let grant = admin.grant(&removed.device, Role::Writer);
        removed.learn(&grant);
        let operations: Vec<_> = (0..3).map(|_| removed.write()).collect();
        control.push(grant);
        founder.learn(control.last().unwrap());
        control.push(founder.revoke(&removed));
        let mut junk = Vec::new();
        for (replica, id) in replicas.iter().zip([1, 2]) {
            for author in [&mut reader, &mut removed] {
                let mut branch = author.clone();
                let mine: Vec<_> =
                    (0..9).map(|step| branch.erase(vec![EntryId([id * 16 + step; 32])])).collect();
                replica.put(&all(&mine)).await;
                junk.extend(mine);
            }
        }
        // Each of three counting entries is written on top of some junk, and some of what counts.
        for number in 0..3 {
            let author = if number % 2 == 0 { &mut admin } else { &mut founder };
            let below = random.pick(&junk).unwrap();
            author.learn(&below);
            control.push(author.grant(&Device::new(70 + number), Role::Reader));
            let top = control.last().unwrap().clone();
            reader.learn(&top);
            let last = reader.erase(vec![EntryId([90; 32])]);
            junk.push(last);
        }
        let mut given = all(&control);
        given.extend(all(&operations));
        for replica in &replicas {
            random.shuffle(&mut given);
            for entry in given.iter().chain(&given) {
                replica.put(std::slice::from_ref(entry)).await;
            }
        }
        let bookmarks = Arc::new(MemoryBookmarks::new());
        for _ in 0..6 {
            for (source, target) in [(0, 1), (1, 0)] {
                pull(&replicas[source].store, &replicas[target].store, &bookmarks).await;
            }
        }
        // One that takes everything says what is right.
        let open = Replica::open(space, 3).await;
        let mut everything = given.clone();
        everything.extend(all(&junk));
        offer(&open, &everything, "without bounds").await;
        let expected = decided(&open).await;
        for replica in &replicas {
            assert_eq!(decided(replica).await, expected, "seed {seed}");
        }
    }
}

/// Random histories, dishonest ones too: with hardly any room for what does not count, the same counts as without bounds.
///
/// Clauses: ADM-6, ADM-7.
#[tokio::test]
async fn bounds_never_change_what_counts() {
    let worlds = Worlds::keen();
    let (mut turned_away, mut named) = (0, 0);
    for seed in seeds(HISTORIES) {
        let history = worlds.history(seed, 8 + seed as usize % 40);
        let entries = whole(&history);
        let open = Replica::open(history.space, 1).await;
        offer(&open, &entries, &format!("seed {seed}")).await;
        let expected = decided(&open).await;
        for order in 0..2 {
            let mut random = Random::new(seed * 2 + order);
            let room = random.below(3) as u64;
            let replica = bounded(history.space, 2, room, 2 * room).await;
            let mut entries = entries.clone();
            random.shuffle(&mut entries);
            for entry in &entries {
                replica.put(std::slice::from_ref(entry)).await;
            }
            offer(&replica, &entries, &format!("seed {seed}")).await;
            let what = format!("seed {seed}, order {order}, room {room}");
            assert_eq!(decided(&replica).await, expected, "{what}");
            let held = replica.seen().await.held;
            let of_open = open.controls().await;
            turned_away += of_open.iter().filter(|one| !held.contains_key(&one.id())).count();
            named += usize::from(room == 0 && held.values().any(|(code, _)| code.is_some()));
            // Opened anew it is the same.
            let settings = AdmissionSettings::default().with_refused(room, 2 * room);
            let again = Replica::over(Arc::clone(&replica.engine), settings).await.unwrap();
            assert_eq!(decided(&again).await, expected, "{what}, opened anew");
        }
    }
    if std::env::var("BULLA_ADMISSION_SEED").is_err() {
        assert!(turned_away > 500 && named > 20, "{turned_away} refused, {named} without room");
    }
}

/// The chain of a device that was removed leads through control entries of it that do not count, and through frontiers of
/// which nobody knows yet whether they do: more of either than there is room for.
///
/// Clauses: ADM-7, ADM-9.
#[tokio::test]
async fn what_a_chain_leads_through_is_taken_whatever_the_bound() {
    for is_frontier in [false, true] {
        let (mut founder, genesis) = found(Policy::default());
        let space = founder.space();
        let mut writer = Writer::new(2, space);
        let grant = founder.grant(&writer.device, Role::Writer);
        writer.learn(&grant);
        let mut entries = Vec::new();
        for number in 0..12 {
            entries.push(match is_frontier {
                true => writer.frontier(),
                false => {
                    let device = Device::new(90 + number).granted(space);
                    let grant = Grant { device, role: Role::Admin, label: None };
                    writer.careless(&grant.into())
                }
            });
            entries.push(writer.write());
        }
        let removal = founder.revoke(&writer);
        for order in 0..3 {
            let replica = bounded(space, 1, 4, 64).await;
            replica.put(&all([&genesis, &grant])).await;
            replica.put(&all([&removal])).await;
            let mut entries = all(&entries);
            match order {
                0 => {}
                1 => entries.reverse(),
                _ => Random::new(7).shuffle(&mut entries),
            }
            for entry in &entries {
                replica.put(std::slice::from_ref(entry)).await;
            }
            // A run offers together what was refused for now.
            for _ in 0..3 {
                replica.put(&entries).await;
            }
            let seen = replica.seen().await;
            for entry in &entries {
                let is_junk = entry.header().kind == Kind::GRANT;
                let expected = if is_junk { "directory.no_right" } else { "counts" };
                let what = format!("frontiers: {is_frontier}, order {order}");
                assert_eq!(seen.word(&entry.id()).as_deref(), Some(expected), "{what}");
            }
            replica.assert_settled().await;
        }
    }
}

/// Nothing waits yet for a frontier at which a chain is cut: it is the first of its author that comes after the removal.
///
/// Clauses: ADM-7, ADM-9.
#[tokio::test]
async fn a_frontier_at_a_cut_is_taken_at_once() {
    let (mut founder, genesis) = found(Policy::default());
    let mut writer = Writer::new(2, founder.space());
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let frontier = writer.frontier();
    let removal = founder.revoke(&writer);
    let beyond = writer.frontier();
    let replica = bounded(founder.space(), 1, 0, 0).await;
    replica.put(&all([&genesis, &grant])).await;
    replica.put(&all([&removal])).await;
    let outcomes = replica.put(&all([&beyond, &frontier])).await;
    assert!(outcomes[0] == refused(codes::CONTROL, true), "{outcomes:?}");
    assert!(is_stored(&outcomes[1]), "{outcomes:?}");
    assert_eq!(replica.seen().await.word(&frontier.id()).as_deref(), Some("counts"));
}

/// What an admin took from others before it took everything from itself counts, and is taken where that came first.
///
/// Clauses: ADM-7.
#[tokio::test]
async fn what_a_device_took_is_taken_in_without_room() {
    let (_, mut admin, reader, control) = three();
    let replica = bounded(admin.space(), 1, 0, 0).await;
    replica.put(&all(&control)).await;
    let mut branch = admin.clone();
    let removal = admin.revoke_all(&reader.device);
    let own = branch.revoke_all(&admin.device);
    assert!(is_stored(&replica.put(&all([&own])).await[0]));
    assert_eq!(replica.admission.access().rights(&admin.device.key).role, None);
    let grant = branch.grant(&Device::new(20), Role::Reader);
    assert_eq!(replica.put(&all([&grant])).await, [refused(codes::CONTROL, true)]);
    assert!(is_stored(&replica.put(&all([&removal])).await[0]));
    assert_eq!(replica.admission.access().rights(&reader.device.key).role, None);
}

/// An epoch that does not count says whose a key is. It is taken, one for a key, by whomever it is.
///
/// Clauses: ADM-6, ADM-7, DIR-30.
#[tokio::test]
async fn what_a_reader_says_of_a_key_is_known_everywhere() {
    let (mut founder, _, mut reader, mut control) = three();
    let space = founder.space();
    let mut writer = Writer::new(4, space);
    control.push(founder.grant(&writer.device, Role::Writer));
    writer.learn(control.last().unwrap());
    let group = Group { group: EntryId::ZERO, label: None, added: vec![], removed: vec![] };
    control.push(founder.control(&group.into()));
    let group = control.last().unwrap().id();
    let sealed = founder.control(&epoch(group, [founder.device.key], 7));
    let lies = [&founder, &writer].map(|to| reader.epoch(&[&to.device], 7));
    let mut stranger = Writer::new(9, space);
    let by_stranger = stranger.epoch(&[&writer.device], 7);
    let operation = writer.write();
    for replica in [Replica::open(space, 1).await, bounded(space, 2, 0, 0).await] {
        replica.put(&all(&control)).await;
        let early = refused(codes::STRANGER, true);
        assert_eq!(replica.put(&all([&by_stranger])).await, [early]);
        replica.put(&all([&sealed])).await;
        replica.put(&all([&operation])).await;
        let word = replica.seen().await.word(&operation.id());
        assert_eq!(word.as_deref(), Some("directory.no_right"), "the writer is not in the group");
        assert!(is_stored(&replica.put(&all(&lies[..1])).await[0]));
        assert_eq!(replica.seen().await.word(&operation.id()).as_deref(), Some("counts"));
    }
    // The second says nothing new.
    let replica = bounded(space, 3, 0, 0).await;
    replica.put(&all(&control)).await;
    replica.put(&all([&sealed])).await;
    let outcomes = replica.put(&all([&by_stranger])).await;
    assert!(is_stored(&outcomes[0]), "{outcomes:?}");
    assert_eq!(replica.put(&all(&lies)).await, vec![refused(codes::CONTROL, true); 2]);
    replica.put(&all([&operation])).await;
    assert_eq!(replica.seen().await.word(&operation.id()).as_deref(), Some("counts"));
}

/// An earlier epoch on another branch, which does not count itself, may be why a later one does not.
///
/// Clauses: ADM-7, DIR-25.
#[tokio::test]
async fn earlier_epochs_of_who_started_one_are_taken() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(2, space);
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let mut branch = writer.clone();
    let own = writer.device.clone();
    let earlier = branch.epoch(&[&own], 5);
    let operation = writer.write();
    let later = writer.epoch(&[&own], 6);
    let removal = founder.revoke(&writer);
    let open = Replica::open(space, 1).await;
    let all_of_it = all([&genesis, &grant, &earlier, &operation, &later, &removal]);
    offer(&open, &all_of_it, "without bounds").await;
    for is_first in [false, true] {
        let replica = bounded(space, 2, 0, 0).await;
        replica.put(&all([&genesis, &grant])).await;
        replica.put(&all([&removal])).await;
        if is_first {
            assert_eq!(replica.put(&all([&earlier])).await, [refused(codes::CONTROL, true)]);
        }
        assert!(is_stored(&replica.put(&all([&later])).await[0]), "the cuts name it");
        offer(&replica, &all_of_it, "without room").await;
        assert_eq!(decided(&replica).await, decided(&open).await);
        let word = open.seen().await.word(&later.id());
        assert_eq!(replica.seen().await.word(&later.id()), word);
        assert_eq!(word.as_deref(), Some("directory.no_right"));
    }
    // Those of an admin count whatever came before, which finds no room once it is removed.
    let (mut founder, mut admin, _, control) = three();
    let mut branch = admin.clone();
    let before = admin.write();
    let own = admin.device.clone();
    let epoch = admin.epoch(&[&own], 5);
    let removal = founder.revoke(&admin);
    let replica = bounded(founder.space(), 3, 0, 0).await;
    replica.put(&all(&control)).await;
    replica.put(&all([&removal, &before, &epoch])).await;
    assert_eq!(replica.seen().await.word(&epoch.id()).as_deref(), Some("counts"));
    let earlier = branch.epoch(&[&own], 6);
    assert_eq!(replica.put(&all([&earlier])).await, [refused(codes::CONTROL, true)]);
}
