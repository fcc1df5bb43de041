//! The phone comes in by an invitation: six sealed messages through the relay's mailbox, and two people who read a code.

use std::sync::Arc;
use std::time::Duration;

use bulla::{Device, EntryId, Role, Space};
use bulla_client::{Client, Upstream};
use bulla_core::Signature;
use bulla_core::values::MailboxRequest;
use bulla_identity::OsRandomness;
use bulla_pairing::{
    Approval, Approved, Approver, ApproverStep, DEFAULT_LIFETIME_MS, Invitation, Invitations,
    Joiner, JoinerStep, KnownHeads, MailboxKey, MailboxNode, Message, PairingError,
};
use bulla_store::{Clock as _, Context, SystemClock};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure, Result, with_causes};

/// What the phone calls itself.
pub(crate) const PHONE_LABEL: &str = "phone of Ninsun";
/// What the laptop calls itself to the phone.
pub(crate) const LAPTOP_LABEL: &str = "laptop of Ninsun";

/// Between two looks into the mailbox, in milliseconds. It lies on this machine.
const LOOK_MS: u64 = 10;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the phone came in.
pub(crate) struct Paired {
    /// The code that the laptop showed.
    pub(crate) laptop_code: String,
    /// The code that the phone showed, and that was typed at the laptop.
    pub(crate) phone_code: String,
    /// What the laptop knew of the space: whoever shows the phone less is found out.
    pub(crate) told: Vec<EntryId>,
    /// The text that was in the QR code. Whoever has it can speak to the laptop: no node may see it.
    pub(crate) invitation: Zeroizing<String>,
}

/// Invites the phone, which knows nothing but the invitation, to read the space. `laptop` is a client of the relay, which the
/// phone finds at `url`.
pub(crate) async fn play(
    space: &Space,
    device: &Device,
    laptop: Client,
    phone: &Device,
    url: String,
) -> Result<Paired> {
    let mut register = Invitations::new();
    let now = SystemClock::new().unix_ms();
    let me = device.author();
    let node = MailboxNode { url, key: laptop.node() };
    let invitation = register
        .invite(me, space.id(), Some(&node), DEFAULT_LIFETIME_MS, now, &OsRandomness)
        .map_err(failed)?;
    let text = invitation.to_text();
    let mailbox = Mailbox { client: laptop, key: invitation.mailbox() };
    mailbox.open().await?;

    // What one person reads out and the other types.
    let (from_phone, to_laptop) = oneshot::channel();
    let (from_laptop, to_phone) = oneshot::channel();
    let joining = join(&text, phone, from_phone, to_phone);
    let adding = async {
        let added = add(&mut register, &invitation, device, &mailbox, from_laptop, to_laptop);
        let Added { approved, shown, typed } = added.await?;
        let grant = space.grant(*approved.card(), Role::Reader, approved.label()).await?;
        let known = KnownHeads::new([space.frontier().await?]).map_err(failed)?.to_bytes();
        let last = approved.approval(device, grant, &known, &OsRandomness).map_err(failed)?;
        mailbox.leave(&last).await?;
        Ok((shown, typed))
    };
    let both = tokio::time::timeout(PATIENCE, async { tokio::try_join!(adding, joining) }).await;
    let ((laptop_code, phone_code), approval) =
        both.map_err(|_| Failure::new(Exit::Failure, "the two devices do not find each other"))??;
    let told = KnownHeads::from_bytes(&approval.frontier).map_err(failed)?.ids().collect();
    Ok(Paired { laptop_code, phone_code, told, invitation: text })
}

/// What came of it at the laptop.
struct Added {
    approved: Approved,
    /// The code that it showed.
    shown: String,
    /// What its person typed.
    typed: String,
}

