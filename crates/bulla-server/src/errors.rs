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
    if is_our_own_login(&error.code()) {
        return of_code(codes::UPSTREAM);
    }
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

/// Whether a store that is a proxy speaks of what the node behind says to *us*: of our login there, and of our right to
/// carry. A client that heard it would take it for its own, and log in again and again (ERR-11).
fn is_our_own_login(code: &Code) -> bool {
    code.as_str().starts_with("login.") || *code == codes::HOP_PATH
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
    let said = Cut(error);
    match error {
        StoreError::Internal { .. } | StoreError::Corrupt { .. } | StoreError::ReadOnly { .. } => {
            error!(%code, error = %said, "the store failed");
        }
        StoreError::Full => error!(%code, "no space left"),
        // The operator needs both keys whole, to see which one the configuration should have.
        StoreError::WrongNode { .. } => {
            warn!(%code, error = %Chain(error), "the store did not answer");
        }
        StoreError::Unavailable { .. } | StoreError::Peer { .. } | StoreError::Loop(_) => {
            warn!(%code, error = %said, "the store did not answer");
        }
        _ => debug!(%code, error = %said, "request refused"),
    }
}

/// An error with its causes, as it may stand in a log. Nothing is done for a line that is not written.
struct Cut<'a>(&'a StoreError);

impl std::fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cut_ids(&Chain(self.0).to_string()))
    }
}

/// Whole ids are for clients: a log has their first digits (NODE-71).
fn cut_ids(text: &str) -> String {
    let mut cut = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(length);
        cut.push_str(before);
        match digits.get(..SHORT_DIGITS).filter(|_| length >= ID_DIGITS) {
            Some(short) => cut.extend([short, "…"]),
            None => cut.push_str(digits),
        }
        rest = after;
    }
    cut + rest
}

/// As many as the short form of an id has.
const SHORT_DIGITS: usize = 8;
/// The shortest of our ids, a lineage or topic, has so many; no word and no number does.
const ID_DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_and_nothing_else_is() {
        let id = "0123456789abcdef".repeat(4);
        let text =
            format!("answer to /v1/spaces/{id}/head: {id}{id} at 2026 decade, é{}", &id[..32]);
        let cut = "answer to /v1/spaces/01234567…/head: 01234567… at 2026 decade, é01234567…";
        assert_eq!(cut_ids(&text), cut);
        let short = "connection to 127.0.0.1:7440 failed after 30000 ms, abcdef0123456789";
        assert_eq!(cut_ids(short), short);
        assert_eq!(cut_ids(""), "");
    }

    /// What the node behind says of our own login is no answer to a client.
    ///
    /// Clauses: ERR-11.
    #[test]
    fn what_the_node_behind_says_of_our_login_is_not_handed_on() {
        let logins = codes::TABLE.iter().map(|row| row.code);
        let logins: Vec<_> = logins.filter(|code| code.starts_with("login.")).collect();
        assert!(logins.contains(&"login.token") && logins.contains(&"login.refused"));
        for code in logins.into_iter().chain(["hop.path"]) {
            let code = || Code::parse(code).unwrap();
            let reason = || "log in".to_owned();
            let errors = [
                StoreError::Unavailable { code: code(), reason: reason(), retry_after: None },
                StoreError::Request { code: code(), reason: reason() },
                StoreError::peer(code(), reason()),
            ];
            for error in errors {
                let sent = of_store(&error);
                assert_eq!((&sent.code, sent.status()), (&codes::UPSTREAM, 503), "{error:?}");
                assert!(sent.is_retryable && sent.details == Box::default(), "{sent:?}");
            }
        }
    }

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
