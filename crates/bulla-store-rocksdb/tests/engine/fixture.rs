//! A store written by an earlier version opens in every later one. A fixture that was published is never written anew: when
//! the layout changes, the code that reads the old one stays, and a fixture of the new one is added beside it.
//! `tests/fixtures/README.md` says how each was made.

use std::path::{Path, PathBuf};

use bulla_conformance::suite::author::{headers, whole};
use bulla_core::values::{Counting, GetItem, PayloadState, Rule, ScanBody, ScanRequest};
use bulla_core::{Code, EntryId, SetDigest, Verified, VerifiedEntry};
use bulla_store::{
    Bookmarks, ContentAddressedStore, Erasable, Erasure, Judged, Judgement, KeptEntry, KeptTotals,
    Mark, Quarantine,
};
use bulla_store_rocksdb::{DiskSpaces, DiskStore, VerifyOptions};

use crate::support::{
    assert_clean, copy_folder, cx, get_one, mixed, open, put, runtime, small, world,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Clauses: DISK-1, MARK-1.
pub(crate) fn store_of_0_1_opens_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture("store-0.1"), folder.path());
    runtime().block_on(async {
        let world = world(0x01);
        let spaces = open(folder.path());
        assert!(spaces.status().impairments.is_empty(), "{:?}", spaces.status().impairments);
        let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.problems);
        assert_eq!((report.spaces, report.entries, report.payloads), (2, 16, 11));

        let store = spaces.disk_store(world.space()).await.unwrap();
        let head = store.head(&cx()).await.unwrap();
        assert_eq!((head.last_receipt, head.control.count, head.present.count), (13, 1, 8));
        let entries = mixed(&mut world.author(0), 10);
        let page = store.scan(&cx(), ScanRequest::everything()).await.unwrap();
        let states: Vec<Option<PayloadState>> = page
            .items
            .iter()
            .map(|item| match &item.body {
                ScanBody::Header(_, state) => Some(*state),
                _ => None,
            })
            .collect();
        let by = world.genesis().id();
        let (erased, pruned) = (Some(PayloadState::Erased(by)), Some(PayloadState::Pruned(by)));
        let missing = Some(PayloadState::Missing);
        let mut expected = vec![None; 13];
        expected[2] = erased;
        expected[5] = pruned;
        expected[11] = missing;
        expected[12] = missing;
        expected[10] = erased;
        assert_eq!(states, expected);
        assert_eq!(get_one(&store, entries[8].id()).await, GetItem::Entry(entries[8].clone()));

        let bookmark = spaces.bookmarks().read(b"place").await.unwrap();
        assert_eq!(bookmark.as_deref(), Some(b"bulla 0.1".as_slice()));
        // It goes on from there.
        put(&store, &small(&mut world.author(9), 1)).await;
        assert_eq!(store.head(&cx()).await.unwrap().last_receipt, 14);

        // Nothing is marked in it, and it can come under a directory.
        assert_eq!(store.head(&cx()).await.unwrap().counting, Counting::All);
        let format = std::fs::read_to_string(folder.path().join("format")).unwrap();
        assert_eq!(format, "bulla store 2\n", "a program of 0.1 would say that everything counts");
        store.set_rule(&cx(), Rule::Directory).await.unwrap();
        let marks = vec![(entries[8].id(), Mark::Not(Code::new("directory.cut")))];
        store.mark(&cx(), Judgement { marks, by: None }).await.unwrap();
        assert_eq!(store.head(&cx()).await.unwrap().counting_set().count, 13);
        assert_clean(&spaces).await;
    });
}

