//! Runs an exchange by the code.

use std::collections::VecDeque;
use std::sync::Mutex;

use bulla_core::{EntryId, SpaceId};
use bulla_identity::{Randomness, RandomnessError};
use bulla_pairing::{
    Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, Message, PairingError,
};
use serde_json::Value;

use super::super::super::keys::Secrets;
use super::super::super::{Inputs, Mismatch};

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
pub(super) fn play(inputs: &Inputs<'_>) -> Result<Result<(), PairingError>, Mismatch> {
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
    let random: Vec<[u8; 32]> = inputs.arrays("random")?;
    let random = |number: usize| random.get(number - 1).map(|one| one.to_vec()).unwrap_or_default();
    let for_joiner =
        Script::new([inputs.hex("joinerNonceRandom")?, random(1), random(3), random(5)]);
    let for_approver =
        Script::new([inputs.hex("approverNonceRandom")?, random(2), random(4), random(6)]);
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
