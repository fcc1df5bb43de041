//! Writes the test vectors, or checks that those committed are what would be written.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulla_conformance::vectors;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1);
    let done = match mode.as_deref() {
        Some("write") => write(&vectors::directory()),
        Some("check") => check(&vectors::directory()),
        _ => {
            eprintln!("usage: vectors write|check");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path) -> Result<String, String> {
    let files = vectors::generated();
    let mut changed = 0;
    for (path, content) in &files {
        let path = directory.join(path);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        changed += 1;
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent)
            .map_err(|error| format!("{}: {error}", parent.display()))?;
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(format!("{} files, {changed} written", files.len()))
}

fn check(directory: &Path) -> Result<String, String> {
    let files = vectors::generated();
    let mut faults = Vec::new();
    for (path, content) in &files {
        match std::fs::read_to_string(directory.join(path)) {
            Ok(committed) if committed == *content => {}
            Ok(_) => {
                faults.push(format!("{} differs from what the generator makes", path.display()));
            }
            Err(error) => faults.push(format!("{}: {error}", path.display())),
        }
    }
    let known: BTreeSet<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    for folder in ["", "schemas"] {
        let listing = std::fs::read_dir(directory.join(folder))
            .map_err(|error| format!("{folder}: {error}"))?;
        for entry in listing {
            let name = entry.map_err(|error| format!("{folder}: {error}"))?.file_name();
            let path = Path::new(folder).join(name);
            if path.extension().is_some_and(|extension| extension == "json")
                && !known.contains(&path)
            {
                faults.push(format!("{} is made by no format", path.display()));
            }
        }
    }
    if faults.is_empty() {
        Ok(format!("{} files as generated", files.len()))
    } else {
        Err(faults.join("\n"))
    }
}
