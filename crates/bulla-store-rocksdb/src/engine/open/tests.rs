//! A commit whose sync failed may be in the log all the same. Here one is put there, and the note beside the database
//! says that it was refused: opening takes it back.

use std::path::Path;
use std::sync::Arc;

use bulla_conformance::suite::author::{Author, Draft, World};
use bulla_core::values::{GetItem, GetRequest, Has, Head, Rule};
use bulla_core::{Code, SetDigest, Verified, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore, Context, Judged, Judgement, Kept, Mark, Quarantine, SystemClock,
};

use crate::layout::{CommitRow, Family, Meta};
use crate::{DiskOptions, DiskSpaces, DiskStore, VerifyOptions, watermark};

fn open(folder: &Path) -> DiskSpaces {
    let options = DiskOptions { low_water_bytes: 0, ..DiskOptions::default() };
    DiskSpaces::open(folder, options, Arc::new(SystemClock::new())).unwrap()
}

fn entries(author: &mut Author, sizes: &[usize]) -> Vec<VerifiedEntry> {
    let draft = |(n, &payload_bytes): (usize, &usize)| Draft {
        payload_bytes,
        content: n as u64,
        ..Draft::default()
    };
    sizes.iter().enumerate().map(|size| author.write(draft(size)).unwrap()).collect()
}

async fn put(store: &DiskStore, entries: Vec<Verified>) {
    store.put(&Context::new(), entries).await.unwrap();
}

async fn head(store: &DiskStore) -> Head {
    store.head(&Context::new()).await.unwrap()
}

fn commit(spaces: &DiskSpaces) -> CommitRow {
    spaces.shared().database.row(Family::Meta, &Meta::Commit.key()).unwrap().unwrap()
}

/// Notes `accepted` as the last accepted commit of a closed store, opens it, and gives its head.
async fn reopened(
    folder: &Path,
    world: &World,
    accepted: CommitRow,
) -> (DiskSpaces, DiskStore, Head) {
    watermark::write_accepted(folder, accepted).unwrap();
    let spaces = open(folder);
    let store = spaces.disk_store(world.space()).await.unwrap();
    let head = head(&store).await;
    assert_eq!(
        watermark::read_accepted(folder).unwrap(),
        watermark::Watermark::Absent,
        "done once"
    );
    let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
    (spaces, store, head)
}

#[tokio::test]
async fn refused_commit_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new([1; 32]).unwrap();
    let (spaces, mut author) = (open(folder.path()), world.author(0));
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    let kept = entries(&mut author, &[20, 20_000, 300]);
    // One of the kept is a header, whose payload comes with the refused commit.
    let header = kept[2].verified_header().clone();
    put(&store, vec![kept[0].clone().into(), kept[1].clone().into(), header.into()]).await;
    let (before, accepted) = (head(&store).await, commit(&spaces));

    let refused = entries(&mut author, &[20, 40_000, 20_000]);
    let mut batch: Vec<Verified> = refused.iter().cloned().map(Verified::from).collect();
    batch.push(kept[2].clone().into());
    put(&store, batch).await;
    assert_eq!(commit(&spaces).number, accepted.number + 1);
    drop((store, spaces));

    let (spaces, store, after) = reopened(folder.path(), &world, accepted).await;
    assert_eq!(
        (after.cursor(), after.held, after.control),
        (before.cursor(), before.held, before.control)
    );
    assert_eq!(after.present.count, 3, "a payload that came for a header held before may stay");
    let ids: Vec<_> = refused.iter().map(VerifiedEntry::id).collect();
    assert_eq!(store.has(&Context::new(), &ids).await.unwrap(), [Has::No; 3]);
    // The bytes that a kept entry shares with a refused one are still its own.
    let request = GetRequest { ids: vec![kept[1].id()], max_bytes: u32::MAX };
    assert_eq!(
        store.get(&Context::new(), request).await.unwrap(),
        [GetItem::Entry(kept[1].clone())]
    );

    // Its receipts were never seen, so they are given out again.
    put(&store, refused.iter().cloned().map(Verified::from).collect()).await;
    assert_eq!(head(&store).await.last_receipt, 6);
    drop((store, spaces));
    assert_eq!(
        head(&open(folder.path()).disk_store(world.space()).await.unwrap()).await.last_receipt,
        6
    );
}

