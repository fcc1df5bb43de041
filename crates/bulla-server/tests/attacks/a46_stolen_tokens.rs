//! A token serves one device, at one node, for the spaces it was given out for, for 15 minutes.

use std::sync::Arc;

use bulla_server::AccessRules;
use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

use crate::support::{READ_WRITE, SetClock, Setup, device, one_member, space};

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
