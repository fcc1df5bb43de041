//! `bulla space`: what replicates together.

pub(crate) mod groups;
pub(crate) mod members;

use bulla::space::recovery_public;
use bulla::{Device, Founding, Policy, Role, Space, SpaceId};
use bulla_core::control::Control;
use bulla_core::values::Durability;
use bulla_store::{Context, Spaces as _};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{CreateArgs, SpaceArg, SpaceCommand};
use crate::commands::recovery;
use crate::exit::{Failure, Result};
use crate::output::{count, size};

pub(crate) async fn run(app: &App, command: SpaceCommand) -> Result<()> {
    match command {
        SpaceCommand::Create(arguments) => create(app, &arguments).await,
        SpaceCommand::Join { id, name } => join(app, id, name.as_deref()).await,
        SpaceCommand::Card { id } => card(app, id).await,
        SpaceCommand::Members { space } => members::list(app, &space).await,
        SpaceCommand::Grant { card, role, label, space } => {
            members::grant(app, &card, role, &label, &space).await
        }
        SpaceCommand::Role { device, role, space } => {
            members::change_role(app, &device, role, &space).await
        }
        SpaceCommand::Revoke { device, space } => members::revoke(app, &device, &space).await,
        SpaceCommand::Label { device, label, space } => {
            members::label(app, &device, &label, &space).await
        }
        SpaceCommand::Rotate { every: Some(every), space, .. } => {
            members::rotate_every(app, every, &space).await
        }
        SpaceCommand::Rotate { group, space, .. } => {
            members::rotate(app, group.as_deref(), &space).await
        }
        SpaceCommand::Frontier { space } => frontier(app, &space).await,
        SpaceCommand::Groups(command) => groups::run(app, command).await,
        SpaceCommand::List => list(app).await,
        SpaceCommand::Status { space } => status(app, &space).await,
        SpaceCommand::Rename { space, name } => rename(app, &space, &name).await,
        SpaceCommand::Remove { space, yes } => remove(app, &space, yes).await,
    }
}

/// Founds a space. Its key need not be kept here: it lies in the space, sealed to this device.
async fn create(app: &App, arguments: &CreateArgs) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let policy = Policy {
        history_for_newcomers: Some(!arguments.no_history),
        author_entries: arguments.author_entries,
        author_bytes: arguments.author_bytes,
        space_entries: arguments.space_entries,
        space_bytes: arguments.space_bytes,
        ..Policy::default()
    };
    let mut founding = Founding::default().with_policy(policy);
    let recovery = arguments.recovery.then(recovery::generate).transpose()?;
    if let Some(key) = &recovery {
        founding = founding.with_recovery(recovery_public(key));
    }
    let mut local = app.home.local()?;
    if let Some(name) = &arguments.name {
        // A name that cannot be taken is refused before anything is made.
        local.check_name(None, name)?;
    }
    let space = Space::found_as(&device, &app.spaces()?, &founding, app.marks()).await?.id();
    local.entry(space);
    if let Some(name) = &arguments.name {
        local.set_name(space, name)?;
    }
    app.home.save_local(&local)?;
    app.output.line(format!("space {space}"));
    let words = recovery.map_or(Value::Null, |key| recovery::show(app, space, &key));
    app.output.json(&json!({
        "space": space.to_string(), "name": arguments.name, "recovery_words": words,
    }));
    Ok(())
}

async fn join(app: &App, space: SpaceId, name: Option<&str>) -> Result<()> {
    let device = Device::from(app.home.keys()?);
    let mut local = app.home.local()?;
    local.entry(space);
    if let Some(name) = name {
        local.set_name(space, name)?;
    }
    let spaces = app.spaces()?;
    // What is held stays as it is: a space of version 0.1 has no directory yet that could judge it.
    if !app.held(&spaces).await?.contains(&space) {
        Space::join_as(&device, &spaces, space, app.keyring()?, app.marks()).await?;
    }
    app.home.save_local(&local)?;
    app.output.line(format!("space {space}"));
    app.output.note("Give an admin of the space the line of `bulla space card`; then `bulla sync URL --node KEY`.");
    app.output.json(&json!({ "space": space.to_string(), "name": name }));
    Ok(())
}

