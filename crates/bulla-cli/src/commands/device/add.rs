//! `bulla device add`: the side that lets in.

use std::cell::Cell;

use bulla::{Device, EntryId, Role, Space, SpaceError};
use bulla_identity::{OsRandomness, label_fits};
use bulla_pairing::{
    Approved, Approver, ApproverStep, Invitation, InvitationInfo, KnownHeads, Message, PairingError,
};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use super::channel::{Channel, remote};
use super::codes::Codes;
use super::deliver::Delivery;
use super::interrupt::Interrupts;
use super::{differ, ended, free_store, own_label};
use crate::app::App;
use crate::args::{AddArgs, SpaceArg};
use crate::commands::{invite, register};
use crate::exit::{Failure, Result};

pub(super) async fn run(app: &App, arguments: AddArgs) -> Result<()> {
    let now_ms = SystemClock::new().unix_ms();
    let device = Device::from(app.home.keys()?);
    if arguments.label.as_deref().is_some_and(|label| !label_fits(label)) {
        return Err(ended(PairingError::Label));
    }
    let (offered, invitation) = {
        let register = register::read(app)?;
        let offered = register::open(&register, arguments.invitation.as_deref(), now_ms)?;
        let invitation = register.invitation(&offered.id, now_ms);
        (offered, invitation.map_err(|error| register::refused(&error))?)
    };
    // What would fail at the end fails before two people were asked for anything.
    let space = SpaceArg { space: Some(offered.space.to_string()) };
    invite::need_admin(app, &space, &device).await?;

    let way = &arguments.way;
    let mut channel = Channel::new(app, &device, &invitation, offered.expires_ms, way)?;
    let mut interrupts = Interrupts::listen()?;
    let begun = interrupts.or(begin(app, &device, &offered, &mut channel)).await;
    let (mut approver, answer) = match begun {
        Err(failure) if failure.is_interrupted() && channel.can_close() => {
            // Perhaps somebody is on the way to the mailbox, and nobody would come for what they leave.
            return Err(abandon(app, &offered, &channel, &mut interrupts, failure).await);
        }
        begun => begun?,
    };
    let codes =
        Codes { output: app.output, file: way.code_file.clone(), until_ms: offered.expires_ms };
    let reached = Cell::new(Reached::Nothing);
    let exchange = async {
        let typed = compare(app, &mut channel, &mut approver, &answer, &codes).await?;
        let (arguments, invitation, reached) = (&arguments, &invitation, &reached);
        let side = Side { app, device: &device, arguments, invitation, reached };
        side.let_in(&channel, approver, &typed).await
    };
    match interrupts.or(exchange).await {
        Err(failure) if failure.is_interrupted() => Err(match reached.get() {
            Reached::Nothing => abandon(app, &offered, &channel, &mut interrupts, failure).await,
            Reached::Granted => {
                interrupts.or_again(async { _ = channel.close().await }).await;
                failure.help(
                    "the device is in, or almost: see `bulla space members`, then `bulla sync`",
                )
            }
            // What it is told lies in the mailbox still, perhaps.
            Reached::Told => failure.help("the device is in; `bulla sync` brings it to others"),
        }),
        Err(failure) => {
            // Whatever went wrong, the invitation serves nobody any more, and the other device need not wait.
            register::give_up(app, &offered.id);
            channel.close().await;
            Err(failure)
        }
        Ok(()) => Ok(()),
    }
}

/// How far letting in has come, for whoever is asked to end.
#[derive(Debug, Clone, Copy)]
enum Reached {
    /// Nobody is in.
    Nothing,
    /// The device is in.
    Granted,
    /// It has been told, or is just being told.
    Told,
}

/// Ends the invitation, and first of all tells the device that waits.
async fn abandon(
    app: &App,
    offered: &InvitationInfo,
    channel: &Channel,
    interrupts: &mut Interrupts,
    failure: Failure,
) -> Failure {
    interrupts.or_again(async { _ = channel.close().await }).await;
    register::give_up(app, &offered.id);
    failure.help(
        "nobody was let in, and the invitation is cancelled: make a new one with `bulla invite`",
    )
}

/// Takes message 1, and makes message 2. The register is durable before it goes out.
async fn begin(
    app: &App,
    device: &Device,
    offered: &InvitationInfo,
    channel: &mut Channel,
) -> Result<(Approver, Message)> {
    let label = own_label(app);
    loop {
        let message = channel.receive(1).await?;
        let begun = register::change(app, |register| {
            let now = SystemClock::new().unix_ms();
            let (id, random) = (&offered.id, &OsRandomness);
            Ok(Approver::begin(register, id, device, &label, &message, now, random))
        })?;
        match begun {
            Ok(begun) => return Ok(begun),
            Err(error) => {
                // The invitation is as it was (PAIR-32). But in its mailbox there is no place for another message 1.
                if channel.close().await {
                    register::give_up(app, &offered.id);
                    return Err(ended(error));
                }
                // Not for this invitation: somebody else's line must not end the exchange.
                if error != PairingError::Failed {
                    return Err(ended(error));
                }
                app.output.note("this line is not of a device with this invitation");
            }
        }
    }
}

