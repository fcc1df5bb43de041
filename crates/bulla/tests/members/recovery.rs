//! All devices are lost; the words bring everything back.

use std::sync::Arc;

use bulla::space::{MemoryMarks, recovery_public};
use bulla::{Founding, Policy, RecoveryKey, Role, Space, SpaceError, sync};

use crate::engine::spaces;
use crate::frontiers::frontiers;
use crate::support::{Relay, bring, device, found, join, note, sync, text};

fn recovery_key(byte: u8) -> RecoveryKey {
    RecoveryKey::dangerous_from_entropy(&[byte; 32])
}

#[tokio::test]
async fn all_devices_are_lost_and_everything_comes_back() {
    // Also where newcomers get no history: the recovery key is no newcomer.
    for history in [true, false] {
        let words = recovery_key(1).to_words();
        let (owner, second, new) = (device(), device(), device());
        let policy = Policy { history_for_newcomers: Some(history), ..Policy::default() };
        let founding = Founding::default()
            .with_policy(policy)
            .with_recovery(recovery_public(&recovery_key(1)));
        let marks = Arc::new(MemoryMarks::default());
        let mine = Space::found_as(&owner, &spaces(), &founding, marks).await.unwrap();
        let first = mine.write(note("first")).await.unwrap();
        let other = bring(&mine, &second, Role::Admin, "").await;
        let relay = Relay::new(mine.id()).await;
        let group = mine.create_group("", &[second.author()]).await.unwrap();
        let inner = mine.write(note("inner").with_group(group)).await.unwrap();
        sync(&mine, &relay).await;
        sync(&other, &relay).await;
        let last = other.write(note("last")).await.unwrap();
        sync(&other, &relay).await;
        let id = mine.id();
        drop((mine, other));

        let (key, next) = (RecoveryKey::from_words(&words).unwrap(), recovery_key(2));
        let (back, report) = Space::join(&new, &spaces(), id, relay.store()).await.unwrap();
        assert!(report.is_clean());
        assert!(back.read(first).await.is_err());
        let wrong = back.recover(&recovery_key(3), &[], None).await;
        assert!(matches!(wrong, Err(SpaceError::NotRecoveryKey)), "{wrong:?}");
        let lost = [owner.author(), second.author()];
        back.recover(&key, &lost, Some(&next)).await.unwrap();
        assert_eq!(back.role(), Some(Role::Admin));
        assert_eq!(text(&back, first).await, "first");
        assert_eq!(text(&back, last).await, "last");
        assert_eq!(text(&back, inner).await, "inner");
        let groups = back.groups().await.unwrap();
        assert_eq!(groups[0].readers, [new.author()], "nobody else was left in it");
        assert_eq!(frontiers(&back, new.author()).await.len(), 1, "it says what it saw");
        let members = back.members().await.unwrap();
        assert_eq!(members.iter().map(|m| m.device).collect::<Vec<_>>(), [new.author()]);
        let after = back.write(note("after")).await.unwrap();
        sync(&back, &relay).await;

        // The finder of a lost device is out, and the old words are used up.
        let found = join(&relay.space, &second).await;
        assert!(matches!(found.read(after).await, Err(SpaceError::Open(_))));
        assert!(matches!(found.write(note("no")).await, Err(SpaceError::Revoked(_))));
        let again = join(&relay.space, &device()).await;
        let again = again.recover(&key, &[new.author()], None).await;
        assert!(matches!(again, Err(SpaceError::NotRecoveryKey)));

        // The new words work, and open what was written since.
        let third = device();
        let back = join(&relay.space, &third).await;
        back.recover(&next, &[new.author()], None).await.unwrap();
        assert_eq!(text(&back, after).await, "after");
        let handed_down = back.read(inner).await.is_ok();
        assert_eq!(handed_down, history, "what was sealed to the first key alone, by the policy");
        back.write(note("third")).await.unwrap();
    }
}

#[tokio::test]
async fn a_space_without_a_recovery_key_gets_one_from_its_first_founder() {
    let (owner, second, new) = (device(), device(), device());
    let mine = found(&owner).await;
    let other = bring(&mine, &second, Role::Admin, "").await;
    let early = mine.write(note("early")).await.unwrap();
    let refused = other.set_recovery_key(&recovery_key(1)).await;
    assert!(matches!(refused, Err(SpaceError::NotRecoveryKey)), "{refused:?}");
    mine.set_recovery_key(&recovery_key(1)).await.unwrap();
    let twice = mine.set_recovery_key(&recovery_key(2)).await;
    assert!(matches!(twice, Err(SpaceError::HasRecoveryKey)), "{twice:?}");
    assert!(matches!(
        mine.recover(&recovery_key(1), &[owner.author()], None).await,
        Err(SpaceError::Revoked(_))
    ));

    let back = join(&mine, &new).await;
    back.recover(&recovery_key(1), &[owner.author()], None).await.unwrap();
    assert_eq!(text(&back, early).await, "early", "by what the epoch after it hands down");
    sync::pull(&mine, back.outgoing()).await;
    assert!(matches!(mine.write(note("no")).await, Err(SpaceError::Revoked(_))));
}
