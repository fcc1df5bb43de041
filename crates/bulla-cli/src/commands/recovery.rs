//! `bulla recovery`: the key on paper that brings a space back when every device is lost.

use std::path::Path;

use bulla::{RecoveryKey, Space};
use bulla_identity::OsRandomness;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::key::read_text;
use super::space::members::named;
use crate::app::App;
use crate::args::{RecoveryCommand, SpaceArg};
use crate::exit::{Exit, Failure, Result, with_causes};

pub(crate) async fn run(app: &App, command: RecoveryCommand) -> Result<()> {
    match command {
        RecoveryCommand::Create { space } => create(app, &space).await,
        RecoveryCommand::Restore { words, revoke, space } => {
            restore(app, words.as_deref(), &revoke, &space).await
        }
    }
}

/// A new recovery key.
pub(crate) fn generate() -> Result<RecoveryKey> {
    RecoveryKey::generate(&OsRandomness).map_err(|error| Failure::new(Exit::Failure, error))
}

/// Shows the words, this once; in JSON they stand beside the rest.
pub(crate) fn show(app: &App, key: &RecoveryKey) -> Value {
    let words = key.to_words();
    app.output.line(words.as_str());
    app.output.note("These words are the recovery key. Write them on paper, now: they are shown once and kept nowhere.");
    app.output.note("Whoever has them has the space.");
    if app.output.is_json { json!(words.as_str()) } else { Value::Null }
}

async fn create(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let key = generate()?;
    space.set_recovery_key(&key).await?;
    let words = show(app, &key);
    app.output.json(&json!({ "space": space.id().to_string(), "words": words }));
    Ok(())
}

async fn restore(
    app: &App,
    words: Option<&Path>,
    revoke: &[String],
    argument: &SpaceArg,
) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let mut lost = Vec::with_capacity(revoke.len());
    for device in revoke {
        lost.push(named(app, &space, device).await?);
    }
    let key = read_words(words)?;
    let next = generate()?;
    let entry = space.recover(&key, &lost, Some(&next)).await?;
    // What only the recovery key opened is given to this device by no epoch.
    keep_keys(app, &space)?;
    let next = show(app, &next);
    app.output.line(format!("this device is admin of space {}", space.id()));
    app.output
        .note("Run `bulla sync` before the old words are destroyed: they serve no more after it.");
    app.output.json(&json!({
        "space": space.id().to_string(), "entry": entry.to_string(), "words": next,
        "revoked": lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(())
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
