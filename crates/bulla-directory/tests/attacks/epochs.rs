//! Epochs that somebody starts who may not, or who wants to go on reading.

use bulla_core::EntryId;
use bulla_core::KeyId;
use bulla_core::control::Role;
use bulla_directory::{Outcome, Refusal, Standing, Verdict};

use crate::support::{COUNTS, CUT, NO_RIGHT, Scene, nothing};

const SPACE: EntryId = EntryId::ZERO;

fn writing(scene: &Scene, group: EntryId) -> Option<EntryId> {
    scene.settled().writing_epoch(&group).map(|epoch| epoch.id)
}

/// A writer rotates although it knows a clean epoch; when none is, it may.
///
/// Clauses: DIR-25, DIR-26.
#[test]
fn a_writer_does_not_rotate_while_it_knows_a_clean_epoch() {
    let mut scene = Scene::new(1);
    for device in [1, 2] {
        let grant = scene.grant(device, Role::Writer);
        scene.write(0, grant);
    }
    let first = scene.epoch(SPACE, &[], 1, &[0, 1, 2]);
    let first = scene.write(0, first);
    let early = scene.epoch(SPACE, &[first], 2, &[0, 1, 2]);
    let early = scene.write_knowing(1, &[first], early);
    assert_eq!(scene.verdict(early), NO_RIGHT);
    assert_eq!(writing(&scene, SPACE), Some(first));

    let revoke = scene.revoke(2, nothing());
    let revoked = scene.write_knowing(0, &[first], revoke);
    let needed = scene.epoch(SPACE, &[first], 3, &[0, 1]);
    let needed = scene.write_knowing(1, &[revoked], needed);
    assert_eq!(scene.verdict(needed), COUNTS);
    assert_eq!(writing(&scene, SPACE), Some(needed));
    // Once it knows that one, it may not again; nor may the device that is gone.
    let again = scene.epoch(SPACE, &[needed], 4, &[1]);
    let again = scene.write_knowing(1, &[needed], again);
    assert_eq!(scene.verdict(again), NO_RIGHT);
    let gone = scene.epoch(SPACE, &[first], 5, &[2]);
    let gone = scene.write_knowing(2, &[revoked], gone);
    assert_eq!(scene.verdict(gone), CUT);
}

/// A writer hides the clean epoch from its own past and stacks epochs to be deeper than all: an admin's goes before.
///
/// Clauses: DIR-27.
#[test]
fn a_writer_that_hides_a_clean_epoch_gains_nothing() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Writer);
    let granted = scene.write(0, grant);
    let grant = scene.grant(2, Role::Writer);
    let victim = scene.write(0, grant);
    let first = scene.epoch(SPACE, &[], 1, &[0, 1, 2]);
    let first = scene.write_knowing(0, &[victim], first);
    let mut parents = vec![];
    for key in 10..30 {
        // Sealed to somebody who does not belong, so that each may follow the one before; the last is clean.
        let to: &[usize] = if key < 29 { &[1, 30] } else { &[1] };
        let epoch = scene.epoch(SPACE, &parents, key, to);
        parents = vec![scene.write_knowing(1, &[granted], epoch)];
    }
    let directory = scene.settled();
    let last = directory.epoch(&parents[0]).unwrap();
    assert!(last.is_clean && last.depth == 19, "{last:?}");
    assert_eq!(writing(&scene, SPACE), Some(first));
}

/// An admin that starts an epoch without being among its recipients knows the key all the same.
///
/// Clauses: DIR-26.
#[test]
fn the_author_of_an_epoch_counts_as_one_who_reads_it() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Admin);
    scene.write(0, grant);
    let epoch = scene.epoch(SPACE, &[], 1, &[0]);
    let epoch = scene.write(1, epoch);
    assert_eq!(writing(&scene, SPACE), Some(epoch));
    let cuts = scene.cuts_at(&[scene.ends[&1]]);
    let revoke = scene.revoke(1, cuts);
    scene.write(0, revoke);
    assert_eq!(scene.verdict(epoch), COUNTS);
    assert_eq!(writing(&scene, SPACE), None);
    assert!(!scene.settled().epoch(&epoch).unwrap().is_clean);
}