async fn card(app: &App, argument: Option<String>) -> Result<()> {
    let space = match argument.as_deref().map(str::parse) {
        // A card for a space that this device has not joined yet.
        Some(Ok(space)) => space,
        _ => {
            let spaces = app.spaces()?;
            app.home.resolve(&SpaceArg { space: argument }, &app.held(&spaces).await?)?
        }
    };
    let card = Device::from(app.home.keys()?).joining_card(space, None);
    let card = HEXLOWER.encode(&card.to_bytes());
    app.output.line(&card);
    app.output.json(&json!({ "space": space.to_string(), "card": card }));
    Ok(())
}

/// Signs what was seen of the others.
async fn frontier(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, argument).await?;
    let id = space.frontier().await?;
    let entry = space.entry(id).await?;
    let (proven, claimed) = match entry.control() {
        Some(Control::Frontier(frontier)) => (frontier.proven.len(), frontier.claimed.len()),
        _ => (0, 0),
    };
    app.output.line(format!("frontier {id}"));
    app.output.note(format!(
        "It proves the newest entry of {} and takes effect elsewhere with the next `bulla sync`.",
        count(proven as u64, "other device", "other devices"),
    ));
    app.output.json(&json!({
        "space": space.id().to_string(), "frontier": id.to_string(), "proven": proven, "claimed": claimed,
    }));
    Ok(())
}

async fn list(app: &App) -> Result<()> {
    let spaces = app.spaces()?;
    let local = app.home.local()?;
    let mut rows = Vec::new();
    for space in app.held(&spaces).await? {
        let opened = app.look(&spaces, space).await?;
        let belonging = Belonging::of(app, &opened);
        let store = opened.store();
        let head = store.head(&Context::new()).await?;
        let status = store.status(&Context::new()).await?;
        let remote = local.spaces.get(&space.to_string()).and_then(|local| local.remote.clone());
        let bytes = if app.output.is_json {
            json!(status.payload_bytes)
        } else {
            json!(size(status.payload_bytes))
        };
        rows.push(vec![
            json!(local.name(space)),
            json!(space.to_string()),
            if app.output.is_json {
                json!(belonging.role.map(Role::name))
            } else {
                json!(belonging.word())
            },
            json!(belonging.members),
            json!(head.held.count),
            bytes,
            json!(remote.map(|remote| remote.url)),
            json!(belonging.is_revoked),
        ]);
    }
    let mut headings = vec!["name", "space", "role", "members", "entries", "payload bytes", "node"];
    if app.output.is_json {
        headings.push("is revoked");
    } else {
        rows.iter_mut().for_each(|row| row.truncate(headings.len()));
    }
    app.output.rows(&headings, &rows);
    if rows.is_empty() {
        app.output.note("No space here yet: found one with `bulla space create`, or join one with `bulla space join`.");
    }
    Ok(())
}

/// What this device may do in a space, and how many devices belong to it; nothing where there are no members.
#[derive(Debug, Default)]
pub(crate) struct Belonging {
    role: Option<Role>,
    pub(crate) is_revoked: bool,
    members: Option<usize>,
}

impl Belonging {
    pub(crate) fn of(app: &App, space: &Space) -> Self {
        let me = app.me();
        let known = space.with_directory(|directory| {
            let role = me.and_then(|me| directory.role(&me));
            // Whoever once had a role and has none was revoked: there is no other way to lose it.
            let had_one = me.is_some_and(|me| directory.seniority().contains(&me));
            Self {
                role,
                is_revoked: role.is_none() && had_one,
                members: Some(directory.members().len()),
            }
        });
        known.unwrap_or_default()
    }

