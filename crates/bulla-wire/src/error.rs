//! What a node answers instead of what was asked (chapter `errors.md`, ERR-1 to ERR-8).

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::text::is_hidden;
use bulla_core::{Code, EntryId, Lineage, LogHash, NodeId, SpaceId};

use crate::VersionRange;
use crate::capabilities::read_code;
use crate::limits::{MAX_ERROR_DETAILS, MAX_ERROR_MESSAGE_BYTES};
use crate::status::truncated;

/// An error of a node: as the body of an answer, or as an item of a stream.
///
/// Encoded as `[code, message, retryable, retry after in milliseconds or null, details]`. The code decides; the message
/// is for people and says nothing secret. `Display` shows it as [`printable`](Self::printable) does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", self.printable())]
pub struct WireError {
    /// The stable code (ERR-2). One unknown here is kept as it is.
    pub code: Code,
    /// For people; at most 512 bytes, cut when longer. As it was sent: whatever it is shown on may obey what is in it.
    pub message: String,
    /// Whether the same request may succeed later without a change.
    pub is_retryable: bool,
    /// When to ask again, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// What the client needs to make its own typed error of it.
    pub details: Box<ErrorDetails>,
}

/// The parts of a typed error (ERR-5); those that the code does not use are absent.
///
/// Encoded as a map; the keys are the numbers below. Unknown keys are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorDetails {
    /// Key 1: the versions the node speaks.
    pub node_versions: Option<VersionRange>,
    /// Key 2: the versions the client said it speaks.
    pub client_versions: Option<VersionRange>,
    /// Key 3: the lineage of the cursor.
    pub cursor_lineage: Option<Lineage>,
    /// Key 4: the lineage of the store.
    pub store_lineage: Option<Lineage>,
    /// Key 5: the receipt of the cursor.
    pub cursor_receipt: Option<u64>,
    /// Key 6: the last receipt of the store.
    pub store_receipt: Option<u64>,
    /// Key 7: the log hash of the cursor.
    pub cursor_log_hash: Option<LogHash>,
    /// Key 8: the log hash of the store at that receipt.
    pub store_log_hash: Option<LogHash>,
    /// Key 9: the space.
    pub space: Option<SpaceId>,
    /// Key 10: the node met twice, or the node whose key was expected.
    pub node: Option<NodeId>,
    /// Key 11: the node key found instead.
    pub actual_node: Option<NodeId>,
    /// Key 12: the entry.
    pub entry: Option<EntryId>,
    /// Key 13: the right that lacks, as a code.
    pub right: Option<Code>,
}

impl WireError {
    /// An error with a code of this project; retryable as the table says.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let is_retryable = crate::codes::find(code.as_str()).is_some_and(|row| row.is_retryable);
        Self {
            code,
            message: message.into(),
            is_retryable,
            retry_after_ms: None,
            details: Box::default(),
        }
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(mut self, details: ErrorDetails) -> Self {
        self.details = Box::new(details);
        self
    }

    /// The message without characters that steer a terminal, hide text or turn its direction: each is U+FFFD instead.
    #[must_use]
    pub fn printable(&self) -> String {
        let shown = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
        self.message.chars().map(shown).collect()
    }

    /// The one error of peers that share no protocol version: it names both ranges (WIRE-5).
    #[must_use]
    pub fn no_shared_version(node: VersionRange, client: VersionRange) -> Self {
        let message = format!("node speaks versions {node}, client speaks {client}");
        let details = ErrorDetails {
            node_versions: Some(node),
            client_versions: Some(client),
            ..ErrorDetails::default()
        };
        Self::new(crate::codes::VERSION, message).with_details(details)
    }

    /// The HTTP status that goes with the code (ERR-6): that of the table; for an unknown code 503 when it is retryable,
    /// else 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        let unknown = if self.is_retryable { 503 } else { 400 };
        crate::codes::find(self.code.as_str()).map_or(unknown, |row| row.status)
    }
}

impl Encode for WireError {
    fn encode(&self, writer: &mut Writer) {
        writer.array(5);
        self.encode_fields(writer);
    }
}

impl Decode for WireError {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        Self::decode_fields(reader)
    }
}

