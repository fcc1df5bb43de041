//! Steps with a bar while they run, and their times afterwards.

use bulla_store::{Clock, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// The steps of a longer story.
pub(crate) struct Steps {
    output: Output,
    clock: SystemClock,
    bar: ProgressBar,
    started: Option<(&'static str, std::time::Duration)>,
    done: Vec<(&'static str, u128)>,
}

impl Steps {
    pub(crate) fn new(output: Output) -> Self {
        let bar = if output.shows_progress() { ProgressBar::new(1) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {msg}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { output, clock: SystemClock::new(), bar, started: None, done: Vec::new() }
    }

    /// Ends the step before and begins another.
    pub(crate) fn start(&mut self, name: &'static str) {
        self.end();
        if !self.output.shows_progress() {
            self.output.note(format!("{name} ..."));
        }
        self.bar.set_length(1);
        self.bar.set_position(0);
        self.bar.set_message(name);
        self.started = Some((name, self.clock.monotonic()));
    }

    /// How far the step is.
    pub(crate) fn progress(&self, done: u64, total: u64) {
        self.bar.set_length(total.max(1));
        self.bar.set_position(done);
    }

    /// Ends the last step and gives all times, in milliseconds.
    pub(crate) fn finish(mut self) -> Vec<(&'static str, u128)> {
        self.end();
        self.bar.finish_and_clear();
        self.done
    }

    fn end(&mut self) {
        if let Some((name, start)) = self.started.take() {
            self.done.push((name, self.clock.monotonic().saturating_sub(start).as_millis()));
        }
    }
}
