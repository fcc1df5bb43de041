//! The content of a keyring's file: kind 5, and kind 3 of those that knew no epochs (chapter `keys.md`, KF-11, KF-13).

use std::path::Path;

use bulla_core::cbor::{CborErrorKind, Reader, Writer};
use bulla_core::{EntryId, SpaceId};
use bulla_identity::{
    KeyFileError, MAX_KEY_FILE_BYTES, Passphrase, WorkFactor, create_key_file, key_file_content,
    read_key_file, replace_key_file,
};
use zeroize::Zeroizing;

use super::topics::GroupTopics;
use super::{Keyring, OWN};
use crate::{EpochKey, TopicSecret};

const KEYRING: u64 = 5;
/// Without groups and epochs (KF-11).
const OLD_KEYRING: u64 = 3;
/// Elements of both: version, kind, spaces.
const ELEMENTS: usize = 3;
/// Most spaces in a file of the old kind: 16 MiB cannot hold more.
const MAX_OLD_SPACES: usize = MAX_KEY_FILE_BYTES / 70;
/// Most keys of a space in a file of the old kind (KF-11).
const MAX_OLD_KEYS: usize = 4_096;
/// Most elements of any list: 16 MiB cannot hold more, so whatever can be written can be read (KF-13).
const MAX_ELEMENTS: usize = MAX_KEY_FILE_BYTES / 36;

impl Keyring {
    /// The content of a keyring's file (KF-13).
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        // Room for everything at once, so that no grown buffer leaves a copy behind.
        let mut writer = Writer::with_capacity(16 + self.encoded_bytes());
        writer.array(ELEMENTS).uint(1).uint(KEYRING).array(self.spaces.len());
        for (space, held) in &self.spaces {
            writer.array(2).bytes(space).array(held.groups.len());
            for (group, keys) in &held.groups {
                writer.array(3).bytes(group);
                write_optional(
                    &mut writer,
                    keys.topics.get().as_ref().map(|topics| topics.expose_secret()),
                );
                writer.array(keys.keys().len());
                for (key, epoch) in keys.keys().iter().zip(keys.epochs()) {
                    writer.array(2).bytes(key.expose_secret());
                    write_optional(&mut writer, epoch.as_ref().map(EntryId::as_bytes));
                }
            }
        }
        Zeroizing::new(writer.into_bytes())
    }

    /// At least the bytes that all spaces take.
    pub(super) fn encoded_bytes(&self) -> usize {
        let groups = self.spaces.values().flat_map(|held| held.groups.values());
        groups.map(|keys| 2 * (1 + 34 + 5) + 34 + 5 + keys.keys().len() * 69).sum()
    }

    /// Reads the content of a keyring's file, also of the kind that knew no epochs: what is written next is of the new
    /// one.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Content`], [`KeyFileError::Version`], [`KeyFileError::Kind`]; [`KeyFileError::Rule`] for the old
    /// kind and [`KeyFileError::KeyringRule`] for the new one.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyFileError> {
        match key_file_content(secret, KEYRING, ELEMENTS) {
            Ok(mut reader) => read(&mut reader),
            Err(KeyFileError::Kind(OLD_KEYRING)) => {
                read_old(&mut key_file_content(secret, OLD_KEYRING, ELEMENTS)?)
            }
            Err(error) => Err(error),
        }
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

fn read(reader: &mut Reader<'_>) -> Result<Keyring, KeyFileError> {
    let mut keyring = Keyring::new();
    let mut last = None;
    for _ in 0..reader.array(MAX_ELEMENTS)? {
        reader.array_exact(2)?;
        let space = SpaceId(reader.array_of()?);
        if last.is_some_and(|last| last >= space) {
            return Err(KeyFileError::KeyringRule("spaces must ascend"));
        }
        last = Some(space);
        read_groups(reader, space, &mut keyring)?;
    }
    reader.finish()?;
    Ok(keyring)
}

fn read_groups(
    reader: &mut Reader<'_>,
    space: SpaceId,
    keyring: &mut Keyring,
) -> Result<(), KeyFileError> {
    let held = keyring.spaces.entry(space).or_default();
    let mut last = None;
    for _ in 0..one_or_more(reader, MAX_ELEMENTS)? {
        reader.array_exact(3)?;
        let group = EntryId(reader.array_of()?);
        if last.is_some_and(|last| last >= group) {
            return Err(KeyFileError::KeyringRule("groups must ascend"));
        }
        last = Some(group);
        let topics = read_optional(reader)?;
        for _ in 0..one_or_more(reader, MAX_ELEMENTS)? {
            reader.array_exact(2)?;
            let key = Zeroizing::new(reader.array_of()?);
            if !held.add(group, EpochKey::dangerous_from_bytes(&key), None) {
                return Err(KeyFileError::KeyringRule("a key occurs twice"));
            }
            let epoch = if reader.null() { None } else { Some(EntryId(reader.array_of()?)) };
            if let Some(keys) = held.groups.get_mut(&group) {
                keys.set_last_epoch(epoch);
            }
        }
        let keys = held.groups.entry(group).or_default();
        // Keys that came by themselves are the space's own, and only they compute topics from the first of them (KEY-7).
        let epochs = keys.epochs();
        let is_right = match (group == OWN, topics.is_some()) {
            (true, true) => true,
            (true, false) => epochs.iter().all(Option::is_none),
            (false, has_topics) => has_topics && epochs.iter().all(Option::is_some),
        };
        if !is_right {
            return Err(KeyFileError::KeyringRule("topic secret and epochs go together"));
        }
        let topics = topics.map(|topics| TopicSecret::dangerous_from_bytes(&topics));
        keys.topics = GroupTopics::of_file(topics);
    }
    Ok(())
}

fn read_old(reader: &mut Reader<'_>) -> Result<Keyring, KeyFileError> {
    let mut keyring = Keyring::new();
    let mut last = None;
    for _ in 0..reader.array(MAX_OLD_SPACES)? {
        reader.array_exact(2)?;
        let space = SpaceId(reader.array_of()?);
        if last.is_some_and(|last| last >= space) {
            return Err(KeyFileError::Rule("spaces must ascend"));
        }
        last = Some(space);
        for _ in 0..one_or_more(reader, MAX_OLD_KEYS)? {
            let key = Zeroizing::new(reader.array_of()?);
            if !keyring.insert(space, EpochKey::dangerous_from_bytes(&key)) {
                return Err(KeyFileError::Rule("a key occurs twice"));
            }
        }
    }
    reader.finish()?;
    Ok(keyring)
}

/// The number of elements of a list that is not empty.
fn one_or_more(reader: &mut Reader<'_>, max: usize) -> Result<usize, KeyFileError> {
    let start = reader.position();
    match reader.array(max)? {
        0 => Err(Reader::error_at(start, CborErrorKind::Bounds).into()),
        count => Ok(count),
    }
}

fn read_optional(reader: &mut Reader<'_>) -> Result<Option<Zeroizing<[u8; 32]>>, KeyFileError> {
    if reader.null() { Ok(None) } else { Ok(Some(Zeroizing::new(reader.array_of()?))) }
}

fn write_optional(writer: &mut Writer, value: Option<&[u8; 32]>) {
    match value {
        Some(value) => writer.bytes(value),
        None => writer.null(),
    };
}
