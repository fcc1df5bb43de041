//! `bulla demo`: the whole story on this machine.

use std::path::PathBuf;

use crate::app::App;
use crate::exit::{Failure, Result};

pub(crate) async fn run(
    _app: &App,
    _folder: Option<PathBuf>,
    _keep: Option<PathBuf>,
) -> Result<()> {
    Err(Failure::usage("not here yet"))
}
