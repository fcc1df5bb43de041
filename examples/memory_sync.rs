//! Two stores, one `replicate` each way, and what the reports prove.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::sync::{Options, replicate};
use bulla::{ContentAddressedStore, Context, Device, Keyring, Kind, MemorySpaces, Space, Write};
use bulla_store::MemoryBookmarks;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cx = Context::new();
    let laptop = Device::generate()?;
    let space = Space::found(&laptop, &MemorySpaces::new()).await?;
    let notes = (1..=1_000).map(|n| Write::new(Kind::OPERATION, format!("note {n}")));
    space.write_all(notes.collect()).await?;

    // `outgoing` is the device's store as others may see it; the target is the store of another device, which judges every
    // entry by the same control entries.
    let source: Arc<dyn ContentAddressedStore> = space.outgoing();
    let (phone, marks) = (Device::generate()?, Arc::new(MemoryMarks::default()));
    let copy =
        Space::join_as(&phone, &MemorySpaces::new(), space.id(), Keyring::new(), marks).await?;
    let target = Arc::clone(copy.store());
    // Checkpoints live here. Kept on disk, a run that was cut short goes on where it stopped.
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let run = async || {
        let (source, target) = (Arc::clone(&source), Arc::clone(&target));
        replicate(source, target, Arc::clone(&bookmarks) as _, Options::push()).await
    };

    // A first run carries everything. Complete means proven: the digests of both sides are equal.
    let first = run().await;
    println!("first: {first}");
    assert!(first.is_clean());
    assert_eq!(first.counts.stored, 1_002, "a thousand notes, the genesis and the first key epoch");

    // Nothing new: equal heads settle it, and no entry is looked at.
    let second = run().await;
    println!("again: {second}");
    assert!(second.is_clean());
    assert_eq!(second.counts.stored, 0);

    // A little new: the checkpoint tells where the first run stopped.
    space.write(Write::new(Kind::OPERATION, "one more")).await?;
    let third = run().await;
    println!("a little: {third}");
    assert!(third.is_clean());
    assert_eq!(third.counts.stored, 1);
    assert_eq!(third.counts.duplicates, 0, "nothing was sent twice");

    assert!(source.head(&cx).await?.same_entries(&target.head(&cx).await?));

    // A source of another space is refused, with a reason, before anything moves.
    let other = Space::found(&laptop, &MemorySpaces::new()).await?;
    let wrong = replicate(other.outgoing(), target, bookmarks, Options::push()).await;
    println!("wrong: {wrong}");
    assert!(!wrong.verdict.is_complete());
    assert_eq!(wrong.counts.stored, 0);
    Ok(())
}
