//! How far a run got between two stores.

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::values::{Counted, Cursor};
use bulla_core::{SetDigest, SetHash};
use bulla_store::tally::TallySet;

use super::VERSION;
use super::ledger::pages;

/// The set of ids that the source has shown up to its cursor (SYN-23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The running state.
    Known(TallySet),
    /// The same set as both stores held at the checkpoint's cursors: the digests were equal there. The state is computed
    /// from the nearer one when it is needed, so that equal heads cost nothing.
    AsHeld(Counted),
}

impl Seen {
    pub(crate) fn counted(&self) -> Counted {
        match self {
            Self::Known(set) => set.counted(),
            Self::AsHeld(counted) => *counted,
        }
    }
}

/// How far a run got between two stores (SYN-23).
///
/// Encoded as `[version, source cursor, target cursor, [count, state or digest], whether exceptions were cut, pages of
/// exceptions]`: 2,048 bytes of state or 32 of digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Everything the source showed up to here is held, or is a recorded exception.
    pub(crate) source: Cursor,
    /// The target's state when it had acknowledged that.
    pub(crate) target: Cursor,
    /// What the source showed.
    pub(crate) seen: Seen,
    /// More entries were shown and not held than the list of exceptions takes.
    pub(crate) exceptions_cut: bool,
    /// Pages that the list of exceptions has.
    pub(crate) exception_pages: u32,
}

impl Encode for Checkpoint {
    fn encode(&self, writer: &mut Writer) {
        writer.array(6).uint(VERSION);
        self.source.encode(writer);
        self.target.encode(writer);
        writer.array(2);
        match &self.seen {
            Seen::Known(set) => writer.uint(set.count).bytes(set.hash.to_bytes()),
            Seen::AsHeld(set) => writer.uint(set.count).bytes(set.digest),
        };
        writer.bool(self.exceptions_cut).uint(u64::from(self.exception_pages));
    }
}

impl Decode for Checkpoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(6)?;
        reader.uint(VERSION)?;
        let source = Cursor::decode(reader)?;
        let target = Cursor::decode(reader)?;
        reader.array_exact(2)?;
        let count = reader.uint(MAX_COUNTER)?;
        let start = reader.position();
        let state = reader.bytes(SetHash::STATE_BYTES)?;
        let seen = if let Ok(digest) = SetDigest::try_from(state) {
            Seen::AsHeld(Counted { count, digest })
        } else {
            let hash =
                SetHash::from_bytes(state).ok_or(Reader::error_at(start, CborErrorKind::Bounds))?;
            Seen::Known(TallySet { count, hash })
        };
        let exceptions_cut = reader.bool()?;
        let exception_pages = pages(reader)?;
        Ok(Self { source, target, seen, exceptions_cut, exception_pages })
    }
}
