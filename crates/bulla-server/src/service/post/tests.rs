use std::sync::atomic::{AtomicU64, Ordering};

use bulla_core::Signature;
use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MAILBOX_LIFETIME_MS, MailboxOperation, MailboxRequest};
use ed25519_dalek::{Signer, SigningKey};

use super::*;

const NODE: NodeId = NodeId([9; 32]);
const ON: MailboxSettings = MailboxSettings { enabled: true, max_mailboxes: 8, max_per_peer: 2 };

/// A clock that goes on with the timers of the runtime, and a wall clock that is set by hand.
#[derive(Debug)]
struct TimerClock {
    start: tokio::time::Instant,
    unix_ms: AtomicU64,
}

impl TimerClock {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: tokio::time::Instant::now(), unix_ms: AtomicU64::new(1) })
    }
}

impl Clock for TimerClock {
    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::SeqCst)
    }
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

fn open(seed: u8) -> MailboxOpen {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let address = MailboxAddress(key.verifying_key().to_bytes());
    let request = MailboxRequest { node: NODE, address, operation: MailboxOperation::Open };
    MailboxOpen { address, proof: Signature(key.sign(&request.signing_message()).to_bytes()) }
}

/// Nobody asks again, and still nothing stays: by the clock of the node, whatever its wall clock says.
///
/// Clauses: PAIR-43, PAIR-45.
#[tokio::test(start_paused = true)]
async fn what_has_expired_is_forgotten_although_nobody_asks() {
    let clock = TimerClock::new();
    let post = Post::new(ON, NODE, Arc::<TimerClock>::clone(&clock)).unwrap();
    let life = Duration::from_millis(MAILBOX_LIFETIME_MS);
    for round in 0..3 {
        post.open(PeerKey([1; 32]), &open(1)).unwrap();
        tokio::time::sleep(life / 2).await;
        post.open(PeerKey([1; 32]), &open(2)).unwrap();
        clock.unix_ms.store(u64::MAX - round, Ordering::SeqCst);
        tokio::time::sleep(life / 2 - Duration::from_millis(1)).await;
        assert_eq!(post.count(), 2, "neither is 15 minutes old");
        tokio::time::sleep(SWEEP).await;
        assert_eq!(post.count(), 1);
        tokio::time::sleep(life / 2 + SWEEP).await;
        assert_eq!(post.count(), 0);
        assert!(!lock(&post.held).is_swept, "the task ends with the last mailbox");
    }
}

/// Clauses: PAIR-45.
#[tokio::test(start_paused = true)]
async fn one_device_does_not_take_the_places_of_all() {
    let post = Post::new(ON, NODE, TimerClock::new()).unwrap();
    let (greedy, other) = (PeerKey([1; 32]), PeerKey([2; 32]));
    for seed in [1, 2, 1, 2] {
        post.open(greedy, &open(seed)).unwrap();
    }
    let refused = post.open(greedy, &open(3)).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.is_retryable), ("mailbox.full", true));
    post.open(other, &open(3)).unwrap();
    // One that another opened is not counted for whoever opens it again.
    post.open(greedy, &open(3)).unwrap();
    tokio::time::sleep(Duration::from_millis(MAILBOX_LIFETIME_MS)).await;
    post.open(greedy, &open(4)).unwrap();
    assert_eq!(post.count(), 1);
}

#[test]
fn mailboxes_are_off_unless_somebody_says_so() {
    let settings = MailboxSettings::default();
    settings.check().unwrap();
    assert!(Post::new(settings, NODE, Arc::new(bulla_store::SystemClock::new())).is_none());
    assert_eq!((settings.max_mailboxes, settings.max_per_peer), (256, 16));
    for (max_mailboxes, max_per_peer, name) in
        [(0, 1, "max_mailboxes"), (4_097, 1, "max_mailboxes"), (1, 0, "max_per_peer")]
    {
        let settings = MailboxSettings { enabled: true, max_mailboxes, max_per_peer };
        assert_eq!(settings.check().unwrap_err().name, name);
    }
}
