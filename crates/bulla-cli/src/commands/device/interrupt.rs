//! Being asked to end while somebody waits for this side: there is time to tell them, and not more.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure, Result};

/// The signals that ask a program to end. From here on they end it no longer by themselves.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(Exit::Failure, format!("signals: {error}")))
        };
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    /// Does this, unless the program is asked to end before it is done.
    pub(crate) async fn or<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            exit = self.asked() => Err(Failure::new(exit, "this program was asked to end")),
            done = work => done,
        }
    }

    /// Does what is to be done last, unless somebody will not wait for that either.
    pub(crate) async fn or_again(&mut self, last: impl Future<Output = ()>) {
        tokio::select! {
            _ = self.asked() => {}
            () = last => {}
        }
    }

    async fn asked(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}