#[tokio::test]
async fn accepted_commit_is_never_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new([2; 32]).unwrap();
    let spaces = open(folder.path());
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    put(&store, entries(&mut world.author(0), &[20, 20]).into_iter().map(Verified::from).collect())
        .await;
    let (before, accepted) = (head(&store).await, commit(&spaces));
    drop((store, spaces));
    // The refused commit never reached the log.
    let (.., after) = reopened(folder.path(), &world, accepted).await;
    assert_eq!(after, before);
}

fn not() -> Mark {
    Mark::Not(Code::new("directory.cut"))
}

/// Clauses: DISK-10, MARK-6.
#[tokio::test]
async fn refused_commit_leaves_no_marks_of_its_own_and_takes_nothing_out_of_quarantine() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Context::new());
    let world = World::new([3; 32]).unwrap();
    let (spaces, mut author) = (open(folder.path()), world.author(0));
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    store.set_rule(&cx, Rule::Directory).await.unwrap();
    let held = entries(&mut author, &[20, 20]);
    let marks = [not(), Mark::Counts];
    let batch = held.iter().cloned().map(Verified::from).zip(marks).collect();
    store.put_judged(&cx, batch).await.unwrap();
    store.mark(&cx, Judgement { marks: Vec::new(), by: Some(SetDigest([1; 32])) }).await.unwrap();
    let waiting = entries(&mut author, &[20, 20_000, 300]);
    let code = Code::new("directory.no_right");
    let given = |entries: &[VerifiedEntry]| -> Vec<(Verified, Code)> {
        entries.iter().map(|entry| (entry.clone().into(), code.clone())).collect()
    };
    store.keep(&cx, given(&waiting)).await.unwrap();
    let kept = (store.kept(&cx, None, 9).await.unwrap(), store.kept_totals(&cx).await.unwrap());
    let before = head(&store).await;
    // Opened again, so that no digests are in memory that closing would write down in a commit after the refused one.
    drop((store, spaces));
    let spaces = open(folder.path());
    let store = spaces.disk_store(world.space()).await.unwrap();
    let accepted = commit(&spaces);

    // The refused commit admits two of those that wait, and stores another one that does not count.
    let fresh = entries(&mut author, &[20]);
    let batch = vec![
        (waiting[1].clone().into(), Mark::Counts),
        (fresh[0].clone().into(), not()),
        (waiting[0].clone().into(), not()),
    ];
    store.put_judged(&cx, batch).await.unwrap();
    assert_eq!(commit(&spaces).number, accepted.number + 1);
    assert_eq!(store.kept_totals(&cx).await.unwrap().entries, 1);
    drop((store, spaces));

    let (spaces, store, after) = reopened(folder.path(), &world, accepted).await;
    assert_eq!(after, before);
    let marked = store.marked(&cx, 0, 9).await.unwrap().facts;
    assert_eq!(marked.iter().map(|facts| facts.id).collect::<Vec<_>>(), [held[0].id()]);
    let found = (store.kept(&cx, None, 9).await.unwrap(), store.kept_totals(&cx).await.unwrap());
    assert_eq!(found, kept, "they wait as before");
    assert_eq!(store.judged_by(&cx).await.unwrap(), None, "and everything is judged again");

    // The receipts are given out again, and what went back once does not go back for a later failure.
    drop((store, spaces));
    let spaces = open(folder.path());
    let store = spaces.disk_store(world.space()).await.unwrap();
    let accepted = commit(&spaces);
    put(
        &store,
        entries(&mut world.author(1), &[20, 20, 20]).into_iter().map(Verified::from).collect(),
    )
    .await;
    drop((store, spaces));
    let (_spaces, store, after) = reopened(folder.path(), &world, accepted).await;
    assert_eq!(after, before);
    assert_eq!(store.kept_totals(&cx).await.unwrap(), kept.1);
    assert_eq!(store.keep(&cx, given(&waiting)).await.unwrap(), [const { Kept::Already }; 3]);
}

/// Clauses: DISK-10, MARK-6.
#[tokio::test]
async fn refused_judgement_is_not_believed() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Context::new());
    let world = World::new([4; 32]).unwrap();
    let spaces = open(folder.path());
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    store.set_rule(&cx, Rule::Directory).await.unwrap();
    let held = entries(&mut world.author(0), &[20, 20]);
    put(&store, held.iter().cloned().map(Verified::from).collect()).await;
    let accepted = commit(&spaces);
    let marks = vec![(held[1].id(), not())];
    store.mark(&cx, Judgement { marks, by: Some(SetDigest([1; 32])) }).await.unwrap();
    drop((store, spaces));
    let (_spaces, store, _) = reopened(folder.path(), &world, accepted).await;
    assert_eq!(store.judged_by(&cx).await.unwrap(), None);
}
