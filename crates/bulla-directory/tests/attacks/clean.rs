//! Keys that somebody has who was to lose them: no way leads back to writing with one.

use bulla_core::EntryId;
use bulla_core::control::Role;

use crate::support::{COUNTS, CUT, NO_RIGHT, Scene, nothing};

const SPACE: EntryId = EntryId::ZERO;

fn writing(scene: &Scene) -> Option<EntryId> {
    scene.settled().writing_epoch(&SPACE).map(|epoch| epoch.id)
}

fn with(founders: usize, devices: &[(usize, Role)]) -> Scene {
    let mut scene = Scene::new(founders);
    for (device, role) in devices {
        let grant = scene.grant(*device, *role);
        scene.write(0, grant);
    }
    scene
}

fn start(scene: &mut Scene, author: usize, parents: &[EntryId], key: u8, to: &[usize]) -> EntryId {
    let epoch = scene.epoch(SPACE, parents, key, to);
    scene.write(author, epoch)
}

/// A reader is revoked, and whoever did it was interrupted before it rotated. The epoch before the last was never sealed to
/// that reader, but its key was handed down to it: nothing is written before a new one is started, which any writer may.
///
/// Clauses: DIR-26, DIR-27.
#[test]
fn after_a_revocation_nobody_goes_back_to_an_older_epoch() {
    let mut scene = with(1, &[(1, Role::Writer)]);
    let first = start(&mut scene, 0, &[], 1, &[0, 1]);
    let grant = scene.grant(2, Role::Reader);
    scene.write(0, grant);
    let second = start(&mut scene, 0, &[first], 2, &[0, 1, 2]);
    assert_eq!(writing(&scene), Some(second));
    let revoke = scene.revoke(2, nothing());
    scene.write(0, revoke);
    assert_eq!(writing(&scene), None);
    assert!([first, second].iter().all(|id| !scene.directory().epoch(id).unwrap().is_clean));
    assert_eq!(scene.directory().epoch_heads(&SPACE), [second]);
    let third = start(&mut scene, 1, &[second], 3, &[0, 1]);
    assert_eq!((scene.verdict(third), writing(&scene)), (COUNTS, Some(third)));
    let again = start(&mut scene, 1, &[third], 4, &[0, 1]);
    assert_eq!(scene.verdict(again), NO_RIGHT);
}

/// The key came down over an epoch that does not count any more, so that no counting one names it.
///
/// Clauses: DIR-26.
#[test]
fn what_was_handed_down_over_an_epoch_that_was_cut_is_not_used_again() {
    let mut scene = with(1, &[(1, Role::Writer), (2, Role::Admin), (3, Role::Writer)]);
    let before = scene.ends[&0];
    let first = start(&mut scene, 0, &[], 1, &[0, 1]);
    let second = start(&mut scene, 2, &[first], 2, &[0, 1, 2]);
    let third = start(&mut scene, 0, &[second], 3, &[0, 1, 3]);
    let cuts = scene.cuts_at(&[before]);
    let revoke = scene.revoke(2, cuts);
    scene.write(0, revoke);
    assert_eq!((scene.verdict(second), writing(&scene)), (CUT, Some(third)));
    let leave = scene.revoke(3, nothing());
    scene.write(3, leave);
    assert_eq!(writing(&scene), None);
}

/// The same of epochs that two admins started, the later one knowing the earlier; and of two readers that went one after the
/// other, of whom a writer knows of one.
///
/// Clauses: DIR-25, DIR-26.
#[test]
fn a_writer_goes_by_the_newest_epoch_and_the_first_loss_that_it_knows() {
    let members = [2, 3, 4].map(|device| (device, Role::Writer));
    let mut scene = with(2, &members);
    let first = start(&mut scene, 0, &[], 1, &[0, 1, 2]);
    let grant = scene.grant(5, Role::Reader);
    let granted = scene.write(0, grant);
    let second = scene.epoch(SPACE, &[first], 2, &[0, 1, 2, 3, 4]);
    let second = scene.write_knowing(1, &[first], second);
    let mut gone = vec![];
    for device in [3, 4] {
        let revoke = scene.revoke(device, nothing());
        gone.push(scene.write_knowing(1, &[second], revoke));
    }
    let needed = scene.epoch(SPACE, &[second], 3, &[0, 1, 2, 4]);
    let needed = scene.write_knowing(2, &[granted, gone[0]], needed);
    assert_eq!((scene.verdict(needed), writing(&scene)), (COUNTS, None));
    let again = scene.epoch(SPACE, &[needed], 4, &[0, 1, 2]);
    let again = scene.write_knowing(2, &[gone[1]], again);
    assert_eq!((scene.verdict(again), writing(&scene)), (COUNTS, Some(again)));
}

