//! Explains any object field by field, and names the clause that refuses it.

mod control;
mod diagnostic;
mod fields;

use bulla_core::cbor::{self, CborError, Decode as _, Reader};
use bulla_core::values::{Acknowledgement, Cursor, Filter, Head};
use bulla_core::verify::verify_signature;
use bulla_core::{Bloom, ContentHash, EntryId, Header, RawEntry, Signature, SpaceId, Verifier};
use bulla_crypto::KeyTransfer;
use bulla_identity::{Card, OsRandomness, Randomness as _};
use bulla_wire::bundle::BundleStart;
use bytes::Bytes;

use crate::exit::{Exit, Failure};

pub(crate) use diagnostic::diagnostic;

/// One field: its name, its value for people, the clause that defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) clause: &'static str,
}

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// `entry header`, `cursor`, …
    pub(crate) what: &'static str,
    pub(crate) fields: Vec<Field>,
    /// `None` when every rule is kept.
    pub(crate) refusal: Option<Refused>,
}

/// Which rule an object breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) clause: String,
    pub(crate) message: String,
    /// Offset of the byte at fault, where there is one.
    pub(crate) offset: Option<usize>,
}

/// Explains bytes: what they are by their shape, their fields, and the first rule they break.
pub(crate) fn explain(bytes: &[u8]) -> Explanation {
    if let Some(bundle) = bundle(bytes) {
        return bundle;
    }
    if let Err(error) = cbor::check(bytes) {
        let fields = diagnostic(bytes)
            .map(|text| vec![field("content", text, "CBOR-1")])
            .unwrap_or_default();
        return Explanation {
            what: "bytes that are not canonical",
            fields,
            refusal: Some(cbor_refusal(&error)),
        };
    }
    match shape(bytes).as_deref() {
        Some("ubbubuubabbub") => header(bytes),
        Some("bbb" | "bbn") => plain_entry(bytes),
        Some("bub") => {
            decoded("cursor", Cursor::from_cbor(bytes), |cursor| fields::cursor(&cursor), bytes)
        }
        Some("bubaaan" | "bubaaau") => {
            decoded("head", Head::from_cbor(bytes), |head| fields::head(&head), bytes)
        }
        Some("buub") => {
            decoded("Bloom filter", Bloom::from_cbor(bytes), |bloom| fields::bloom(&bloom), bytes)
        }
        Some("bbbubb") => decoded(
            "acknowledgement",
            Acknowledgement::from_cbor(bytes),
            |ack| fields::acknowledgement(&ack),
            bytes,
        ),
        Some("aaaa" | "aaan") => {
            decoded("filter", Filter::from_cbor(bytes), |filter| fields::filter(&filter), bytes)
        }
        Some("ubbtb") => card(bytes),
        Some("uanm" | "uabm") => fields::genesis(bytes),
        // An array of 13 that is no header by its types is still most likely meant as one.
        Some(shape) if shape.len() == 13 => header(bytes),
        _ => Explanation {
            what: "canonical CBOR, no object of its own",
            fields: diagnostic(bytes)
                .map(|text| vec![field("content", text, "CBOR-1")])
                .unwrap_or_default(),
            refusal: None,
        },
    }
}

/// A bundle by its start; what follows is a stream, which an import checks.
fn bundle(bytes: &[u8]) -> Option<Explanation> {
    let start = bytes.get(..cbor::check_prefix(bytes).ok()?)?;
    let start = BundleStart::from_cbor(start).ok()?;
    let fields = fields::bundle(&start);
    Some(Explanation {
        what: "start of a bundle; import it to have its entries verified",
        fields,
        refusal: None,
    })
}

/// Keys sealed to a device, read from their text.
pub(crate) fn key_transfer(transfer: &KeyTransfer) -> Explanation {
    Explanation { what: "key transfer", fields: fields::key_transfer(transfer), refusal: None }
}

/// A header by itself; with a signature, see [`plain_entry`].
pub(crate) fn header(bytes: &[u8]) -> Explanation {
    match Header::decode(bytes) {
        Ok(header) => {
            let mut fields = fields::header(&header);
            fields.push(field("header digest", Header::digest_of(bytes), "ENT-30"));
            Explanation { what: "entry header", fields, refusal: None }
        }
        Err(error) => Explanation {
            what: "entry header",
            fields: diagnostic(bytes)
                .map(|text| vec![field("content", text, "CBOR-1")])
                .unwrap_or_default(),
            refusal: Some(Refused {
                code: error.code().to_string(),
                clause: error.clause().to_owned(),
                message: error.to_string(),
                offset: None,
            }),
        },
    }
}

