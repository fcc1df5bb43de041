//! Key groups.

use bulla::{EntryId, Role, SpaceError, sync};

use crate::support::{bring, device, found, note, text, writing_epoch};

#[tokio::test]
async fn a_group_reads_what_the_other_members_carry() {
    let (owner, inside, outside) = (device(), device(), device());
    let mine = found(&owner).await;
    let member = bring(&mine, &inside, Role::Writer, "").await;
    let other = bring(&mine, &outside, Role::Writer, "").await;
    let group = mine.create_group("accounts", &[inside.author()]).await.unwrap();
    let topic = mine.topic_in(group, "2026").unwrap();
    assert_ne!(topic, mine.topic("2026").unwrap());
    let write = note("the sum").with_group(group).with_topic(topic);
    let id = mine.write(write).await.unwrap();
    let open = mine.write(note("for all")).await.unwrap();
    for space in [&member, &other] {
        assert!(sync::pull(space, mine.outgoing()).await.is_clean());
        assert_eq!(text(space, open).await, "for all");
    }
    assert_eq!(text(&member, id).await, "the sum");
    assert_eq!(member.topic_in(group, "2026").unwrap(), topic);
    assert!(matches!(other.read(id).await, Err(SpaceError::Open(_))));
    assert!(matches!(other.topic_in(group, "2026"), Err(SpaceError::NotInGroup(_))));
    let refused = other.write(note("no").with_group(group)).await;
    assert!(matches!(refused, Err(SpaceError::NotInGroup(id)) if id == group), "{refused:?}");
    let groups = other.groups().await.unwrap();
    assert_eq!((groups.len(), groups[0].label.as_deref()), (1, Some("accounts")));
    let mut readers = vec![owner.author(), inside.author()];
    readers.sort();
    assert_eq!(groups[0].readers, readers);

    let answer = member.write(note("seen").with_group(group)).await.unwrap();
    assert!(sync::pull(&mine, member.outgoing()).await.is_clean());
    assert_eq!(text(&mine, answer).await, "seen");
}

#[tokio::test]
async fn who_leaves_a_group_or_the_space_has_no_later_key_of_it() {
    let (owner, inside, lost, joining) = (device(), device(), device(), device());
    let mine = found(&owner).await;
    let member = bring(&mine, &inside, Role::Writer, "").await;
    let losing = bring(&mine, &lost, Role::Writer, "").await;
    let newcomer = bring(&mine, &joining, Role::Reader, "").await;
    let group = mine.create_group("", &[inside.author(), lost.author()]).await.unwrap();
    let early = mine.write(note("early").with_group(group)).await.unwrap();

    mine.change_group(group, &[joining.author()], &[inside.author()]).await.unwrap();
    let second = mine.write(note("second").with_group(group)).await.unwrap();
    mine.revoke(lost.author()).await.unwrap();
    let third = mine.write(note("third").with_group(group)).await.unwrap();
    for space in [&member, &losing, &newcomer] {
        sync::pull(space, mine.outgoing()).await;
    }
    let opens = async |space: &bulla::Space| {
        let mut opens = Vec::new();
        for id in [early, second, third] {
            opens.push(space.read(id).await.is_ok());
        }
        opens
    };
    assert_eq!(opens(&member).await, [true, false, false]);
    assert_eq!(opens(&losing).await, [true, true, false]);
    assert_eq!(opens(&newcomer).await, [true, true, true], "policy gives newcomers the history");
    assert!(member.write(note("no").with_group(group)).await.is_err());

    let none = mine.change_group(EntryId([1; 32]), &[], &[]).await;
    assert!(matches!(none, Err(SpaceError::NotInGroup(_))));
    let stranger = mine.create_group("", &[lost.author()]).await;
    assert!(matches!(stranger, Err(SpaceError::NotMember(device)) if device == lost.author()));
}

/// An admin that is not in a group changes it; the epoch is for those who are.
#[tokio::test]
async fn members_of_a_group_start_its_epoch_when_an_admin_outside_changed_it() {
    let (owner, second, inside, lost) = (device(), device(), device(), device());
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    bring(&mine, &inside, Role::Writer, "").await;
    bring(&mine, &lost, Role::Writer, "").await;
    let group = mine.create_group("", &[inside.author(), lost.author()]).await.unwrap();
    sync::pull(&other, mine.outgoing()).await;
    other.revoke(lost.author()).await.unwrap();
    assert_eq!(writing_epoch(&other, group), None);
    sync::pull(&mine, other.outgoing()).await;
    let id = mine.write(note("anew").with_group(group)).await.unwrap();
    let member = crate::support::join(&mine, &inside).await;
    assert_eq!(text(&member, id).await, "anew");
}
