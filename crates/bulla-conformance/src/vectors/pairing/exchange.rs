//! `pairing.json`: whole exchanges, and messages that end them (PAIR-20 to PAIR-27).

use std::collections::VecDeque;
use std::sync::Mutex;

use bulla_core::{EntryId, SpaceId, domain};
use bulla_identity::{Randomness, RandomnessError};
use bulla_pairing::{
    Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, Message, PairingError,
};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;

use super::super::keys::{SMALL_ORDER, Secrets, hex, line};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::parts::{CardParts, Line, Parts, card, hash_of_parts, item};

/// Exchanges.
pub(in super::super) struct Exchanges;

impl Format for Exchanges {
    fn name(&self) -> &'static str {
        "pairing"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("space", Shape::HexOf(32), "the space"),
            Field::required("secret", Shape::HexOf(16), "the invitation's secret"),
            Field::required("invitation", Shape::Text, "the invitation as text"),
            Field::required("joinerSigningSecret", Shape::HexOf(32), "the joiner's Ed25519 seed"),
            Field::required("joinerSealingSecret", Shape::HexOf(32), "its X25519 private key"),
            Field::required("joinerLabel", Shape::Text, "what it calls itself"),
            Field::required("joinerNonce", Shape::HexOf(32), "its nonce"),
            Field::required(
                "approverSigningSecret",
                Shape::HexOf(32),
                "the approver's Ed25519 seed",
            ),
            Field::required("approverSealingSecret", Shape::HexOf(32), "its X25519 private key"),
            Field::required("approverLabel", Shape::Text, "what it calls itself"),
            Field::required("approverNonce", Shape::HexOf(32), "its nonce"),
            Field::required(
                "salts",
                Shape::list(Shape::HexOf(24)),
                "the salts of the six messages",
            ),
            Field::required("grant", Shape::HexOf(32), "entry id of the grant"),
            Field::required("frontier", Shape::Hex, "the frontier in the approval"),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::optional("joinerCommitment", Shape::HexOf(32), "PAIR-26"),
            Field::optional("approverCommitment", Shape::HexOf(32), "PAIR-26"),
            Field::optional("code", Shape::Text, "the code that both show (PAIR-27)"),
            Field::optional("messages", Shape::list(Shape::Hex), "the six messages"),
            Field::optional("texts", Shape::list(Shape::Text), "the same as text (PAIR-25)"),
            Field::optional("number", Shape::Uint, "which message comes altered"),
            Field::optional("message", Shape::Hex, "what comes in its place"),
            Field::optional("text", Shape::Text, "what comes as text"),
        ]
    }

    fn generate(&self) -> File {
        let long = Setting::new("long", &"l".repeat(64), &"\u{e4}".repeat(32), vec![3; 3_904]);
        let short = Setting::new("short", "", "", Vec::new());
        let setting = Setting::new("good", "phone", "laptop", b"a frontier".to_vec());
        File::new()
            .note("Exchanges: from the group's secrets, nonces and salts both sides make these messages and show this code. With `number`, the messages before it are exchanged as they should be, and then its receiver gets `message` in its place. With `text` alone, it is read as the text of a message.")
            .note("No clock is needed: take any time at which the invitation is good.")
            .flag("Stranger", "made without the invitation; the receiver goes on waiting")
            .flag("Insider", "made with the invitation; the exchange is over")
            .flag("Order", "breaks two rules; PAIR-24 says which is named")
            .flag("SmallOrder", "a key with which every agreement gives zero")
            .group(long.group().case(long.valid("the longest labels and the longest frontier")))
            .group(short.group().case(short.valid("the shortest labels and no frontier")))
            .group(
                setting
                    .group()
                    .case(setting.valid("an exchange"))
                    .cases(setting.strangers())
                    .cases(setting.insiders())
                    .cases(setting.insiders_answering())
                    .cases(setting.texts()),
            )
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        if inputs.find("text").is_some() {
            return Ok(match Message::bytes_of_text(inputs.text("text")?) {
                Ok(_) => Verdict::Valid,
                Err(error) => Verdict::refused(&error.code(), error.clause().unwrap_or_default()),
            });
        }
        match play(inputs)? {
            Ok(()) => Ok(Verdict::Valid),
            Err(error) => Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default())),
        }
    }
}

