//! `bulla-node config`: looking at a configuration.

use clap::Subcommand;

use super::{ConfigArgs, say};
use crate::config::{AcceptFrom, AccessKind, Config, Mode, SpaceConfig, SpacePattern};
use crate::error::NodeError;
use crate::run::check;

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Reads the configuration and everything it names, and says what the node would do.
    ///
    /// It opens the key and the certificates. It does not listen, open the database or ask an upstream.
    Check(ConfigArgs),
}

impl ConfigCommand {
    pub(super) async fn execute(self) -> Result<(), NodeError> {
        let Self::Check(args) = self;
        let config = args.source().load()?;
        let node = check(&config).await?;
        say(&describe(&config))?;
        say(&format!("node {node}"))
    }
}

/// What a node with this configuration does, a line a fact.
fn describe(config: &Config) -> String {
    let listen = config.listen.address.get_ref();
    let scheme = if config.listen.is_tls() { "https" } else { "plain http" };
    let mut lines = vec![format!("listens on {listen} ({scheme})")];
    match &config.admin {
        Some(admin) => lines.push(format!("shows the operator its state on {}", admin.address)),
        None => lines.push("has no address for the operator".to_owned()),
    }
    let mailbox = config.mailbox.get_ref();
    if mailbox.enabled {
        let (most, each) = (mailbox.max_mailboxes, mailbox.max_per_peer);
        lines.push(format!("offers {most} mailboxes to devices that pair, {each} to one device"));
    }
    if config.spaces.is_empty() {
        lines.push("serves no space: add a [[space]]".to_owned());
    }
    lines.extend(config.spaces.iter().map(space));
    lines.join("\n")
}

fn space(space: &SpaceConfig) -> String {
    let which = match space.id.get_ref() {
        SpacePattern::One(id) => format!("space {}", id.short()),
        SpacePattern::Every => "every other space".to_owned(),
    };
    let upstream = space.upstream.as_ref().map_or("", |name| name.get_ref().as_str());
    let mode = match space.mode.get_ref() {
        Mode::Relay => "kept on disk".to_owned(),
        Mode::Passthrough => format!("passed on to {upstream}"),
        Mode::Cache => format!("cached in front of {upstream}"),
    };
    format!("{which}: {mode}, {}", peers(space))
}

fn peers(space: &SpaceConfig) -> String {
    if space.access() == AccessKind::Directory {
        let members = "its members are allowed, by their roles";
        let Some(accept) = space.accept.as_ref().map(|accept| accept.get_ref()) else {
            return members.to_owned();
        };
        let from = match accept.from {
            AcceptFrom::Members => "known devices",
            AcceptFrom::Anyone => "anyone",
        };
        let (all, each) = (accept.max_spaces, accept.max_spaces_per_peer);
        return format!("{members}; accepts spaces from {from}, {all} in all and {each} each");
    }
    match space.allow().len() {
        0 => "nobody is allowed".to_owned(),
        1 => "1 peer is allowed".to_owned(),
        count => format!("{count} peers are allowed"),
    }
}
