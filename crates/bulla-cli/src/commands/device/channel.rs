//! The way of messages from one device to the other: lines that people pass on, or the mailbox of a node.

use std::time::Duration;

use bulla::Device;
use bulla_pairing::{Invitation, Message};

use super::lines::Lines;
use super::mailbox::{self, Mailbox};
use crate::app::App;
use crate::args::WayArgs;
use crate::exit::Result;
use crate::home::Remote;
use crate::output::Output;

/// The way of messages.
#[derive(Debug)]
pub(super) struct Channel {
    way: Way,
    output: Output,
}

#[derive(Debug)]
enum Way {
    Lines(Lines),
    Mailbox(Box<Mailbox>),
}

impl Channel {
    /// Through the mailbox that the invitation names, unless the command line says otherwise.
    pub(super) fn new(
        app: &App,
        device: &Device,
        invitation: &Invitation,
        expires_ms: u64,
        arguments: &WayArgs,
    ) -> Result<Self> {
        let (output, wait_ms) = (app.output, arguments.wait);
        let node = remote(app, invitation, arguments)?.filter(|_| !arguments.is_by_lines());
        let way = if let Some(node) = node {
            Way::Mailbox(Box::new(Mailbox {
                client: mailbox::client(device, &node, &arguments.link)?,
                key: invitation.mailbox(),
                output,
                look_every: Duration::from_millis(arguments.look_every),
                wait_ms,
                expires_ms,
                fetched: 0,
            }))
        } else {
            let from = arguments.from.clone().map(|path| (path, 0));
            Way::Lines(Lines { output, from, to: arguments.to.clone(), wait_ms, expires_ms })
        };
        Ok(Self { way, output })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<()> {
        match &self.way {
            Way::Lines(lines) => lines.send(message),
            Way::Mailbox(mailbox) => mailbox.send(message).await,
        }
    }

    /// The message of this number; a line may be any.
    pub(super) async fn receive(&mut self, number: u8) -> Result<Vec<u8>> {
        let waits = match &mut self.way {
            Way::Lines(lines) => lines.from.is_some(),
            Way::Mailbox(_) => true,
        };
        if waits {
            self.output.note(match number {
                1 => "Waiting for the new device: `bulla device join INVITATION` there.",
                2 => "Waiting for the device that invited: `bulla device add` there.",
                5 => "Waiting until the person at the new device has typed the code.",
                6 => "Waiting to be let in.",
                _ => "The other device is there.",
            });
        }
        match &mut self.way {
            Way::Lines(lines) => lines.receive().await,
            Way::Mailbox(mailbox) => mailbox.receive(number).await,
        }
    }

    /// Whether the other side can be told that nothing more comes.
    pub(super) const fn can_close(&self) -> bool {
        matches!(self.way, Way::Mailbox(_))
    }

    /// Tells the other side, where that can be told, that nothing more comes; whether it can.
    pub(super) async fn close(&self) -> bool {
        match &self.way {
            Way::Lines(_) => false,
            Way::Mailbox(mailbox) => {
                mailbox.close().await;
                true
            }
        }
    }
}

/// The node that an invitation names, and how to reach it.
pub(super) fn remote(
    app: &App,
    invitation: &Invitation,
    arguments: &WayArgs,
) -> Result<Option<Remote>> {
    let Some(node) = invitation.node() else { return Ok(None) };
    let space = invitation.space().to_string();
    let known = app.home.local()?.spaces.remove(&space).and_then(|local| local.remote);
    let known = known.filter(|known| known.url == node.url).and_then(|known| known.ca);
    let given = arguments.link.ca.as_deref().map(crate::commands::invite::absolute).transpose()?;
    Ok(Some(Remote { url: node.url.clone(), node: node.key.to_string(), ca: given.or(known) }))
}
