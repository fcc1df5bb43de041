//! Where a space begins for this device: founding one, joining one, opening one.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use bulla_core::genesis::{self, Policy};
use bulla_core::{AuthorKey, EntryId, SpaceId, Verified, Verifier};
use bulla_crypto::{EntryWriter, KeyTransfer, Keyring, found_space};
use bulla_identity::{Card, DeviceKeys, OsRandomness, Randomness as _};
use bulla_store::{Clock as _, ContentAddressedStore, Context, SystemClock};
use bulla_sync::Report;
use tokio::sync::Mutex;

use super::chain::Chain;
use super::learning::Learning;
use super::local::Gate;
use super::pen::put_own;
use super::queue::Queue;
use super::{Inner, LocalSpaces, LocalStore, Marks, MemoryMarks, Space, SpaceError, verified};

/// What a new space is to be like.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Founding {
    /// What the space asks of its members. By default newcomers get the keys of what was written before, and nothing is
    /// limited.
    pub policy: Policy,
    /// The key on paper that gets everything back when all devices are lost, if there is to be one.
    pub recovery: Option<genesis::RecoveryKey>,
    /// Devices that found the space together with this one, in order of seniority after it.
    pub others: Vec<Card>,
}

impl Default for Founding {
    fn default() -> Self {
        let policy = Policy { history_for_newcomers: Some(true), ..Policy::default() };
        Self { policy, recovery: None, others: Vec::new() }
    }
}

impl Founding {
    /// With this policy.
    #[must_use]
    pub const fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// With a recovery key, of which everybody may know this.
    #[must_use]
    pub const fn with_recovery(mut self, key: genesis::RecoveryKey) -> Self {
        self.recovery = Some(key);
        self
    }

    /// With other founders, by their cards.
    #[must_use]
    pub fn with_others(mut self, others: Vec<Card>) -> Self {
        self.others = others;
        self
    }
}

impl Space {
    /// Founds a space with this device as its only founder and admin, with marks in memory: its genesis, and the first key
    /// epoch.
    ///
    /// # Errors
    ///
    /// As [`found_as`](Self::found_as).
    pub async fn found(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn LocalSpaces,
    ) -> Result<Self, SpaceError> {
        let marks = Arc::new(MemoryMarks::default());
        Self::found_as(keys, spaces, &Founding::default(), marks).await
    }

    /// Founds a space: writes its genesis and the first key epoch, sealed to all founders and the recovery key.
    ///
    /// The key need not be kept anywhere else: it lies in the space, sealed to this device.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Write`] when two founders, or a founder and the recovery key, share a key; [`SpaceError::Store`],
    /// [`SpaceError::Randomness`], [`SpaceError::Epoch`]. A space whose genesis was stored can be opened; its first write
    /// starts the epoch.
    pub async fn found_as(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn LocalSpaces,
        founding: &Founding,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let genesis = genesis_of(keys, founding)?;
        let store = spaces.create_local(genesis.verified_header().space()).await?;
        let space = Self::prepare(keys, Keyring::new(), store, marks).await?;
        put_own(&space.inner, vec![genesis]).await?;
        space.inner.read_chain().await?;
        space.enforce().await?;
        space.act(|mut pen| Box::pin(async move { pen.start_epoch(EntryId::ZERO).await })).await?;
        Ok(space)
    }

    /// Founds a space of version 0.1 from a genesis made before: without members, every device that has a key of it may read
    /// and write it. [`rotate`](Self::rotate) makes it one with members.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`].
    pub async fn found_with(
        keys: &Arc<DeviceKeys>,
        keyring: Keyring,
        spaces: &dyn LocalSpaces,
        genesis: &Verified,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let store = spaces.create_local(genesis.verified_header().space()).await?;
        let space = Self::prepare(keys, keyring, store, marks).await?;
        put_own(&space.inner, vec![genesis.clone()]).await?;
        space.inner.read_chain().await?;
        Ok(space)
    }

    /// Joins the space of this id, fetching all there is from `source`, with marks in memory. What this device was granted
    /// the right to read it reads at once; otherwise it holds a copy that it cannot open, until somebody grants it a role
    /// and it syncs again.
    ///
    /// The id must come from somebody who is trusted to name the right space. Everything else is verified.
    ///
    /// # Errors
    ///
    /// As [`join_as`](Self::join_as). What the sync did, and why it is not complete, says its report.
    pub async fn join(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn LocalSpaces,
        space: SpaceId,
        source: Arc<dyn ContentAddressedStore>,
    ) -> Result<(Self, Report), SpaceError> {
        let marks = Arc::new(MemoryMarks::default());
        let space = Self::join_as(keys, spaces, space, Keyring::new(), marks).await?;
        let report = crate::sync::pull(&space, source).await;
        Ok((space, report))
    }

