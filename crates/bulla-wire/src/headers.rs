//! The HTTP headers of requests, as text, so that client and server read and write them alike (WIRE-6 to WIRE-9, HOP-1
//! to HOP-5).

use bulla_core::NodeId;
use bulla_core::limits::MAX_HOPS;

use crate::limits::{MAX_DEADLINE_MS, MAX_REQUEST_ID_BYTES, TOKEN_BYTES};
use crate::version::decimal;

/// Content type of a body that is one item.
pub const CONTENT_CBOR: &str = "application/cbor";
/// Content type of a body that is a sequence of items (RFC 8742).
pub const CONTENT_CBOR_SEQUENCE: &str = "application/cbor-seq";
/// Carries the token: `Bearer ` and 43 characters of base64url without padding.
pub const AUTHORIZATION: &str = "authorization";
/// The nodes a request has passed: 64 hexadecimal digits each, separated by commas, first to last.
pub const HOPS: &str = "bulla-hops";
/// How long the client still waits, in milliseconds.
pub const DEADLINE: &str = "bulla-deadline-ms";
/// Names the request in the logs of every node it passes.
pub const REQUEST_ID: &str = "bulla-request-id";
/// The protocol versions the client speaks, as `1-1`.
pub const VERSIONS: &str = "bulla-versions";

/// A hop path as the value of [`HOPS`].
#[must_use]
pub fn format_hops(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The nodes in a value of [`HOPS`]; `None` unless it is 1 to 16 keys of 64 lower-case hexadecimal digits, no key twice
/// (HOP-2).
#[must_use]
pub fn parse_hops(value: &str) -> Option<Vec<NodeId>> {
    let is_lower = !value.bytes().any(|byte| byte.is_ascii_uppercase());
    if value.len() > MAX_HOPS * (2 * NodeId::LEN + 1) || !is_lower {
        return None;
    }
    let mut nodes = Vec::new();
    for part in value.split(',') {
        let node: NodeId = part.parse().ok()?;
        if nodes.len() == MAX_HOPS || nodes.contains(&node) {
            return None;
        }
        nodes.push(node);
    }
    Some(nodes)
}

/// The milliseconds in a value of [`DEADLINE`]; `None` unless it is a plain decimal number up to one day.
#[must_use]
pub fn parse_deadline(value: &str) -> Option<u64> {
    decimal(value, MAX_DEADLINE_MS)
}

/// Whether this may stand in [`REQUEST_ID`]: 1 to 64 letters, digits, `-` and `_`.
#[must_use]
pub fn is_request_id(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !value.is_empty() && value.len() <= MAX_REQUEST_ID_BYTES && value.bytes().all(plain)
}

/// A token as the value of [`AUTHORIZATION`]. A secret.
#[must_use]
pub fn format_token(token: &[u8; TOKEN_BYTES]) -> String {
    format!("Bearer {}", data_encoding::BASE64URL_NOPAD.encode(token))
}

/// The token in a value of [`AUTHORIZATION`]; `None` for anything but `Bearer ` and its one encoding.
#[must_use]
pub fn parse_token(value: &str) -> Option<[u8; TOKEN_BYTES]> {
    let text = value.strip_prefix("Bearer ")?;
    if text.len() != (TOKEN_BYTES * 4).div_ceil(3) {
        return None;
    }
    data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}