/// Gives what it was given, piece by piece.
#[derive(Debug)]
struct Script(Mutex<VecDeque<Vec<u8>>>);

impl Script {
    fn new(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(Mutex::new(pieces.into_iter().collect()))
    }
}

impl Randomness for Script {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let piece = self.0.lock().map_err(|_| RandomnessError)?.pop_front();
        let piece = piece.filter(|piece| piece.len() == bytes.len()).ok_or(RandomnessError)?;
        bytes.copy_from_slice(&piece);
        Ok(())
    }
}

/// What comes in the place of one message.
struct Altered {
    number: usize,
    message: Vec<u8>,
}

/// Both sides, up to the end or to the message that comes altered.
fn play(inputs: &Inputs<'_>) -> Result<Result<(), PairingError>, Mismatch> {
    let fail = |what: &str| Mismatch(what.to_owned());
    let joiner_keys = Secrets {
        signing: inputs.array("joinerSigningSecret")?,
        sealing: inputs.array("joinerSealingSecret")?,
    }
    .keys();
    let approver_keys = Secrets {
        signing: inputs.array("approverSigningSecret")?,
        sealing: inputs.array("approverSealingSecret")?,
    }
    .keys();
    let salts: Vec<[u8; 24]> = inputs.arrays("salts")?;
    let salt = |number: usize| salts.get(number - 1).map(|salt| salt.to_vec()).unwrap_or_default();
    let for_joiner = Script::new([inputs.hex("joinerNonce")?, salt(1), salt(3), salt(5)]);
    let for_approver = Script::new([inputs.hex("approverNonce")?, salt(2), salt(4), salt(6)]);
    let altered = match inputs.find("number") {
        Some(_) => {
            let number = usize::try_from(inputs.uint64("number")?).unwrap_or_default();
            Some(Altered { number, message: inputs.hex("message")? })
        }
        None => None,
    };

    let space = SpaceId(inputs.array("space")?);
    let mut register = Invitations::new();
    let offered = register
        .invite(
            approver_keys.author(),
            space,
            None,
            60_000,
            0,
            &Script::new([inputs.hex("secret")?]),
        )
        .map_err(|error| Mismatch(error.to_string()))?;
    let invitation: Invitation =
        inputs.text("invitation")?.parse().map_err(|_| fail("invitation"))?;
    Mismatch::unless_equal("invitation", &inputs.text("invitation")?, &offered.to_text().as_str())?;

    let mut sent: Vec<Message> = Vec::new();
    // What the receiver of the message that was just sent gets.
    let coming = |sent: &[Message]| match &altered {
        Some(altered) if altered.number == sent.len() => altered.message.clone(),
        _ => sent.last().map(|message| message.as_bytes().to_vec()).unwrap_or_default(),
    };
    let outcome: Result<(), PairingError> = 'exchange: {
        macro_rules! step {
            ($step:expr) => {
                match $step {
                    Ok(done) => done,
                    Err(error) => break 'exchange Err(error),
                }
            };
        }
        let label = inputs.text("joinerLabel")?;
        let (mut joiner, first) =
            step!(Joiner::begin(&invitation, &joiner_keys, label, &for_joiner));
        sent.push(first);
        let label = inputs.text("approverLabel")?;
        let message = coming(&sent);
        let (mut approver, second) = step!(Approver::begin(
            &mut register,
            &invitation.id(),
            &approver_keys,
            label,
            &message,
            1,
            &for_approver,
        ));
        sent.push(second);
        let JoinerStep::Send(third) = step!(joiner.receive(&coming(&sent), &for_joiner)) else {
            return Err(fail("message 2 is not answered"));
        };
        sent.push(third);
        let ApproverStep::Compare { message, code } =
            step!(approver.receive(&coming(&sent), &for_approver))
        else {
            return Err(fail("message 3 is not answered"));
        };
        sent.push(message);
        let JoinerStep::Compare { code: other, .. } =
            step!(joiner.receive(&coming(&sent), &for_joiner))
        else {
            return Err(fail("message 4 gives no code"));
        };
        Mismatch::unless_equal("codes", &code, &other)?;
        if inputs.find("code").is_some() {
            Mismatch::unless_equal("code", &inputs.text("code")?, &code.to_string().as_str())?;
        }
        sent.push(step!(joiner.confirm(&joiner_keys, &for_joiner)));
        step!(approver.receive(&coming(&sent), &for_approver));
        let approved = step!(approver.approve(&code.to_string(), &mut register, 2));
        let grant = EntryId(inputs.array("grant")?);
        let frontier = inputs.hex("frontier")?;
        sent.push(step!(approved.approval(&approver_keys, grant, &frontier, &for_approver)));
        let JoinerStep::Approved(approval) = step!(joiner.receive(&coming(&sent), &for_joiner))
        else {
            return Err(fail("message 6 does not approve"));
        };
        Mismatch::unless_equal("grant", &grant, &approval.grant)?;
        Mismatch::unless_equal("frontier", &frontier, &approval.frontier)?;
        Ok(())
    };
    if outcome.is_ok() {
        let hex =
            |message: &Message| Value::from(data_encoding::HEXLOWER.encode(message.as_bytes()));
        let messages = sent.iter().map(hex).collect();
        Mismatch::unless_equal("messages", inputs.value("messages")?, &Value::Array(messages))?;
        let texts = sent.iter().map(|message| Value::from(message.to_string())).collect();
        Mismatch::unless_equal("texts", inputs.value("texts")?, &Value::Array(texts))?;
    }
    Ok(outcome)
}

