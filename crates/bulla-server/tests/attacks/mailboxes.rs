//! Mailboxes over HTTP: off unless somebody says otherwise, opened by those who may log in, used by whoever has the key.

use bulla_core::cbor::{Encode, Writer};
use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MAILBOX_LIFETIME_MS, MailboxOperation, MailboxRequest};
use bulla_core::{ContentHash, NodeId, PeerKey, Signature, SpaceId};
use bulla_identity::DeviceKeys;
use bulla_server::{AccessRules, MailboxSettings, ServiceSettings};
use bulla_wire::mailbox::{FEATURE, MailboxCall, MailboxOpen, MailboxReply};
use bulla_wire::{Capabilities, headers};
use ed25519_dalek::{Signer, SigningKey};

use crate::support::{
    Node, READ_WRITE, Reply, SetClock, Setup, device, one_member, request, space,
};

const OPEN: &str = "/v1/mailbox/open";
const ASK: &str = "/v1/mailbox";

/// Whoever has the key of a mailbox.
pub(crate) struct Guest {
    key: SigningKey,
    node: NodeId,
}

impl Guest {
    pub(crate) fn new(node: &Node, seed: [u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(&seed), node: node.service.node_id() }
    }

    fn signed(&self, operation: MailboxOperation) -> (MailboxRequest, Signature) {
        let address = MailboxAddress(self.key.verifying_key().to_bytes());
        let request = MailboxRequest { node: self.node, address, operation };
        (request, Signature(self.key.sign(&request.signing_message()).to_bytes()))
    }

    pub(crate) fn open(&self) -> MailboxOpen {
        let (request, proof) = self.signed(MailboxOperation::Open);
        MailboxOpen { address: request.address, proof }
    }

    pub(crate) fn leave(&self, slot: u8, message: &[u8]) -> MailboxCall {
        let content = ContentHash::of(message);
        let (request, proof) = self.signed(MailboxOperation::Leave { slot, content });
        MailboxCall::new(&request, proof, message).unwrap()
    }

    pub(crate) fn fetch(&self, slot: u8) -> MailboxCall {
        let (request, proof) = self.signed(MailboxOperation::Fetch { slot });
        MailboxCall::new(&request, proof, b"").unwrap()
    }

    fn close(&self) -> MailboxCall {
        let (request, proof) = self.signed(MailboxOperation::Close);
        MailboxCall::new(&request, proof, b"").unwrap()
    }
}

/// A node with mailboxes.
pub(crate) fn with_mailboxes(setup: Setup, max_mailboxes: usize, max_per_peer: usize) -> Setup {
    let mailbox = MailboxSettings { enabled: true, max_mailboxes, max_per_peer };
    Setup { service: ServiceSettings { mailbox, ..setup.service.clone() }, ..setup }
}

async fn node_for(member: &DeviceKeys) -> Setup {
    with_mailboxes(one_member(member, space(1)).await, 4, 3)
}

/// `None` for `null`.
async fn ask(node: &Node, call: &MailboxCall) -> Option<Vec<u8>> {
    node.post(ASK, None, call).await.value::<MailboxReply>().0
}

async fn refusal(node: &Node, call: &MailboxCall) -> String {
    node.post(ASK, None, call).await.code()
}

/// Clauses: WIRE-42, CAP-4.
#[tokio::test]
async fn where_there_are_none_their_paths_are_no_paths() {
    let member = device();
    let setup = one_member(&member, space(1)).await;
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let guest = Guest::new(&node, [1; 32]);
    let said: Capabilities = node.get("/v1/capabilities", None).await.value();
    assert!(!said.has(&FEATURE));
    let bodies = [guest.open().to_cbor(), guest.fetch(1).to_cbor(), vec![0; 9_000], Vec::new()];
    for method in ["GET", "POST", "PUT"] {
        for body in bodies.iter().filter(|body| method == "POST" || body.is_empty()) {
            for fields in [
                &[][..],
                &[("content-type", headers::CONTENT_CBOR)],
                &[("content-type", headers::CONTENT_CBOR), ("authorization", token.as_str())],
                &[("content-type", "text/plain"), (headers::HOPS, "none")],
            ] {
                let fields: Vec<_> =
                    [("bulla-request-id", "test")].iter().chain(fields).copied().collect();
                let nowhere = node.exchange(&request(method, "/v1/nowhere", &fields, body)).await;
                for path in [OPEN, ASK] {
                    let reply = node.exchange(&request(method, path, &fields, body)).await;
                    assert_eq!(reply, nowhere, "{method} {path}");
                }
            }
        }
    }
}