impl WireError {
    /// The five elements, which an error item of a stream has too.
    pub(crate) fn encode_fields(&self, writer: &mut Writer) {
        writer.text(self.code.as_str()).text(truncated(&self.message, MAX_ERROR_MESSAGE_BYTES));
        writer.bool(self.is_retryable);
        match self.retry_after_ms {
            Some(milliseconds) => writer.uint(milliseconds.min(MAX_COUNTER)),
            None => writer.null(),
        };
        self.details.encode(writer);
    }

    pub(crate) fn decode_fields(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let code = read_code(reader)?;
        let message = reader.text(MAX_ERROR_MESSAGE_BYTES)?.to_owned();
        let is_retryable = reader.bool()?;
        let retry_after_ms = if reader.null() { None } else { Some(reader.uint(MAX_COUNTER)?) };
        let details = Box::new(ErrorDetails::decode(reader)?);
        Ok(Self { code, message, is_retryable, retry_after_ms, details })
    }
}

/// One detail about to be written.
enum Detail<'a> {
    Versions(VersionRange),
    Bytes(&'a [u8]),
    Number(u64),
    Text(&'a str),
}

impl ErrorDetails {
    fn present(&self) -> Vec<(u64, Detail<'_>)> {
        [
            self.node_versions.map(|range| (1, Detail::Versions(range))),
            self.client_versions.map(|range| (2, Detail::Versions(range))),
            self.cursor_lineage.as_ref().map(|lineage| (3, Detail::Bytes(&lineage.0))),
            self.store_lineage.as_ref().map(|lineage| (4, Detail::Bytes(&lineage.0))),
            self.cursor_receipt.map(|receipt| (5, Detail::Number(receipt))),
            self.store_receipt.map(|receipt| (6, Detail::Number(receipt))),
            self.cursor_log_hash.as_ref().map(|hash| (7, Detail::Bytes(&hash.0))),
            self.store_log_hash.as_ref().map(|hash| (8, Detail::Bytes(&hash.0))),
            self.space.as_ref().map(|space| (9, Detail::Bytes(&space.0))),
            self.node.as_ref().map(|node| (10, Detail::Bytes(&node.0))),
            self.actual_node.as_ref().map(|node| (11, Detail::Bytes(&node.0))),
            self.entry.as_ref().map(|id| (12, Detail::Bytes(&id.0))),
            self.right.as_ref().map(|right| (13, Detail::Text(right.as_str()))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Encode for ErrorDetails {
    fn encode(&self, writer: &mut Writer) {
        let present = self.present();
        writer.map(present.len());
        for (key, detail) in present {
            writer.uint(key);
            match detail {
                Detail::Versions(range) => range.encode(writer),
                Detail::Bytes(bytes) => {
                    writer.bytes(bytes);
                }
                Detail::Number(number) => {
                    writer.uint(number);
                }
                Detail::Text(text) => {
                    writer.text(text);
                }
            }
        }
    }
}

impl Decode for ErrorDetails {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let mut details = Self::default();
        for _ in 0..reader.map(MAX_ERROR_DETAILS)? {
            match reader.uint(MAX_COUNTER)? {
                1 => details.node_versions = Some(VersionRange::decode(reader)?),
                2 => details.client_versions = Some(VersionRange::decode(reader)?),
                3 => details.cursor_lineage = Some(Lineage(reader.array_of()?)),
                4 => details.store_lineage = Some(Lineage(reader.array_of()?)),
                5 => details.cursor_receipt = Some(reader.uint(MAX_COUNTER)?),
                6 => details.store_receipt = Some(reader.uint(MAX_COUNTER)?),
                7 => details.cursor_log_hash = Some(LogHash(reader.array_of()?)),
                8 => details.store_log_hash = Some(LogHash(reader.array_of()?)),
                9 => details.space = Some(SpaceId(reader.array_of()?)),
                10 => details.node = Some(NodeId(reader.array_of()?)),
                11 => details.actual_node = Some(NodeId(reader.array_of()?)),
                12 => details.entry = Some(EntryId(reader.array_of()?)),
                13 => details.right = Some(read_code(reader)?),
                _ => reader.skip()?,
            }
        }
        Ok(details)
    }
}
