//! Domain strings: one per use of a hash or a signing key, so that no object can be presented as another (KEY-1).
//!
//! None is a prefix of another. Everything that is hashed under a derive-key context or signed anywhere in the project
//! takes its string from here.

/// BLAKE3 derive-key context of the header digest (ENT-30).
pub const HEADER: &str = "bulla 2026 header";
/// BLAKE3 derive-key context of entry ids (ENT-32).
pub const ENTRY_ID: &str = "bulla 2026 entry id";
/// BLAKE3 derive-key context of one element of a set digest (SET-1).
pub const SET_ELEMENT: &str = "bulla 2026 set element";
/// BLAKE3 derive-key context of the digest over a set state (SET-3).
pub const SET_DIGEST: &str = "bulla 2026 set digest";
/// BLAKE3 derive-key context of the log hash (LOG-1).
pub const LOG_HASH: &str = "bulla 2026 log hash";
/// BLAKE3 derive-key context of Bloom positions (BLM-3).
pub const BLOOM: &str = "bulla 2026 bloom";
/// BLAKE3 derive-key context of key ids (KEY-5).
pub const KEY_ID: &str = "bulla 2026 key id";
/// BLAKE3 derive-key context of the digest over acknowledged ids (ACK-2).
pub const ACKNOWLEDGED_IDS: &str = "bulla 2026 acknowledged ids";

/// Prefix of the bytes an author signs for an entry (ENT-31).
pub const SIGN_ENTRY: &[u8] = b"bulla entry v1";
/// Prefix of the bytes a client signs to log in (LOGIN-4).
pub const SIGN_LOGIN_INITIATOR: &[u8] = b"bulla login initiator v1";
/// Prefix of the bytes a node signs to answer a login (LOGIN-3).
pub const SIGN_LOGIN_RESPONDER: &[u8] = b"bulla login responder v1";
/// Prefix of the bytes a node signs to acknowledge entries (ACK-3).
pub const SIGN_ACKNOWLEDGEMENT: &[u8] = b"bulla acknowledgement v1";
/// Prefix of the bytes a device signs over its own card (CARD-2).
pub const SIGN_CARD: &[u8] = b"bulla device card v1";
