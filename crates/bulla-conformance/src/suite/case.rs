//! Cases and the ground they stand on.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_core::VerifyError;
use bulla_store::{Context, StoreError};

use super::author::{World, derive};
use super::harness::{Harness, HarnessError, Subject};

/// How strictly the spec asks for what a case checks (BCP 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A store that fails it does not conform.
    Must,
    /// A store that fails it conforms and should say why.
    Should,
}

/// Which stores a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Every store and every stack of stores; nothing of it may be skipped.
    Core,
    /// Stores that can erase, and stacks over one.
    Erasable,
    /// Engines that mark what does not count and keep what was refused.
    Judged,
    /// Stores that outlive their process.
    Restart,
    /// Places that keep stores.
    Spaces,
    /// Places that keep bookmarks.
    Bookmarks,
}

/// What a case is when it runs.
pub type CaseFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One promise of the contract, and how to see whether a store keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Names the case, for ever: lower case and hyphens.
    pub id: &'static str,
    /// The clauses it stands for.
    pub clauses: &'static [&'static str],
    /// How strictly they ask.
    pub level: Level,
    /// Which stores it is for.
    pub table: Table,
    /// Runs it.
    pub run: for<'a> fn(&'a Ground) -> CaseFuture<'a>,
}

/// Why a case did not pass.
#[derive(Debug)]
pub enum Failure {
    /// The store broke its promise.
    Broken(String),
    /// The store has not what this table needs.
    Missing(&'static str),
    /// The harness could not make a store.
    Harness(HarnessError),
}

impl From<StoreError> for Failure {
    #[track_caller]
    fn from(error: StoreError) -> Self {
        Self::Broken(format!("{}: unexpected {}: {error}", Location::caller(), error.code()))
    }
}

impl From<VerifyError> for Failure {
    #[track_caller]
    fn from(error: VerifyError) -> Self {
        Self::Harness(
            format!("{}: the suite wrote a bad entry: {error}", Location::caller()).into(),
        )
    }
}

impl From<tokio::task::JoinError> for Failure {
    #[track_caller]
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Broken(format!("{}: a task of the case panicked: {error}", Location::caller()))
    }
}

/// What a case gets: a way to fresh stores and to the entries to put there.
#[derive(Debug)]
pub struct Ground {
    harness: Arc<dyn Harness>,
    seed: [u8; 32],
    worlds: AtomicU64,
}

/// A fresh store and its space.
#[derive(Debug)]
pub struct Stage {
    /// The space and its authors.
    pub world: World,
    /// The store.
    pub subject: Subject,
    /// For every call.
    pub cx: Context,
}

impl Ground {
    pub(super) fn new(harness: Arc<dyn Harness>, seed: u64, case: &str) -> Self {
        let seed =
            blake3::derive_key(&format!("bulla 2026 suite case {case}"), &seed.to_le_bytes());
        Self { harness, seed, worlds: AtomicU64::new(0) }
    }

    /// Who makes the stores.
    #[must_use]
    pub fn harness(&self) -> &dyn Harness {
        &*self.harness
    }

    /// A space that no other case and no other call has.
    ///
    /// # Errors
    ///
    /// [`Failure::Harness`], which would be a fault of the suite.
    pub fn world(&self) -> Result<World, Failure> {
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        Ok(World::new(derive(&self.seed, "world", number))?)
    }

    /// A fresh store of a space of its own.
    ///
    /// # Errors
    ///
    /// [`Failure::Harness`] when the harness could not make it.
    pub async fn fresh(&self) -> Result<Stage, Failure> {
        self.fresh_in(&self.world()?).await
    }

    /// Another fresh store of a given space.
    ///
    /// # Errors
    ///
    /// As [`fresh`](Self::fresh).
    pub async fn fresh_in(&self, world: &World) -> Result<Stage, Failure> {
        let subject = self.harness.fresh(world.space()).await.map_err(Failure::Harness)?;
        Ok(Stage { world: world.clone(), subject, cx: Context::new() })
    }
}

/// Makes a [`Case`].
macro_rules! case {
    ($table:ident $level:ident $id:literal [$($clause:literal),+] $run:path) => {
        $crate::suite::case::Case {
            id: $id,
            clauses: &[$($clause),+],
            level: $crate::suite::case::Level::$level,
            table: $crate::suite::case::Table::$table,
            run: |ground| Box::pin($run(ground)),
        }
    };
}

/// Ends the case with a failure unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::suite::case::Failure::Broken(format!(
                "{}:{}: {}", file!(), line!(), format_args!($($message)+)
            )));
        }
    };
}

/// Ends the case with a failure unless both sides are equal.
macro_rules! check_eq {
    ($actual:expr, $expected:expr, $($message:tt)+) => {
        match (&$actual, &$expected) {
            (actual, expected) => {
                if *actual != *expected {
                    return Err($crate::suite::case::Failure::Broken(format!(
                        "{}:{}: {}: got {actual:?}, expected {expected:?}", file!(), line!(), format_args!($($message)+)
                    )));
                }
            }
        }
    };
}

/// The error of a call that must fail.
macro_rules! check_err {
    ($result:expr, $($message:tt)+) => {
        match $result {
            Err(error) => error,
            Ok(_) => {
                return Err($crate::suite::case::Failure::Broken(format!(
                    "{}:{}: {}: must be refused", file!(), line!(), format_args!($($message)+)
                )));
            }
        }
    };
}

pub(crate) use {case, check, check_eq, check_err};
