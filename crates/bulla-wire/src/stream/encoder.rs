//! Writes streams of entries.

use bulla_core::cbor::{Encode, Writer};
use bulla_core::values::{Cursor, GetItem, Page, PayloadState, ScanBody, ScanItem};
use bulla_core::{
    EntryId, Header, RawEntry, SetDigest, Signature, SpaceId, Verified, VerifiedEntry,
    VerifiedHeader,
};
use bytes::Bytes;

use super::tag;
use crate::compact::{self, Body, Compact};
use crate::element::encode_state;
use crate::{Form, WireError};

/// Writes one body into a buffer, which the caller takes away piece by piece.
///
/// Every method appends whole items. A body ends with [`end`](Self::end), with a
/// [`page_end`](Self::page_end) that says that no page follows, or with [`error`](Self::error).
#[derive(Debug)]
pub struct BodyEncoder {
    writer: Writer,
    compact: Compact,
    form: Form,
    /// The receipt that the next one is counted from.
    receipt: u64,
    count: u64,
}

impl BodyEncoder {
    /// The body of a `put` to this space.
    #[must_use]
    pub fn put(space: SpaceId, form: Form) -> Self {
        Self::new(space, form, 0)
    }

    /// The answer to a `get` in this space.
    #[must_use]
    pub fn get(space: SpaceId, form: Form) -> Self {
        Self::new(space, form, 0)
    }

    /// The answer to a `scan` of this space after this cursor.
    #[must_use]
    pub fn scan(space: SpaceId, form: Form, after: Option<&Cursor>) -> Self {
        Self::new(space, form, after.map_or(0, |cursor| cursor.receipt))
    }

    fn new(space: SpaceId, form: Form, receipt: u64) -> Self {
        Self { writer: Writer::new(), compact: Compact::new(space), form, receipt, count: 0 }
    }

    /// Makes room for entries of this many bytes, so that the buffer need not grow under them. To be called before the
    /// first item.
    #[must_use]
    pub fn with_room(mut self, bytes: usize) -> Self {
        // What the compact form leaves out pays for what it adds.
        self.writer = Writer::with_capacity(bytes.saturating_add(1024));
        self
    }