/// An epoch is sealed to a key that nobody granted, to a relay, to a recovery key that is spent.
///
/// Clauses: DIR-26.
#[test]
fn an_epoch_sealed_to_who_does_not_read_is_never_written_with() {
    for other in [8, 1, 7] {
        let mut scene = Scene::with_recovery(1, Some(7));
        let grant = scene.grant(1, Role::Relay);
        scene.write(0, grant);
        let recovery = scene.recovery(Some(3), &[], None);
        scene.write(7, recovery);
        let epoch = scene.epoch(SPACE, &[], 1, &[0, other]);
        let epoch = scene.write(0, epoch);
        assert_eq!(scene.verdict(epoch), COUNTS);
        assert_eq!(writing(&scene, SPACE), None, "sealed to device {other}");
    }
    let mut scene = Scene::with_recovery(1, Some(7));
    let epoch = scene.epoch(SPACE, &[], 1, &[0, 7]);
    let epoch = scene.write(0, epoch);
    assert_eq!(writing(&scene, SPACE), Some(epoch));
    assert_eq!(scene.directory().readers(&SPACE).len(), 2);
}

/// Who is taken out of a group takes no epoch of it along.
///
/// Clauses: DIR-23, DIR-25.
#[test]
fn an_epoch_by_who_left_the_group_does_not_count() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Writer);
    scene.write(0, grant);
    let group = scene.group(SPACE, &[0, 1], &[]);
    let group = scene.write(0, group);
    let epoch = scene.epoch(group, &[], 1, &[0]);
    let epoch = scene.write(1, epoch);
    assert_eq!((scene.verdict(epoch), writing(&scene, group)), (COUNTS, Some(epoch)));
    let removal = scene.group(group, &[], &[(1, nothing())]);
    scene.write(0, removal);
    assert_eq!((scene.verdict(epoch), writing(&scene, group)), (CUT, None));
}

/// Members of the space that are not in a group start no epoch of it, write nothing with its key and do not make it theirs
/// by lying about a key.
///
/// Clauses: DIR-23, DIR-25, DIR-30.
#[test]
fn a_group_is_closed_to_others() {
    let mut scene = Scene::new(1);
    for device in [1, 2, 3] {
        let grant = scene.grant(device, Role::Writer);
        scene.write(0, grant);
    }
    let common = scene.epoch(SPACE, &[], 1, &[0, 1, 2, 3]);
    let common = scene.write(0, common);
    let group = scene.group(SPACE, &[0, 1, 2], &[]);
    let group = scene.write(0, group);
    let before = scene.ends[&0];
    let epoch = scene.epoch(group, &[], 2, &[0, 1, 2]);
    let epoch = scene.write(0, epoch);
    assert_eq!(writing(&scene, group), Some(epoch));

    let outside = scene.epoch(group, &[epoch], 3, &[3]);
    let outside = scene.write(3, outside);
    assert_eq!(scene.verdict(outside), NO_RIGHT);
    let entries =
        [(3, 2), (3, 1), (1, 2)].map(|(device, key)| scene.operation(device, KeyId([key; 32])));
    let directory = scene.settled();
    let verdicts = entries.map(|end| scene.judge(&directory, end.id));
    assert_eq!(verdicts, [NO_RIGHT, COUNTS, COUNTS].map(Outcome::Decided));

    // A member of the group says that the common key is the group's: nobody loses a right by that.
    let removed = scene.group(group, &[], &[(2, nothing())]);
    scene.write(0, removed);
    assert_eq!(writing(&scene, group), None);
    let outside = scene.epoch(group, &[epoch], 3, &[0, 1]);
    let outside = scene.write(3, outside);
    assert_eq!(scene.verdict(outside), NO_RIGHT, "none is clean, and it does not belong");
    let lie = scene.epoch(group, &[epoch], 1, &[0, 1]);
    let lie = scene.write(1, lie);
    assert_eq!(scene.verdict(lie), COUNTS);
    let directory = scene.settled();
    assert_eq!(directory.epochs_of_key(&KeyId([1; 32])).len(), 2);
    assert_eq!(directory.standing(&scene.device(3).key, &KeyId([1; 32])), Standing::Counts);

    // Who was taken out has lost it, within the cuts.
    let gone = scene.operation(2, KeyId([2; 32]));
    assert_eq!(scene.judge(&scene.settled(), gone.id), Outcome::Decided(CUT));
    // A group is founded by an entry in the past, and its epochs stay among themselves.
    let early = scene.epoch(group, &[], 5, &[0]);
    let early = scene.write_at(0, Some(before), &[], early);
    assert_eq!(scene.verdict(early), COUNTS, "the founding entry is its own previous");
    let blind = scene.epoch(group, &[], 6, &[0]);
    let genesis = crate::support::End { sequence: 1, id: scene.entries[0].id(), control: None };
    let blind = scene.write_at(0, Some(genesis), &[], blind);
    assert_eq!(scene.verdict(blind), Verdict::Refused(Refusal::Group));
    let foreign = scene.epoch(SPACE, &[epoch], 7, &[0]);
    let foreign = scene.write(0, foreign);
    assert_eq!(scene.verdict(foreign), Verdict::Refused(Refusal::Parents));
    let hidden = scene.epoch(SPACE, &[common], 8, &[0]);
    let hidden = scene.write_at(0, Some(genesis), &[], hidden);
    assert_eq!(scene.verdict(hidden), Verdict::Refused(Refusal::Parents));
}

