//! `bulla device`: a new device comes in by an invitation, and both sides compare a code.

mod channel;

use bulla::{Device, Role, Space};
use bulla_identity::OsRandomness;
use bulla_pairing::{
    Approver, ApproverStep, Invitation, InvitationInfo, InvitationState, Invitations, Joiner,
    JoinerStep, PairingError,
};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use super::invite::{refused, register, save_register};
use super::key::read_text;
use crate::app::App;
use crate::args::{AddArgs, DeviceCommand, JoinArgs};
use crate::exit::{Exit, Failure, Result};
use channel::{Channel, ended};

pub(crate) async fn run(app: &App, command: DeviceCommand) -> Result<()> {
    match command {
        DeviceCommand::Add(arguments) => add(app, arguments).await,
        DeviceCommand::Join(arguments) => join(app, arguments).await,
        DeviceCommand::List => list(app),
    }
}

/// The side that lets in.
async fn add(app: &App, arguments: AddArgs) -> Result<()> {
    let clock = SystemClock::new();
    let device = Device::from(app.home.keys()?);
    let mut register = register(app)?;
    let offered = open_invitation(&register, arguments.invitation.as_deref(), clock.unix_ms())?;
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    let mut channel = Channel::new(app.output, from, to, offered.expires_ms);

    let (mut approver, answer) = loop {
        let message = channel.receive().await?;
        let now = clock.unix_ms();
        let begun = Approver::begin(
            &mut register,
            &offered.id,
            &device,
            &own_label(app),
            &message,
            now,
            &OsRandomness,
        );
        match begun {
            Ok(begun) => break begun,
            // Not for this invitation: somebody else's line must not end the exchange.
            Err(PairingError::Failed) => {
                app.output.note("this line is not of a device with this invitation");
            }
            Err(error) => return Err(ended(error)),
        }
    };
    save_register(app, &register)?;
    let typed = match approve(&mut channel, &mut approver, &answer).await {
        Ok(typed) => typed,
        Err(failure) => {
            // Whatever went wrong, the invitation serves nobody any more.
            _ = approver.cancel(&mut register);
            save_register(app, &register)?;
            return Err(failure);
        }
    };
    let approved = approver.approve(&typed, &mut register, clock.unix_ms()).map_err(ended)?;
    save_register(app, &register)?;

    let spaces = app.spaces()?;
    let space = app.open(&spaces, offered.space, &device).await?;
    let label = arguments.label.as_deref().unwrap_or_else(|| approved.label());
    let role = Role::from(arguments.role);
    let grant = space.grant(*approved.card(), role, label).await?;
    channel.send(&approved.approval(&device, grant, &[], &OsRandomness).map_err(ended)?)?;
    let author = approved.card().author();
    app.output.note(format!("device {author} is {role} of space {}", offered.space));
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({
        "space": offered.space.to_string(), "device": author.to_string(), "role": role.name(), "grant": grant.to_string(),
    }));
    Ok(())
}

/// From the second message to the confirmations of both persons. What the person here typed.
async fn approve(
    channel: &mut Channel,
    approver: &mut Approver,
    answer: &bulla_pairing::Message,
) -> Result<String> {
    channel.send(answer)?;
    let code = loop {
        let message = channel.receive().await?;
        match approver.receive(&message, &OsRandomness) {
            Ok(ApproverStep::Compare { message, code }) => {
                channel.send(&message)?;
                break code;
            }
            Ok(ApproverStep::Confirmed) | Err(PairingError::Failed) => {}
            Err(error) => return Err(ended(error)),
        }
    };
    let Some(typed) = channel.typed(code)? else { return Err(differ()) };
    loop {
        let message = channel.receive().await?;
        match approver.receive(&message, &OsRandomness) {
            Ok(ApproverStep::Confirmed) => return Ok(typed),
            Ok(ApproverStep::Compare { .. }) | Err(PairingError::Failed) => {}
            Err(error) => return Err(ended(error)),
        }
    }
}

