//! Reading a store in receipt order (WIRE-35 to WIRE-37). The answer is a stream: see
//! [`BodyDecoder::scan`](crate::BodyDecoder::scan).

use bulla_core::Bloom;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_PAGE_BYTES, MAX_PAGE_ITEMS};
use bulla_core::values::{Cursor, Filter, PageLimit, ScanRequest, Want};

use crate::Form;
use crate::limits::MAX_PAGES_PER_SCAN;

/// Asks for pages of a store, in one of the two forms.
///
/// Encoded as `[after, until, filter, except, want, [most bytes, most items], form, pages]`; `after`, `until` and
/// `except` may be `null`; `want` is 0 for ids, 1 for headers and `[2, inline up to]` for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanMessage {
    /// What is asked for; its limit is that of each page.
    pub request: ScanRequest,
    /// How entries are to be written.
    pub form: Form,
    /// Most pages to be written one after the other into the same body, 1 to 4,096. More than one only together with
    /// `until`: what lies below a receipt does not change, so a page that was written early is not out of date (WIRE-36).
    pub pages: u32,
}

impl Encode for ScanMessage {
    fn encode(&self, writer: &mut Writer) {
        let request = &self.request;
        writer.array(8);
        match &request.after {
            Some(cursor) => cursor.encode(writer),
            None => {
                writer.null();
            }
        }
        match request.until {
            Some(receipt) => writer.uint(receipt),
            None => writer.null(),
        };
        request.filter.encode(writer);
        match &request.except {
            Some(bloom) => bloom.encode(writer),
            None => {
                writer.null();
            }
        }
        match request.want {
            Want::Ids => writer.uint(0),
            Want::Headers => writer.uint(1),
            Want::Entries { inline_up_to } => writer.array(2).uint(2).uint(u64::from(inline_up_to)),
        };
        writer.array(2).uint(u64::from(request.limit.max_bytes));
        writer.uint(u64::from(request.limit.max_items));
        self.form.encode(writer);
        writer.uint(u64::from(self.pages));
    }
}

impl Decode for ScanMessage {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(8)?;
        let after = if reader.null() { None } else { Some(Cursor::decode(reader)?) };
        let until = if reader.null() { None } else { Some(reader.uint(MAX_COUNTER)?) };
        let filter = Filter::decode(reader)?;
        let except = if reader.null() { None } else { Some(Bloom::decode(reader)?) };
        let want = decode_want(reader)?;
        reader.array_exact(2)?;
        let max_bytes = reader.u32(MAX_PAGE_BYTES)?;
        let max_items = reader.u32(MAX_PAGE_ITEMS)?;
        let limit = PageLimit { max_bytes, max_items };
        let form = Form::decode(reader)?;
        let start = reader.position();
        let pages = reader.u32(MAX_PAGES_PER_SCAN)?;
        if pages == 0 || (pages > 1 && until.is_none()) {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let request = ScanRequest { after, until, filter, except, want, limit };
        Ok(Self { request, form, pages })
    }
}

fn decode_want(reader: &mut Reader<'_>) -> Result<Want, CborError> {
    let start = reader.position();
    let bounds = Reader::error_at(start, CborErrorKind::Bounds);
    if reader.peek_major() == Some(4) {
        reader.array_exact(2)?;
        return match reader.uint(u64::MAX)? {
            2 => Ok(Want::Entries { inline_up_to: reader.u32(u32::MAX)? }),
            _ => Err(bounds),
        };
    }
    match reader.uint(u64::MAX)? {
        0 => Ok(Want::Ids),
        1 => Ok(Want::Headers),
        _ => Err(bounds),
    }
}
