//! Histories made to catch the function out: what it must say of each, and that the model says the same of all of it.

use bulla_core::control::{Erase, ErasedRange, Role};
use bulla_core::{EntryId, KeyId};
use bulla_directory::{Directory, Refusal, Verdict};

use crate::answers::Answers;
use crate::history::History;
use crate::support::{COUNTS, CUT, End, NO_RIGHT, SENIORITY, STRANGER, Scene, nothing};

const SPACE: EntryId = EntryId::ZERO;
const RECOVERY: Verdict = Verdict::Refused(Refusal::Recovery);
const REVOKED: Verdict = Verdict::Refused(Refusal::Revoked);

/// The directory's answers, in many orders of arrival, once they are the model's.
fn agreed(scene: &Scene) -> Directory {
    let groups = scene
        .entries
        .iter()
        .filter(|entry| matches!(entry.control(), Some(bulla_core::control::Control::Group(_))));
    let groups = groups.map(|entry| entry.id()).chain([SPACE]);
    let history = History {
        space: scene.space,
        entries: scene.entries.clone(),
        others: scene.operations.clone(),
        groups: groups.collect(),
    };
    let directory = scene.settled();
    assert_eq!(Answers::of(&directory, &history), Answers::of_model(&history));
    directory
}

fn with(founders: usize, devices: &[(usize, Role)]) -> Scene {
    let mut scene = Scene::new(founders);
    for (device, role) in devices {
        let grant = scene.grant(*device, *role);
        scene.write(0, grant);
    }
    scene
}

fn verdicts<const N: usize>(directory: &Directory, ids: [EntryId; N]) -> [Verdict; N] {
    ids.map(|id| directory.verdict(&id).unwrap())
}

/// The second founder leaves, the first one removes it at the same time, and it removes the third, all on their own.
///
/// Clauses: DIR-13, DIR-15, DIR-22.
#[test]
fn a_founder_that_leaves_while_it_is_removed() {
    let mut scene = Scene::new(3);
    let known = scene.heads();
    let grant = scene.grant(4, Role::Writer);
    let granted = scene.write_knowing(1, &known, grant);
    let end = scene.ends[&1];
    let leave = scene.revoke(1, nothing());
    let left = scene.write_knowing(1, &known, leave);
    let third = scene.revoke(2, nothing());
    let third = scene.write_at(1, Some(end), &known, third);
    let cuts = scene.cuts_at(&[end]);
    let remove = scene.revoke(1, cuts);
    let removed = scene.write_knowing(0, &known, remove);
    let directory = agreed(&scene);
    // Its own revocation lies beyond the first founder's cuts; what is left stands.
    assert_eq!(verdicts(&directory, [granted, left, third, removed]), [COUNTS, CUT, CUT, COUNTS]);
    assert_eq!(directory.members().len(), 3);
    // Without the first founder's, its own takes the grant along and not the removal of the third.
    scene.entries.pop();
    let directory = agreed(&scene);
    assert_eq!(verdicts(&directory, [granted, left, third]), [CUT, COUNTS, COUNTS]);
    assert_eq!(directory.members().len(), 1);
}

/// An admin is made a relay, then an admin again, by two who do not know of each other.
///
/// Clauses: DIR-15, DIR-23, DIR-26.
#[test]
fn a_role_that_goes_down_to_relay_and_back() {
    let mut scene = with(2, &[(2, Role::Admin), (3, Role::Writer)]);
    let group = scene.group(SPACE, &[0, 2], &[]);
    let group = scene.write(0, group);
    let epoch = scene.epoch(group, &[], 1, &[0, 2]);
    let epoch = scene.write(2, epoch);
    let known = scene.heads();
    let end = scene.ends[&2];
    let cuts = scene.cuts_at(&[end]);
    let down = scene.lowering(2, Role::Relay, cuts);
    let down = scene.write_knowing(0, &known, down);
    let blind = scene.raise(2, Role::Admin);
    scene.write_knowing(1, &known, blind);
    let between = scene.grant(4, Role::Writer);
    let between = scene.write_knowing(2, &[down], between);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&between), Some(CUT));
    assert_eq!(directory.role(&scene.device(2).key), Some(Role::Relay), "the raise did not know");
    let up = scene.raise(2, Role::Admin);
    let up = scene.write_knowing(1, &[down], up);
    let after = scene.grant(5, Role::Writer);
    let after = scene.write_knowing(2, &[up], after);
    let next = scene.epoch(group, &[epoch], 2, &[0, 2]);
    let next = scene.write_knowing(2, &[up], next);
    let directory = agreed(&scene);
    assert_eq!(verdicts(&directory, [between, after, next]), [CUT, COUNTS, COUNTS]);
    // It was in the group before, and is again; what it could read before it was to lose is not written with.
    assert!(directory.reads(&scene.device(2).key, &group));
    assert_eq!(directory.writing_epoch(&group).map(|epoch| epoch.id), Some(next));
    assert!(!directory.epoch(&epoch).unwrap().is_clean);
}

