//! Writing, reading, sharing, and what keeps a chain from forking.

use std::sync::Arc;

use bulla_core::Kind;
use bulla_core::values::{Filter, ScanRequest};
use bulla_crypto::WriteError;
use bulla_store::{MemorySpaces, MemoryStore, StoreExt as _};

use super::*;
use crate::Device;

fn write(text: &str) -> Write {
    Write::new(Kind::OPERATION, text)
}

async fn everything(store: &dyn ContentAddressedStore) -> Vec<Verified> {
    let page = store
        .scan(&Context::new(), ScanRequest { filter: Filter::all(), ..ScanRequest::everything() })
        .await
        .unwrap();
    assert!(page.end);
    let entry = |item: bulla_core::values::ScanItem| match item.body {
        bulla_core::values::ScanBody::Entry(entry) => entry.into(),
        other => panic!("{other:?}"),
    };
    page.items.into_iter().map(entry).collect()
}

#[tokio::test]
async fn what_is_written_is_read_by_those_who_have_the_key() {
    let (laptop, phone, stranger) =
        (Device::generate().unwrap(), Device::generate().unwrap(), Device::generate().unwrap());
    let (genesis, mut keyring) = (new_genesis(&laptop).unwrap(), Keyring::new());
    keyring.insert(genesis.verified_header().space(), EpochKey::dangerous_from_bytes(&[9; 32]));
    let (spaces, marks) = (MemorySpaces::new(), Arc::new(MemoryMarks::default()));
    let mine = Space::found_with(&laptop, keyring, &spaces, &genesis, marks).await.unwrap();
    let id = mine.write(write("milk")).await.unwrap();
    let transfer = mine.export_key(&phone.card("").unwrap()).unwrap();

    let wrong =
        Space::join_with_key(&stranger, &MemorySpaces::new(), &transfer, &laptop.author()).await;
    assert!(matches!(wrong, Err(SpaceError::Transfer(_))));
    let copy = Space::join_with_key(&phone, &MemorySpaces::new(), &transfer, &laptop.author())
        .await
        .unwrap();
    assert!(matches!(copy.read(id).await, Err(SpaceError::NotHeld(held)) if held == id));
    assert!(crate::sync::pull(&copy, mine.outgoing()).await.is_clean());
    assert_eq!(copy.read(id).await.unwrap().as_slice(), b"milk");

    let answer = copy.write(write("bread").with_dependencies(vec![id])).await.unwrap();
    assert!(crate::sync::push(&copy, Arc::clone(mine.store())).await.is_clean());
    assert_eq!(mine.read(answer).await.unwrap().as_slice(), b"bread");
}

#[tokio::test]
async fn many_writes_at_once_make_one_chain_without_gaps() {
    let laptop = Device::generate().unwrap();
    let space = Space::found(&laptop, &MemorySpaces::new()).await.unwrap();
    let writes = (0..200).map(|i| {
        let space = space.clone();
        tokio::spawn(async move { space.write(write(&i.to_string())).await.unwrap() })
    });
    for one in writes.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let mut previous = EntryId::ZERO;
    for (index, entry) in everything(&**space.store()).await.iter().enumerate() {
        assert_eq!(
            (entry.header().sequence, entry.header().previous),
            (index as u64 + 1, previous)
        );
        previous = entry.id();
    }
}

#[tokio::test]
async fn a_draft_at_fault_stores_nothing_and_stops_nobody() {
    let laptop = Device::generate().unwrap();
    let space = Space::found(&laptop, &MemorySpaces::new()).await.unwrap();
    let too_long = Write::new(Kind::OPERATION, vec![0; bulla_crypto::MAX_PLAINTEXT_BYTES + 1]);
    let refused = space.write_all(vec![write("first"), too_long]).await;
    assert!(matches!(refused, Err(SpaceError::Write(WriteError::TooLong(_)))));
    assert_eq!(
        space.store().head(&Context::new()).await.unwrap().last_receipt,
        2,
        "only the genesis and the first epoch"
    );
    space.write(write("second")).await.unwrap();
}

