//! `bulla invite`: offer a new device a way in, once and for a limited time.

use std::io::IsTerminal as _;

use bulla::{Device, Role, SpaceError, SpaceId};
use bulla_identity::OsRandomness;
use bulla_pairing::{Background, DEFAULT_LIFETIME_MS, Invitation, MailboxNode};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use super::device::interrupt::Interrupts;
use super::device::mailbox;
use super::register;
use crate::app::App;
use crate::args::{InviteArgs, InviteCommand, OfferArgs, SpaceArg};
use crate::exit::{Failure, Result};
use crate::home::Remote;

pub(crate) async fn run(app: &App, arguments: InviteArgs) -> Result<()> {
    match arguments.command {
        Some(InviteCommand::List) => register::list(app),
        Some(InviteCommand::Cancel { id }) => register::cancel(app, &id),
        None => offer(app, &arguments.offer).await,
    }
}

async fn offer(app: &App, arguments: &OfferArgs) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let space = need_admin(app, &arguments.space, &device).await?;
    let invitation = match node(app, space, arguments)? {
        None => make(app, space, arguments, &device, None)?,
        Some(node) if arguments.via.is_some() => {
            by_mailbox(app, space, arguments, &device, &node).await?
        }
        // Nobody asked for the node: without it the invitation serves as well.
        Some(node) => match by_mailbox(app, space, arguments, &device, &node).await {
            Ok(invitation) => invitation,
            Err(failure) if failure.is_interrupted() => return Err(failure),
            Err(failure) => {
                let code = failure.code.as_deref().unwrap_or("no code");
                app.output
                    .note(format!("No mailbox at {}: {} [{code}].", node.url, failure.message));
                make(app, space, arguments, &device, None)?
            }
        },
    };
    show(app, space, arguments, &invitation);
    Ok(())
}

/// The space, if this device may let others into it.
pub(crate) async fn need_admin(app: &App, argument: &SpaceArg, device: &Device) -> Result<SpaceId> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    let opened = app.open(&spaces, space, device).await?;
    let role = opened.role();
    drop(opened);
    // Whatever comes next may take its time, and another program may want the store.
    spaces.close().await;
    match role {
        Some(Role::Admin) => Ok(space),
        Some(role) => Err(SpaceError::Role { needed: Role::Admin, role }.into()),
        None => Err(SpaceError::NotMember(device.author()).into()),
    }
}

/// The node whose mailbox is to be used: as named, else the one that the space was last synced with.
fn node(app: &App, space: SpaceId, arguments: &OfferArgs) -> Result<Option<Remote>> {
    if arguments.no_mailbox {
        return Ok(None);
    }
    let local = app.home.local()?;
    let known = local.spaces.get(&space.to_string()).and_then(|local| local.remote.clone());
    let mut remote = match (&arguments.via, arguments.node) {
        (None, _) if arguments.expires > DEFAULT_LIFETIME_MS => None,
        (None, _) => known,
        (Some(url), Some(node)) => {
            Some(Remote { url: url.clone(), node: node.to_string(), ca: None })
        }
        (Some(url), None) => {
            let known = known.filter(|known| known.url == *url);
            Some(known.ok_or_else(|| {
                Failure::usage(format!("which key must {url} say it has?"))
                    .help("add --node KEY; the operator's `bulla-node key show` prints it")
            })?)
        }
    };
    if arguments.via.is_some() && arguments.expires > DEFAULT_LIFETIME_MS {
        return Err(Failure::usage("a mailbox is there for 15 minutes, and so is its invitation")
            .help("leave --via out, or --expires"));
    }
    if let (Some(remote), Some(ca)) = (&mut remote, &arguments.link.ca) {
        remote.ca = Some(absolute(ca)?);
    }
    Ok(remote)
}

/// The path of a file of certificates, to be kept.
pub(crate) fn absolute(path: &std::path::Path) -> Result<std::path::PathBuf> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("--ca: {error}")))
}

/// An invitation with a mailbox that is open.
async fn by_mailbox(
    app: &App,
    space: SpaceId,
    arguments: &OfferArgs,
    device: &Device,
    node: &Remote,
) -> Result<Invitation> {
    let client = mailbox::client(device, node, &arguments.link)?;
    mailbox::check(&client).await?;
    let url = node.url.clone();
    let invitation =
        make(app, space, arguments, device, Some(&MailboxNode { url, key: client.node() }))?;
    let mut interrupts = Interrupts::listen()?;
    match interrupts.or(mailbox::open(&client, &invitation)).await {
        Ok(()) => Ok(invitation),
        Err(failure) => {
            if failure.is_interrupted() {
                // It may be open, and nobody was shown the way to it.
                let key = invitation.mailbox();
                interrupts.or_again(mailbox::close(&client, &key)).await;
            }
            register::give_up(app, &invitation.id());
            Err(failure)
        }
    }
}

fn make(
    app: &App,
    space: SpaceId,
    arguments: &OfferArgs,
    device: &Device,
    node: Option<&MailboxNode>,
) -> Result<Invitation> {
    register::change(app, |register| {
        let now = SystemClock::new().unix_ms();
        register.forget_expired(now);
        register
            .invite(device.author(), space, node, arguments.expires, now, &OsRandomness)
            .map_err(|error| register::refused(&error))
    })
}

fn show(app: &App, space: SpaceId, arguments: &OfferArgs, invitation: &Invitation) {
    let text = invitation.to_text();
    if arguments.qr || (!app.output.is_json && std::io::stdout().is_terminal()) {
        let background = if arguments.light { Background::Light } else { Background::Dark };
        app.output.line(invitation.to_qr().to_terminal(background).trim_end_matches('\n'));
    }
    app.output.line(text.as_str());
    app.output.note(format!(
        "It lets one device ask to come in, for {}. Show it to nobody else.",
        lifetime(arguments.expires)
    ));
    let node = invitation.node();
    let how = match node {
        Some(node) => format!("They find each other through {}.", node.url),
        None => "They exchange six lines, which you pass on.".to_owned(),
    };
    app.output
        .note(format!("There: `bulla device join INVITATION`. Here: `bulla device add`. {how}"));
    app.output.json(&json!({
        "space": space.to_string(),
        "invitation": text.as_str(),
        "id": invitation.id().to_string(),
        "expires_ms": invitation.expiry_hint_ms(),
        "node": node.map(|node| node.url.as_str()),
        "node_key": node.map(|node| node.key.to_string()),
    }));
}

/// A time in words.
fn lifetime(ms: u64) -> String {
    let units =
        [(86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1_000, "seconds")];
    let unit = units.into_iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) if ms == unit => format!("1 {}", name.trim_end_matches('s')),
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => format!("{ms} milliseconds"),
    }
}
