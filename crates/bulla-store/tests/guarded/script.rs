//! An admission that says what a test tells it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_conformance::suite::author::World;
use bulla_core::values::{PutOutcome, Refusal, Rule};
use bulla_core::{Code, EntryId, Lineage, Verified};
use bulla_store::{
    Admission, Context, GuardedStore, Judged as _, MemoryStore, Operation, QuarantineBounds,
    Result, Ruling, StoreError, Verdict,
};

/// Says of each entry what was planned, and otherwise that it counts; writes down what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    verdicts: Mutex<HashMap<EntryId, Verdict>>,
    asked: Mutex<Vec<Vec<EntryId>>>,
    told: Mutex<Vec<Vec<EntryId>>>,
    fails_when_told: Mutex<Option<StoreError>>,
}

impl Script {
    pub(crate) fn say(&self, id: EntryId, verdict: Verdict) {
        self.verdicts.lock().unwrap().insert(id, verdict);
    }

    /// What it was asked about, call by call.
    pub(crate) fn asked(&self) -> Vec<Vec<EntryId>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// What it was told is stored, call by call.
    pub(crate) fn told(&self) -> Vec<Vec<EntryId>> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    pub(crate) fn fail_when_told(&self, error: Option<StoreError>) {
        *self.fails_when_told.lock().unwrap() = error;
    }
}

#[async_trait]
impl Admission for Script {
    async fn allow(&self, _cx: &Context, _operation: Operation) -> Result<()> {
        Ok(())
    }

    async fn judge(&self, _cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        self.asked.lock().unwrap().push(entries.iter().map(Verified::id).collect());
        let said = self.verdicts.lock().unwrap();
        let verdict = |entry: &Verified| said.get(&entry.id()).cloned().unwrap_or(Verdict::Admit);
        Ok(entries.iter().map(verdict).collect::<Vec<_>>().into())
    }

    async fn stored(&self, _cx: &Context, control: &[Verified]) -> Result<()> {
        self.told.lock().unwrap().push(control.iter().map(Verified::id).collect());
        self.fails_when_told.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

/// A guarded engine under the rule *directory*, and what stands in it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) engine: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
    pub(crate) guarded: GuardedStore<MemoryStore, Script>,
    pub(crate) cx: Context,
}

pub(crate) async fn scene() -> Scene {
    scene_with(QuarantineBounds::default()).await
}

pub(crate) async fn scene_with(bounds: QuarantineBounds) -> Scene {
    let (world, cx) = (World::new([0x6a; 32]).unwrap(), Context::new());
    let engine = MemoryStore::with_quarantine(world.space(), Lineage([1; 16]), bounds);
    let engine = Arc::new(engine);
    engine.set_rule(&cx, Rule::Directory).await.unwrap();
    let script = Arc::new(Script::default());
    let guarded = GuardedStore::judging(Arc::clone(&engine), Arc::clone(&script));
    Scene { world, engine, script, guarded, cx }
}

pub(crate) fn code(text: &'static str) -> Code {
    Code::new(text)
}

pub(crate) fn refused(text: &'static str, is_retryable: bool) -> PutOutcome {
    PutOutcome::Refused(Refusal { code: code(text), is_retryable })
}
