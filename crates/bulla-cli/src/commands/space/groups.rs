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
    for group in space.groups().await? {
        let readers: Vec<String> = group.readers.iter().map(ToString::to_string).collect();
        let readers = if app.output.is_json {
            json!(readers)
        } else {
            let short: Vec<String> = group.readers.iter().map(bulla::AuthorKey::short).collect();
            json!(short.join(" "))
        };
        rows.push(vec![json!(group.label), json!(group.id.to_string()), readers]);
    }
    app.output.rows(&["label", "group", "members"], &rows);
    Ok(())
}

async fn create(app: &App, label: &str, devices: &[String], argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let devices = all_named(&space, devices).await?;
    let group = space.create_group(label, &devices).await?;
    app.output.line(format!("group {group}"));
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
    let (added, removed) = (all_named(&space, added).await?, all_named(&space, removed).await?);
    let entry = space.change_group(group, &added, &removed).await?;
    app.output.line(format!("group {group} changed"));
    app.output.json(&json!({
        "space": space.id().to_string(), "group": group.to_string(), "entry": entry.to_string(),
    }));
    Ok(())
}

/// A group by its id, or by its label if no other has it.
async fn named(space: &Space, text: &str) -> Result<EntryId> {
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
