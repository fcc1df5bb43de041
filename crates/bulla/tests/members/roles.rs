//! Owner, reader, writer and relay.

use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::{Founding, NodeId, Policy, Role, Space, SpaceError, sync};
use bulla_crypto::{LabelError, OpenError};

use crate::engine::spaces;
use crate::support::{Relay, bring, device, found, join, note, roles, sync, text, writing_epoch};

#[tokio::test]
async fn an_owner_and_a_reader_share_what_a_relay_carries_and_cannot_read() {
    let (owner, reader) = (device(), device());
    let mine = found(&owner).await;
    let id = mine.write(note("milk")).await.unwrap();
    let node = NodeId([7; 32]);
    mine.grant(node, Role::Relay, "cellar").await.unwrap();
    let grant = mine.grant(reader.joining_card(mine.id(), None), Role::Reader, "phone").await;
    assert!(mine.entry(grant.unwrap()).await.is_ok());

    let relay = Relay::new(mine.id()).await;
    assert!(sync::push(&mine, relay.store()).await.is_clean());
    assert!(matches!(relay.space.read(id).await, Err(SpaceError::Open(OpenError::UnknownKey(_)))));

    let joined = Space::join(&reader, &spaces(), mine.id(), relay.store()).await;
    let (copy, report) = joined.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(text(&copy, id).await, "milk");
    assert_eq!(copy.role(), Some(Role::Reader));
    assert_eq!(roles(&copy).await, roles(&mine).await);
    assert_eq!(roles(&relay.space).await, roles(&mine).await, "who belongs to it is no secret");

    // What members call each other is theirs.
    let labels = |members: Vec<bulla::SpaceMember>| {
        let mut labels: Vec<_> = members.into_iter().filter_map(|member| member.label).collect();
        labels.sort();
        labels
    };
    assert_eq!(labels(copy.members().await.unwrap()), ["cellar", "phone"]);
    assert!(labels(relay.space.members().await.unwrap()).is_empty());
}

#[tokio::test]
async fn each_role_is_told_what_it_may_not_do() {
    let mine = found(&device()).await;
    let (reading, writing, carrying, stranger) = (device(), device(), device(), device());
    let reader = bring(&mine, &reading, Role::Reader, "").await;
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    let carrier = bring(&mine, &carrying, Role::Relay, "").await;
    let outside = join(&mine, &stranger).await;

    writer.write(note("mine")).await.unwrap();
    let refused = reader.write(note("no")).await;
    let needed = |needed, role| format!("{:?}", SpaceError::Role { needed, role });
    assert_eq!(format!("{:?}", refused.unwrap_err()), needed(Role::Writer, Role::Reader));
    let refused = carrier.write(note("no")).await;
    assert_eq!(format!("{:?}", refused.unwrap_err()), needed(Role::Writer, Role::Relay));
    let refused = outside.write(note("no")).await;
    assert!(matches!(refused, Err(SpaceError::NotMember(me)) if me == stranger.author()));
    for space in [&reader, &writer] {
        let card = stranger.joining_card(mine.id(), None);
        let granted = space.grant(card, Role::Admin, "").await;
        assert!(
            matches!(granted, Err(SpaceError::Role { needed: Role::Admin, .. })),
            "{granted:?}"
        );
        let rotated = space.rotate().await;
        assert!(matches!(rotated, Err(SpaceError::Role { .. })), "{rotated:?}");
        let revoked = space.revoke(carrying.author()).await;
        assert!(matches!(revoked, Err(SpaceError::Role { .. })), "{revoked:?}");
    }
    reader.frontier().await.unwrap();
    assert!(matches!(carrier.frontier().await, Err(SpaceError::Role { .. })));
}

#[tokio::test]
async fn a_grant_that_cannot_be_is_refused_before_anything_is_signed() {
    let (owner, other) = (device(), device());
    let mine = found(&owner).await;
    let before = mine.store().head(&bulla::Context::new()).await.unwrap().last_receipt;
    let foreign = other.joining_card(bulla::SpaceId([1; 32]), None);
    assert!(matches!(mine.grant(foreign, Role::Reader, "").await, Err(SpaceError::Write(_))));
    let node = mine.grant(NodeId([7; 32]), Role::Reader, "").await;
    assert!(matches!(node, Err(SpaceError::Write(_))));
    let long = mine.grant(other.joining_card(mine.id(), None), Role::Reader, &"x".repeat(65)).await;
    assert!(matches!(long, Err(SpaceError::Label(LabelError::Text))));
    let after = mine.store().head(&bulla::Context::new()).await.unwrap().last_receipt;
    assert_eq!(before, after);
}

