//! `bulla invite`: offer a new device a way in, once and for a limited time.

use std::io::IsTerminal as _;

use bulla::{Role, SpaceError};
use bulla_identity::{KeyFileError, OsRandomness};
use bulla_pairing::{Background, InvitationError, Invitations};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use crate::app::App;
use crate::args::InviteArgs;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::{Home, key_file};

const MS_PER_MINUTE: u64 = 60_000;

pub(crate) async fn run(app: &App, arguments: InviteArgs) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, &arguments.space).await?;
    match space.role() {
        Some(Role::Admin) => {}
        Some(role) => return Err(SpaceError::Role { needed: Role::Admin, role }.into()),
        None => return Err(SpaceError::NotMember(app.home.keys()?.author()).into()),
    }
    let me = app.home.keys()?.author();
    let now = SystemClock::new().unix_ms();
    let mut register = register(app)?;
    register.forget_expired(now);
    let lifetime = arguments.expires.saturating_mul(MS_PER_MINUTE);
    let invitation = register
        .invite(me, space.id(), None, lifetime, now, &OsRandomness)
        .map_err(|error| refused(&error))?;
    save_register(app, &register)?;
    let text = invitation.to_text();
    if arguments.qr || (!app.output.is_json && std::io::stdout().is_terminal()) {
        let background = if arguments.light { Background::Light } else { Background::Dark };
        app.output.line(invitation.to_qr().to_terminal(background).trim_end_matches('\n'));
    }
    app.output.line(text.as_str());
    app.output.note(format!(
        "It lets one device ask to come in, for {} minutes. Show it to nobody else.",
        arguments.expires
    ));
    app.output.note("There: `bulla device join INVITATION`. Here: `bulla device add`.");
    app.output.json(&json!({
        "space": space.id().to_string(), "invitation": text.as_str(), "id": invitation.id().to_string(),
        "expires_ms": invitation.expiry_hint_ms(),
    }));
    Ok(())
}

/// What this device offered; nothing yet is an empty register.
pub(crate) fn register(app: &App) -> Result<Invitations> {
    let path = app.home.invitations_path();
    if !path.exists() {
        return Ok(Invitations::new());
    }
    Invitations::read_file(&path, app.home.passphrase(false)?)
        .map_err(|error| key_file(&path, &error))
}

/// Keeps it: before a message goes out, and before anything is signed (PAIR-34).
pub(crate) fn save_register(app: &App, register: &Invitations) -> Result<()> {
    let path = app.home.invitations_path();
    let saved: Result<(), KeyFileError> =
        register.replace_file(&path, app.home.passphrase(false)?, Home::work_factor());
    saved.map_err(|error| key_file(&path, &error))
}

/// An invitation that cannot be made or does not serve.
pub(crate) fn refused(error: &InvitationError) -> Failure {
    let (exit, help) = match error {
        InvitationError::Lifetime => (Exit::Usage, "an invitation lives for 1 to 10,080 minutes"),
        InvitationError::Randomness(_) => (Exit::Failure, "try again"),
        InvitationError::Unknown
        | InvitationError::Used
        | InvitationError::Cancelled
        | InvitationError::Expired
        | InvitationError::InUse => (Exit::Denied, "make a new one with `bulla invite`"),
        _ => (Exit::Usage, "make a new one with `bulla invite`"),
    };
    Failure::new(exit, with_causes(error)).code(&error.code()).help(help)
}
