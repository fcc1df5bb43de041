//! kill -9 at any moment, a full disk, a stopped process: nothing acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_client::ClientSettings;
use bulla_conformance::suite::author::{Draft, whole};
use bulla_core::EntryId;
use bulla_core::values::GetItem;
use bulla_store::{ContentAddressedStore, StoreExt as _};
use rustix::process::Signal;

use crate::support::{Bench, code, cx, device, eventually, peer, pull, put, relay, world};

/// NODE-52.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_the_middle_of_pushes_loses_nothing_acknowledged() {
    const SEED: u8 = 50;
    println!("seed {SEED}");
    let (bench, laptop, world) = (Bench::new(), device(), world(SEED));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let mut all: Vec<(u64, EntryId)> = Vec::new();
    let mut lineage = None;
    for (round, kill_after) in (0_u64..).zip([0, 1, 20, 60]) {
        let node = site.start().await;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let mut author = world.author(round * 10 + writer);
                let store = node.store(&laptop, world.space());
                let count = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    let mut held = Vec::new();
                    loop {
                        let content = u64::try_from(held.len()).unwrap();
                        let draft = |n| Draft {
                            payload_bytes: [64, 900, 20_000][usize::try_from(n % 3).unwrap()],
                            content: content + n,
                            ..Draft::default()
                        };
                        let batch: Vec<_> =
                            (0..4).map(|n| author.write(draft(n)).unwrap()).collect();
                        let Ok(report) = store.put(&cx(), whole(&batch)).await else { return held };
                        for (entry, outcome) in batch.iter().zip(report.outcomes) {
                            held.push((outcome.receipt().unwrap(), entry.id()));
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        eventually("so many are acknowledged", async || {
            (acknowledged.load(Ordering::SeqCst) >= kill_after).then_some(())
        })
        .await;
        node.kill().await;
        for writer in writers {
            all.extend(writer.await.unwrap());
        }

        let node = site.start().await;
        let store = node.store(&laptop, world.space());
        let head = store.head(&cx()).await.unwrap();
        assert_eq!(*lineage.get_or_insert(head.lineage), head.lineage, "one history");
        let order = pull(&*store).await;
        assert_eq!(u64::try_from(order.len()).unwrap(), head.last_receipt, "receipts have no gap");
        for (receipt, id) in &all {
            let place = usize::try_from(*receipt).unwrap() - 1;
            assert_eq!(
                order.get(place),
                Some(id),
                "acknowledged with receipt {receipt}, then lost"
            );
            assert!(matches!(store.get_one(&cx(), *id).await.unwrap(), GetItem::Entry(_)));
        }
        node.stop().await;
        assert!(site.say(&["verify"]).contains(" 0 problems"));
    }
    assert!(all.len() >= 81 * 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a60_a_full_disk_refuses_writes_and_keeps_reads() {
    let (bench, laptop, world) = (Bench::new(), device(), world(51));
    let site = bench.site("relay");
    let sections = relay(world.space(), &[peer(&laptop)]);
    let with_low_water =
        |bytes: u64| site.configure(&format!("[disk]\nlow_water_bytes = {bytes}\n{sections}"));
    let entries = world.entries(0, 4).unwrap();
    with_low_water(0);
    let node = site.start().await;
    put(&*node.store(&laptop, world.space()), &entries[..2]).await;
    node.stop().await;

    // No device has as much room as is to stay free.
    with_low_water(u64::MAX / 4);
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    for _ in 0..20 {
        let refused = store.put(&cx(), whole(&entries[2..])).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "store.full");
        assert!(refused.is_retryable());
    }
    assert_eq!(pull(&*store).await.len(), 2, "reads go on, and no batch was taken by half");
    assert!(node.figure("bulla_impairments").await >= 1);
    assert!(node.page("/metrics").await.1.contains("bulla_impairment{code=\"store.full\"} 1"));
    node.stop().await;

    with_low_water(0);
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    put(&*store, &entries[2..]).await;
    assert_eq!(pull(&*store).await.len(), 4, "space returned");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a61_a_stopped_process_costs_time_and_nothing_else() {
    let (bench, laptop, world) = (Bench::new(), device(), world(52));
    let node = bench.relay("relay", world.space(), &[peer(&laptop)]).await;
    let entries = world.entries(0, 6).unwrap();
    let patient: Arc<dyn ContentAddressedStore> = node.store(&laptop, world.space());
    put(&*patient, &entries[..3]).await;
    let settings = ClientSettings { response_header_ms: 1_500, ..ClientSettings::default() };
    let device = Arc::clone(&laptop);
    let client = bulla_client::Client::builder(node.upstream(), device).with_settings(settings);
    let store = client.build().unwrap().store(world.space());
    // On a busy machine even a node that runs may be too late for this one.
    eventually("it logs in", async || store.head(&cx()).await.ok()).await;
    node.signal(Signal::STOP);
    let late = store.put(&cx(), whole(&entries[3..])).await;
    assert_eq!(code(late), "upstream.timeout");
    node.signal(Signal::CONT);
    // It may have been taken when the process went on; then it is a duplicate now.
    let report = patient.put(&cx(), whole(&entries[3..])).await.unwrap();
    assert!(report.outcomes.iter().all(|outcome| outcome.receipt().is_some()));
    let mut order = pull(&*patient).await;
    order.truncate(6);
    assert_eq!(order, entries.iter().map(bulla_core::VerifiedEntry::id).collect::<Vec<_>>());
    node.stop().await;
}
