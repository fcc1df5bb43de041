//! Whatever is not one of the node's own tokens is no token, and looks like none.

use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

use crate::support::{device, one_member, request, space};

#[tokio::test]
async fn a47_other_tokens_are_refused_like_none() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let path = Route::Space(space(1), SpaceRoute::Head).path();
    let none = node.get(&path, None).await;
    assert_eq!((none.status, none.code().as_str()), (401, "login.token"));
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    let good = node.token(&*member, &[space(1)]).await;
    assert_eq!(node.get(&path, Some(&good)).await.status, 200);

    let last = good.chars().last().unwrap();
    let other_spelling =
        format!("{}{}", &good[..good.len() - 1], if last == 'B' { 'D' } else { 'B' });
    let long = format!("Bearer {}", "A".repeat(8_000));
    let values = [
        // alg none, an HMAC keyed by a public key, a key id that names a file.
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl",
        "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.e30.AAAA",
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        &good.replacen("Bearer ", "bearer ", 1),
        &good.replacen("Bearer ", "Bearer  ", 1),
        &format!("{good}="),
        &other_spelling,
        &long,
        "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    for value in values {
        assert_eq!(node.get(&path, Some(value)).await, none, "{value}");
    }
    // A good token twice is no token either: which of two headers counts is not for a proxy to choose.
    let twice = [("bulla-request-id", "test"), ("authorization", &good), ("authorization", &good)];
    assert_eq!(node.exchange(&request("GET", &path, &twice, &[])).await, none);
}