/// From the second message to the confirmations of both persons. What the person here typed.
async fn compare(
    app: &App,
    channel: &mut Channel,
    approver: &mut Approver,
    answer: &Message,
    codes: &Codes,
) -> Result<String> {
    channel.send(answer).await?;
    let code = loop {
        let message = channel.receive(3).await?;
        match approver.receive(&message, &OsRandomness) {
            Ok(ApproverStep::Compare { message, code }) => {
                channel.send(&message).await?;
                break code;
            }
            Ok(ApproverStep::Confirmed) | Err(PairingError::Failed) => {}
            Err(error) => return Err(ended(error)),
        }
    };
    // What the other device calls itself is not shown beside it (PAIR-28).
    app.output.json(&json!({ "code": code.to_string() }));
    let Some(typed) = codes.typed(code).await? else { return Err(differ()) };
    loop {
        let message = channel.receive(5).await?;
        match approver.receive(&message, &OsRandomness) {
            Ok(ApproverStep::Confirmed) => return Ok(typed),
            Ok(ApproverStep::Compare { .. }) | Err(PairingError::Failed) => {}
            Err(error) => return Err(ended(error)),
        }
    }
}

/// What letting in takes.
struct Side<'a> {
    app: &'a App,
    device: &'a Device,
    arguments: &'a AddArgs,
    invitation: &'a Invitation,
    reached: &'a Cell<Reached>,
}

impl Side<'_> {
    /// Both persons confirmed: signs the grant, brings it to the node, and tells the other device.
    async fn let_in(&self, channel: &Channel, mut approver: Approver, typed: &str) -> Result<()> {
        let Self { app, device, arguments, invitation, reached } = *self;
        let spaces = free_store(app).await?;
        let space = app.open(&spaces, invitation.space(), device).await?;
        match space.role() {
            Some(Role::Admin) => {}
            Some(role) => return Err(SpaceError::Role { needed: Role::Admin, role }.into()),
            None => return Err(SpaceError::NotMember(device.author()).into()),
        }
        // Judged by the register as it is now: it may have been cancelled by another program (PAIR-33).
        let approved = register::change(app, |register| {
            approver.approve(typed, register, SystemClock::new().unix_ms()).map_err(ended)
        })?;
        let role = Role::from(arguments.role);
        let label = arguments.label.as_deref().unwrap_or_else(|| approved.label());
        // A grant that is begun is brought to its end, wherever this ends.
        reached.set(Reached::Granted);
        let grant = space.grant(*approved.card(), role, label).await?;
        // From here on the device is in, whatever else fails.
        let message = approval(device, &space, &approved, grant).await?;
        let node = remote(app, invitation, &arguments.way)?;
        let delivery = node.map(|node| Delivery::new(app, &spaces, &space, device, node));
        if let Some(delivery) = &delivery {
            // The grant first: with it the node lets the new device in.
            delivery.control(&arguments.way.link).await;
        }
        reached.set(Reached::Told);
        let told = channel.send(&message).await;

        let author = approved.card().author();
        let called =
            if label.is_empty() { String::new() } else { format!(" ('{}')", label.escape_debug()) };
        app.output.line(format!("device {author}{called} is {role} of space {}", space.id()));
        if let Err(failure) = &told {
            app.output.note(format!("That device could not be told: {}.", failure.message));
            let space = space.id();
            app.output.note(format!(
                "There: `bulla space join {space}`, then `bulla sync URL --node KEY`."
            ));
        }
        match &delivery {
            Some(delivery) => delivery.rest(&arguments.way.link).await,
            None => app.output.note("It takes effect elsewhere with the next `bulla sync`."),
        }
        app.output.json(&json!({
            "space": space.id().to_string(),
            "device": author.to_string(),
            "label": label,
            "role": role.name(),
            "grant": grant.to_string(),
            "told": told.is_ok(),
        }));
        Ok(())
    }
}

/// Message 6: with the grant, and with what is known here of the space, so that nobody shows the new device less.
async fn approval(
    device: &Device,
    space: &Space,
    approved: &Approved,
    grant: EntryId,
) -> Result<Message> {
    // Signed after the grant, it proves the newest entry of everybody (PAIR-35).
    let frontier = space.frontier().await.unwrap_or(grant);
    let heads = KnownHeads::new([grant, frontier]).map_err(ended)?;
    approved.approval(device, grant, &heads.to_bytes(), &OsRandomness).map_err(ended)
}
