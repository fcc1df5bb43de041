//! The set digest: a collision-resistant, incremental hash of a set of ids (LtHash; chapter `digests.md`, SET-1 to
//! SET-5).

use crate::{EntryId, SetDigest, derive};

/// Words of the state.
const WORDS: usize = 1024;

/// The state of a set digest: 1,024 unsigned 16-bit words, added and subtracted modulo 2^16.
///
/// Each element is inserted once; the type does not know which are. Equal sets give equal states whatever the order,
/// and sets can be joined and parted by [`add`](Self::add) and [`subtract`](Self::subtract).
#[derive(Clone, PartialEq, Eq)]
pub struct SetHash {
    words: Box<[u16; WORDS]>,
}

impl SetHash {
    /// Length of the serialized state in bytes.
    pub const STATE_BYTES: usize = 2 * WORDS;

    /// The empty set: all words zero (SET-2).
    #[must_use]
    pub fn new() -> Self {
        Self { words: Box::new([0; WORDS]) }
    }

    /// Adds the element of `id`.
    pub fn insert(&mut self, id: &EntryId) {
        self.combine_bytes(&element(id), u16::wrapping_add);
    }

    /// Takes the element of `id` away.
    pub fn remove(&mut self, id: &EntryId) {
        self.combine_bytes(&element(id), u16::wrapping_sub);
    }

    /// Joins a disjoint set.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, u16::wrapping_add);
    }

    /// Takes a subset away.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, u16::wrapping_sub);
    }

    /// The digest that heads carry: BLAKE3 of the state under its own context (SET-3).
    #[must_use]
    pub fn digest(&self) -> SetDigest {
        SetDigest(derive::SET_DIGEST.hash(&self.to_bytes()))
    }

    /// The state: 1,024 words, each two bytes, little-endian (SET-4).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The state from its serialized form; `None` unless it is 2,048 bytes long.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::STATE_BYTES] = bytes.try_into().ok()?;
        let mut state = Self::new();
        state.combine_bytes(bytes, |_, word| word);
        Some(state)
    }

    fn combine(&mut self, other: &Self, operation: impl Fn(u16, u16) -> u16) {
        for (word, with) in self.words.iter_mut().zip(other.words.iter()) {
            *word = operation(*word, *with);
        }
    }

    fn combine_bytes(
        &mut self,
        bytes: &[u8; Self::STATE_BYTES],
        operation: impl Fn(u16, u16) -> u16,
    ) {
        for (word, with) in self.words.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *word = operation(*word, u16::from_le_bytes(*with));
        }
    }
}

impl Default for SetHash {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for SetHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetHash({})", self.digest().short())
    }
}

impl<'a> FromIterator<&'a EntryId> for SetHash {
    fn from_iter<I: IntoIterator<Item = &'a EntryId>>(ids: I) -> Self {
        let mut state = Self::new();
        for id in ids {
            state.insert(id);
        }
        state
    }
}

/// The element of an id: 2,048 bytes of extended output under its own context (SET-1).
fn element(id: &EntryId) -> [u8; SetHash::STATE_BYTES] {
    let mut hasher = derive::SET_ELEMENT.hasher();
    hasher.update(&id.0);
    let mut element = [0; SetHash::STATE_BYTES];
    hasher.finalize_xof().fill(&mut element);
    element
}
