//! Who may open it?
//!
//! An entry's payload is sealed under an *epoch key* that the readers of a space share. This crate makes epoch keys, hands
//! them to other devices, seals and opens payloads, and lays larger content out as sealed chunks under sealed manifests.
//!
//! A node does not link this crate: it carries what it cannot read. There is no compression and no deduplication by
//! ciphertext here, on purpose: both tell about the content.
//!
//! - [`EpochKey`], [`Keyring`], [`KeyTransfer`]: the keys, where they are kept, how one reaches another device;
//! - [`EpochDraft`], [`OpenedEpoch`]: a new key for all readers of a space or a group in it, and what a reader gets of it;
//! - [`EntryWriter`]: seals and signs the entries of one device in one space; [`open`]: opens one;
//! - [`manifest`]: content beyond [`MAX_PLAINTEXT_BYTES`], and the records of files.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bulla_core::{Kind, Verified, Verifier};
//! use bulla_crypto::{ChainEnd, Draft, EntryWriter, EpochKey, Keyring, found_space, open};
//! use bulla_identity::{DeviceKeys, OsRandomness, Randomness};
//!
//! let mut seed = [0; 32];
//! OsRandomness.fill(&mut seed)?;
//! let verifier = Verifier::new(seed);
//!
//! let device = Arc::new(DeviceKeys::generate(&OsRandomness)?);
//! let genesis = found_space(&device, &[], None, Default::default(), 0, &OsRandomness)?;
//! let space = genesis.id.into();
//! let mut keyring = Keyring::new();
//! keyring.insert(space, EpochKey::generate(&OsRandomness)?);
//!
//! let writer = EntryWriter::new(device, space, Arc::new(OsRandomness));
//! let draft = Draft::new(Kind::OPERATION, b"a small secret");
//! let key = keyring.current(&space).ok_or("no key")?;
//! let sealed = writer.seal(&ChainEnd::after(1, genesis.id), &draft, &key)?;
//!
//! let Verified::Entry(entry) = verifier.verify(&space, sealed.raw)? else { return Err("no payload".into()) };
//! assert_eq!(open(&entry, &keyring)?.as_slice(), b"a small secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod manifest;

mod entry_writer;
mod epoch;
mod epoch_key;
mod frame;
mod hlc;
mod keyring;
mod label;
mod once;
mod seal;
mod topic;
mod transfer;
mod wrap;

pub use entry_writer::{
    ChainEnd, ControlDraft, Draft, EntryWriter, Sealed, WriteError, found_space,
};
pub use epoch::{EpochDraft, EpochError, EpochParent, Inheritance, NewEpoch, OpenedEpoch};
pub use epoch_key::EpochKey;
pub use frame::{FRAME_BYTES, FrameError, MAX_FRAMED_BYTES, MAX_PLAINTEXT_BYTES, Padding, padme};
pub use hlc::{Hlc, HlcError, MAX_LEAD_MS};
pub use keyring::{BoundKey, Keyring, Learned, OlderKey};
pub use label::{LabelError, LabelSubject, open_label, open_label_with};
pub use once::TAG_BYTES;
pub use seal::{OpenError, open, open_with};
pub use topic::TopicSecret;
pub use transfer::{KeyTransfer, MAX_TRANSFERRED_KEYS, TransferError};
