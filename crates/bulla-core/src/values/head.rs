//! A store's state in under 300 bytes, and a reader's place in it (chapter `heads.md`).

use crate::cbor::{CborError, Decode, Encode, Reader, Writer};
use crate::limits::MAX_COUNTER;
use crate::{Lineage, LogHash, SetDigest};

/// How far a reader got in one store: all receipts up to `receipt` of this lineage were handed over (CUR-1).
///
/// Encoded as `[lineage, receipt, log hash]` (CUR-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The history the receipt belongs to.
    pub lineage: Lineage,
    /// The last receipt handed over; 0 for none.
    pub receipt: u64,
    /// The log hash at that receipt.
    pub log_hash: LogHash,
}

/// How many entries a set has, and the digest of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Number of ids.
    pub count: u64,
    /// Digest of the set of ids.
    pub digest: SetDigest,
}

/// The rule by which entries count. Digests are compared only under one rule and equal control digests (HEAD-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every entry stored counts.
    All,
    /// The entries count that exactly the control entries of this head admit.
    Directory,
}

/// What counts among the entries held (HEAD-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Under the rule *all*: everything held.
    All,
    /// Under the rule *directory*: these.
    Directory(Counted),
}

impl Counting {
    /// The rule.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self {
            Self::All => Rule::All,
            Self::Directory(_) => Rule::Directory,
        }
    }
}

/// Whether an answer comes from the store itself just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// From the store itself, or revalidated with it for this answer.
    Fresh,
    /// What the origin said then, and was not asked since or could not be (milliseconds since 1970, by the clock of the
    /// node that answers). Never evidence of a rollback (HEAD-6).
    StaleSince(u64),
}

/// A store's state (HEAD-1).
///
/// Encoded as `[lineage, last receipt, log hash, [count, digest] of control entries, [count, digest] of all entries held,
/// counting, [count, digest] of entries with their payload present, freshness]`; counting is `null` under the rule *all*
/// and `[count, digest]` under the rule *directory*; freshness is `null` for fresh, else the milliseconds (HEAD-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Names the history of receipts.
    pub lineage: Lineage,
    /// The newest durable receipt; 0 in an empty store.
    pub last_receipt: u64,
    /// The log hash at that receipt.
    pub log_hash: LogHash,
    /// The control entries held, whether they count or not.
    pub control: Counted,
    /// All entries held: what the store shows in receipt order.
    pub held: Counted,
    /// Which of them count.
    pub counting: Counting,
    /// The entries whose payload is present.
    pub present: Counted,
    /// Whether this is the state now.
    pub freshness: Freshness,
}

impl Head {
    /// The cursor of a reader who has seen all of this.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { lineage: self.lineage, receipt: self.last_receipt, log_hash: self.log_hash }
    }

    /// The entries that count: under the rule *all* those held.
    #[must_use]
    pub const fn counting_set(&self) -> Counted {
        match self.counting {
            Counting::All => self.held,
            Counting::Directory(set) => set,
        }
    }

    /// Whether both stores have the same counting entries: equal control entries, one rule, equal digests (HEAD-5).
    /// Under the rule *directory* they may hold different entries besides.
    #[must_use]
    pub fn same_entries(&self, other: &Self) -> bool {
        self.control == other.control
            && self.counting.rule() == other.counting.rule()
            && self.counting_set() == other.counting_set()
    }
}

impl Encode for Cursor {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.lineage).uint(self.receipt).bytes(self.log_hash);
    }
}

impl Decode for Cursor {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        Ok(Self {
            lineage: Lineage(reader.array_of()?),
            receipt: reader.uint(MAX_COUNTER)?,
            log_hash: LogHash(reader.array_of()?),
        })
    }
}

impl Encode for Counted {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).uint(self.count).bytes(self.digest);
    }
}

impl Decode for Counted {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        Ok(Self { count: reader.uint(MAX_COUNTER)?, digest: SetDigest(reader.array_of()?) })
    }
}

impl Encode for Head {
    fn encode(&self, writer: &mut Writer) {
        writer.array(8).bytes(self.lineage).uint(self.last_receipt).bytes(self.log_hash);
        self.control.encode(writer);
        self.held.encode(writer);
        match &self.counting {
            Counting::All => _ = writer.null(),
            Counting::Directory(set) => set.encode(writer),
        }
        self.present.encode(writer);
        match self.freshness {
            Freshness::Fresh => writer.null(),
            Freshness::StaleSince(milliseconds) => writer.uint(milliseconds),
        };
    }
}

impl Decode for Head {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(8)?;
        Ok(Self {
            lineage: Lineage(reader.array_of()?),
            last_receipt: reader.uint(MAX_COUNTER)?,
            log_hash: LogHash(reader.array_of()?),
            control: Counted::decode(reader)?,
            held: Counted::decode(reader)?,
            counting: if reader.null() {
                Counting::All
            } else {
                Counting::Directory(Counted::decode(reader)?)
            },
            present: Counted::decode(reader)?,
            freshness: if reader.null() {
                Freshness::Fresh
            } else {
                Freshness::StaleSince(reader.uint(MAX_COUNTER)?)
            },
        })
    }
}
