//! A03: no signed object passes for one of another type, even where one key signs them all. Each is made by the function
//! that signs it in earnest and shown to those that verify; that none of either is forgotten here is read from the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_core::cbor::Encode as _;
use bulla_core::control::{Control, Grant, GrantedDevice, Role};
use bulla_core::ids::MailboxAddress;
use bulla_core::values::{Acknowledgement, MailboxOperation, MailboxRequest};
use bulla_core::{
    ContentHash, EntryId, Header, HeaderDigest, InvitationId, JoiningCard, KeyId, Kind, Lineage,
    LoginNonce, RawEntry, Salt, Signature, Topic, Verified, Verifier, VerifyError,
};
use bulla_crypto::{ChainEnd, ControlDraft, EntryWriter, EpochDraft, EpochKey, KeyTransfer};
use bulla_identity::{
    Card, DeviceKeys, Initiator as _, LoginNonces, LoginTranscript, NodeKeys, Origin,
    verify_acknowledgement,
};
use bulla_pairing::{Approver, ApproverStep, Invitations, Joiner, JoinerStep};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::support::{
    Forger, Host, NOW, SPACE, Seeded, approval, compared, confirmation, device, sent,
};

/// The devices that pair.
const APPROVER: u8 = 1;
const JOINER: u8 = 2;

/// An exchange up to message 5, the same each time.
struct Exchange {
    host: Host,
    joiner: Joiner,
    approver: Approver,
    forger: Forger,
}

fn exchange() -> Exchange {
    let random = Seeded::new(1);
    let (inviter, mut register) = (device(APPROVER), Invitations::new());
    let invitation = register.invite(inviter.author(), SPACE, None, 900_000, NOW, &random).unwrap();
    let mut host = Host { device: inviter, register, invitation };
    let mut forger = Forger::new(&host.invitation);
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &device(JOINER), "guest", &random).unwrap();
    let id = host.id();
    let (mut approver, second) = Approver::begin(
        &mut host.register,
        &id,
        &host.device,
        "host",
        first.as_bytes(),
        NOW + 1,
        &random,
    )
    .unwrap();
    let third = sent(joiner.receive(second.as_bytes(), &random));
    let (fourth, _) = compared(approver.receive(third.as_bytes(), &random));
    joiner.receive(fourth.as_bytes(), &random).unwrap();
    for message in [first, second, third, fourth] {
        forger.open(message.as_bytes());
    }
    Exchange { host, joiner, approver, forger }
}

impl Exchange {
    /// Up to message 6.
    fn confirmed(mut self) -> Self {
        let fifth = self.joiner.confirm(&device(JOINER), &Seeded::new(2)).unwrap();
        self.forger.open(fifth.as_bytes());
        self
    }
}

/// What all objects are about, whoever signs them: the same space, the same bytes wherever an object has room for any.
struct Subject {
    keys: DeviceKeys,
    node: NodeKeys,
    raw: [u8; 32],
    login: LoginTranscript,
    header: Header,
    acknowledgement: Acknowledgement,
    card: Vec<u8>,
    joining_card: Vec<u8>,
    transfer: Vec<u8>,
    mailbox: MailboxRequest,
    before_confirmation: [u8; 32],
    before_approval: [u8; 32],
}

/// The last 64 bytes.
fn tail(bytes: &[u8]) -> Signature {
    Signature(bytes[bytes.len() - 64..].try_into().unwrap())
}

/// The object with another signature in place of its own.
fn resigned(bytes: &[u8], signature: Signature) -> Vec<u8> {
    [&bytes[..bytes.len() - 64], &signature.0].concat()
}

fn login(keys: &DeviceKeys, node: &NodeKeys, bytes: [u8; 32]) -> LoginTranscript {
    let nonces = LoginNonces { initiator: LoginNonce(bytes), responder: LoginNonce(bytes) };
    let origin = Origin::Address("https://relay.example".to_owned());
    LoginTranscript::new(keys.peer_key(), node.node_id(), origin, vec![SPACE], nonces, 5).unwrap()
}