/// The side that comes in.
async fn join(app: &App, arguments: JoinArgs) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let path = std::path::Path::new(&arguments.invitation);
    let text = if path == std::path::Path::new("-") || path.exists() {
        read_text(path)?
    } else {
        arguments.invitation.clone()
    };
    let invitation: Invitation = text.trim().parse().map_err(|error| refused(&error))?;
    let label = arguments.label.clone().unwrap_or_else(|| own_label(app));
    let mut local = app.home.local()?;
    local.entry(invitation.space());
    if let Some(name) = &arguments.name {
        local.set_name(invitation.space(), name)?;
    }
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    let mut channel = Channel::new(app.output, from, to, invitation.expiry_hint_ms());
    let (mut joiner, first) =
        Joiner::begin(&invitation, &device, &label, &OsRandomness).map_err(ended)?;
    channel.send(&first)?;
    let approval = loop {
        let message = channel.receive().await?;
        match joiner.receive(&message, &OsRandomness) {
            Ok(JoinerStep::Send(message)) => channel.send(&message)?,
            Ok(JoinerStep::Compare { code, approver }) => {
                if !channel.confirm(code, approver.label())? {
                    channel.send(&joiner.decline(&device, &OsRandomness).map_err(ended)?)?;
                    return Err(differ());
                }
                channel.send(&joiner.confirm(&device, &OsRandomness).map_err(ended)?)?;
            }
            Ok(JoinerStep::Approved(approval)) => break approval,
            Err(PairingError::Failed) => {}
            Err(error) => return Err(ended(error)),
        }
    };
    let spaces = app.spaces()?;
    Space::join_as(&device, &spaces, approval.space, app.keyring()?, app.marks()).await?;
    app.home.save_local(&local)?;
    app.output.note(format!("this device is in space {}", approval.space));
    app.output.note("Fetch it with `bulla sync URL --node KEY`.");
    app.output.json(&json!({
        "space": approval.space.to_string(), "grant": approval.grant.to_string(), "name": arguments.name,
    }));
    Ok(())
}

fn differ() -> Failure {
    Failure::new(Exit::Denied, "the codes differ: somebody stands between the two devices")
        .help("nobody was let in; make a new invitation and pass it on another way")
}

/// The invitation meant: by its id or the beginning of it, or the only one that nobody answered.
fn open_invitation(
    register: &Invitations,
    named: Option<&str>,
    now_ms: u64,
) -> Result<InvitationInfo> {
    let mut open = register.iter().filter(|info| {
        info.state == InvitationState::Unused
            && now_ms < info.expires_ms
            && named.is_none_or(|text| info.id.to_string().starts_with(text))
    });
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::usage("more than one invitation is open")
            .help("name one with --invitation; see `bulla device list`")),
        (None, _) => Err(Failure::new(Exit::NotFound, "no such invitation is open")
            .help("make one with `bulla invite`; see `bulla device list`")),
    }
}

/// What this device calls itself on its card.
fn own_label(app: &App) -> String {
    let card = std::fs::read_to_string(app.home.card_path()).ok();
    let card = card.and_then(|text| text.trim().parse::<bulla::Card>().ok());
    card.map(|card| card.label().to_owned()).unwrap_or_default()
}

/// What this device offered, and who came in by it.
fn list(app: &App) -> Result<()> {
    let (now, local) = (SystemClock::new().unix_ms(), app.home.local()?);
    let rows: Vec<_> = register(app)?
        .iter()
        .map(|info| {
            let (state, device) = match info.state {
                InvitationState::Used(device) => ("used", Some(device)),
                InvitationState::Cancelled => ("cancelled", None),
                _ if now >= info.expires_ms => ("expired", None),
                InvitationState::InProgress(device) => ("in progress", Some(device)),
                InvitationState::Unused => ("open", None),
            };
            let minutes = info.expires_ms.saturating_sub(now) / 60_000;
            vec![
                json!(info.id.to_string()),
                json!(local.name(info.space)),
                json!(info.space.to_string()),
                json!(state),
                json!(device.map(|device| device.to_string())),
                json!((state == "open").then_some(minutes)),
            ]
        })
        .collect();
    app.output.rows(&["invitation", "name", "space", "state", "device", "minutes left"], &rows);
    Ok(())
}
