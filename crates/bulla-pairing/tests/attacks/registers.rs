//! The register: how many it keeps, what makes room, and how its file is judged.

use bulla_core::cbor::Writer;
use bulla_core::{AuthorKey, InvitationId, NodeId};
use bulla_identity::{OsRandomness, Passphrase, WorkFactor};
use bulla_pairing::{InvitationState, Invitations, MAX_INVITATIONS, MAX_LIFETIME_MS, MailboxNode};
use proptest::prelude::*;

use super::support::{NOW, SPACE, device};

/// Clauses: PAIR-30.
#[test]
fn a_full_register_forgets_only_what_cannot_serve_any_more() {
    let (author, mut register) = (device(1).author(), Invitations::new());
    let mut made = Vec::new();
    for number in 0..MAX_INVITATIONS as u64 {
        let lifetime = 1_000 + number;
        let one = register.invite(author, SPACE, None, lifetime, NOW, &OsRandomness).unwrap();
        made.push(one.id());
    }
    let refused = register.invite(author, SPACE, None, 1_000, NOW, &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "invitation.too_many");
    // One was cancelled: it makes room, the others stay.
    register.cancel(&made[40]).unwrap();
    register.invite(author, SPACE, None, 5_000, NOW, &OsRandomness).unwrap();
    let left: Vec<_> = register.iter().map(|info| info.id).collect();
    assert_eq!(left.len(), MAX_INVITATIONS);
    assert!(!left.contains(&made[40]) && left.contains(&made[0]));
    assert!(left.is_sorted());
    // Two expired: the one that expired first makes room first.
    register.invite(author, SPACE, None, 5_000, NOW + 1_001, &OsRandomness).unwrap();
    let left: Vec<_> = register.iter().map(|info| info.id).collect();
    assert!(!left.contains(&made[0]) && left.contains(&made[1]));
    let unknown = register.invitation(&made[0], NOW + 1_001).unwrap_err();
    assert_eq!(unknown.code().as_str(), "invitation.unknown");
}

/// Clauses: PAIR-34.
#[test]
fn what_expired_is_forgotten_with_its_secret_and_what_ended_is_remembered() {
    let (author, mut register) = (device(1).author(), Invitations::new());
    let mut make =
        |lifetime| register.invite(author, SPACE, None, lifetime, NOW, &OsRandomness).unwrap().id();
    let (short, long, cancelled) = (make(10), make(20), make(10));
    register.cancel(&cancelled).unwrap();
    // Not by a clock that went back.
    assert_eq!(register.forget_expired(0), 0);
    assert_eq!(register.forget_expired(NOW + 9), 0);
    assert_eq!(register.forget_expired(NOW + 10), 1);
    let left: Vec<_> = register.iter().map(|info| info.id).collect();
    assert!(!left.contains(&short) && left.contains(&long) && left.contains(&cancelled));
}

/// Clauses: KF-2, KF-12.
#[test]
fn a_register_survives_its_file() {
    let (author, mut register) = (device(1).author(), Invitations::new());
    let node = MailboxNode { url: "https://a.example".to_owned(), key: NodeId([8; 32]) };
    let one = register.invite(author, SPACE, Some(&node), 5_000, NOW, &OsRandomness).unwrap();
    let two = register.invite(author, SPACE, None, 5_000, NOW, &OsRandomness).unwrap();
    register.cancel(&two.id()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("invitations");
    let passphrase = Passphrase::new("a long enough one").unwrap();
    register.replace_file(&path, &passphrase, WorkFactor::dangerous(1)).unwrap();
    let back = Invitations::read_file(&path, &passphrase).unwrap();
    assert!(back.iter().eq(register.iter()));
    assert_eq!(back.to_secret(), register.to_secret());
    let shown = back.invitation(&one.id(), NOW).unwrap();
    assert_eq!(shown.to_text(), one.to_text());
    let refused = back.invitation(&two.id(), NOW).unwrap_err();
    assert_eq!(refused.code().as_str(), "invitation.cancelled");
}

/// One invitation of a file, by hand.
fn file(
    id: InvitationId,
    secret: Option<[u8; 16]>,
    times: (u64, u64),
    state: (u64, bool),
) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(3).uint(1).uint(4).array(1).array(9);
    writer.bytes(id).bytes(SPACE).bytes([5; 16]);
    match secret {
        Some(secret) => writer.bytes(secret),
        None => writer.null(),
    };
    writer.null().uint(times.0).uint(times.1).uint(state.0);
    if state.1 {
        writer.bytes(AuthorKey([6; 32]))
    } else {
        writer.null()
    };
    writer.into_bytes()
}

