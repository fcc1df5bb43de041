//! The highest state that a source ever showed, fresh, in one lineage.

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::values::Cursor;

use super::VERSION;

/// The highest state that a source showed (SYN-27). Encoded as `[version, cursor]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sighting(pub(crate) Cursor);

impl Encode for Sighting {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).uint(VERSION);
        self.0.encode(writer);
    }
}

impl Decode for Sighting {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        reader.uint(VERSION)?;
        Cursor::decode(reader).map(Self)
    }
}
