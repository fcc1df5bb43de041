//! Measures what it costs to refuse a key file that asks for too much work: at most 100 ms and 64 MiB.
//!
//! `cargo run --release -p bulla-identity --example refusals`; fails when a bound is broken.

#![expect(clippy::print_stdout, reason = "this program prints its measurements")]
#![expect(clippy::disallowed_methods, reason = "this program measures time")]

use std::time::{Duration, Instant};

use bulla_identity::{KeyFileError, Passphrase, open_secret};

const MOST_TIME: Duration = Duration::from_millis(100);
const MOST_KIB: u64 = 64 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let passphrase = Passphrase::new("passphrase")?;
    for factor in ["19", "32", "42", "63", "4294967295", "99999999999999999999"] {
        let line = "A".repeat(43);
        let file = format!(
            "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA {factor}\n{line}\n--- {line}\n"
        );
        let start = Instant::now();
        let refused = open_secret(file.as_bytes(), &passphrase);
        let (time, peak) = (start.elapsed(), peak_kib()?);
        println!(
            "work factor {factor}: refused in {time:?}, peak memory of the process {peak} KiB"
        );
        if !matches!(refused, Err(KeyFileError::WorkFactor(_)))
            || time > MOST_TIME
            || peak > MOST_KIB
        {
            return Err(format!("work factor {factor} was not refused within the bounds").into());
        }
    }
    Ok(())
}

/// The most memory this process ever had, in KiB (Linux).
fn peak_kib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
