//! What this device offered to others that want to come in: its register of invitations (PAIR-30 to PAIR-34).

use std::fs::File;

use bulla_core::InvitationId;
use bulla_identity::KeyFileError;
use bulla_pairing::{InvitationError, InvitationInfo, InvitationState, Invitations};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use crate::app::App;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::{Home, io, key_file};

/// Digits of an id that name an invitation at least.
const MIN_PREFIX: usize = 4;

/// The register as it is now; nothing offered yet is an empty one.
pub(crate) fn read(app: &App) -> Result<Invitations> {
    let path = app.home.invitations_path();
    if !path.exists() {
        return Ok(Invitations::new());
    }
    Invitations::read_file(&path, app.home.passphrase(false)?)
        .map_err(|error| key_file(&path, &error))
}

/// Changes the register, one program at a time: it is read anew, so that nothing another one did meanwhile is undone, and
/// durable before this returns (PAIR-34). What fails changes nothing.
pub(crate) fn change<T>(
    app: &App,
    change: impl FnOnce(&mut Invitations) -> Result<T>,
) -> Result<T> {
    app.home.create()?;
    // Asked for first, so that nobody waits for a person at another keyboard.
    let passphrase = app.home.passphrase(false)?;
    let lock = app.home.invitations_path().with_extension("lock");
    let failed = |error| io("lock", &lock, &error);
    let file = File::options().create(true).append(true).open(&lock).map_err(failed)?;
    // Let go when the file is closed, also by a program that was killed.
    file.lock().map_err(failed)?;
    let mut register = read(app)?;
    let changed = change(&mut register)?;
    let path = app.home.invitations_path();
    let saved: Result<(), KeyFileError> =
        register.replace_file(&path, passphrase, Home::work_factor());
    saved.map_err(|error| key_file(&path, &error))?;
    Ok(changed)
}

/// An invitation by its id or the beginning of it, if only one is meant.
pub(crate) fn named(register: &Invitations, text: &str) -> Result<InvitationInfo> {
    let text = text.to_ascii_lowercase();
    let is_meant = |info: &InvitationInfo| {
        text.len() >= MIN_PREFIX && info.id.to_string().starts_with(text.as_str())
    };
    let mut meant = register.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::usage("more than one invitation begins so")
            .help("give more digits: see `bulla invite list`")),
        (None, _) => Err(refused(&InvitationError::Unknown)),
    }
}

/// Ends an invitation: a device that is coming in with it is refused at its approval.
pub(crate) fn cancel(app: &App, text: &str) -> Result<()> {
    let id = change(app, |register| {
        let id = named(register, text)?.id;
        register.cancel(&id).map_err(|error| match error {
            InvitationError::Used => Failure::new(Exit::Denied, with_causes(&error))
                .code(&error.code())
                .help("the device is in; `bulla space revoke` puts it out"),
            error => refused(&error),
        })?;
        Ok(id)
    })?;
    app.output.line(format!("invitation {id} lets nobody in"));
    app.output.json(&json!({ "cancelled": id.to_string() }));
    Ok(())
}

/// All that is known of invitations, and who came in by them.
pub(crate) fn list(app: &App) -> Result<()> {
    let (now, local) = (SystemClock::new().unix_ms(), app.home.local()?);
    let mut all: Vec<_> = read(app)?.iter().collect();
    all.sort_by_key(|info| info.made_ms);
    let rows: Vec<_> = all
        .iter()
        .map(|info| {
            let state = state(info, now);
            let device = match info.state {
                InvitationState::Used(device) | InvitationState::InProgress(device) => Some(device),
                InvitationState::Unused | InvitationState::Cancelled => None,
            };
            let minutes = info.expires_ms.saturating_sub(now).div_ceil(60_000);
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
    if rows.is_empty() {
        app.output.note("No invitations yet: make one with `bulla invite`.");
    }
    Ok(())
}

fn state(info: &InvitationInfo, now_ms: u64) -> &'static str {
    match info.state {
        InvitationState::Used(_) => "used",
        InvitationState::Cancelled => "cancelled",
        _ if now_ms >= info.expires_ms => "expired",
        InvitationState::InProgress(_) => "in progress",
        InvitationState::Unused => "open",
    }
}

/// The invitation that a new device is to come in with: the one named, else the only one that is open.
pub(crate) fn open(
    register: &Invitations,
    text: Option<&str>,
    now_ms: u64,
) -> Result<InvitationInfo> {
    if let Some(text) = text {
        let info = named(register, text)?;
        // Why it does not serve, before anything is waited for.
        let served: Result<_, InvitationError> = register.invitation(&info.id, now_ms);
        served.map_err(|error| refused(&error))?;
        return match info.state {
            InvitationState::InProgress(_) => Err(refused(&InvitationError::InUse)),
            _ => Ok(info),
        };
    }
    let mut open = register.iter().filter(|info| state(info, now_ms) == "open");
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::usage("more than one invitation is open")
            .help("name one with --invitation; see `bulla invite list`")),
        (None, _) => Err(Failure::new(Exit::NotFound, "no invitation is open")
            .help("make one with `bulla invite`; see `bulla invite list`")),
    }
}

/// Ends what went wrong; that it cannot be ended any more matters to nobody.
pub(crate) fn give_up(app: &App, id: &InvitationId) {
    drop(change(app, |register| {
        register.cancel(id).map_err(|error| refused(&error))?;
        Ok(())
    }));
}

/// An invitation that cannot be made or does not serve.
pub(crate) fn refused(error: &InvitationError) -> Failure {
    let (exit, help) = match error {
        InvitationError::Lifetime => (Exit::Usage, "an invitation lives for at most 7d"),
        InvitationError::Node => (Exit::Usage, "give a shorter address with --via"),
        InvitationError::TooMany => (Exit::Usage, "end one with `bulla invite cancel ID`"),
        InvitationError::Randomness(_) => (Exit::Failure, "try again"),
        InvitationError::Unknown => (Exit::NotFound, "see `bulla invite list`"),
        InvitationError::InUse => {
            (Exit::Denied, "end it with `bulla invite cancel ID`, and make a new one")
        }
        InvitationError::Used | InvitationError::Cancelled | InvitationError::Expired => {
            (Exit::Denied, "make a new one with `bulla invite`")
        }
        _ => (Exit::Usage, "check that all of the line was passed on, and nothing else"),
    };
    Failure::new(exit, with_causes(error)).code(&error.code()).help(help)
}