/// A device is revoked that nobody knows, and granted by somebody who did not hear of it, and by somebody who did.
///
/// Clauses: DIR-17, DIR-21, DIR-22.
#[test]
fn a_device_that_was_revoked_before_it_was_known() {
    let mut scene = with(2, &[(2, Role::Admin)]);
    let known = scene.heads();
    let revoke = scene.revoke(5, nothing());
    let revoked = scene.write_knowing(2, &known, revoke);
    let grant = scene.grant(5, Role::Writer);
    let deaf = scene.write_knowing(1, &known, grant.clone());
    // Granted by somebody senior to who revoked it, it is senior to that one.
    let directory = agreed(&scene);
    assert_eq!(verdicts(&directory, [revoked, deaf]), [COUNTS, COUNTS]);
    assert_eq!(directory.role(&scene.device(5).key), None, "a revoked key does not come");
    let hearing = scene.write_knowing(1, &[revoked], grant);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&hearing), Some(REVOKED));
    assert_eq!(directory.role(&scene.device(5).key), None);
}

/// The controls of cuts are entries of somebody else, that do not exist, or that have the device's own in their past.
///
/// Clauses: DIR-5.
#[test]
fn cuts_that_name_what_is_not_the_devices_own() {
    let mut scene = with(2, &[(2, Role::Admin), (3, Role::Writer)]);
    let known = scene.heads();
    let first = scene.grant(4, Role::Writer);
    let first = scene.write_knowing(2, &known, first);
    let second = scene.grant(5, Role::Writer);
    let second = scene.write_knowing(2, &[first], second);
    // An entry of the second founder has the first of them in its past, an invented one nothing.
    let other = scene.grant(6, Role::Writer);
    let other = scene.write_knowing(1, &[first], other);
    for (control, expected) in [
        (Some(other), [COUNTS, CUT]),
        (Some(EntryId([9; 32])), [CUT, CUT]),
        (Some(second), [COUNTS, COUNTS]),
        (None, [CUT, CUT]),
    ] {
        let mut scene = scene.clone_entries();
        let end = End { control, ..scene.ends[&2] };
        let cuts = scene.cuts_at(&[end]);
        let revoke = scene.revoke(2, cuts);
        scene.write_knowing(0, &known, revoke);
        let directory = agreed(&scene);
        assert_eq!(verdicts(&directory, [first, second]), expected, "{control:?}");
        assert_eq!(directory.verdict(&other), Some(COUNTS));
    }
}

/// Who is in a group is made a relay and a writer again, leaves it and is added by somebody who does not know.
///
/// Clauses: DIR-23, DIR-26, DIR-30.
#[test]
fn a_group_whose_member_changes_its_role() {
    let mut scene = with(2, &[(2, Role::Writer), (3, Role::Relay)]);
    let group = scene.group(SPACE, &[0, 2, 3], &[]);
    let group = scene.write(0, group);
    let epoch = scene.epoch(group, &[], 1, &[0, 2]);
    let epoch = scene.write(0, epoch);
    let known = scene.heads();
    let early = scene.operation(2, KeyId([1; 32]));
    let cuts = scene.cuts_at(&[early]);
    let lowering = scene.lowering(2, Role::Relay, cuts);
    let lowered = scene.write(1, lowering);
    let late = scene.operation(2, KeyId([1; 32]));
    let directory = agreed(&scene);
    assert_eq!(directory.group(&group).unwrap().readers, [scene.device(0).key]);
    assert!(directory.writing_epoch(&group).is_none());
    let judge = |scene: &Scene, directory: &Directory, end: End| {
        matches!(scene.judge(directory, end.id), bulla_directory::Outcome::Decided(COUNTS))
    };
    assert_eq!([early, late].map(|end| judge(&scene, &directory, end)), [true, false]);
    let raise = scene.raise(2, Role::Writer);
    let raised = scene.write_knowing(1, &[lowered], raise);
    let removal = scene.group(group, &[], &[(2, nothing())]);
    scene.write_knowing(0, &[raised], removal);
    let addition = scene.group(group, &[2], &[]);
    let addition = scene.write_knowing(1, &[raised], addition);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&addition), Some(COUNTS));
    assert!(!directory.reads(&scene.device(2).key, &group), "it did not know of the removal");
    let own = scene.epoch(group, &[epoch], 2, &[0, 2]);
    let own = scene.write_knowing(2, &[addition], own);
    let raise = scene.raise(3, Role::Writer);
    scene.write_knowing(1, &known, raise);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&own), Some(CUT));
    let mut readers = [0, 3].map(|device| scene.device(device).key);
    readers.sort_unstable();
    assert_eq!(
        directory.group(&group).unwrap().readers,
        readers,
        "a relay was added, and reads now"
    );
}

