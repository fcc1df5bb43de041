//! `bulla device`: a new device comes in by an invitation, and both sides compare a code.

mod add;
mod channel;
mod codes;
mod deliver;
pub(crate) mod interrupt;
mod join;
mod lines;
mod list;
pub(crate) mod mailbox;

use std::time::Duration;

use bulla_pairing::{InvitationError, PairingError};
use bulla_store::{Clock as _, SystemClock};
use bulla_store_rocksdb::DiskSpaces;

use super::register;
use crate::app::App;
use crate::args::DeviceCommand;
use crate::exit::{Exit, Failure, Result};

/// How long to wait for another program that uses the store, and how often to look.
const STORE_WAIT_MS: u64 = 120_000;
const STORE_LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn run(app: &App, command: DeviceCommand) -> Result<()> {
    match command {
        DeviceCommand::Add(arguments) => add::run(app, arguments).await,
        DeviceCommand::Join(arguments) => join::run(app, arguments).await,
        DeviceCommand::List => list::run(app).await,
    }
}

/// The store, when another program has let go of it: two people have typed their codes by now, and shall not do it again.
async fn free_store(app: &App) -> Result<DiskSpaces> {
    let clock = SystemClock::new();
    let until_ms = clock.unix_ms().saturating_add(STORE_WAIT_MS);
    let mut is_told = false;
    loop {
        match app.spaces() {
            Err(failure) if failure.exit == Exit::Unavailable && clock.unix_ms() < until_ms => {
                if !is_told {
                    app.output.note("Waiting for another bulla that uses this home.");
                    is_told = true;
                }
                tokio::time::sleep(STORE_LOOK).await;
            }
            opened => return opened,
        }
    }
}

/// What this device calls itself on its card.
fn own_label(app: &App) -> String {
    let card = std::fs::read_to_string(app.home.card_path()).ok();
    let card = card.and_then(|text| text.trim().parse::<bulla::Card>().ok());
    card.map(|card| card.label().to_owned()).unwrap_or_default()
}

fn differ() -> Failure {
    Failure::new(Exit::Denied, "the codes differ: somebody stands between the two devices")
        .code(&PairingError::Code.code())
        .help("nobody was let in; make a new invitation and pass it on another way")
}

/// The other device did not answer in time: in the time given, or in that of the invitation.
fn late(is_given: bool) -> Failure {
    if is_given {
        Failure::new(Exit::Unavailable, "the other device did not answer in time").help(
            "both commands must run at the same time; make a new invitation with `bulla invite`",
        )
    } else {
        register::refused(&InvitationError::Expired)
    }
}

/// An exchange that ended.
fn ended(error: PairingError) -> Failure {
    let (exit, help) = match error {
        PairingError::Invitation(error) => return register::refused(&error),
        PairingError::Label => {
            (Exit::Usage, "a label has at most 64 bytes and no control or hidden characters")
        }
        PairingError::Randomness(_) => (Exit::Failure, "try again"),
        PairingError::Declined => (
            Exit::Denied,
            "nobody was let in; if the codes did differ, make a new invitation and pass it on another way",
        ),
        _ => (Exit::Denied, "nobody was let in; make a new invitation with `bulla invite`"),
    };
    Failure::new(exit, error).code(&error.code()).help(help)
}