/// Clauses: WIRE-42, WIRE-43, WIRE-44, WIRE-45, PAIR-44.
#[tokio::test]
async fn members_open_and_whoever_has_the_key_asks() {
    let member = device();
    let node = node_for(&member).await.start().await;
    let said: Capabilities = node.get("/v1/capabilities", None).await.value();
    assert!(said.has(&FEATURE));
    let (token, guest) = (node.token(&*member, &[]).await, Guest::new(&node, [1; 32]));
    assert_eq!(refusal(&node, &guest.fetch(1)).await, "mailbox.unknown");
    assert_eq!(node.post(OPEN, None, &guest.open()).await.code(), "login.token");
    for _ in 0..2 {
        let opened: MailboxReply = node.post(OPEN, Some(&token), &guest.open()).await.value();
        assert_eq!(opened, MailboxReply(None));
    }
    assert_eq!(ask(&node, &guest.fetch(1)).await, None);
    assert_eq!(ask(&node, &guest.leave(1, b"one")).await, None);
    assert_eq!(ask(&node, &guest.fetch(1)).await.as_deref(), Some(&b"one"[..]));
    assert_eq!(refusal(&node, &guest.leave(1, b"two")).await, "mailbox.taken");
    assert_eq!(refusal(&node, &guest.leave(9, b"two")).await, "mailbox.slot");
    assert_eq!(refusal(&node, &guest.leave(8, &[7; 4_097])).await, "request.too_large");
    assert_eq!(ask(&node, &guest.leave(8, &[7; 4_096])).await, None);
    assert_eq!(refusal(&node, &guest.leave(2, &[7; 8_192])).await, "request.too_large");
    let mut forged = guest.fetch(1);
    forged.proof = Signature::ZERO;
    assert_eq!(refusal(&node, &forged).await, "mailbox.proof");
    // Whose token it is, and whether it is one, changes no answer.
    for shown in [None, Some(token.as_str()), Some("Bearer nonsense")] {
        let reply: MailboxReply = node.post(ASK, shown, &guest.fetch(1)).await.value();
        assert_eq!(reply.0.as_deref(), Some(&b"one"[..]));
    }
    assert_eq!(ask(&node, &guest.close()).await, None);
    assert_eq!(refusal(&node, &guest.close()).await, "mailbox.unknown");
    let wrong = request("GET", ASK, &[], &[]);
    assert_eq!(node.exchange(&wrong).await.code(), "request.method");
}

/// A right that is gone is gone at once, also with a token that is still good, and before the body is looked at.
///
/// Clauses: WIRE-43, PAIR-44.
#[tokio::test]
async fn who_may_not_log_in_any_more_opens_none() {
    let (member, other) = (device(), device());
    let node = node_for(&member).await.start().await;
    let (token, guest) = (node.token(&*member, &[]).await, Guest::new(&node, [1; 32]));
    node.post(OPEN, Some(&token), &guest.open()).await.value::<MailboxReply>();
    let mut rules = AccessRules::new();
    rules.allow(space(1), PeerKey(other.author().0), READ_WRITE);
    node.access.replace(rules);
    let next = Guest::new(&node, [2; 32]).open();
    assert_eq!(node.post(OPEN, Some(&token), &next).await.code(), "login.refused");
    let nothing = SpaceId([0; 32]).0.to_vec();
    assert_eq!(node.post(OPEN, Some(&token), &Raw(nothing)).await.code(), "login.refused");
    assert_eq!(refusal(&node, &Guest::new(&node, [2; 32]).fetch(1)).await, "mailbox.unknown");
}

/// Bytes that are no message.
struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}

/// Clauses: WIRE-46.
#[tokio::test]
async fn what_came_by_another_node_is_refused() {
    let member = device();
    let node = node_for(&member).await.start().await;
    let (token, guest) = (node.token(&*member, &[]).await, Guest::new(&node, [1; 32]));
    let hops = headers::format_hops(&[NodeId([4; 32])]);
    let fields = [
        ("content-type", headers::CONTENT_CBOR),
        ("authorization", token.as_str()),
        (headers::HOPS, hops.as_str()),
    ];
    for (path, body) in [(OPEN, guest.open().to_cbor()), (ASK, guest.fetch(1).to_cbor())] {
        let reply = node.exchange(&request("POST", path, &fields, &body)).await;
        assert_eq!(reply.code(), "hop.path", "{path}");
    }
    assert_eq!(refusal(&node, &guest.fetch(1)).await, "mailbox.unknown");
}

