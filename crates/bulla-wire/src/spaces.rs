//! Which spaces a node serves to this client (WIRE-40).

use bulla_core::SpaceId;
use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};

use crate::limits::MAX_SPACES_PER_PAGE;
use crate::login::ascending_spaces;

/// A page of the spaces that this client may use. Encoded as `[spaces, end]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacesAnswer {
    /// The ids, strictly ascending, all greater than the one asked after.
    pub spaces: Vec<SpaceId>,
    /// Whether these are the last.
    pub end: bool,
}

impl Encode for SpacesAnswer {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).array(self.spaces.len());
        for space in &self.spaces {
            writer.bytes(space);
        }
        writer.bool(self.end);
    }
}

impl Decode for SpacesAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        let spaces = ascending_spaces(reader, MAX_SPACES_PER_PAGE)?;
        Ok(Self { spaces, end: reader.bool()? })
    }
}
