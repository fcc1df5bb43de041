//! The table of every stable code (chapter `errors.md`, ERR-1): what it means, whether asking again may help, which HTTP
//! status goes with it, and who is at fault. The chapter holds the same table; a test compares the two.

use bulla_core::Code;

/// Who has to do something about an error (ERR-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Whoever sent the request or the data.
    Sender,
    /// The node that answers.
    Node,
    /// A node behind the one that answers, or the node that answered the client.
    Peer,
    /// The network, or load: nobody in particular.
    Circumstance,
}

impl Fault {
    /// Its name in the chapter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Node => "node",
            Self::Peer => "peer",
            Self::Circumstance => "circumstance",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The code.
    pub code: &'static str,
    /// The HTTP status of an answer that is this error.
    pub status: u16,
    /// Whether the same request may succeed later.
    pub is_retryable: bool,
    /// Who is at fault.
    pub fault: Fault,
    /// What it means.
    pub meaning: &'static str,
}

/// No protocol version is shared; the details name both ranges.
pub const VERSION: Code = Code::new("wire.version");
/// No request has this path, or a header of it cannot be read.
pub const ROUTE: Code = Code::new("request.route");
/// The path does not take this method.
pub const METHOD: Code = Code::new("request.method");
/// A header of the request cannot be read.
pub const HEADER: Code = Code::new("request.header");
/// The content type of the body is not the one of the route.
pub const CONTENT_TYPE: Code = Code::new("request.content_type");
/// More than a bound allows.
pub const TOO_LARGE: Code = Code::new("request.too_large");
/// The request took too long to arrive.
pub const TIMEOUT: Code = Code::new("request.timeout");
/// No token, or one that this node does not know (any more).
pub const TOKEN: Code = Code::new("login.token");
/// The challenge is not of this node.
pub const CHALLENGE: Code = Code::new("login.challenge");
/// The challenge served before.
pub const CHALLENGE_USED: Code = Code::new("login.used");
/// The signature over the transcript does not verify.
pub const LOGIN_SIGNATURE: Code = Code::new("login.signature");
/// The origin is not one of this node's.
pub const LOGIN_ORIGIN: Code = Code::new("login.origin");
/// This key may not log in here.
pub const LOGIN_REFUSED: Code = Code::new("login.refused");
/// The hop path cannot be read, or this client may not send one.
pub const HOP_PATH: Code = Code::new("hop.path");
/// Too many requests or connections at the moment.
pub const BUSY: Code = Code::new("node.busy");
/// The node is about to stop.
pub const DRAINING: Code = Code::new("node.draining");
/// The node behind cannot be reached.
pub const UPSTREAM: Code = Code::new("upstream.unavailable");
/// The node behind did not answer in time.
pub const UPSTREAM_TIMEOUT: Code = Code::new("upstream.timeout");
/// The node behind wants to send the client elsewhere.
pub const UPSTREAM_REDIRECT: Code = Code::new("upstream.redirect");
/// The node behind has an address that is not allowed.
pub const UPSTREAM_ADDRESS: Code = Code::new("upstream.address");

/// The row of a code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code == code)
}

const fn row(
    code: &'static str,
    status: u16,
    is_retryable: bool,
    fault: Fault,
    meaning: &'static str,
) -> Row {
    Row { code, status, is_retryable, fault, meaning }
}

use Fault::{Circumstance, Node, Peer, Sender};

