//! An invitation answered after its time, at the last moment, or under a clock that was turned back.

use bulla_identity::OsRandomness;
use bulla_pairing::{Invitations, Joiner, MAX_LIFETIME_MS};

use super::support::{Host, NOW, SPACE, device, typed, until_codes};

const END: u64 = NOW + 900_000;

/// Clauses: PAIR-31, PAIR-32.
#[test]
fn an_invitation_answered_late_or_before_its_time_is_refused() {
    for (now_ms, expected) in [
        (NOW - 1, Some("invitation.expired")),
        (0, Some("invitation.expired")),
        (NOW, None),
        (END - 1, None),
        (END, Some("invitation.expired")),
        (u64::MAX, Some("invitation.expired")),
    ] {
        let mut host = Host::new();
        let (_, first) =
            Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
        let answer = host.begin_at(first.as_bytes(), now_ms);
        let code = answer.err().map(|error| error.code().to_string());
        assert_eq!(code.as_deref(), expected, "{now_ms}");
        let shown = host.register.invitation(&host.id(), now_ms);
        let code = shown.err().map(|error| error.code().to_string());
        assert_eq!(code.as_deref(), expected, "{now_ms}");
    }
}

/// The people took too long over the codes: nothing is granted, although all was confirmed.
///
/// Clauses: PAIR-33.
#[test]
fn an_invitation_that_expires_while_codes_are_compared_grants_nothing() {
    for (now_ms, granted) in [(END - 1, true), (END, false), (NOW - 1, false)] {
        let mut host = Host::new();
        let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
        let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
        approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
        let approved = approver.approve(&typed(&approver), &mut host.register, now_ms);
        assert_eq!(approved.is_ok(), granted, "{now_ms}");
        if let Err(error) = approved {
            assert_eq!(error.code().as_str(), "invitation.expired");
            // Not even when the clock is set right again.
            let again =
                approver.approve(&typed(&approver), &mut host.register, NOW + 1).unwrap_err();
            assert_eq!(again.code().as_str(), "pairing.over");
        }
    }
}

/// Clauses: PAIR-31.
#[test]
fn no_invitation_lives_longer_than_a_week_or_not_at_all() {
    let mut register = Invitations::new();
    let author = device(1).author();
    for (lifetime_ms, now_ms, fits) in [
        (0, NOW, false),
        (1, NOW, true),
        (MAX_LIFETIME_MS, NOW, true),
        (MAX_LIFETIME_MS + 1, NOW, false),
        (u64::MAX, NOW, false),
        (1, u64::MAX, false),
        (1, i64::MAX as u64, false),
        // A clock beyond what the hint can say.
        (1, 60_000 * (1 << 32), false),
    ] {
        let made = register.invite(author, SPACE, None, lifetime_ms, now_ms, &OsRandomness);
        let code = made.err().map(|error| error.code().to_string());
        let expected = if fits { None } else { Some("invitation.lifetime") };
        assert_eq!(code.as_deref(), expected, "{lifetime_ms} at {now_ms}");
    }
}
