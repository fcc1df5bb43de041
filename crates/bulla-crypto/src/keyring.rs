//! The epoch keys a device has, by space (chapter `keys.md`, KF-11).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bulla_core::cbor::{CborErrorKind, Reader, Writer};
use bulla_core::{KeyId, SpaceId};
use bulla_identity::{
    KeyFileError, MAX_KEY_FILE_BYTES, Passphrase, WorkFactor, create_key_file, key_file_content,
    read_key_file, replace_key_file,
};
use zeroize::Zeroizing;

use crate::{EpochKey, TopicKey};

const KEYRING: u64 = 3;
/// Most spaces in a file: 16 MiB cannot hold more.
const MAX_SPACES: usize = MAX_KEY_FILE_BYTES / 70;
/// Most epoch keys of one space (KF-11).
pub const MAX_KEYS_PER_SPACE: usize = 4_096;

/// The epoch keys a device has, at most 4,096 a space. The keys of a space keep the order in which they were learned: the first gives the topics,
/// the last one seals.
///
/// Ids are computed from the keys and never taken from outside, so a lookup by id commits (KEY-6).
#[derive(Debug, Default)]
pub struct Keyring {
    spaces: BTreeMap<SpaceId, Vec<Arc<EpochKey>>>,
}

impl Keyring {
    /// An empty keyring.
    #[must_use]
    pub const fn new() -> Self {
        Self { spaces: BTreeMap::new() }
    }

    /// Adds a key to a space, as the one to seal with from now on; `false` when it was there already, which changes
    /// nothing.
    pub fn insert(&mut self, space: SpaceId, key: EpochKey) -> bool {
        let keys = self.spaces.entry(space).or_default();
        let is_new = !keys.iter().any(|known| known.has_id(&key.id()));
        if is_new {
            keys.push(Arc::new(key));
        }
        is_new
    }

    /// Takes over the keys of a [transfer](crate::KeyTransfer) and returns how many are new. Their order counts: own keys
    /// that it lacks follow after them, so that both sides agree on the first key and with it on topics.
    pub fn merge(&mut self, space: SpaceId, keys: Vec<EpochKey>) -> usize {
        let own = self.spaces.remove(&space).unwrap_or_default();
        let before = own.len();
        for key in keys {
            self.insert(space, key);
        }
        let merged = self.spaces.entry(space).or_default();
        for key in own {
            if !merged.iter().any(|known| known.has_id(&key.id())) {
                merged.push(key);
            }
        }
        merged.len() - before
    }

    /// Forgets all keys of a space; `false` when there were none.
    pub fn remove(&mut self, space: &SpaceId) -> bool {
        self.spaces.remove(space).is_some()
    }

    /// The key of that id, if it is one of this space.
    #[must_use]
    pub fn get(&self, space: &SpaceId, id: &KeyId) -> Option<Arc<EpochKey>> {
        self.keys(space).iter().find(|key| key.has_id(id)).map(Arc::clone)
    }

    /// The key to seal with: the last one learned.
    #[must_use]
    pub fn current(&self, space: &SpaceId) -> Option<Arc<EpochKey>> {
        self.keys(space).last().map(Arc::clone)
    }

    /// What turns names into topics in this space; `None` without a key.
    #[must_use]
    pub fn topics(&self, space: &SpaceId) -> Option<TopicKey> {
        self.keys(space).first().map(|key| TopicKey::derive(key, space))
    }

    /// The keys of a space in the order they were learned.
    #[must_use]
    pub fn keys(&self, space: &SpaceId) -> &[Arc<EpochKey>] {
        self.spaces.get(space).map(Vec::as_slice).unwrap_or_default()
    }

    /// The spaces there are keys for, ascending.
    pub fn spaces(&self) -> impl Iterator<Item = SpaceId> + '_ {
        self.spaces.keys().copied()
    }

    /// The content of a keyring's file: `[1, 3, [[space, [key, …]], …]]`, spaces ascending (KF-11).
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        // Room for everything at once, so that no grown buffer leaves a copy behind.
        let keys: usize = self.spaces.values().map(Vec::len).sum();
        let mut writer = Writer::with_capacity(16 + self.spaces.len() * 48 + keys * 34);
        writer.array(3).uint(1).uint(KEYRING).array(self.spaces.len());
        for (space, keys) in &self.spaces {
            writer.array(2).bytes(space).array(keys.len());
            for key in keys {
                writer.bytes(key.expose_secret());
            }
        }
        Zeroizing::new(writer.into_bytes())
    }

    /// Reads the content of a keyring's file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Content`], [`KeyFileError::Version`], [`KeyFileError::Kind`], or [`KeyFileError::Rule`] when spaces
    /// do not ascend, a key occurs twice in a space or a space has none.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyFileError> {
        let mut reader = key_file_content(secret, KEYRING, 3)?;
        let mut keyring = Self::new();
        let mut last = None;
        for _ in 0..reader.array(MAX_SPACES)? {
            reader.array_exact(2)?;
            let space = SpaceId(reader.array_of()?);
            if last.is_some_and(|last| last >= space) {
                return Err(KeyFileError::Rule("spaces must ascend"));
            }
            last = Some(space);
            let start = reader.position();
            let count = reader.array(MAX_KEYS_PER_SPACE)?;
            if count == 0 {
                return Err(Reader::error_at(start, CborErrorKind::Bounds).into());
            }
            for _ in 0..count {
                let key = Zeroizing::new(reader.array_of()?);
                if !keyring.insert(space, EpochKey::dangerous_from_bytes(&key)) {
                    return Err(KeyFileError::Rule("a key occurs twice"));
                }
            }
        }
        reader.finish()?;
        Ok(keyring)
    }

    /// Writes this keyring to a new file.
    ///
    /// # Errors
    ///
    /// As [`create_key_file`].
    pub fn create_file(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        work_factor: WorkFactor,
    ) -> Result<(), KeyFileError> {
        create_key_file(path, &self.to_secret(), passphrase, work_factor)
    }

    /// Replaces a keyring's file, or writes the first one.
    ///
    /// # Errors
    ///
    /// As [`replace_key_file`].
    pub fn replace_file(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        work_factor: WorkFactor,
    ) -> Result<(), KeyFileError> {
        replace_key_file(path, &self.to_secret(), passphrase, work_factor)
    }

    /// Reads a keyring from its file.
    ///
    /// # Errors
    ///
    /// As [`read_key_file`] and [`from_secret`](Self::from_secret).
    pub fn read_file(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        Self::from_secret(&read_key_file(path, passphrase)?)
    }
}