/// Who was to lose a key and belongs again has it still: an epoch is unclean for good.
///
/// Clauses: DIR-26.
#[test]
fn an_epoch_that_a_reader_lost_stays_unclean_when_it_comes_back() {
    let mut scene = with(1, &[(1, Role::Writer)]);
    let first = start(&mut scene, 0, &[], 1, &[0, 1]);
    let lowering = scene.lowering(1, Role::Reader, nothing());
    scene.write(0, lowering);
    assert_eq!(writing(&scene), Some(first), "it reads as before");
    let lowering = scene.lowering(1, Role::Relay, nothing());
    scene.write(0, lowering);
    assert_eq!(writing(&scene), None);
    let raise = scene.raise(1, Role::Writer);
    scene.write(0, raise);
    assert_eq!((scene.role(1), writing(&scene)), (Some(Role::Writer), None));
    let needed = start(&mut scene, 1, &[first], 2, &[0, 1]);
    assert_eq!((scene.verdict(needed), writing(&scene)), (COUNTS, Some(needed)));
}

/// The same for a group, and for a recovery key that has signed.
///
/// Clauses: DIR-26.
#[test]
fn a_group_and_a_recovery_key_lose_keys_for_good() {
    let mut scene = Scene::with_recovery(1, Some(7));
    for device in [1, 2] {
        let grant = scene.grant(device, Role::Writer);
        scene.write(0, grant);
    }
    let group = scene.group(SPACE, &[0, 1], &[]);
    let group = scene.write(0, group);
    let epoch = scene.epoch(group, &[], 1, &[0, 1]);
    let epoch = scene.write(0, epoch);
    let of_group = |scene: &Scene| scene.settled().writing_epoch(&group).map(|epoch| epoch.id);
    assert_eq!(of_group(&scene), Some(epoch));
    let removal = scene.group(group, &[], &[(1, nothing())]);
    scene.write(0, removal);
    assert!(!scene.settled().reads(&scene.device(1).key, &group));
    let addition = scene.group(group, &[1], &[]);
    scene.write(0, addition);
    assert!(scene.settled().reads(&scene.device(1).key, &group));
    assert_eq!(of_group(&scene), None);

    let common = start(&mut scene, 0, &[], 2, &[0, 1, 2, 7]);
    assert_eq!(writing(&scene), Some(common));
    let recovery = scene.recovery(Some(3), &[], Some(8));
    scene.write(7, recovery);
    assert_eq!(writing(&scene), None);
    let reads = |device: usize| scene.settled().reads(&scene.device(device).key, &SPACE);
    assert_eq!([7, 8].map(reads), [false, true]);
    let next = start(&mut scene, 3, &[common], 3, &[0, 1, 2, 3, 8]);
    assert_eq!(writing(&scene), Some(next));
}

/// No admin's epoch is clean. A writer hides what another one started, goes deep over epochs that do not count, and seals
/// the last to itself alone. Whoever knows it starts one that all can open; who does not know it has no reason to.
///
/// Clauses: DIR-25.
#[test]
fn a_writer_that_goes_deeper_locks_nobody_out() {
    let members = [1, 2, 3, 4].map(|device| (device, Role::Writer));
    let mut scene = with(1, &members);
    let first = start(&mut scene, 0, &[], 1, &[0, 1, 2, 3, 4]);
    let revoke = scene.revoke(4, nothing());
    let gone = scene.write(0, revoke);
    let all = scene.epoch(SPACE, &[first], 2, &[0, 1, 2, 3]);
    let all = scene.write_knowing(1, &[gone], all);
    let mut deep = first;
    for key in 10..20 {
        let junk = scene.epoch(SPACE, &[deep], key, &[2, 30]);
        deep = scene.write_knowing(2, &[gone], junk);
        assert_eq!(scene.verdict(deep), NO_RIGHT, "it is sealed to a stranger");
    }
    let alone = scene.epoch(SPACE, &[deep], 3, &[2]);
    let alone = scene.write_knowing(2, &[gone], alone);
    assert_eq!((scene.verdict(alone), writing(&scene)), (COUNTS, Some(alone)));
    let early = scene.epoch(SPACE, &[all], 4, &[0, 1, 2, 3]);
    let early = scene.write_knowing(3, &[all], early);
    assert_eq!(scene.verdict(early), NO_RIGHT);
    let needed = scene.epoch(SPACE, &[all, alone], 5, &[0, 1, 2, 3]);
    let needed = scene.write_knowing(3, &[all, alone], needed);
    assert_eq!((scene.verdict(needed), writing(&scene)), (COUNTS, Some(needed)));
    let again = start(&mut scene, 2, &[needed], 6, &[2]);
    assert_eq!(scene.verdict(again), NO_RIGHT);
}

