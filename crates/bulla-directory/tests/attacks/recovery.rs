//! Recovery keys, and who would like to be one.

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_directory::{Refusal, Standing, Verdict};

use crate::support::{COUNTS, CUT, SOME_KEY, STRANGER, Scene, nothing};

const RECOVERY: Verdict = Verdict::Refused(Refusal::Recovery);
const KEY: usize = 7;
const NEXT: usize = 8;

/// All devices are lost and one founder is in the hands of a thief: the key takes everything back, once.
///
/// Clauses: DIR-10, DIR-20.
#[test]
fn the_recovery_key_takes_everything_back_once() {
    let mut scene = Scene::with_recovery(2, Some(KEY));
    let genesis = scene.entries[0].id();
    let grant = scene.grant(3, Role::Admin);
    let by_thief = scene.write_knowing(0, &[genesis], grant);
    let recovery = scene.recovery(Some(5), &[(0, nothing()), (1, nothing())], Some(NEXT));
    let recovered = scene.write_knowing(KEY, &[genesis], recovery);
    let directory = scene.settled();
    assert_eq!(directory.verdict(&recovered), Some(COUNTS));
    assert_eq!(directory.verdict(&by_thief), Some(CUT));
    let roles = [0, 1, 3, 5, KEY, NEXT].map(|d| directory.role(&scene.device(d).key));
    assert_eq!(roles, [None, None, None, Some(Role::Admin), None, None]);
    assert_eq!(directory.recovery_key().unwrap().author, scene.device(NEXT).key);
    let seniors: Vec<_> = [KEY, NEXT, 5, 0, 1].map(|d| scene.device(d).key).to_vec();
    assert_eq!(directory.seniority(), seniors);

    // Whoever finds the words later signs nothing that counts, wherever it lies in the chain.
    let again = scene.recovery(Some(6), &[(5, nothing())], None);
    let id = scene.write(KEY, again.clone());
    assert_eq!(scene.verdict(id), RECOVERY);
    let grant = scene.grant(6, Role::Admin);
    let id = scene.write(KEY, grant);
    assert_eq!(scene.verdict(id), RECOVERY);
    assert_eq!(scene.role(6), None);
    let key = scene.device(KEY).key;
    let refused = Standing::Refused(Refusal::Recovery);
    assert_eq!(scene.settled().standing(&key, &SOME_KEY), refused);
    assert_eq!(scene.settled().frontier_standing(&key), refused);
    // The next key is in force, and no founder takes anything from it.
    let revoke = scene.revoke(NEXT, nothing());
    let id = scene.write(5, revoke);
    assert_eq!(scene.verdict(id), Verdict::Refused(Refusal::Seniority));
    let id = scene.write(NEXT, again);
    assert_eq!(scene.verdict(id), COUNTS);
    assert_eq!((scene.role(5), scene.role(6)), (None, Some(Role::Admin)));
    assert!(scene.settled().recovery_key().is_none());
}

/// Nobody but the key that the genesis names recovers anything; nobody but the first founder sets one where it names none.
///
/// Clauses: DIR-20.
#[test]
fn nobody_makes_itself_a_recovery_key() {
    let mut scene = Scene::with_recovery(2, Some(KEY));
    for author in [0, 1, 9] {
        let recovery = scene.recovery(None, &[], Some(20 + author));
        let id = scene.write(author, recovery);
        let verdict = if author == 9 { STRANGER } else { RECOVERY };
        assert_eq!(scene.verdict(id), verdict, "device {author}");
    }
    let key = |scene: &Scene| scene.settled().recovery_key().map(|key| key.author);
    assert_eq!(key(&scene), Some(scene.device(KEY).key));

    let mut scene = Scene::new(2);
    let tries = [
        (1, scene.recovery(None, &[], Some(20))),
        (0, scene.recovery(Some(5), &[], Some(21))),
        (0, scene.recovery(None, &[(1, nothing())], Some(22))),
        (0, scene.recovery(None, &[], Some(1))),
    ];
    for (author, recovery) in tries {
        let id = scene.write(author, recovery);
        assert_eq!(scene.verdict(id), RECOVERY);
        assert_eq!(key(&scene), None);
    }
    let recovery = scene.recovery(None, &[], Some(KEY));
    let id = scene.write(0, recovery);
    assert_eq!(scene.verdict(id), COUNTS);
    assert_eq!(key(&scene), Some(scene.device(KEY).key));
    // One that was set is not set again.
    let recovery = scene.recovery(None, &[], Some(NEXT));
    let id = scene.write(0, recovery);
    assert_eq!(scene.verdict(id), RECOVERY);
    assert_eq!(key(&scene), Some(scene.device(KEY).key));
}

/// A succession that leads back to where it began ends there.
///
/// Clauses: DIR-20.
#[test]
fn a_succession_in_a_circle_ends() {
    let mut scene = Scene::with_recovery(1, Some(KEY));
    let (there, back) =
        (scene.recovery(None, &[], Some(NEXT)), scene.recovery(None, &[], Some(KEY)));
    let there = scene.write(KEY, there);
    let back = scene.write(NEXT, back);
    let directory = scene.settled();
    assert_eq!([there, back].map(|id| directory.verdict(&id).unwrap()), [COUNTS, COUNTS]);
    assert!(directory.recovery_key().is_none());
    assert_eq!(directory.seniority().len(), 3);
    assert!(directory.writing_epoch(&EntryId::ZERO).is_none());
}

/// The words of a key that has signed are found: a second entry with a lesser id takes the place of the first, in every
/// order of arrival, and one with a greater id does nothing. So the words are to be destroyed.
///
/// Clauses: DIR-20, CTL-71.
#[test]
fn a_used_key_that_signs_again_forks_the_succession() {
    let mut scene = Scene::with_recovery(1, Some(KEY));
    let genesis = scene.entries[0].id();
    let recovery = scene.recovery(Some(5), &[(0, nothing())], Some(NEXT));
    let honest = scene.write_at(KEY, None, &[genesis], recovery);
    let (mut is_less, mut is_greater) = (false, false);
    let mut least = honest;
    for thief in 10..30 {
        let recovery = scene.recovery(Some(thief), &[(5, nothing())], None);
        let second = scene.write_at(KEY, None, &[genesis], recovery);
        is_less |= second < honest;
        is_greater |= second > honest;
        let directory = scene.directory();
        let verdict = if second < least { COUNTS } else { RECOVERY };
        assert_eq!(directory.verdict(&second), Some(verdict));
        least = least.min(second);
        let taken = directory.role(&scene.device(5).key);
        assert_eq!(taken, (least == honest).then_some(Role::Admin));
    }
    assert!(is_less && is_greater, "both were tried");
    let directory = scene.settled();
    assert_eq!(directory.verdict(&least), Some(COUNTS));
    assert_eq!(directory.verdict(&honest), Some(RECOVERY));
    assert!(directory.recovery_key().is_none());
}
