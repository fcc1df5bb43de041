//! Mailboxes are asked for without a login. Strangers who ask without end take no memory, no mailbox and nobody's login.

use bulla_core::cbor::Encode;
use bulla_server::{Answer, BodySource, Call};
use bulla_wire::mailbox::MailboxReply;
use bulla_wire::{Route, WireError};
use bytes::Bytes;

use crate::mailboxes::{Guest, with_mailboxes};
use crate::support::{device, is_alone, one_member, space};

/// Pieces of a body; after the last one it may go on for ever.
struct Body {
    first: Option<Bytes>,
    is_endless: bool,
    pieces: usize,
}

#[async_trait::async_trait]
impl BodySource for Body {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        self.pieces += 1;
        let more = self.is_endless.then(|| Bytes::from_static(&[0; 1_024]));
        Ok(self.first.take().or(more))
    }
}

/// What this process has in memory now, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Clauses: PAIR-44, PAIR-45, WIRE-13.
#[tokio::test]
async fn a49_a_flood_at_the_mailboxes_takes_no_memory_and_no_login() {
    if !is_alone("a49_mailbox_floods::a49_a_flood_at_the_mailboxes_takes_no_memory_and_no_login") {
        return;
    }
    let member = device();
    let setup = with_mailboxes(one_member(&member, space(1)).await, 2, 2);
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let invited = Guest::new(&node, [1; 32]);
    node.post("/v1/mailbox/open", Some(&token), &invited.open()).await.value::<MailboxReply>();
    let early = node.signed_login(&*member, &[space(1)]).await;
    let mut before = 0;
    for number in 0..4_000_u32 {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let stranger = Guest::new(&node, seed);
        let message = [1; 4_096];
        let first = Some(stranger.leave(1 + (number % 8) as u8, &message).to_cbor().into());
        let mut body = Body { first, is_endless: false, pieces: 0 };
        let answer = node.service.answer(Route::Mailbox, Call::default(), &mut body).await;
        assert_eq!(answer.unwrap_err().code.as_str(), "mailbox.unknown");
        let first = Some(stranger.open().to_cbor().into());
        let mut body = Body { first, is_endless: false, pieces: 0 };
        let answer = node.service.answer(Route::MailboxOpen, Call::default(), &mut body).await;
        assert_eq!(answer.unwrap_err().code.as_str(), "login.token");
        assert_eq!(body.pieces, 0, "who may not open is not read");
        if number == 500 {
            before = resident_kib();
        }
    }
    // 3,500 strangers with 4 KiB each would be 14 MiB.
    assert!(resident_kib() < before + 4 * 1_024, "from {before} to {} KiB", resident_kib());
    let mut body = Body { first: None, is_endless: true, pieces: 0 };
    let answer = node.service.answer(Route::Mailbox, Call::default(), &mut body).await;
    assert_eq!(answer.unwrap_err().code.as_str(), "request.too_large");
    assert!(body.pieces <= 9, "{} KiB were read", body.pieces);
    // Nobody was pushed out: neither the mailbox, nor its other place, nor a login under way.
    let call = Call::default();
    let first = Some(invited.leave(1, b"one").to_cbor().into());
    let mut body = Body { first, is_endless: false, pieces: 0 };
    let answer = node.service.answer(Route::Mailbox, call, &mut body).await;
    assert!(matches!(answer.unwrap(), Answer::Message(_)));
    let reply: MailboxReply = node.post("/v1/mailbox", None, &invited.fetch(1)).await.value();
    assert_eq!(reply.0.as_deref(), Some(&b"one"[..]));
    let next = Guest::new(&node, [2; 32]);
    node.post("/v1/mailbox/open", Some(&token), &next.open()).await.value::<MailboxReply>();
    assert_eq!(node.post("/v1/login", None, &early).await.status, 200);
}
