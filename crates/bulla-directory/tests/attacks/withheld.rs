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
