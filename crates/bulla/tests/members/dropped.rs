//! Calls that are dropped half-way. Engines in memory are never half-way, so this runs over the one on disk alone.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bulla::{ContentAddressedStore, Context, Role, Space};
use bulla_core::Verified;
use bulla_core::values::{ScanBody, ScanRequest};
use bulla_store::Judged as _;

use crate::engine::Engine;
use crate::support::{Relay, bring, device, found, note};

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

async fn log(space: &Space) -> Vec<Verified> {
    let page = space.store().scan(&Context::new(), ScanRequest::everything()).await.unwrap();
    assert!(page.end);
    let entry = |body| match body {
        ScanBody::Entry(entry) => entry.into(),
        body => panic!("{body:?}"),
    };
    page.items.into_iter().map(|item| entry(item.body)).collect()
}

async fn is_settled(engine: &Arc<Engine>) -> bool {
    let cx = Context::new();
    engine.judged_by(&cx).await.unwrap() == Some(engine.head(&cx).await.unwrap().control.digest)
}

/// What follows from a revocation is done by the space itself, wherever the call was dropped that brought it.
///
/// Clauses: ADM-11.
#[tokio::test]
async fn a_space_finishes_what_a_dropped_call_left() {
    let (owner, lost) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &lost, Role::Writer, "").await;
    copy.write(note("before")).await.unwrap();
    bulla::sync::pull(&mine, copy.outgoing()).await;
    let before = log(&mine).await;
    mine.revoke(lost.author()).await.unwrap();
    let after = log(&mine).await;
    let mut left = 0;
    for most in 1..1_000 {
        let relay = Relay::new(mine.id()).await;
        let cx = Context::new();
        relay.store().put(&cx, before.clone()).await.unwrap();
        assert!(is_settled(&relay.engine).await);
        let store = relay.store();
        if polled(store.put(&cx, after.clone()), most).await.is_some() {
            break;
        }
        let role = relay.space.with_directory(|directory| directory.role(&lost.author()));
        if role.flatten().is_some() {
            // It was not taken in, and nothing is to be done.
            continue;
        }
        left += usize::from(!is_settled(&relay.engine).await);
        for turn in 0.. {
            if is_settled(&relay.engine).await {
                break;
            }
            assert!(turn < 100_000, "nobody finishes it, dropped after {most} polls");
            tokio::task::yield_now().await;
        }
    }
    assert!(left > 0, "it was dropped between storing a revocation and what follows from it");
}
