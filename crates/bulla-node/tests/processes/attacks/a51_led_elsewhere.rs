//! Upstreams come from the configuration only, and their addresses are public unless a network is listed.

use bulla_core::{NodeId, SpaceId};

use crate::support::{Bench, cx, device, passthrough, peer};

/// NODE-6.
#[test]
fn a51_an_upstream_at_a_private_address_is_refused_at_the_start() {
    let bench = Bench::new();
    let (site, laptop) = (bench.site("node"), device());
    let space = passthrough(SpaceId([7; 32]), "inside", &[peer(&laptop)]);
    for url in [
        "http://127.0.0.1:7440",
        "https://127.0.0.1:7440",
        "https://169.254.169.254",
        "https://[::1]:7440",
        "https://[::ffff:127.0.0.1]:7440",
        "https://10.0.0.1",
    ] {
        let node = NodeId([1; 32]);
        let upstream = format!("[[upstream]]\nname = 'inside'\nurl = '{url}'\nnode = '{node}'\n");
        site.configure(&(upstream + &space));
        let (exit, error) = site.fail(&["run"]);
        assert_eq!(exit, 2, "{url}");
        assert!(error.contains("upstream inside") && error.contains("not allowed"), "{error}");
    }
}

/// A name is judged by what it leads to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a51_a_name_that_leads_home_is_refused_when_it_is_resolved() {
    let bench = Bench::new();
    let (site, laptop, space) = (bench.site("node"), device(), SpaceId([7; 32]));
    let node = NodeId([1; 32]);
    let upstream =
        format!("[[upstream]]\nname = 'name'\nurl = 'https://localhost:7440'\nnode = '{node}'\n");
    site.configure(&(upstream + &passthrough(space, "name", &[peer(&laptop)])));
    let node = site.start().await;
    let error = node.store(&laptop, space).head(&cx()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.address", "{error}");
    assert_eq!(node.page("/live").await.0, 200);
    node.stop().await;
}
