//! One device's view of one space: it writes sealed entries and opens them again.

mod chain;
mod mark;
mod outgoing;
mod queue;

use std::sync::{Arc, RwLock};

use bulla_core::values::{GetItem, GetRequest};
use bulla_core::{
    AuthorKey, EntryId, Kind, RawEntry, SpaceId, Topic, Verified, VerifiedEntry, Verifier,
};
use bulla_crypto::manifest::{ContentReader, ManifestError, Piece};
use bulla_crypto::{
    EntryWriter, EpochKey, KeyTransfer, Keyring, OpenError, Padding, TransferError,
    WriteError, found_space,
};
use bulla_identity::{Card, DeviceKeys, OsRandomness, Randomness, RandomnessError};
use bulla_store::{Clock, ContentAddressedStore, Context, Spaces, StoreError, SystemClock};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub use mark::{FileMarks, Mark, Marks, MemoryMarks};
pub use outgoing::OutgoingStore;

use chain::Chain;
use queue::Queue;

/// Why a space did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The store failed; its error says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry cannot be written as given. *Fix the draft.*
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The payload does not open. *Get the key*, or distrust its author.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A key transfer does not open or is not for this device.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The device has no key for the space. *Import one.*
    #[error("no key of space {0} is held here")]
    NoKey(SpaceId),
    /// The entry is not held here, or its payload is not. *Sync.*
    #[error("entry {0} is not held here")]
    NotHeld(EntryId),
    /// What the store gave for this entry is damaged. *Verify the store.*
    #[error("entry {0} is damaged")]
    Damaged(EntryId),
    /// The local log ends before entries that this device has given out: a restored backup, or a lost suffix. Signing
    /// now would fork the chain. *Sync first*, to fetch the own entries back, or take a new identity.
    #[error(
        "the log ends at this device's entry {found}, but entry {marked} has left it; sync before writing"
    )]
    ShortLog {
        /// The last own sequence that the log holds.
        found: u64,
        /// The last own sequence that has left the device.
        marked: u64,
    },
    /// Two entries with one sequence are signed by this device's key: a cloned device or a restored backup wrote with
    /// it. *Take a new identity.*
    #[error("this device's chain forks at sequence {sequence}: take a new identity")]
    Forked {
        /// Where.
        sequence: u64,
    },
    /// The mark that guards the chain could not be read or written. *Check the disk.*
    #[error("mark of space {space}: {reason}")]
    Mark {
        /// The space.
        space: SpaceId,
        /// What happened.
        reason: String,
    },
    /// The store did not take an entry of this device.
    #[error("the store refused the entry: {0}")]
    Refused(bulla_core::Code),
    /// The batch in which this draft was written was given up; whether it was stored is not known. *Look, then retry.*
    #[error("the write was interrupted")]
    Interrupted,
}

/// What an application wants to write.
#[derive(Debug, Clone)]
pub struct Write {
    /// An application kind, 16 or above.
    pub kind: Kind,
    /// What relays may filter by; zero for none. See [`Space::topic`].
    pub topic: Topic,
    /// Entries this one builds on, at most 64.
    pub dependencies: Vec<EntryId>,
    /// What to seal, at most [`MAX_PLAINTEXT_BYTES`](bulla_crypto::MAX_PLAINTEXT_BYTES).
    pub plaintext: Zeroizing<Vec<u8>>,
    /// How its length is hidden.
    pub padding: Padding,
}

impl Write {
    /// An entry of this kind, without topic and dependencies, its length hidden by Padmé.
    #[must_use]
    pub fn new(kind: Kind, plaintext: impl Into<Vec<u8>>) -> Self {
        let plaintext = Zeroizing::new(plaintext.into());
        Self {
            kind,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            plaintext,
            padding: Padding::Padme,
        }
    }

    /// The same under a topic.
    #[must_use]
    pub const fn with_topic(mut self, topic: Topic) -> Self {
        self.topic = topic;
        self
    }

    /// The same, building on these entries.
    #[must_use]
    pub fn with_dependencies(mut self, dependencies: Vec<EntryId>) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// The same with this padding.
    #[must_use]
    pub const fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

/// One device's view of one space. Cheap to clone; clones share the chain.
#[derive(Debug, Clone)]
pub struct Space {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keys: Arc<DeviceKeys>,
    keyring: RwLock<Keyring>,
    store: Arc<dyn ContentAddressedStore>,
    writer: EntryWriter,
    marks: Arc<dyn Marks>,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    chain: Mutex<Chain>,
    queue: Queue,
}

impl Space {
    /// Founds a space with this device as its only founder, in memory marks and a fresh epoch key.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`], [`SpaceError::Randomness`].
    pub async fn found(keys: &Arc<DeviceKeys>, spaces: &dyn Spaces) -> Result<Self, SpaceError> {
        let genesis = new_genesis(keys)?;
        let mut keyring = Keyring::new();
        keyring.insert(genesis.id().into(), EpochKey::generate(&OsRandomness)?);
        Self::found_with(keys, keyring, spaces, &genesis, Arc::new(MemoryMarks::default())).await
    }

    /// Founds a space from a genesis made before, with the keys and marks given: what a program does that keeps them on
    /// disk and wrote the keys there first.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`].
    pub async fn found_with(
        keys: &Arc<DeviceKeys>,
        keyring: Keyring,
        spaces: &dyn Spaces,
        genesis: &Verified,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let cx = Context::new();
        let store = spaces.create(&cx, genesis.verified_header().space()).await?;
        put_one(&*store, &cx, genesis.clone()).await?;
        Self::open(keys, keyring, store, marks).await
    }

