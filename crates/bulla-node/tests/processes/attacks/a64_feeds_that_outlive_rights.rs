//! A right taken away by a new configuration ends the feed at once, and nothing comes after.

use futures_util::StreamExt as _;

use crate::support::{Bench, cx, device, peer, put, relay, rest, world};

/// NODE-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_feed_ends_with_the_right_to_read() {
    let (bench, laptop, phone, world) = (Bench::new(), device(), device(), world(87));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop), peer(&phone)]));
    let node = site.start().await;
    let entries = world.entries(0, 2).unwrap();
    let store = node.store(&laptop, world.space());
    let mut heads = node.store(&phone, world.space()).watch(&cx()).await.unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 0);
    put(&*store, &entries[..1]).await;
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 1);

    site.configure(&relay(world.space(), &[peer(&laptop)]));
    node.reload().await;
    put(&*store, &entries[1..]).await;
    // Nothing but the right wakes it.
    assert_eq!(rest(heads).await, (Vec::new(), "space.not_served".to_owned()));
    node.stop().await;
}
