//! Rights that are planted, bought back or kept.

use bulla_core::control::Role;
use bulla_directory::{Refusal, Verdict};

use crate::support::{COUNTS, CUT, NO_RIGHT, SENIORITY, SOME_KEY, Scene, nothing};

const REVOKED: Verdict = Verdict::Refused(Refusal::Revoked);

/// What a writer planted before it was made an admin does not count after.
///
/// Clauses: DIR-15.
#[test]
fn entries_planted_before_a_promotion_do_not_count() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Writer);
    let granted = scene.write(0, grant);
    let grant = scene.grant(9, Role::Admin);
    let planted = scene.write_knowing(1, &[granted], grant);
    let raise = scene.raise(1, Role::Admin);
    let raised = scene.write(0, raise);
    let grant = scene.grant(8, Role::Writer);
    // One that knows of the raise by name alone, and one that does not name it at all.
    let beside = scene.write_at(1, None, &[granted], grant.clone());
    let after = scene.write_knowing(1, &[raised], grant);

    let directory = scene.settled();
    assert_eq!(directory.verdict(&planted), Some(NO_RIGHT));
    assert_eq!(directory.verdict(&beside), Some(NO_RIGHT));
    assert_eq!(directory.verdict(&after), Some(COUNTS));
    assert_eq!(directory.role(&scene.device(9).key), None);
    assert_eq!(directory.role(&scene.device(8).key), Some(Role::Writer));
}

/// A stolen admin device tries everything against its revocation.
///
/// Clauses: DIR-13, DIR-15, DIR-22.
#[test]
fn a_stolen_junior_does_not_undo_its_revocation() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Admin);
    let granted = scene.write(0, grant);
    let grant = scene.grant(2, Role::Admin);
    let helper = scene.write(1, grant);
    let cut = scene.ends[&1];
    let cuts = scene.cuts_at(&[cut]);
    let revoke = scene.revoke(1, cuts);
    let revoked = scene.write(0, revoke);
    assert_eq!(scene.role(1), None);

    let tries = [
        (scene.revoke(0, nothing()), CUT),
        (scene.lowering(0, Role::Relay, nothing()), CUT),
        (scene.grant(1, Role::Admin), CUT),
        (scene.raise(1, Role::Admin), CUT),
        (scene.grant(9, Role::Admin), CUT),
    ];
    for known in [vec![granted], vec![granted, helper], vec![revoked]] {
        for (control, verdict) in &tries {
            let id = scene.write_at(1, Some(cut), &known, control.clone());
            assert_eq!(scene.verdict(id), *verdict, "{control:?} knowing {known:?}");
        }
    }
    // The device it had brought in is still an admin, and its junior: it can do no more for it.
    for control in [scene.grant(1, Role::Admin), scene.raise(1, Role::Admin)] {
        let id = scene.write_knowing(2, &[helper], control);
        assert_eq!(scene.verdict(id), SENIORITY);
    }
    let revoke = scene.revoke(0, nothing());
    let id = scene.write_knowing(2, &[helper], revoke);
    assert_eq!(scene.verdict(id), SENIORITY);
    assert_eq!((scene.role(1), scene.role(0)), (None, Some(Role::Admin)));
}

/// A revoked key is granted again, by whomever, before and after: it does not come back.
///
/// Clauses: DIR-15, DIR-17.
#[test]
fn a_revoked_key_does_not_return() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Writer);
    scene.write(0, grant);
    let revoke = scene.revoke(2, nothing());
    let revoked = scene.write(1, revoke);
    for author in [0, 1] {
        let grant = scene.grant(2, Role::Admin);
        let id = scene.write_knowing(author, &[revoked], grant);
        assert_eq!(scene.verdict(id), REVOKED);
        let raise = scene.raise(2, Role::Admin);
        let id = scene.write_knowing(author, &[revoked], raise);
        assert_eq!(scene.verdict(id), COUNTS, "it counts, and gives nothing");
    }
    assert_eq!(scene.role(2), None);
    let late = scene.operation(2, SOME_KEY);
    let directory = scene.settled();
    assert_eq!(scene.judge(&directory, late.id), bulla_directory::Outcome::Decided(CUT));

    // A device that took its own key out does not come back either.
    let grant = scene.grant(3, Role::Writer);
    scene.write(0, grant);
    let cuts = scene.cuts_at(&[]);
    let revoke = scene.revoke(3, cuts);
    let own = scene.write(3, revoke);
    assert_eq!(scene.verdict(own), COUNTS);
    let grant = scene.grant(3, Role::Admin);
    scene.write(0, grant);
    assert_eq!(scene.role(3), None);
}

