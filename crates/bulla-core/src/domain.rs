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
/// BLAKE3 derive-key context of the scope a sync checkpoint belongs to (SYN-22).
pub const SYNC_SCOPE: &str = "bulla 2026 sync scope";
/// BLAKE3 derive-key context of Bloom positions (BLM-3).
pub const BLOOM: &str = "bulla 2026 bloom";
/// BLAKE3 derive-key context of key ids (KEY-5).
pub const KEY_ID: &str = "bulla 2026 key id";
/// BLAKE3 derive-key context of the digest over acknowledged ids (ACK-2).
pub const ACKNOWLEDGED_IDS: &str = "bulla 2026 acknowledged ids";
/// BLAKE3 derive-key context of the digest over a login transcript (LOGIN-2).
pub const LOGIN_TRANSCRIPT: &str = "bulla 2026 login transcript";
/// BLAKE3 derive-key context of the key for challenge tags (LOGIN-5).
pub const LOGIN_CHALLENGE: &str = "bulla 2026 login challenge";
/// BLAKE3 derive-key context of what a node keeps of a token (LOGIN-8).
pub const TOKEN: &str = "bulla 2026 token";
/// BLAKE3 derive-key context of the checksum in a device card's text (CARD-4).
pub const CARD_CHECKSUM: &str = "bulla 2026 card checksum";
/// BLAKE3 derive-key context of a device's salt secret (KEY-3).
pub const SALT_SECRET: &str = "bulla 2026 salt secret";
/// HKDF info prefix of the one-time key of a payload (SEAL-4).
pub const PAYLOAD_KEY: &str = "bulla 2026 payload key";
/// BLAKE3 derive-key context of a space's topic secret (KEY-7).
pub const TOPIC: &str = "bulla 2026 topic";
/// HKDF info prefix of the key of a sealed label (CTL-12).
pub const LABEL: &str = "bulla 2026 label";
/// HPKE info prefix of an epoch key sealed to a device by an epoch entry (CTL-32).
pub const EPOCH_KEY: &str = "bulla 2026 epoch key";
/// Prefix of what an author's salt secret draws an epoch's key from (CTL-31).
pub const EPOCH_DRAW: &str = "bulla 2026 epoch draw";
/// BLAKE3 derive-key context of the digest over an epoch's recipients (CTL-32).
pub const EPOCH_RECIPIENTS: &str = "bulla 2026 epoch recipients";
/// BLAKE3 derive-key context of the key of what an epoch hands down (CTL-33).
pub const EPOCH_INHERITANCE: &str = "bulla 2026 epoch inheritance";
/// BLAKE3 derive-key context of the key for hashes of plaintext chunks (MAN-6).
pub const CHUNK_HASH: &str = "bulla 2026 chunk hash";
/// HPKE info prefix of epoch keys sealed to a device (KEY-8).
pub const KEY_TRANSFER: &str = "bulla 2026 key transfer";
/// BLAKE3 derive-key context of the digest over a key transfer that is signed (KEY-9).
pub const KEY_TRANSFER_DIGEST: &str = "bulla 2026 transfer digest";
/// BLAKE3 derive-key context of the checksum in a key transfer's text (KEY-10).
pub const KEY_TRANSFER_CHECKSUM: &str = "bulla 2026 transfer checksum";
/// BLAKE3 derive-key context of the inviter in an invitation (PAIR-10).
pub const INVITER: &str = "bulla 2026 inviter";
/// BLAKE3 derive-key context of invitation ids (PAIR-11).
pub const INVITATION_ID: &str = "bulla 2026 invitation id";
/// BLAKE3 derive-key context of the checksum in an invitation's text (PAIR-12).
pub const INVITATION_CHECKSUM: &str = "bulla 2026 invitation checksum";
/// BLAKE3 derive-key context of the keys of a joiner's messages (PAIR-21).
pub const PAIRING_JOINER_KEY: &str = "bulla 2026 pairing joiner key";
/// BLAKE3 derive-key context of the keys of an approver's messages (PAIR-21).
pub const PAIRING_APPROVER_KEY: &str = "bulla 2026 pairing approver key";
/// BLAKE3 derive-key context of the salts of messages (PAIR-21).
pub const PAIRING_SALT: &str = "bulla 2026 pairing salt";
/// At the front of what nonces are drawn from (PAIR-26).
pub const PAIRING_NONCE: &str = "bulla 2026 pairing nonce";
/// BLAKE3 derive-key context of what came before a message (PAIR-21).
pub const PAIRING_HISTORY: &str = "bulla 2026 pairing history";
/// BLAKE3 derive-key context of the checksum in a pairing message's text (PAIR-25).
pub const PAIRING_CHECKSUM: &str = "bulla 2026 pairing checksum";
/// BLAKE3 derive-key context of commitments to nonces (PAIR-26).
pub const PAIRING_COMMITMENT: &str = "bulla 2026 pairing commitment";
/// BLAKE3 derive-key context of the code that people compare (PAIR-27).
pub const PAIRING_CODE: &str = "bulla 2026 pairing code";
/// BLAKE3 derive-key context of the seed of a mailbox's key (PAIR-41).
pub const MAILBOX_KEY: &str = "bulla 2026 mailbox key";
/// BLAKE3 derive-key context of the Ed25519 seed of a recovery key (PAIR-51).
pub const RECOVERY_SIGNING: &str = "bulla 2026 recovery signing";
/// BLAKE3 derive-key context of the X25519 private key of a recovery key (PAIR-51).
pub const RECOVERY_SEALING: &str = "bulla 2026 recovery sealing";

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
/// Prefix of the bytes a device signs over epoch keys it sealed to another device (KEY-9).
pub const SIGN_KEY_TRANSFER: &[u8] = b"bulla key transfer v1";
/// Prefix of the bytes a device signs to come into a space (PAIR-2).
pub const SIGN_JOINING_CARD: &[u8] = b"bulla joining card v1";
/// Prefix of the bytes a joining device signs when its person compared the codes (PAIR-22).
pub const SIGN_PAIRING_CONFIRMATION: &[u8] = b"bulla pairing confirmation v1";
/// Prefix of the bytes an approving device signs when it lets a device in (PAIR-22).
pub const SIGN_PAIRING_APPROVAL: &[u8] = b"bulla pairing approval v1";
/// Prefix of the bytes that whoever shares an invitation signs to use its mailbox (PAIR-42).
pub const SIGN_MAILBOX: &[u8] = b"bulla mailbox v1";