impl Subject {
    /// Everything by the device of this number, which is a node and a mailbox as well.
    fn of(number: u8) -> Self {
        let keys = device(number);
        let node = NodeKeys::dangerous_from_secret(&[number; 32]);
        let header = Header {
            space: SPACE,
            author: keys.author(),
            sequence: 1,
            previous: EntryId::ZERO,
            timestamp: 0,
            kind: Kind::OPERATION,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            key_id: KeyId([2; 32]),
            salt: Salt([3; 24]),
            payload_length: 16,
            content_hash: ContentHash::of(&[0; 16]),
        };
        // A node that picks what the client signs picks the bytes of an entry.
        let raw = Header::digest_of(&header.to_cbor()).0;
        let invitation = exchange().host.id();
        let epoch = [Arc::new(EpochKey::dangerous_from_bytes(&[4; 32]))];
        let to = device(9).card("").unwrap();
        let transfer =
            KeyTransfer::export(&keys, &to, SPACE, &epoch, &Seeded::new(3)).unwrap().to_bytes();
        Self {
            login: login(&keys, &node, raw),
            acknowledgement: node.acknowledge(SPACE, Lineage([1; 16]), [(1, EntryId(raw))]),
            card: keys.card("laptop").unwrap().to_bytes(),
            joining_card: keys.joining_card(SPACE, invitation).to_bytes().to_vec(),
            transfer,
            mailbox: MailboxRequest {
                node: node.node_id(),
                address: MailboxAddress(keys.author().0),
                operation: MailboxOperation::Leave { slot: 1, content: ContentHash(raw) },
            },
            before_confirmation: exchange().forger.history(),
            before_approval: exchange().confirmed().forger.history(),
            header,
            raw,
            keys,
            node,
        }
    }

    /// Every object that is signed, with its constant in the module of domains and the function that signs it.
    fn signed(&self) -> Vec<(&'static str, &'static str, Signature)> {
        // The key of a mailbox is drawn from its invitation and is nobody's identity: here it is, and signs what
        // `MailboxKey` signs.
        let mailbox = SigningKey::from_bytes(&[self.number(); 32]);
        let confirmed = confirmation(&self.keys, &self.before_confirmation, true);
        let approved = approval(&self.keys, &self.before_approval, SPACE.0, &self.raw);
        vec![
            ("ENTRY", "sign_header", self.keys.sign_header(&HeaderDigest(self.raw))),
            ("LOGIN_INITIATOR", "sign_login_initiator", self.keys.sign_login(&self.login).unwrap()),
            ("LOGIN_RESPONDER", "answer_login", self.node.answer_login(&self.login).unwrap()),
            ("ACKNOWLEDGEMENT", "acknowledge", self.acknowledgement.signature),
            ("CARD", "card", tail(&self.card)),
            ("KEY_TRANSFER", "sign_key_transfer", tail(&self.transfer)),
            ("JOINING_CARD", "joining_card", tail(&self.joining_card)),
            ("PAIRING_CONFIRMATION", "sign_pairing_confirmation", tail(&confirmed)),
            ("PAIRING_APPROVAL", "sign_pairing_approval", tail(&approved)),
            ("MAILBOX", "ask", Signature(mailbox.sign(&self.mailbox.signing_message()).to_bytes())),
        ]
    }

    fn number(&self) -> u8 {
        (0..=9).find(|number| device(*number).author() == self.keys.author()).unwrap()
    }

