//! A09: admins that remove one another at the same time, and epochs that fork.

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_directory::Directory;

use crate::support::{COUNTS, CUT, SENIORITY, Scene, nothing};

/// The senior wins, whoever hears of it first.
///
/// Clauses: DIR-10, DIR-13.
#[test]
fn a09_of_two_that_remove_each_other_the_senior_stays() {
    let mut scene = Scene::new(1);
    let grants = [1, 2].map(|device| {
        let grant = scene.grant(device, Role::Admin);
        scene.write(0, grant)
    });
    let (revoke_junior, revoke_senior) = (scene.revoke(2, nothing()), scene.revoke(1, nothing()));
    let by_senior = scene.write_knowing(1, &grants, revoke_junior);
    let by_junior = scene.write_knowing(2, &grants, revoke_senior);
    let directory = scene.settled();
    assert_eq!(directory.verdict(&by_senior), Some(COUNTS));
    assert_eq!(directory.verdict(&by_junior), Some(CUT));
    assert_eq!(directory.role(&scene.device(1).key), Some(Role::Admin));
    assert_eq!(directory.role(&scene.device(2).key), None);

    // Without the senior's, the junior's is refused all the same.
    let mut scene = Scene::new(1);
    for device in [1, 2] {
        let grant = scene.grant(device, Role::Admin);
        scene.write(0, grant);
    }
    let revoke = scene.revoke(1, nothing());
    let by_junior = scene.write(2, revoke);
    assert_eq!(scene.verdict(by_junior), SENIORITY);
}

/// The same far from the founder: of two devices let in by one admin, the one let in first is the senior, with all that
/// it let in itself.
///
/// Clauses: DIR-10, DIR-11.
#[test]
fn a09_seniority_goes_by_the_chain_of_grants() {
    let mut scene = Scene::new(1);
    for (author, device) in [(0, 1), (1, 2), (1, 3), (2, 4)] {
        let grant = scene.grant(device, Role::Admin);
        scene.write(author, grant);
    }
    let known = scene.heads();
    let removals = [(2, 3), (3, 2), (4, 3), (3, 4)].map(|(author, of)| {
        let revoke = scene.revoke(of, nothing());
        scene.write_knowing(author, &known, revoke)
    });
    let directory = scene.settled();
    let verdicts = removals.map(|id| directory.verdict(&id).unwrap());
    assert_eq!(verdicts, [COUNTS, CUT, COUNTS, CUT]);
    let order: Vec<_> = [0, 1, 2, 4, 3].map(|device| scene.device(device).key).to_vec();
    assert_eq!(directory.seniority(), order);

    // The junior lets in the senior again: that gives it no worse place, and no better one to the junior.
    let mut scene = Scene::new(1);
    for (author, device) in [(0, 1), (1, 2), (1, 3), (3, 2)] {
        let grant = scene.grant(device, Role::Admin);
        let id = scene.write(author, grant);
        let verdict = if author == 3 { SENIORITY } else { COUNTS };
        assert_eq!(scene.verdict(id), verdict);
    }
}

/// A grant by a senior that comes last moves a device up, and all that it let in.
///
/// Clauses: DIR-11.
#[test]
fn a09_a_device_has_its_most_senior_place() {
    let mut scene = Scene::new(2);
    for (author, device) in [(1, 2), (1, 3), (3, 4)] {
        let grant = scene.grant(device, Role::Admin);
        scene.write(author, grant);
    }
    let order = |scene: &Scene, devices: [usize; 5]| {
        let expected: Vec<_> = devices.map(|device| scene.device(device).key).to_vec();
        assert_eq!(scene.settled().seniority(), expected);
        let mut one_by_one = Directory::new(scene.space);
        for entry in &scene.entries {
            one_by_one.insert(entry);
        }
        assert_eq!(one_by_one.seniority(), expected);
    };
    order(&scene, [0, 1, 2, 3, 4]);
    let grant = scene.grant(3, Role::Reader);
    scene.write(0, grant);
    order(&scene, [0, 1, 3, 4, 2]);
    // A junior's does not move it down.
    let grant = scene.grant(3, Role::Reader);
    scene.write(1, grant);
    order(&scene, [0, 1, 3, 4, 2]);
}

/// Three admins, each removing the next: no circle, one result.
///
/// Clauses: DIR-12, DIR-13.
#[test]
fn a09_no_circle_of_removals() {
    let mut scene = Scene::new(3);
    let known = [scene.entries[0].id()];
    let ids = [(0, 1), (1, 2), (2, 0)].map(|(author, of)| {
        let revoke = scene.revoke(of, nothing());
        scene.write_knowing(author, &known, revoke)
    });
    let directory = scene.settled();
    // The first removes the second, whose removal of the third counts no more; the third never could.
    assert_eq!(ids.map(|id| directory.verdict(&id).unwrap()), [COUNTS, CUT, SENIORITY]);
    let roles = [0, 1, 2].map(|device| directory.role(&scene.device(device).key));
    assert_eq!(roles, [Some(Role::Admin), None, Some(Role::Admin)]);
}

/// Two admins rotate at the same time, one of them without knowing of a removal.
///
/// Clauses: DIR-26, DIR-27.
#[test]
fn a09_forked_epochs_have_one_writing_epoch() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Writer);
    let granted = scene.write(0, grant);
    let first = scene.epoch(EntryId::ZERO, &[], 1, &[0, 1, 2]);
    let first = scene.write_knowing(0, &[granted], first);
    let writing = |scene: &Scene| scene.settled().writing_epoch(&EntryId::ZERO).map(|e| e.id);
    assert_eq!(writing(&scene), Some(first));

    let revoke = scene.revoke(2, nothing());
    let revoked = scene.write_knowing(0, &[first], revoke);
    assert_eq!(writing(&scene), None, "the only epoch was sealed to a device that is gone");
    let clean = scene.epoch(EntryId::ZERO, &[first], 2, &[0, 1]);
    let clean = scene.write_knowing(0, &[revoked], clean);
    // The other founder goes on, twice, without having heard of it: deeper, and not clean.
    let unclean = scene.epoch(EntryId::ZERO, &[first], 3, &[0, 1, 2]);
    let unclean = scene.write_knowing(1, &[first], unclean);
    let deeper = scene.epoch(EntryId::ZERO, &[unclean], 4, &[0, 1, 2]);
    let deeper = scene.write_knowing(1, &[unclean], deeper);
    assert_eq!(writing(&scene), Some(clean));

    // A merge names all heads and is deeper than both.
    let heads = scene.settled().epoch_heads(&EntryId::ZERO);
    assert_eq!(heads, {
        let mut heads = vec![clean, deeper];
        heads.sort_unstable();
        heads
    });
    let merged = scene.epoch(EntryId::ZERO, &heads, 5, &[0, 1]);
    let merged = scene.write(1, merged);
    assert_eq!(writing(&scene), Some(merged));
    let depths: Vec<u64> =
        scene.settled().epochs(&EntryId::ZERO).iter().map(|epoch| epoch.depth).collect();
    assert_eq!(depths, [0, 1, 1, 2, 3]);
}
