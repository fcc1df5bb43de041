//! A relay withholds, reorders and replays control entries.

use bulla_core::EntryId;
use bulla_core::control::{Control, Erase, ErasedRange, Role};
use bulla_directory::Directory;

use crate::support::{COUNTS, Scene, nothing};

/// A small space with a bit of everything.
fn scene() -> Scene {
    let mut scene = Scene::with_recovery(2, Some(7));
    for (device, role) in [(2, Role::Admin), (3, Role::Writer), (4, Role::Reader)] {
        let grant = scene.grant(device, role);
        scene.write(0, grant);
    }
    let group = scene.group(EntryId::ZERO, &[0, 2, 3], &[]);
    let group = scene.write(2, group);
    let epoch = scene.epoch(EntryId::ZERO, &[], 1, &[0, 1, 2, 3, 4, 7]);
    let epoch = scene.write(1, epoch);
    let of_group = scene.epoch(group, &[], 2, &[0, 2, 3]);
    scene.write(2, of_group);
    let invited = scene.invited(5, 1);
    scene.write(2, invited);
    let cuts = scene.cuts_at(&[scene.ends[&2]]);
    let revoke = scene.revoke(2, cuts);
    scene.write(1, revoke);
    let next = scene.epoch(EntryId::ZERO, &[epoch], 3, &[0, 1, 3, 4, 5]);
    scene.write(3, next);
    let removed = scene.group(group, &[5], &[(3, nothing())]);
    scene.write(5, removed);
    scene
}

/// Whatever comes when, and how often: in the end all say the same, and what comes again changes nothing.
///
/// Clauses: DIR-1, CTL-7.
#[test]
fn what_is_withheld_counts_when_it_comes() {
    let scene = scene();
    let complete = scene.settled();
    let last = scene.entries.last().unwrap();
    assert_eq!(complete.verdict(&last.id()), Some(COUNTS));
    for withheld in 0..scene.entries.len() {
        let mut rest = scene.entries.clone();
        let late = rest.remove(withheld);
        let mut directory = Directory::new(scene.space);
        directory.extend(&rest);
        // Whoever does not see the end of a device's rights knows no other rights than those it had.
        for member in directory.members() {
            assert!(complete.seniority().contains(&member.device));
        }
        let change = directory.insert(&late);
        assert!(change.verdicts.contains(&late.id()));
        assert_eq!(directory.members(), complete.members(), "entry {withheld} came last");
        for entry in &scene.entries {
            assert_eq!(directory.verdict(&entry.id()), complete.verdict(&entry.id()));
            assert!(directory.insert(entry).is_empty(), "a replay changed something");
        }
    }
}

/// Entries of another space, and those that are no control entries of this one, change nothing.
#[test]
fn entries_of_other_spaces_change_nothing() {
    let (scene, other) = (scene(), Scene::new(3));
    let mut directory = scene.directory();
    let members = directory.members();
    assert!(directory.extend(&other.entries).is_empty());
    assert_eq!(directory.members(), members);
    assert_eq!(directory.len(), scene.entries.len());
    assert_eq!(directory.verdict(&other.entries[0].id()), None);
}

/// A member writes hundreds of heads: what counts is named before what does not, and what seniors wrote before what it
/// wrote, so that the rights of others stay in everybody's past.
///
/// Clauses: CTL-7.
#[test]
fn many_heads_do_not_push_out_what_counts() {
    const FLOODING: usize = 1;
    // Erasures of a writer count, and the founder is senior to it; its grants do not, and count less than a junior's.
    for (does_count, author) in [(true, 0), (false, 3)] {
        let mut scene = Scene::new(1);
        let members = [(FLOODING, Role::Writer), (3, Role::Admin)].map(|(device, role)| {
            let grant = scene.grant(device, role);
            scene.write(0, grant)
        });
        let end = scene.ends.get(&FLOODING).copied();
        for number in 0..200 {
            let control: Control = if does_count {
                let author = scene.device(number % 40).key;
                let sequence = 1 + u64::try_from(number).unwrap();
                let ranges = vec![ErasedRange { author, sequence, topic: None }];
                Erase { ids: vec![], ranges }.into()
            } else {
                let invitation = u8::try_from(number).unwrap();
                scene.invited(number % 40, invitation)
            };
            scene.write_at(FLOODING, end, &members, control);
        }
        let grant = scene.grant(2, Role::Writer);
        let newcomer = scene.write_knowing(author, &members, grant);
        let directory = scene.directory();
        assert_eq!(directory.verdict(&newcomer), Some(COUNTS));
        assert!(directory.control_heads().len() > 200);
        for author in [0, 2, 9] {
            let known = directory.dependencies(&scene.device(author).key);
            assert!(known.len() <= 62, "{}", known.len());
            assert!(known.is_sorted() && known.contains(&newcomer), "device {author}");
        }
        let known = directory.dependencies(&scene.device(2).key);
        let erase = scene.erase(2);
        let first = scene.write_knowing(2, &known, erase);
        assert_eq!(scene.directory().verdict(&first), Some(COUNTS));
    }
}

