//! What one exchange is made of, and what both sides say in it, by hand.

use bulla_core::domain;
use serde_json::Value;

use super::super::super::keys::{Secrets, line};
use super::super::super::{Case, Group, Random};
use super::super::parts::{CardParts, Line, Parts, card, hash_of_parts};
use super::contents::{answer, approval, confirmation, hello, reveal};

/// Everything that one exchange is made of.
pub(super) struct Setting {
    pub(super) joiner: Secrets,
    pub(super) approver: Secrets,
    pub(super) labels: [String; 2],
    /// What the nonces are made of.
    pub(super) nonce_random: [[u8; 32]; 2],
    pub(super) random: [[u8; 32]; 6],
    pub(super) invitation: Parts,
    pub(super) grant: [u8; 32],
    pub(super) frontier: Vec<u8>,
}

impl Setting {
    pub(super) fn new(
        name: &str,
        joiner_label: &str,
        approver_label: &str,
        frontier: Vec<u8>,
    ) -> Self {
        let mut random = Random::new(&format!("pairing {name}"));
        let approver = Secrets::new(&format!("approver {name}"));
        // As made at time 0 for one minute.
        let invitation = Parts { expiry: 1, ..Parts::by(&approver, name) };
        Self {
            joiner: Secrets::new(&format!("joiner {name}")),
            approver,
            labels: [joiner_label.to_owned(), approver_label.to_owned()],
            nonce_random: [random.array(), random.array()],
            random: std::array::from_fn(|_| random.array()),
            invitation,
            grant: random.array(),
            frontier,
        }
    }

    pub(super) fn group(&self) -> Group {
        let bytes: Vec<Value> = self.random.iter().map(|one| digits(one)).collect();
        let [joiner_nonce, approver_nonce] = self.nonces();
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
            .hex("joinerNonceRandom", self.nonce_random[0])
            .hex("joinerNonce", joiner_nonce)
            .hex("approverSigningSecret", self.approver.signing)
            .hex("approverSealingSecret", self.approver.sealing)
            .value("approverLabel", self.labels[1].clone())
            .hex("approverNonceRandom", self.nonce_random[1])
            .hex("approverNonce", approver_nonce)
            .value("random", bytes)
            .hex("grant", self.grant)
            .hex("frontier", &self.frontier)
    }

    pub(super) fn joining_card(&self) -> CardParts {
        CardParts::of(&self.joiner, &self.invitation.space, &self.invitation.id())
    }

    pub(super) fn cards(&self) -> [Vec<u8>; 2] {
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

    /// The nonces of both sides (PAIR-26).
    pub(super) fn nonces(&self) -> [[u8; 32]; 2] {
        let nonce = |secrets: &Secrets, random: &[u8; 32], history: &[u8; 32]| {
            let key = blake3::derive_key(domain::SALT_SECRET, &secrets.signing);
            let drawn = [domain::PAIRING_NONCE.as_bytes(), random, history].concat();
            *blake3::keyed_hash(&key, &drawn).as_bytes()
        };
        let [for_joiner, for_approver] = &self.nonce_random;
        let mut line = Line::new(&self.invitation);
        let joiner = nonce(&self.joiner, for_joiner, &line.history());
        let [card, _] = self.cards();
        let hello = hello(&card, &self.labels[0], &self.commitment(1, &card, &joiner));
        line.seal(&self.random[0], &hello);
        [joiner, nonce(&self.approver, for_approver, &line.history())]
    }

    pub(super) fn commitments(&self) -> [[u8; 32]; 2] {
        let ([joiner, approver], nonces) = (self.cards(), self.nonces());
        [self.commitment(1, &joiner, &nonces[0]), self.commitment(2, &approver, &nonces[1])]
    }

    /// What the six messages say.
    pub(super) fn contents(&self) -> [Vec<u8>; 6] {
        let ([joiner, approver], [by_joiner, by_approver]) = (self.cards(), self.commitments());
        let nonces = self.nonces();
        let mut contents = [
            hello(&joiner, &self.labels[0], &by_joiner),
            answer(&approver, &by_approver),
            reveal(&nonces[0]),
            reveal(&nonces[1]),
            Vec::new(),
            Vec::new(),
        ];
        // What the last two sign holds the messages before them.
        let mut line = Line::new(&self.invitation);
        for (random, content) in self.random.iter().zip(&contents[..4]) {
            line.seal(random, content);
        }
        contents[4] = confirmation(&self.joiner, &line.history(), true);
        line.seal(&self.random[4], &contents[4]);
        let space = &self.invitation.space;
        contents[5] = approval(&self.approver, &line.history(), space, &self.grant, &self.frontier);
        contents
    }

    /// The line behind the messages before this one.
    fn line_before(&self, number: usize) -> Line {
        let mut line = Line::new(&self.invitation);
        for (random, content) in self.random.iter().zip(self.contents()).take(number - 1) {
            line.seal(random, &content);
        }
        line
    }

    /// What the signature in this message is over, besides what it says.
    pub(super) fn history(&self, number: usize) -> [u8; 32] {
        self.line_before(number).history()
    }

    /// A message in this place that says something else.
    pub(super) fn sealed(&self, number: usize, content: &[u8]) -> Vec<u8> {
        self.line_before(number).seal(&self.random[number - 1], content)
    }

    pub(super) fn messages(&self) -> Vec<Vec<u8>> {
        let mut line = Line::new(&self.invitation);
        let sealed = self.random.iter().zip(self.contents());
        sealed.map(|(random, content)| line.seal(random, &content)).collect()
    }

    pub(super) fn code(&self) -> String {
        let ([joiner, approver], nonces) = (self.cards(), self.nonces());
        let hash = hash_of_parts(
            domain::PAIRING_CODE,
            &[
                &self.invitation.space_id().0,
                &self.invitation.id(),
                &joiner,
                self.labels[0].as_bytes(),
                &approver,
                &nonces[0],
                &nonces[1],
            ],
        );
        let first: [u8; 8] = hash[..8].try_into().expect("eight bytes of 32");
        let digits = format!("{:010}", u64::from_be_bytes(first) % 10_000_000_000);
        format!("{} {}", &digits[..5], &digits[5..])
    }

    pub(super) fn valid(&self, comment: &str) -> Case {
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

    /// The same setting once more, to be changed.
    pub(super) fn again(other: &Self) -> Self {
        Self {
            joiner: Secrets { signing: other.joiner.signing, sealing: other.joiner.sealing },
            approver: Secrets { signing: other.approver.signing, sealing: other.approver.sealing },
            labels: other.labels.clone(),
            nonce_random: other.nonce_random,
            random: other.random,
            invitation: Parts::by(&other.approver, "again"),
            grant: other.grant,
            frontier: other.frontier.clone(),
        }
    }

    pub(super) fn insider(
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
}

fn digits(bytes: &[u8]) -> Value {
    Value::from(data_encoding::HEXLOWER.encode(bytes))
}
