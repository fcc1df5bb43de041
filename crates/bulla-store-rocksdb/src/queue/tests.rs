//! Every put is answered once and with its own outcomes, whatever became of those that waited beside it.

use std::sync::Arc;
use std::time::Duration;

use bulla_conformance::suite::author::{World, whole};
use bulla_core::values::{PutOutcome, PutReport};
use bulla_core::{EntryId, Lineage, LogHash, Verified};
use bulla_store::{Erasure, ErasureReport, KeptTotals, StoreError};
use tokio::sync::{Semaphore, oneshot};

use super::{Alone, Next, Put, Queue, Slice, Taken};
use crate::layout::LiveRow;
use crate::space::Space;

type Answer<T> = oneshot::Receiver<bulla_store::Result<T>>;

fn space(world: &World) -> Arc<Space> {
    Space::new(
        world.space(),
        0,
        Lineage::ZERO,
        LiveRow::empty(LogHash([0; 32])),
        0,
        None,
        KeptTotals::default(),
    )
}

fn put(queue: &Queue, space: &Arc<Space>, entries: Vec<Verified>) -> Answer<PutReport> {
    let (reply, answer) = oneshot::channel();
    let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let put = Put { entries: entries.into(), marks: None, outcomes: Vec::new(), reply, room };
    queue.put(Arc::clone(space), put).unwrap();
    answer
}

fn erase(queue: &Queue, space: &Arc<Space>) -> Answer<ErasureReport> {
    let (reply, answer) = oneshot::channel();
    let erasure = Erasure { by: EntryId([1; 32]), is_prune: false, ids: Vec::new() };
    queue.alone(Arc::clone(space), Alone::Erase(erasure, reply)).unwrap();
    answer
}

fn take(queue: &Queue) -> Taken {
    match queue.next(None, false, Duration::ZERO) {
        Next::Commit(taken) => taken,
        other => panic!("{other:?}"),
    }
}

/// Settles slices with receipts counted on from `receipt`.
fn settle(queue: &Queue, slices: Vec<Slice>, receipt: &mut u64) {
    let outcomes = |slice: &Slice, receipt: &mut u64| {
        let outcome = |_: &Verified| {
            *receipt += 1;
            PutOutcome::Stored(*receipt)
        };
        slice.entries.iter().map(outcome).collect::<Vec<_>>()
    };
    let settled = slices.into_iter().map(|slice| {
        let outcomes = outcomes(&slice, receipt);
        (slice, Lineage::ZERO, outcomes)
    });
    queue.settle(settled.collect());
}

