//! Values.

use bulla_core::values::PayloadState;
use bulla_core::{EntryId, Lineage, LogHash, Signature, VerifiedHeader};

/// A value that is read back whole or not at all.
pub(crate) trait Row: Sized {
    /// The row from its bytes; `None` when they have another shape.
    fn parse(bytes: &[u8]) -> Option<Self>;
}

/// What became of an entry's payload, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Wanted.
    Missing,
    /// Beside its header.
    Inline,
    /// Under its content hash.
    Large,
    /// Erased by this control entry.
    Erased(EntryId),
    /// Pruned by this control entry.
    Pruned(EntryId),
}

impl State {
    const MISSING: u8 = 0;
    const INLINE: u8 = 1;
    const LARGE: u8 = 2;
    const ERASED: u8 = 3;
    const PRUNED: u8 = 4;
    /// Set beside the state of control entries.
    const CONTROL: u8 = 0x80;

    fn byte(self) -> u8 {
        match self {
            Self::Missing => Self::MISSING,
            Self::Inline => Self::INLINE,
            Self::Large => Self::LARGE,
            Self::Erased(_) => Self::ERASED,
            Self::Pruned(_) => Self::PRUNED,
        }
    }

    /// The control entry that took the payload away.
    pub(crate) const fn by(self) -> Option<EntryId> {
        match self {
            Self::Erased(by) | Self::Pruned(by) => Some(by),
            Self::Missing | Self::Inline | Self::Large => None,
        }
    }

    /// Whether the payload is held.
    pub(crate) const fn is_present(self) -> bool {
        matches!(self, Self::Inline | Self::Large)
    }

    /// The state of a payload that is absent for this reason; `None` for one that is not.
    pub(crate) const fn absent(state: PayloadState) -> Option<Self> {
        match state {
            PayloadState::Missing => Some(Self::Missing),
            PayloadState::Erased(by) => Some(Self::Erased(by)),
            PayloadState::Pruned(by) => Some(Self::Pruned(by)),
            PayloadState::Present => None,
        }
    }

    /// As readers see it.
    pub(crate) const fn payload_state(self) -> PayloadState {
        match self {
            Self::Missing => PayloadState::Missing,
            Self::Inline | Self::Large => PayloadState::Present,
            Self::Erased(by) => PayloadState::Erased(by),
            Self::Pruned(by) => PayloadState::Pruned(by),
        }
    }
}

/// A header row, borrowed from the bytes read: `state (1) | id (32) | log hash (32) | signature (64) | [by (32)] |
/// header` (DISK-5).
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderRow<'a> {
    pub(crate) state: State,
    pub(crate) is_control: bool,
    pub(crate) id: EntryId,
    pub(crate) log_hash: LogHash,
    pub(crate) signature: Signature,
    pub(crate) header: &'a [u8],
}

impl<'a> HeaderRow<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [tag] = fields.take()?;
        let id = EntryId(fields.take()?);
        let log_hash = LogHash(fields.take()?);
        let signature = Signature(fields.take()?);
        let state = match tag & !State::CONTROL {
            State::MISSING => State::Missing,
            State::INLINE => State::Inline,
            State::LARGE => State::Large,
            State::ERASED => State::Erased(EntryId(fields.take()?)),
            State::PRUNED => State::Pruned(EntryId(fields.take()?)),
            _ => return None,
        };
        let is_control = tag & State::CONTROL != 0;
        Some(Self { state, is_control, id, log_hash, signature, header: fields.0 })
    }

    /// The same row with another state.
    pub(crate) fn with_state(&self, state: State) -> Vec<u8> {
        encode(state, self.is_control, &self.id, &self.log_hash, &self.signature, self.header)
    }

    /// The same row with another log hash.
    pub(crate) fn with_log_hash(&self, log_hash: &LogHash) -> Vec<u8> {
        encode(self.state, self.is_control, &self.id, log_hash, &self.signature, self.header)
    }
}

/// The row of a verified header.
pub(crate) fn header_row(header: &VerifiedHeader, log_hash: &LogHash, state: State) -> Vec<u8> {
    let is_control = header.header().kind.is_control();
    encode(state, is_control, &header.id(), log_hash, header.signature(), header.bytes())
}

fn encode(
    state: State,
    is_control: bool,
    id: &EntryId,
    log_hash: &LogHash,
    signature: &Signature,
    header: &[u8],
) -> Vec<u8> {
    let mut row = Vec::with_capacity(161 + header.len());
    row.push(state.byte() | if is_control { State::CONTROL } else { 0 });
    row.extend_from_slice(&id.0);
    row.extend_from_slice(&log_hash.0);
    row.extend_from_slice(&signature.0);
    if let Some(by) = state.by() {
        row.extend_from_slice(&by.0);
    }
    row.extend_from_slice(header);
    row
}

/// `receipt (8) | is missing (1)`: enough to answer `has` and to find the header row (DISK-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexRow {
    pub(crate) receipt: u64,
    pub(crate) is_missing: bool,
}

