//! A token serves one device, at one node, for the spaces it was given out for, for 15 minutes.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::author::{Draft, World};
use bulla_core::values::ScanRequest;
use bulla_server::{AccessList, AccessRules, BodySource, Call, Rights};
use bulla_store::Context;
use bulla_wire::route::SpaceRoute;
use bulla_wire::scan::ScanMessage;
use bulla_wire::stream::BodyEncoder;
use bulla_wire::{Form, Route, WireError, headers};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::support::{READ, READ_WRITE, SetClock, Setup, device, one_member, request, space};

fn head_of(byte: u8) -> String {
    Route::Space(space(byte), SpaceRoute::Head).path()
}

#[tokio::test]
async fn a46_a_token_ends_after_fifteen_minutes() {
    let (member, clock) = (device(), SetClock::new());
    let setup = one_member(&member, space(1)).await;
    let node = Setup { clock: Arc::clone(&clock) as _, ..setup }.start().await;
    let token = node.token(&*member, &[space(1)]).await;
    clock.advance(899_999);
    assert_eq!(node.get(&head_of(1), Some(&token)).await.status, 200);
    clock.advance(1);
    let late = node.get(&head_of(1), Some(&token)).await;
    assert_eq!((late.status, late.code().as_str()), (401, "login.token"));
    assert_eq!(late, node.get(&head_of(1), None).await, "as if it had never been one");
}

#[tokio::test]
async fn a46_a_token_is_worth_nothing_at_another_node() {
    let member = device();
    let here = one_member(&member, space(1)).await.start().await;
    let there = one_member(&member, space(1)).await.start().await;
    let token = here.token(&*member, &[space(1)]).await;
    assert_eq!(there.get(&head_of(1), Some(&token)).await.status, 401);
    assert_eq!(here.get(&head_of(1), Some(&token)).await.status, 200);
}

#[tokio::test]
async fn a46_a_token_opens_only_the_spaces_it_was_given_out_for() {
    let member = device();
    let mut setup = one_member(&member, space(1)).await;
    setup.rules.allow(space(2), member.author().into(), READ_WRITE);
    let node = setup.start().await;
    let narrow = node.token(&*member, &[space(1)]).await;
    assert_eq!(node.get(&head_of(2), Some(&narrow)).await.code(), "space.not_served");
    let wide = node.token(&*member, &[]).await;
    assert_eq!(node.get(&head_of(2), Some(&wide)).await.status, 200);
}

#[tokio::test]
async fn a46_a_right_taken_away_is_gone_with_the_next_request() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let token = node.token(&*member, &[space(1)]).await;
    assert_eq!(node.get(&head_of(1), Some(&token)).await.status, 200);
    node.access.replace(AccessRules::new());
    assert_eq!(node.get(&head_of(1), Some(&token)).await.code(), "space.not_served");
    let login = node.signed_login(&*member, &[space(1)]).await;
    assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.refused");
}

/// Whoever records a login and sends it again gets no token, also at the same moment: one of many gets one.
///
/// Clauses: LOGIN-7.
#[tokio::test]
async fn a46_a_login_sent_twice_gives_one_token() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let login = node.signed_login(&*member, &[space(1)]).await;
    let replies = futures_util::future::join_all(
        (0..8).map(|_| node.post("/v1/login", None, &login)).collect::<Vec<_>>(),
    )
    .await;
    let granted = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(granted, 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!((reply.status, reply.code().as_str()), (401, "login.used"));
    }
}

/// Reading and writing are rights of their own, in both directions.
#[tokio::test]
async fn a46_a_right_to_one_thing_is_none_to_another() {
    let (reader, writer) = (device(), device());
    let mut setup = one_member(&device(), space(1)).await;
    setup.rules.allow(space(1), reader.author().into(), READ);
    let write = Rights { read: false, write: true, carry: false };
    setup.rules.allow(space(1), writer.author().into(), write);
    let node = setup.start().await;
    let mut nothing = BodyEncoder::put(space(1), Form::Compact);
    nothing.end();
    let nothing = nothing.take(0);
    let put = Route::Space(space(1), SpaceRoute::Put).path();
    let scan = Route::Space(space(1), SpaceRoute::Scan).path();
    for (keys, may_write) in [(&reader, false), (&writer, true)] {
        let token = node.token(&**keys, &[space(1)]).await;
        let fields = [("authorization", token.as_str()), ("content-type", "application/cbor-seq")];
        let put = node.exchange(&request("POST", &put, &fields, &nothing)).await;
        let everything =
            ScanMessage { request: ScanRequest::everything(), form: Form::Compact, pages: 1 };
        let scan = node.post(&scan, Some(&token), &everything).await;
        let (allowed, refused) = if may_write { (put, scan) } else { (scan, put) };
        assert_eq!(allowed.status, 200, "{allowed:?}");
        assert_eq!((refused.status, refused.code().as_str()), (403, "space.forbidden"));
    }
}

/// Gives a whole body in one piece and takes every right away before it ends.
struct Revoking {
    body: Option<Bytes>,
    access: Arc<AccessList>,
}

#[async_trait]
impl BodySource for Revoking {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        if self.body.is_none() {
            self.access.replace(AccessRules::new());
        }
        Ok(self.body.take())
    }
}

#[tokio::test]
async fn a46_a_right_taken_away_while_a_body_comes_stores_nothing_of_it() {
    let (member, world) = (device(), World::new([1; 32]).unwrap());
    let setup = one_member(&member, world.space()).await;
    let spaces = Arc::clone(&setup.spaces);
    let node = setup.start().await;
    let token = node.token(&*member, &[world.space()]).await;
    let entry = world.author(0).write(Draft::default()).unwrap();
    let mut body = BodyEncoder::put(world.space(), Form::Compact);
    body.verified(&entry.into());
    body.end();
    let mut body = Revoking { body: Some(body.take(0)), access: Arc::clone(&node.access) };
    let call = Call {
        token: headers::parse_token(&token),
        hops: Vec::new(),
        deadline_ms: None,
        request_id: "test".to_owned(),
        stopping: CancellationToken::new(),
    };
    let route = Route::Space(world.space(), SpaceRoute::Put);
    let refused = node.service.answer(route, call, &mut body).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "space.not_served");
    let store = spaces.open(&Context::new(), world.space()).await.unwrap();
    assert_eq!(store.head(&Context::new()).await.unwrap().last_receipt, 0);
}
