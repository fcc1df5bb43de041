//! Finishing what dropped and failed puts leave undone, with nobody coming back for it (ADM-11).

use std::sync::{Arc, Weak};
use std::time::Duration;

use bulla_store::Context;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::admission::DirectoryAdmission;

/// Keeps an admission finishing what puts leave undone, for as long as this is kept. Whoever opens another admission of the
/// engine drops it first.
#[derive(Debug)]
#[must_use = "nothing is finished once it is dropped"]
pub struct Tending(JoinHandle<()>);

impl Drop for Tending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the task that tends an admission to look whether there is something to be done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }
}

/// What rings when it is dropped.
#[derive(Debug)]
pub(crate) struct Ringing<G> {
    bell: Bell,
    _guard: G,
}

impl<G> Ringing<G> {
    pub(crate) const fn new(bell: Bell, guard: G) -> Self {
        Self { bell, _guard: guard }
    }
}

impl<G> Drop for Ringing<G> {
    fn drop(&mut self) {
        self.bell.ring();
    }
}

impl DirectoryAdmission {
    /// Spawns a task that finishes what a `put` leaves undone that was dropped or failed: marks, rights and erasures then
    /// follow from control entries without the next `put`. What fails is tried again after
    /// [`retry_ms`](crate::AdmissionSettings::retry_ms), and after twice as long each time up to a minute. It holds the
    /// admission only while it is at work.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. In one without a clock the task ends where something is to be tried again.
    pub fn tend(self: &Arc<Self>) -> Tending {
        Tending(tokio::spawn(tend(Arc::downgrade(self), self.bell.clone())))
    }
}

async fn tend(admission: Weak<DirectoryAdmission>, bell: Bell) {
    loop {
        bell.0.notified().await;
        let mut pause = None;
        loop {
            let Some(admission) = admission.upgrade() else { return };
            if !admission.is_unsettled() {
                break;
            }
            let Err(error) = admission.settle(&Context::new()).await else { continue };
            let first = Duration::from_millis(admission.settings.retry_ms);
            let wait = pause.map_or(first, |pause: Duration| pause.saturating_mul(2));
            let wait = wait.min(LONGEST_PAUSE.max(first));
            tracing::warn!(
                space = %admission.space().short(), code = %error.code(), wait_ms = wait.as_millis(),
                "what follows from control entries is not finished"
            );
            pause = Some(wait);
            drop(admission);
            tokio::time::sleep(wait).await;
        }
    }
}

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
