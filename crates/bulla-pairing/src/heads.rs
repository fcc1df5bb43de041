//! What an approver knew of the space when it let a device in (PAIR-35, PAIR-36).

use std::collections::BTreeSet;

use bulla_core::EntryId;
use bulla_core::cbor::{CborErrorKind, Reader, Writer};

use crate::PairingError;

/// Most entries that an approval names (PAIR-35).
pub const MAX_HEADS: usize = 100;
const VERSION: u64 = 1;

/// The frontier in an approval: 1 to 100 entries that the approver held (PAIR-35). A device that came in by it holds every
/// source against them: one that does not show them all shows an older space.
///
/// With the id of a frontier entry (CTL-40) that was signed after the grant one is enough: it proves the newest entry of
/// everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHeads {
    ids: BTreeSet<EntryId>,
}

impl KnownHeads {
    /// These entries. The order does not matter, nor does one that comes twice.
    ///
    /// # Errors
    ///
    /// [`PairingError::Heads`] for none or more than [`MAX_HEADS`].
    pub fn new(ids: impl IntoIterator<Item = EntryId>) -> Result<Self, PairingError> {
        let ids: BTreeSet<EntryId> = ids.into_iter().take(2 * MAX_HEADS).collect();
        if ids.is_empty() || ids.len() > MAX_HEADS {
            return Err(PairingError::Heads);
        }
        Ok(Self { ids })
    }

    /// Reads what came in an [`Approval`](crate::Approval). The device is let in whether it can be read or not.
    ///
    /// # Errors
    ///
    /// [`PairingError::HeadsVersion`] for a later version, [`PairingError::Cbor`], [`PairingError::Heads`] for ids that do
    /// not ascend.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PairingError> {
        let mut reader = Reader::versioned(bytes, VERSION, 2, PairingError::HeadsVersion)?;
        let start = reader.position();
        let count = reader.array(MAX_HEADS)?;
        if count == 0 {
            return Err(Reader::error_at(start, CborErrorKind::Bounds).into());
        }
        let mut ids = BTreeSet::new();
        for _ in 0..count {
            let id = EntryId(reader.array_of()?);
            if ids.last().is_some_and(|last| *last >= id) {
                return Err(PairingError::Heads);
            }
            ids.insert(id);
        }
        reader.finish()?;
        Ok(Self { ids })
    }

    /// The encoding, at most 3,404 bytes: what [`Approved::approval`](crate::Approved::approval) takes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(2).uint(VERSION).array(self.ids.len());
        for id in &self.ids {
            writer.bytes(id);
        }
        writer.into_bytes()
    }

    /// The entries, ascending.
    pub fn ids(&self) -> impl Iterator<Item = EntryId> + '_ {
        self.ids.iter().copied()
    }
}
