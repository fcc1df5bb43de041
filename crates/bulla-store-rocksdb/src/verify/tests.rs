//! Reading trusts the id of a row and does not judge signatures again; a full check does.

use std::sync::Arc;

use bulla_conformance::suite::author::{Draft, World};
use bulla_core::values::Rule;
use bulla_core::{Code, EntryId, Header, Signature, VerifiedEntry, VerifiedHeader};
use bulla_store::{ContentAddressedStore, Context, Judged, Mark, Quarantine, SystemClock};

use super::*;
use crate::database::Batch;
use crate::layout::{Family, Key, kept_author_key, kept_key, receipt_key, totals_row};
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

/// What somebody with a hand on the database does to it; `None` takes the row away.
fn overwrite(spaces: &DiskSpaces, family: Family, key: &Key, value: Option<&[u8]>) {
    let mut batch = Batch::new(&spaces.shared().database);
    match value {
        Some(value) => batch.put(family, key, value).unwrap(),
        None => batch.delete(family, key).unwrap(),
    }
    spaces.shared().database.write(batch.into_inner(), false).unwrap();
}

/// Clauses: DISK-19.
#[tokio::test]
async fn marks_and_quarantine_that_do_not_hold_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { low_water_bytes: 0, ..DiskOptions::default() };
    let spaces = DiskSpaces::open(folder.path(), options, Arc::new(SystemClock::new())).unwrap();
    let (world, cx) = (World::new([1; 32]).unwrap(), Context::new());
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    store.set_rule(&cx, Rule::Directory).await.unwrap();
    let held = world.entries(0, 2).unwrap();
    let marks = [Mark::Not(Code::new("directory.cut")), Mark::Counts];
    let batch = held.iter().cloned().map(bulla_core::Verified::from).zip(marks).collect();
    store.put_judged(&cx, batch).await.unwrap();
    let kept = world.entries(1, 2).unwrap();
    let given = |entries: &[VerifiedEntry]| {
        let code = Code::new("directory.no_right");
        entries.iter().map(|entry| (entry.clone().into(), code.clone())).collect()
    };
    store.keep(&cx, given(&kept)).await.unwrap();
    let found = || async {
        let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
        report.problems.iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    assert_eq!(found().await, []);

    let row = |family, key: &Key| -> Vec<u8> {
        spaces.shared().database.get(family, key).unwrap().unwrap().to_vec()
    };
    let (first, second, third) = (receipt_key(0, 1), receipt_key(0, 2), receipt_key(0, 3));
    let mark = row(Family::Marks, &first);
    // A mark that went, one too many, one without an entry, one that is no code.
    overwrite(&spaces, Family::Marks, &first, None);
    assert_eq!(found().await, [ProblemKind::Digest]);
    overwrite(&spaces, Family::Marks, &first, Some(&mark));
    overwrite(&spaces, Family::Marks, &second, Some(&mark));
    assert_eq!(found().await, [ProblemKind::Digest]);
    overwrite(&spaces, Family::Marks, &second, None);
    overwrite(&spaces, Family::Marks, &third, Some(&mark));
    assert_eq!(found().await, [ProblemKind::Orphan]);
    overwrite(&spaces, Family::Marks, &third, None);
    overwrite(&spaces, Family::Marks, &first, Some(b"No Code"));
    assert_eq!(found().await, [ProblemKind::Index, ProblemKind::Digest]);
    overwrite(&spaces, Family::Marks, &first, Some(&mark));
    assert_eq!(found().await, []);

    // An entry that went, one with another byte in it, one that is held too, totals that are not theirs.
    let key = kept_key(0, &kept[0].id());
    let entry = row(Family::Quarantine, &key);
    overwrite(&spaces, Family::Quarantine, &key, None);
    assert_eq!(found().await, [ProblemKind::Digest]);
    for at in [1, 30, 60, 150, entry.len() - 1] {
        let mut damaged = entry.clone();
        damaged[at] ^= 0x80;
        overwrite(&spaces, Family::Quarantine, &key, Some(&damaged));
        assert_eq!(found().await, [ProblemKind::Payload, ProblemKind::Digest], "byte {at}");
        let listed = store.kept(&cx, None, 10).await.unwrap();
        assert_eq!(listed.facts.len(), 1, "what is damaged is left out (QUAR-6)");
        let ids = [kept[0].id()];
        assert_eq!(store.kept_entries(&cx, &ids, 0).await.unwrap(), [None]);
    }
    overwrite(&spaces, Family::Quarantine, &key, Some(&entry));
    let twin = kept_key(0, &held[0].id());
    overwrite(&spaces, Family::Quarantine, &twin, Some(&entry));
    assert_eq!(found().await, [ProblemKind::Payload]);
    overwrite(&spaces, Family::Quarantine, &twin, None);
    // A signature that does not hold, under an id that fits it.
    let (bytes, signature) = (kept[0].verified_header().bytes().clone(), Signature([7; 64]));
    let forged_id = EntryId::compute(&Header::digest_of(&bytes), &signature);
    let forged = VerifiedHeader::from_store(bytes, signature, &forged_id).unwrap();
    store.keep(&cx, vec![(forged.into(), Code::new("directory.no_right"))]).await.unwrap();
    assert_eq!(found().await, [ProblemKind::Payload, ProblemKind::Digest]);
    store.release(&cx, &[forged_id]).await.unwrap();
    assert_eq!(found().await, []);
    let author = kept_author_key(0, &world.author(1).id());
    let totals = row(Family::Quarantine, &author);
    let wrong = totals_row(bulla_store::KeptTotals { entries: 1, bytes: 7 });
    overwrite(&spaces, Family::Quarantine, &author, Some(&wrong));
    assert_eq!(found().await, [ProblemKind::Digest]);
    overwrite(&spaces, Family::Quarantine, &author, Some(&totals));
    assert_eq!(found().await, []);
}
