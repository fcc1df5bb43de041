//! Cuts a stream of bytes into canonical items.

use bulla_core::cbor::{CborErrorKind, Checker};
use bytes::{Bytes, BytesMut};

use super::StreamError;
use crate::limits::MAX_ITEM_BYTES;

/// Takes bytes as they arrive and gives complete, canonical items. No item is looked at twice, however small the pieces
/// it comes in, and none may be longer than [`MAX_ITEM_BYTES`].
///
/// Items share the buffer they arrived in. Whoever keeps a small part of one for long should copy it, or the whole buffer
/// stays, some 64 KiB.
#[derive(Debug, Default)]
pub struct ItemReader {
    buffer: BytesMut,
    checker: Checker,
}

impl ItemReader {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete item; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`StreamError::Cbor`] or [`StreamError::ItemTooLarge`]; the stream cannot be read further.
    pub fn next_item(&mut self) -> Result<Option<Bytes>, StreamError> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        // Nothing beyond the bound is looked at, so the verdict does not depend on the pieces the bytes came in (WIRE-12).
        let window = self.buffer.get(..MAX_ITEM_BYTES).unwrap_or(&self.buffer);
        match self.checker.advance(window) {
            Ok(length) => {
                self.checker = Checker::new();
                Ok(Some(self.buffer.split_to(length).freeze()))
            }
            Err(error) if error.kind == CborErrorKind::Truncated => {
                if self.buffer.len() > MAX_ITEM_BYTES {
                    return Err(StreamError::ItemTooLarge);
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the bytes left over can still become ones that begin with `prefix`.
    pub(crate) fn may_begin_with(&self, prefix: &[u8]) -> bool {
        self.buffer.iter().zip(prefix).all(|(byte, expected)| byte == expected)
    }

    /// Whether no bytes are left over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}
