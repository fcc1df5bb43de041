//! Who belongs to a space, and changing that.

use std::path::Path;

use bulla::{AuthorKey, GrantedDevice, JoiningCard, NodeId, Role, Space, SpaceMember};
use bulla_core::joining_card::JOINING_CARD_BYTES;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{RoleArg, SpaceArg};
use crate::commands::key::read_text;
use crate::exit::{Exit, Failure, Result, with_causes};

/// Hexadecimal digits that name a member at least.
const MIN_PREFIX: usize = 4;

/// Everybody, with a word on how to read the table.
pub(super) async fn list(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let rows: Vec<Vec<Value>> = space.members().await?.iter().map(row).collect();
    app.output.rows(&["label", "device", "role", "reads", "here"], &rows);
    if rows.is_empty() {
        app.output.note("Nothing is known of this space yet: run `bulla sync`.");
    } else if space.role().is_none() {
        app.output.note("This device is no member: an admin grants it a role by the line of `bulla space card`.");
    }
    Ok(())
}

fn row(member: &SpaceMember) -> Vec<Value> {
    let reads = member.has_sealing_key && member.role >= Role::Reader;
    vec![
        json!(member.label),
        json!(member.device.to_string()),
        json!(member.role.name()),
        json!(reads),
        json!(member.is_me),
    ]
}

/// What was given to be granted a role: a card as a file or as the line itself, or the key of a node.
pub(super) fn read_granted(argument: &str, role: Role) -> Result<GrantedDevice> {
    let path = Path::new(argument);
    let text = if path.exists() { read_text(path)? } else { argument.to_owned() };
    let text = text.trim();
    if let Ok(node) = text.parse::<NodeId>() {
        if role == Role::Relay {
            return Ok(node.into());
        }
        return Err(Failure::usage(format!("a key alone can be granted relay, not {role}"))
            .help("give the line that `bulla space card` prints on that device"));
    }
    let not_a_card = |why: &str| {
        let help = if text.starts_with("bulla-card1-") {
            "that is a card of a device for no space: it prints the one for this space with `bulla space card`"
        } else {
            "`bulla space card` prints the card of a device for a space"
        };
        Failure::usage(format!("not a card for a space: {why}")).help(help)
    };
    if text.len() != 2 * JOINING_CARD_BYTES {
        return Err(not_a_card("it has another length"));
    }
    let bytes = HEXLOWER.decode(text.to_ascii_lowercase().as_bytes());
    let bytes = bytes.map_err(|_| not_a_card("it is not hexadecimal"))?;
    let card = JoiningCard::from_bytes(&bytes);
    Ok(card.map_err(|error| not_a_card(&with_causes(&error)).code(&error.code()))?.into())
}

pub(super) async fn grant(
    app: &App,
    card: &str,
    role: RoleArg,
    label: &str,
    argument: &SpaceArg,
) -> Result<()> {
    let role = Role::from(role);
    let device = read_granted(card, role)?;
    let mut argument = argument.clone();
    // A card says for which space it is.
    if let (None, GrantedDevice::Card(card)) = (&argument.space, &device) {
        argument.space = Some(card.space().to_string());
    }
    let spaces = app.spaces()?;
    let space = app.space(&spaces, &argument).await?;
    if let GrantedDevice::Card(card) = &device
        && card.space() != space.id()
    {
        return Err(Failure::usage(format!("this card is for space {}", card.space()))
            .help("the device must print one for this space: `bulla space card`"));
    }
    let entry = space.grant(device, role, label).await?;
    let author = device.author();
    app.output.line(format!("device {author} is {role} of space {}", space.id()));
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({
        "space": space.id().to_string(), "device": author.to_string(), "role": role.name(), "grant": entry.to_string(),
    }));
    Ok(())
}

pub(super) async fn change_role(
    app: &App,
    device: &str,
    role: RoleArg,
    argument: &SpaceArg,
) -> Result<()> {
    let role = Role::from(role);
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let device = named(&space, device).await?;
    let entry = space.change_role(device, role).await?;
    app.output.line(format!("device {device} is {role} of space {} from now on", space.id()));
    app.output.json(&json!({
        "space": space.id().to_string(), "device": device.to_string(), "role": role.name(), "entry": entry.to_string(),
    }));
    Ok(())
}

pub(super) async fn revoke(app: &App, device: &str, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let device = named(&space, device).await?;
    if space.with_directory(|directory| directory.role(&device)).flatten().is_none() {
        return Err(Failure::new(Exit::NotFound, format!("device {device} is no member now"))
            .help("see `bulla space members`"));
    }
    let entry = space.revoke(device).await?;
    app.output.line(format!("device {device} is revoked in space {}", space.id()));
    app.output.note("Run `bulla sync`: who does not know it yet still lets that device in.");
    app.output.json(&json!({
        "space": space.id().to_string(), "revoked": device.to_string(), "entry": entry.to_string(),
    }));
    Ok(())
}

pub(super) async fn rotate(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let epoch = space.rotate().await?;
    app.output.line(format!("space {} has a new key", space.id()));
    app.output.json(&json!({ "space": space.id().to_string(), "epoch": epoch.to_string() }));
    Ok(())
}

/// A device by its whole key, or a member by the beginning of its key or by its label, if only one is meant.
pub(crate) async fn named(space: &Space, text: &str) -> Result<AuthorKey> {
    if let Ok(device) = text.parse::<AuthorKey>() {
        return Ok(device);
    }
    let members = space.members().await?;
    let is_prefix = |device: &AuthorKey| {
        text.len() >= MIN_PREFIX && device.to_string().starts_with(&text.to_ascii_lowercase())
    };
    let mut meant = members
        .iter()
        .filter(|member| member.label.as_deref() == Some(text) || is_prefix(&member.device))
        .map(|member| member.device);
    match (meant.next(), meant.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("'{}' means more than one member", text.escape_debug()))
                .help("give the whole key: see `bulla space members`"))
        }
        (None, _) => Err(Failure::new(
            Exit::NotFound,
            format!("no member is called '{}'", text.escape_debug()),
        )
        .help("see `bulla space members`")),
    }
}

/// Several devices.
pub(super) async fn all_named(space: &Space, texts: &[String]) -> Result<Vec<AuthorKey>> {
    let mut devices = Vec::with_capacity(texts.len());
    for text in texts {
        devices.push(named(space, text).await?);
    }
    Ok(devices)
}
