//! What of an error a client may see: the code, what the code means, and what it needs for its own typed error (ERR-4,
//! ERR-5). Everything else goes to the log.

use bulla_core::Code;
use bulla_store::{CursorRefusal, StoreError};
use bulla_wire::{ErrorDetails, StreamError, WireError, codes};
use tracing::{debug, error, warn};

use crate::listen::Chain;

/// The error of a code, in the words of the table.
pub(crate) fn of_code(code: Code) -> WireError {
    let meaning = codes::find(code.as_str()).map_or("unknown error", |row| row.meaning);
    WireError::new(code, meaning)
}

/// The error of a code, with what broke the rule: only for words about the client's own request.
pub(crate) fn of_request(code: Code, reason: impl Into<String>) -> WireError {
    WireError::new(code, reason)
}

/// A body that cannot be read.
pub(crate) fn of_stream(error: &StreamError) -> WireError {
    WireError::new(error.code(), error.to_string())
}

/// What a store said.
pub(crate) fn of_store(error: &StoreError) -> WireError {
    log(error);
    let mut wire = of_code(error.code());
    wire.is_retryable = error.is_retryable();
    wire.details = Box::new(details(error));
    match error {
        StoreError::Request { reason, .. } => wire.message.clone_from(reason),
        StoreError::Unavailable { retry_after: Some(after), .. } => {
            wire.retry_after_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        }
        _ => {}
    }
    wire
}

fn details(error: &StoreError) -> ErrorDetails {
    let none = ErrorDetails::default();
    match error {
        StoreError::Cursor(refusal) => match *refusal {
            CursorRefusal::Lineage { cursor, store } => {
                ErrorDetails { cursor_lineage: Some(cursor), store_lineage: Some(store), ..none }
            }
            CursorRefusal::BeyondHead { cursor, store } => {
                ErrorDetails { cursor_receipt: Some(cursor), store_receipt: Some(store), ..none }
            }
            CursorRefusal::LogHash { receipt, cursor, store } => ErrorDetails {
                cursor_receipt: Some(receipt),
                cursor_log_hash: Some(cursor),
                store_log_hash: Some(store),
                ..none
            },
            _ => none,
        },
        StoreError::NotServed(space) => ErrorDetails { space: Some(*space), ..none },
        StoreError::Forbidden { right } => ErrorDetails { right: Some(Code::new(right)), ..none },
        StoreError::Loop(node) => ErrorDetails { node: Some(*node), ..none },
        StoreError::WrongNode { expected, actual } => {
            ErrorDetails { node: Some(*expected), actual_node: Some(*actual), ..none }
        }
        StoreError::Corrupt { id, .. } => ErrorDetails { entry: *id, ..none },
        _ => none,
    }
}

/// Whose turn it is decides how loudly it is said.
fn log(error: &StoreError) {
    let code = error.code();
    match error {
        StoreError::Internal { .. } | StoreError::Corrupt { .. } | StoreError::ReadOnly { .. } => {
            error!(%code, error = %Chain(error), "the store failed");
        }
        StoreError::Full => error!(%code, "no space left"),
        StoreError::Unavailable { .. }
        | StoreError::Peer { .. }
        | StoreError::WrongNode { .. }
        | StoreError::Loop(_) => warn!(%code, error = %Chain(error), "the store did not answer"),
        _ => debug!(%code, error = %Chain(error), "request refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ERR-8: causes go to the log, the client is told what the table says.
    #[test]
    fn nothing_of_a_cause_is_sent() {
        let secret = "/var/lib/secret at relay.example";
        let cause = std::io::Error::other(secret);
        let code = || Code::new("upstream.unavailable");
        let errors = [
            StoreError::internal(secret, cause),
            StoreError::Corrupt { id: None, reason: secret.to_owned() },
            StoreError::ReadOnly { reason: secret.to_owned() },
            StoreError::peer(Code::new("peer.answer"), secret),
            StoreError::Unavailable { code: code(), reason: secret.to_owned(), retry_after: None },
        ];
        for error in errors {
            let sent = of_store(&error);
            let row = codes::find(sent.code.as_str()).unwrap();
            assert_eq!(
                (sent.message.as_str(), &*sent.details),
                (row.meaning, &ErrorDetails::default())
            );
        }
        // A code that the table does not have says nothing either.
        let unknown = of_store(&StoreError::peer(Code::new("zeta.unknown"), secret));
        assert!(!unknown.message.contains("secret"), "{unknown}");
    }
}