/// A removed admin erased before the cut, at it and after it; and what it erased of others while it was lowered.
///
/// Clauses: DIR-15, DIR-24, CTL-61.
#[test]
fn erasures_by_an_admin_that_is_removed_at_one_of_them() {
    let mut scene = with(1, &[(1, Role::Admin), (2, Role::Writer)]);
    for _ in 0..3 {
        scene.operation(2, KeyId([7; 32]));
    }
    let author = scene.device(2).key;
    let erase = |sequence| Erase {
        ids: vec![],
        ranges: vec![ErasedRange { author, sequence, topic: None }],
    };
    let known = scene.heads();
    let ids = [1, 2, 3].map(|sequence| scene.write_knowing(1, &known, erase(sequence)));
    let ends = [1, 2, 3].map(|sequence| {
        let id = ids[sequence - 1];
        End { sequence: sequence as u64, id, control: Some(id) }
    });
    for (cut, erased) in ends.into_iter().zip(1..) {
        for is_lowered in [false, true] {
            let mut scene = scene.clone_entries();
            let cuts = scene.cuts_at(&[cut]);
            let loss = match is_lowered {
                true => scene.lowering(1, Role::Writer, cuts),
                false => scene.revoke(1, cuts),
            };
            scene.write_knowing(0, &known, loss);
            let directory = agreed(&scene);
            let covered = scene.operations.iter().filter(|h| directory.erased_by(h).is_some());
            assert_eq!(covered.count(), erased, "cut at {erased}");
            // A writer's erasure counts, and covers nothing of others.
            let expected = if is_lowered || erased == 3 { COUNTS } else { CUT };
            assert_eq!(directory.verdict(&ids[2]), Some(expected));
        }
    }
}

/// The recovery key signs twice without knowing it, each time with another device and another successor; both go on.
///
/// Clauses: DIR-10, DIR-20.
#[test]
fn a_recovery_key_that_is_used_twice_at_once() {
    let mut scene = Scene::with_recovery(1, Some(30));
    let genesis = scene.entries[0].id();
    let make = |scene: &mut Scene, device, next| {
        let recovery = scene.recovery(Some(device), &[(0, nothing())], Some(next));
        scene.write_at(30, None, &[genesis], recovery)
    };
    let both = [make(&mut scene, 1, 31), make(&mut scene, 2, 32)];
    let grants = [(1, 5), (2, 6)].map(|(author, device)| {
        let grant = scene.grant(device, Role::Writer);
        let known = both[author - 1];
        scene.write_knowing(author, &[known], grant)
    });
    let next = [(31, 3, both[0]), (32, 4, both[1])].map(|(key, device, known)| {
        let recovery = scene.recovery(Some(device), &[], None);
        scene.write_knowing(key, &[known], recovery)
    });
    let directory = agreed(&scene);
    let first = usize::from(both[1] < both[0]);
    let second = 1 - first;
    assert_eq!(directory.verdict(&both[first]), Some(COUNTS));
    assert_eq!(directory.verdict(&both[second]), Some(RECOVERY));
    assert_eq!(directory.verdict(&grants[first]), Some(COUNTS));
    assert_eq!(directory.verdict(&grants[second]), Some(STRANGER));
    assert_eq!(directory.verdict(&next[first]), Some(COUNTS));
    assert_eq!(directory.verdict(&next[second]), Some(STRANGER), "that one is no recovery key");
    assert_eq!(directory.members().len(), 3);
    // A third that knows both changes nothing, whatever its id.
    let last = scene.recovery(Some(9), &[], Some(33));
    let last = scene.write_knowing(30, &both, last);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&last), Some(RECOVERY));
    assert_eq!(directory.members().len(), 3);
}

