//! Reading trusts the id of a row and does not judge signatures again; a full check does.

use std::sync::Arc;

use bulla_conformance::suite::author::{Draft, World};
use bulla_core::{EntryId, Header, Signature, VerifiedHeader};
use bulla_store::{ContentAddressedStore, Context, SystemClock};

use super::*;
use crate::{DiskOptions, DiskSpaces};

/// Clauses: DISK-19.
#[tokio::test]
async fn a_signature_that_does_not_hold_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { low_water_bytes: 0, ..DiskOptions::default() };
    let spaces = DiskSpaces::open(folder.path(), options, Arc::new(SystemClock::new())).unwrap();
    let world = World::new([1; 32]).unwrap();
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    let good = world.author(0).write(Draft::default()).unwrap();
    store.put(&Context::new(), vec![good.clone().into()]).await.unwrap();
    assert!(spaces.verify(&VerifyOptions::default()).await.unwrap().is_clean());

    // As somebody with a hand on the database would write it: an id that fits a signature that does not hold.
    let (bytes, signature) = (good.verified_header().bytes().clone(), Signature([7; 64]));
    let id = EntryId::compute(&Header::digest_of(&bytes), &signature);
    let forged = VerifiedHeader::from_store(bytes, signature, &id).unwrap();
    store.put(&Context::new(), vec![forged.into()]).await.unwrap();
    let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
    let found: Vec<_> = report.problems.iter().map(|problem| (problem.kind, problem.id)).collect();
    assert_eq!(found, [(ProblemKind::Signature, Some(id))]);
}
