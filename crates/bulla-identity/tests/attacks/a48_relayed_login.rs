//! A48: a login passed on to another node, or changed on its way, is worth nothing.

use bulla_core::{LoginNonce, SpaceId};
use bulla_identity::{
    CHALLENGE_LIFETIME_MS, Initiator, LoginError, LoginNonces, LoginTranscript, NodeKeys, Origin,
};
use proptest::prelude::*;

use super::people::{pair, transcript};

#[test]
fn a48_a_challenge_of_one_relay_is_no_login_at_another() {
    let ((client, _), (_, evil), (_, honest)) = (pair(1), pair(2), pair(3));
    // The evil relay fetches a challenge of the honest one in the client's name and passes it on as its own.
    let at_honest = transcript(client.peer_key(), honest.node_id());
    let as_evil = transcript(client.peer_key(), evil.node_id());
    let signed = client.sign_login(&as_evil).unwrap();
    assert!(matches!(at_honest.verify_initiator(&signed), Err(LoginError::Signature(_))));
    // Naming the honest relay instead, it cannot give that relay's signature, which the client asks for first.
    let forged = evil.answer_login(&as_evil).unwrap();
    assert!(matches!(at_honest.verify_responder(&forged), Err(LoginError::Signature(_))));
    assert_eq!(evil.answer_login(&at_honest), Err(LoginError::Identity));
}

#[test]
fn a48_every_part_of_the_transcript_counts() {
    let (client, node) = pair(1);
    let (other, other_node) = pair(2);
    let key = node.challenge_key();
    let (a, b) = (SpaceId([3; 32]), SpaceId([4; 32]));
    let nonces = |initiator, responder| LoginNonces {
        initiator: LoginNonce([initiator; 32]),
        responder: LoginNonce([responder; 32]),
    };
    let address = |text: &str| Origin::Address(text.to_owned());
    let make = |initiator: &bulla_identity::DeviceKeys,
                responder: &NodeKeys,
                origin,
                spaces,
                nonces,
                ms| {
        LoginTranscript::new(initiator.peer_key(), responder.node_id(), origin, spaces, nonces, ms)
            .unwrap()
    };
    let honest = make(&client, &node, address("https://a"), vec![a, b], nonces(1, 2), 1_000);
    let by_initiator = client.sign_login(&honest).unwrap();
    let by_responder = node.answer_login(&honest).unwrap();
    let tag = key.tag(&honest);
    honest.verify_initiator(&by_initiator).unwrap();
    honest.verify_responder(&by_responder).unwrap();
    key.check(&honest, &tag, 1_000).unwrap();

    let changed = [
        ("initiator", make(&other, &node, address("https://a"), vec![a, b], nonces(1, 2), 1_000)),
        (
            "responder",
            make(&client, &other_node, address("https://a"), vec![a, b], nonces(1, 2), 1_000),
        ),
        ("origin", make(&client, &node, address("https://b"), vec![a, b], nonces(1, 2), 1_000)),
        (
            "longer origin",
            make(&client, &node, address("https://a:1"), vec![a, b], nonces(1, 2), 1_000),
        ),
        (
            "kind of origin",
            make(&client, &node, Origin::Handshake([0x61; 32]), vec![a, b], nonces(1, 2), 1_000),
        ),
        ("fewer spaces", make(&client, &node, address("https://a"), vec![a], nonces(1, 2), 1_000)),
        ("no spaces", make(&client, &node, address("https://a"), vec![], nonces(1, 2), 1_000)),
        (
            "initiator nonce",
            make(&client, &node, address("https://a"), vec![a, b], nonces(9, 2), 1_000),
        ),
        (
            "responder nonce",
            make(&client, &node, address("https://a"), vec![a, b], nonces(1, 9), 1_000),
        ),
        (
            "nonces swapped",
            make(&client, &node, address("https://a"), vec![a, b], nonces(2, 1), 1_000),
        ),
        ("time", make(&client, &node, address("https://a"), vec![a, b], nonces(1, 2), 1_001)),
    ];
    for (what, transcript) in changed {
        assert!(transcript.verify_initiator(&by_initiator).is_err(), "{what}");
        assert!(transcript.verify_responder(&by_responder).is_err(), "{what}");
        assert_eq!(key.check(&transcript, &tag, 1_000), Err(LoginError::Challenge), "{what}");
    }
    assert_eq!(
        other_node.challenge_key().check(&honest, &tag, 1_000),
        Err(LoginError::Challenge),
        "other node"
    );
}

