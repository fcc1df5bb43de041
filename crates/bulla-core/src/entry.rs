//! Entries: bytes from outside, and what verification makes of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::{EntryId, Header, HeaderDigest, Signature, SpaceId};

/// An entry as it came from outside: nothing about it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// The bytes said to be a canonical header.
    pub header: Bytes,
    /// The signature said to be over it.
    pub signature: Signature,
    /// The payload ciphertext, if it came along.
    pub payload: Option<Bytes>,
}

/// A header whose canonical form, id and signature were checked. Cheap to clone.
///
/// The only way to one is [`Verifier`](crate::Verifier); so whoever holds one need not ask again. A store reads its own
/// back with [`from_store`](Self::from_store), which takes only the bytes that were verified.
///
/// ```compile_fail
/// // There is no constructor, and no field can be set.
/// let forged = bulla_core::VerifiedHeader { inner: todo!() };
/// ```
///
/// ```compile_fail
/// # use bulla_core::{Header, HeaderDigest, Signature, VerifiedHeader};
/// fn forge(header: Header, digest: &HeaderDigest, signature: Signature) -> VerifiedHeader {
///     VerifiedHeader::new(header, Default::default(), digest, signature)
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedHeader {
    inner: Arc<Inner>,
}

struct Inner {
    id: EntryId,
    space: SpaceId,
    header: Header,
    bytes: Bytes,
    signature: Signature,
}

impl VerifiedHeader {
    /// Called by the verifier alone, after the signature held.
    pub(crate) fn new(
        header: Header,
        bytes: Bytes,
        digest: &HeaderDigest,
        signature: Signature,
    ) -> Self {
        let id = EntryId::compute(digest, &signature);
        let space = if header.space.is_zero() { id.into() } else { header.space };
        Self { inner: Arc::new(Inner { id, space, header, bytes, signature }) }
    }

    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.inner.id
    }

    /// The space it belongs to; for a genesis the one it founds.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.inner.space
    }

    /// The fields.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    /// The canonical bytes that were hashed and signed.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// The author's signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.inner.signature
    }

    /// Back to plain bytes, without a payload.
    #[must_use]
    pub fn to_raw(&self) -> RawEntry {
        RawEntry {
            header: self.inner.bytes.clone(),
            signature: self.inner.signature,
            payload: None,
        }
    }
}

impl std::fmt::Debug for VerifiedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = self.header();
        write!(
            f,
            "VerifiedHeader({} {} #{})",
            self.id().short(),
            header.author.short(),
            header.sequence
        )
    }
}

impl PartialEq for VerifiedHeader {
    /// An id names exactly one run of bytes, so equal ids are equal headers.
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for VerifiedHeader {}

/// A verified header together with the payload whose length and content hash it names. Cheap to clone.
///
/// A payload that comes later goes through the check too:
///
/// ```
/// # use bulla_core::{VerifiedEntry, VerifiedHeader, VerifyError, verify::attach_payload};
/// fn complete(header: VerifiedHeader, payload: bytes::Bytes) -> Result<VerifiedEntry, VerifyError> {
///     attach_payload(header, payload)
/// }
/// ```
///
/// ```compile_fail
/// # use bulla_core::{VerifiedEntry, VerifiedHeader};
/// fn forge(header: VerifiedHeader, payload: bytes::Bytes) -> VerifiedEntry {
///     VerifiedEntry { header, payload }
/// }
/// ```
///
/// ```compile_fail
/// # use bulla_core::{VerifiedEntry, VerifiedHeader};
/// fn forge(header: VerifiedHeader, payload: bytes::Bytes) -> VerifiedEntry {
///     VerifiedEntry::new(header, payload)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    header: VerifiedHeader,
    payload: Bytes,
}

impl VerifiedEntry {
    /// Called by the verifier alone, after length and content hash held.
    pub(crate) fn new(header: VerifiedHeader, payload: Bytes) -> Self {
        Self { header, payload }
    }

    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.header.id()
    }

    /// The verified header.
    #[must_use]
    pub fn verified_header(&self) -> &VerifiedHeader {
        &self.header
    }

    /// The fields of the header.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.header.header()
    }

    /// The payload ciphertext; plaintext for control kinds.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Back to plain bytes.
    #[must_use]
    pub fn to_raw(&self) -> RawEntry {
        RawEntry { payload: Some(self.payload.clone()), ..self.header.to_raw() }
    }
}

/// What a store takes: a verified header, with or without its payload. Bytes from outside are not one:
///
/// ```compile_fail
/// # use bulla_core::{RawEntry, Verified};
/// fn believe(raw: RawEntry) -> Verified {
///     raw.into()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// The header alone.
    Header(VerifiedHeader),
    /// The header and its payload.
    Entry(VerifiedEntry),
}

impl Verified {
    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.verified_header().id()
    }

    /// The verified header.
    #[must_use]
    pub fn verified_header(&self) -> &VerifiedHeader {
        match self {
            Self::Header(header) => header,
            Self::Entry(entry) => entry.verified_header(),
        }
    }

    /// The fields of the header.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.verified_header().header()
    }

    /// The payload, if it came along.
    #[must_use]
    pub fn payload(&self) -> Option<&Bytes> {
        match self {
            Self::Header(_) => None,
            Self::Entry(entry) => Some(entry.payload()),
        }
    }

    /// Header, signature and payload in bytes: what batch and page limits count.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.verified_header().bytes().len() + Signature::LEN + self.payload().map_or(0, Bytes::len)
    }

    /// Back to plain bytes.
    #[must_use]
    pub fn to_raw(&self) -> RawEntry {
        match self {
            Self::Header(header) => header.to_raw(),
            Self::Entry(entry) => entry.to_raw(),
        }
    }
}

impl From<VerifiedHeader> for Verified {
    fn from(header: VerifiedHeader) -> Self {
        Self::Header(header)
    }
}

impl From<VerifiedEntry> for Verified {
    fn from(entry: VerifiedEntry) -> Self {
        Self::Entry(entry)
    }
}
