//! `bulla space`: what replicates together.

use bulla::space::new_genesis;
use bulla::{Device, EpochKey, Space, SpaceId};
use bulla_core::values::Durability;
use bulla_identity::OsRandomness;
use bulla_store::{Context, Spaces as _};
use serde_json::json;

use crate::app::App;
use crate::args::{SpaceArg, SpaceCommand};
use crate::exit::{Exit, Failure, Result};
use crate::output::size;

pub(crate) async fn run(app: &App, command: SpaceCommand) -> Result<()> {
    match command {
        SpaceCommand::Create { name } => create(app, name.as_deref()).await,
        SpaceCommand::List => list(app).await,
        SpaceCommand::Status { space } => status(app, &space).await,
        SpaceCommand::Rename { space, name } => rename(app, &space, &name).await,
        SpaceCommand::Remove { space, yes } => remove(app, &space, yes).await,
    }
}

async fn create(app: &App, name: Option<&str>) -> Result<()> {
    let space = found(app, name).await?;
    app.output.line(format!("space {space}"));
    app.output.json(&json!({ "space": space.to_string(), "name": name }));
    Ok(())
}

/// Founds a space and keeps its key before anything is sealed under it.
pub(crate) async fn found(app: &App, name: Option<&str>) -> Result<SpaceId> {
    let device = Device::from(app.home.keys()?);
    let genesis = new_genesis(&device)?;
    let space = genesis.verified_header().space();
    let mut local = app.home.local()?;
    local.entry(space);
    if let Some(name) = name {
        local.set_name(space, name)?;
    }
    let mut keyring = app.keyring()?;
    let key =
        EpochKey::generate(&OsRandomness).map_err(|error| Failure::new(Exit::Failure, error))?;
    keyring.insert(space, key);
    app.save_keyring(&keyring)?;
    Space::found_with(&device, keyring, &app.spaces()?, &genesis, app.marks()).await?;
    app.home.save_local(&local)?;
    Ok(space)
}

async fn list(app: &App) -> Result<()> {
    let spaces = app.spaces()?;
    let local = app.home.local()?;
    let mut rows = Vec::new();
    for space in app.held(&spaces).await? {
        let store = spaces.open(&Context::new(), space).await?;
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
            json!(head.held.count),
            bytes,
            json!(remote.map(|remote| remote.url)),
        ]);
    }
    app.output.rows(&["name", "space", "entries", "payload bytes", "node"], &rows);
    if rows.is_empty() {
        app.output.note("No space here yet: found one with `bulla space create`, or join one with `bulla key import`.");
    }
    Ok(())
}

async fn status(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let store = app.store(&spaces, argument).await?;
    let head = store.head(&Context::new()).await?;
    let status = store.status(&Context::new()).await?;
    let local = app.home.local()?;
    let impairments: Vec<String> = status.impairments.iter().map(ToString::to_string).collect();
    if app.output.is_json {
        app.output.json(&json!({
            "space": store.space().to_string(),
            "name": local.name(store.space()),
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
        rows.insert(4, ("counting", format!("{}, {}", set.count, set.digest)));
    }
    let rows: Vec<_> =
        rows.into_iter().map(|(name, value)| vec![json!(name), json!(value)]).collect();
    app.output.rows(&["", ""], &rows);
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
    app.output.line(format!("removed space {space}; its keys are still in the keyring"));
    app.output.json(&json!({ "removed": space.to_string() }));
    Ok(())
}
