//! `bulla bench`: what this machine reaches.

use crate::app::App;
use crate::args::BenchArgs;
use crate::exit::Result;

pub(crate) async fn run(app: &App, arguments: BenchArgs) -> Result<()> {
    match &arguments.role {
        Some(role) => crate::bench::role(role).await,
        None => crate::bench::run(app.output, &arguments).await,
    }
}
