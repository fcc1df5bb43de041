//! A48: another node answers, or one that passes on the challenge of the real one.

use bulla_client::{Client, Upstream};
use bulla_core::cbor::Decode;
use bulla_core::{LoginNonce, NodeId};
use bulla_identity::{LoginNonces, LoginTranscript, NodeKeys, Origin};
use bulla_store::{ContentAddressedStore, Context, StoreError};
use bulla_wire::Capabilities;
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest};
use std::sync::Arc;

use crate::support::{Node, Reply, SPACE, device};

async fn head(client: &Client) -> StoreError {
    client.store(SPACE).head(&Context::new()).await.unwrap_err()
}

#[tokio::test]
async fn a48_a_wrong_node_key_is_its_own_error() {
    let node = Node::start().await;
    let expected = NodeId([9; 32]);
    let upstream = Upstream::new(&node.address, expected).unwrap();
    let client = Client::builder(upstream, Arc::new(device(1))).build().unwrap();
    let actual = node.keys.node_id();
    let is_wrong = |error: &StoreError| matches!(error, StoreError::WrongNode { expected: e, actual: a } if *e == expected && *a == actual);
    assert!(is_wrong(&head(&client).await));
    assert!(is_wrong(&client.capabilities(&Context::new()).await.unwrap_err()));
    assert_eq!(node.count("/login/challenge"), 0, "it is not even greeted");
    // The same when it lies in its capabilities and only the login tells.
    node.script(move |call, honest| {
        if call.is("/capabilities") { Reply::item(&Capabilities::new(expected)) } else { honest }
    });
    assert!(is_wrong(&head(&client).await));
    assert_eq!(node.count("/login"), 0, "nothing was signed for it");
}

/// Clauses: WIRE-21, LOGIN-3.
#[tokio::test]
async fn a48_a_node_that_cannot_prove_the_key_gets_no_signature() {
    let node = Node::start().await;
    let claimed = node.keys.node_id();
    let forgeries: [fn(ChallengeAnswer) -> ChallengeAnswer; 3] = [
        |mut answer| {
            answer.signature.0[7] ^= 1;
            answer
        },
        |mut answer| {
            answer.challenge_ms += 1;
            answer
        },
        |mut answer| {
            answer.nonce.0[0] ^= 1;
            answer
        },
    ];
    for forge in forgeries {
        node.script(move |call, honest| {
            if !call.is("/challenge") {
                return honest;
            }
            Reply::item(&forge(ChallengeAnswer::from_cbor(&honest.body).unwrap()))
        });
        let error = head(&node.client()).await;
        assert_eq!(error.code().as_str(), "peer.login");
    }
    // Signed by another key that says it is this one.
    let other = NodeKeys::dangerous_from_secret(&[3; 32]);
    let address = node.address.clone();
    node.script(move |call, honest| {
        if !call.is("/challenge") {
            return honest;
        }
        let request = ChallengeRequest::from_cbor(&call.body).unwrap();
        let nonces = LoginNonces { initiator: request.nonce, responder: LoginNonce([6; 32]) };
        let origin = Origin::Address(address.clone());
        let transcript =
            LoginTranscript::new(request.client, other.node_id(), origin, vec![], nonces, 1)
                .unwrap();
        let mut answer = ChallengeAnswer::from_cbor(&honest.body).unwrap();
        answer.signature = other.answer_login(&transcript).unwrap();
        answer.node = claimed;
        Reply::item(&answer)
    });
    assert_eq!(head(&node.client()).await.code().as_str(), "peer.login");
    assert_eq!(node.count("/login"), 0, "nothing was signed for it");
}

#[tokio::test]
async fn a48_a_challenge_passed_on_from_the_real_node_names_another_origin() {
    // The real node signs the origin it was asked under; a node in the middle has another address.
    let real = Node::start().await;
    let middle = Node::start().await;
    let keys = NodeKeys::dangerous_from_secret(&[77; 32]);
    let real_address = real.address.clone();
    middle.script(move |call, honest| {
        if !call.is("/challenge") {
            return honest;
        }
        // The real node answers for its own origin, whatever the request says.
        let request = ChallengeRequest::from_cbor(&call.body).unwrap();
        let nonces = LoginNonces { initiator: request.nonce, responder: LoginNonce([6; 32]) };
        let origin = Origin::Address(real_address.clone());
        let transcript =
            LoginTranscript::new(request.client, keys.node_id(), origin, vec![], nonces, 1)
                .unwrap();
        let mut answer = ChallengeAnswer::from_cbor(&honest.body).unwrap();
        answer.signature = keys.answer_login(&transcript).unwrap();
        Reply::item(&answer)
    });
    assert_eq!(head(&middle.client()).await.code().as_str(), "peer.login");
    assert_eq!(middle.count("/login"), 0);
}