/// Everything that one exchange is made of.
struct Setting {
    joiner: Secrets,
    approver: Secrets,
    labels: [String; 2],
    nonces: [[u8; 32]; 2],
    salts: [[u8; 24]; 6],
    invitation: Parts,
    grant: [u8; 32],
    frontier: Vec<u8>,
}

impl Setting {
    fn new(name: &str, joiner_label: &str, approver_label: &str, frontier: Vec<u8>) -> Self {
        let mut random = Random::new(&format!("pairing {name}"));
        let approver = Secrets::new(&format!("approver {name}"));
        // As made at time 0 for one minute.
        let invitation = Parts { expiry: 1, ..Parts::by(&approver, name) };
        Self {
            joiner: Secrets::new(&format!("joiner {name}")),
            approver,
            labels: [joiner_label.to_owned(), approver_label.to_owned()],
            nonces: [random.array(), random.array()],
            salts: std::array::from_fn(|_| random.array()),
            invitation,
            grant: random.array(),
            frontier,
        }
    }

    fn group(&self) -> Group {
        let salts: Vec<Value> = self.salts.iter().map(|salt| digits(salt)).collect();
        Group::new()
            .hex("space", &self.invitation.space)
            .hex("secret", &self.invitation.secret)
            .value(
                "invitation",
                line("bulla-invite1-", domain::INVITATION_CHECKSUM, &self.invitation.encode()),
            )
            .hex("joinerSigningSecret", self.joiner.signing)
            .hex("joinerSealingSecret", self.joiner.sealing)
            .value("joinerLabel", self.labels[0].clone())
            .hex("joinerNonce", self.nonces[0])
            .hex("approverSigningSecret", self.approver.signing)
            .hex("approverSealingSecret", self.approver.sealing)
            .value("approverLabel", self.labels[1].clone())
            .hex("approverNonce", self.nonces[1])
            .value("salts", salts)
            .hex("grant", self.grant)
            .hex("frontier", &self.frontier)
    }

    fn joining_card(&self) -> CardParts {
        CardParts::of(&self.joiner, &self.invitation.space, &self.invitation.id())
    }

    fn cards(&self) -> [Vec<u8>; 2] {
        let sealing_key = self.approver.keys().sealing_key();
        [
            self.joining_card().signed(&self.joiner),
            card(&self.approver, &sealing_key.0, &self.labels[1]),
        ]
    }

    fn commitment(&self, side: u8, card: &[u8], nonce: &[u8; 32]) -> [u8; 32] {
        let id = self.invitation.id();
        hash_of_parts(domain::PAIRING_COMMITMENT, &[&id, &[side], card, nonce])
    }

    fn commitments(&self) -> [[u8; 32]; 2] {
        let [joiner, approver] = self.cards();
        [
            self.commitment(1, &joiner, &self.nonces[0]),
            self.commitment(2, &approver, &self.nonces[1]),
        ]
    }