/// A signed entry in plain form: header bytes, signature, payload or null.
pub(crate) fn signed(
    header_bytes: &[u8],
    signature: &Signature,
    payload: Option<&[u8]>,
) -> Explanation {
    let mut explanation = Explanation { what: "signed entry", ..header(header_bytes) };
    let digest = Header::digest_of(header_bytes);
    let id = EntryId::compute(&digest, signature);
    explanation.fields.push(field("signature", signature, "ENT-31"));
    explanation.fields.push(field("entry id", id, "ENT-32"));
    let Ok(header) = Header::decode(header_bytes) else { return explanation };
    if header.space.is_zero() {
        explanation.fields.push(field("founds space", SpaceId::from(id), "ENT-3"));
    }
    let message = bulla_core::header::signing_message(&digest);
    let refused = |code: &str, clause: &str, message: String| {
        Some(Refused { code: code.to_owned(), clause: clause.to_owned(), message, offset: None })
    };
    explanation.refusal = if let Err(error) =
        verify_signature(&header.author.0, &message, signature)
    {
        refused("entry.signature", "VER-5", error.to_string())
    } else if let Some(payload) = payload {
        explanation.fields.push(field(
            "payload",
            format!("{} bytes present", payload.len()),
            "ENT-12",
        ));
        let actual = ContentHash::of(payload);
        if u32::try_from(payload.len()) != Ok(header.payload_length) {
            let says = header.payload_length;
            refused(
                "entry.payload_length",
                "VER-6",
                format!("payload has {} bytes, header says {says}", payload.len()),
            )
        } else if actual != header.content_hash {
            refused("entry.content_hash", "VER-6", format!("payload hashes to {actual}"))
        } else if header.kind.is_control() {
            match control::payload(&header, payload) {
                Ok(fields) => {
                    explanation.fields.extend(fields);
                    None
                }
                Err(refused) => {
                    let content = diagnostic(payload);
                    explanation.fields.extend(content.map(|text| field("content", text, "CBOR-1")));
                    Some(refused)
                }
            }
        } else {
            None
        }
    } else {
        explanation.fields.push(field("payload", "not given".to_owned(), "ENT-12"));
        None
    };
    explanation
}

/// The header, signature and payload of an entry in plain form.
type Parts<'a> = (&'a [u8], Signature, Option<&'a [u8]>);

fn parts(bytes: &[u8]) -> Result<Parts<'_>, CborError> {
    let mut reader = Reader::new(bytes);
    reader.array_exact(3)?;
    let header = reader.bytes(usize::MAX)?;
    let signature = Signature(reader.array_of()?);
    let payload = if reader.null() { None } else { Some(reader.bytes(usize::MAX)?) };
    Ok((header, signature, payload))
}

/// The entry that these bytes are in plain form, if they are one.
pub(crate) fn raw_entry(bytes: &[u8]) -> Option<RawEntry> {
    cbor::check(bytes).ok()?;
    let (header, signature, payload) = parts(bytes).ok()?;
    let payload = payload.map(Bytes::copy_from_slice);
    Some(RawEntry { header: Bytes::copy_from_slice(header), signature, payload })
}

/// What verifies entries one by one.
pub(crate) fn verifier() -> crate::exit::Result<Verifier> {
    let mut seed = [0; 32];
    OsRandomness.fill(&mut seed).map_err(|error| Failure::new(Exit::Failure, error))?;
    Ok(Verifier::new(seed))
}

fn plain_entry(bytes: &[u8]) -> Explanation {
    match parts(bytes) {
        Ok((header, signature, payload)) => signed(header, &signature, payload),
        Err(error) => Explanation {
            what: "signed entry",
            fields: Vec::new(),
            refusal: Some(cbor_refusal(&error)),
        },
    }
}

fn card(bytes: &[u8]) -> Explanation {
    match Card::from_bytes(bytes) {
        Ok(card) => Explanation { what: "device card", fields: fields::card(&card), refusal: None },
        Err(error) => Explanation {
            what: "device card",
            fields: diagnostic(bytes)
                .map(|text| vec![field("content", text, "CBOR-1")])
                .unwrap_or_default(),
            refusal: Some(Refused {
                code: error.code().to_string(),
                clause: error.clause().to_owned(),
                message: error.to_string(),
                offset: None,
            }),
        },
    }
}

fn decoded<T>(
    what: &'static str,
    value: Result<T, CborError>,
    fields: impl FnOnce(T) -> Vec<Field>,
    bytes: &[u8],
) -> Explanation {
    match value {
        Ok(value) => Explanation { what, fields: fields(value), refusal: None },
        Err(error) => Explanation {
            what,
            fields: diagnostic(bytes)
                .map(|text| vec![field("content", text, "CBOR-1")])
                .unwrap_or_default(),
            refusal: Some(cbor_refusal(&error)),
        },
    }
}

fn cbor_refusal(error: &CborError) -> Refused {
    Refused {
        code: error.kind.code().to_string(),
        clause: error.kind.clause().to_owned(),
        message: error.to_string(),
        offset: Some(error.offset),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "ids, numbers and fresh strings alike, at sixty places"
)]
fn field(name: &'static str, value: impl ToString, clause: &'static str) -> Field {
    Field { name, value: value.to_string(), clause }
}

/// The types of an array's elements, a letter each: u, b, t, a, m, n (null), s (true or false). `None` for other items.
fn shape(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let count = reader.array(16).ok()?;
    let mut rest = bytes.get(reader.position()..)?;
    let mut shape = String::new();
    for _ in 0..count {
        shape.push(match rest.first()? {
            0xf6 => 'n',
            byte => *b"u?btam?s".get(usize::from(byte >> 5))? as char,
        });
        let length = cbor::check_prefix(rest).ok()?;
        rest = rest.get(length..)?;
    }
    Some(shape)
}

#[cfg(test)]
mod tests;