/// Every code, by area.
pub const TABLE: &[Row] = &[
    row("cbor.truncated", 400, false, Sender, "the bytes end inside an item"),
    row("cbor.trailing", 400, false, Sender, "bytes follow the item"),
    row(
        "cbor.not_shortest",
        400,
        false,
        Sender,
        "an integer or length is not in its shortest form",
    ),
    row("cbor.indefinite", 400, false, Sender, "an indefinite length"),
    row("cbor.type", 400, false, Sender, "a type the formats do not use"),
    row("cbor.map_keys", 400, false, Sender, "map keys are not ascending unsigned integers"),
    row("cbor.utf8", 400, false, Sender, "a text string is not UTF-8"),
    row("cbor.depth", 400, false, Sender, "arrays and maps are nested too deep"),
    row("cbor.unexpected", 400, false, Sender, "another type was expected"),
    row("cbor.count", 400, false, Sender, "another number of elements was expected"),
    row("cbor.bounds", 400, false, Sender, "a value is outside the bounds of its field"),
    row("header.too_long", 400, false, Sender, "a header is longer than 8 KiB"),
    row("header.version", 400, false, Sender, "a header has an unknown format version"),
    row("header.topic", 400, false, Sender, "a control entry has a topic"),
    row("header.sequence", 400, false, Sender, "sequence and previous entry do not agree"),
    row("header.control_kind", 400, false, Sender, "a control kind this version does not know"),
    row("header.dependencies", 400, false, Sender, "dependencies break their order or rules"),
    row("header.key_id", 400, false, Sender, "the key id is not zero exactly for control kinds"),
    row("header.payload_length", 400, false, Sender, "a sealed payload shorter than its tag"),
    row("header.genesis", 400, false, Sender, "the rules of a genesis are broken"),
    row("genesis.too_long", 400, false, Sender, "a genesis payload is longer than 16 KiB"),
    row("genesis.version", 400, false, Sender, "an unknown genesis version"),
    row(
        "genesis.founders",
        400,
        false,
        Sender,
        "founders are not distinct keys, the author first, or one has an X25519 key that is not usable",
    ),
    row("genesis.policy_key", 400, false, Sender, "an unknown policy key"),
    row("control.version", 400, false, Sender, "an unknown version of a control payload"),
    row("control.zero", 400, false, Sender, "an id or a device of a control payload is zero"),
    row("control.order", 400, false, Sender, "a list of a control payload is not ascending"),
    row("control.cut", 400, false, Sender, "a cut names no entry"),
    row("joining_card.version", 400, false, Sender, "an unknown version of a joining card"),
    row("joining_card.sealing_key", 400, false, Sender, "the X25519 key is not usable"),
    row(
        "joining_card.signature",
        400,
        false,
        Sender,
        "the signature of a joining card does not verify",
    ),
    row("grant.device", 400, false, Sender, "a bare node key is granted another role than relay"),
    row("grant.space", 400, false, Sender, "a joining card is for another space"),
    row("epoch.key_id", 400, false, Sender, "the key id of an epoch is zero"),
    row("group.both", 400, false, Sender, "a device is both added to a group and removed"),
    row("group.founding", 400, false, Sender, "an entry that founds a group removes devices"),
    row("erase.empty", 400, false, Sender, "an erasure of nothing"),
    row("recovery.empty", 400, false, Sender, "a recovery entry with neither device nor next key"),
    row(
        "recovery.next",
        400,
        false,
        Sender,
        "the next recovery key is zero, not two new keys, or has an X25519 key that is not usable",
    ),
    row("entry.space", 400, false, Sender, "the entry belongs to another space"),
    row("entry.author_key", 400, false, Sender, "the author key is not usable"),
    row("entry.signature", 400, false, Sender, "the signature does not verify"),
    row(
        "entry.payload_length",
        400,
        false,
        Sender,
        "the payload is not as long as the header says",
    ),
    row(
        "entry.content_hash",
        400,
        false,
        Sender,
        "the payload does not have the hash in the header",
    ),
    row("cursor.lineage", 409, false, Sender, "the cursor is of another history"),
    row("cursor.beyond_head", 409, false, Sender, "the cursor lies beyond the newest receipt"),
    row("cursor.log_hash", 409, false, Sender, "the histories differ before the cursor"),
    row("request.too_large", 413, false, Sender, "more than a bound allows"),
    row("request.filter", 400, false, Sender, "the terms of a filter are not in their order"),
    row("request.route", 404, false, Sender, "no request has this path"),
    row("request.method", 405, false, Sender, "the path does not take this method"),
    row("request.header", 400, false, Sender, "a header of the request cannot be read"),
    row("request.content_type", 415, false, Sender, "the content type is not that of the route"),
    row("request.timeout", 408, true, Sender, "the request took too long to arrive"),
    row(
        "login.token",
        401,
        true,
        Sender,
        "no token, or one that is not known any more: log in again",
    ),
    row("login.challenge", 401, true, Sender, "the challenge is not of this node"),
    row("login.expired", 401, true, Sender, "the challenge is too old"),
    row("login.spaces", 400, false, Sender, "the spaces of a login are not ascending or too many"),
    row("login.identity", 400, false, Sender, "a login names another key than the one that signs"),
    row("login.used", 401, true, Sender, "the challenge served before"),
    row("login.signature", 401, false, Sender, "the signature over the login does not verify"),
    row("login.origin", 400, false, Sender, "the origin is not one of this node's"),
    row("login.refused", 403, false, Sender, "this key may not log in here"),
    row(
        "space.not_served",
        404,
        false,
        Sender,
        "unknown here, or not for this client; both look the same",
    ),
    row("space.forbidden", 403, false, Sender, "the client lacks a right in this space"),
    row(
        "mailbox.slot",
        400,
        false,
        Sender,
        "a mailbox has no such slot, or the operation takes none",
    ),
    row("mailbox.proof", 403, false, Sender, "the proof that goes with a mailbox does not hold"),
    row("mailbox.taken", 409, false, Sender, "the slot holds another message"),
    row("mailbox.unknown", 404, false, Sender, "there is no such mailbox, or none any more"),
    row("mailbox.full", 429, true, Circumstance, "too many mailboxes are open"),
    row("hop.loop", 508, false, Node, "the request passed this node before, or too many nodes"),
    row(
        "hop.path",
        400,
        false,
        Sender,
        "the hop path cannot be read, or may not be sent by this client",
    ),
    row("store.unsupported", 501, false, Sender, "this store cannot do that"),
    row("store.deadline", 504, true, Circumstance, "the client's deadline passed"),
    row("store.corrupt", 500, false, Node, "stored data is damaged"),
    row("store.full", 507, true, Node, "no space is left"),
    row("store.read_only", 503, true, Node, "no writes are taken after a failed sync"),
    row(
        "store.needs_audit",
        503,
        false,
        Node,
        "a suffix of the log was lost and must be fetched again",
    ),
    row("store.internal", 500, false, Node, "the engine or the operating system failed"),
    row("store.closed", 503, true, Node, "the store is being closed"),
    row(
        "store.lineage_changed",
        503,
        true,
        Circumstance,
        "the store's history was replaced during the request",
    ),
    row(
        "quarantine.author_full",
        507,
        true,
        Circumstance,
        "the author has no room in quarantine for a refused entry",
    ),
    row("quarantine.full", 507, true, Node, "there is no room in quarantine for a refused entry"),
    row(
        "directory.open",
        503,
        true,
        Circumstance,
        "headers that decide about the entry are not held",
    ),
    row(
        "quota.author_entries",
        507,
        true,
        Circumstance,
        "the author has as many entries as the policy allows",
    ),
    row(
        "quota.author_bytes",
        507,
        true,
        Circumstance,
        "the author has as many payload bytes as the policy allows",
    ),
    row(
        "quota.space_entries",
        507,
        true,
        Circumstance,
        "the space has as many entries as its policy allows",
    ),
    row(
        "quota.space_bytes",
        507,
        true,
        Circumstance,
        "the space has as many payload bytes as its policy allows",
    ),
    row("quota.control", 507, true, Circumstance, "too many control entries that do not count"),
    row(
        "quota.branches",
        507,
        true,
        Circumstance,
        "too many branches whose place in the chain is open",
    ),
    row("directory.stranger", 403, true, Sender, "the author never belonged to the space"),
    row(
        "directory.recovery",
        403,
        true,
        Sender,
        "a recovery entry, or one by a recovery key, other than the one that counts",
    ),
    row("directory.format", 403, true, Sender, "the space asks for a later format"),
    row(
        "directory.cut",
        403,
        true,
        Sender,
        "the author had the right and lost it; the entry lies beyond what still counts",
    ),
    row("directory.no_right", 403, true, Sender, "the author does not have the right"),
    row(
        "directory.seniority",
        403,
        true,
        Sender,
        "the device concerned is senior to the author, or the author",
    ),
    row(
        "directory.revoked",
        403,
        true,
        Sender,
        "the grant brings in a device of which it knows that an admin revoked it",
    ),
    row(
        "directory.group",
        403,
        true,
        Sender,
        "the group was not founded by a counting entry in its past",
    ),
    row(
        "directory.parents",
        403,
        true,
        Sender,
        "a parent of the epoch is no epoch of its group in its past",
    ),
    row("directory.invitation", 403, true, Sender, "the invitation brought in another device"),
    row("store.short_answer", 502, false, Peer, "a store answered for another number of entries"),
    row("cache.storage", 503, true, Node, "a cache cannot keep what it fetches"),
    row("node.busy", 429, true, Circumstance, "too many requests or connections just now"),
    row("node.draining", 503, true, Circumstance, "the node is about to stop"),
    row("upstream.unavailable", 503, true, Circumstance, "the node behind cannot be reached"),
    row("upstream.timeout", 504, true, Circumstance, "the node behind did not answer in time"),
    row("upstream.redirect", 502, false, Peer, "the node behind redirects, which is not followed"),
    row("upstream.address", 502, true, Node, "the address of the node behind is not allowed"),
    row("upstream.tls", 502, false, Peer, "no TLS with the node behind"),
    row("peer.wrong_node", 502, false, Peer, "the node behind has another key than expected"),
    row("peer.capabilities", 502, false, Peer, "the node behind does not say what it can do"),
    row("peer.login", 502, false, Peer, "the node behind does not prove its key"),
    row("peer.answer", 502, false, Peer, "the node behind answers something else than was asked"),
    row("peer.acknowledgement", 502, false, Peer, "a node's acknowledgement is missing or wrong"),
    row("peer.cursor", 502, false, Peer, "a node's cursor does not follow from what it sent"),
    row("peer.log_hash", 502, false, Peer, "a node's page does not add up to its cursor"),
    row(
        "peer.wrong_entry",
        502,
        false,
        Peer,
        "a node answers for another entry than was asked for",
    ),
    row("scan.stalled", 502, false, Peer, "a node's page does not move its cursor"),
    row("wire.version", 400, false, Sender, "no protocol version is shared; both ranges are named"),
    row("wire.truncated", 400, false, Sender, "a body ends before its end item"),
    row("wire.trailing", 400, false, Sender, "bytes follow the end item"),
    row("wire.item_too_large", 413, false, Sender, "an item of a stream is too long"),
    row("wire.too_many_items", 413, false, Sender, "more items than allowed or asked for"),
    row("wire.too_many_bytes", 413, false, Sender, "more bytes than allowed or asked for"),
    row("wire.tag", 400, false, Sender, "an item does not belong into this body"),
    row("wire.count", 400, false, Sender, "the end item counts another number of items"),
    row("wire.receipts", 400, false, Sender, "receipts do not ascend"),
    row(
        "compact.reference",
        400,
        false,
        Sender,
        "a reference to something that is not in the tables",
    ),
    row("compact.not_shortest", 400, false, Sender, "a value is spelled out that the tables have"),
    row("bundle.version", 400, false, Sender, "not a bundle of a known version"),
    row("bundle.digest", 400, false, Sender, "the entries do not have the digest at the end"),
];
