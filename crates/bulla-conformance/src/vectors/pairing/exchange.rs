//! `pairing.json`: whole exchanges, and messages that end them (PAIR-20 to PAIR-27).

mod contents;
mod insiders;
mod play;
mod setting;
mod strangers;
mod texts;

use bulla_pairing::Message;

use super::super::{Field, File, Format, Inputs, Outcome, Shape, Verdict};
use play::play;
use setting::Setting;

/// Exchanges.
pub(in super::super) struct Exchanges;

const NONCE_RANDOM: &str = "the random bytes that its nonce is drawn from (PAIR-26)";

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
            Field::required("joinerNonceRandom", Shape::HexOf(32), NONCE_RANDOM),
            Field::required("joinerNonce", Shape::HexOf(32), "its nonce (PAIR-26)"),
            Field::required(
                "approverSigningSecret",
                Shape::HexOf(32),
                "the approver's Ed25519 seed",
            ),
            Field::required("approverSealingSecret", Shape::HexOf(32), "its X25519 private key"),
            Field::required("approverLabel", Shape::Text, "what it calls itself"),
            Field::required("approverNonceRandom", Shape::HexOf(32), NONCE_RANDOM),
            Field::required("approverNonce", Shape::HexOf(32), "its nonce (PAIR-26)"),
            Field::required(
                "random",
                Shape::list(Shape::HexOf(32)),
                "the random bytes of the six messages (PAIR-21)",
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
            .note("Exchanges: from the group's secrets and random bytes both sides make these nonces; with them they make these messages and show this code. With `number`, the messages before it are exchanged as they should be, and then its receiver gets `message` in its place. With `text` alone, it is read as the text of a message.")
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
