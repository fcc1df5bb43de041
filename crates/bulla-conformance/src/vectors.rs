//! Test vectors: every format of the project as JSON that any language can read.
//!
//! One [`Format`] makes one file `testvectors/NAME.json` and its schema `testvectors/schemas/NAME.json`, and knows how to
//! run a case against this implementation. The generator (`cargo run -p bulla-conformance --bin vectors -- write`)
//! writes what the formats make; `-- check` compares it with what is committed, byte for byte. The runner reads the
//! directory, never a list of names.

#![expect(
    clippy::indexing_slicing,
    reason = "the generator works on bytes it made itself; a panic stops it"
)]

mod bloom;
mod cbor;
mod clock;
mod control;
mod digests;
mod directory;
mod ed25519;
mod element;
mod entry;
mod epochs;
mod file;
mod filter;
mod genesis;
mod header;
mod heads;
mod inputs;
mod keys;
mod once;
mod pairing;
mod primitives;
mod random;
pub mod sample;
mod schema;
mod sealing;
mod torsion;
mod validate;
mod wire;

use std::path::{Path, PathBuf};

pub use file::{Case, File, Group};
pub use inputs::{Inputs, Mismatch, Outcome, Verdict};
pub use random::Random;
pub use schema::{Field, Shape};
pub use validate::validate;

/// A format with test vectors.
pub trait Format: Send + Sync {
    /// Name of the file, of its schema and of the `algorithm` inside: lower case, digits and `-`.
    fn name(&self) -> &'static str;

    /// What a group says for all its cases; often nothing.
    fn group_fields(&self) -> Vec<Field> {
        Vec::new()
    }

    /// What a case says besides `tcId`, `comment`, `flags`, `result`, `error` and `clause`.
    fn case_fields(&self) -> Vec<Field>;

    /// The vectors. Must be the same at every call: randomness comes from [`Random`] alone.
    fn generate(&self) -> File;

    /// Runs one case against this implementation.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] when an input cannot be read or a computed value differs from the one the case gives.
    fn run(&self, inputs: &Inputs<'_>) -> Outcome;
}

/// Every format, in the order of the spec's chapters.
#[must_use]
pub fn formats() -> Vec<Box<dyn Format>> {
    vec![
        Box::new(cbor::Cbor),
        Box::new(header::EntryHeader),
        Box::new(entry::Entry),
        Box::new(genesis::GenesisPayload),
        Box::new(control::GRANT),
        Box::new(control::ROLE),
        Box::new(control::REVOKE),
        Box::new(control::EPOCH),
        Box::new(control::FRONTIER),
        Box::new(control::GROUP),
        Box::new(control::ERASE),
        Box::new(control::RECOVERY),
        Box::new(directory::Directories),
        Box::new(epochs::Epochs),
        Box::new(epochs::Labels),
        Box::new(clock::Clocks),
        Box::new(ed25519::Ed25519),
        Box::new(primitives::Primitives),
        Box::new(keys::EpochKeys),
        Box::new(keys::KeyTransfers),
        Box::new(keys::Cards),
        Box::new(keys::KeyFiles),
        Box::new(keys::Logins),
        Box::new(keys::Acknowledgements),
        Box::new(pairing::JoiningCards),
        Box::new(pairing::InvitationFormat),
        Box::new(pairing::Exchanges),
        Box::new(pairing::Heads),
        Box::new(pairing::Mailboxes),
        Box::new(pairing::RecoveryKeys),
        Box::new(sealing::Payloads),
        Box::new(sealing::Paddings),
        Box::new(sealing::Manifests),
        Box::new(sealing::Contents),
        Box::new(sealing::FileRecords),
        Box::new(digests::SetDigest),
        Box::new(digests::LogHashes),
        Box::new(bloom::BloomFilter),
        Box::new(heads::Heads),
        Box::new(heads::Cursors),
        Box::new(filter::FilterFormat),
        Box::new(wire::CompactForm),
        Box::new(wire::Messages),
        Box::new(wire::Routes),
        Box::new(wire::HeaderFields),
        Box::new(wire::Streams),
        Box::new(wire::Feeds),
        Box::new(wire::ErrorCodes),
        Box::new(wire::Bundles),
    ]
}

/// The directory `testvectors/` of this source tree.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors")
}

/// The files that the formats make: path relative to [`directory`], content.
#[must_use]
pub fn generated() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for format in formats() {
        let name = format!("{}.json", format.name());
        files.push((PathBuf::from(&name), format.generate().to_json(format.name())));
        files.push((Path::new("schemas").join(&name), schema::to_json(format.as_ref())));
    }
    files
}
