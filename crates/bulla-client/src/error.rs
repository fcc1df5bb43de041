//! From what a node answers, and from what happens on the way, to the errors of a store.

use std::error::Error;
use std::time::Duration;

use bulla_core::cbor::CborError;
use bulla_core::{Code, NodeId, SpaceId};
use bulla_store::{CursorRefusal, StoreError};
use bulla_wire::codes::{self, Fault};
use bulla_wire::{StreamError, WireError};

use crate::address::AddressRefused;

/// The node's answer is not one to what was asked.
pub(crate) const ANSWER: Code = Code::new("peer.answer");
/// The node's cursor does not follow from what it sent.
pub(crate) const CURSOR: Code = Code::new("peer.cursor");
/// The node's acknowledgement is wrong.
pub(crate) const ACKNOWLEDGEMENT: Code = Code::new("peer.acknowledgement");
/// The node does not say what it can do.
pub(crate) const CAPABILITIES: Code = Code::new("peer.capabilities");
/// The node does not prove its key.
pub(crate) const LOGIN: Code = Code::new("peer.login");

/// The node broke the protocol.
pub(crate) fn peer(code: Code, reason: impl Into<String>) -> StoreError {
    StoreError::peer(code, reason)
}

/// A body that is one item cannot be read.
pub(crate) fn unreadable(what: &str, error: &CborError) -> StoreError {
    peer(ANSWER, format!("answer to {what} is malformed: {error}"))
}

/// The error a node answered with, as the error of a store; `space` is what the request was about.
pub(crate) fn from_wire(error: WireError, space: Option<SpaceId>) -> StoreError {
    let message = error.printable();
    let WireError { code, message: _, is_retryable, retry_after_ms, details } = error;
    // Handed on to whoever asked here, who must not hear a third party speak (ERR-8).
    let refused = |code: Code| {
        let row = codes::find(code.as_str());
        let reason =
            row.map_or("the node refuses with a code of a later version", |row| row.meaning);
        StoreError::Request { code, reason: reason.to_owned() }
    };
    let unavailable = |code| StoreError::Unavailable {
        code,
        reason: message.clone(),
        retry_after: retry_after_ms.map(Duration::from_millis),
    };
    match code.as_str() {
        "cursor.lineage" | "cursor.beyond_head" | "cursor.log_hash" => {
            return refusal(&code, &details).map_or_else(
                || peer(ANSWER, format!("{code} without its details")),
                StoreError::Cursor,
            );
        }
        "space.not_served" => {
            return StoreError::NotServed(details.space.or(space).unwrap_or(SpaceId::ZERO));
        }
        "space.forbidden" => {
            let right = match details.right.as_ref().map(Code::as_str) {
                Some("read") => "read",
                Some("write") => "write",
                Some("carry") => "carry",
                _ => "do that",
            };
            return StoreError::Forbidden { right };
        }
        "hop.loop" => return StoreError::Loop(details.node.unwrap_or(NodeId::ZERO)),
        "store.unsupported" => return StoreError::Unsupported { what: "this request" },
        "store.deadline" => return StoreError::Deadline,
        "store.corrupt" => return StoreError::Corrupt { id: details.entry, reason: message },
        "store.full" => return StoreError::Full,
        "store.read_only" => return StoreError::ReadOnly { reason: message },
        "store.internal" => {
            let context = format!("the node failed: {message}");
            return StoreError::Internal { context, source: None };
        }
        "peer.wrong_node" => {
            if let (Some(expected), Some(actual)) = (details.node, details.actual_node) {
                return StoreError::WrongNode { expected, actual };
            }
        }
        _ => {}
    }
    let fault = codes::find(code.as_str()).map(|row| row.fault);
    match fault {
        _ if is_retryable => unavailable(code),
        Some(Fault::Sender) => refused(code),
        Some(Fault::Peer) => peer(code, message),
        Some(Fault::Node | Fault::Circumstance) => unavailable(code),
        // A code of a later version: what it is about is unknown, but not that it is final.
        None => refused(code),
    }
}

fn refusal(code: &Code, details: &bulla_wire::ErrorDetails) -> Option<CursorRefusal> {
    Some(match code.as_str() {
        "cursor.lineage" => CursorRefusal::Lineage {
            cursor: details.cursor_lineage?,
            store: details.store_lineage?,
        },
        "cursor.beyond_head" => CursorRefusal::BeyondHead {
            cursor: details.cursor_receipt?,
            store: details.store_receipt?,
        },
        _ => CursorRefusal::LogHash {
            receipt: details.cursor_receipt?,
            cursor: details.cursor_log_hash?,
            store: details.store_log_hash?,
        },
    })
}

/// A stream of a node that cannot be read.
pub(crate) fn from_stream(error: StreamError, space: SpaceId) -> StoreError {
    match error {
        StreamError::Peer(error) => from_wire(error, Some(space)),
        error => peer(error.code(), error.to_string()),
    }
}

/// Something went wrong below HTTP.
pub(crate) fn from_transport(error: &reqwest::Error) -> StoreError {
    let mut cause: Option<&dyn Error> = Some(error);
    let mut reason = String::new();
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<AddressRefused>() {
            return unavailable(codes::UPSTREAM_ADDRESS, refused.to_string());
        }
        if let Some(tls) = tls_error(current) {
            return peer(Code::new("upstream.tls"), format!("TLS failed: {tls}"));
        }
        // The address is not repeated at every level, and the cause is what helps.
        reason = current.to_string();
        cause = current.source();
    }
    if error.is_timeout() {
        return unavailable(codes::UPSTREAM_TIMEOUT, "connecting took too long");
    }
    unavailable(codes::UPSTREAM, format!("connection failed: {reason}"))
}

/// An I/O error hides what it was made of from `source`, and may be made of another one.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    loop {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        error = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

pub(crate) fn unavailable(code: Code, reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { code, reason: reason.into(), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What moves the cursor, rings, hides text or turns its direction round.
    const HOSTILE: &str = "all is well\u{1b}[2J\u{7}\r\n\u{202e}\u{2066}ecnalab\u{9b}31m";

    /// A62: what a node says is shown to people and written to logs here; it must not steer a terminal.
    #[test]
    fn a62_a_message_of_a_node_is_text_and_nothing_else() {
        for row in codes::TABLE {
            let code = Code::parse(row.code).expect("the table keeps the rule of codes");
            for is_retryable in [false, true] {
                let wire = WireError { is_retryable, ..WireError::new(code.clone(), HOSTILE) };
                let error = from_wire(wire, None);
                let shown = format!("{error} {error:?}");
                let hostile = HOSTILE.chars().filter(|c| !c.is_ascii_graphic() && *c != ' ');
                for c in hostile {
                    assert!(!shown.contains(c), "{c:?} in {shown:?}");
                    assert!(!shown.contains(&c.escape_debug().to_string()), "{c:?} in {shown:?}");
                }
            }
        }
    }

    /// ERR-8: the reason of a refused request is handed on to whoever asked, so it is in our own words.
    #[test]
    fn a62_no_reason_of_a_node_is_handed_on() {
        for code in ["request.too_large", "cbor.bounds", "login.refused", "zeta.unknown"] {
            let code = Code::parse(code).expect("a code");
            match from_wire(WireError::new(code.clone(), HOSTILE), None) {
                StoreError::Request { code: kept, reason } => {
                    assert_eq!(kept, code);
                    assert!(!reason.contains("all is well"), "{reason}");
                    assert!(!reason.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
