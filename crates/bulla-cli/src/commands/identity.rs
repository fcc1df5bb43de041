//! `bulla identity`: this device's keys and its public card.

use bulla_identity::{DeviceKeys, OsRandomness};
use serde_json::json;

use crate::app::App;
use crate::args::IdentityCommand;
use crate::exit::{Exit, Failure, Result};
use crate::home::{Home, key_file};

pub(crate) fn run(app: &App, command: IdentityCommand) -> Result<()> {
    match command {
        IdentityCommand::Create { label } => create(app, &label),
        IdentityCommand::Show => show(app),
        IdentityCommand::Card => {
            app.home.need_identity()?;
            let path = app.home.card_path();
            let card = std::fs::read_to_string(&path)
                .map_err(|error| crate::home::io("read", &path, &error))?;
            app.output.line(card.trim());
            app.output.json(&json!({ "card": card.trim() }));
            Ok(())
        }
    }
}

/// Makes the keys of `home` and keeps its card beside them, in the open: the card is public.
pub(crate) fn create_keys(home: &Home, label: &str) -> Result<DeviceKeys> {
    home.create()?;
    let keys =
        DeviceKeys::generate(&OsRandomness).map_err(|error| Failure::new(Exit::Failure, error))?;
    let card = keys.card(label).map_err(|error| {
        let failure = Failure::usage(error).code(&error.code());
        failure.help("a label has at most 64 bytes and no control or hidden characters")
    })?;
    let path = home.identity_path();
    keys.create_file(&path, home.passphrase(true)?, Home::work_factor())
        .map_err(|error| key_file(&path, &error))?;
    let path = home.card_path();
    std::fs::write(&path, format!("{card}\n"))
        .map_err(|error| crate::home::io("write", &path, &error))?;
    Ok(keys)
}

fn create(app: &App, label: &str) -> Result<()> {
    let keys = create_keys(&app.home, label)?;
    app.output.line(format!("device {}", keys.author()));
    app.output.line(format!("keys in {}", app.home.identity_path().display()));
    app.output
        .note("Keep the passphrase safe: without it nobody can use these keys, not even you.");
    app.output
        .note("`bulla identity card` prints what others need to share a space with this device.");
    app.output
        .json(&json!({ "device": keys.author().to_string(), "path": app.home.identity_path() }));
    Ok(())
}

fn show(app: &App) -> Result<()> {
    let keys = app.home.keys()?;
    let rows = [
        vec![json!("device"), json!(keys.author().to_string())],
        vec![json!("sealing key"), json!(keys.sealing_key().to_string())],
        vec![json!("home"), json!(app.home.root())],
    ];
    if app.output.is_json {
        app.output.json(&json!({
            "device": keys.author().to_string(), "sealing_key": keys.sealing_key().to_string(), "home": app.home.root(),
        }));
    } else {
        app.output.rows(&["", ""], &rows);
    }
    Ok(())
}