/// What version 0.1 put into its fixture: every state a payload can be in, payloads beside headers and long ones, two
/// spaces, an erasure before its entry, a bookmark.
async fn written_by_0_1(spaces: &DiskSpaces) -> DiskStore {
    let (world, other) = (world(0x01), world(0x02));
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    put(&store, std::slice::from_ref(world.genesis())).await;
    let entries = mixed(&mut world.author(0), 10);
    let by = world.genesis().id();
    let erasure = |at: usize, is_prune| Erasure { by, is_prune, ids: vec![entries[at].id()] };
    // Receipt 11, before it comes.
    store.erase(&cx(), erasure(9, false)).await.unwrap();
    put(&store, &entries).await;
    store.erase(&cx(), erasure(1, false)).await.unwrap();
    store.erase(&cx(), erasure(4, true)).await.unwrap();
    // What came so far lies in table files, what follows in the log.
    spaces.compact().await.unwrap();
    let headers = headers(&small(&mut world.author(1), 2));
    store.put(&cx(), headers).await.unwrap();
    let second = spaces.create_disk_store(other.space()).await.unwrap();
    put(&second, &small(&mut other.author(0), 3)).await;
    spaces.bookmarks().write(b"place", b"bulla 0.1").await.unwrap();
    store
}

const CUT: &str = "directory.cut";
const NO_RIGHT: &str = "directory.no_right";
const BY: SetDigest = SetDigest([0xd1; 32]);

fn not(code: &'static str) -> Mark {
    Mark::Not(Code::new(code))
}

/// What the fixture of format 2 has besides: the rule *directory*, marks of entries held before and of new ones, a
/// quarantine with payloads of each sort, with a header that came so and with one whose payload was dropped, an entry that
/// left it by being stored and one that was released, removals of both sorts to come.
async fn written_in_format_2(spaces: &DiskSpaces) {
    let world = world(0x01);
    let store = written_by_0_1(spaces).await;
    store.set_rule(&cx(), Rule::Directory).await.unwrap();
    let entries = mixed(&mut world.author(0), 10);
    let open = small(&mut world.author(1), 1)[0].id();
    let marks = vec![
        (entries[0].id(), not(CUT)),
        (entries[8].id(), not(NO_RIGHT)),
        (open, not("directory.open")),
    ];
    store.mark(&cx(), Judgement { marks, by: Some(BY) }).await.unwrap();
    let batch = whole(&small(&mut world.author(2), 3)).into_iter();
    let batch = batch.zip([Mark::Counts, not(CUT), Mark::Counts]).collect();
    store.put_judged(&cx(), batch).await.unwrap();
    let refused = mixed(&mut world.author(3), 5);
    let code = || Code::new(CUT);
    store.keep(&cx(), whole(&refused).into_iter().map(|e| (e, code())).collect()).await.unwrap();
    spaces.compact().await.unwrap();
    let header = headers(&small(&mut world.author(4), 1)).remove(0);
    store.keep(&cx(), vec![(header, Code::new(NO_RIGHT))]).await.unwrap();
    store.drop_payloads(&cx(), &[refused[1].id(), refused[4].id()]).await.unwrap();
    store.release(&cx(), &[refused[2].id()]).await.unwrap();
    store.put_judged(&cx(), vec![(refused[0].clone().into(), Mark::Counts)]).await.unwrap();
    let to_come = small(&mut world.author(5), 2);
    for (entry, is_prune) in to_come.iter().zip([false, true]) {
        let by = world.genesis().id();
        let erasure = Erasure { by, is_prune, ids: vec![entry.id()] };
        store.erase(&cx(), erasure).await.unwrap();
    }
}