/// A store that was restored from a backup made before entries left must not be written to until they are back.
/// Clauses: ENT-41.
#[tokio::test]
async fn a_log_short_of_its_mark_is_read_but_not_written() {
    let laptop = Device::generate().unwrap();
    let marks: Arc<dyn Marks> = Arc::new(MemoryMarks::default());
    let genesis = new_genesis(&laptop).unwrap();
    let space_id = genesis.verified_header().space();
    let keyring = || {
        let mut keyring = Keyring::new();
        keyring.insert(space_id, EpochKey::dangerous_from_bytes(&[9; 32]));
        keyring
    };
    let relay: Arc<dyn ContentAddressedStore> = Arc::new(MemoryStore::new(space_id).unwrap());
    let space =
        Space::found_with(&laptop, keyring(), &MemorySpaces::new(), &genesis, Arc::clone(&marks))
            .await
            .unwrap();
    let backup = everything(&**space.store()).await;
    let lost = space.write(write("left the device")).await.unwrap();
    assert!(crate::sync::push(&space, Arc::clone(&relay)).await.is_clean());

    let restored = Arc::new(MemoryStore::new(space_id).unwrap());
    restored.put(&Context::new(), backup).await.unwrap();
    let space = Space::open(&laptop, keyring(), restored, marks).await.unwrap();
    let refused = space.write(write("would fork")).await;
    assert!(matches!(refused, Err(SpaceError::ShortLog { found: 1, marked: 2 })), "{refused:?}");

    assert!(crate::sync::pull(&space, relay).await.is_clean());
    let next = space.write(write("goes on")).await.unwrap();
    let next = space.entry(next).await.unwrap();
    assert_eq!((next.header().sequence, next.header().previous), (3, lost));
}

/// The same backup restored on two machines, both written to: the fork is noticed and the key retired.
/// Clauses: ENT-41.
#[tokio::test]
async fn a_cloned_device_is_noticed_when_its_entries_meet() {
    let laptop = Device::generate().unwrap();
    let genesis = new_genesis(&laptop).unwrap();
    let space_id = genesis.verified_header().space();
    let open = async || {
        let mut keyring = Keyring::new();
        keyring.insert(space_id, EpochKey::dangerous_from_bytes(&[9; 32]));
        Space::found_with(
            &laptop,
            keyring,
            &MemorySpaces::new(),
            &genesis,
            Arc::new(MemoryMarks::default()),
        )
        .await
        .unwrap()
    };
    let (one, other) = (open().await, open().await);
    one.write(write("one")).await.unwrap();
    other.write(write("other")).await.unwrap();
    assert!(crate::sync::pull(&one, other.outgoing()).await.verdict.is_complete());

    let mut keyring = Keyring::new();
    keyring.insert(space_id, EpochKey::dangerous_from_bytes(&[9; 32]));
    let reopened =
        Space::open(&laptop, keyring, Arc::clone(one.store()), Arc::new(MemoryMarks::default()))
            .await
            .unwrap();
    assert!(matches!(reopened.write(write("more")).await, Err(SpaceError::Forked { sequence: 2 })));
    assert_eq!(
        one.store().head(&Context::new()).await.unwrap().held.count,
        3,
        "both branches are kept"
    );
}

/// A18: two replicas that were fed different branches hold both afterwards, the same proof at each, and each reports the
/// fork and retires the key.
///
/// Clauses: ENT-41.
#[tokio::test]
async fn a18_both_replicas_hold_both_branches_and_report_the_fork() {
    let laptop = Device::generate().unwrap();
    let genesis = new_genesis(&laptop).unwrap();
    let space_id = genesis.verified_header().space();
    let keyring = || {
        let mut keyring = Keyring::new();
        keyring.insert(space_id, EpochKey::dangerous_from_bytes(&[9; 32]));
        keyring
    };
    let marks = || Arc::new(MemoryMarks::default());
    let open = async || {
        let spaces = MemorySpaces::new();
        Space::found_with(&laptop, keyring(), &spaces, &genesis, marks()).await.unwrap()
    };
    let (one, other) = (open().await, open().await);
    let left = one.write(write("one")).await.unwrap();
    let right = other.write(write("other")).await.unwrap();
    assert!(crate::sync::pull(&one, other.outgoing()).await.verdict.is_complete());
    assert!(crate::sync::pull(&other, one.outgoing()).await.verdict.is_complete());

    let mut heads = Vec::new();
    for replica in [&one, &other] {
        let held = everything(&**replica.store()).await;
        let branches: Vec<_> = held.iter().filter(|entry| entry.header().sequence == 2).collect();
        let mut ids: Vec<_> = branches.iter().map(|entry| entry.id()).collect();
        ids.sort();
        let mut expected = [left, right];
        expected.sort();
        assert_eq!(ids, expected, "two entries that one author signed under one number");
        let author = held[0].header().author;
        assert!(branches.iter().all(|entry| entry.header().author == author));
        heads.push(replica.store().head(&Context::new()).await.unwrap());
        let reopened = Space::open(&laptop, keyring(), Arc::clone(replica.store()), marks()).await;
        let refused = reopened.unwrap().write(write("more")).await;
        assert!(matches!(refused, Err(SpaceError::Forked { sequence: 2 })), "{refused:?}");
    }
    assert!(heads[0].same_entries(&heads[1]), "and they agree");
}

