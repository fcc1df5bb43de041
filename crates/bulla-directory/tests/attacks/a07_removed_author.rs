//! A07: a removed member and a relay that helps it date entries back: before, at and after the cut, and beside it.

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_directory::{CutWalk, Outcome, Standing};

use crate::support::{COUNTS, CUT, SOME_KEY, STRANGER, Scene};

const MEMBER: usize = 1;
const NEW: usize = 9;

/// Every place in a chain where a removed admin may put an entry of the application.
///
/// Clauses: DIR-5, DIR-16, DIR-30.
#[test]
fn a07_only_what_lies_within_the_cuts_counts() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(MEMBER, Role::Admin);
    let granted = scene.write(0, grant);
    let chain: Vec<_> = (0..6).map(|_| scene.operation(MEMBER, SOME_KEY)).collect();
    let branch: Vec<_> = (0..2)
        .map(|n| {
            let after = if n == 0 { Some(chain[2]) } else { scene.ends.get(&MEMBER).copied() };
            // Beside the chain, under another key.
            scene.operation_at(MEMBER, after, bulla_core::KeyId([0x78; 32]))
        })
        .collect();
    let cuts = scene.cuts_at(&[chain[3], branch[0]]);
    let revoke = scene.revoke(MEMBER, cuts);
    scene.write(0, revoke);

    // What it writes afterwards: at its end, beside the cut, before the cut, at the beginning.
    let other = bulla_core::KeyId([0x79; 32]);
    let mut forged = vec![];
    for after in
        [Some(chain[5]), Some(chain[3]), Some(chain[2]), Some(chain[0]), Some(branch[0]), None]
    {
        forged.push(scene.operation_at(MEMBER, after, other));
    }

    let directory = scene.settled();
    let judge = |end: &crate::support::End| scene.judge(&directory, end.id);
    for end in chain[..4].iter().chain(&branch[..1]) {
        assert_eq!(judge(end), Outcome::Decided(COUNTS), "sequence {}", end.sequence);
    }
    for end in chain[4..].iter().chain(&branch[1..]).chain(&forged) {
        assert_eq!(judge(end), Outcome::Decided(CUT), "sequence {}", end.sequence);
    }
    assert!(directory.verdict(&granted).unwrap().counts());
}

/// The same with control entries: before, at, after and beside the cut.
///
/// Clauses: DIR-5, DIR-15.
#[test]
fn a07_control_entries_beyond_the_cut_do_not_count() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(MEMBER, Role::Admin);
    let granted = scene.write(0, grant);
    let grant = scene.grant(2, Role::Writer);
    let before = scene.write(MEMBER, grant);
    let cut_at = scene.ends[&MEMBER];
    let grant = scene.grant(3, Role::Writer);
    let after = scene.write(MEMBER, grant);
    let cuts = scene.cuts_at(&[cut_at]);
    let revoke = scene.revoke(MEMBER, cuts);
    scene.write(0, revoke);

    let grant = scene.grant(NEW, Role::Admin);
    let at_the_beginning = scene.write_at(MEMBER, None, &[granted], grant.clone());
    let beside = scene.write_at(MEMBER, Some(cut_at), &[granted], grant);
    let revoke = scene.revoke(2, scene.cuts_at(&[]));
    let undoing = scene.write_at(MEMBER, None, &[granted, before], revoke);

    let directory = scene.settled();
    assert_eq!(directory.verdict(&before), Some(COUNTS));
    for id in [after, at_the_beginning, beside, undoing] {
        assert_eq!(directory.verdict(&id), Some(CUT));
    }
    let key = |device: usize| scene.device(device).key;
    assert_eq!(directory.role(&key(2)), Some(Role::Writer));
    for gone in [MEMBER, 3, NEW] {
        assert_eq!(directory.role(&key(gone)), None);
    }
    // Whoever came in by a grant that does not count is a stranger.
    assert_eq!(directory.standing(&key(NEW), &SOME_KEY), Standing::Stranger);
    let explained = directory.explain(&beside).unwrap();
    assert_eq!((explained.role, explained.role_but_for_losses), (None, Some(Role::Admin)));
    assert_eq!(explained.losses.len(), 1);
    assert_eq!(explained.losses[0].author, key(0));
}

/// Of several losses only what lies within all of them counts.
///
/// Clauses: DIR-15.
#[test]
fn a07_every_cut_cuts() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Writer);
    let granted = scene.write(0, grant);
    let chain: Vec<_> = (0..4).map(|_| scene.operation(2, SOME_KEY)).collect();
    for (author, last) in [(0, chain[2]), (1, chain[1])] {
        let cuts = scene.cuts_at(&[last]);
        let revoke = scene.revoke(2, cuts);
        scene.write_knowing(author, &[granted], revoke);
    }
    let directory = scene.settled();
    let verdicts = chain.iter().map(|end| scene.judge(&directory, end.id));
    assert_eq!(verdicts.collect::<Vec<_>>(), [COUNTS, COUNTS, CUT, CUT].map(Outcome::Decided));
}