#[tokio::test]
async fn newcomers_get_the_history_if_the_policy_says_so_and_only_then() {
    for history in [true, false] {
        let (owner, reader) = (device(), device());
        let policy = Policy { history_for_newcomers: Some(history), ..Policy::default() };
        let founding = Founding::default().with_policy(policy);
        let marks = Arc::new(MemoryMarks::default());
        let spaces = spaces();
        let mine = Space::found_as(&owner, &spaces, &founding, marks).await.unwrap();
        let first = mine.write(note("first")).await.unwrap();
        mine.rotate().await.unwrap();
        let second = mine.write(note("second")).await.unwrap();
        let copy = bring(&mine, &reader, Role::Reader, "").await;
        let third = mine.write(note("third")).await.unwrap();
        assert!(sync::pull(&copy, mine.outgoing()).await.is_clean());

        assert_eq!(text(&copy, third).await, "third");
        for (id, says) in [(first, "first"), (second, "second")] {
            match history {
                true => assert_eq!(text(&copy, id).await, says),
                false => assert!(matches!(copy.read(id).await, Err(SpaceError::Open(_)))),
            }
        }
        // A member who has the older keys may hand them over all the same.
        let transfer = mine.export_key(&reader.card("").unwrap()).unwrap();
        let new = copy.import_key(&transfer, &owner.author()).unwrap();
        assert_eq!(new, if history { 0 } else { 2 });
        assert_eq!(text(&copy, first).await, "first");
        let topic = |space: &Space| space.topic("notes").unwrap();
        assert_eq!(topic(&copy), topic(&mine), "one topic secret through all epochs");
    }
}

#[tokio::test]
async fn roles_are_raised_and_lowered() {
    let mine = found(&device()).await;
    let (device, node) = (device(), NodeId([7; 32]));
    let copy = bring(&mine, &device, Role::Reader, "").await;
    mine.change_role(device.author(), Role::Writer).await.unwrap();
    sync::pull(&copy, mine.outgoing()).await;
    let early = copy.write(note("as a writer")).await.unwrap();
    sync::pull(&mine, copy.outgoing()).await;

    let before = writing_epoch(&mine, bulla::EntryId::ZERO);
    mine.change_role(device.author(), Role::Reader).await.unwrap();
    assert_eq!(writing_epoch(&mine, bulla::EntryId::ZERO), before, "it reads as before");
    assert_eq!(text(&mine, early).await, "as a writer");
    sync::pull(&copy, mine.outgoing()).await;
    assert!(matches!(copy.write(note("no more")).await, Err(SpaceError::Role { .. })));

    // Carrying on without reading: the next key is not for it.
    mine.change_role(device.author(), Role::Relay).await.unwrap();
    assert_ne!(writing_epoch(&mine, bulla::EntryId::ZERO), before);
    let secret = mine.write(note("not for relays")).await.unwrap();
    assert!(sync::pull(&copy, mine.outgoing()).await.is_clean());
    assert!(matches!(copy.read(secret).await, Err(SpaceError::Open(_))));
    mine.change_role(device.author(), Role::Reader).await.unwrap();
    let again = mine.write(note("for readers")).await.unwrap();
    sync::pull(&copy, mine.outgoing()).await;
    assert_eq!(text(&copy, again).await, "for readers");

    mine.grant(node, Role::Relay, "").await.unwrap();
    let node = bulla::AuthorKey(node.0);
    let raised = mine.change_role(node, Role::Reader).await;
    assert!(matches!(raised, Err(SpaceError::NoSealingKey(device)) if device == node));
    let stranger = mine.change_role(bulla::AuthorKey([9; 32]), Role::Reader).await;
    assert!(matches!(stranger, Err(SpaceError::NotMember(_))));
}

/// What was sealed before the grant came is opened when it comes, and keys are learned again when the space is opened
/// without any.
#[tokio::test]
async fn keys_are_learned_whenever_they_come() {
    let (owner, reader) = (device(), device());
    let mine = found(&owner).await;
    let id = mine.write(note("milk")).await.unwrap();
    let relay = Relay::new(mine.id()).await;
    sync(&mine, &relay).await;
    let joined = Space::join(&reader, &spaces(), mine.id(), relay.store()).await;
    let (copy, _) = joined.unwrap();
    assert!(matches!(copy.read(id).await, Err(SpaceError::Open(_))));

    mine.grant(reader.joining_card(mine.id(), None), Role::Reader, "").await.unwrap();
    sync(&mine, &relay).await;
    sync(&copy, &relay).await;
    assert_eq!(text(&copy, id).await, "milk");
    let report = copy.learn_keys().await.unwrap();
    assert_eq!((report.new_keys, report.faults.len()), (0, 0));

    let marks = Arc::new(MemoryMarks::default());
    let local = bulla::LocalStore::judged(Arc::clone(&relay.engine));
    drop(relay.space);
    let reopened = Space::open(&reader, bulla::Keyring::new(), local, marks).await.unwrap();
    assert_eq!(text(&reopened, id).await, "milk");
}

/// A device alone cannot promise itself more.
#[tokio::test]
async fn nobody_raises_itself_or_touches_a_senior() {
    let (owner, second) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &second, Role::Admin, "").await;
    let own = copy.change_role(second.author(), Role::Admin).await;
    assert!(matches!(own, Err(SpaceError::Seniority(_))), "{own:?}");
    for refused in
        [copy.revoke(owner.author()).await, copy.change_role(owner.author(), Role::Reader).await]
    {
        assert!(matches!(refused, Err(SpaceError::Seniority(device)) if device == owner.author()));
    }
}
