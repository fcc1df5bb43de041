//! A wall clock that jumps makes no token live longer and no challenge new.

use std::sync::Arc;

use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

use crate::support::{SetClock, Setup, device, one_member, space};

const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 3_600_000;

#[tokio::test]
async fn a61_a_jumping_wall_clock_changes_no_verdict() {
    let (member, clock) = (device(), SetClock::new());
    let setup = one_member(&member, space(1)).await;
    let node = Setup { clock: Arc::clone(&clock) as _, ..setup }.start().await;
    let path = Route::Space(space(1), SpaceRoute::Head).path();
    let token = node.token(&*member, &[space(1)]).await;
    let login = node.signed_login(&*member, &[space(1)]).await;
    let start = 1_800_000_000_000;
    for unix_ms in [start + TEN_YEARS_MS, start - TEN_YEARS_MS, 0, u64::MAX / 2] {
        clock.jump_to(unix_ms);
        assert_eq!(node.get(&path, Some(&token)).await.status, 200, "{unix_ms}");
        node.token(&*member, &[space(1)]).await;
    }
    assert_eq!(node.post("/v1/login", None, &login).await.status, 200, "begun before the jumps");
    // Set back to the very moment of that challenge: it was used, and stays used.
    clock.jump_to(start);
    assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.used");
    // Once it is forgotten that it was used, it is too old, whatever the wall clock says.
    let unused = node.signed_login(&*member, &[space(1)]).await;
    clock.advance(70_001);
    for unix_ms in [start, start - 60_000] {
        clock.jump_to(unix_ms);
        assert_eq!(node.post("/v1/login", None, &login).await.code(), "login.expired");
        assert_eq!(node.post("/v1/login", None, &unused).await.code(), "login.expired");
    }
}
