//! `bulla space groups`: some members share keys that the others do not have.

use bulla::{EntryId, Space};
use serde_json::json;

use super::members::all_named;
use crate::app::App;
use crate::args::{GroupsCommand, SpaceArg};
use crate::exit::{Exit, Failure, Result};

pub(super) async fn run(app: &App, command: GroupsCommand) -> Result<()> {
    match command {
        GroupsCommand::List { space } => list(app, &space).await,
        GroupsCommand::Create { label, devices, space } => {
            create(app, &label, &devices, &space).await
        }
        GroupsCommand::Add { group, devices, space } => {
            change(app, &group, &devices, &[], &space).await
        }
        GroupsCommand::Remove { group, devices, space } => {
            change(app, &group, &[], &devices, &space).await
        }
    }
}

async fn list(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let mut rows = Vec::new();
    let me = app.me();
    for group in space.groups().await? {
        let readers: Vec<String> = group.readers.iter().map(ToString::to_string).collect();
        let is_mine = me.is_some_and(|me| group.readers.contains(&me));
        let is_mine = match (app.output.is_json, is_mine) {
            (true, is_mine) => json!(is_mine),
            (false, true) => json!("yes"),
            (false, false) => json!("no"),
        };
        let readers = if app.output.is_json {
            json!(readers)
        } else {
            let short: Vec<String> = group.readers.iter().map(bulla::AuthorKey::short).collect();
            json!(short.join(" "))
        };
        rows.push(vec![json!(group.label), json!(group.id.to_string()), is_mine, readers]);
    }
    app.output.rows(&["label", "group", "reads", "members"], &rows);
    if rows.is_empty() {
        app.output.note(
            "No groups here: an admin makes one with `bulla space groups create LABEL DEVICE…`.",
        );
    }
    Ok(())
}

async fn create(app: &App, label: &str, devices: &[String], argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let devices = all_named(app, &space, devices).await?;
    let is_taken = |group: &bulla::SpaceGroup| group.label.as_deref() == Some(label);
    if !label.is_empty() && space.groups().await?.iter().any(is_taken) {
        return Err(Failure::usage(format!(
            "a group is called '{}' already",
            label.escape_debug()
        ))
        .help("choose another label; see `bulla space groups list`"));
    }
    let group = space.create_group(label, &devices).await?;
    app.output.line(format!("group {group}"));
    app.output.note(format!(
        "Write to it with `bulla file add --group {}`.",
        if label.is_empty() { "ID" } else { label }
    ));
    app.output.json(&json!({ "space": space.id().to_string(), "group": group.to_string() }));
    Ok(())
}

async fn change(
    app: &App,
    group: &str,
    added: &[String],
    removed: &[String],
    argument: &SpaceArg,
) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let group = named(&space, group).await?;
    let added = all_named(app, &space, added).await?;
    let removed = all_named(app, &space, removed).await?;
    let entry = space.change_group(group, &added, &removed).await?;
    let me = app.me();
    let has_new_key = space
        .groups()
        .await?
        .iter()
        .any(|one| one.id == group && me.is_some_and(|me| one.readers.contains(&me)));
    app.output.line(format!("group {group} changed"));
    if !has_new_key {
        app.output
            .note("This device is not in it: whoever of the group writes next gives it a new key.");
    }
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({
        "space": space.id().to_string(), "group": group.to_string(), "entry": entry.to_string(),
        "added": added.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "removed": removed.iter().map(ToString::to_string).collect::<Vec<_>>(), "has_new_key": has_new_key,
    }));
    Ok(())
}

/// A group by its id, or by its label if no other has it.
pub(crate) async fn named(space: &Space, text: &str) -> Result<EntryId> {
    if let Ok(id) = text.parse::<EntryId>() {
        return Ok(id);
    }
    let groups = space.groups().await?;
    let mut meant = groups.iter().filter(|group| group.label.as_deref() == Some(text));
    match (meant.next(), meant.next()) {
        (Some(only), None) => Ok(only.id),
        (Some(_), Some(_)) => Err(Failure::usage("more than one group has that label")
            .help("give its id: see `bulla space groups list`")),
        (None, _) => Err(Failure::new(Exit::NotFound, "no group has that label")
            .help("see `bulla space groups list`")),
    }
}