    /// Whether a signature passes for that of one object, where it is read.
    fn passes(&self, object: &str, signature: Signature) -> bool {
        match object {
            "ENTRY" => {
                let header = self.header.to_cbor().into();
                let raw = RawEntry { header, signature, payload: None };
                Verifier::new([0; 32]).verify(&SPACE, raw).is_ok()
            }
            "LOGIN_INITIATOR" => self.login.verify_initiator(&signature).is_ok(),
            "LOGIN_RESPONDER" => self.login.verify_responder(&signature).is_ok(),
            "ACKNOWLEDGEMENT" => {
                let shown = Acknowledgement { signature, ..self.acknowledgement };
                verify_acknowledgement(&shown, &self.node.node_id()).is_ok()
            }
            "CARD" => Card::from_bytes(&resigned(&self.card, signature)).is_ok(),
            "KEY_TRANSFER" => KeyTransfer::from_bytes(&resigned(&self.transfer, signature))
                .unwrap()
                .open(&device(9), &self.keys.author())
                .is_ok(),
            "JOINING_CARD" => {
                JoiningCard::from_bytes(&resigned(&self.joining_card, signature)).is_ok()
            }
            "MAILBOX" => self.mailbox.verify(&signature).is_ok(),
            "PAIRING_CONFIRMATION" => {
                let Exchange { mut approver, mut forger, .. } = exchange();
                let content = confirmation(&self.keys, &self.before_confirmation, true);
                let message = forger.seal(&resigned(&content, signature));
                let step = approver.receive(&message, &Seeded::new(4));
                matches!(step, Ok(ApproverStep::Confirmed))
            }
            "PAIRING_APPROVAL" => {
                let Exchange { mut joiner, mut forger, .. } = exchange().confirmed();
                let content = approval(&self.keys, &self.before_approval, SPACE.0, &self.raw);
                let message = forger.seal(&resigned(&content, signature));
                let step = joiner.receive(&message, &Seeded::new(4));
                matches!(step, Ok(JoinerStep::Approved(_)))
            }
            other => panic!("no reader of {other}"),
        }
    }
}

/// Clauses: KEY-1, LOGIN-3, LOGIN-4, ACK-3, CARD-2, KEY-9, PAIR-2, PAIR-22, PAIR-42.
#[test]
fn a03_each_signed_object_passes_for_itself_alone() {
    // What the approver says in message 6 is checked by its own key, and what the joiner says in message 5 by the other.
    for (number, elsewhere) in [(JOINER, "PAIRING_APPROVAL"), (APPROVER, "PAIRING_CONFIRMATION")] {
        let subject = Subject::of(number);
        let signed = subject.signed();
        for (made, _, signature) in &signed {
            for (shown, ..) in &signed {
                let expected = made == shown && *shown != elsewhere;
                assert_eq!(subject.passes(shown, *signature), expected, "{made} as {shown}");
            }
        }
    }
}

/// A mailbox's own key does sign what the matrix above has it sign.
///
/// Clauses: PAIR-42.
#[test]
fn a03_a_mailbox_signs_its_requests_and_nothing_else() {
    let key = exchange().host.invitation.mailbox();
    let (request, proof) = key.fetch(NodeKeys::dangerous_from_secret(&[1; 32]).node_id(), 3);
    request.verify(&proof).unwrap();
    let other = MailboxRequest { operation: MailboxOperation::Fetch { slot: 4 }, ..request };
    assert!(other.verify(&proof).is_err());
}

/// A grant of every right and an epoch with its wraps, as the device of this number writes them.
fn control_entries(number: u8) -> [RawEntry; 2] {
    let keys = Arc::new(device(number));
    let writer = EntryWriter::new(Arc::clone(&keys), SPACE, Arc::new(Seeded::new(5)));
    let card = device(9).joining_card(SPACE, InvitationId([7; 32]));
    let grant = Grant { device: GrantedDevice::Card(card), role: Role::Admin, label: None };
    let recipients = [&*keys, &device(9)].map(|one| (one.author(), one.sealing_key())).to_vec();
    let (group, parents, topics, older) = (EntryId::ZERO, vec![], None, vec![]);
    let draft = EpochDraft { space: SPACE, group, parents, recipients, topics, older };
    let (epoch, _) = draft.create(&keys, &Seeded::new(6)).unwrap().split();
    [Control::from(grant), epoch.into()]
        .map(|control| writer.control(&ChainEnd::EMPTY, &ControlDraft::new(control)).unwrap().raw)
}