/// A removed admin acts at the same time as its removal: what it knew then was right, and counts no more.
///
/// Clauses: DIR-15.
#[test]
fn what_a_removed_admin_does_meanwhile_does_not_count() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Admin);
    let granted = scene.write(0, grant);
    let grants = [scene.grant(3, Role::Writer), scene.grant(4, Role::Admin)];
    let before = scene.write_knowing(1, &[granted], grants[0].clone());
    let cut = scene.ends[&1];
    let meanwhile = scene.write_knowing(1, &[granted], grants[1].clone());
    // A device that came in meanwhile brings in another one at once.
    let grant = scene.grant(5, Role::Admin);
    let by_newcomer = scene.write_knowing(4, &[meanwhile], grant);
    let cuts = scene.cuts_at(&[cut]);
    let revoke = scene.revoke(1, cuts);
    scene.write_knowing(0, &[before], revoke);

    let directory = scene.settled();
    assert_eq!(directory.verdict(&before), Some(COUNTS));
    assert_eq!(directory.verdict(&meanwhile), Some(CUT));
    assert_eq!(directory.verdict(&by_newcomer), Some(crate::support::STRANGER));
    let members: Vec<_> = [1, 3, 4, 5].map(|d| directory.role(&scene.device(d).key)).to_vec();
    assert_eq!(members, [None, Some(Role::Writer), None, None]);
}

/// A lowering and what undoes it: only who knows the lowering raises above it.
///
/// Clauses: DIR-15.
#[test]
fn a_raise_that_does_not_know_a_lowering_does_not_undo_it() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Admin);
    let granted = scene.write(0, grant);
    let lowering = scene.lowering(2, Role::Reader, nothing());
    let lowered = scene.write_knowing(0, &[granted], lowering);
    let raise = scene.raise(2, Role::Admin);
    scene.write_knowing(1, &[granted], raise.clone());
    assert_eq!(scene.role(2), Some(Role::Reader));
    scene.write_knowing(1, &[lowered], raise);
    assert_eq!(scene.role(2), Some(Role::Admin));
}

/// A device takes from itself what it has, and no more from others by that.
///
/// Clauses: DIR-13, DIR-22.
#[test]
fn a_device_takes_only_from_itself() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Relay);
    scene.write(0, grant);
    let lowering = scene.lowering(1, Role::Relay, nothing());
    let id = scene.write(1, lowering);
    assert_eq!(scene.verdict(id), COUNTS);
    let raise = scene.raise(0, Role::Admin);
    let id = scene.write(0, raise);
    assert_eq!(scene.verdict(id), SENIORITY);
    // Its own revocation counts although it is beyond its own cut; what follows does not.
    let revoke = scene.revoke(0, nothing());
    let own = scene.write(0, revoke);
    let grant = scene.grant(2, Role::Admin);
    let after = scene.write(0, grant);
    let directory = scene.settled();
    assert_eq!(directory.verdict(&own), Some(COUNTS));
    assert_eq!(directory.verdict(&after), Some(CUT));
    assert!(directory.members().is_empty());
}