    /// What the six messages say.
    fn contents(&self) -> [Vec<u8>; 6] {
        let ([joiner, approver], [by_joiner, by_approver]) = (self.cards(), self.commitments());
        let mut contents = [
            hello(&joiner, &self.labels[0], &by_joiner),
            answer(&approver, &by_approver),
            reveal(&self.nonces[0]),
            reveal(&self.nonces[1]),
            Vec::new(),
            Vec::new(),
        ];
        // What the last two sign holds the messages before them.
        let mut line = Line::new(&self.invitation);
        for (salt, content) in self.salts.iter().zip(&contents[..4]) {
            line.seal(salt, content);
        }
        contents[4] = confirmation(&self.joiner, &line.history(), true);
        line.seal(&self.salts[4], &contents[4]);
        let space = &self.invitation.space;
        contents[5] = approval(&self.approver, &line.history(), space, &self.grant, &self.frontier);
        contents
    }

    /// The line behind the messages before this one.
    fn line_before(&self, number: usize) -> Line {
        let mut line = Line::new(&self.invitation);
        for (salt, content) in self.salts.iter().zip(self.contents()).take(number - 1) {
            line.seal(salt, &content);
        }
        line
    }

    /// What the signature in this message is over, besides what it says.
    fn history(&self, number: usize) -> [u8; 32] {
        self.line_before(number).history()
    }

    /// A message in this place that says something else.
    fn sealed(&self, number: usize, content: &[u8]) -> Vec<u8> {
        self.line_before(number).seal(&self.salts[number - 1], content)
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        let mut line = Line::new(&self.invitation);
        let sealed = self.salts.iter().zip(self.contents());
        sealed.map(|(salt, content)| line.seal(salt, &content)).collect()
    }

    fn code(&self) -> String {
        let [joiner, approver] = self.cards();
        let hash = hash_of_parts(
            domain::PAIRING_CODE,
            &[
                &self.invitation.space_id().0,
                &self.invitation.id(),
                &joiner,
                self.labels[0].as_bytes(),
                &approver,
                &self.nonces[0],
                &self.nonces[1],
            ],
        );
        let first: [u8; 8] = hash[..8].try_into().expect("eight bytes of 32");
        let digits = format!("{:010}", u64::from_be_bytes(first) % 10_000_000_000);
        format!("{} {}", &digits[..5], &digits[5..])
    }

    fn valid(&self, comment: &str) -> Case {
        let messages = self.messages();
        let [by_joiner, by_approver] = self.commitments();
        let text = |message: &Vec<u8>| {
            Value::from(line("bulla-pair1-", domain::PAIRING_CHECKSUM, message))
        };
        Case::valid(comment)
            .hex("joinerCommitment", by_joiner)
            .hex("approverCommitment", by_approver)
            .value("code", self.code())
            .value("messages", messages.iter().map(|message| digits(message)).collect::<Vec<_>>())
            .value("texts", messages.iter().map(text).collect::<Vec<_>>())
    }

