//! Five hundred connections that say half a word: others are served meanwhile, and the slow ones are gone in the time the
//! configuration allows.

use crate::raw::Raw;
use crate::support::{Bench, device, eventually, peer, pull, put, relay, world};

/// NODE-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a55_five_hundred_half_sent_requests_hold_up_nobody() {
    let (bench, laptop, world) = (Bench::new(), device(), world(85));
    let site = bench.site("relay");
    let http = "[http]\nhead_timeout_ms = 5_000\nidle_timeout_ms = 5_000\n\
                max_connections_per_address = 600\n";
    site.configure(&format!("{http}{}", relay(world.space(), &[peer(&laptop)])));
    let node = site.start().await;
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut raw = Raw::connect(node.ready.listen).await;
        raw.send(b"GET /v1/capabilities HTTP/1.1\r\nhost: no").await;
        slow.push(raw);
    }
    let store = node.store(&laptop, world.space());
    put(&*store, &world.entries(0, 5).unwrap()).await;
    assert_eq!(pull(&*store).await.len(), 5);
    for mut raw in slow {
        assert!(raw.is_closed().await);
    }
    // A connection is closed a moment before it is no longer counted.
    eventually("only the client's own are left", async || {
        (node.figure("bulla_connections").await <= 2).then_some(())
    })
    .await;
    node.stop().await;
}
