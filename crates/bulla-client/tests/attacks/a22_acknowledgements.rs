//! A22: a node that acknowledges something else than it was given, or lets somebody else sign.

use std::sync::Arc;

use bulla_client::MemoryAcknowledgements;
use bulla_core::cbor::Decode;
use bulla_core::values::PutOutcome;
use bulla_core::{Lineage, SpaceId, Verified};
use bulla_identity::NodeKeys;
use bulla_store::{ContentAddressedStore, Context, StoreError};
use bulla_wire::put::PutAnswer;

use crate::support::{Node, Reply, SPACE, chain};

type Change = fn(&mut PutAnswer, &NodeKeys);

/// Clauses: WIRE-32, ACK-4.
#[tokio::test]
async fn a22_an_acknowledgement_that_is_not_the_nodes_word_on_these_entries_is_refused() {
    let changes: [(&str, Change); 8] = [
        ("signature", |answer, _| answer.acknowledgement.signature.0[0] ^= 1),
        ("count", |answer, _| answer.acknowledgement.count -= 1),
        ("digest", |answer, _| answer.acknowledgement.digest.0[0] ^= 1),
        ("space", |answer, keys| {
            let lineage = answer.report.lineage;
            answer.acknowledgement = keys.acknowledge(SpaceId([1; 32]), lineage, []);
        }),
        ("lineage", |answer, keys| {
            answer.acknowledgement = keys.acknowledge(SPACE, Lineage([1; 16]), []);
        }),
        ("nothing", |answer, keys| {
            answer.acknowledgement = keys.acknowledge(SPACE, answer.report.lineage, []);
        }),
        ("another receipt", |answer, _| answer.report.outcomes[0] = PutOutcome::Stored(9)),
        ("another key", |answer, _| {
            let other = NodeKeys::dangerous_from_secret(&[8; 32]);
            let held = answer.report.outcomes.iter().filter_map(PutOutcome::receipt);
            let held: Vec<_> = held.zip(chain(1, 3, 32).iter().map(Verified::id)).collect();
            answer.acknowledgement = other.acknowledge(SPACE, answer.report.lineage, held);
        }),
    ];
    for (what, change) in changes {
        let node = Node::start().await;
        let kept = Arc::new(MemoryAcknowledgements::default());
        let client = node
            .builder()
            .with_acknowledgements(Arc::<MemoryAcknowledgements>::clone(&kept))
            .build()
            .unwrap();
        let keys = NodeKeys::dangerous_from_secret(&[77; 32]);
        node.script(move |call, honest| {
            if !call.is("/put") {
                return honest;
            }
            let mut answer = PutAnswer::from_cbor(&honest.body).unwrap();
            change(&mut answer, &keys);
            Reply::item(&answer)
        });
        let put = client.store(SPACE).put(&Context::new(), chain(1, 3, 32)).await;
        assert!(matches!(&put, Err(StoreError::Peer { .. })), "{what}: {put:?}");
        assert_eq!(put.unwrap_err().code().as_str(), "peer.acknowledgement", "{what}");
        assert!(kept.batches().is_empty(), "{what}");
    }
}

/// Clauses: WIRE-32.
#[tokio::test]
async fn a22_an_outcome_too_few_is_refused() {
    let node = Node::start().await;
    node.script(|call, honest| {
        if !call.is("/put") {
            return honest;
        }
        let mut answer = PutAnswer::from_cbor(&honest.body).unwrap();
        answer.report.outcomes.pop();
        Reply::item(&answer)
    });
    let put = node.client().store(SPACE).put(&Context::new(), chain(1, 3, 32)).await;
    assert_eq!(put.unwrap_err().code().as_str(), "peer.answer");
}

#[tokio::test]
async fn a22_the_evidence_names_what_was_acknowledged() {
    let node = Node::start().await;
    let kept = Arc::new(MemoryAcknowledgements::default());
    let client = node
        .builder()
        .with_acknowledgements(Arc::<MemoryAcknowledgements>::clone(&kept))
        .build()
        .unwrap();
    let entries = chain(1, 3, 32);
    client.store(SPACE).put(&Context::new(), entries.clone()).await.unwrap();
    let batch = kept.batches().remove(0);
    let expected: Vec<_> = (1..).zip(entries.iter().map(Verified::id)).collect();
    assert_eq!(batch.entries, expected);
    // Anybody can check it, with nothing but the node's key.
    let (count, digest) =
        bulla_core::values::Acknowledgement::digest_of(batch.entries.iter().copied());
    assert_eq!((batch.acknowledgement.count, batch.acknowledgement.digest), (count, digest));
    let key = node.keys.node_id();
    bulla_identity::verify_acknowledgement(&batch.acknowledgement, &key).unwrap();
}
