//! `mailbox.json`: what is asked of a node's mailbox, and the proof (PAIR-41, PAIR-42).

use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MailboxOperation, MailboxRequest};
use bulla_core::{ContentHash, NodeId, Signature, domain};
use bulla_pairing::Invitation;
use ed25519_dalek::Signer;

use super::super::keys::{Secrets, line};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::parts::{Parts, item};

/// Requests to mailboxes.
pub(in super::super) struct Mailboxes;

const OPERATIONS: &[&str] = &["open", "leave", "fetch", "close"];

impl Format for Mailboxes {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("invitation", Shape::Text, "the invitation as text"),
            Field::required("asked", Shape::HexOf(32), "key of the node that is asked"),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("node", Shape::HexOf(32), "the node in the request"),
            Field::required("address", Shape::HexOf(32), "the address in the request"),
            Field::required("operation", Shape::OneOf(OPERATIONS), "what is asked"),
            Field::required("slot", Shape::Uint, "the slot, 0 where there is none"),
            Field::required("content", Shape::HexOf(32), "the content in the request"),
            Field::optional("message", Shape::Hex, "leave: the message that comes with it"),
            Field::required("proof", Shape::HexOf(64), "the proof"),
            Field::optional("signed", Shape::Hex, "the bytes that the proof is over"),
        ]
    }

    fn generate(&self) -> File {
        let (parts, asked) = good();
        File::new()
            .note("Requests to a mailbox: as the node with the group's key `asked`, judge the request by PAIR-42; where it holds, compare the bytes signed, and make the same proof from the group's invitation (Ed25519 is deterministic).")
            .flag("Order", "breaks two rules; PAIR-42 says which is named")
            .group(
                Group::new()
                    .value("invitation", text_of(&parts))
                    .hex("asked", asked)
                    .cases(cases(&parts, &asked)),
            )
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let slot =
            u8::try_from(inputs.uint64("slot")?).map_err(|error| Mismatch(error.to_string()))?;
        let content = ContentHash(inputs.array("content")?);
        let operation = match inputs.text("operation")? {
            "open" => MailboxOperation::Open,
            "leave" => MailboxOperation::Leave { slot, content },
            "fetch" => MailboxOperation::Fetch { slot },
            _ => MailboxOperation::Close,
        };
        let request = MailboxRequest {
            node: NodeId(inputs.array("node")?),
            address: MailboxAddress(inputs.array("address")?),
            operation,
        };
        let (message, proof) = (inputs.find_hex("message")?, Signature(inputs.array("proof")?));
        let asked = NodeId(inputs.array("asked")?);
        if let Err(error) = request.judge(&asked, &message.unwrap_or_default(), &proof) {
            return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
        }
        Mismatch::unless_equal("signed", &inputs.hex("signed")?, &request.signing_message())?;
        let invitation: Invitation =
            inputs.text("invitation")?.parse().map_err(|_| Mismatch("invitation".to_owned()))?;
        let key = invitation.mailbox();
        Mismatch::unless_equal("address", &request.address, &key.address())?;
        let made = match operation {
            MailboxOperation::Open => key.open(asked),
            MailboxOperation::Fetch { slot } => key.fetch(asked, slot),
            MailboxOperation::Close => key.close(asked),
            // Messages come from an exchange alone; that this one holds was judged above.
            MailboxOperation::Leave { .. } => (request, proof),
        };
        Mismatch::unless_equal("proof", &(request, proof), &made)?;
        Ok(Verdict::Valid)
    }
}

fn good() -> (Parts, [u8; 32]) {
    let parts = Parts::by(&Secrets::new("inviter"), "mailbox");
    (parts, Random::new("mailbox node").array())
}

fn text_of(parts: &Parts) -> String {
    line("bulla-invite1-", domain::INVITATION_CHECKSUM, &parts.encode())
}

/// A request with any fields, and the bytes to sign.
#[derive(Clone)]
struct Request {
    node: Vec<u8>,
    address: Vec<u8>,
    operation: usize,
    slot: u64,
    content: Vec<u8>,
    message: Option<Vec<u8>>,
}

