//! Values that occur again and again, by the number of their first occurrence.

use std::collections::HashMap;

use bulla_core::cbor::{Reader, Writer};

use crate::limits::MAX_TABLE;
use crate::stream::StreamError;

/// A table of byte strings of one length. It grows by every string spelled out while it has fewer than 65,536 (CMP-4).
///
/// The map hashes with a random key per process: the strings come from outside, and nobody can choose them to collide.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    indexes: HashMap<[u8; N], usize>,
    values: Vec<[u8; N]>,
}

/// A value and its place in the table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference<const N: usize> {
    /// In the table already.
    Known(usize, [u8; N]),
    /// Spelled out, and put into the table.
    New(usize, [u8; N]),
    /// Spelled out; the table is full.
    Loose([u8; N]),
}

impl<const N: usize> Table<N> {
    pub(super) fn new() -> Self {
        Self { indexes: HashMap::new(), values: Vec::new() }
    }

    pub(super) fn starting_with(value: [u8; N]) -> Self {
        let mut table = Self::new();
        table.refer(value);
        table
    }

    /// The place of `value`, which is put into the table if it is new and there is room.
    pub(super) fn refer(&mut self, value: [u8; N]) -> Reference<N> {
        if let Some(index) = self.indexes.get(&value) {
            return Reference::Known(*index, value);
        }
        let index = self.values.len();
        if index >= MAX_TABLE {
            return Reference::Loose(value);
        }
        self.values.push(value);
        self.indexes.insert(value, index);
        Reference::New(index, value)
    }

    /// Reads a number or a string, and keeps the table as the sender does. A string that has a number already is
    /// refused, so that there is one way to write every body (CMP-5).
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<Reference<N>, StreamError> {
        if reader.peek_major() == Some(2) {
            return match self.refer(reader.array_of()?) {
                Reference::Known(..) => Err(StreamError::NotShortest),
                reference @ (Reference::New(..) | Reference::Loose(_)) => Ok(reference),
            };
        }
        let index = usize::try_from(reader.uint(u64::MAX)?).unwrap_or(usize::MAX);
        let value = self.values.get(index).ok_or(StreamError::Reference)?;
        Ok(Reference::Known(index, *value))
    }
}

impl<const N: usize> Reference<N> {
    pub(super) const fn value(&self) -> [u8; N] {
        match self {
            Self::Known(_, value) | Self::New(_, value) | Self::Loose(value) => *value,
        }
    }

    pub(super) const fn index(&self) -> Option<usize> {
        match self {
            Self::Known(index, _) | Self::New(index, _) => Some(*index),
            Self::Loose(_) => None,
        }
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Known(index, _) => writer.uint(*index as u64),
            Self::New(_, value) | Self::Loose(value) => writer.bytes(value),
        };
    }
}