/// Clauses: DISK-1, MARK-7, QUAR-3.
pub(crate) fn store_of_format_2_opens_and_verifies() {
    const NAME: &str = "store-2";
    if std::env::var("BULLA_WRITE_FIXTURE").is_ok_and(|name| name == NAME) {
        write(&fixture(NAME));
    }
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture(NAME), folder.path());
    runtime().block_on(async {
        let world = world(0x01);
        let spaces = open(folder.path());
        assert!(spaces.status().impairments.is_empty(), "{:?}", spaces.status().impairments);
        let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.problems);
        assert_eq!((report.spaces, report.entries, report.payloads), (2, 20, 15));

        let store = spaces.disk_store(world.space()).await.unwrap();
        let head = store.head(&cx()).await.unwrap();
        assert_eq!((head.last_receipt, head.control.count, head.present.count), (17, 1, 12));
        assert_eq!(head.counting_set().count, 13);
        assert_eq!(store.rule(&cx()).await.unwrap(), Rule::Directory);
        assert_eq!(store.judged_by(&cx()).await.unwrap(), Some(BY));
        let marked = store.marked(&cx(), 0, 10).await.unwrap();
        let marked: Vec<_> = marked
            .facts
            .into_iter()
            .map(|facts| (facts.receipt, facts.mark, facts.payload))
            .collect();
        let (present, missing) = (PayloadState::Present, PayloadState::Missing);
        let open_mark = not("directory.open");
        let expected = [
            (2, not(CUT), present),
            (10, not(NO_RIGHT), present),
            (12, open_mark, missing),
            (15, not(CUT), present),
        ];
        assert_eq!(marked, expected);

        // One is whole, and long; of two the header is left; and one came without a payload.
        let refused = mixed(&mut world.author(3), 5);
        let header = headers(&small(&mut world.author(4), 1)).remove(0);
        let kept = |entry: Verified, code| KeptEntry { entry, code: Code::new(code) };
        let only = |at: usize| refused[at].verified_header().clone().into();
        let ids: Vec<EntryId> =
            refused.iter().map(VerifiedEntry::id).chain([header.id()]).collect();
        let found = store.kept_entries(&cx(), &ids, u32::MAX).await.unwrap();
        let expected = [
            None,
            Some(kept(only(1), CUT)),
            None,
            Some(kept(refused[3].clone().into(), CUT)),
            Some(kept(only(4), CUT)),
            Some(kept(header, NO_RIGHT)),
        ];
        assert_eq!(found, expected);
        assert_eq!(get_one(&store, ids[0]).await, GetItem::Entry(refused[0].clone()));
        let sizes = found.iter().flatten().map(|kept| kept.entry.size_bytes() as u64);
        let totals = KeptTotals { entries: 4, bytes: sizes.sum() };
        assert_eq!(store.kept_totals(&cx()).await.unwrap(), totals);

        // It goes on from there: removals come true, what was kept is stored and leaves, marks change.
        let to_come = small(&mut world.author(5), 2);
        let given = whole(to_come.iter().chain([&refused[3]]));
        let given = given.into_iter().map(|entry| (entry, Mark::Counts)).collect();
        store.put_judged(&cx(), given).await.unwrap();
        let by = world.genesis().id();
        let states = [PayloadState::Erased(by), PayloadState::Pruned(by)];
        for (entry, state) in to_come.iter().zip(states) {
            let expected = GetItem::Header(entry.verified_header().clone(), state);
            assert_eq!(get_one(&store, entry.id()).await, expected);
        }
        assert_eq!(store.kept_totals(&cx()).await.unwrap().entries, 3);
        let marks = vec![(refused[3].id(), not(CUT))];
        store.mark(&cx(), Judgement { marks, by: None }).await.unwrap();
        assert_eq!(store.head(&cx()).await.unwrap().counting_set().count, 15);
        let second = spaces.disk_store(crate::support::world(0x02).space()).await.unwrap();
        assert_eq!(second.head(&cx()).await.unwrap().counting, Counting::All);
        assert_clean(&spaces).await;
    });
}

/// Writes a fixture anew.
fn write(to: &Path) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        written_in_format_2(&spaces).await;
    });
    // What holds no data, and names the machine.
    let names =
        std::fs::read_dir(folder.path().join("db")).unwrap().map(|entry| entry.unwrap().path());
    let useless = names.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        ["LOCK", "LOG", "OPTIONS"].iter().any(|start| name.starts_with(start))
    });
    for path in useless.chain([folder.path().join("lock")]) {
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_dir_all(to).ok();
    copy_folder(folder.path(), to);
}
