//! A store written by version 0.1 opens in every later version. The fixture is never written anew: when the layout
//! changes, the code that reads the old one stays, and a fixture of the new one is added beside it.

use std::path::{Path, PathBuf};

use bulla_core::Code;
use bulla_core::values::{Counting, GetItem, PayloadState, Rule, ScanBody, ScanRequest};
use bulla_store::{Bookmarks, ContentAddressedStore, Erasable, Erasure, Judged, Judgement, Mark};
use bulla_store_rocksdb::VerifyOptions;

use crate::support::{
    assert_clean, copy_folder, cx, get_one, mixed, open, put, runtime, small, world,
};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-0.1")
}

/// Clauses: DISK-1, MARK-1.
pub(crate) fn store_of_0_1_opens_and_verifies() {
    if std::env::var_os("BULLA_WRITE_FIXTURE").is_some() {
        write(&fixture());
    }
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), folder.path());
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

/// How the fixture was made: every state a payload can be in, payloads beside headers and long ones, two spaces, an
/// erasure before its entry, a bookmark.
fn write(to: &Path) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (world, other) = (world(0x01), world(0x02));
        let spaces = open(folder.path());
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
        let headers = small(&mut world.author(1), 2);
        let headers = headers.iter().map(|entry| entry.verified_header().clone().into()).collect();
        store.put(&cx(), headers).await.unwrap();
        let second = spaces.create_disk_store(other.space()).await.unwrap();
        put(&second, &small(&mut other.author(0), 3)).await;
        spaces.bookmarks().write(b"place", b"bulla 0.1").await.unwrap();
        store.head(&cx()).await.unwrap();
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
