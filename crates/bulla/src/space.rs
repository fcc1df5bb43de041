//! One device's view of one space: it writes sealed entries and opens them again, and knows who belongs to the space.

mod chain;
mod cuts;
mod erasing;
mod error;
mod founding;
mod frontier;
mod groups;
mod learning;
mod local;
mod mark;
mod members;
mod outgoing;
mod pen;
mod proven;
mod quarantine;
mod queue;
mod recovery;
mod write;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bulla_core::control::Role;
use bulla_core::values::{GetItem, GetRequest};
use bulla_core::{AuthorKey, EntryId, RawEntry, SpaceId, Topic, Verified, VerifiedEntry, Verifier};
use bulla_crypto::manifest::{ContentReader, ManifestError, Piece};
use bulla_crypto::{EntryWriter, EpochKey, KeyTransfer, Keyring, TransferError};
use bulla_identity::{Card, DeviceKeys, OsRandomness};
use bulla_store::{Clock, ContentAddressedStore, Context};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub use erasing::Erasing;
pub use error::SpaceError;
pub use founding::{Founding, new_genesis};
pub use groups::SpaceGroup;
pub use learning::{KeyFault, KeyFaultKind, KeyReport};
pub use local::{LocalSpaces, LocalStore};
pub use mark::{FileMarks, Mark, Marks, MemoryMarks};
pub use members::SpaceMember;
pub use outgoing::OutgoingStore;
pub use recovery::recovery_public;
pub use write::Write;

use chain::Chain;
use learning::Learning;
use local::Gate;
use queue::Queue;

/// One device's view of one space. Cheap to clone; clones share the chain.
#[derive(Debug, Clone)]
pub struct Space {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keys: Arc<DeviceKeys>,
    keyring: RwLock<Keyring>,
    /// The gate, as the store that everything goes through.
    store: Arc<dyn ContentAddressedStore>,
    gate: Arc<Gate>,
    writer: EntryWriter,
    marks: Arc<dyn Marks>,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    chain: Mutex<Chain>,
    queue: Queue,
    learning: Learning,
    /// After how many entries an admin changes the keys; zero for never.
    rotate_after: AtomicU64,
}

