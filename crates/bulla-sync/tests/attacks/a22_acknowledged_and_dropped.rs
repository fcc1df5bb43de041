//! A relay acknowledges entries and drops them.

use bulla_core::values::{Acknowledgement, Has};
use bulla_core::{EntryId, Lineage, NodeId, Signature};
use bulla_store::{ContentAddressedStore as _, Context};
use bulla_sync::{Acknowledged, Misbehaviour, audit};
use ed25519_dalek::{Signer, SigningKey};

use crate::support::*;

fn acknowledge(space: bulla_core::SpaceId, covered: &[(u64, EntryId)]) -> Acknowledged {
    let key = SigningKey::from_bytes(&[77; 32]);
    let (count, digest) = Acknowledgement::digest_of(covered.iter().copied());
    let node = NodeId(key.verifying_key().to_bytes());
    let signature = Signature([0; 64]);
    let lineage = Lineage([1; 16]);
    let mut acknowledgement = Acknowledgement { node, space, lineage, count, digest, signature };
    acknowledgement.signature = Signature(key.sign(&acknowledgement.signing_message()).to_bytes());
    Acknowledged { acknowledgement, covered: covered.to_vec() }
}

fn is_genuine(acknowledgement: &Acknowledgement) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&acknowledgement.node.0).unwrap();
    let signature = ed25519_dalek::Signature::from_bytes(&acknowledgement.signature.0);
    key.verify_strict(&acknowledgement.signing_message(), &signature).is_ok()
}

#[tokio::test]
async fn a22_a_denied_acknowledgement_is_proof_of_misbehaviour() {
    let (author, entries) = chain(9);
    let relay = store(author.space(), 1);
    fill(&*relay, &entries).await;
    let covered: Vec<_> = (1..).zip(entries.iter().map(|entry| entry.id())).collect();
    let records =
        [acknowledge(author.space(), &covered[..6]), acknowledge(author.space(), &covered[6..])];
    let cx = Context::new();
    let honest = audit(&cx, &*relay, &records, is_genuine).await.unwrap();
    assert_eq!((honest.held, honest.misbehaviour.len()), (10, 0));

    let gone = [entries[2].id(), entries[4].id()];
    let lying = Hostile::new(
        relay.clone(),
        Hooks {
            has: Some(Box::new(move |_, ids, presence| {
                let answers = ids.iter().zip(presence);
                Ok(answers.map(|(id, has)| if gone.contains(id) { Has::No } else { has }).collect())
            })),
            ..Hooks::default()
        },
    );
    let caught = audit(&cx, &*lying, &records, is_genuine).await.unwrap();
    let [Misbehaviour::Denied { acknowledgement, covered, denied }] = &caught.misbehaviour[..]
    else {
        panic!("{caught:?}")
    };
    assert_eq!((caught.held, &denied[..]), (8, &gone[..]));
    // Whoever is given the proof can check it alone.
    assert!(is_genuine(acknowledgement));
    let digest = Acknowledgement::digest_of(covered.iter().copied());
    assert_eq!(digest, (acknowledgement.count, acknowledgement.digest));
    assert!(denied.iter().all(|id| covered.iter().any(|(_, covered)| covered == id)));
    // The entries go elsewhere.
    let local = store(author.space(), 3);
    fill(&*local, &entries).await;
    assert!(push(&local, &store(author.space(), 4), &bookmarks()).await.is_clean());
}

/// That a node acknowledged an entry is no reason to let go of it: whatever an audit finds gone goes elsewhere, and is
/// acknowledged there.
#[tokio::test]
async fn a22_what_an_audit_finds_gone_is_pushed_elsewhere() {
    let (author, entries) = chain(9);
    let (local, marks) = (store(author.space(), 1), bookmarks());
    fill(&*local, &entries).await;
    let covered: Vec<_> = (1..).zip(entries.iter().map(|entry| entry.id())).collect();
    // It signed for all of them and kept all but two.
    let gone = [entries[7].id(), entries[8].id()];
    let relay = store(author.space(), 2);
    let kept: Vec<_> =
        entries.iter().filter(|entry| !gone.contains(&entry.id())).cloned().collect();
    fill(&*relay, &kept).await;
    let cx = Context::new();
    let records = [acknowledge(author.space(), &covered)];
    let found = audit(&cx, &*relay, &records, is_genuine).await.unwrap();
    let [Misbehaviour::Denied { denied, .. }] = &found.misbehaviour[..] else {
        panic!("{found:?}")
    };
    assert_eq!(denied[..], gone);

    let elsewhere = store(author.space(), 3);
    assert!(push(&local, &elsewhere, &marks).await.is_clean());
    let has = elsewhere.has(&cx, denied).await.unwrap();
    assert!(has.iter().all(|has| *has == Has::Yes), "{has:?}");
    let again = audit(&cx, &*elsewhere, &records, is_genuine).await.unwrap();
    assert_eq!((again.held, again.misbehaviour.len()), (10, 0));
    // And the relay itself may be given them once more.
    assert!(push(&local, &relay, &marks).await.is_clean());
    assert!(head(&*relay).await.same_entries(&head(&*local).await));
}

#[tokio::test]
async fn a22_records_that_prove_nothing_accuse_nobody() {
    let (author, entries) = chain(3);
    let empty = store(author.space(), 1);
    let covered: Vec<_> = (1..).zip(entries.iter().map(|entry| entry.id())).collect();
    let good = acknowledge(author.space(), &covered);
    let mut unsigned = good.clone();
    unsigned.acknowledgement.signature.0[5] ^= 1;
    let mut other_ids = good.clone();
    other_ids.covered[0].1 = EntryId([5; 32]);
    let mut fewer = good.clone();
    fewer.covered.pop();
    let elsewhere = acknowledge(Author::found(8).0.space(), &covered);
    let records = [unsigned, other_ids, fewer, elsewhere];
    let found = audit(&Context::new(), &*empty, &records, is_genuine).await.unwrap();
    assert_eq!((found.unusable, found.misbehaviour.len()), (vec![0, 1, 2, 3], 0));
}
