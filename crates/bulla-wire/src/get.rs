//! Looking entries up by id (WIRE-33). The answer is a stream: see [`BodyDecoder::get`](crate::BodyDecoder::get).

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::values::GetRequest;

use crate::Form;
use crate::has::{decode_ids, encode_ids};

/// Asks for entries by id, in one of the two forms. Encoded as `[ids, most bytes, form]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetMessage {
    /// What is asked for.
    pub request: GetRequest,
    /// How entries are to be written.
    pub form: Form,
}

impl Encode for GetMessage {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3);
        encode_ids(&self.request.ids, writer);
        writer.uint(u64::from(self.request.max_bytes));
        self.form.encode(writer);
    }
}

impl Decode for GetMessage {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let ids = decode_ids(reader)?;
        let max_bytes = reader.u32(u32::MAX)?;
        Ok(Self { request: GetRequest { ids, max_bytes }, form: Form::decode(reader)? })
    }
}