impl Space {
    /// The space's id.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.inner.store.space()
    }

    /// The local store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ContentAddressedStore> {
        &self.inner.store
    }

    /// The local store as a source to send from: it gives out nothing of this device that its mark does not cover.
    #[must_use]
    pub fn outgoing(&self) -> Arc<OutgoingStore> {
        Arc::new(OutgoingStore::new(self.clone()))
    }

    /// The topic of an application's name for a document: relays can filter by it and not read it.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoKey`].
    pub fn topic(&self, name: &str) -> Result<Topic, SpaceError> {
        let topics = self.with_keyring(|keyring| keyring.topics(&self.id()));
        Ok(topics.ok_or(SpaceError::NoKey(self.id()))?.topic(name.as_bytes()))
    }

    /// Seals, signs and stores one entry; it is durable when this returns. Many calls at once share one commit.
    ///
    /// # Errors
    ///
    /// [`SpaceError`]; nothing was stored, but for [`SpaceError::Interrupted`] and errors of the store.
    pub async fn write(&self, write: Write) -> Result<EntryId, SpaceError> {
        let ids = self.write_all(vec![write]).await?;
        ids.first().copied().ok_or(SpaceError::Interrupted)
    }

    /// Writes several entries that follow one another, in one commit if they fit.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); when one draft is at fault none is stored.
    pub async fn write_all(&self, writes: Vec<Write>) -> Result<Vec<EntryId>, SpaceError> {
        self.inner.queue.run(&self.inner, writes).await
    }

    /// The plaintext of an entry held here.
    ///
    /// # Errors
    ///
    /// As [`entry`](Self::entry), and [`SpaceError::Open`].
    pub async fn read(&self, id: EntryId) -> Result<Zeroizing<Vec<u8>>, SpaceError> {
        let entry = self.entry(id).await?;
        self.open_entry(&entry)
    }

    /// An entry held here, still sealed.
    ///
    /// # Errors
    ///
    /// Three different answers where there is no payload: [`SpaceError::Erased`], [`SpaceError::PayloadMissing`] with the
    /// header alone held, [`SpaceError::NotHeld`] where not even that is. Else [`SpaceError::Damaged`],
    /// [`SpaceError::Store`].
    pub async fn entry(&self, id: EntryId) -> Result<VerifiedEntry, SpaceError> {
        let request = GetRequest { ids: vec![id], max_bytes: u32::MAX };
        match self.inner.store.get(&Context::new(), request).await?.pop() {
            Some(GetItem::Entry(entry)) => Ok(entry),
            Some(item) => Err(SpaceError::without_payload(id, &item)),
            None => Err(SpaceError::NotHeld(id)),
        }
    }

    /// The plaintext of an entry of this space.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Open`].
    pub fn open_entry(&self, entry: &VerifiedEntry) -> Result<Zeroizing<Vec<u8>>, SpaceError> {
        self.with_keyring(|keyring| bulla_crypto::open(entry, keyring)).map_err(Into::into)
    }

    /// Seals this space's keys to another device, whose card its owner gave you.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoKey`], [`SpaceError::Transfer`].
    pub fn export_key(&self, to: &Card) -> Result<KeyTransfer, SpaceError> {
        let space = self.id();
        self.with_keyring(|keyring| {
            let keys = keyring.keys(&space);
            if keys.is_empty() {
                return Err(SpaceError::NoKey(space));
            }
            Ok(KeyTransfer::export(&self.inner.keys, to, space, keys, &OsRandomness)?)
        })
    }

    /// Adds keys that a device of the space sealed to this one: what no epoch gives, of a time before this device was
    /// granted its role. Returns how many are new. They are kept nowhere but in memory: see
    /// [`with_keyring`](Self::with_keyring).
    ///
    /// # Errors
    ///
    /// [`SpaceError::Transfer`] when the transfer is not from that device to this one, or for another space.
    pub fn import_key(
        &self,
        transfer: &KeyTransfer,
        from: &AuthorKey,
    ) -> Result<usize, SpaceError> {
        if transfer.space() != self.id() {
            return Err(SpaceError::Transfer(TransferError::Failed));
        }
        let keys = transfer.open(&self.inner.keys, from)?;
        Ok(self.inner.keyring_mut().merge(self.id(), keys))
    }

    /// Gives a content reader the entry it wants.
    pub(crate) fn supply(
        &self,
        reader: &mut ContentReader,
        entry: &VerifiedEntry,
    ) -> Result<Option<Piece>, ManifestError> {
        self.with_keyring(|keyring| reader.supply(entry, keyring))
    }

    /// Makes sure that there is a key to write with for a group, and that this device may write.
    pub(crate) async fn prepare_writing(&self, group: EntryId) -> Result<(), SpaceError> {
        if !self.has_members() {
            return self.current_key(group).map(drop);
        }
        self.act(move |mut pen| {
            Box::pin(async move {
                pen.need(Role::Writer)?;
                pen.writing_key(group).await.map(drop)
            })
        })
        .await
    }

    /// The key that seals for a group now.
    pub(crate) fn current_key(&self, group: EntryId) -> Result<Arc<EpochKey>, SpaceError> {
        self.inner.current_key(group)
    }

    /// Records durably that everything written so far may leave this device.
    pub(crate) async fn cover(&self) -> Result<(), SpaceError> {
        let chain = self.inner.chain.lock().await;
        let Some(mark) = chain.mark() else { return Ok(()) };
        self.inner.marks.write(self.id(), self.inner.keys.author(), mark)
    }

    /// Looks at the keys that this device has of the space: to keep them. What epochs of the space give this device it
    /// learns again whenever the space is opened; what a transfer or the recovery key brought is only here.
    pub fn with_keyring<T>(&self, look: impl FnOnce(&Keyring) -> T) -> T {
        look(&self.inner.keyring())
    }
}

impl Inner {
    /// The key that seals for a group now; zero is all readers of the space.
    fn current_key(&self, group: EntryId) -> Result<Arc<EpochKey>, SpaceError> {
        let space = self.gate_space();
        match self.gate.guard() {
            Some(guard) => pen::writing_key(self, guard, group),
            None if group.is_zero() => {
                self.keyring().current(&space).ok_or(SpaceError::NoKey(space))
            }
            None => Err(SpaceError::NotInGroup(group)),
        }
    }

    fn gate_space(&self) -> SpaceId {
        self.store.space()
    }

    fn has_key(&self, id: &bulla_core::KeyId) -> bool {
        self.keyring().get(&self.gate_space(), id).is_some()
    }

    fn keyring(&self) -> RwLockReadGuard<'_, Keyring> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn keyring_mut(&self) -> RwLockWriteGuard<'_, Keyring> {
        self.keyring.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_chain(&self) -> Result<(), SpaceError> {
        let mut chain = self.chain.lock().await;
        *chain = Chain::read(self, self.keys.author()).await?;
        Ok(())
    }
}

/// What this device just signed. It is checked like anything else: a fault in signing must not be published.
fn verified(entry: Result<Verified, bulla_core::VerifyError>) -> Result<Verified, SpaceError> {
    entry.map_err(|error| SpaceError::Refused(error.code()))
}

/// Verifies raw entries of a space one by one; used where a handful is made here.
pub(crate) fn verify_own(
    verifier: &Verifier,
    space: SpaceId,
    raw: Vec<RawEntry>,
) -> Result<Vec<Verified>, SpaceError> {
    verifier.verify_batch(&space, raw).into_iter().map(verified).collect()
}

#[cfg(test)]
mod tests;