    /// Joins the space of this id without fetching anything: the next sync does.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`], [`SpaceError::Mark`], [`SpaceError::Randomness`].
    pub async fn join_as(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn LocalSpaces,
        space: SpaceId,
        keyring: Keyring,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let store = spaces.create_local(space).await?;
        let space = Self::prepare(keys, keyring, store, marks).await?;
        space.enforce().await?;
        Ok(space)
    }

    /// Joins a space of version 0.1, whose keys the device `from` sealed to this one. The store is empty until the first
    /// sync.
    ///
    /// `from` must be known to be of the space: whoever seals the keys can read what is written under them.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Transfer`] when the transfer is not for this device; [`SpaceError::Store`].
    pub async fn join_with_key(
        keys: &Arc<DeviceKeys>,
        spaces: &dyn LocalSpaces,
        transfer: &KeyTransfer,
        from: &AuthorKey,
    ) -> Result<Self, SpaceError> {
        let mut keyring = Keyring::new();
        let space = transfer.space();
        for key in transfer.open(keys, from)? {
            keyring.insert(space, key);
        }
        let store = spaces.create_local(space).await?;
        Self::prepare(keys, keyring, store, Arc::new(MemoryMarks::default())).await
    }

    /// Opens a space over its local store. Over an engine, memory or disk, entries are judged by the space's directory as
    /// soon as it has members; over any other store nothing is known of members.
    ///
    /// The keyring needs only the keys that no epoch of the space gives this device: what a transfer or the recovery key
    /// brought. All others are learned here.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`], [`SpaceError::Mark`], [`SpaceError::Randomness`]. A log short of its mark or a forked chain
    /// is no error here: what is there can be read, and every write says what is wrong.
    pub async fn open(
        keys: &Arc<DeviceKeys>,
        keyring: Keyring,
        store: impl Into<LocalStore>,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let space = Self::prepare(keys, keyring, store.into(), marks).await?;
        space.learn_keys().await?;
        Ok(space)
    }

    async fn prepare(
        keys: &Arc<DeviceKeys>,
        keyring: Keyring,
        local: LocalStore,
        marks: Arc<dyn Marks>,
    ) -> Result<Self, SpaceError> {
        let mut seed = [0; 32];
        OsRandomness.fill(&mut seed)?;
        let gate = Arc::new(Gate::open(&Context::new(), local).await?);
        let store: Arc<dyn ContentAddressedStore> = Arc::<Gate>::clone(&gate);
        let writer = EntryWriter::new(Arc::clone(keys), store.space(), Arc::new(OsRandomness));
        let inner = Arc::new(Inner {
            keys: Arc::clone(keys),
            keyring: RwLock::new(keyring),
            writer,
            store,
            gate,
            marks,
            verifier: Verifier::new(seed),
            clock: Arc::new(SystemClock::new()),
            chain: Mutex::new(Chain::unread()),
            queue: Queue::default(),
            learning: Learning::default(),
            rotate_after: AtomicU64::new(0),
        });
        inner.read_chain().await?;
        Ok(Self { inner })
    }

    async fn enforce(&self) -> Result<(), SpaceError> {
        self.inner.gate.enforce(&Context::new()).await?;
        Ok(())
    }

    /// Brings a space of version 0.1 under its directory, if this device founded it.
    pub(super) async fn upgrade(&self) -> Result<(), SpaceError> {
        if self.has_members() {
            return Ok(());
        }
        let me = self.inner.keys.author();
        let genesis = self.entry(self.id().into()).await?;
        let is_founder = match genesis.control() {
            Some(bulla_core::control::Control::Genesis(genesis)) => {
                genesis.founders.iter().any(|founder| founder.author == me)
            }
            _ => false,
        };
        if is_founder { self.enforce().await } else { Err(SpaceError::NotMember(me)) }
    }
}

/// A new space's genesis by this device alone, for a space of version 0.1.
///
/// # Errors
///
/// [`SpaceError::Randomness`].
pub fn new_genesis(keys: &DeviceKeys) -> Result<Verified, SpaceError> {
    genesis_of(keys, &Founding::default().with_policy(Policy::default()))
}

/// A new space's genesis, signed by this device and verified like any entry.
fn genesis_of(keys: &DeviceKeys, founding: &Founding) -> Result<Verified, SpaceError> {
    let timestamp = bulla_crypto::Hlc::default().next(SystemClock::new().unix_ms());
    let Founding { policy, recovery, others } = founding;
    let sealed = found_space(keys, others, *recovery, *policy, timestamp, &OsRandomness)?;
    let mut seed = [0; 32];
    OsRandomness.fill(&mut seed)?;
    verified(Verifier::new(seed).verify_genesis(sealed.raw))
}
