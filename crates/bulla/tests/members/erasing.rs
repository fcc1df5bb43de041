//! Erasing what was said, everywhere.

use bulla::{Erasing, Role, Space, SpaceError, Write, sync};
use bulla_core::values::{GetItem, PayloadState};
use bulla_store::StoreExt as _;

use crate::support::{Relay, bring, device, found, note, sync, text};

async fn state(space: &Space, id: bulla::EntryId) -> PayloadState {
    match space.store().get_one(&bulla::Context::new(), id).await.unwrap() {
        GetItem::Entry(_) => PayloadState::Present,
        GetItem::Header(_, state) => state,
        other => panic!("{other:?}"),
    }
}

fn is_erased(state: PayloadState) -> bool {
    matches!(state, PayloadState::Erased(_))
}

/// The headers stay, nothing comes back from whoever was away, and erased is another answer than missing.
#[tokio::test]
async fn what_is_erased_stays_erased_through_a_relay_that_was_offline() {
    let (owner, writing) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &writing, Role::Writer, "").await;
    let relay = Relay::new(mine.id()).await;
    let (first, kept) =
        (mine.write(note("first")).await.unwrap(), mine.write(note("kept")).await.unwrap());
    sync(&mine, &relay).await;
    sync(&copy, &relay).await;

    // Between the two devices alone; the relay hears nothing of it.
    mine.erase(Erasing::Ids(vec![first])).await.unwrap();
    assert!(sync::pull(&copy, mine.outgoing()).await.is_clean());
    for space in [&mine, &copy] {
        assert!(is_erased(state(space, first).await));
        let answer = space.read(first).await;
        assert!(matches!(answer, Err(SpaceError::Erased { id, .. }) if id == first), "{answer:?}");
    }
    assert_eq!(state(&relay.space, first).await, PayloadState::Present);
    // The relay has it still, and does not bring it back.
    let report = sync::pull(&copy, relay.store()).await;
    assert!(report.verdict.is_complete(), "{report}");
    assert!(is_erased(state(&copy, first).await));
    // It prunes without a key once it hears.
    assert!(sync::push(&copy, relay.store()).await.is_clean());
    assert!(is_erased(state(&relay.space, first).await));
    assert_eq!(text(&copy, kept).await, "kept");
    let cx = bulla::Context::new();
    let heads = (mine.store().head(&cx).await.unwrap(), relay.store().head(&cx).await.unwrap());
    assert!(heads.0.same_entries(&heads.1), "headers stay, and digests are comparable");
    assert!(mine.write(note("goes on")).await.is_ok());
}

#[tokio::test]
async fn topics_and_authors_are_erased_up_to_what_is_held() {
    let (owner, writing) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &writing, Role::Writer, "").await;
    let topic = mine.topic("plans").unwrap();
    let plan = |text: &str| -> Write { note(text).with_topic(topic) };
    let (a, b) = (mine.write(plan("a")).await.unwrap(), copy.write(plan("b")).await.unwrap());
    let other = copy.write(note("other")).await.unwrap();
    sync::pull(&mine, copy.outgoing()).await;
    let later = copy.write(plan("later")).await.unwrap();

    mine.erase(Erasing::Topic(topic)).await.unwrap();
    sync::pull(&mine, copy.outgoing()).await;
    assert!(is_erased(state(&mine, a).await) && is_erased(state(&mine, b).await));
    assert_eq!(text(&mine, other).await, "other");
    assert_eq!(text(&mine, later).await, "later", "it was not held when the topic was erased");

    mine.erase(Erasing::Author(writing.author())).await.unwrap();
    assert!(is_erased(state(&mine, other).await) && is_erased(state(&mine, later).await));
    let nothing = mine.erase(Erasing::Topic(mine.topic("nothing").unwrap())).await;
    assert!(matches!(nothing, Err(SpaceError::NothingHeld)));
    assert!(matches!(mine.erase(Erasing::Ids(vec![])).await, Err(SpaceError::NothingHeld)));
}

/// Clauses: DIR-24.
#[tokio::test]
async fn a_writer_erases_its_own_and_a_reader_nothing() {
    let mine = found(&device()).await;
    let (writing, reading) = (device(), device());
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    let reader = bring(&mine, &reading, Role::Reader, "").await;
    let topic = mine.topic("plans").unwrap();
    let theirs = mine.write(note("theirs").with_topic(topic)).await.unwrap();
    sync::pull(&writer, mine.outgoing()).await;
    let own = writer.write(note("own").with_topic(topic)).await.unwrap();
    for refused in [
        writer.erase(Erasing::Ids(vec![own, theirs])).await,
        writer.erase(Erasing::Ids(vec![bulla::EntryId([5; 32])])).await,
        writer.erase(Erasing::Topic(topic)).await,
        writer.erase(Erasing::Author(bulla::AuthorKey([5; 32]))).await,
    ] {
        let is_role = matches!(refused, Err(SpaceError::Role { needed: Role::Admin, .. }));
        assert!(is_role, "{refused:?}");
    }
    assert!(matches!(reader.erase(Erasing::Ids(vec![own])).await, Err(SpaceError::Role { .. })));
    writer.erase(Erasing::Author(writing.author())).await.unwrap();
    assert!(is_erased(state(&writer, own).await));
    assert_eq!(text(&writer, theirs).await, "theirs");
}
