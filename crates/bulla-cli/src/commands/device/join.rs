//! `bulla device join`: the side that comes in.

use std::path::Path;

use bulla::{Card, Device, Space};
use bulla_identity::OsRandomness;
use bulla_pairing::{
    Approval, Invitation, Joiner, JoinerStep, KnownHeads, MAX_LIFETIME_MS, PairingError,
};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use super::channel::{Channel, remote};
use super::codes::Codes;
use super::interrupt::Interrupts;
use super::{differ, ended, free_store, own_label};
use crate::app::App;
use crate::args::JoinArgs;
use crate::commands::key::read_text;
use crate::commands::register;
use crate::exit::{Failure, Result, with_causes};
use crate::home::LocalSpaces;

/// How much longer than the invitation serves a device waits: it may have been let in at the last moment.
const GRACE_MS: u64 = 60_000;

pub(super) async fn run(app: &App, arguments: JoinArgs) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let path = Path::new(&arguments.invitation);
    let text = if path == Path::new("-") || path.exists() {
        read_text(path)?
    } else {
        arguments.invitation.clone()
    };
    let invitation: Invitation = text.trim().parse().map_err(|error| register::refused(&error))?;
    if invitation.is_by(&device.author()) {
        return Err(Failure::usage("this device made the invitation")
            .code(&PairingError::Card.code())
            .help("run this on the new device; here it is `bulla device add`"));
    }
    if let Some(name) = &arguments.name {
        app.home.local()?.check_name(Some(invitation.space()), name)?;
    }
    if invitation.expiry_hint_ms() <= SystemClock::new().unix_ms() {
        app.output.note("By the clock of this device the invitation has expired.");
    }
    // By its own clock, since the hint may say anything.
    let latest_ms = SystemClock::new().unix_ms().saturating_add(MAX_LIFETIME_MS);
    let until_ms = invitation.expiry_hint_ms().min(latest_ms).saturating_add(GRACE_MS);
    let mut channel = Channel::new(app, &device, &invitation, until_ms, &arguments.way)?;
    let label = arguments.label.clone().unwrap_or_else(|| own_label(app));
    let codes = Codes { output: app.output, file: arguments.way.code_file.clone(), until_ms };
    let mut interrupts = Interrupts::listen()?;
    let coming = come_in(app, &device, &invitation, &label, &mut channel, &codes);
    let (approval, inviter) = match interrupts.or(coming).await {
        Err(failure) if failure.is_interrupted() => {
            interrupts.or_again(async { _ = channel.close().await }).await;
            // Its last word may have been on the way.
            return Err(failure.help(
                "nobody waits for this device now; if it is in already, `bulla space join` and `bulla sync` show it",
            ));
        }
        came => came?,
    };
    interrupts.or(keep(app, &device, &invitation, &approval, &inviter, &arguments)).await?;
    // Nothing lies in it any more that somebody waits for.
    channel.close().await;
    Ok(())
}

/// All six messages. What the inviting device said in the last one, and its card.
async fn come_in(
    app: &App,
    device: &Device,
    invitation: &Invitation,
    label: &str,
    channel: &mut Channel,
    codes: &Codes,
) -> Result<(Approval, Card)> {
    let begun = Joiner::begin(invitation, device, label, &OsRandomness);
    let (mut joiner, first) = begun.map_err(ended)?;
    channel.send(&first).await?;
    let mut inviter = None;
    while let Some(number) = joiner.awaits() {
        let message = channel.receive(number).await?;
        match joiner.receive(&message, &OsRandomness) {
            Ok(JoinerStep::Send(message)) => channel.send(&message).await?,
            Ok(JoinerStep::Compare { code, approver }) => {
                let label = approver.label();
                app.output
                    .note(format!("The other device calls itself '{}'.", label.escape_debug()));
                app.output.json(&json!({ "code": code.to_string(), "other": label }));
                inviter = Some(approver);
                if codes.typed(code).await?.is_none() {
                    channel.send(&joiner.decline(device, &OsRandomness).map_err(ended)?).await?;
                    return Err(differ());
                }
                channel.send(&joiner.confirm(device, &OsRandomness).map_err(ended)?).await?;
            }
            Ok(JoinerStep::Approved(approval)) => {
                // Nobody approves whose card was not shown before.
                let inviter = inviter.ok_or_else(|| ended(PairingError::Order))?;
                return Ok((approval, inviter));
            }
            Err(PairingError::Failed) => {}
            Err(error) => {
                channel.close().await;
                return Err(ended(error));
            }
        }
    }
    Err(ended(PairingError::Over))
}

/// Takes the space in, and writes down what the inviting device said of it.
async fn keep(
    app: &App,
    device: &Device,
    invitation: &Invitation,
    approval: &Approval,
    inviter: &Card,
    arguments: &JoinArgs,
) -> Result<()> {
    let space = approval.space;
    let expected: Vec<String> = match KnownHeads::from_bytes(&approval.frontier) {
        Ok(heads) => heads.ids().map(|id| id.to_string()).collect(),
        Err(error) => {
            app.output.note(format!(
                "What the other device knew of the space cannot be read: {} [{}].",
                with_causes(&error),
                error.code()
            ));
            Vec::new()
        }
    };
    let spaces = free_store(app).await?;
    // What is held stays as it is.
    if !app.held(&spaces).await?.contains(&space) {
        Space::join_as(device, &spaces, space, app.keyring()?, app.marks()).await?;
    }
    let node = remote(app, invitation, &arguments.way)?;
    let mut local = app.home.local()?;
    match &arguments.name {
        Some(name) => local.set_name(space, name)?,
        None => name_after(&mut local, space, inviter.label()),
    }
    let name = local.name(space).map(str::to_owned);
    let entry = local.entry(space);
    entry.expected = expected;
    // The founder's grant has no label, and this is who it is.
    if !inviter.label().is_empty() {
        let key = inviter.author().to_string();
        entry.labels.entry(key).or_insert_with(|| inviter.label().to_owned());
    }
    if node.is_some() {
        entry.remote.clone_from(&node);
    }
    app.home.save_local(&local)?;

    let called = name.as_ref().map(|name| format!(", called '{}' here", name.escape_debug()));
    app.output.line(format!("this device is in space {space}{}", called.unwrap_or_default()));
    app.output.note(match node {
        Some(_) => "Fetch it with `bulla sync`.",
        None => "Fetch it with `bulla sync URL --node KEY`.",
    });
    app.output.json(&json!({
        "space": space.to_string(),
        "grant": approval.grant.to_string(),
        "name": name,
        "node": node.as_ref().map(|node| &node.url),
        "node_key": node.as_ref().map(|node| &node.node),
    }));
    Ok(())
}

/// A space without a name is called as the device that let this one in, if that is a plain word and no other space is.
fn name_after(local: &mut LocalSpaces, space: bulla::SpaceId, inviter: &str) {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '\'');
    if local.name(space).is_none() && inviter.trim() == inviter && inviter.chars().all(is_plain) {
        // One that cannot be had is none.
        drop(local.set_name(space, inviter));
    }
}
