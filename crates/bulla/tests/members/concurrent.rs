//! Devices that change things without hearing of each other come to one answer.

use bulla::{EntryId, Role, sync};

use crate::support::{Relay, bring, device, found, join, note, roles, sync, text, writing_epoch};

/// Clauses: DIR-27.
#[tokio::test]
async fn rotations_at_the_same_time_end_in_one_writing_epoch() {
    let (owner, second, reader) = (device(), device(), device());
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    let copy = bring(&mine, &reader, Role::Reader, "").await;
    sync::pull(&other, mine.outgoing()).await;
    mine.rotate().await.unwrap();
    other.rotate().await.unwrap();
    let here = mine.write(note("here")).await.unwrap();
    let there = other.write(note("there")).await.unwrap();
    assert_ne!(writing_epoch(&mine, EntryId::ZERO), writing_epoch(&other, EntryId::ZERO));

    let relay = Relay::new(mine.id()).await;
    for space in [&mine, &other, &copy, &mine] {
        sync(space, &relay).await;
    }
    let epoch = writing_epoch(&mine, EntryId::ZERO);
    for space in [&other, &copy, &relay.space] {
        assert_eq!(writing_epoch(space, EntryId::ZERO), epoch);
    }
    for space in [&mine, &other, &copy] {
        assert_eq!(
            (text(space, here).await, text(space, there).await),
            ("here".into(), "there".into())
        );
    }
    // The next epoch has both as parents, and newcomers read either.
    let heads = mine.with_directory(|directory| directory.epoch_heads(&EntryId::ZERO)).unwrap();
    assert_eq!(heads.len(), 2);
    mine.rotate().await.unwrap();
    let next = writing_epoch(&mine, EntryId::ZERO).unwrap();
    let parents = mine.with_directory(|directory| directory.epoch(&next).unwrap().parents).unwrap();
    assert_eq!(parents, heads);
    let late = device();
    let newcomer = bring(&mine, &late, Role::Reader, "").await;
    assert_eq!(text(&newcomer, there).await, "there");
}

#[tokio::test]
async fn two_admins_that_grant_and_revoke_offline_agree_after_they_synced() {
    let (owner, second) = (device(), device());
    let (first, gone, new, newer) = (device(), device(), device(), device());
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    bring(&mine, &first, Role::Writer, "").await;
    let leaving = bring(&mine, &gone, Role::Writer, "").await;
    sync::pull(&other, mine.outgoing()).await;

    mine.grant(new.joining_card(mine.id(), None), Role::Reader, "new").await.unwrap();
    mine.revoke(gone.author()).await.unwrap();
    other.grant(newer.joining_card(mine.id(), None), Role::Writer, "newer").await.unwrap();
    other.change_role(first.author(), Role::Reader).await.unwrap();
    let early = other.write(note("sealed to one who was gone")).await.unwrap();
    leaving.write(note("late")).await.unwrap();

    let relay = Relay::new(mine.id()).await;
    for space in [&mine, &other, &leaving, &mine, &other] {
        sync(space, &relay).await;
    }
    let expected = roles(&mine).await;
    assert_eq!(expected.len(), 5);
    assert!(!expected.iter().any(|(device, _)| *device == gone.author()));
    assert!(expected.contains(&(first.author(), Role::Reader)));
    for space in [&other, &leaving, &relay.space] {
        assert_eq!(roles(space).await, expected);
    }
    let epoch = writing_epoch(&mine, EntryId::ZERO);
    assert_eq!(writing_epoch(&other, EntryId::ZERO), epoch);
    let cx = bulla::Context::new();
    let head = mine.store().head(&cx).await.unwrap();
    for space in [&other, &relay.space] {
        assert!(head.same_entries(&space.store().head(&cx).await.unwrap()));
    }

    // Whoever was granted on either side reads what both write from here on.
    let last = other.write(note("to all who are left")).await.unwrap();
    sync(&other, &relay).await;
    sync(&mine, &relay).await;
    assert_eq!(text(&mine, last).await, "to all who are left");
    assert_eq!(text(&mine, early).await, "sealed to one who was gone");
    for device in [&new, &newer, &first] {
        let space = join(&mine, device).await;
        assert_eq!(text(&space, last).await, "to all who are left");
    }
    let space = join(&mine, &gone).await;
    assert!(space.read(last).await.is_err());
}

/// Two admins let somebody in at the same time, and each starts an epoch that the other's newcomer is left out of. The first
/// admin that syncs with both starts another one; a writer that syncs cannot, and need not write for it.
///
/// Clauses: DIR-28.
#[tokio::test]
async fn whoever_is_left_out_of_the_keys_is_let_in_by_the_next_sync_of_an_admin() {
    let (owner, second, writing) = (device(), device(), device());
    let newcomers = [device(), device()];
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    sync::pull(&other, mine.outgoing()).await;
    for (space, newcomer) in [&mine, &other].into_iter().zip(&newcomers) {
        space.grant(newcomer.joining_card(mine.id(), None), Role::Reader, "").await.unwrap();
        space.rotate().await.unwrap();
    }
    let relay = Relay::new(mine.id()).await;
    let left_out = |space: &bulla::Space| {
        let left_out = space.with_directory(|directory| directory.readers_left_out(&EntryId::ZERO));
        left_out.unwrap().len()
    };
    // Nobody of these knows both.
    for space in [&mine, &writer] {
        sync::push(space, relay.store()).await;
        assert_eq!(left_out(space), 0);
    }
    sync::push(&other, relay.store()).await;
    assert_eq!(left_out(&relay.space), 1);
    sync(&writer, &relay).await;
    assert_eq!(left_out(&relay.space), 1, "a writer may not");
    assert!(writer.rotate_if_due().await.unwrap().is_empty());
    sync(&mine, &relay).await;
    assert_eq!(left_out(&relay.space), 0);
    let epoch = writing_epoch(&relay.space, EntryId::ZERO);
    assert!(mine.rotate_if_due().await.unwrap().is_empty(), "once is enough");
    sync(&other, &relay).await;
    assert_eq!(writing_epoch(&relay.space, EntryId::ZERO), epoch);

    sync(&writer, &relay).await;
    let id = writer.write(note("to both")).await.unwrap();
    for newcomer in &newcomers {
        let space = join(&writer, newcomer).await;
        assert_eq!(text(&space, id).await, "to both");
    }
}

/// The same for an admin that writes before it syncs again: what it writes is for everybody it knows of.
///
/// Clauses: DIR-28.
#[tokio::test]
async fn what_an_admin_writes_is_for_all_that_it_knows_to_read() {
    let (owner, second) = (device(), device());
    let newcomers = [device(), device()];
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    for (space, newcomer) in [&mine, &other].into_iter().zip(&newcomers) {
        space.grant(newcomer.joining_card(mine.id(), None), Role::Reader, "").await.unwrap();
        space.rotate().await.unwrap();
    }
    sync::pull(&mine, other.outgoing()).await;
    let id = mine.write(note("to both")).await.unwrap();
    for newcomer in &newcomers {
        let space = join(&mine, newcomer).await;
        assert_eq!(text(&space, id).await, "to both");
    }
}