/// Somebody is granted where the writing epoch is not known, and left out of it; an admin helps, a writer cannot.
///
/// Clauses: DIR-28.
#[test]
fn readers_that_are_left_out_are_named() {
    let mut scene = with(2, &[(2, Role::Writer)]);
    let known = scene.heads();
    let grant = scene.grant(3, Role::Writer);
    scene.write_knowing(1, &known, grant);
    let epoch = scene.epoch(SPACE, &[], 1, &[0, 1, 2]);
    let epoch = scene.write_knowing(0, &known, epoch);
    let left_out = |scene: &Scene| {
        let left_out = scene.settled().readers_left_out(&SPACE).into_iter();
        left_out.map(|reader| reader.device).collect::<Vec<_>>()
    };
    assert_eq!((writing(&scene), left_out(&scene)), (Some(epoch), vec![scene.device(3).key]));
    for author in [2, 3] {
        let own = start(&mut scene, author, &[epoch], 2, &[0, 1, 2, 3]);
        assert_eq!(scene.verdict(own), NO_RIGHT);
    }
    let whole = start(&mut scene, 1, &[epoch], 3, &[0, 1, 2, 3]);
    assert_eq!((writing(&scene), left_out(&scene)), (Some(whole), vec![]));
    // Nobody is left out where there is nothing to be left out of.
    let revoke = scene.revoke(3, nothing());
    scene.write(0, revoke);
    assert_eq!((writing(&scene), left_out(&scene)), (None, vec![]));
}

/// An epoch whose author seals it to somebody before it can know that this one reads.
///
/// Clauses: DIR-25, DIR-26.
#[test]
fn an_epoch_for_who_is_granted_elsewhere_is_never_written_with() {
    let mut scene = with(2, &[(2, Role::Writer)]);
    let known = scene.heads();
    let grant = scene.grant(3, Role::Reader);
    let granted = scene.write_knowing(0, &known, grant);
    let blind = |scene: &Scene, key| scene.epoch(SPACE, &[], key, &[0, 1, 2, 3]);
    let by_admin = blind(&scene, 1);
    let by_admin = scene.write_knowing(1, &known, by_admin);
    let by_writer = blind(&scene, 2);
    let by_writer = scene.write_knowing(2, &known, by_writer);
    assert_eq!((scene.verdict(by_admin), scene.verdict(by_writer)), (COUNTS, NO_RIGHT));
    assert_eq!(writing(&scene), None);
    let knowing = blind(&scene, 3);
    let knowing = scene.write_knowing(2, &[granted], knowing);
    assert_eq!((scene.verdict(knowing), writing(&scene)), (COUNTS, Some(knowing)));
}

/// So many heads that an entry cannot name them all: the next epoch is sealed only to those of whom it knows, and is clean.
///
/// Clauses: DIR-26.
#[test]
fn the_next_epoch_is_sealed_to_whom_it_knows() {
    let mut scene = with(1, &[(1, Role::Admin), (2, Role::Writer)]);
    let known = scene.heads();
    for device in 3..40 {
        for role in [Role::Reader, Role::Writer] {
            let grant = scene.grant(device, role);
            scene.write_at(1, None, &known, grant);
        }
    }
    assert!(scene.directory().control_heads().len() > 60);
    let directory = scene.directory();
    let readers: Vec<_> = directory.readers(&SPACE).iter().map(|reader| reader.device).collect();
    let is_reader = |device: usize| readers.contains(&scene.device(device).key);
    assert!(readers.len() < 40 && is_reader(0) && is_reader(1) && is_reader(2));
    let to: Vec<usize> = (0..40).filter(|device| is_reader(*device)).collect();
    let dependencies = directory.dependencies(&scene.device(2).key);
    let epoch = scene.epoch(SPACE, &[], 1, &to);
    let epoch = scene.write_knowing(2, &dependencies, epoch);
    let directory = scene.directory();
    assert_eq!(directory.verdict(&epoch), Some(COUNTS));
    assert_eq!(directory.writing_epoch(&SPACE).map(|epoch| epoch.id), Some(epoch));
}
