//! `bulla recovery`: the key on paper that brings a space back when every device is lost.

use std::path::{Path, PathBuf};

use bulla::{AuthorKey, Device, EntryId, RecoveryKey, Role, Space, SpaceError, SpaceId, sync};
use bulla_client::Client;
use bulla_identity::OsRandomness;
use bulla_store_rocksdb::DiskSpaces;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::key::read_text;
use super::space::members::named;
use super::sync::{client as client_of, judge, remote_at as remote};
use crate::app::App;
use crate::args::{RecoveryCommand, SpaceArg};
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::Remote;

pub(crate) async fn run(app: &App, command: RecoveryCommand) -> Result<()> {
    match command {
        RecoveryCommand::Create { space } => create(app, &space).await,
        RecoveryCommand::Restore {
            from,
            node,
            ca,
            dangerous_plain_http,
            words,
            revoke,
            revoke_all,
            space,
        } => {
            let node = from.zip(node).map(|(url, node)| remote(url, node, ca.as_deref()));
            let node = node.transpose()?;
            let told = Restoring { node, dangerous_plain_http, words, revoke, revoke_all };
            restore(app, told, &space).await
        }
    }
}

/// A new recovery key.
pub(crate) fn generate() -> Result<RecoveryKey> {
    RecoveryKey::generate(&OsRandomness).map_err(|error| Failure::new(Exit::Failure, error))
}

/// Shows the words, this once; in JSON they stand beside the rest.
pub(crate) fn show(app: &App, space: SpaceId, key: &RecoveryKey) -> Value {
    let words = key.to_words();
    app.output.line(words.as_str());
    app.output.note("These words are the recovery key. Write them on paper, now: they are shown once and kept nowhere.");
    app.output.note(format!(
        "Write beside them the space's id, {space}, and the address and key of a node that has it. Whoever has the words has the space.",
    ));
    if app.output.is_json { json!(words.as_str()) } else { Value::Null }
}

async fn create(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let key = generate()?;
    space.set_recovery_key(&key).await?;
    let words = show(app, space.id(), &key);
    app.output.json(&json!({ "space": space.id().to_string(), "words": words }));
    Ok(())
}

/// What `bulla recovery restore` was told.
#[derive(Debug)]
struct Restoring {
    node: Option<Remote>,
    dangerous_plain_http: bool,
    words: Option<PathBuf>,
    revoke: Vec<String>,
    revoke_all: bool,
}

async fn restore(app: &App, told: Restoring, argument: &SpaceArg) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let spaces = app.spaces()?;
    let space = joined(app, &spaces, &device, argument).await?;
    let key = read_words(told.words.as_deref())?;
    let has_signed = told.node.is_some() && has_signed(&space, &key);
    if let Some(remote) = told.node.as_ref().filter(|_| !has_signed) {
        // Nodes serve the recovery key in force, and no device that nobody granted anything yet.
        let client = as_recovery_key(app, &key, remote, told.dangerous_plain_http).await?;
        let report = sync::pull(&space, client.store(space.id())).await;
        judge(&[("pull", report)])?;
    }
    let (next, entry, lost) = match has_signed {
        true => (None, None, Vec::new()),
        false => recovered(app, &space, &key, &told).await?,
    };
    app.output.line(format!("this device is admin of space {}", space.id()));
    if let Some(remote) = told.node {
        // The node learns of this device by the entry that the recovery key signed, and then serves this device.
        let client = as_recovery_key(app, &key, &remote, told.dangerous_plain_http).await?;
        sync::push(&space, client.store(space.id())).await;
        let client = client_of(app, &device, &remote, told.dangerous_plain_http).await?;
        let report = sync::push(&space, client.store(space.id())).await;
        judge(&[("push", report)])?;
        let mut local = app.home.local()?;
        local.entry(space.id()).remote = Some(remote);
        app.home.save_local(&local)?;
        app.output.note("The node has it: the old words serve no more. Destroy them.");
    } else {
        app.output.note(
            "Run `bulla sync` before the old words are destroyed: they serve no more after it.",
        );
    }
    app.output.json(&json!({
        "space": space.id().to_string(), "entry": entry.map(|entry| entry.to_string()), "words": next,
        "revoked": lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(())
}

/// The space, which is joined if it is named by its id and not held.
async fn joined(
    app: &App,
    spaces: &DiskSpaces,
    device: &Device,
    argument: &SpaceArg,
) -> Result<Space> {
    let named = argument.space.as_deref().and_then(|text| text.parse::<SpaceId>().ok());
    if let Some(id) = named
        && !app.held(spaces).await?.contains(&id)
    {
        let space = Space::join_as(device, spaces, id, app.keyring()?, app.marks()).await?;
        let mut local = app.home.local()?;
        local.entry(id);
        app.home.save_local(&local)?;
        return Ok(space);
    }
    app.space(spaces, argument).await
}

/// Whether the recovery key signed its one entry before, for this device: what is left is to hand it on.
fn has_signed(space: &Space, key: &RecoveryKey) -> bool {
    let author = key.device_keys().author();
    let is_spent = space.with_directory(|directory| {
        directory.recovery_key().map(|key| key.author) != Some(author)
            && directory.seniority().contains(&author)
    });
    is_spent == Some(true) && space.role() == Some(Role::Admin)
}

/// Signs the one entry of the recovery key.
async fn recovered(
    app: &App,
    space: &Space,
    key: &RecoveryKey,
    told: &Restoring,
) -> Result<(Option<Value>, Option<EntryId>, Vec<AuthorKey>)> {
    let author = key.device_keys().author();
    let mut lost = Vec::with_capacity(told.revoke.len());
    for device in &told.revoke {
        lost.push(named(app, space, device).await?);
    }
    if told.revoke_all {
        let members = space.members().await?.into_iter();
        let others = members.filter(|member| !member.is_me && member.role > Role::Relay);
        lost.extend(others.map(|member| member.device));
    }
    let in_force = space.with_directory(|directory| directory.recovery_key()).flatten();
    if in_force.map(|key| key.author) != Some(author) {
        return Err(SpaceError::NotRecoveryKey.into());
    }
    // Shown before anything is signed: nobody could make these again.
    let next = generate()?;
    let shown = show(app, space.id(), &next);
    let entry = space.recover(key, &lost, Some(&next)).await?;
    // What only the recovery key opened is given to this device by no epoch.
    keep_keys(app, space)?;
    Ok((Some(shown), Some(entry), lost))
}

async fn as_recovery_key(
    app: &App,
    key: &RecoveryKey,
    remote: &Remote,
    dangerous_plain_http: bool,
) -> Result<Client> {
    client_of(app, &Device::from(key.device_keys()), remote, dangerous_plain_http).await
}

fn keep_keys(app: &App, space: &Space) -> Result<()> {
    space.with_keyring(|keyring| app.save_keyring(keyring))
}

/// The words, from a file or asked for: an argument would be seen by everybody on this machine.
fn read_words(file: Option<&Path>) -> Result<RecoveryKey> {
    let text = Zeroizing::new(match file {
        Some(file) => read_text(file)?,
        None => rpassword::prompt_password("The 24 words: ").map_err(|error| {
            Failure::usage(format!("no words: {error}"))
                .help("name a file that holds them with --words")
        })?,
    });
    RecoveryKey::from_words(&text).map_err(|error| {
        Failure::usage(with_causes(&error))
            .code(&error.code())
            .help("give the 24 words in their order")
    })
}
