//! Whether two things take the same time: they are measured in random turns, and Welch's t-test says whether the two
//! distributions of times have one mean. Shared by the examples that measure time, here and in `bulla-node`.

use bulla_identity::{OsRandomness, Randomness as _, RandomnessError};

/// Largest t that passes.
pub(crate) const LIMIT: f64 = 10.0;
/// Of the slowest tenth of the samples most were interrupted; they only add noise.
const KEPT: f64 = 0.9;

/// Twice so many turns, each of which of the two is measured: `true` for the second.
pub(crate) fn turns(samples: usize) -> Result<impl Iterator<Item = bool>, RandomnessError> {
    let mut turns = vec![0; samples.div_ceil(4)];
    OsRandomness.fill(&mut turns)?;
    let is_second =
        move |turn: usize| turns.get(turn / 8).is_some_and(|byte| byte >> (turn % 8) & 1 == 1);
    Ok((0..2 * samples).map(is_second))
}

/// How long the two took, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Times {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Times {
    pub(crate) fn push(&mut self, of_second: bool, nanoseconds: f64) {
        if of_second { &mut self.second } else { &mut self.first }.push(nanoseconds);
    }

    /// Welch's t: how far apart the means are, measured by what they scatter.
    pub(crate) fn t(self) -> f64 {
        let (n, mean, variance) = moments(self.first);
        let (m, other_mean, other_variance) = moments(self.second);
        (mean - other_mean) / (variance / n + other_variance / m).sqrt()
    }
}

/// Count, mean and variance of the fastest.
fn moments(mut times: Vec<f64>) -> (f64, f64, f64) {
    times.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "millions of samples are far below 2^52"
    )]
    let (kept, count) = {
        let kept = (times.len() as f64 * KEPT) as usize;
        (kept, kept as f64)
    };
    times.truncate(kept);
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (count, mean, variance)
}
