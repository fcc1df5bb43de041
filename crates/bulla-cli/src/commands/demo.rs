//! `bulla demo`: the whole story on this machine.

use std::path::PathBuf;

use crate::app::App;
use crate::exit::{Exit, Failure, Result};

pub(crate) async fn run(app: &App, folder: Option<PathBuf>, keep: Option<PathBuf>) -> Result<()> {
    let folder = folder.unwrap_or_else(|| PathBuf::from("examples/sample"));
    if !folder.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("{} is not a folder", folder.display()))
            .help("name any folder: bulla demo FOLDER"));
    }
    crate::demo::run(app.output, &folder, keep.as_deref()).await
}
