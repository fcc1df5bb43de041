//! What an entry changed.

use bulla_core::{AuthorKey, EntryId, KeyId};

/// What taking in control entries changed; each list ascending, without repetition.
///
/// A store marks anew the entries that it concerns; a node cuts off the devices that lost their role. Entries that come
/// later are judged by the directory as it is then, so only what is held already needs this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Control entries whose verdict is new or another one, those just taken in among them.
    pub verdicts: Vec<EntryId>,
    /// Devices whose application entries and frontiers are to be judged again ([`standing`](crate::Directory::standing)).
    pub standings: Vec<AuthorKey>,
    /// Key ids whose entries are to be judged again: another group may be written with them now.
    pub key_ids: Vec<KeyId>,
    /// Devices whose present role is another one, or that joined or left (DIR-17).
    pub members: Vec<AuthorKey>,
    /// Groups whose writing epoch is another one, by the id of their founding entry; zero is the space itself (DIR-27).
    pub writing_epochs: Vec<EntryId>,
    /// Whether other entries are erased now than before (DIR-24).
    pub erasures: bool,
    /// Whether everything has to be judged again: the policy is known now (DIR-30).
    pub policy: bool,
}

impl Change {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn sort(mut self) -> Self {
        fn set<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        set(&mut self.verdicts);
        set(&mut self.standings);
        set(&mut self.key_ids);
        set(&mut self.members);
        set(&mut self.writing_epochs);
        self
    }
}
