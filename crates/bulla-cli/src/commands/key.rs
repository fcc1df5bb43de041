//! `bulla key`: the keys that open a space's entries.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bulla::{Card, Device, EntryId, EpochKey, KeyTransfer, Keyring, Space, SpaceId};
use bulla_core::KeyId;
use bulla_store::{Context, Spaces as _};
use serde_json::json;

use crate::app::App;
use crate::args::{KeyCommand, SpaceArg};
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::io;

/// Longest transfer or card read from outside, in bytes: more than any transfer has (KEY-10).
const MAX_INPUT_BYTES: u64 = 512 * 1024;

pub(crate) async fn run(app: &App, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::List => list(app).await,
        KeyCommand::Export { space, to, output } => {
            export(app, &space, &to, output.as_deref()).await
        }
        KeyCommand::Import { file, from, name } => import(app, &file, &from, name.as_deref()).await,
    }
}

/// Every key that opens something here: those of the keyring, and those that epochs of the spaces give this device.
async fn list(app: &App) -> Result<()> {
    let spaces = app.spaces()?;
    let held = app.held(&spaces).await?;
    let keyring = app.keyring()?;
    let local = app.home.local()?;
    let mut rows = Vec::new();
    let mut add = |space: SpaceId, keyring: &Keyring, opened: Option<&Space>| {
        for group in keyring.groups(&space) {
            let keys = keyring.keys_of(&space, &group);
            let seals = sealing_key(keys, group, opened);
            rows.extend(keys.iter().map(|key| {
                vec![
                    json!(local.name(space)),
                    json!(space.to_string()),
                    json!((!group.is_zero()).then(|| group.to_string())),
                    json!(key.id().to_string()),
                    json!(if seals == Some(key.id()) { "seals and opens" } else { "opens" }),
                ]
            }));
        }
    };
    for space in keyring.spaces().filter(|space| !held.contains(space)) {
        add(space, &keyring, None);
    }
    if !held.is_empty() {
        let device = Device::from(app.home.keys()?);
        for space in held {
            let opened = app.open(&spaces, space, &device).await?;
            opened.with_keyring(|keyring| add(space, keyring, Some(&opened)));
        }
    }
    app.output.rows(&["name", "space", "group", "key id", "use"], &rows);
    Ok(())
}

/// The key that seals for a group now: that of its writing epoch, and in a space without members the newest.
fn sealing_key(keys: &[Arc<EpochKey>], group: EntryId, space: Option<&Space>) -> Option<KeyId> {
    let epoch = space.and_then(|space| {
        space.with_directory(|directory| directory.writing_epoch(&group).map(|epoch| epoch.key_id))
    });
    epoch.unwrap_or_else(|| keys.last().map(|key| key.id()))
}

async fn export(app: &App, space: &SpaceArg, to: &str, output: Option<&Path>) -> Result<()> {
    let card = read_card(to)?;
    let spaces = app.spaces()?;
    let space = app.space(&spaces, space).await?;
    let transfer = space.export_key(&card)?;
    let keys = space.with_keyring(|keyring| keyring.keys(&space.id()).len());
    let text = transfer.to_string();
    match output {
        Some(path) => {
            std::fs::write(path, format!("{text}\n")).map_err(|error| io("write", path, &error))?;
        }
        None => app.output.line(&text),
    }
    let label =
        if card.label().is_empty() { String::new() } else { format!(" ({})", card.label()) };
    app.output.note(format!(
        "Sealed {keys} key(s) of space {} to device {}{label}.",
        space.id(),
        card.author()
    ));
    app.output
        .note("Only that device can open it. It will read everything sealed under these keys.");
    app.output.json(&json!({
        "space": space.id().to_string(), "to": card.author().to_string(), "keys": keys, "transfer": text,
    }));
    Ok(())
}

async fn import(app: &App, file: &Path, from: &str, name: Option<&str>) -> Result<()> {
    let from = read_card(from)?;
    let text = read_text(file)?;
    let refused = |error: &bulla_crypto::TransferError| {
        Failure::new(Exit::Denied, with_causes(error))
            .code(&error.code())
            .help("check that it was made for this device, by the device whose card you gave")
    };
    let transfer: KeyTransfer = text.trim().parse().map_err(|error| refused(&error))?;
    let keys = transfer.open(&app.home.keys()?, &from.author()).map_err(|error| refused(&error))?;
    let space = transfer.space();
    let mut keyring = app.keyring()?;
    let added = keyring.merge(space, keys);
    app.save_keyring(&keyring)?;
    app.spaces()?.create(&Context::new(), space).await?;
    let mut local = app.home.local()?;
    local.entry(space);
    if let Some(name) = name {
        local.set_name(space, name)?;
    }
    app.home.save_local(&local)?;
    app.output.line(format!("space {space}: {added} new key(s)"));
    app.output.note("Fetch its entries with `bulla sync URL --node KEY`.");
    app.output.json(&json!({ "space": space.to_string(), "new_keys": added }));
    Ok(())
}

/// A card given as a file or as the line itself.
pub(crate) fn read_card(argument: &str) -> Result<Card> {
    let path = Path::new(argument);
    let text = if path.exists() { read_text(path)? } else { argument.to_owned() };
    text.trim().parse().map_err(|error: bulla_identity::CardError| {
        Failure::usage(format!("not a card: {}", with_causes(&error)))
            .code(&error.code())
            .help("`bulla identity card` prints the card of a device")
    })
}

/// A text from a file or, for `-`, from standard input; what is longer than anything this program reads is cut.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_INPUT_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| io("read", path, &error))?;
    Ok(text)
}