/// Clauses: KF-12.
#[test]
fn a_file_that_says_impossible_things_is_refused() {
    let secret = [3; 16];
    let root = [secret.as_slice(), &SPACE.0, &[5; 16]].concat();
    let id = InvitationId(blake3::derive_key("bulla 2026 invitation id", &root));
    let (time, live) = ((NOW, NOW + 1), Some(secret));
    for (state, secret) in
        [((0, false), live), ((1, true), live), ((2, true), None), ((3, false), None)]
    {
        let read = Invitations::from_secret(&file(id, secret, time, state)).unwrap();
        assert_eq!(read.iter().count(), 1);
    }
    let cases = [
        ("key_file.rule", file(id, None, time, (0, false))),
        ("key_file.rule", file(id, None, time, (1, true))),
        ("key_file.rule", file(id, live, time, (2, true))),
        ("key_file.rule", file(id, live, time, (3, false))),
        ("key_file.rule", file(id, live, time, (0, true))),
        ("key_file.rule", file(id, live, time, (1, false))),
        ("key_file.rule", file(id, None, time, (2, false))),
        ("key_file.rule", file(id, None, time, (3, true))),
        ("cbor.bounds", file(id, live, time, (4, false))),
        ("key_file.rule", file(InvitationId([1; 32]), live, time, (0, false))),
        ("key_file.rule", file(id, live, (NOW, NOW), (0, false))),
        ("key_file.rule", file(id, live, (NOW, NOW - 1), (0, false))),
        ("key_file.rule", file(id, live, (NOW, NOW + MAX_LIFETIME_MS + 1), (0, false))),
    ];
    for (place, (expected, content)) in cases.iter().enumerate() {
        let refused = Invitations::from_secret(content).unwrap_err();
        assert_eq!(refused.code().as_str(), *expected, "case {place}");
    }
}

/// What a test does to one invitation.
#[derive(Debug, Clone, Copy)]
enum Step {
    Invite,
    Cancel(usize),
    Wait(u64),
    Reload,
}

proptest! {
    /// No state is ever left for an earlier one, the bound holds, and a file gives back what was written.
    ///
    /// Clauses: PAIR-30, KF-12.
    #[test]
    fn a_register_never_goes_back(
        steps in prop::collection::vec(
            prop_oneof![
                4 => Just(Step::Invite),
                2 => any::<usize>().prop_map(Step::Cancel),
                1 => (0..2_000_u64).prop_map(Step::Wait),
                1 => Just(Step::Reload),
            ],
            1..150,
        )
    ) {
        let (author, mut register, mut now) = (device(1).author(), Invitations::new(), NOW);
        let mut cancelled = Vec::new();
        for step in steps {
            match step {
                Step::Invite => {
                    let made = register.invite(author, SPACE, None, 1_000, now, &OsRandomness);
                    prop_assert!(made.is_ok() || register.iter().count() == MAX_INVITATIONS);
                }
                Step::Cancel(place) => {
                    let infos: Vec<_> = register.iter().collect();
                    if let Some(info) = infos.get(place % infos.len().max(1)) {
                        register.cancel(&info.id).unwrap();
                        cancelled.push(info.id);
                    }
                }
                Step::Wait(ms) => now += ms,
                Step::Reload => {
                    let written = register.to_secret();
                    register = Invitations::from_secret(&written).unwrap();
                    prop_assert_eq!(register.to_secret(), written);
                }
            }
            prop_assert!(register.iter().count() <= MAX_INVITATIONS);
            for info in register.iter() {
                let expected = if cancelled.contains(&info.id) {
                    InvitationState::Cancelled
                } else {
                    InvitationState::Unused
                };
                prop_assert_eq!(info.state, expected);
            }
        }
    }
}