    /// Bytes written and not taken yet.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.writer.as_bytes().len()
    }

    /// Takes what was written so far; the body goes on after it. `capacity` is the room to make for what comes next.
    pub fn take(&mut self, capacity: usize) -> Bytes {
        std::mem::replace(&mut self.writer, Writer::with_capacity(capacity)).into_bytes().into()
    }

    /// Into a `put`: an entry, or a header alone.
    pub fn verified(&mut self, verified: &Verified) {
        match verified {
            Verified::Header(header) => self.header(0, header, PayloadState::Missing),
            Verified::Entry(entry) => self.entry(0, entry),
        }
        self.count += 1;
    }

    /// Into any body: bytes that were not verified, as they are. They go in the plain form when the compact form could
    /// not give the same bytes back; it may still say which field is wrong only in the plain form.
    pub fn raw(&mut self, receipt_delta: u64, raw: &RawEntry, state: PayloadState) {
        let body = raw.payload.as_deref().map_or(Body::State(state), Body::Payload);
        let header = Header::decode(&raw.header).ok();
        let hash_holds = |header: &Header| {
            let hash = raw.payload.as_deref().map(bulla_core::ContentHash::of);
            hash.is_none_or(|hash| hash == header.content_hash)
        };
        match header.filter(hash_holds) {
            Some(header) => {
                let id = EntryId::compute(&Header::digest_of(&raw.header), &raw.signature);
                self.item(receipt_delta, id, &header, &raw.header, &raw.signature, body);
            }
            None => self.plain(receipt_delta, &raw.header, &raw.signature, body),
        }
        self.receipt = self.receipt.saturating_add(receipt_delta);
        self.count += 1;
    }

    /// Into the answer to a `get`.
    pub fn get_item(&mut self, item: &GetItem) {
        match item {
            GetItem::Entry(entry) => self.entry(0, entry),
            GetItem::Header(header, state) => self.header(0, header, *state),
            GetItem::Absent => {
                self.writer.array(1).uint(tag::ABSENT);
            }
            GetItem::Corrupt => {
                self.writer.array(1).uint(tag::CORRUPT);
            }
            GetItem::Unavailable => {
                self.writer.array(1).uint(tag::UNAVAILABLE);
            }
        }
        self.count += 1;
    }

    /// Into the answer to a `scan`. Receipts must ascend.
    pub fn scan_item(&mut self, item: &ScanItem) {
        let delta = item.receipt.saturating_sub(self.receipt);
        match &item.body {
            ScanBody::Id(state) => {
                self.writer.array(4).uint(tag::ID).uint(delta).bytes(item.id);
                encode_state(*state, &mut self.writer);
            }
            ScanBody::Header(header, state) => self.header(delta, header, *state),
            ScanBody::Entry(entry) => self.entry(delta, entry),
            ScanBody::Invalid(code) => {
                self.writer.array(4).uint(tag::INVALID).uint(delta).bytes(item.id);
                self.writer.text(code.as_str());
            }
        }
        self.receipt = item.receipt;
        self.count += 1;
    }

    /// Ends a page of a `scan`; `more` says that another one follows in this body.
    pub fn page_end(&mut self, cursor: &Cursor, end: bool, more: bool) {
        self.writer.array(5).uint(tag::END).uint(self.count);
        cursor.encode(&mut self.writer);
        self.writer.bool(end).bool(more);
        self.receipt = cursor.receipt;
        self.count = 0;
    }

    /// A whole page of a `scan`: its items and its end.
    pub fn page(&mut self, page: &Page, more: bool) {
        for item in &page.items {
            self.scan_item(item);
        }
        self.page_end(&page.cursor, page.end, more);
    }

    /// Ends a `put` or the answer to a `get`.
    pub fn end(&mut self) {
        self.writer.array(2).uint(tag::END).uint(self.count);
    }

    /// Ends a bundle.
    pub(crate) fn end_bundle(&mut self, digest: &SetDigest) {
        self.writer.array(3).uint(tag::END).uint(self.count).bytes(digest);
    }

    /// Ends the body: the request failed after its answer had begun.
    pub fn error(&mut self, error: &WireError) {
        self.writer.array(6).uint(tag::ERROR);
        error.encode_fields(&mut self.writer);
    }

    /// Appends items that are encoded already.
    pub(crate) fn prefix(&mut self, item: &impl Encode) {
        item.encode(&mut self.writer);
    }

    fn entry(&mut self, delta: u64, entry: &VerifiedEntry) {
        let header = entry.verified_header();
        self.verified_item(delta, header, Body::Payload(entry.payload()));
    }

    fn header(&mut self, delta: u64, header: &VerifiedHeader, state: PayloadState) {
        self.verified_item(delta, header, Body::State(state));
    }

    fn verified_item(&mut self, delta: u64, header: &VerifiedHeader, body: Body<'_>) {
        self.item(delta, header.id(), header.header(), header.bytes(), header.signature(), body);
    }

    fn item(
        &mut self,
        delta: u64,
        id: EntryId,
        header: &Header,
        bytes: &[u8],
        signature: &Signature,
        body: Body<'_>,
    ) {
        if self.form == Form::Compact && self.compact.can_carry(header, body) {
            self.writer.array(compact::ELEMENTS).uint(tag::COMPACT).uint(delta);
            self.compact.encode(&mut self.writer, id, header, signature, body);
        } else {
            self.plain(delta, bytes, signature, body);
        }
    }

    fn plain(&mut self, delta: u64, header: &[u8], signature: &Signature, body: Body<'_>) {
        self.writer.array(5).uint(tag::PLAIN).uint(delta).bytes(header).bytes(signature);
        match body {
            Body::Payload(payload) => {
                self.writer.bytes(payload);
            }
            Body::State(state) => encode_state(state, &mut self.writer),
        }
    }
}
