//! What becomes of a put when the connection breaks that it came by.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bulla_core::control::{Cuts, Grant, GrantedDevice, Revoke, Role};
use bulla_core::{NodeId, PeerKey, Verified};
use bulla_store::{ContentAddressedStore as _, SystemClock};
use bulla_store_rocksdb::DiskOptions;

use super::*;
use crate::owner::Owner;

/// What comes of a future that is dropped after so many polls.
async fn polled<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|cx| {
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if polls >= most => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A device that is cut off may break the connection that says so, at any moment.
///
/// Clauses: NODE-22, ADM-11.
#[tokio::test]
async fn a_revocation_counts_though_nobody_waited_for_its_put() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let disk = DiskSpaces::open(folder.path(), DiskOptions::default(), clock).unwrap();
    let cx = Context::new();
    let mut left = 0;
    for most in 1..1_000 {
        let (mut owner, node) = (Owner::new(), NodeId([7; 32]));
        let (space, carrier) = (owner.space(), PeerKey(node.0));
        let judged = Arc::<Judged>::default();
        let relays = Relays::new(disk.clone(), Arc::clone(&judged));
        let relay = relays.create(&cx, space).await.unwrap();
        let device = GrantedDevice::from(node);
        let grant = owner.control(Grant { device, role: Role::Relay, label: None });
        let batch = [owner.genesis.clone(), grant].map(Verified::from).to_vec();
        relay.store.put(&cx, batch).await.unwrap();
        let mut changes = judged.changes();
        assert!(judged.rights(&carrier, &space).any());

        let device = AuthorKey(node.0);
        let revocation = owner.control(Revoke { device, cuts: Cuts(Vec::new()) });
        if polled(relay.store.put(&cx, vec![revocation.into()]), most).await.is_some() {
            assert!(!judged.rights(&carrier, &space).any());
            break;
        }
        if relay.admission.with_directory(|directory| directory.role(&device)).is_some() {
            // It was not taken in, and whoever brought it comes again.
            continue;
        }
        left += usize::from(judged.rights(&carrier, &space).any());
        let gone = async {
            while judged.rights(&carrier, &space).any() {
                changes.changed().await.unwrap();
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
        gone.unwrap_or_else(|_| panic!("dropped after {most} polls, it has its rights still"));
    }
    assert!(left > 0, "it was dropped between storing a revocation and what follows from it");
}