#[test]
fn a48_a_challenge_ages() {
    let (client, node) = pair(1);
    let (login, key) = (transcript(client.peer_key(), node.node_id()), node.challenge_key());
    let (tag, issued) = (key.tag(&login), login.challenge_ms());
    for (now, expected) in [
        (issued, Ok(())),
        (issued + CHALLENGE_LIFETIME_MS, Ok(())),
        (issued + CHALLENGE_LIFETIME_MS + 1, Err(LoginError::Expired)),
        (u64::MAX, Err(LoginError::Expired)),
    ] {
        assert_eq!(key.check(&login, &tag, now), expected, "{now}");
    }
    // The clock went back, or a node that shares the key is a little ahead.
    let ahead = LoginTranscript::new(
        client.peer_key(),
        node.node_id(),
        Origin::Handshake([0; 32]),
        vec![],
        LoginNonces { initiator: LoginNonce([1; 32]), responder: LoginNonce([2; 32]) },
        100_000,
    )
    .unwrap();
    let tag = key.tag(&ahead);
    assert_eq!(key.check(&ahead, &tag, 95_000), Ok(()));
    assert_eq!(key.check(&ahead, &tag, 94_999), Err(LoginError::Expired));
    assert_eq!(key.check(&ahead, &tag, 0), Err(LoginError::Expired));
}

#[test]
fn a48_transcripts_are_bounded() {
    let (client, node) = pair(1);
    let make = |origin, spaces| {
        let nonces = LoginNonces { initiator: LoginNonce([1; 32]), responder: LoginNonce([2; 32]) };
        LoginTranscript::new(client.peer_key(), node.node_id(), origin, spaces, nonces, 0)
            .map(|_| ())
    };
    let address = |text: String| Origin::Address(text);
    let space = |n: u16| {
        let mut id = SpaceId::ZERO;
        id.0[..2].copy_from_slice(&n.to_be_bytes());
        id
    };
    for bad in
        [String::new(), "a".repeat(257), "https://a b".into(), "https://ä".into(), "a\n".into()]
    {
        assert_eq!(make(address(bad.clone()), vec![]), Err(LoginError::Origin), "{bad:?}");
    }
    assert_eq!(make(address("a".repeat(256)), (0..256).map(space).collect()), Ok(()));
    assert_eq!(make(address("a".into()), (0..257).map(space).collect()), Err(LoginError::Spaces));
    assert_eq!(make(address("a".into()), vec![space(2), space(1)]), Err(LoginError::Spaces));
    assert_eq!(make(address("a".into()), vec![space(1), space(1)]), Err(LoginError::Spaces));
}

proptest! {
    /// Two transcripts with the same bytes are the same transcript: nothing moves from one part into its neighbour.
    #[test]
    fn a48_different_transcripts_have_different_bytes(
        one in parts(),
        other in parts(),
    ) {
        let (client, node) = pair(1);
        let make = |(origin, spaces, initiator, responder, ms): (String, u8, u8, u8, u64)| {
            let spaces = (0..spaces).map(|n| SpaceId([n; 32])).collect();
            let nonces = LoginNonces { initiator: LoginNonce([initiator; 32]), responder: LoginNonce([responder; 32]) };
            LoginTranscript::new(client.peer_key(), node.node_id(), Origin::Address(origin), spaces, nonces, ms).unwrap()
        };
        let same = one == other;
        prop_assert_eq!(make(one).to_bytes() == make(other).to_bytes(), same);
    }
}

fn parts() -> impl Strategy<Value = (String, u8, u8, u8, u64)> {
    ("[a-b]{1,3}", 0..3_u8, 0..2_u8, 0..2_u8, 0..3_u64)
}
