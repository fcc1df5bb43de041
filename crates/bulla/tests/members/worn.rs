//! Keys are changed by policy: by a device that may, after as many entries as were set.

use std::num::NonZeroU64;
use std::sync::Arc;

use bulla::{EntryId, Role, sync};

use crate::support::{bring, device, found, note, writing_epoch};

#[tokio::test]
async fn keys_are_changed_after_as_many_entries_as_were_set() {
    let (owner, writer) = (device(), device());
    let mine = found(&owner).await;
    let other = bring(&mine, &writer, Role::Writer, "").await;
    let first = writing_epoch(&mine, EntryId::ZERO);
    for space in [&mine, &other] {
        space.set_rotate_after(NonZeroU64::new(3));
    }
    for _ in 0..3 {
        assert_eq!(mine.rotate_if_due().await.unwrap(), []);
        other.write(note("one more")).await.unwrap();
        assert_eq!(other.rotate_if_due().await.unwrap(), [], "a writer");
        sync::pull(&mine, other.outgoing()).await;
    }
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), first);
    // Before anything leaves.
    sync::push(&mine, Arc::clone(other.store())).await;
    let second = writing_epoch(&mine, EntryId::ZERO);
    assert_ne!(second, first);
    assert_eq!(writing_epoch(&other, EntryId::ZERO), second);
    assert_eq!(mine.rotate_if_due().await.unwrap(), [], "the new one is not worn");
    mine.set_rotate_after(None);
    for _ in 0..4 {
        mine.write(note("one more")).await.unwrap();
    }
    assert_eq!(mine.rotate_if_due().await.unwrap(), []);
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), second);
}
