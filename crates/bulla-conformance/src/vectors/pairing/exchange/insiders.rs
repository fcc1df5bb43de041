//! Messages by somebody who has the invitation, and says what ends the exchange.

use super::super::super::Case;
use super::super::super::keys::{SMALL_ORDER, SOME_HIDDEN, Secrets, hex};
use super::super::parts::{CardParts, card, item};
use super::contents::{answer, approval, confirmation, hello, reveal};
use super::setting::Setting;

impl Setting {
    /// What a joiner with the invitation may try.
    pub(super) fn insiders(&self) -> Vec<Case> {
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
        let mut cases = vec![
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
        ];
        for (name, hidden) in SOME_HIDDEN {
            cases.push(first(&format!("a label with {name}"), label, "PAIR-24", &own, hidden));
        }
        cases
    }

    /// What somebody with the invitation may answer a joiner.
    pub(super) fn insiders_answering(&self) -> Vec<Case> {
        let [_, own] = self.cards();
        let [_, committed] = self.commitments();
        let stranger = Secrets::new("stranger");
        let strange_card = card(&stranger, &stranger.keys().sealing_key().0, "laptop");
        let weak = card(&self.approver, &hex(SMALL_ORDER[3].1), "laptop");
        let sealing_key = self.approver.keys().sealing_key().0;
        let labelled = card(&self.approver, &sealing_key, "a\nb");
        let turned = card(&self.approver, &sealing_key, SOME_HIDDEN[0].1);
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
            second("a card with a label that turns", "card.label", "CARD-2", &turned),
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
                &reveal(&self.nonces()[0]),
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
}
