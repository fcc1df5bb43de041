//! The `bulla` program: how a person uses it.

mod app;
mod args;
mod bench;
mod commands;
mod demo;
mod durable;
mod exit;
mod home;
mod inspect;
mod local_node;
mod output;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use app::App;
use args::{Cli, Command};
use exit::{Exit, Failure, Result};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            // Help and version are answers, not errors.
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let is_json = cli.global.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, is_json);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    if let Some(level) = &cli.global.log {
        log_to_stderr(level)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Exit::Failure, format!("could not start: {error}")))?;
    runtime.block_on(dispatch(cli))
}

async fn dispatch(cli: Cli) -> Result<()> {
    let app = App::new(&cli.global)?;
    match cli.command {
        Command::Identity(command) => commands::identity::run(&app, command),
        Command::Key(command) => commands::key::run(&app, command).await,
        Command::Space(command) => commands::space::run(&app, command).await,
        Command::Invite(arguments) => commands::invite::run(&app, arguments).await,
        Command::Device(command) => commands::device::run(&app, command).await,
        Command::Quarantine(command) => commands::quarantine::run(&app, command).await,
        Command::Erase(arguments) => commands::erase::run(&app, arguments).await,
        Command::Recovery(command) => commands::recovery::run(&app, command).await,
        Command::File(command) => commands::file::run(&app, command).await,
        Command::Entry(command) => commands::entry::run(&app, command).await,
        Command::Sync(arguments) => commands::sync::run(&app, arguments).await,
        Command::Bundle(command) => commands::bundle::run(&app, command).await,
        Command::Node { arguments } => commands::node::run(&arguments).await,
        Command::Verify { repair } => commands::verify::run(&app, repair).await,
        Command::Backup(command) => commands::backup::run(&app, command).await,
        Command::Demo { folder, keep } => commands::demo::run(&app, folder, keep).await,
        Command::Bench(arguments) => commands::bench::run(&app, arguments).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "bulla", &mut anstream::stdout());
            Ok(())
        }
        Command::Put(_) | Command::Get(_) | Command::Rm(_) | Command::Ls(_) => Err(Failure::usage(
            "put, get, rm and ls are kept for keys and values, which a later version brings",
        )
        .help("for files see `bulla file --help`, for single entries `bulla entry --help`")),
    }
}

fn log_to_stderr(level: &str) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(level).map_err(|error| {
        Failure::usage(format!("log level '{level}': {error}"))
            .help("use error, warn, info, debug or trace")
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    subscriber.try_init().map_err(|error| Failure::new(Exit::Failure, error))
}

fn report(failure: &Failure, is_json: bool) {
    let mut stderr = anstream::stderr();
    if is_json {
        let value = serde_json::json!({
            "error": failure.message, "code": failure.code, "help": failure.help, "exit": failure.exit as u8,
        });
        drop(writeln!(stderr, "{value}"));
        return;
    }
    let code = failure.code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
    drop(writeln!(stderr, "error: {}{code}", failure.message));
    if let Some(help) = &failure.help {
        drop(writeln!(stderr, "  help: {help}"));
    }
}