/// No epoch of an admin is clean, and a writer starts one for itself alone: others start theirs all the same, and the
/// writer no second one.
///
/// Clauses: DIR-25.
#[test]
fn an_epoch_for_its_author_alone_locks_nobody_out() {
    for is_sealed in [true, false] {
        let mut scene = Scene::new(1);
        for device in [1, 2, 3] {
            let grant = scene.grant(device, Role::Writer);
            scene.write(0, grant);
        }
        let first = scene.epoch(SPACE, &[], 1, &[0, 1, 2, 3]);
        let first = scene.write(0, first);
        let revoke = scene.revoke(3, nothing());
        scene.write(0, revoke);
        let alone: &[usize] = if is_sealed { &[1] } else { &[0] };
        let epoch = scene.epoch(SPACE, &[first], 2, alone);
        let alone = scene.write(1, epoch);
        assert_eq!((scene.verdict(alone), writing(&scene, SPACE)), (COUNTS, Some(alone)));
        let again = scene.epoch(SPACE, &[alone], 3, &[1]);
        let again = scene.write(1, again);
        assert_eq!(scene.verdict(again), NO_RIGHT);
        let needed = scene.epoch(SPACE, &[alone], 4, &[0, 1, 2]);
        let needed = scene.write(2, needed);
        assert_eq!((scene.verdict(needed), writing(&scene, SPACE)), (COUNTS, Some(needed)));
        let again = scene.epoch(SPACE, &[needed], 5, &[1]);
        let again = scene.write(1, again);
        assert_eq!(scene.verdict(again), NO_RIGHT);
    }
}

/// An epoch of the space's own stops counting, and a member of a group calls its key the group's: whoever wrote with it
/// keeps the right.
///
/// Clauses: DIR-30.
#[test]
fn a_lie_about_the_key_of_an_epoch_that_counts_no_more_takes_nothing() {
    let mut scene = Scene::new(1);
    for (device, role) in [(1, Role::Admin), (2, Role::Writer), (3, Role::Writer)] {
        let grant = scene.grant(device, role);
        scene.write(0, grant);
    }
    let group = scene.group(SPACE, &[0, 2], &[]);
    let group = scene.write(0, group);
    let lost = scene.epoch(SPACE, &[], 1, &[0, 1, 2, 3]);
    let lost = scene.write(1, lost);
    let lie = scene.epoch(group, &[], 1, &[0, 2]);
    let lie = scene.write(2, lie);
    let written = scene.operation(3, KeyId([1; 32]));
    let revoke = scene.revoke(1, nothing());
    scene.write(0, revoke);
    let directory = scene.settled();
    assert_eq!((directory.verdict(&lost), directory.verdict(&lie)), (Some(CUT), Some(COUNTS)));
    assert_eq!(scene.judge(&directory, written.id), Outcome::Decided(COUNTS));
    // It is told when a refused epoch opens a key, so that what waits under it is judged again.
    let theirs = scene.epoch(group, &[lie], 2, &[0, 2]);
    scene.write(0, theirs);
    let mut directory = scene.directory();
    let other = scene.operation(3, KeyId([2; 32]));
    assert_eq!(scene.judge(&directory, other.id), Outcome::Decided(NO_RIGHT));
    let opening = scene.epoch(SPACE, &[], 2, &[3]);
    let opening = scene.write(9, opening);
    let change = directory.insert(scene.entries.last().unwrap());
    assert!(!directory.verdict(&opening).unwrap().counts());
    assert_eq!(change.key_ids, [KeyId([2; 32])]);
    assert_eq!(scene.judge(&directory, other.id), Outcome::Decided(COUNTS));
}

