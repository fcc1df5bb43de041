//! A62: secrets in memory that nobody holds any more, as a core dump or a swapped page would show them.

use bulla_identity::{OsRandomness, Passphrase, WorkFactor};
use bulla_pairing::{Invitation, Invitations, Joiner, RecoveryKey};

use super::memory::{Masked, left};
use super::support::{Host, NOW, SPACE, device, secret_of, typed, until_codes};

fn masked(invitation: &Invitation) -> Masked {
    Masked::new("the secret of an invitation", &secret_of(invitation))
}

/// Uses what is secret of invitations in every way, and drops all of it. What to look for.
#[inline(never)]
fn invitations() -> Vec<Masked> {
    let mut host = Host::new();
    let mut secrets = vec![masked(&host.invitation)];
    assert_eq!(left(&secrets).len(), 1, "the search finds what is there");
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    // Many of them, forgotten in another order than they were made.
    let author = host.device.author();
    let mut made: Vec<_> = (0..60)
        .map(|_| host.register.invite(author, SPACE, None, 1_000, NOW, &OsRandomness).unwrap())
        .collect();
    secrets.extend(made.iter().map(masked));
    made.sort_by_key(Invitation::id);
    for (place, invitation) in made.iter().enumerate() {
        if place % 3 == 0 {
            host.register.cancel(&invitation.id()).unwrap();
        }
        let text = invitation.to_text();
        let again: Invitation = text.parse().unwrap();
        assert_eq!(again.id(), invitation.id());
        assert!(invitation.to_qr().size() > 20);
        drop(invitation.mailbox());
        drop(Joiner::begin(&again, &device(3), "x", &OsRandomness).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, passphrase) = (folder.path().join("x"), Passphrase::new("a phrase").unwrap());
    host.register.replace_file(&path, &passphrase, WorkFactor::dangerous(1)).unwrap();
    let mut again = Invitations::read_file(&path, &passphrase).unwrap();
    assert_eq!(again.forget_expired(NOW + 1_000), 40);
    secrets
}

#[inline(never)]
fn recovery() -> Vec<Masked> {
    let key = RecoveryKey::generate(&OsRandomness).unwrap();
    let words = key.to_words();
    let secrets = vec![Masked::new("the words of a recovery key", words.as_bytes())];
    assert_eq!(left(&secrets).len(), 1, "the search finds what is there");
    let again = RecoveryKey::from_words(&words).unwrap();
    assert_eq!(again.device_keys().author(), key.device_keys().author());
    secrets
}

/// Clauses: PAIR-34.
#[test]
fn a62_what_was_dropped_is_wiped() {
    for secrets in [invitations(), recovery()] {
        let left = left(&secrets);
        assert!(left.is_empty(), "of {} lie in memory still: {left:?}", secrets.len());
    }
}