fn receipts(mut answer: Answer<PutReport>) -> Vec<u64> {
    let outcomes = answer.try_recv().unwrap().unwrap().outcomes;
    let receipt = |outcome| match outcome {
        PutOutcome::Stored(receipt) => receipt,
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(receipt).collect()
}

/// Failing a slice once moved the places of those behind it: with several waiting on a full device, one was never
/// answered, and its neighbour got its outcomes.
#[test]
fn failed_put_moves_no_other_out_of_its_place() {
    let world = World::new([3; 32]).unwrap();
    let (queue, space) = (Queue::default(), space(&world));
    let entries = whole(&world.entries(0, 6).unwrap());
    for failing in 0..3 {
        let answers: Vec<_> =
            entries.chunks(2).map(|two| put(&queue, &space, two.to_vec())).collect();
        let mut slices = take(&queue).slices;
        assert_eq!(slices.len(), 3);
        let failed = slices.remove(failing);
        queue.fail(std::slice::from_ref(&failed), &StoreError::Full);
        let mut receipt = 0;
        settle(&queue, slices, &mut receipt);
        let mut expected = vec![vec![1, 2], vec![3, 4]];
        for (n, mut answer) in answers.into_iter().enumerate() {
            if n == failing {
                assert!(matches!(answer.try_recv().unwrap(), Err(StoreError::Full)));
            } else {
                assert_eq!(receipts(answer), expected.remove(0), "put {n}");
            }
        }
        assert!(queue.lock().lines.is_empty() && queue.lock().ring.is_empty());
    }
}

#[test]
fn each_of_many_failing_puts_is_told() {
    let world = World::new([3; 32]).unwrap();
    let (queue, space) = (Queue::default(), space(&world));
    let entries = whole(&world.entries(0, 9).unwrap());
    let answers: Vec<_> =
        entries.iter().map(|entry| put(&queue, &space, vec![entry.clone()])).collect();
    for slice in take(&queue).slices {
        queue.fail(std::slice::from_ref(&slice), &StoreError::Full);
    }
    for mut answer in answers {
        assert!(matches!(answer.try_recv().unwrap(), Err(StoreError::Full)));
    }
    assert!(queue.lock().lines.is_empty() && queue.lock().ring.is_empty());
}

/// An erasure is taken alone: after the puts before it, before the puts behind it.
#[test]
fn erasure_keeps_its_place_in_line() {
    let world = World::new([3; 32]).unwrap();
    let (queue, space) = (Queue::default(), space(&world));
    let entries = whole(&world.entries(0, 3).unwrap());
    let mut receipt = 0;

    let first = put(&queue, &space, vec![entries[0].clone()]);
    let erased = erase(&queue, &space);
    let second = put(&queue, &space, vec![entries[1].clone()]);
    let failing = put(&queue, &space, vec![entries[2].clone()]);

    let taken = take(&queue);
    assert_eq!((taken.slices.len(), taken.alone.len()), (1, 0));
    settle(&queue, taken.slices, &mut receipt);
    assert_eq!(receipts(first), [1]);

    let mut taken = take(&queue);
    assert_eq!((taken.slices.len(), taken.alone.len()), (0, 1));
    let (_, Alone::Erase(_, reply)) = taken.alone.remove(0) else { panic!("an erasure") };
    reply.send(Ok(ErasureReport::default())).unwrap();
    drop(erased);

    let mut slices = take(&queue).slices;
    assert_eq!(slices.len(), 2);
    queue.fail(&slices.split_off(1), &StoreError::Full);
    settle(&queue, slices, &mut receipt);
    assert_eq!(receipts(second), [2]);
    assert!(receipts_failed(failing));
    assert!(queue.lock().lines.is_empty() && queue.lock().ring.is_empty());
}

fn receipts_failed(mut answer: Answer<PutReport>) -> bool {
    answer.try_recv().unwrap().is_err()
}

/// A put that nobody waits for is not begun; those beside it are.
#[test]
fn put_of_an_asker_who_went_is_left_out() {
    let world = World::new([3; 32]).unwrap();
    let (queue, space) = (Queue::default(), space(&world));
    let entries = whole(&world.entries(0, 2).unwrap());
    let mut receipt = 0;
    drop(put(&queue, &space, vec![entries[0].clone()]));
    let stays = put(&queue, &space, vec![entries[1].clone()]);
    let slices = take(&queue).slices;
    assert_eq!(slices.iter().map(|slice| slice.entries.len()).sum::<usize>(), 1);
    settle(&queue, slices, &mut receipt);
    assert_eq!(receipts(stays), [1]);
    assert!(queue.lock().lines.is_empty());
}

/// A writer who is alone, or whose commit is large, never waits for another; many who write small entries are waited for.
#[test]
fn only_those_likely_to_come_are_waited_for() {
    let world = World::new([3; 32]).unwrap();
    let (queue, space) = (Queue::default(), space(&world));
    let entries = whole(&world.entries(0, 8).unwrap());
    let slow = Duration::from_millis(8);
    let wait = || queue.lock().worthwhile_wait(slow);
    let mut receipt = 0;

    let first = put(&queue, &space, vec![entries[0].clone()]);
    assert_eq!(wait(), None, "nobody was answered yet");
    settle(&queue, take(&queue).slices, &mut receipt);
    assert_eq!(receipts(first), [1]);
    let _again = put(&queue, &space, vec![entries[1].clone()]);
    assert_eq!(wait(), None, "the only one is back");

    let _others: Vec<_> =
        entries[2..5].iter().map(|entry| put(&queue, &space, vec![entry.clone()])).collect();
    settle(&queue, take(&queue).slices, &mut receipt);
    let _back = put(&queue, &space, vec![entries[5].clone()]);
    assert_eq!(wait(), Some(slow), "three more are likely to come");
    let _back = put(&queue, &space, vec![entries[6].clone()]);
    assert_eq!(wait(), Some(slow / 2), "the more there are, the less another one saves");
    assert_eq!(queue.lock().worthwhile_wait(Duration::from_micros(30)), None, "a quick device");
    queue.lock().new_bytes = super::LARGE_COMMIT_BYTES;
    assert_eq!(wait(), None, "worth its sync already");
}