/// Whoever wants a topic secret of its own to hold starts epochs as if there had been none, tries ids, or goes deep: those of
/// its seniors hold before, and while an admin's counts no writer's does.
///
/// Clauses: CTL-35.
#[test]
fn no_juniors_topic_secret_holds_before_a_seniors() {
    let mut scene = Scene::new(2);
    let mut grants = vec![];
    for (device, role) in [(2, Role::Admin), (3, Role::Writer)] {
        let grant = scene.grant(device, role);
        grants.push(scene.write(0, grant));
    }
    let known = grants[1];
    // A writer and a junior admin begin at the same time as the second founder, which goes on from both.
    let by_writer = scene.epoch(SPACE, &[], 1, &[0, 1, 2, 3]);
    let by_writer = scene.write_knowing(3, &[known], by_writer);
    let junior = scene.epoch(SPACE, &[], 2, &[0, 1, 2, 3]);
    let junior = scene.write_knowing(2, &[known], junior);
    let order = |scene: &Scene| scene.settled().topic_order(&SPACE);
    assert_eq!(order(&scene), [junior, by_writer]);

    let merged = scene.epoch(SPACE, &scene.settled().epoch_heads(&SPACE), 3, &[0, 1, 2, 3]);
    let merged = scene.write(1, merged);
    let mut tries = vec![];
    for key in 10..20 {
        let again = scene.epoch(SPACE, &[], key, &[0, 1, 2, 3]);
        tries.push(scene.write_knowing(2, &[known], again));
    }
    let deep = scene.epoch(SPACE, &[merged], 4, &[0, 1, 2, 3]);
    let deep = scene.write(1, deep);
    tries.push(junior);
    tries.sort_unstable();
    let expected: Vec<EntryId> =
        [merged, deep].into_iter().chain(tries).chain([by_writer]).collect();
    assert_eq!(order(&scene), expected);

    // The first founder is senior to the second, and whoever is revoked takes its epochs along.
    let first = scene.epoch(SPACE, &[], 5, &[0, 1]);
    let first = scene.write(0, first);
    assert_eq!(order(&scene)[..3], [first, merged, deep]);
    let revoke = scene.revoke(1, nothing());
    scene.write(0, revoke);
    assert_eq!(order(&scene)[0], first);
    assert!(!order(&scene).contains(&merged) && !order(&scene).contains(&deep));
}

/// A founder that is no admin any more goes behind an admin, however senior it is.
///
/// Clauses: CTL-35.
#[test]
fn the_topic_secret_of_an_admin_holds_before_that_of_a_senior_writer() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Admin);
    scene.write(0, grant);
    let lowering = scene.lowering(1, Role::Writer, nothing());
    let lowered = scene.write(0, lowering);
    let by_senior = scene.epoch(SPACE, &[], 1, &[0, 1, 2]);
    let by_senior = scene.write_knowing(1, &[lowered], by_senior);
    let by_admin = scene.epoch(SPACE, &[], 2, &[0, 1, 2]);
    let by_admin = scene.write_knowing(2, &[lowered], by_admin);
    let directory = scene.settled();
    assert!(directory.is_senior(&scene.device(1).key, &scene.device(2).key));
    assert_eq!(directory.topic_order(&SPACE), [by_admin, by_senior]);
}