impl Request {
    fn signed(&self) -> Vec<u8> {
        let array = item(|w| {
            w.array(6).uint(1).bytes(&self.node).bytes(&self.address);
            w.uint(self.operation as u64 + 1).uint(self.slot).bytes(&self.content);
        });
        [domain::SIGN_MAILBOX, &array].concat()
    }

    fn fields(&self, case: Case, proof: &[u8]) -> Case {
        let case = case
            .hex("node", &self.node)
            .hex("address", &self.address)
            .value("operation", OPERATIONS[self.operation])
            .value("slot", self.slot)
            .hex("content", &self.content);
        let case = match &self.message {
            Some(message) => case.hex("message", message),
            None => case,
        };
        case.hex("proof", proof)
    }
}

fn cases(parts: &Parts, asked: &[u8; 32]) -> Vec<Case> {
    let key = parts.mailbox();
    let proof = |request: &Request| key.sign(&request.signed()).to_bytes();
    let request = |operation: usize, slot: u64| Request {
        node: asked.to_vec(),
        address: key.verifying_key().to_bytes().to_vec(),
        operation,
        slot,
        content: vec![0; 32],
        message: None,
    };
    let leave = |slot: u64, message: &[u8]| Request {
        content: blake3::hash(message).as_bytes().to_vec(),
        message: Some(message.to_vec()),
        ..request(1, slot)
    };
    let valid = |comment: &str, request: &Request| {
        request.fields(Case::valid(comment), &proof(request)).hex("signed", request.signed())
    };
    let refused = |comment: &str, code: &str, request: &Request, proof: [u8; 64]| {
        request.fields(Case::invalid(comment, code, "PAIR-42"), &proof)
    };
    let no = "mailbox.proof";
    let (other_message, good) = (b"another message", leave(3, b"a message"));
    let swapped = Request { message: Some(other_message.to_vec()), ..good.clone() };
    let elsewhere = Request { node: vec![9; 32], ..good.clone() };
    let stranger = Secrets::new("stranger");
    let other_address = Request { address: stranger.keys().author().0.to_vec(), ..good.clone() };
    let weak = Request { address: vec![0; 32], ..good.clone() };
    vec![
        valid("open", &request(0, 0)),
        valid("leave the first", &leave(1, b"a message")),
        valid("leave the last", &leave(8, &[7; 4_096])),
        valid("leave nothing", &leave(2, b"")),
        valid("fetch the first", &request(2, 1)),
        valid("fetch the last", &request(2, 8)),
        valid("close", &request(3, 0)),
        refused("leave in slot 0", "mailbox.slot", &leave(0, b"x"), proof(&leave(0, b"x"))),
        refused("leave in slot 9", "mailbox.slot", &leave(9, b"x"), proof(&leave(9, b"x"))),
        refused("fetch from slot 0", "mailbox.slot", &request(2, 0), proof(&request(2, 0))),
        refused("fetch from slot 255", "mailbox.slot", &request(2, 255), proof(&request(2, 255))),
        refused("a slot and a proof that are wrong", "mailbox.slot", &request(2, 9), [0; 64])
            .flag("Order"),
        refused("no proof", no, &good, [0; 64]),
        refused("the proof of another slot", no, &good, proof(&leave(4, b"a message"))),
        refused("the proof of another message", no, &good, proof(&leave(3, other_message))),
        refused("another message than was signed", no, &swapped, proof(&good)),
        refused("the proof of another operation", no, &request(2, 3), proof(&good)),
        refused("close with the proof of open", no, &request(3, 0), proof(&request(0, 0))),
        refused("for another node", no, &elsewhere, proof(&elsewhere)),
        refused("the proof for another node", no, &good, proof(&elsewhere)),
        refused("for another mailbox", no, &other_address, proof(&other_address)),
        refused("an address of small order", no, &weak, proof(&weak)),
    ]
}
