//! Measures whether comparing a login's tag and an epoch key's id takes a time that tells where they differ.
//!
//! `cargo run --release -p bulla-crypto --example constant_time [SAMPLES]`, on a machine that does nothing else. A value that
//! differs in its first byte and one that differs in its last are compared in random turns; Welch's t-test says whether
//! the two distributions of times have one mean. Below 10 is a pass. A loop that leaves at the first difference is
//! measured the same way and must be found out, or the machine is too noisy to say anything.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "constant_time/welch.rs"]
mod welch;

use std::hint::black_box;
use std::process::ExitCode;

use bulla_core::{ChallengeTag, KeyId, LoginNonce, NodeId, PeerKey};
use bulla_crypto::EpochKey;
use bulla_identity::{ChallengeKey, LoginNonces, LoginTranscript, Origin};

use welch::{LIMIT, Times, turns};

const SAMPLES: usize = 1_000_000;

fn main() -> ExitCode {
    let samples = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(SAMPLES);
    let key = EpochKey::dangerous_from_bytes(&[7; 32]);
    let ids = differing(&key.id().0).map(KeyId);
    let challenge = ChallengeKey::from_secret(&[8; 32]);
    let nonces = LoginNonces { initiator: LoginNonce([1; 32]), responder: LoginNonce([2; 32]) };
    let origin = Origin::Address("https://node.example".to_owned());
    let transcript =
        LoginTranscript::new(PeerKey([3; 32]), NodeId([4; 32]), origin, Vec::new(), nonces, 0);
    let Ok(transcript) = transcript else {
        println!("the transcript breaks its rules");
        return ExitCode::FAILURE;
    };
    let tags = differing(&challenge.tag(&transcript).0).map(ChallengeTag);
    let right = black_box([9; 32]);
    let wrong = differing(&right);

    let of_ids = t(samples, &ids, |id| key.has_id(id));
    let of_tags = t(samples, &tags, |tag| challenge.check(&transcript, tag, 0).is_ok());
    let of_loop = t(samples, &wrong, |other| leaves_early(&right, other));
    println!("epoch key id   t = {of_ids:8.2}");
    println!("login tag      t = {of_tags:8.2}");
    println!("leaves early   t = {of_loop:8.2}  (must be found out)");
    let passed = of_ids.abs() < LIMIT && of_tags.abs() < LIMIT && of_loop.abs() >= LIMIT;
    println!("{} samples each: {}", samples, if passed { "passed" } else { "FAILED" });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The value with its first byte changed, and with its last.
fn differing(value: &[u8; 32]) -> [[u8; 32]; 2] {
    let (mut first, mut last) = (*value, *value);
    first[0] ^= 1;
    last[31] ^= 1;
    [first, last]
}

/// What must not be used.
#[inline(never)]
fn leaves_early(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).all(|(a, b)| black_box(a) == black_box(b))
}

/// Welch's t between the times for the two inputs.
fn t<T>(samples: usize, inputs: &[T; 2], compare: impl Fn(&T) -> bool) -> f64 {
    let Ok(turns) = turns(samples) else { return f64::INFINITY };
    let mut times = Times::default();
    for is_last in turns {
        let [first, last] = inputs;
        let input = black_box(if is_last { last } else { first });
        times.push(is_last, timed(|| compare(input)));
    }
    times.t()
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn timed(compare: impl Fn() -> bool) -> f64 {
    let start = std::time::Instant::now();
    // Several at once, because one is shorter than the clock's step.
    for _ in 0..8 {
        black_box(compare());
    }
    start.elapsed().as_secs_f64() * 1e9
}