/// A device whose own grant lies behind none of the heads that are named, names it itself.
///
/// Clauses: CTL-7, CTL-8.
#[test]
fn a_device_names_its_own_give() {
    let mut scene = Scene::new(2);
    let genesis = scene.entries[0].id();
    let grant = scene.grant(2, Role::Writer);
    let granted = scene.write_knowing(1, &[genesis], grant);
    let start = scene.ends[&0];
    for number in 0..100 {
        let grant = scene.invited(10, number);
        scene.write_at(0, Some(start), &[], grant);
    }
    let directory = scene.directory();
    assert!(!directory.dependencies(&scene.device(9).key).contains(&granted));
    let known = directory.dependencies(&scene.device(2).key);
    assert!(known.contains(&granted));
    let erase = scene.erase(2);
    let first = scene.write_knowing(2, &known, erase);
    assert_eq!(scene.directory().verdict(&first), Some(COUNTS));
}

/// Somebody puts one entry that does not count on top of all that does, or hundreds of them: what counts is named all the
/// same, so that it stays in everybody's past where the others are refused or bounded.
///
/// Clauses: CTL-7.
#[test]
fn junk_on_top_of_what_counts_does_not_stand_before_it() {
    for flood in [1_u8, 200] {
        let mut scene = Scene::new(1);
        let grants = [(1, Role::Admin), (2, Role::Reader)].map(|(device, role)| {
            let grant = scene.grant(device, role);
            scene.write(0, grant)
        });
        let mut junk = vec![];
        for number in 0..flood {
            let control = scene.invited(9, number);
            junk.push(scene.write_at(2, None, &grants, control));
        }
        let directory = scene.directory();
        assert!(junk.iter().all(|id| !directory.verdict(id).unwrap().counts()));
        let known = directory.dependencies(&scene.device(1).key);
        assert!(grants.iter().all(|grant| known.contains(grant)), "its own give and the last");
        assert!(known.iter().any(|id| junk.contains(id)), "room is left");
        let revoke = scene.revoke(2, nothing());
        let revoked = scene.write_knowing(1, &known, revoke);

        // Where nothing of the junk is held the revocation counts, and what it names is told.
        let mut other = Directory::new(scene.space);
        other.extend(scene.entries.iter().filter(|entry| !junk.contains(&entry.id())));
        assert_eq!(other.verdict(&revoked), Some(COUNTS));
        let named: std::collections::HashSet<EntryId> =
            known.into_iter().filter(|id| junk.contains(id)).collect();
        assert_eq!(other.missing_references(|_| false), named);
        other.extend(&scene.entries);
        assert!(other.missing_references(|_| true).is_empty());
    }
}

/// What decides about what counts is wanted, however far behind it lies; what only names it is not.
///
/// Clauses: DIR-1.
#[test]
fn what_lies_behind_what_counts_is_missed() {
    let mut scene = Scene::new(1);
    let grants = [(1, Role::Admin), (2, Role::Reader)].map(|(device, role)| {
        let grant = scene.grant(device, role);
        scene.write(0, grant)
    });
    let junk = [7, 8, 9].map(|number| scene.invited(9, number));
    let first = scene.write_at(2, None, &grants, junk[0].clone());
    let second = scene.write_at(2, None, &[first], junk[1].clone());
    let aside = scene.write_at(2, None, &[EntryId([5; 32])], junk[2].clone());
    let cut = crate::entries::cut(7, EntryId([6; 32]), Some(EntryId([7; 32])));
    let revoke = scene.revoke(2, crate::entries::cuts(vec![cut]));
    scene.write_knowing(1, &[grants[1], second], revoke);
    let without = |withheld: &[EntryId]| {
        let mut directory = Directory::new(scene.space);
        directory.extend(scene.entries.iter().filter(|entry| !withheld.contains(&entry.id())));
        let missing = directory.missing_references(|_| false);
        let mut missing: Vec<EntryId> = missing.into_iter().collect();
        missing.sort_unstable();
        missing
    };
    let control = EntryId([7; 32]);
    assert_eq!(without(&[]), [control]);
    for (withheld, missed) in [(vec![first, second], second), (vec![first], first)] {
        let mut expected = vec![control, missed];
        expected.sort_unstable();
        assert_eq!(without(&withheld), expected);
    }
    // Of those that are always heard whatever they name is wanted.
    let reader = scene.device(2).key;
    let heard = scene.directory().missing_references(|author| *author == reader);
    assert!(heard.contains(&EntryId([5; 32])) && heard.contains(&control) && heard.len() == 2);
    assert!(!scene.directory().verdict(&aside).unwrap().counts());
}