    const fn word(&self) -> &'static str {
        match self.role {
            Some(role) => role.name(),
            None if self.is_revoked => "revoked",
            None => "-",
        }
    }
}

async fn status(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    let opened = app.look(&spaces, space).await?;
    let belonging = Belonging::of(app, &opened);
    let store = opened.store();
    let head = store.head(&Context::new()).await?;
    let status = store.status(&Context::new()).await?;
    let local = app.home.local()?;
    let impairments: Vec<String> = status.impairments.iter().map(ToString::to_string).collect();
    if app.output.is_json {
        app.output.json(&json!({
            "space": store.space().to_string(),
            "name": local.name(store.space()),
            "role": belonging.role.map(Role::name),
            "is_revoked": belonging.is_revoked,
            "members": belonging.members,
            "lineage": head.lineage.to_string(),
            "last_receipt": head.last_receipt,
            "log_hash": head.log_hash.to_string(),
            "entries": head.held.count,
            "digest": head.held.digest.to_string(),
            "counting": head.counting_set().count,
            "counting_digest": head.counting_set().digest.to_string(),
            "payloads_present": head.present.count,
            "payload_bytes": status.payload_bytes,
            "disk_bytes": status.disk_bytes,
            "durability": durability(status.durability),
            "impairments": impairments,
        }));
        return Ok(());
    }
    let missing = head.held.count.saturating_sub(head.present.count);
    let mut rows = vec![
        ("space", store.space().to_string()),
        ("name", local.name(store.space()).unwrap_or("-").to_owned()),
        ("role", belonging.word().to_owned()),
        ("members", belonging.members.map_or("-".to_owned(), |members| members.to_string())),
        ("entries", head.held.count.to_string()),
        ("digest", head.held.digest.to_string()),
        ("payloads missing", missing.to_string()),
        ("payload bytes", size(status.payload_bytes)),
        ("on disk, all spaces", size(status.disk_bytes)),
        ("lineage", head.lineage.to_string()),
        ("last receipt", head.last_receipt.to_string()),
        ("durability", durability(status.durability)),
        (
            "impairments",
            if impairments.is_empty() { "none".to_owned() } else { impairments.join(", ") },
        ),
    ];
    if head.counting_set() != head.held {
        let set = head.counting_set();
        rows.insert(6, ("counting", format!("{}, {}", set.count, set.digest)));
    }
    let rows: Vec<_> =
        rows.into_iter().map(|(name, value)| vec![json!(name), json!(value)]).collect();
    app.output.rows(&["", ""], &rows);
    if belonging.is_revoked {
        app.output.note(members::REVOKED);
    }
    Ok(())
}

/// The policy in words.
fn durability(policy: Durability) -> String {
    match policy {
        Durability::EveryCommit => "every commit".to_owned(),
        Durability::Interval(milliseconds) => format!("every {milliseconds} ms"),
        Durability::None => "none".to_owned(),
        Durability::Upstream => "as upstream".to_owned(),
    }
}

async fn rename(app: &App, argument: &SpaceArg, name: &str) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    let mut local = app.home.local()?;
    local.set_name(space, name)?;
    app.home.save_local(&local)?;
    app.output.line(format!("space {space} is called {name} here"));
    app.output.json(&json!({ "space": space.to_string(), "name": name }));
    Ok(())
}

async fn remove(app: &App, argument: &SpaceArg, is_sure: bool) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    if !is_sure {
        let head = spaces.open(&Context::new(), space).await?.head(&Context::new()).await?;
        let entries = head.held.count;
        return Err(Failure::usage(format!(
            "this would remove {entries} entries of space {space} from this device"
        ))
        .help("add --yes to do it; what was not synced is lost"));
    }
    spaces.remove(&Context::new(), space).await?;
    let mut local = app.home.local()?;
    local.spaces.remove(&space.to_string());
    app.home.save_local(&local)?;
    app.output.line(format!("removed space {space} from this device"));
    app.output.json(&json!({ "removed": space.to_string() }));
    Ok(())
}
