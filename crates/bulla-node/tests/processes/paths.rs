//! The ways by which entries enter a store: one story, told by each. Whatever brings them, what a revoked device wrote late,
//! what a member had no right to write and what a stranger wrote is judged where it enters, and holds up nothing else.

#[path = "paths/cache_fill.rs"]
mod cache_fill;
#[path = "paths/import.rs"]
mod import;
#[path = "paths/pull.rs"]
mod pull;
#[path = "paths/push.rs"]
mod push;
#[path = "paths/restore.rs"]
mod restore;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_admission::{AdmissionSettings, DirectoryAdmission};
use bulla_core::control::Role;
use bulla_core::values::{GetItem, PutOutcome};
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore, GuardedStore, MemoryBookmarks, MemoryStore, Quarantine as _,
    StoreExt as _,
};
use bulla_sync::{Options, Report, replicate};

use crate::spaces::{Author, found, offer, refusal};
use crate::support::{Site, cx, device};

/// A space, its members, and what they and others wrote.
struct Story {
    owner: Author,
    /// A writer.
    friend: Author,
    /// Everything that counts.
    counting: Vec<VerifiedEntry>,
    /// By a device that was revoked, beyond what still counts of it.
    late: VerifiedEntry,
    /// By a reader, who may write nothing: what quarantines are for.
    forbidden: VerifiedEntry,
    /// By a device that never belonged to the space.
    strange: VerifiedEntry,
}

impl Story {
    fn new() -> Self {
        let (mut owner, genesis) = found();
        let (mut lost, mut reader, mut friend) = (owner.beside(), owner.beside(), owner.beside());
        let grants = [
            owner.grant(&lost, Role::Writer),
            owner.grant(&reader, Role::Reader),
            owner.grant(&friend, Role::Writer),
        ];
        for member in [&mut lost, &mut reader, &mut friend] {
            member.knows.clone_from(&owner.knows);
        }
        let (early, note) = (lost.write("early"), friend.write("note"));
        let revocation = owner.revoke(&lost);
        let late = lost.write("late");
        let forbidden = reader.write("mine");
        let mut stranger = Author::new(device(), owner.space());
        stranger.knows.clone_from(&owner.knows);
        let strange = stranger.write("strange");
        let counting = [genesis].into_iter().chain(grants).chain([early, note, revocation]);
        Self { owner, friend, counting: counting.collect(), late, forbidden, strange }
    }

    fn space(&self) -> SpaceId {
        self.owner.space()
    }

    /// A store that judges nothing and holds everything, as somebody has it who helps the revoked device. What does not
    /// count comes first, before the control entries that say so.
    async fn everything(&self) -> Arc<dyn ContentAddressedStore> {
        let store = MemoryStore::new(self.space()).unwrap();
        let bad = [&self.late, &self.forbidden, &self.strange];
        let (genesis, rest) = self.counting.split_first().unwrap();
        let all = [genesis].into_iter().chain(bad).chain(rest);
        let batch = all.map(|entry| Verified::from(entry.clone())).collect();
        store.put(&cx(), batch).await.unwrap();
        Arc::new(store)
    }

    fn counting_ids(&self) -> BTreeSet<EntryId> {
        self.counting.iter().map(VerifiedEntry::id).collect()
    }

    /// What a quarantine has in the end.
    fn quarantined(&self) -> BTreeMap<EntryId, String> {
        let cut = (self.late.id(), "directory.cut".to_owned());
        BTreeMap::from([cut, (self.forbidden.id(), "directory.no_right".to_owned())])
    }

    /// Offered one by one each is refused by its name, and members go on.
    async fn each_is_refused(&mut self, store: &dyn ContentAddressedStore) {
        let bad = [
            (&self.late, "directory.cut"),
            (&self.forbidden, "directory.no_right"),
            (&self.strange, "directory.stranger"),
        ];
        for (entry, code) in bad {
            assert_eq!(refusal(&offer(store, entry).await), code);
        }
        let next = self.friend.write("goes on");
        assert!(matches!(offer(store, &next).await, PutOutcome::Stored(_)));
        self.counting.push(next);
    }
}

/// A store on a member's device, judged by the directory.
struct Home {
    engine: Arc<MemoryStore>,
    store: Arc<GuardedStore<MemoryStore, DirectoryAdmission>>,
}

impl Home {
    async fn new(space: SpaceId) -> Self {
        let engine = Arc::new(MemoryStore::new(space).unwrap());
        let settings = AdmissionSettings::default();
        let admission = DirectoryAdmission::open(&cx(), Arc::clone(&engine), settings).await;
        let store = GuardedStore::judging(Arc::clone(&engine), Arc::new(admission.unwrap()));
        Self { engine, store: Arc::new(store) }
    }

    fn store(&self) -> Arc<dyn ContentAddressedStore> {
        Arc::clone(&self.store) as _
    }

    /// Everything was judged here: what counts is held, members' other entries are kept with their reasons, and of a
    /// stranger there is no trace.
    async fn is_as(&self, story: &Story) {
        let held: BTreeSet<_> = crate::support::pull(&*self.engine).await.into_iter().collect();
        assert_eq!(held, story.counting_ids());
        let page = self.engine.kept(&cx(), None, 4_096).await.unwrap();
        let kept: BTreeMap<_, _> =
            page.facts.into_iter().map(|facts| (facts.id, facts.code.to_string())).collect();
        assert_eq!(kept, story.quarantined());
        let item = self.engine.get_one(&cx(), story.strange.id()).await.unwrap();
        assert_eq!(item, GetItem::Absent);
    }
}

/// What the program lists of the quarantine of a node that does not run: id and code.
fn listed(site: &Site, space: SpaceId) -> BTreeMap<EntryId, String> {
    let text = site.say(&["space", "quarantine", "list", &space.to_string()]);
    let rows = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let id = words.iter().find_map(|word| word.parse().ok())?;
        let code = words.iter().find(|word| word.starts_with("directory."))?;
        Some((id, (*code).to_owned()))
    });
    rows.collect()
}

async fn run(
    source: &Arc<dyn ContentAddressedStore>,
    target: &Arc<dyn ContentAddressedStore>,
    bookmarks: &Arc<MemoryBookmarks>,
    options: Options,
) -> Report {
    let bookmarks = Arc::clone(bookmarks) as _;
    replicate(Arc::clone(source), Arc::clone(target), bookmarks, options).await
}

/// A run that met entries that do not count is complete but for these, whether it is the first or the next one.
fn is_complete(report: &Report) {
    assert!(report.verdict.is_complete(), "{report}");
}
