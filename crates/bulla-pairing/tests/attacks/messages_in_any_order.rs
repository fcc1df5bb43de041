//! Whatever reaches whom, in whatever order and however often: never is a wrong card approved.

use bulla_core::EntryId;
use bulla_pairing::{Approved, Approver, ApproverStep, Joiner, JoinerStep, PairingError};
use proptest::prelude::*;

use super::support::{Host, NOW, SPACE, Seeded, device, typed};

/// What happens next. Numbers choose among what there is.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Any message that anybody ever sent reaches the approver.
    ToApprover(usize),
    /// Or one of the two joiners.
    ToJoiner(usize, usize),
    /// A joiner's person compares with the approver's screen, and says what they see.
    JoinerCompares(usize),
    /// The approver's person compares with the screen of the one device they mean, the first.
    ApproverCompares,
    /// Approves without looking, while the joiner has not confirmed: must do nothing.
    ApproverHurries,
    /// Message 6 goes out.
    Approval,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => any::<usize>().prop_map(Event::ToApprover),
        6 => (any::<usize>(), 0..2_usize).prop_map(|(message, who)| Event::ToJoiner(message, who)),
        2 => (0..2_usize).prop_map(Event::JoinerCompares),
        2 => Just(Event::ApproverCompares),
        1 => Just(Event::ApproverHurries),
        1 => Just(Event::Approval),
    ]
}

/// The seeds of the two devices that answer, the one that is meant first.
const KEYS: [u8; 2] = [2, 3];

struct World {
    host: Host,
    randomness: Seeded,
    joiners: Vec<Joiner>,
    approver: Option<Approver>,
    approved: Vec<Approved>,
    let_in: [bool; 2],
    /// Everything that was ever sent, by anybody.
    sent: Vec<Vec<u8>>,
}

impl World {
    /// Two devices answer one invitation: the one that is meant, and another.
    fn new(seed: u64) -> Self {
        let (host, randomness) = (Host::new(), Seeded::new(seed));
        let (mut joiners, mut sent) = (Vec::new(), Vec::new());
        for seed in KEYS {
            let (joiner, message) =
                Joiner::begin(&host.invitation, &device(seed), "guest", &randomness).unwrap();
            joiners.push(joiner);
            sent.push(message.as_bytes().to_vec());
        }
        let (approver, approved) = (None, Vec::new());
        Self { host, randomness, joiners, approver, approved, let_in: [false; 2], sent }
    }

    /// Two times in three one of the newest, or few exchanges would come to their end.
    fn chosen(&self, number: usize) -> Vec<u8> {
        let back = if number.is_multiple_of(3) { number / 3 } else { number / 3 % 2 };
        self.sent[self.sent.len() - 1 - back % self.sent.len()].clone()
    }

    fn reach_approver(&mut self, message: &[u8]) {
        let step = match &mut self.approver {
            None => match self.host.begin(message) {
                Ok((approver, answer)) => {
                    self.approver = Some(approver);
                    self.sent.push(answer.as_bytes().to_vec());
                    return;
                }
                Err(error) => Err(error),
            },
            Some(approver) => approver.receive(message, &self.randomness),
        };
        match step {
            Ok(ApproverStep::Compare { message, .. }) => {
                self.sent.push(message.as_bytes().to_vec());
            }
            Ok(ApproverStep::Confirmed) => {}
            Err(error) => expected(error),
        }
    }

    fn reach_joiner(&mut self, who: usize, message: &[u8]) {
        match self.joiners[who].receive(message, &self.randomness) {
            Ok(JoinerStep::Send(message)) => self.sent.push(message.as_bytes().to_vec()),
            Ok(JoinerStep::Compare { .. }) => {}
            Ok(JoinerStep::Approved(approval)) => {
                assert_eq!(approval.space, SPACE);
                assert!(!self.let_in[who], "let in once");
                self.let_in[who] = true;
            }
            Err(error) => expected(error),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToApprover(message) => {
                let message = self.chosen(message);
                self.reach_approver(&message);
            }
            Event::ToJoiner(message, who) => {
                let message = self.chosen(message);
                self.reach_joiner(who, &message);
            }
            Event::JoinerCompares(who) => {
                let shown = self.approver.as_ref().and_then(Approver::code);
                if let (Some(own), Some(shown)) = (self.joiners[who].code(), shown) {
                    let joiner = &mut self.joiners[who];
                    let answer = if own == shown {
                        joiner.confirm(&device(KEYS[who]), &self.randomness)
                    } else {
                        joiner.decline(&device(KEYS[who]), &self.randomness)
                    };
                    if let Ok(message) = answer {
                        self.sent.push(message.as_bytes().to_vec());
                    }
                }
            }
            Event::ApproverCompares => {
                let Some(approver) = &mut self.approver else { return };
                if approver.code().is_some() && approver.code() == self.joiners[0].code() {
                    match approver.approve(&typed(approver), &mut self.host.register, NOW + 5) {
                        Ok(approved) => self.approved.push(approved),
                        Err(error) => expected(error),
                    }
                }
            }
            Event::ApproverHurries => {
                let Some(approver) = &mut self.approver else { return };
                // A confirmed one is for the person who compares.
                if approver.awaits().is_some() {
                    let refused = approver
                        .approve(&typed(approver), &mut self.host.register, NOW + 5)
                        .unwrap_err();
                    assert_eq!(refused, PairingError::Unconfirmed);
                }
            }
            Event::Approval => {
                if let Some(approved) = self.approved.first() {
                    let message = approved
                        .approval(&self.host.device, EntryId([1; 32]), b"", &self.randomness)
                        .unwrap();
                    self.sent.push(message.as_bytes().to_vec());
                }
            }
        }
    }
}

/// Messages out of their place do not open; nothing else may go wrong between honest devices.
fn expected(error: PairingError) {
    let code = error.code();
    let fine = ["pairing.failed", "pairing.over", "pairing.unconfirmed", "pairing.declined"];
    assert!(fine.contains(&code.as_str()), "{code}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Clauses: PAIR-21, PAIR-23, PAIR-29.
    #[test]
    fn no_order_of_messages_approves_the_wrong_card(
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 0..160),
    ) {
        let mut world = World::new(seed);
        for event in events {
            world.happen(event);
            prop_assert!(world.approved.len() <= 1);
            for approved in &world.approved {
                prop_assert_eq!(approved.card().author(), device(2).author());
            }
            prop_assert!(!world.let_in[1]);
            prop_assert!(!world.let_in[0] || world.approved.len() == 1);
        }
    }
}

/// The order that serves does serve, among all the others that do not: so the test above can fail.
#[test]
fn the_right_order_approves() {
    let mut world = World::new(1);
    // The newest message is 0; of the first two the one that is meant is the older.
    let mut events = vec![Event::ToApprover(3), Event::ToJoiner(0, 0), Event::ToApprover(0)];
    events.extend([Event::ToJoiner(0, 0), Event::JoinerCompares(0), Event::ApproverHurries]);
    events.extend([Event::ToApprover(0), Event::ApproverCompares, Event::Approval]);
    events.push(Event::ToJoiner(0, 0));
    for event in events {
        world.happen(event);
    }
    assert_eq!((world.approved.len(), world.let_in), (1, [true, false]));
}