/// The laptop, up to the moment when its person has typed the code that the phone shows.
async fn add(
    register: &mut Invitations,
    invitation: &Invitation,
    device: &Device,
    mailbox: &Mailbox,
    says: oneshot::Sender<String>,
    hears: oneshot::Receiver<String>,
) -> Result<Added> {
    let clock = SystemClock::new();
    let first = mailbox.wait(Some(1)).await?;
    let now = clock.unix_ms();
    let begun = Approver::begin(
        register,
        &invitation.id(),
        device,
        LAPTOP_LABEL,
        &first,
        now,
        &OsRandomness,
    );
    let (mut approver, second) = begun.map_err(failed)?;
    mailbox.leave(&second).await?;
    let third = mailbox.wait(approver.awaits()).await?;
    let step = approver.receive(&third, &OsRandomness).map_err(failed)?;
    let ApproverStep::Compare { message: fourth, code } = step else { return Err(disorder()) };
    mailbox.leave(&fourth).await?;
    let shown = code.to_string();
    says.send(shown.clone()).map_err(|_| disorder())?;
    let fifth = mailbox.wait(approver.awaits()).await?;
    approver.receive(&fifth, &OsRandomness).map_err(failed)?;
    let typed = hears.await.map_err(|_| disorder())?;
    let approved = approver.approve(&typed, register, clock.unix_ms()).map_err(failed)?;
    Ok(Added { approved, shown, typed })
}

/// The phone. Nobody knows it yet, so that it uses the mailbox without a login.
async fn join(
    text: &str,
    device: &Device,
    says: oneshot::Sender<String>,
    hears: oneshot::Receiver<String>,
) -> Result<Approval> {
    let invitation: Invitation = text.parse().map_err(failed)?;
    let MailboxNode { url, key } = invitation.node().ok_or_else(disorder)?;
    let upstream = Upstream::new(url, *key).map_err(Failure::usage)?;
    let client = Client::builder(upstream, Arc::clone(device) as _).build().map_err(failed)?;
    let mailbox = Mailbox { client, key: invitation.mailbox() };
    let (mut joiner, first) =
        Joiner::begin(&invitation, device, PHONE_LABEL, &OsRandomness).map_err(failed)?;
    mailbox.leave(&first).await?;
    let second = mailbox.wait(joiner.awaits()).await?;
    let step = joiner.receive(&second, &OsRandomness).map_err(failed)?;
    let JoinerStep::Send(third) = step else { return Err(disorder()) };
    mailbox.leave(&third).await?;
    let fourth = mailbox.wait(joiner.awaits()).await?;
    let step = joiner.receive(&fourth, &OsRandomness).map_err(failed)?;
    let JoinerStep::Compare { code, .. } = step else { return Err(disorder()) };
    says.send(code.to_string()).map_err(|_| disorder())?;
    if !code.is_typed(&hears.await.map_err(|_| disorder())?) {
        return Err(failed(PairingError::Code));
    }
    mailbox.leave(&joiner.confirm(device, &OsRandomness).map_err(failed)?).await?;
    let sixth = mailbox.wait(joiner.awaits()).await?;
    match joiner.receive(&sixth, &OsRandomness).map_err(failed)? {
        JoinerStep::Approved(approval) => {
            mailbox.close().await?;
            Ok(approval)
        }
        JoinerStep::Send(_) | JoinerStep::Compare { .. } => Err(disorder()),
    }
}

/// A mailbox of a node, as one of the two devices uses it.
struct Mailbox {
    client: Client,
    key: MailboxKey,
}

impl Mailbox {
    async fn open(&self) -> Result<()> {
        self.ask(self.key.open(self.client.node()), &[]).await
    }

    async fn leave(&self, message: &Message) -> Result<()> {
        self.ask(self.key.leave(self.client.node(), message), message.as_bytes()).await
    }

    async fn close(&self) -> Result<()> {
        self.ask(self.key.close(self.client.node()), &[]).await
    }

    async fn wait(&self, number: Option<u8>) -> Result<Vec<u8>> {
        let (request, proof) = self.key.fetch(self.client.node(), number.ok_or_else(disorder)?);
        let cx = Context::new();
        Ok(self.client.await_mailbox(&cx, &request, &proof, LOOK_MS).await?.to_vec())
    }

    async fn ask(&self, asked: (MailboxRequest, Signature), message: &[u8]) -> Result<()> {
        let (request, proof) = asked;
        self.client.ask_mailbox(&Context::new(), &request, &proof, message).await?;
        Ok(())
    }
}

fn failed<E: std::error::Error + 'static>(error: E) -> Failure {
    Failure::new(Exit::Failure, format!("pairing: {}", with_causes(&error)))
}

fn disorder() -> Failure {
    Failure::new(Exit::Failure, "pairing: the two devices do not agree whose turn it is")
}
