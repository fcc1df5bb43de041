//! Nothing that matters is in memory alone: the whole story, with every program begun anew for every step.

use std::sync::Arc;

use bulla::space::{Marks, MemoryMarks};
use bulla::{
    Device, EntryId, Erasing, Keyring, LocalSpaces, Role, Space, SpaceError, SpaceId, sync,
};

use crate::engine::Kept;
use crate::support::{Relay, device, note, roles, sync, text};

/// A device whose program ends after each step. Its mark lies outside of its engine.
struct Machine {
    device: Device,
    kept: Kept,
    marks: Arc<dyn Marks>,
}

impl Machine {
    fn new() -> Self {
        Self { device: device(), kept: Kept::new(), marks: Arc::new(MemoryMarks::default()) }
    }

    /// Begins the program, does one thing, ends it.
    async fn step<T>(&self, id: SpaceId, act: impl AsyncFnOnce(Space) -> T) -> T {
        let run = async |spaces: &dyn LocalSpaces| {
            let (local, marks) = (spaces.create_local(id).await.unwrap(), Arc::clone(&self.marks));
            act(Space::open(&self.device, Keyring::new(), local, marks).await.unwrap()).await
        };
        self.kept.run(run).await
    }
}

#[tokio::test]
async fn members_keys_losses_and_erasures_survive_every_restart() {
    let (owner, lost, friend) = (Machine::new(), Machine::new(), Machine::new());
    let (lost_key, friend_key) = (lost.device.author(), friend.device.author());
    let found = async |spaces: &dyn LocalSpaces| {
        let (founding, marks) = (bulla::Founding::default(), Arc::clone(&owner.marks));
        Space::found_as(&owner.device, spaces, &founding, marks).await.unwrap().id()
    };
    let id = owner.kept.run(found).await;
    let relay = Relay::new(id).await;
    let first = owner.step(id, async |space| space.write(note("first")).await.unwrap()).await;
    for (machine, role) in [(&lost, Role::Writer), (&friend, Role::Writer)] {
        let card = machine.device.joining_card(id, None);
        owner.step(id, async |space| space.grant(card, role, "").await.unwrap()).await;
    }
    let group =
        owner.step(id, async |space| space.create_group("few", &[friend_key]).await.unwrap()).await;
    let inner = owner
        .step(id, async |space| space.write(note("inner").with_group(group)).await.unwrap())
        .await;
    owner.step(id, async |space| drop(sync(&space, &relay).await)).await;

    for machine in [&lost, &friend] {
        let report = machine.step(id, async |space| sync::pull(&space, relay.store()).await).await;
        assert!(report.is_clean(), "{report}");
    }
    let before = lost
        .step(id, async |space| {
            assert_eq!(text(&space, first).await, "first");
            assert!(matches!(space.read(inner).await, Err(SpaceError::Open(_))));
            space.write(note("before")).await.unwrap()
        })
        .await;
    lost.step(id, async |space| drop(sync(&space, &relay).await)).await;
    owner.step(id, async |space| drop(sync(&space, &relay).await)).await;
    // It goes on writing while it is revoked elsewhere.
    let late = lost.step(id, async |space| space.write(note("late")).await.unwrap()).await;
    owner.step(id, async |space| space.revoke(lost_key).await.unwrap()).await;
    let after = owner.step(id, async |space| space.write(note("after")).await.unwrap()).await;
    owner.step(id, async |space| drop(space.erase(Erasing::Ids(vec![first])).await.unwrap())).await;
    owner.step(id, async |space| drop(sync(&space, &relay).await)).await;

    friend.step(id, async |space| assert!(sync(&space, &relay).await.0.is_clean())).await;
    lost.step(id, async |space| drop(sync(&space, &relay).await)).await;
    lost.step(id, async |space| {
        assert!(space.is_revoked() && space.role().is_none());
        assert_eq!(text(&space, before).await, "before");
        assert!(matches!(space.read(after).await, Err(SpaceError::Open(_))));
        let refused = space.write(note("never")).await;
        assert!(matches!(refused, Err(SpaceError::Revoked(_))), "{refused:?}");
    })
    .await;
    // What it wrote late comes to the friend by another path, and stays out there.
    let taken = lost.step(id, async |space| space.entry(late).await.unwrap()).await;
    friend
        .step(id, async |space| {
            let taken = vec![taken.into()];
            space.store().put(&bulla::Context::new(), taken).await.unwrap();
        })
        .await;
    let mut expected = vec![(owner.device.author(), Role::Admin), (friend_key, Role::Writer)];
    expected.sort();
    for machine in [&owner, &friend] {
        machine
            .step(id, async |space| {
                assert_eq!(roles(&space).await, expected);
                let erased = space.read(first).await;
                assert!(matches!(erased, Err(SpaceError::Erased { .. })), "{erased:?}");
                assert_eq!(text(&space, before).await, "before");
                assert_eq!(text(&space, after).await, "after");
                assert_eq!(text(&space, inner).await, "inner");
                assert!(matches!(space.read(late).await, Err(SpaceError::NotHeld(_))));
                assert_eq!(space.groups().await.unwrap()[0].label.as_deref(), Some("few"));
            })
            .await;
    }
    let kept: Vec<EntryId> = friend
        .step(id, async |space| {
            let kept = space.quarantined(None, 16).await.unwrap().facts;
            assert_eq!(space.retry_quarantined().await.unwrap().stored, 0);
            kept.into_iter().map(|facts| facts.id).collect()
        })
        .await;
    assert_eq!(kept, [late]);
    let heads = [
        owner.step(id, async |space| space.store().head(&bulla::Context::new()).await).await,
        friend.step(id, async |space| space.store().head(&bulla::Context::new()).await).await,
    ];
    let [mine, theirs] = heads.map(Result::unwrap);
    assert!(mine.same_entries(&theirs), "{mine:?} {theirs:?}");
    friend.step(id, async |space| space.write(note("goes on")).await.unwrap()).await;
}