#[tokio::test]
async fn nothing_leaves_before_the_mark_covers_it() {
    let laptop = Device::generate().unwrap();
    let marks = Arc::new(MemoryMarks::default());
    let genesis = new_genesis(&laptop).unwrap();
    let mut keyring = Keyring::new();
    keyring.insert(genesis.verified_header().space(), EpochKey::dangerous_from_bytes(&[9; 32]));
    let space = Space::found_with(
        &laptop,
        keyring,
        &MemorySpaces::new(),
        &genesis,
        Arc::<MemoryMarks>::clone(&marks),
    )
    .await
    .unwrap();
    let id = space.write(write("one")).await.unwrap();
    assert_eq!(
        marks.read(space.id(), laptop.author()).unwrap(),
        None,
        "a write alone needs no mark"
    );

    let outgoing = space.outgoing();
    let page = outgoing.scan(&Context::new(), ScanRequest::everything()).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(marks.read(space.id(), laptop.author()).unwrap(), Some(Mark { sequence: 2, id }));
    let got = outgoing.get_one(&Context::new(), id).await.unwrap();
    assert!(matches!(got, GetItem::Entry(entry) if entry.id() == id));
}

#[test]
fn file_marks_survive_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let marks = FileMarks::new(folder.path().join("marks"));
    let (space, author) = (SpaceId([1; 32]), AuthorKey([2; 32]));
    assert_eq!(marks.read(space, author).unwrap(), None);
    let mark = Mark { sequence: 7, id: EntryId([3; 32]) };
    marks.write(space, author, mark).unwrap();
    assert_eq!(
        FileMarks::new(folder.path().join("marks")).read(space, author).unwrap(),
        Some(mark)
    );
    let file =
        std::fs::read_dir(folder.path().join("marks")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, b"\x83\x01").unwrap();
    assert!(matches!(marks.read(space, author), Err(SpaceError::Mark { .. })));
}

/// Something was made with one key; under another it would not open again.
#[tokio::test]
async fn a_write_that_asks_for_one_key_is_sealed_by_no_other() {
    let space = Space::found(&Device::generate().unwrap(), &MemorySpaces::new()).await.unwrap();
    let key = space.current_key(EntryId::ZERO).unwrap().id();
    space.write(write("one").with_key(key)).await.unwrap();
    space.rotate().await.unwrap();
    let refused = space.write(write("two").with_key(key)).await;
    assert!(matches!(refused, Err(SpaceError::KeyChanged)), "{refused:?}");
}

/// What this device signed and its own store refuses, because it lost the right in that moment, is not kept: it would come
/// back under a number that another entry has by then.
#[tokio::test]
async fn an_own_entry_that_is_refused_is_not_kept_for_later() {
    let (laptop, phone) = (Device::generate().unwrap(), Device::generate().unwrap());
    let mine = Space::found(&laptop, &MemorySpaces::new()).await.unwrap();
    mine.grant(phone.joining_card(mine.id(), None), Role::Writer, "").await.unwrap();
    let joined = Space::join(&phone, &MemorySpaces::new(), mine.id(), mine.outgoing()).await;
    let (copy, _) = joined.unwrap();
    copy.write(write("before")).await.unwrap();
    assert!(crate::sync::pull(&mine, copy.outgoing()).await.is_clean());
    mine.change_role(phone.author(), Role::Reader).await.unwrap();
    assert!(crate::sync::pull(&copy, mine.outgoing()).await.is_clean());

    let (inner, key) = (&copy.inner, copy.current_key(EntryId::ZERO).unwrap());
    let end = inner.chain.lock().await.end;
    let draft = bulla_crypto::Draft::new(Kind::OPERATION, b"late");
    let sealed = inner.writer.seal(&end, &draft, &key).unwrap();
    let entries = verify_own(&inner.verifier, copy.id(), vec![sealed.raw]).unwrap();
    let refused = pen::put_own(inner, entries).await;
    assert!(matches!(&refused, Err(SpaceError::Refused(code)) if code.as_str() == "directory.cut"));
    assert!(copy.quarantined(None, 16).await.unwrap().facts.is_empty());
    let frontier = copy.entry(copy.frontier().await.unwrap()).await.unwrap();
    assert_eq!(frontier.header().previous, end.id());
}