/// Whoever steals the key of an admin takes that device out of the space, to bring back whom it had revoked: with an entry
/// at the end of its chain, and with one beside it all.
///
/// Clauses: DIR-13, DIR-15.
#[test]
fn a_device_that_goes_brings_nobody_back() {
    for is_fork in [false, true] {
        let mut scene = Scene::new(1);
        let grants = [(1, Role::Admin), (2, Role::Writer), (3, Role::Writer)].map(|(to, role)| {
            let grant = scene.grant(to, role);
            scene.write(0, grant)
        });
        let group = scene.group(bulla_core::EntryId::ZERO, &[1, 2, 3], &[]);
        let group = scene.write(0, group);
        let removal = scene.group(group, &[], &[(3, nothing())]);
        let takes =
            [scene.revoke(2, nothing()), scene.lowering(3, Role::Reader, nothing()), removal];
        let taken = takes.map(|control| scene.write(1, control));
        let gift = scene.grant(4, Role::Writer);
        let given = scene.write(1, gift);
        let leave = scene.revoke(1, nothing());
        let left = if is_fork {
            scene.write_at(1, None, &grants[..1], leave)
        } else {
            scene.write(1, leave)
        };
        let late = scene.revoke(3, nothing());
        let late = scene.write_knowing(1, &[left], late);

        let directory = scene.settled();
        assert_eq!(directory.verdict(&left), Some(COUNTS));
        assert!(taken.iter().all(|id| directory.verdict(id) == Some(COUNTS)), "fork: {is_fork}");
        assert!([given, late].iter().all(|id| directory.verdict(id) == Some(CUT)));
        let roles = [1, 2, 3, 4].map(|device| directory.role(&scene.device(device).key));
        assert_eq!(roles, [None, None, Some(Role::Reader), None]);
    }
}

/// An admin revokes a device and one who is senior to that admin, knowing it, grants the device again: its place would be
/// before that of the admin, and the revocation against a senior.
///
/// Clauses: DIR-14, DIR-21.
#[test]
fn a_senior_does_not_bring_a_revoked_key_back() {
    let mut scene = Scene::new(1);
    for device in [1, 2] {
        let grant = scene.grant(device, Role::Admin);
        scene.write(0, grant);
    }
    let grant = scene.grant(3, Role::Admin);
    scene.write(2, grant.clone());
    let revoke = scene.revoke(3, nothing());
    let revoked = scene.write(2, revoke);
    let again = scene.write(1, grant.clone());
    assert_eq!((scene.verdict(again), scene.verdict(revoked)), (REVOKED, COUNTS));
    assert_eq!(scene.role(3), None);
    // A third, junior or not, does not get around it, nor does the device.
    let other = scene.grant(4, Role::Admin);
    scene.write(1, other);
    for author in [0, 4] {
        let id = scene.write(author, grant.clone());
        assert_eq!(scene.verdict(id), REVOKED);
    }
    let id = scene.write(3, grant);
    assert_eq!(scene.verdict(id), CUT);
    assert_eq!(scene.role(3), None);
}

/// Who is no admin, or is gone with all it did, keeps nobody out by revoking.
///
/// Clauses: DIR-14, DIR-21.
#[test]
fn a_revocation_without_the_right_keeps_nobody_out() {
    let mut scene = Scene::new(1);
    for (device, role) in [(1, Role::Admin), (2, Role::Writer)] {
        let grant = scene.grant(device, role);
        scene.write(0, grant);
    }
    let lie = scene.grant(2, Role::Admin);
    scene.write(2, lie);
    let revoke = scene.revoke(3, nothing());
    for author in [2, 9] {
        scene.write(author, revoke.clone());
    }
    let grant = scene.grant(3, Role::Writer);
    let granted = scene.write(1, grant.clone());
    assert_eq!(scene.verdict(granted), COUNTS);

    // An admin that turns on the others is taken out with it; whom it revoked comes back.
    let turned = scene.ends[&1];
    scene.write(1, revoke);
    let kept = scene.cuts_at(&[scene.ends[&1]]);
    let revoke = scene.revoke(1, kept);
    scene.write(0, revoke);
    let id = scene.write(0, grant.clone());
    assert_eq!(scene.verdict(id), REVOKED, "the revocation was left as it is");
    let cuts = scene.cuts_at(&[turned]);
    let revoke = scene.revoke(1, cuts);
    scene.write(0, revoke);
    let id = scene.write(0, grant);
    assert_eq!(scene.verdict(id), COUNTS);
    assert_eq!(scene.role(3), Some(Role::Writer));
}