    /// Joins a space whose keys the device `from` sealed to this one. The store is empty until the first sync.
    ///
    /// `from` must be known to be of the space: whoever seals the keys can read what is written under them.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Transfer`] when the transfer is not for this device; [`SpaceError::Store`].
    pub async fn join(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn Spaces,
        transfer: &KeyTransfer,
        from: &AuthorKey,
    ) -> Result<Self, SpaceError> {
        let mut keyring = Keyring::new();
        let space = transfer.space();
        for key in transfer.open(keys, from)? {
            keyring.insert(space, key);
        }
        let store = spaces.create(&Context::new(), space).await?;
        Self::open(keys, keyring, store, Arc::new(MemoryMarks::default())).await
    }

    /// Opens a space over its local store.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`], [`SpaceError::Mark`], [`SpaceError::Randomness`]. A log short of its mark or a forked chain
    /// is no error here: what is there can be read, and every write says what is wrong.
    pub async fn open(
        keys: &Arc<DeviceKeys>,
        keyring: Keyring,
        store: Arc<dyn ContentAddressedStore>,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let mut seed = [0; 32];
        OsRandomness.fill(&mut seed)?;
        let space = store.space();
        let chain = Chain::read(&*store, keys.author(), &*marks).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                keys: Arc::clone(keys),
                keyring: RwLock::new(keyring),
                writer: EntryWriter::new(Arc::clone(keys), space, Arc::new(OsRandomness)),
                store,
                marks,
                verifier: Verifier::new(seed),
                clock: Arc::new(SystemClock::new()),
                chain: Mutex::new(chain),
                queue: Queue::default(),
            }),
        })
    }

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
    /// [`SpaceError::NotHeld`], [`SpaceError::Damaged`], [`SpaceError::Open`], [`SpaceError::Store`].
    pub async fn read(&self, id: EntryId) -> Result<Zeroizing<Vec<u8>>, SpaceError> {
        let entry = self.entry(id).await?;
        self.open_entry(&entry)
    }

    /// An entry held here, still sealed.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NotHeld`], [`SpaceError::Damaged`], [`SpaceError::Store`].
    pub async fn entry(&self, id: EntryId) -> Result<VerifiedEntry, SpaceError> {
        let request = GetRequest { ids: vec![id], max_bytes: u32::MAX };
        match self.inner.store.get(&Context::new(), request).await?.pop() {
            Some(GetItem::Entry(entry)) => Ok(entry),
            Some(GetItem::Corrupt) => Err(SpaceError::Damaged(id)),
            _ => Err(SpaceError::NotHeld(id)),
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

    /// Gives a content reader the entry it wants.
    pub(crate) fn supply(
        &self,
        reader: &mut ContentReader,
        entry: &VerifiedEntry,
    ) -> Result<Option<Piece>, ManifestError> {
        self.with_keyring(|keyring| reader.supply(entry, keyring))
    }

    /// The key that seals now.
    pub(crate) fn current_key(&self) -> Result<Arc<EpochKey>, SpaceError> {
        self.inner.current_key()
    }

    /// Records durably that everything written so far may leave this device.
    pub(crate) async fn cover(&self) -> Result<(), SpaceError> {
        let chain = self.inner.chain.lock().await;
        let Some(mark) = chain.mark() else { return Ok(()) };
        self.inner.marks.write(self.id(), self.inner.keys.author(), mark)
    }

    fn with_keyring<T>(&self, use_it: impl FnOnce(&Keyring) -> T) -> T {
        use_it(&self.inner.keyring.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Inner {
    fn current_key(&self) -> Result<Arc<EpochKey>, SpaceError> {
        let space = self.store.space();
        let keyring = self.keyring.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        keyring.current(&space).ok_or(SpaceError::NoKey(space))
    }
}

/// A new space's genesis, signed by this device and verified like any entry.
///
/// # Errors
///
/// [`SpaceError::Randomness`].
pub fn new_genesis(keys: &DeviceKeys) -> Result<Verified, SpaceError> {
    let clock = SystemClock::new();
    let timestamp = bulla_crypto::Hlc::default().next(clock.unix_ms());
    let sealed = found_space(
        keys,
        &[],
        None,
        bulla_core::genesis::Policy::default(),
        timestamp,
        &OsRandomness,
    )?;
    let mut seed = [0; 32];
    OsRandomness.fill(&mut seed)?;
    verified(Verifier::new(seed).verify_genesis(sealed.raw))
}

/// What this device just signed. It is checked like anything else: a fault in signing must not be published.
fn verified(entry: Result<Verified, bulla_core::VerifyError>) -> Result<Verified, SpaceError> {
    entry.map_err(|error| SpaceError::Refused(error.code()))
}

async fn put_one(
    store: &dyn ContentAddressedStore,
    cx: &Context,
    entry: Verified,
) -> Result<(), SpaceError> {
    use bulla_core::values::PutOutcome;
    match store.put(cx, vec![entry]).await?.outcomes.pop() {
        Some(PutOutcome::Refused(refusal)) => Err(SpaceError::Refused(refusal.code)),
        Some(PutOutcome::Pending) | None => Err(SpaceError::Interrupted),
        Some(PutOutcome::Stored(_) | PutOutcome::Duplicate(_) | PutOutcome::PayloadAdded(_)) => {
            Ok(())
        }
    }
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