impl IndexRow {
    pub(crate) fn new(receipt: u64, state: State) -> Self {
        Self { receipt, is_missing: state == State::Missing }
    }

    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let mut row = [0; 9];
        let (receipt, missing) = row.split_at_mut(8);
        receipt.copy_from_slice(&self.receipt.to_be_bytes());
        missing.fill(u8::from(self.is_missing));
        row
    }
}

impl Row for IndexRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let receipt = fields.u64()?;
        let [missing @ (0 | 1)] = fields.take()? else { return None };
        fields.end(Self { receipt, is_missing: missing == 1 })
    }
}

/// `number (4) | epoch (8) | lineage (16)` under a space id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpaceRow {
    pub(crate) number: u32,
    pub(crate) epoch: u64,
    pub(crate) lineage: Lineage,
}

impl SpaceRow {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.number.to_be_bytes().as_slice(), &self.epoch.to_be_bytes(), &self.lineage.0].concat()
    }
}

impl Row for SpaceRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let number = u32::from_be_bytes(fields.take()?);
        let (epoch, lineage) = (fields.u64()?, Lineage(fields.take()?));
        fields.end(Self { number, epoch, lineage })
    }
}

/// A space's state, written with every commit that touches it: `last receipt (8) | log hash (32) | control entries (8)
/// | payloads present (8) | their bytes (8) | removals remembered (8)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveRow {
    pub(crate) last_receipt: u64,
    pub(crate) log_hash: LogHash,
    pub(crate) control: u64,
    pub(crate) present: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) removals: u64,
}

impl LiveRow {
    const LEN: usize = 72;

    pub(crate) fn empty(log_hash: LogHash) -> Self {
        Self { last_receipt: 0, log_hash, control: 0, present: 0, payload_bytes: 0, removals: 0 }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut row = Vec::with_capacity(Self::LEN);
        row.extend_from_slice(&self.last_receipt.to_be_bytes());
        row.extend_from_slice(&self.log_hash.0);
        for number in [self.control, self.present, self.payload_bytes, self.removals] {
            row.extend_from_slice(&number.to_be_bytes());
        }
        row
    }
}

impl Row for LiveRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let row = Self {
            last_receipt: fields.u64()?,
            log_hash: LogHash(fields.take()?),
            control: fields.u64()?,
            present: fields.u64()?,
            payload_bytes: fields.u64()?,
            removals: fields.u64()?,
        };
        fields.end(row)
    }
}

/// `number (8) | hash (32)` of a commit (DISK-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommitRow {
    pub(crate) number: u64,
    pub(crate) hash: [u8; 32],
}

impl CommitRow {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.number.to_be_bytes().as_slice(), &self.hash].concat()
    }
}

impl Row for CommitRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let row = Self { number: fields.u64()?, hash: fields.take()? };
        fields.end(row)
    }
}

/// `commit (8) | [space number (4) | last receipt before (8) | log hash there (32)]*`: what to take back if the newest
/// commit was not accepted (DISK-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UndoRow {
    pub(crate) commit: u64,
    pub(crate) spaces: Vec<Before>,
}

/// Where a space was before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) space: u32,
    pub(crate) last_receipt: u64,
    pub(crate) log_hash: LogHash,
}

impl UndoRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut row = self.commit.to_be_bytes().to_vec();
        for before in &self.spaces {
            row.extend_from_slice(&before.space.to_be_bytes());
            row.extend_from_slice(&before.last_receipt.to_be_bytes());
            row.extend_from_slice(&before.log_hash.0);
        }
        row
    }
}

impl Row for UndoRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let commit = fields.u64()?;
        let mut spaces = Vec::with_capacity(fields.0.len() / 44);
        while !fields.0.is_empty() {
            let space = u32::from_be_bytes(fields.take()?);
            spaces.push(Before {
                space,
                last_receipt: fields.u64()?,
                log_hash: LogHash(fields.take()?),
            });
        }
        Some(Self { commit, spaces })
    }
}

/// `is prune (1) | by (32)`: an entry that lost its payload before it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemovalRow {
    pub(crate) is_prune: bool,
    pub(crate) by: EntryId,
}

impl RemovalRow {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [[u8::from(self.is_prune)].as_slice(), &self.by.0].concat()
    }

    /// The row for an entry so removed; `None` for a state that is not a removal.
    pub(crate) const fn new(state: State) -> Option<Self> {
        match state {
            State::Erased(by) => Some(Self { is_prune: false, by }),
            State::Pruned(by) => Some(Self { is_prune: true, by }),
            State::Missing | State::Inline | State::Large => None,
        }
    }

    /// The state of an entry so removed.
    pub(crate) const fn state(self) -> State {
        if self.is_prune { State::Pruned(self.by) } else { State::Erased(self.by) }
    }
}

impl Row for RemovalRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [prune @ (0 | 1)] = fields.take()? else { return None };
        let by = EntryId(fields.take()?);
        fields.end(Self { is_prune: prune == 1, by })
    }
}

/// The rest of a row.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(crate) fn end<T>(self, row: T) -> Option<T> {
        self.0.is_empty().then_some(row)
    }
}