/// Age is counted by the clock that never goes back; nobody can tell what has expired from what never was.
///
/// Clauses: PAIR-43, PAIR-44.
#[tokio::test]
async fn a61_mailboxes_live_for_15_minutes_whatever_the_wall_clock_says() {
    let (member, clock) = (device(), SetClock::new());
    let setup =
        Setup { clock: std::sync::Arc::<SetClock>::clone(&clock), ..node_for(&member).await };
    let node = setup.start().await;
    let (token, guest) = (node.token(&*member, &[]).await, Guest::new(&node, [1; 32]));
    node.post(OPEN, Some(&token), &guest.open()).await.value::<MailboxReply>();
    ask(&node, &guest.leave(1, b"one")).await;
    clock.jump_to(1);
    clock.advance(MAILBOX_LIFETIME_MS - 1);
    clock.jump_to(u64::MAX / 2);
    assert_eq!(ask(&node, &guest.fetch(1)).await.as_deref(), Some(&b"one"[..]));
    clock.advance(1);
    let stranger = Guest::new(&node, [2; 32]);
    let unknown: Reply = node.post(ASK, None, &stranger.fetch(1)).await;
    for call in [guest.fetch(1), guest.leave(2, b"two"), guest.close()] {
        assert_eq!(node.post(ASK, None, &call).await, unknown);
    }
    assert_eq!(unknown.code(), "mailbox.unknown");
}

/// Whoever reads on the way can send a request once more, here or elsewhere; nothing changes by it.
///
/// Clauses: PAIR-42, PAIR-43.
#[tokio::test]
async fn a46_requests_shown_again_change_nothing() {
    let member = device();
    let (here, there) =
        (node_for(&member).await.start().await, node_for(&member).await.start().await);
    let (token, guest) = (here.token(&*member, &[]).await, Guest::new(&here, [1; 32]));
    let (open, leave, fetch) = (guest.open(), guest.leave(1, b"one"), guest.fetch(1));
    here.post(OPEN, Some(&token), &open).await.value::<MailboxReply>();
    ask(&here, &leave).await;
    for _ in 0..3 {
        here.post(OPEN, Some(&token), &open).await.value::<MailboxReply>();
        assert_eq!(ask(&here, &leave).await, None);
        assert_eq!(ask(&here, &fetch).await.as_deref(), Some(&b"one"[..]));
    }
    let elsewhere = there.token(&*member, &[]).await;
    assert_eq!(there.post(OPEN, Some(&elsewhere), &open).await.code(), "mailbox.proof");
    assert_eq!(refusal(&there, &leave).await, "mailbox.proof");
    ask(&here, &guest.close()).await;
    assert_eq!(refusal(&here, &leave).await, "mailbox.unknown");
    // What is closed does not come back, not even for who may open mailboxes.
    assert_eq!(here.post(OPEN, Some(&token), &open).await.code(), "mailbox.unknown");
    assert_eq!(refusal(&here, &leave).await, "mailbox.unknown");
}

/// Clauses: PAIR-45.
#[tokio::test]
async fn neither_one_member_nor_all_together_open_more_than_the_bounds() {
    let (greedy, other) = (device(), device());
    let mut setup = node_for(&greedy).await;
    setup.rules.allow(space(1), PeerKey(other.author().0), READ_WRITE);
    let node = setup.start().await;
    let (first, second) = (node.token(&*greedy, &[]).await, node.token(&*other, &[]).await);
    let guests: Vec<Guest> = (1..7).map(|seed| Guest::new(&node, [seed; 32])).collect();
    for guest in &guests[..3] {
        node.post(OPEN, Some(&first), &guest.open()).await.value::<MailboxReply>();
    }
    let full = node.post(OPEN, Some(&first), &guests[3].open()).await;
    assert_eq!(
        (full.code().as_str(), full.status, full.error().is_retryable),
        ("mailbox.full", 429, true)
    );
    node.post(OPEN, Some(&second), &guests[3].open()).await.value::<MailboxReply>();
    assert_eq!(node.post(OPEN, Some(&second), &guests[4].open()).await.code(), "mailbox.full");
    // Anybody with the key makes room, and the place counts for nobody any more.
    ask(&node, &guests[0].close()).await;
    node.post(OPEN, Some(&first), &guests[5].open()).await.value::<MailboxReply>();
}
