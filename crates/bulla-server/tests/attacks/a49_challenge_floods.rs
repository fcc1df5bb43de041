//! Greetings cost the node no memory, so a flood of them locks nobody out.

use bulla_core::PeerKey;
use bulla_core::cbor::Encode;
use bulla_server::{Answer, BodySource, Call};
use bulla_wire::{Route, WireError};
use bytes::Bytes;

use crate::support::{device, one_member, space};

struct Whole(Option<Bytes>);

#[async_trait::async_trait]
impl BodySource for Whole {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        Ok(self.0.take())
    }
}

#[tokio::test]
async fn a49_a_flood_of_greetings_locks_nobody_out() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let early = node.signed_login(&*member, &[space(1)]).await;
    for number in 0..5_000_u32 {
        let mut client = [7; 32];
        client[..4].copy_from_slice(&number.to_be_bytes());
        let hello = node.hello(PeerKey(client), &[space(1)]);
        let mut body = Whole(Some(hello.to_cbor().into()));
        let answer = node.service.answer(Route::LoginChallenge, Call::default(), &mut body).await;
        assert!(matches!(answer.unwrap(), Answer::Message(_)));
    }
    // Nothing was pushed out by the flood: a challenge from before it still serves, and so does a new one.
    assert_eq!(node.post("/v1/login", None, &early).await.status, 200);
    node.token(&*member, &[space(1)]).await;
}

/// Clauses: LOGIN-9.
#[tokio::test]
async fn a49_strangers_with_good_signatures_leave_no_trace() {
    let (member, stranger) = (device(), device());
    let node = one_member(&member, space(1)).await.start().await;
    let login = node.signed_login(&*stranger, &[space(1)]).await;
    for _ in 0..3 {
        // Refused for who it is each time, never for having been used: nothing was remembered.
        assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.refused");
    }
}

#[tokio::test]
async fn a49_one_member_cannot_use_up_the_logins_of_another() {
    let (greedy, other) = (device(), device());
    let mut setup = one_member(&greedy, space(1)).await;
    setup.rules.allow(space(1), other.author().into(), crate::support::READ);
    let node = setup.start().await;
    let mut busy = 0;
    for _ in 0..300 {
        let login = node.signed_login(&*greedy, &[space(1)]).await;
        let reply = node.post("/v1/login", None, &login).await;
        if reply.status != 200 {
            assert_eq!(reply.code(), "node.busy");
            busy += 1;
        }
    }
    assert_eq!(busy, 300 - 256);
    node.token(&*other, &[space(1)]).await;
}