/// A node that wants more than a login signed gives a challenge made of an entry, of a grant or of an epoch: of the digest
/// that would be signed, of its id, or of any piece of its bytes, the wraps among them.
///
/// Clauses: LOGIN-4, ENT-31.
#[test]
fn a03_a_challenge_made_of_another_object_is_only_a_login() {
    let subject = Subject::of(JOINER);
    let genuine = subject.signed();
    let entries = control_entries(JOINER);
    let verifier = Verifier::new([0; 32]);
    let mut pieces = vec![subject.raw, SPACE.0];
    let mut bytes = vec![subject.header.to_cbor(), subject.transfer.clone()];
    for entry in &entries {
        let verified = verifier.verify(&SPACE, entry.clone()).unwrap();
        pieces.extend([Header::digest_of(&entry.header).0, verified.id().0]);
        bytes.extend([entry.header.to_vec(), entry.payload.as_ref().unwrap().to_vec()]);
        if let Verified::Entry(entry) = verified
            && let Some(Control::Epoch(epoch)) = entry.control()
        {
            bytes.extend(epoch.recipients.iter().map(|one| one.sealed.to_vec()));
        }
    }
    assert_eq!(bytes.len(), 8, "and each of two wraps by itself");
    pieces.extend(bytes.iter().flat_map(|bytes| bytes.as_chunks::<32>().0));
    for piece in pieces {
        let transcript = login(&subject.keys, &subject.node, piece);
        let signature = subject.keys.sign_login(&transcript).unwrap();
        assert!(transcript.verify_initiator(&signature).is_ok());
        for (shown, ..) in &genuine {
            let is_same = *shown == "LOGIN_INITIATOR" && transcript == subject.login;
            assert_eq!(subject.passes(shown, signature), is_same, "a login as {shown}");
        }
        for entry in &entries {
            let signed = RawEntry { signature, ..entry.clone() };
            let refused = verifier.verify(&SPACE, signed).unwrap_err();
            assert_eq!(refused, VerifyError::Signature(subject.keys.author()));
            // Nor does the entry log anybody in.
            assert!(transcript.verify_initiator(&entry.signature).is_err());
        }
    }
}

/// The sources that ship, without their tests: file and text.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                found.push((path, shipped));
            }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        // Conformance writes vectors, by secrets that everybody knows.
        if !folder.ends_with("bulla-conformance") && folder.join("src").is_dir() {
            walk(&folder.join("src"), &mut found);
        }
    }
    found
}

/// Clauses: KEY-1.
#[test]
fn a03_every_function_that_signs_and_every_domain_is_in_the_matrix() {
    let signed = Subject::of(JOINER).signed();
    let mut functions = BTreeSet::new();
    let mut domains = BTreeSet::new();
    for (path, text) in sources() {
        let mut function = "";
        for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.split(['(', '<']).next().unwrap();
            }
            let signs = [".sign(", ".try_sign(", ".sign_prehashed(", "raw_sign"];
            if signs.iter().any(|sign| line.contains(sign)) {
                functions.insert(function.to_owned());
            }
            if path.ends_with("bulla-core/src/domain.rs")
                && let Some(rest) = line.strip_prefix("pub const SIGN_")
            {
                domains.insert(rest.split(':').next().unwrap().to_owned());
            }
        }
    }
    let in_matrix: BTreeSet<String> = signed.iter().map(|row| row.1.to_owned()).collect();
    assert_eq!(functions, in_matrix, "functions that sign");
    let in_matrix: BTreeSet<String> = signed.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(domains, in_matrix, "domains of signatures");
}
