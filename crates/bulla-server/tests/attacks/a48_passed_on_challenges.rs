//! A node in the middle that passes on another node's challenge gets nothing it can use there.

use bulla_core::Signature;
use bulla_identity::Initiator;
use bulla_wire::login::{ChallengeAnswer, LoginRequest};

use crate::support::{device, one_member, sign, space, transcript};

#[tokio::test]
async fn a48_a_challenge_passed_on_is_refused_where_it_came_from() {
    let member = device();
    let evil = one_member(&member, space(1)).await.start().await;
    let honest = one_member(&member, space(1)).await.start().await;

    // The client greets the evil node, which greets the honest one in the client's name. With the client's own words the
    // honest node sees an address that is not its own.
    let greeting = evil.hello(member.peer_key(), &[space(1)]);
    let passed_on = honest.post("/v1/login/challenge", None, &greeting).await;
    assert_eq!(passed_on.code(), "login.origin");

    // With the address put right, the honest node proves itself over a transcript that the client never made.
    let mut put_right = greeting.clone();
    put_right.origin = honest.origin();
    let challenge: ChallengeAnswer =
        honest.post("/v1/login/challenge", None, &put_right).await.value();
    assert!(transcript(&greeting, &challenge).verify_responder(&challenge.signature).is_err());

    // And what the client signs for the address it knows is not what the honest node checks.
    let signature = member.sign_login(&transcript(&greeting, &challenge)).unwrap();
    let login = LoginRequest { signature, ..sign(&*member, put_right, &challenge) };
    assert_eq!(honest.post("/v1/login", None, &login).await.code(), "login.signature");

    // A challenge of the evil node itself is none of the honest one's.
    let own: ChallengeAnswer = evil.post("/v1/login/challenge", None, &greeting).await.value();
    let mut login = sign(&*member, greeting, &own);
    login.request.origin = honest.origin();
    assert_eq!(honest.post("/v1/login", None, &login).await.code(), "login.challenge");
}

/// Clauses: LOGIN-5, LOGIN-7.
#[tokio::test]
async fn a48_every_part_of_a_login_is_bound() {
    let (member, other) = (device(), device());
    let node = one_member(&member, space(1)).await.start().await;
    let good = node.signed_login(&*member, &[space(1)]).await;
    let mut changed = Vec::new();
    let mut change = |what: &'static str, mutate: &dyn Fn(&mut LoginRequest)| {
        let mut login = good.clone();
        mutate(&mut login);
        changed.push((what, login));
    };
    change("client", &|login| login.request.client = other.peer_key());
    change("client nonce", &|login| login.request.nonce.0[0] ^= 1);
    change("spaces", &|login| login.request.spaces = vec![space(2)]);
    change("no spaces", &|login| login.request.spaces.clear());
    change("node nonce", &|login| login.nonce.0[31] ^= 1);
    change("time", &|login| login.challenge_ms += 1);
    change("tag", &|login| login.tag.0[0] ^= 0x80);
    change("no tag", &|login| login.tag.0 = [0; 32]);
    for (what, login) in changed {
        assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.challenge", "{what}");
    }
    let mut elsewhere = good.clone();
    elsewhere.request.origin = "https://elsewhere.example".to_owned();
    // Before the tag: the one who asks learns which address is meant, and nothing is computed for others.
    assert_eq!(node.post("/v1/login", None, &elsewhere).await.code(), "login.origin");
    for signature in [Signature([0; 64]), Signature(good.signature.0.map(|byte| byte ^ 1))] {
        let login = LoginRequest { signature, ..good.clone() };
        assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.signature");
    }
    assert_eq!(node.post("/v1/login", None, &good).await.status, 200, "none of it used it up");
    let again = node.post("/v1/login", None, &good).await;
    assert_eq!((again.status, again.code().as_str()), (401, "login.used"), "good once");
}
