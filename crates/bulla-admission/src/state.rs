//! What an admission knows between two calls, all of it computed from the control entries.

use std::collections::{HashMap, HashSet};

use bulla_core::{AuthorKey, EntryId, KeyId, Kind, SpaceId, VerifiedEntry};
use bulla_directory::{Change, Directory, Standing, Verdict};
use bulla_store::Mark;

use crate::codes;
use crate::controls::Controls;

/// The directory and what goes with it. Locked for moments only, never while the engine is asked.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) directory: Directory,
    pub(crate) controls: Controls,
    /// What follows from control entries that were taken in and was not done yet.
    pub(crate) pending: Option<Pending>,
    /// Key ids that belong to key groups, or did: who may seal with them depends on the group.
    pub(crate) group_keys: HashSet<KeyId>,
    /// What was carried out of each erasure: whether it counts, and covers the entries of others.
    pub(crate) carried_out: HashMap<EntryId, Option<bool>>,
}

/// What is to be done before anything else is judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    /// Control entries that the directory has and the engine may not have: a `put` may have been dropped, or have failed,
    /// after they were judged.
    pub(crate) entries: Vec<VerifiedEntry>,
    pub(crate) change: Change,
    /// Everything is to be judged again.
    pub(crate) everything: bool,
}

/// What a verdict is made from besides the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) id: EntryId,
    pub(crate) author: AuthorKey,
    pub(crate) sequence: u64,
    pub(crate) kind: Kind,
    pub(crate) key_id: KeyId,
}

/// What is said of an application entry or a frontier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Counts,
    Open,
    /// With the code.
    Refused(bulla_core::Code),
    Stranger,
}

impl Word {
    /// As a mark of an entry that is held.
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Counts => Mark::Counts,
            Self::Open => Mark::Not(bulla_core::Code::new(codes::OPEN)),
            Self::Refused(code) => Mark::Not(code.clone()),
            Self::Stranger => Mark::Not(bulla_core::Code::new(codes::STRANGER)),
        }
    }
}

impl State {
    pub(crate) fn new(space: SpaceId) -> Self {
        Self {
            directory: Directory::new(space),
            controls: Controls::default(),
            pending: None,
            group_keys: HashSet::new(),
            carried_out: HashMap::new(),
        }
    }

    /// Takes control entries into the directory.
    pub(crate) fn take_in(&mut self, entries: &[VerifiedEntry]) -> Change {
        for entry in entries {
            self.controls.add(entry);
        }
        let change = self.directory.extend(entries);
        self.controls.update(&self.directory, &change);
        change
    }

    /// Takes control entries that are held into the directory, to be judged with the next that are taken in.
    pub(crate) fn load(&mut self, entries: &[VerifiedEntry]) {
        for entry in entries {
            self.controls.add(entry);
        }
        self.directory.load(entries);
    }

    /// How far entries like this one count.
    pub(crate) fn standing(&self, author: &AuthorKey, kind: Kind, key_id: &KeyId) -> Standing {
        match kind {
            Kind::FRONTIER => self.directory.frontier_standing(author),
            _ => self.directory.standing(author, key_id),
        }
    }

    /// The mark of a control entry other than a frontier.
    pub(crate) fn control_mark(&self, id: &EntryId) -> Mark {
        match self.directory.verdict(id) {
            Some(Verdict::Counts) => Mark::Counts,
            Some(Verdict::Refused(refusal)) => Mark::Not(refusal.code()),
            // It is held without its payload: nobody can say what it says.
            None => Mark::Not(bulla_core::Code::new(codes::OPEN)),
        }
    }

    /// Whether who may seal with one of these keys depends on a key group, or did.
    pub(crate) fn touches_groups(&mut self, key_ids: &[KeyId]) -> bool {
        let mut is_touched = false;
        for key_id in key_ids {
            let epochs = self.directory.epochs_of_key(key_id);
            if epochs.iter().any(|epoch| !epoch.group.is_zero()) {
                self.group_keys.insert(*key_id);
            }
            is_touched |= self.group_keys.contains(key_id);
        }
        is_touched
    }

    /// Finds the keys of all groups.
    pub(crate) fn collect_group_keys(&mut self) {
        for group in self.directory.groups() {
            let epochs = self.directory.epochs(&group.id);
            self.group_keys.extend(epochs.into_iter().map(|epoch| epoch.key_id));
        }
    }
}

impl Pending {
    /// Adds what more entries changed.
    pub(crate) fn merge(&mut self, entries: Vec<VerifiedEntry>, change: Change) {
        self.entries.extend(entries);
        let mine = &mut self.change;
        mine.verdicts.extend(change.verdicts);
        mine.standings.extend(change.standings);
        mine.key_ids.extend(change.key_ids);
        mine.members.extend(change.members);
        mine.writing_epochs.extend(change.writing_epochs);
        mine.erasures |= change.erasures;
        mine.policy |= change.policy;
    }
}