/// Two admins grant one device, each with a role of its own, and one of them is removed before it did.
///
/// Clauses: DIR-11, DIR-13, DIR-21.
#[test]
fn a_device_that_two_granted_of_whom_one_is_removed() {
    let mut scene = with(1, &[(1, Role::Admin), (2, Role::Admin)]);
    let known = scene.heads();
    let by_first = scene.grant(5, Role::Reader);
    let by_first = scene.write_knowing(1, &known, by_first);
    let by_second = scene.grant(5, Role::Admin);
    let by_second = scene.write_knowing(2, &known, by_second);
    let child = scene.grant(6, Role::Writer);
    let child = scene.write_knowing(5, &[by_second], child);
    let directory = agreed(&scene);
    // Its place is below the first of them, so that the other can neither give nor take anything.
    assert_eq!(verdicts(&directory, [by_second, child]), [SENIORITY, NO_RIGHT]);
    assert_eq!(directory.member(&scene.device(5).key).unwrap().granted_by, Some(by_first));
    let revoke = scene.revoke(5, nothing());
    let revoke = scene.write_knowing(2, &[by_first, by_second], revoke);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&revoke), Some(SENIORITY));
    let key = scene.device(5).key;
    let without = |removed: usize| {
        let mut scene = scene.clone_entries();
        let loss = scene.revoke(removed, nothing());
        scene.write_knowing(0, &known, loss);
        agreed(&scene)
    };
    // Now its only place is below the second, which made it an admin and revoked it.
    let directory = without(1);
    let all = verdicts(&directory, [by_first, by_second, child, revoke]);
    assert_eq!((all, directory.role(&key)), ([CUT, COUNTS, CUT, COUNTS], None));
    let directory = without(2);
    let all = verdicts(&directory, [by_first, by_second, child, revoke]);
    assert_eq!((all, directory.role(&key)), ([COUNTS, CUT, NO_RIGHT, CUT], Some(Role::Reader)));
}

/// Two admins let a device in and take it out, over and over, each knowing half of what the other did.
///
/// Clauses: DIR-15, DIR-21, DIR-26.
#[test]
fn epochs_while_admins_take_each_others_devices_out() {
    let mut scene = with(2, &[(2, Role::Writer)]);
    let mut known = [scene.heads(), scene.heads()];
    let mut epochs = vec![];
    for round in 0..6 {
        for admin in [0, 1] {
            let device = 5 + (round + admin) % 4;
            let control = match round % 3 {
                0 => scene.grant(device, Role::Reader),
                1 => scene.lowering(device, Role::Relay, nothing()),
                _ => scene.raise(device, Role::Reader),
            };
            let id = scene.write_knowing(admin, &known[admin], control);
            known[admin] = vec![id];
            let parents: Vec<EntryId> = epochs.iter().rev().take(1).copied().collect();
            let epoch =
                scene.epoch(SPACE, &parents, 1 + u8::try_from(round).unwrap(), &[0, 1, 2, device]);
            let epoch =
                scene.write_knowing(admin, &[known[admin].clone(), parents].concat(), epoch);
            epochs.push(epoch);
            known[admin] = vec![epoch];
            if round % 2 == 1 {
                known[1 - admin].push(id);
            }
            let directory = agreed(&scene);
            if let Some(writing) = directory.writing_epoch(&SPACE) {
                // Nobody who does not read by now has the key.
                assert!(writing.is_clean);
                let readers = directory.readers(&SPACE);
                assert!(readers.iter().any(|reader| reader.device == scene.device(0).key));
            }
        }
    }
}

/// A writer and a removed admin make one of their epochs each end of a chain of the other, and fork below.
///
/// Clauses: DIR-25, DIR-27.
#[test]
fn epochs_of_a_removed_admin_that_goes_on_as_a_writer() {
    let mut scene = with(1, &[(1, Role::Admin), (2, Role::Writer), (3, Role::Writer)]);
    let known = scene.heads();
    let as_admin = scene.epoch(SPACE, &[], 1, &[0, 1, 2, 3]);
    let as_admin = scene.write_knowing(1, &known, as_admin);
    let end = scene.ends[&1];
    let fork = scene.epoch(SPACE, &[], 2, &[0, 1]);
    let fork = scene.write_at(1, None, &known, fork);
    let cuts = scene.cuts_at(&[end]);
    let lowering = scene.lowering(1, Role::Writer, cuts);
    let lowered = scene.write_knowing(0, &known, lowering);
    let directory = agreed(&scene);
    // What it did as an admin within the cuts stays an admin's; the fork beyond them is no admin's, and a fork.
    assert_eq!(directory.verdict(&as_admin), Some(COUNTS));
    assert_eq!(directory.verdict(&fork).map(Verdict::counts), Some(fork < as_admin));
    let revoke = scene.revoke(3, nothing());
    let revoked = scene.write_knowing(0, &[lowered, as_admin], revoke);
    let later = scene.epoch(SPACE, &[as_admin], 3, &[0, 1, 2]);
    let later = scene.write_at(1, Some(end), &[revoked, fork], later);
    let directory = agreed(&scene);
    assert!(
        !directory.verdict(&later).unwrap().counts(),
        "a device that forked starts none as a writer"
    );
    let other = scene.epoch(SPACE, &[as_admin], 4, &[0, 1, 2]);
    let other = scene.write_knowing(2, &[revoked], other);
    let directory = agreed(&scene);
    assert_eq!(directory.verdict(&other), Some(COUNTS));
    assert_eq!(directory.writing_epoch(&SPACE).map(|epoch| epoch.id), Some(other));
}
