//! A request that has passed this node before is refused before anything is done for it, and only peers that may carry
//! for others can say which nodes a request has passed.

use bulla_core::NodeId;
use bulla_wire::Route;
use bulla_wire::headers::format_hops;
use bulla_wire::route::SpaceRoute;

use crate::support::{ALL, Node, Reply, Setup, device, request, space};

async fn head_over(node: &Node, token: &str, hops: &str) -> Reply {
    let path = Route::Space(space(1), SpaceRoute::Head).path();
    let fields = [("authorization", token), ("bulla-hops", hops)];
    node.exchange(&request("GET", &path, &fields, &[])).await
}

#[tokio::test]
async fn a54_a_request_that_comes_round_is_refused() {
    let (carrier, member) = (device(), device());
    let mut setup = Setup::new(bulla_server::AccessRules::new());
    setup.rules.allow(space(1), carrier.author().into(), ALL);
    setup.rules.allow(space(1), member.author().into(), crate::support::READ_WRITE);
    let node = setup.start().await;
    let (here, there) = (node.service.node_id(), NodeId([9; 32]));
    let token = node.token(&*carrier, &[space(1)]).await;
    assert_eq!(head_over(&node, &token, &format_hops(&[there])).await.status, 200);
    for path in [vec![here], vec![there, here], vec![here, there]] {
        let reply = head_over(&node, &token, &format_hops(&path)).await;
        assert_eq!((reply.status, reply.code().as_str()), (508, "hop.loop"));
        assert_eq!(reply.error().details.node, Some(here));
    }
    let full: Vec<_> = (0..16).map(|n| NodeId([n; 32])).collect();
    assert_eq!(head_over(&node, &token, &format_hops(&full[..15])).await.status, 200);
    assert_eq!(head_over(&node, &token, &format_hops(&full)).await.code(), "hop.loop");

    for bad in ["", ",", "xyz", &format_hops(&[there, there]), &"a".repeat(5_000)] {
        let reply = head_over(&node, &token, bad).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "hop.path"), "{bad:?}");
    }
    let token = node.token(&*member, &[space(1)]).await;
    assert_eq!(head_over(&node, &token, &format_hops(&[there])).await.code(), "hop.path");
}
