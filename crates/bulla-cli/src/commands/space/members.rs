//! Who belongs to a space, and changing that.

use std::num::NonZeroU64;
use std::path::Path;

use bulla::{AuthorKey, GrantedDevice, JoiningCard, NodeId, Role, Space, SpaceMember};
use bulla_core::joining_card::JOINING_CARD_BYTES;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::groups;
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
    let members = labelled(app, &space).await?;
    let rows: Vec<Vec<Value>> = members.iter().map(|member| row(app, member)).collect();
    let mut headings = vec!["label", "device", "role", "reads"];
    if app.output.is_json {
        headings.extend(["here", "founder"]);
    } else {
        headings.push("is");
    }
    app.output.rows(&headings, &rows);
    if rows.is_empty() {
        app.output.note("Nothing is known of this space yet: run `bulla sync`.");
    } else if space.is_revoked() {
        app.output.note(REVOKED);
    } else if space.role().is_none() {
        app.output.note("This device is no member: an admin grants it a role by the line of `bulla space card`.");
    }
    Ok(())
}

/// What a device has to know that was revoked, once it knows.
pub(crate) const REVOKED: &str = "This device was revoked: it reads what it has, and nothing that comes after. \
    To come in again it needs a new identity in another --home.";

/// All members, by the labels that people here see: what this device calls them, else what their grants say, else for
/// this device what it calls itself. Founders have no grant.
pub(crate) async fn labelled(app: &App, space: &Space) -> Result<Vec<SpaceMember>> {
    let local = app.home.local()?;
    let mut members = space.members().await?;
    for member in &mut members {
        if let Some(label) = local.label(space.id(), &member.device) {
            member.label = Some(label.to_owned());
        } else if member.label.is_none() && member.is_me {
            member.label = app.own_label();
        }
    }
    Ok(members)
}

fn row(app: &App, member: &SpaceMember) -> Vec<Value> {
    let reads = json!(member.has_sealing_key && member.role >= Role::Reader);
    let (device, role) = (json!(member.device.to_string()), json!(member.role.name()));
    if app.output.is_json {
        let (here, founder) = (json!(member.is_me), json!(member.is_founder));
        return vec![json!(member.label), device, role, reads, here, founder];
    }
    // In a column of its own: a label may say what it likes.
    let is = match (member.is_me, member.is_founder) {
        (true, true) => "this device, founder",
        (true, false) => "this device",
        (false, true) => "founder",
        (false, false) => "",
    };
    let reads = if reads == json!(true) { "yes" } else { "no" };
    vec![json!(member.label), device, role, json!(reads), json!(is)]
}

/// Keeps what this device calls a member.
pub(super) async fn label(app: &App, device: &str, label: &str, argument: &SpaceArg) -> Result<()> {
    if !bulla_identity::label_fits(label) {
        return Err(Failure::usage(format!("'{}' is no label", label.escape_debug()))
            .help("a label has at most 64 bytes and no control or hidden characters"));
    }
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let device = named(app, &space, device).await?;
    let mut local = app.home.local()?;
    let labels = &mut local.entry(space.id()).labels;
    if label.is_empty() {
        labels.remove(&device.to_string());
        app.output.line(format!("device {device} has no name of its own here"));
    } else {
        labels.insert(device.to_string(), label.to_owned());
        app.output.line(format!("device {device} is called {label} here"));
    }
    app.home.save_local(&local)?;
    app.output.json(&json!({
        "space": space.id().to_string(), "device": device.to_string(),
        "label": Some(label).filter(|label| !label.is_empty()),
    }));
    Ok(())
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
    let device = named(app, &space, device).await?;
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
    let device = named(app, &space, device).await?;
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

pub(super) async fn rotate(app: &App, group: Option<&str>, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let group = match group {
        Some(text) => Some(groups::named(&space, text).await?),
        None => None,
    };
    let epoch = match group {
        Some(group) => {
            let epoch = space.rotate_group(group).await?;
            app.output.line(format!("group {group} of space {} has a new key", space.id()));
            epoch
        }
        None => {
            let epoch = space.rotate().await?;
            app.output.line(format!("space {} has a new key", space.id()));
            epoch
        }
    };
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({
        "space": space.id().to_string(), "group": group.map(|group| group.to_string()), "epoch": epoch.to_string(),
    }));
    Ok(())
}

/// Keeps after how many entries this device changes the keys.
pub(super) async fn rotate_every(app: &App, every: u64, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let mut local = app.home.local()?;
    let every = NonZeroU64::new(every);
    local.entry(space.id()).rotate_after = every;
    app.home.save_local(&local)?;
    match every {
        Some(every) => {
            app.output.line(format!(
                "this device changes the keys of space {} after every {every} entries",
                space.id()
            ));
        }
        None => app
            .output
            .line(format!("this device changes the keys of space {} when told to", space.id())),
    }
    if space.role() != Some(Role::Admin) {
        app.output.note("It does so once it is an admin.");
    }
    app.output.json(&json!({ "space": space.id().to_string(), "rotate_after": every }));
    Ok(())
}

/// A device by its whole key, or a member by the beginning of its key or by its label, if only one is meant.
pub(crate) async fn named(app: &App, space: &Space, text: &str) -> Result<AuthorKey> {
    if let Ok(device) = text.parse::<AuthorKey>() {
        return Ok(device);
    }
    let members = labelled(app, space).await?;
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
pub(super) async fn all_named(
    app: &App,
    space: &Space,
    texts: &[String],
) -> Result<Vec<AuthorKey>> {
    let mut devices = Vec::with_capacity(texts.len());
    for text in texts {
        devices.push(named(app, space, text).await?);
    }
    Ok(devices)
}
