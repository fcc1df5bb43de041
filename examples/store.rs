//! A store: put entries in, look them up, read them in the order they arrived, and ask for the head.
//!
//! Every store keeps one contract, so `tour` does not know which one it has. It runs over memory and, with the feature
//! `disk`, over a database.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use bulla::{Context, Device, Kind, MemorySpaces, Space, Spaces, Write};
use bulla_core::values::{GetItem, Has, PutOutcome, ScanRequest};
use bulla_store::StoreExt as _;
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tour("memory", &MemorySpaces::new()).await?;

    #[cfg(feature = "disk")]
    {
        use bulla::disk::{DiskOptions, DiskSpaces};
        use std::sync::Arc;

        let folder = tempfile::tempdir()?;
        let clock = Arc::new(bulla_store::SystemClock::new());
        let spaces = DiskSpaces::open(folder.path(), DiskOptions::default(), clock)?;
        tour("disk", &spaces).await?;
        spaces.close().await;
    }
    Ok(())
}

async fn tour(name: &str, spaces: &dyn Spaces) -> Result<(), Box<dyn Error>> {
    let cx = Context::new();

    // A store takes verified entries only, so somebody has to sign some: a device that writes into a space.
    let device = Device::generate()?;
    let author = Space::found(&device, &MemorySpaces::new()).await?;
    let drafts = ["milk", "bread", "figs"].map(|item| Write::new(Kind::OPERATION, item));
    let ids = author.write_all(drafts.to_vec()).await?;

    // PUT. One outcome per entry: what is new gets the next receipt, what is held already is a duplicate.
    let store = spaces.create(&cx, author.id()).await?;
    for (id, receipt) in ids.iter().zip(1..) {
        let entry = author.entry(*id).await?;
        assert_eq!(store.put_one(&cx, entry.clone()).await?, PutOutcome::Stored(receipt));
        assert_eq!(store.put_one(&cx, entry).await?, PutOutcome::Duplicate(receipt));
    }

    // GET. By id; an id that is not held is an answer, not an error. The genesis was never put here.
    let first = ids.first().copied().ok_or("three were written")?;
    assert!(
        matches!(store.get_one(&cx, first).await?, GetItem::Entry(entry) if entry.id() == first)
    );
    assert!(matches!(store.get_one(&cx, author.id().into()).await?, GetItem::Absent));
    assert_eq!(store.has_one(&cx, first).await?, Has::Yes);

    // SCAN. In the order of receipts, from the beginning or from where an earlier reader stopped.
    let all: Vec<_> = store.scan_all(&cx, ScanRequest::everything()).try_collect().await?;
    assert_eq!(all.iter().map(|item| item.id).collect::<Vec<_>>(), ids);
    let head = store.head(&cx).await?;
    let later = ScanRequest { after: Some(head.cursor()), ..ScanRequest::everything() };
    assert!(store.scan(&cx, later).await?.items.is_empty(), "nothing came after the head");

    // HEAD. Equal digests mean equal sets of entries, on any two stores, whatever the order of arrival.
    let other = MemorySpaces::new().create(&cx, author.id()).await?;
    for id in ids.iter().rev() {
        other.put_one(&cx, author.entry(*id).await?).await?;
    }
    assert!(head.same_entries(&other.head(&cx).await?));
    println!("{name}: {} entries, digest {}", head.held.count, head.held.digest);
    Ok(())
}
