//! Invitations that are used twice.

use bulla_core::InvitationId;
use bulla_core::control::Role;
use bulla_directory::{Refusal, Verdict};

use crate::support::{COUNTS, CUT, Scene, nothing};

const USED: Verdict = Verdict::Refused(Refusal::Invitation);

/// Two admins let in two devices by one invitation, each without knowing of the other: the senior's grant counts.
///
/// Clauses: DIR-21.
#[test]
fn of_two_grants_for_one_invitation_the_seniors_counts() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Admin);
    let granted = scene.write(0, grant);
    let grants = [scene.invited(5, 1), scene.invited(6, 1)];
    let by_junior = scene.write_knowing(1, &[granted], grants[0].clone());
    assert_eq!(scene.verdict(by_junior), COUNTS);
    let by_senior = scene.write_knowing(0, &[granted], grants[1].clone());
    let directory = scene.settled();
    assert_eq!(directory.verdict(&by_senior), Some(COUNTS));
    assert_eq!(directory.verdict(&by_junior), Some(USED));
    assert_eq!(directory.invitation_used(&InvitationId([1; 32])), Some(by_senior));
    assert_eq!(directory.role(&scene.device(5).key), None);
    assert_eq!(directory.role(&scene.device(6).key), Some(Role::Admin));
}

/// One admin uses an invitation twice: the first counts, even if the second is let in by a fork; the same device may be
/// granted again.
///
/// Clauses: DIR-21.
#[test]
fn an_invitation_brings_in_one_device() {
    let mut scene = Scene::new(1);
    let start = scene.ends[&0];
    let grants = [5, 6, 5].map(|device| {
        let grant = scene.invited(device, 2);
        scene.write(0, grant)
    });
    assert_eq!(grants.map(|id| scene.verdict(id)), [COUNTS, USED, COUNTS]);
    assert_eq!(scene.settled().invitation_used(&InvitationId([2; 32])), Some(grants[0]));
    // Grants of the same sequence, in branches: the least id, on every replica.
    let mut forks: Vec<_> = (7..10)
        .map(|device| {
            let grant = scene.invited(device, 3);
            scene.write_at(0, Some(start), &[], grant)
        })
        .collect();
    forks.sort_unstable();
    let verdicts: Vec<Verdict> = forks.iter().map(|id| scene.verdict(*id)).collect();
    assert_eq!(verdicts, [COUNTS, USED, USED]);
}

/// A grant that does not count does not use up the invitation.
///
/// Clauses: DIR-21.
#[test]
fn a_grant_that_does_not_count_uses_nothing_up() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Admin);
    let granted = scene.write(0, grant);
    let grant = scene.grant(2, Role::Admin);
    let junior = scene.write(0, grant);
    let grants = [scene.invited(5, 1), scene.invited(6, 1)];
    let by_stolen = scene.write_knowing(1, &[granted], grants[0].clone());
    let by_other = scene.write_knowing(2, &[junior], grants[1].clone());
    assert_eq!(scene.verdict(by_other), USED);
    let revoke = scene.revoke(1, nothing());
    scene.write_knowing(0, &[granted], revoke);
    let directory = scene.settled();
    assert_eq!(directory.verdict(&by_stolen), Some(CUT));
    assert_eq!(directory.verdict(&by_other), Some(COUNTS));
}

/// Two admins bring in one device, each with another card of it: everybody seals to the same key, whatever came first.
///
/// Clauses: CTL-31.
#[test]
fn of_two_cards_the_least_holds() {
    use bulla_core::control::{Grant, Role};

    let mut scene = Scene::new(2);
    let genesis = scene.entries[0].id();
    let mut other = scene.device(2).clone();
    other.sealing_key = scene.device(20).sealing_key;
    let cards = [scene.device(2).granted(scene.space), other.granted(scene.space)];
    // Of the second founder it is the first entry, of the first the second.
    for (author, device) in [0, 1].into_iter().zip(cards) {
        let grant = Grant { device, role: Role::Writer, label: None };
        scene.write_knowing(author, &[genesis], grant);
    }
    let key = scene.device(2).key;
    let expected = Some(scene.device(20).sealing_key);
    assert_eq!(scene.directory().member(&key).unwrap().sealing_key, expected);
    scene.entries.reverse();
    let directory = scene.settled();
    assert_eq!(directory.member(&key).unwrap().sealing_key, expected);
    let readers = directory.readers(&bulla_core::EntryId::ZERO);
    assert!(readers.iter().any(|reader| Some(reader.sealing_key) == expected));
}
