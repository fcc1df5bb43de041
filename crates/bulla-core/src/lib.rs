//! What is an entry, and is this one genuine?
//!
//! An entry is a signed [`Header`] plus a sealed payload. This crate holds the formats that every replica and every
//! node must agree on to the bit: identifiers, the canonical header, verification, set digests, Bloom filters, heads
//! and cursors. It does no I/O, reads no clock, draws no randomness and knows no async runtime, so that vectors, fuzzers
//! and other languages can drive it.
//!
//! What it is not: it cannot open a payload (that is `bulla-crypto`, which nodes do not link) and it keeps nothing (that
//! is `bulla-store`).
//!
//! The main types:
//!
//! - [`RawEntry`]: bytes from outside, not believed yet;
//! - [`VerifiedHeader`], [`VerifiedEntry`], [`Verified`]: what [`Verifier`] makes of them, the only things a store takes;
//! - [`Control`]: what a control entry says of members, keys and erasures;
//! - [`Head`] and [`Cursor`]: a store's state, and how far a reader got in it;
//! - [`SetHash`], [`Bloom`]: what two stores compare.
//!
//! Clause numbers in the docs (`ENT-3`) refer to the chapters in `spec/`.

pub mod bloom;
pub mod cbor;
pub mod code;
pub mod control;
mod derive;
pub mod domain;
pub mod entry;
pub mod genesis;
pub mod header;
pub mod ids;
pub mod joining_card;
pub mod kind;
pub mod limits;
pub mod log_hash;
pub mod set_hash;
pub mod stored;
pub mod text;
pub mod values;
pub mod verify;

pub use bloom::Bloom;
pub use code::Code;
pub use control::{Control, ControlError};
pub use entry::{RawEntry, Verified, VerifiedEntry, VerifiedHeader};
pub use header::{Header, HeaderError};
pub use ids::{
    AcknowledgedDigest, AuthorKey, ChallengeTag, ContentHash, EntryId, HeaderDigest, InvitationId,
    KeyId, Lineage, LogHash, LoginNonce, NodeId, PeerKey, Salt, SealingKey, SetDigest, Signature,
    SpaceId, Topic,
};
pub use joining_card::{JoiningCard, JoiningCardError, JoiningClaim};
pub use kind::Kind;
pub use set_hash::SetHash;
pub use stored::StoredError;
pub use values::{Cursor, Head};
pub use verify::{Verifier, VerifyError, verify_signature};