    /// What nobody with the invitation made for this place.
    fn strangers(&self) -> Vec<Case> {
        let messages = self.messages();
        let case = |comment: String, number: usize, message: Vec<u8>| {
            Case::invalid(comment, "pairing.failed", "PAIR-23")
                .flag("Stranger")
                .value("number", number)
                .hex("message", message)
        };
        let mut cases = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let number = index + 1;
            for place in [0, 23, 24, message.len() - 17, message.len() - 1] {
                let mut altered = message.clone();
                altered[place] ^= 0x80;
                cases.push(case(
                    format!("message {number} altered at byte {place}"),
                    number,
                    altered,
                ));
            }
            let cut = message[..message.len() - 1].to_vec();
            cases.push(case(format!("message {number} a byte short"), number, cut));
            for (other, message) in messages.iter().enumerate().filter(|(other, _)| *other != index)
            {
                let comment = format!("message {} in the place of message {number}", other + 1);
                cases.push(case(comment, number, message.clone()));
            }
            let contents = self.contents();
            let without_history =
                Line::new(&self.invitation).seal(&self.salts[index], &contents[index]);
            if number > 1 {
                let comment = format!("what message {number} says, sealed as message 1");
                cases.push(case(comment, number, without_history));
            }
        }
        cases.push(case("no bytes".to_owned(), 1, Vec::new()));
        cases.push(case("39 bytes".to_owned(), 1, vec![0; 39]));
        cases.push(case("40 bytes".to_owned(), 1, vec![0; 40]));
        cases.push(case(
            "4,097 bytes that would open".to_owned(),
            1,
            self.sealed(1, &vec![0; 4_057]),
        ));
        let other = Self { invitation: Parts::by(&self.approver, "another"), ..Self::again(self) };
        cases.push(case(
            "a message of another invitation".to_owned(),
            1,
            other.messages()[0].clone(),
        ));
        cases
    }

    /// The same setting once more, to be changed.
    fn again(other: &Self) -> Self {
        Self {
            joiner: Secrets { signing: other.joiner.signing, sealing: other.joiner.sealing },
            approver: Secrets { signing: other.approver.signing, sealing: other.approver.sealing },
            labels: other.labels.clone(),
            nonces: other.nonces,
            salts: other.salts,
            invitation: Parts::by(&other.approver, "again"),
            grant: other.grant,
            frontier: other.frontier.clone(),
        }
    }

    fn insider(
        &self,
        comment: &str,
        code: &str,
        clause: &str,
        number: usize,
        content: &[u8],
    ) -> Case {
        Case::invalid(comment, code, clause)
            .flag("Insider")
            .value("number", number)
            .hex("message", self.sealed(number, content))
    }

    /// What a joiner with the invitation may try.
    fn insiders(&self) -> Vec<Case> {
        let [own, _] = self.cards();
        let [committed, _] = self.commitments();
        let space = &self.invitation.space;
        let of = |secrets: &Secrets, space: &[u8], invitation: &[u8]| {
            CardParts::of(secrets, space, invitation).signed(secrets)
        };
        let id = self.invitation.id();
        let weak = CardParts { sealing_key: hex(SMALL_ORDER[2].1), ..self.joining_card() };
        let mut forged = own.clone();
        forged[203] ^= 1;
        let first = |comment: &str, code, clause, card: &[u8], label: &str| {
            self.insider(comment, code, clause, 1, &hello(card, label, &committed))
        };
        let (card, label) = ("pairing.card", "pairing.label");
        let fifth = self.history(5);
        let confirmed = |comment: &str, content: &[u8]| {
            self.insider(comment, "pairing.signature", "PAIR-24", 5, content)
        };
        vec![
            self.insider("message 1 says nothing", "cbor.truncated", "CBOR-2", 1, &[]),
            self.insider(
                "message 1 has two elements",
                "cbor.count",
                "CBOR-9",
                1,
                &answer(&own, &committed),
            ),
            self.insider("message 1 is not an array", "cbor.unexpected", "CBOR-9", 1, &[0xa0]),
            self.insider(
                "message 1 goes on",
                "cbor.trailing",
                "CBOR-2",
                1,
                &[hello(&own, "x", &committed), vec![0]].concat(),
            ),
            self.insider(
                "a joining card of 205 bytes",
                "cbor.bounds",
                "CBOR-10",
                1,
                &hello(&[0; 205], "x", &committed),
            ),
            self.insider(
                "a commitment of 31 bytes",
                "cbor.bounds",
                "CBOR-10",
                1,
                &item(|w| {
                    w.array(3).bytes(&own).text("x").bytes([0; 31]);
                }),
            ),
            first(
                "a joining card of small order",
                "joining_card.sealing_key",
                "PAIR-3",
                &weak.signed(&self.joiner),
                "x",
            )
            .flag("SmallOrder"),
            first("a forged joining card", "joining_card.signature", "PAIR-3", &forged, "x"),
            first(
                "a forged card and a label with a line feed",
                "joining_card.signature",
                "PAIR-3",
                &forged,
                "a\nb",
            )
            .flag("Order"),
            first(
                "a card for another space",
                card,
                "PAIR-24",
                &of(&self.joiner, &[9; 32], &id),
                "x",
            ),
            first(
                "a card for another invitation",
                card,
                "PAIR-24",
                &of(&self.joiner, space, &[9; 32]),
                "x",
            ),
            first(
                "a card for no invitation",
                card,
                "PAIR-24",
                &of(&self.joiner, space, &[0; 32]),
                "x",
            ),
            first("the approver's own card", card, "PAIR-24", &of(&self.approver, space, &id), "x"),
            first(
                "a card for no invitation and a label with a line feed",
                card,
                "PAIR-24",
                &of(&self.joiner, space, &[0; 32]),
                "a\nb",
            )
            .flag("Order"),
            first("a label with a line feed", label, "PAIR-24", &own, "a\nb"),
            first(
                "a label with a control character beyond ASCII",
                label,
                "PAIR-24",
                &own,
                "\u{85}",
            ),
            first("a label of 65 bytes", label, "PAIR-24", &own, &"x".repeat(65)),
            first("a label that fills 4,096 bytes", label, "PAIR-24", &own, &"x".repeat(3_812)),
            first(
                "a card of version 2 and that label",
                "joining_card.version",
                "PAIR-1",
                &[0x81, 2],
                &"x".repeat(3_812),
            )
            .flag("Order"),
            self.insider(
                "another nonce than was committed to",
                "pairing.commitment",
                "PAIR-24",
                3,
                &reveal(&[9; 32]),
            ),
            self.insider(
                "a nonce of 31 bytes",
                "cbor.bounds",
                "CBOR-10",
                3,
                &item(|w| {
                    w.array(1).bytes([0; 31]);
                }),
            ),
            self.insider("no nonce", "cbor.count", "CBOR-9", 3, &[0x80]),
            self.insider(
                "declined",
                "pairing.declined",
                "PAIR-24",
                5,
                &confirmation(&self.joiner, &fifth, false),
            ),
            self.insider(
                "confirmed and not signed",
                "cbor.count",
                "CBOR-9",
                5,
                &item(|w| {
                    w.array(1).bool(true);
                }),
            ),
            confirmed("confirmed by the approver", &confirmation(&self.approver, &fifth, true)),
            confirmed("declined by the approver", &confirmation(&self.approver, &fifth, false))
                .flag("Order"),
            confirmed(
                "confirmed after other messages",
                &confirmation(&self.joiner, &self.history(4), true),
            ),
            confirmed(
                "confirmed, with the signature of declining",
                &confirmation(&self.joiner, &fifth, false)
                    .iter()
                    .enumerate()
                    .map(|(place, byte)| if place == 1 { 0xf5 } else { *byte })
                    .collect::<Vec<_>>(),
            ),
            self.insider(
                "neither confirmed nor declined",
                "cbor.unexpected",
                "CBOR-9",
                5,
                &item(|w| {
                    w.array(2).null().bytes([0; 64]);
                }),
            ),
        ]
    }

    /// What somebody with the invitation may answer a joiner.
    fn insiders_answering(&self) -> Vec<Case> {
        let [_, own] = self.cards();
        let [_, committed] = self.commitments();
        let stranger = Secrets::new("stranger");
        let strange_card = card(&stranger, &stranger.keys().sealing_key().0, "laptop");
        let weak = card(&self.approver, &hex(SMALL_ORDER[3].1), "laptop");
        let sealing_key = self.approver.keys().sealing_key().0;
        let labelled = card(&self.approver, &sealing_key, "a\nb");
        let mut forged = own.clone();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let (space, sixth) = (&self.invitation.space, self.history(6));
        let approved = |comment: &str, content: &[u8]| {
            self.insider(comment, "pairing.signature", "PAIR-24", 6, content)
        };
        let second = |comment: &str, code, clause, card: &[u8]| {
            self.insider(comment, code, clause, 2, &answer(card, &committed))
        };
        vec![
            second("another device's card", "pairing.inviter", "PAIR-24", &strange_card),
            second("a card of small order", "card.sealing_key", "CARD-3", &weak).flag("SmallOrder"),
            second("a card with a bad label", "card.label", "CARD-2", &labelled),
            second("a forged card", "card.signature", "CARD-3", &forged),
            second("a card of 257 bytes", "cbor.bounds", "CBOR-10", &[0; 257]),
            second("a card that is none", "cbor.unexpected", "CBOR-9", &[0xa0]),
            self.insider("message 2 has one element", "cbor.count", "CBOR-9", 2, &reveal(&[0; 32])),
            self.insider(
                "another nonce of the approver",
                "pairing.commitment",
                "PAIR-24",
                4,
                &reveal(&[9; 32]),
            ),
            self.insider(
                "the joiner's nonce given back",
                "pairing.commitment",
                "PAIR-24",
                4,
                &reveal(&self.nonces[0]),
            ),
            self.insider(
                "approved into another space",
                "pairing.space",
                "PAIR-24",
                6,
                &approval(&self.approver, &sixth, &[9; 32], &self.grant, b""),
            ),
            approved(
                "approved by the joiner",
                &approval(&self.joiner, &sixth, space, &self.grant, b""),
            ),
            approved(
                "approved by the joiner into another space",
                &approval(&self.joiner, &sixth, &[9; 32], &self.grant, b""),
            )
            .flag("Order"),
            approved(
                "approved after other messages",
                &approval(&self.approver, &self.history(5), space, &self.grant, b""),
            ),
            approved("approved with another grant than is signed", &{
                let signed = approval(&self.approver, &sixth, space, &self.grant, b"");
                let other = approval(&self.approver, &sixth, space, &[9; 32], b"");
                [&other[..other.len() - 64], &signed[signed.len() - 64..]].concat()
            }),
            self.insider(
                "a frontier of 3,905 bytes",
                "cbor.bounds",
                "CBOR-10",
                6,
                &approval(&self.approver, &sixth, space, &self.grant, &[0; 3_905]),
            ),
            self.insider(
                "an approval without a grant",
                "cbor.count",
                "CBOR-9",
                6,
                &item(|w| {
                    w.array(1).bytes(&self.invitation.space);
                }),
            ),
        ]
    }

    fn texts(&self) -> Vec<Case> {
        let message = &self.messages()[2];
        let text = line("bulla-pair1-", domain::PAIRING_CHECKSUM, message);
        let case = |comment: &str, code, text: String| {
            Case::invalid(comment, code, "PAIR-25").value("text", text)
        };
        vec![
            Case::valid("white space around the text").value("text", format!(" {text}\r\n")),
            case("the text of something else", "armour.prefix", text.replace("pair", "card")),
            case("in upper case", "armour.prefix", text.to_uppercase()),
            case(
                "longer than any",
                "armour.too_long",
                format!("bulla-pair1-{}", "a".repeat(6_561)),
            ),
            case(
                "as long as the longest",
                "armour.checksum",
                format!("bulla-pair1-{}", "a".repeat(6_560)),
            ),
            case("a character that base32 does not have", "armour.base32", format!("{text}1")),
            case(
                "the checksum of an invitation",
                "armour.checksum",
                line("bulla-pair1-", domain::INVITATION_CHECKSUM, message),
            ),
        ]
    }
}

