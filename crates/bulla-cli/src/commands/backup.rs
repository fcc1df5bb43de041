//! `bulla backup`: copy the store while it is in use, and bring a copy back.

use std::path::Path;

use serde_json::json;

use crate::app::{App, open_failure};
use crate::args::BackupCommand;
use crate::exit::{Failure, Result};

pub(crate) async fn run(app: &App, command: BackupCommand) -> Result<()> {
    match command {
        BackupCommand::Create { into } => create(app, &into).await,
        BackupCommand::Restore { from } => restore(app, &from),
    }
}

async fn create(app: &App, into: &Path) -> Result<()> {
    if into.exists() {
        return Err(Failure::usage(format!("{} is there already", into.display()))
            .help("name a folder that does not exist yet; nothing is overwritten"));
    }
    app.spaces()?.backup(into).await?;
    app.output.line(format!("backup in {}", into.display()));
    app.output.note("It holds the sealed entries. Keys are not in it: keep identity.age and keyring.age somewhere too.");
    app.output.json(&json!({ "backup": into }));
    Ok(())
}

fn restore(app: &App, from: &Path) -> Result<()> {
    let store = app.home.store_path();
    if store.exists() {
        return Err(Failure::usage(format!("there is a store in {} already", store.display()))
            .help("move it away first; nothing is overwritten"));
    }
    app.home.create()?;
    bulla_store_rocksdb::restore(from, &store).map_err(|error| open_failure(&error))?;
    app.output.line(format!("restored into {}", store.display()));
    app.output.note("Every space has a new lineage. Run `bulla sync` before writing: what left this device since the");
    app.output.note("backup must come back first, and until then this device does not sign.");
    app.output.json(&json!({ "restored": store }));
    Ok(())
}
