//! The keys that this device reads with: out of the epochs that are sealed to it, and what they hand down (CTL-34).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_core::control::{Context as Place, Control, Epoch};
use bulla_core::values::{Filter, GetItem, KindRange, PageLimit, ScanRequest, Want};
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, VerifiedEntry};
use bulla_crypto::{EpochError, Learned, OpenedEpoch};
use bulla_directory::EpochInfo;
use bulla_identity::DeviceKeys;
use bulla_store::{Context, StoreExt as _};

use super::local::Guard;
use super::{Inner, Space, SpaceError};

/// What is wrong with an epoch that counts. Its author's device is at fault, or was taken over: tell a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFault {
    /// The epoch's entry.
    pub epoch: EntryId,
    /// Who started it.
    pub author: AuthorKey,
    /// What is wrong.
    pub what: KeyFaultKind,
}

/// What is wrong with an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFaultKind {
    /// What is sealed to this device does not open, or is not what the entry names (CTL-34). This device does not read
    /// what is written under it. *Rotate.*
    Unopenable,
    /// It brings another topic secret than the one that holds for the group (CTL-35).
    OtherTopics,
    /// Its key is one of another epoch or group: who had that one reads this one too (CTL-31). *Rotate.*
    Repeated,
}

/// What came of looking for keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KeyReport {
    /// Keys that were not known before.
    pub new_keys: usize,
    /// Everything that was ever found wrong since the space was opened, by epoch.
    pub faults: Vec<KeyFault>,
}

/// Which epochs were looked at.
#[derive(Debug, Default)]
pub(super) struct Learning {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Opened, with what they hand down.
    done: HashSet<EntryId>,
    /// Not sealed to this device; opened once a later epoch hands their key down.
    foreign: HashSet<EntryId>,
    faults: BTreeMap<EntryId, KeyFault>,
    /// By group, the writing epoch that is sealed to all who read, and the generation of members this was found at.
    whole: BTreeMap<EntryId, (EntryId, u64)>,
}

impl Learning {
    /// Whether the group's writing epoch is known to be sealed to everybody, by these members.
    pub(super) fn is_whole(&self, group: EntryId, epoch: (EntryId, u64)) -> bool {
        self.state().whole.get(&group) == Some(&epoch)
    }

    /// Whether something was found wrong with that epoch.
    pub(super) fn is_at_fault(&self, epoch: &EntryId) -> bool {
        self.state().faults.contains_key(epoch)
    }

