//! The program `bulla-node`.

use std::io::Write;
use std::process::ExitCode;

use bulla_node::commands::Program;
use bulla_node::error::Chain;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match Program::parse().execute().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "bulla-node: {}", Chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}
