//! A folder goes in and comes out byte-identical; what is there already is not stored again; conflicts are seen.

use std::fs;
use std::path::Path;

use bulla_core::Kind;
use bulla_core::values::ScanRequest;
use bulla_crypto::manifest::{FileRecord, FileType};
use bulla_store::MemorySpaces;
use proptest::prelude::*;

use super::*;
use crate::{Context, Device, Role, Space};

fn sample(at: &Path) {
    fs::create_dir_all(at.join("deep/er/empty")).unwrap();
    fs::write(at.join("empty.txt"), b"").unwrap();
    fs::write(at.join("Überblick 封泥.md"), "Zählsteine").unwrap();
    let big: Vec<u8> =
        (0..2_500_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(at.join("deep/big.bin"), &big).unwrap();
    fs::write(at.join("deep/er/run.sh"), "#!/bin/sh\n").unwrap();
    #[cfg(unix)]
    fs::set_permissions(
        at.join("deep/er/run.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
}

/// A name with content, mode and time.
type Listed = (Vec<String>, walk::What, Option<u64>, Vec<u8>);

/// Every name below a folder.
fn listing(at: &Path) -> Vec<Listed> {
    let (found, skipped) = walk::walk(at).unwrap();
    assert!(skipped.is_empty());
    let row = |one: walk::Found| {
        let is_file = matches!(one.what, walk::What::File { .. });
        let content = if is_file { fs::read(&one.at).unwrap() } else { Vec::new() };
        (one.path, one.what, one.modified_ms.filter(|_| is_file), content)
    };
    found.into_iter().map(row).collect()
}

async fn space() -> (Device, Space) {
    let device = Device::generate().unwrap();
    let space = Space::found(&device, &MemorySpaces::new()).await.unwrap();
    (device, space)
}

async fn restore_all(space: &Space, into: &Path) -> RestoreReport {
    let tree = Tree::read(space).await.unwrap();
    restore(space, &tree, into, &[], Existing::Keep, &|_| ()).await.unwrap()
}

#[tokio::test]
async fn a_folder_comes_out_byte_identical() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    sample(&from);
    let (_, space) = space().await;
    let report = add(&space, &from, &|_| ()).await.unwrap();
    assert_eq!((report.files, report.directories, report.unchanged), (4, 3, 0));
    let to = folder.path().join("to");
    let restored = restore_all(&space, &to).await;
    assert_eq!((restored.files, restored.directories), (4, 3));
    assert_eq!(listing(&from), listing(&to));
    assert_eq!(restore_all(&space, &to).await.unchanged, 4, "a second time there is nothing to do");
}

#[tokio::test]
async fn what_is_unchanged_is_not_stored_again_and_chunks_are_reused() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let (_, space) = space().await;
    add(&space, folder.path(), &|_| ()).await.unwrap();
    let again = add(&space, folder.path(), &|_| ()).await.unwrap();
    assert_eq!((again.entries, again.unchanged), (0, 7));

    // A byte in the last chunk: the chunks before it stand for themselves, record and manifest are new.
    let path = folder.path().join("deep/big.bin");
    let mut content = fs::read(&path).unwrap();
    content.push(1);
    fs::write(&path, &content).unwrap();
    let changed = add(&space, folder.path(), &|_| ()).await.unwrap();
    assert_eq!((changed.entries, changed.unchanged), (3, 6));
    let to = tempfile::tempdir().unwrap();
    restore_all(&space, to.path()).await;
    assert_eq!(fs::read(to.path().join("deep/big.bin")).unwrap(), content);
}

#[tokio::test]
async fn nothing_readable_is_in_the_entries() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let (_, space) = space().await;
    add(&space, folder.path(), &|_| ()).await.unwrap();
    let page = space
        .store()
        .scan(
            &Context::new(),
            ScanRequest { limit: bulla_core::values::PageLimit::MAX, ..ScanRequest::everything() },
        )
        .await
        .unwrap();
    let mut bytes = Vec::new();
    for item in &page.items {
        if let bulla_core::values::ScanBody::Entry(entry) = &item.body {
            bytes.extend_from_slice(entry.verified_header().bytes());
            bytes.extend_from_slice(entry.payload());
        }
    }
    for name in ["Überblick", "big.bin", "run.sh", "Zählsteine", "#!/bin/sh"] {
        assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
}

/// Of concurrent records of one path the same holds everywhere and the others are listed; a later one replaces them
/// (MAN-11, MAN-13).
#[tokio::test]
async fn two_devices_that_write_one_name_at_once_make_a_conflict_that_writing_settles() {
    let (_, mine) = space().await;
    let phone = Device::generate().unwrap();
    mine.grant(phone.joining_card(mine.id(), None), Role::Writer, "").await.unwrap();
    let joined = Space::join(&phone, &MemorySpaces::new(), mine.id(), mine.outgoing()).await;
    let (copy, report) = joined.unwrap();
    assert!(report.is_clean());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.txt");
    for (space, text) in [(&mine, "laptop"), (&copy, "phone")] {
        fs::write(&file, text).unwrap();
        add(space, &file, &|_| ()).await.unwrap();
    }
    assert!(crate::sync::pull(&copy, mine.outgoing()).await.verdict.is_complete());
    assert!(crate::sync::pull(&mine, copy.outgoing()).await.verdict.is_complete());
    let (here, there) = (Tree::read(&mine).await.unwrap(), Tree::read(&copy).await.unwrap());
    assert_eq!(here.nodes, there.nodes, "both devices see one winner");
    assert_eq!((here.conflicts.len(), here.conflicts[0].losers.len()), (1, 1));

    fs::write(&file, "settled").unwrap();
    add(&mine, &file, &|_| ()).await.unwrap();
    assert!(Tree::read(&mine).await.unwrap().conflicts.is_empty());
}

/// Nothing is written through a link (MAN-9).
#[tokio::test]
async fn what_is_there_is_not_lost_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    fs::create_dir_all(from.join("a")).unwrap();
    fs::write(from.join("a/file"), "new").unwrap();
    let (_, space) = space().await;
    add(&space, &from, &|_| ()).await.unwrap();
    let tree = Tree::read(&space).await.unwrap();

    let to = folder.path().join("to");
    fs::create_dir_all(to.join("a")).unwrap();
    fs::write(to.join("a/file"), "mine").unwrap();
    let kept = restore(&space, &tree, &to, &[], Existing::Keep, &|_| ()).await;
    assert!(matches!(kept, Err(FileError::Exists(_))));
    assert_eq!(fs::read(to.join("a/file")).unwrap(), b"mine");
    restore(&space, &tree, &to, &["a".into()], Existing::Replace, &|_| ()).await.unwrap();
    assert_eq!(fs::read(to.join("a/file")).unwrap(), b"new");

    #[cfg(unix)]
    {
        let (outside, linked) = (folder.path().join("outside"), folder.path().join("linked"));
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(&linked).unwrap();
        std::os::unix::fs::symlink(&outside, linked.join("a")).unwrap();
        let refused = restore(&space, &tree, &linked, &[], Existing::Replace, &|_| ()).await;
        assert!(matches!(refused, Err(FileError::Exists(_))));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}

/// A record that tells another size than its content has is refused before any of it appears (MAN-12).
#[tokio::test]
async fn a_record_with_another_size_than_its_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    fs::create_dir_all(&from).unwrap();
    fs::write(from.join("file"), "12345").unwrap();
    let (_, space) = space().await;
    add(&space, &from, &|_| ()).await.unwrap();
    let node = Tree::read(&space).await.unwrap().nodes.into_values().next().unwrap();
    let FileType::File { manifest, is_executable, .. } = node.record.file_type() else { panic!() };
    for size in [0, 4, 6, u64::MAX >> 1] {
        let lie = FileType::File { manifest, size, is_executable };
        let record = FileRecord::new(vec!["file".to_owned()], lie, None).unwrap();
        let write = crate::Write::new(Kind::FILE, record.encode()).with_dependencies(vec![node.id]);
        let id = space.write(write).await.unwrap();
        let to = folder.path().join(format!("to {size}"));
        let tree = Tree::read(&space).await.unwrap();
        let refused = restore(&space, &tree, &to, &[], Existing::Keep, &|_| ()).await.unwrap_err();
        let expected = RecordError::Size { recorded: size, actual: 5 };
        assert!(
            matches!(refused, FileError::Record { id: at, source } if (at, source) == (id, expected))
        );
        assert_eq!(expected.code().to_string(), "file.size");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_content_comes_back(sizes in prop::collection::vec(0_usize..300_000, 1..6), seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let from = folder.path().join("from");
            fs::create_dir_all(&from).unwrap();
            for (index, size) in sizes.iter().enumerate() {
                let byte = |i: usize| seed.wrapping_mul(i as u64 + 1).to_be_bytes()[3];
                fs::write(from.join(format!("{index}.bin")), (0..*size).map(byte).collect::<Vec<_>>()).unwrap();
            }
            let (_, space) = space().await;
            add(&space, &from, &|_| ()).await.unwrap();
            let to = folder.path().join("to");
            restore_all(&space, &to).await;
            assert_eq!(listing(&from), listing(&to));
        });
    }
}