/// While a relay withholds headers of the chain, nothing is decided by them, and nothing is decided wrongly.
///
/// Clauses: DIR-5, DIR-16.
#[test]
fn a07_a_withheld_header_leaves_it_open() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(MEMBER, Role::Writer);
    scene.write(0, grant);
    let chain: Vec<_> = (0..5).map(|_| scene.operation(MEMBER, SOME_KEY)).collect();
    let cuts = scene.cuts_at(&[chain[3]]);
    let revoke = scene.revoke(MEMBER, cuts);
    scene.write(0, revoke);
    let fork = scene.operation_at(MEMBER, Some(chain[0]), bulla_core::KeyId([0x79; 32]));
    let directory = scene.settled();
    let Standing::Limited(limits) = directory.standing(&scene.device(MEMBER).key, &SOME_KEY) else {
        panic!("it depends on the chain")
    };
    let judge = |end: crate::support::End, withheld: &[EntryId]| {
        let mut walk = CutWalk::new(scene.device(MEMBER).key, limits.clone());
        let look_up = |id: &EntryId| if withheld.contains(id) { None } else { scene.link(id) };
        walk.judge_with(end.sequence, &end.id, 100, look_up)
    };
    let all: Vec<EntryId> = chain.iter().map(|end| end.id).collect();
    // The cut itself and what comes after it need no header.
    assert_eq!(judge(chain[3], &all), Outcome::Decided(COUNTS));
    assert_eq!(judge(chain[4], &all), Outcome::Decided(CUT));
    for end in [chain[0], chain[1], fork] {
        assert_eq!(judge(end, &[chain[2].id]), Outcome::Open);
        assert_eq!(judge(end, &[chain[3].id]), Outcome::Open);
    }
    assert_eq!(judge(chain[1], &[]), Outcome::Decided(COUNTS));
    assert_eq!(judge(fork, &[]), Outcome::Decided(CUT));
    // A walk looks nothing up twice and asks for no more than it is allowed to.
    let mut walk = CutWalk::new(scene.device(MEMBER).key, limits);
    assert_eq!(walk.judge(chain[0].sequence, &chain[0].id), Outcome::Needs(chain[3].id));
    let mut asked = vec![];
    let outcome = walk.judge_with(chain[0].sequence, &chain[0].id, 2, |id| {
        asked.push(*id);
        scene.link(id)
    });
    assert_eq!((outcome, asked.len()), (Outcome::Needs(chain[1].id), 2));
    for end in [chain[0], chain[1], fork] {
        let _ = walk.judge_with(end.sequence, &end.id, 100, |id| {
            asked.push(*id);
            scene.link(id)
        });
    }
    let looked_up = asked.len();
    asked.dedup();
    assert_eq!((asked.len(), looked_up), (3, 3));
}

/// A chain that leads through the entry of an accomplice, whose previous leads back, is no chain of the device.
///
/// Clauses: DIR-5.
#[test]
fn a07_an_accomplice_does_not_join_a_fork_to_the_chain() {
    let mut scene = Scene::new(1);
    for device in [MEMBER, 2] {
        let grant = scene.grant(device, Role::Writer);
        scene.write(0, grant);
    }
    let first = scene.operation(MEMBER, SOME_KEY);
    let second = scene.operation(MEMBER, SOME_KEY);
    let between = scene.operation_at(2, Some(second), SOME_KEY);
    let third = scene.operation_at(MEMBER, Some(between), SOME_KEY);
    let cuts = scene.cuts_at(&[third]);
    let revoke = scene.revoke(MEMBER, cuts);
    scene.write(0, revoke);
    let directory = scene.settled();
    assert_eq!((first.sequence, third.sequence), (1, 4));
    assert_eq!(scene.judge(&directory, third.id), Outcome::Decided(COUNTS));
    for end in [first, second] {
        assert_eq!(scene.judge(&directory, end.id), Outcome::Decided(CUT));
    }
}

/// What a stranger writes is told apart from what a former member does.
///
/// Clauses: DIR-30.
#[test]
fn a07_a_former_member_is_no_stranger() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(MEMBER, Role::Writer);
    scene.write(0, grant);
    let revoke = scene.revoke(MEMBER, crate::support::nothing());
    scene.write(0, revoke);
    let (late, strange) = (scene.operation(MEMBER, SOME_KEY), scene.operation(8, SOME_KEY));
    let directory = scene.settled();
    assert_eq!(scene.judge(&directory, late.id), Outcome::Decided(CUT));
    assert_eq!(scene.judge(&directory, strange.id), Outcome::Decided(STRANGER));
}