    pub(super) fn set_whole(&self, group: EntryId, epoch: (EntryId, u64)) {
        self.state().whole.insert(group, epoch);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Space {
    /// Puts every key into the keyring that the control entries held here give this device: those of counting epochs that
    /// are sealed to it, and what they hand down. Done when a space is opened, after each sync of [`sync`](crate::sync)
    /// and before an epoch is started; call it yourself after entries came another way.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`]. What was learned before stays.
    pub async fn learn_keys(&self) -> Result<KeyReport, SpaceError> {
        match self.inner.gate.guard() {
            Some(guard) => learn(&self.inner, guard, &self.inner.keys).await,
            None => Ok(KeyReport::default()),
        }
    }
}

/// Learns what `device` can open: this device, or the recovery key.
pub(super) async fn learn(
    inner: &Inner,
    guard: &Guard,
    device: &DeviceKeys,
) -> Result<KeyReport, SpaceError> {
    let mut epochs = guard.admission.with_directory(|directory| {
        let groups = directory.groups().into_iter().map(|group| group.id);
        let groups: Vec<EntryId> = std::iter::once(EntryId::ZERO).chain(groups).collect();
        groups.iter().flat_map(|group| directory.epochs(group)).collect::<Vec<_>>()
    });
    // The newest first: what they hand down opens the older ones.
    epochs.sort_unstable_by_key(|epoch| std::cmp::Reverse((epoch.depth, epoch.id)));
    let is_own = device.author() == inner.keys.author();
    let mut report = KeyReport::default();
    for epoch in epochs {
        let has_key = inner.has_key(&epoch.key_id);
        let skip = {
            let state = inner.learning.state();
            state.done.contains(&epoch.id)
                || (is_own && !has_key && state.foreign.contains(&epoch.id))
        };
        if skip {
            continue;
        }
        match open(inner, guard, &epoch, device).await? {
            Opened::Learned(learned) => {
                report.new_keys += learned.new_keys;
                if learned.repeated {
                    inner.fault(&epoch, KeyFaultKind::Repeated);
                }
                inner.learning.state().done.insert(epoch.id);
            }
            Opened::Foreign if is_own => _ = inner.learning.state().foreign.insert(epoch.id),
            Opened::Foreign | Opened::NotHeld => {}
            Opened::Failed => inner.fault(&epoch, KeyFaultKind::Unopenable),
        }
    }
    settle_topics(inner, guard);
    report.faults = inner.learning.state().faults.values().copied().collect();
    Ok(report)
}

enum Opened {
    Learned(Learned),
    Foreign,
    NotHeld,
    Failed,
}

async fn open(
    inner: &Inner,
    guard: &Guard,
    info: &EpochInfo,
    device: &DeviceKeys,
) -> Result<Opened, SpaceError> {
    let Some((_, epoch)) = epoch_entry(inner, &info.id).await? else { return Ok(Opened::NotHeld) };
    let mut parent_key_ids = Vec::with_capacity(epoch.parents.len());
    for parent in &epoch.parents {
        match key_id_of(inner, guard, parent).await? {
            Some(key_id) => parent_key_ids.push(key_id),
            None => return Ok(Opened::NotHeld),
        }
    }
    let place = Place { space: inner.gate_space(), author: info.author };
    let opened = OpenedEpoch::open(&place, &epoch, &parent_key_ids, device);
    let is_failed = match opened {
        Ok(opened) => {
            let mut keyring = inner.keyring_mut();
            return Ok(Opened::Learned(keyring.learn(place.space, info.id, opened)));
        }
        Err(EpochError::NotRecipient) => false,
        Err(_) => true,
    };
    // A later epoch may have handed its key down.
    let key = inner.keyring().key_for_epoch(&place.space, &info.group, &info.id, &info.key_id);
    if let Some(key) = key
        && let Ok(opened) = OpenedEpoch::open_with(&place, &epoch, &parent_key_ids, &key)
    {
        let mut keyring = inner.keyring_mut();
        return Ok(Opened::Learned(keyring.learn(place.space, info.id, opened)));
    }
    Ok(if is_failed { Opened::Failed } else { Opened::Foreign })
}

/// Where epochs of a group brought different topic secrets, takes that of the one which the directory puts first, and tells
/// of the others (CTL-35).
fn settle_topics(inner: &Inner, guard: &Guard) {
    let space = inner.gate_space();
    let rival: Vec<EntryId> = {
        let keyring = inner.keyring();
        keyring.groups(&space).filter(|group| keyring.has_rival_topics(&space, group)).collect()
    };
    for group in rival {
        // The directory is not asked while the keyring is held.
        let order = guard.admission.with_directory(|directory| directory.topic_order(&group));
        let others = inner.keyring_mut().settle_topics(&space, &group, &order);
        for epoch in others {
            let info = guard.admission.with_directory(|directory| directory.epoch(&epoch));
            // What is worse of it was told already.
            if let Some(info) = info.filter(|_| !inner.learning.is_at_fault(&epoch)) {
                inner.fault(&info, KeyFaultKind::OtherTopics);
            }
        }
    }
}

/// The epoch that an entry says, if it is held.
pub(super) async fn epoch_entry(
    inner: &Inner,
    id: &EntryId,
) -> Result<Option<(VerifiedEntry, Epoch)>, SpaceError> {
    let GetItem::Entry(entry) = inner.store.get_one(&Context::new(), *id).await? else {
        return Ok(None);
    };
    match entry.control() {
        Some(Control::Epoch(epoch)) => Ok(Some((entry, epoch))),
        _ => Ok(None),
    }
}

/// The key id of a parent, which need not count itself.
async fn key_id_of(
    inner: &Inner,
    guard: &Guard,
    parent: &EntryId,
) -> Result<Option<KeyId>, SpaceError> {
    if let Some(info) = guard.admission.with_directory(|directory| directory.epoch(parent)) {
        return Ok(Some(info.key_id));
    }
    Ok(epoch_entry(inner, parent).await?.map(|(_, epoch)| epoch.key_id))
}

impl Inner {
    fn fault(&self, epoch: &EpochInfo, what: KeyFaultKind) {
        let fault = KeyFault { epoch: epoch.id, author: epoch.author, what };
        if self.learning.state().faults.insert(epoch.id, fault) != Some(fault) {
            tracing::warn!(
                space = %self.gate_space().short(),
                epoch = %epoch.id.short(),
                author = %epoch.author.short(),
                ?what,
                "an epoch is not as it should be"
            );
        }
    }
}

/// Asks for control entries by their headers; every filter lets them through (FLT-1), and this one nothing else.
pub(super) fn control_filter() -> ScanRequest {
    let last = Kind(Kind::FIRST_APPLICATION.0.saturating_sub(1));
    let filter = Filter { kinds: vec![KindRange { first: Kind::GENESIS, last }], ..Filter::all() };
    ScanRequest { filter, want: Want::Headers, limit: PageLimit::MAX, ..ScanRequest::everything() }
}