fn digits(bytes: &[u8]) -> Value {
    Value::from(data_encoding::HEXLOWER.encode(bytes))
}

fn hello(card: &[u8], label: &str, commitment: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(3).bytes(card).text(label).bytes(commitment);
    })
}

fn answer(card: &[u8], commitment: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(2).bytes(card).bytes(commitment);
    })
}

fn reveal(nonce: &[u8; 32]) -> Vec<u8> {
    item(|w| {
        w.array(1).bytes(nonce);
    })
}

/// Signed after these messages (PAIR-22).
fn confirmation(by: &Secrets, history: &[u8; 32], confirmed: bool) -> Vec<u8> {
    let statement = item(|w| {
        w.array(1).bool(confirmed);
    });
    let signature = signature(by, domain::SIGN_PAIRING_CONFIRMATION, history, &statement);
    item(|w| {
        w.array(2).bool(confirmed).bytes(signature);
    })
}

/// Signed after these messages (PAIR-22).
fn approval(
    by: &Secrets,
    history: &[u8; 32],
    space: &[u8],
    grant: &[u8],
    frontier: &[u8],
) -> Vec<u8> {
    let statement = item(|w| {
        w.array(3).bytes(space).bytes(grant).bytes(frontier);
    });
    let signature = signature(by, domain::SIGN_PAIRING_APPROVAL, history, &statement);
    item(|w| {
        w.array(4).bytes(space).bytes(grant).bytes(frontier).bytes(signature);
    })
}

fn signature(by: &Secrets, prefix: &[u8], history: &[u8; 32], statement: &[u8]) -> [u8; 64] {
    let message = [prefix, history.as_slice(), statement].concat();
    SigningKey::from_bytes(&by.signing).sign(&message).to_bytes()
}
