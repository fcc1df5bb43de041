//! Two devices pair through the mailbox of a node that knows one of them.

use std::sync::Arc;

use bulla_client::{Client, Upstream};
use bulla_core::{EntryId, SpaceId};
use bulla_identity::{DeviceKeys, OsRandomness};
use bulla_pairing::{
    Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, MailboxKey, MailboxNode,
    Message,
};
use bulla_store::Context;

use crate::raw;
use crate::support::{Bench, Running, code, device, peer, relay, stderr};

const MAILBOXES: &str = "[mailbox]\nenabled = true\nmax_mailboxes = 2\nmax_per_peer = 1\n";
/// Between two looks into the mailbox, in milliseconds.
const LOOK_MS: u64 = 5;
/// What the approver's device says of the new one, in the last message.
const GRANT: EntryId = EntryId([6; 32]);

/// One side of a mailbox.
struct Side {
    client: Client,
    key: MailboxKey,
    cx: Context,
}

impl Side {
    async fn open(&self) -> bulla_store::Result<()> {
        let (request, proof) = self.key.open(self.client.node());
        self.client.ask_mailbox(&self.cx, &request, &proof, b"").await.map(|_| ())
    }

    async fn leave(&self, message: &Message) {
        let (request, proof) = self.key.leave(self.client.node(), message);
        let left = self.client.ask_mailbox(&self.cx, &request, &proof, message.as_bytes()).await;
        assert_eq!(left.unwrap(), None);
    }

    async fn wait(&self, number: Option<u8>) -> Vec<u8> {
        let (request, proof) = self.key.fetch(self.client.node(), number.unwrap());
        self.client.await_mailbox(&self.cx, &request, &proof, LOOK_MS).await.unwrap().to_vec()
    }
}

/// Knows the text of an invitation and nothing else; nobody knows it. The code that it shows.
async fn join(text: String, guest: Arc<DeviceKeys>) -> String {
    let invitation: Invitation = text.parse().unwrap();
    let cx = Context::new();
    let MailboxNode { url, key } = invitation.node().unwrap();
    let upstream = Upstream::new(url, *key).unwrap();
    let client = Client::builder(upstream, Arc::<DeviceKeys>::clone(&guest)).build().unwrap();
    let side = Side { client, key: invitation.mailbox(), cx };
    let (mut joiner, message) = Joiner::begin(&invitation, &guest, "guest", &OsRandomness).unwrap();
    side.leave(&message).await;
    let message = side.wait(joiner.awaits()).await;
    let Ok(JoinerStep::Send(message)) = joiner.receive(&message, &OsRandomness) else {
        panic!("message 2 is answered");
    };
    side.leave(&message).await;
    let message = side.wait(joiner.awaits()).await;
    joiner.receive(&message, &OsRandomness).unwrap();
    let shown = joiner.code().unwrap().to_string();
    side.leave(&joiner.confirm(&guest, &OsRandomness).unwrap()).await;
    let message = side.wait(joiner.awaits()).await;
    let Ok(JoinerStep::Approved(approval)) = joiner.receive(&message, &OsRandomness) else {
        panic!("message 6 approves");
    };
    assert_eq!(approval.grant, GRANT);
    // A stranger can do everything but open: this device may not log in.
    assert_eq!(code(side.open().await), "login.refused");
    let (request, proof) = side.key.close(side.client.node());
    side.client.ask_mailbox(&side.cx, &request, &proof, b"").await.unwrap();
    shown
}

/// Clauses: PAIR-40, PAIR-43, PAIR-44, PAIR-45, WIRE-43, WIRE-44, NODE-31.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_pair_through_the_mailbox_of_a_node() {
    let (bench, host, guest) = (Bench::new(), device(), device());
    let site = bench.site("relay");
    site.configure(&(relay(SpaceId([5; 32]), &[peer(&host)]) + MAILBOXES));
    let node = site.start().await;
    let (mut register, random) = (Invitations::new(), OsRandomness);
    let mut invite = || {
        let (by, space) = (host.author(), SpaceId([5; 32]));
        let at = MailboxNode { url: node.url(), key: node.client(&host).node() };
        register.invite(by, space, Some(&at), 900_000, 0, &random).unwrap()
    };
    let (invitation, second) = (invite(), invite());
    let side = |invitation: &Invitation| Side {
        client: node.client(&host),
        key: invitation.mailbox(),
        cx: Context::new(),
    };
    let (side, next) = (side(&invitation), side(&second));
    side.open().await.unwrap();
    assert_eq!(code(next.open().await), "mailbox.full");
    let joining =
        tokio::spawn(join(invitation.to_text().to_string(), Arc::<DeviceKeys>::clone(&guest)));

    let message = side.wait(Some(1)).await;
    let (mut approver, message) =
        Approver::begin(&mut register, &invitation.id(), &host, "host", &message, 1, &random)
            .unwrap();
    side.leave(&message).await;
    let message = side.wait(approver.awaits()).await;
    let Ok(ApproverStep::Compare { message, .. }) = approver.receive(&message, &random) else {
        panic!("message 3 is answered");
    };
    side.leave(&message).await;
    let message = side.wait(approver.awaits()).await;
    approver.receive(&message, &random).unwrap();
    let shown = approver.code().unwrap().to_string();
    let approved = approver.approve(&shown, &mut register, 2).unwrap();
    side.leave(&approved.approval(&host, GRANT, &[7; 3_904], &random).unwrap()).await;
    assert_eq!(joining.await.unwrap(), shown, "both people see the same");
    // It was closed by the other side, so there is room for the next.
    next.open().await.unwrap();
    said_nothing(&node, &[&side.key, &next.key]);
    node.stop().await;
}

/// Neither the address of a mailbox nor the key of the invited device is in the log.
fn said_nothing(node: &Running, keys: &[&MailboxKey]) {
    let log = node.log();
    assert!(log.contains("\"route\":\"mailbox\"") && log.contains("\"route\":\"mailbox/open\""));
    for key in keys {
        let digits: String = key.address().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!log.contains(&digits[..8]), "an address in the log");
    }
}

/// Clauses: PAIR-40, WIRE-42, NODE-31.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_has_no_mailboxes_unless_its_operator_says_so() {
    let (bench, host) = (Bench::new(), device());
    let site = bench.site("relay");
    let sections = relay(SpaceId([5; 32]), &[peer(&host)]);
    site.configure(&sections);
    let check = || {
        let output = site.program().args(["config", "check", "--config", "node.toml"]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!check().contains("mailbox"));
    let node = site.start().await;
    assert!(!node.client(&host).has_mailboxes(&Context::new()).await.unwrap());
    let fields = [("bulla-request-id", "test")];
    let nowhere = raw::get(node.ready.listen, "/v1/nowhere", &fields).await;
    for path in ["/v1/mailbox", "/v1/mailbox/open"] {
        assert_eq!(raw::get(node.ready.listen, path, &fields).await, nowhere);
    }
    node.stop().await;
    site.configure(&(sections + MAILBOXES));
    assert!(check().contains("offers 2 mailboxes to devices that pair, 1 to one device"));
}
