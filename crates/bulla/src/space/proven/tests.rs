//! How far chains are followed for one question.

use bulla_core::Kind;
use bulla_core::control::Role;
use bulla_store::MemorySpaces;

use super::*;
use crate::space::Write;
use crate::{Device, sync};

/// Entries of an author in the branch of its chain that counts.
const CHAIN: u64 = 6;

async fn copy(of: &Space, device: &Device) -> Space {
    Space::join(device, &MemorySpaces::new(), of.id(), of.outgoing()).await.unwrap().0
}

async fn write(space: &Space) -> EntryId {
    space.write(Write::new(Kind::OPERATION, "a note")).await.unwrap()
}

/// A space where two authors forked their chains and lost their rights, one branch of each counts, and a member saw the other
/// branches: the space of somebody who holds those not, and what it is to judge.
async fn forked() -> (Space, Vec<Attested>) {
    let device = || Device::generate().unwrap();
    let (owner, seeing, losing) = (device(), device(), [device(), device()]);
    let mine = Space::found(&owner, &MemorySpaces::new()).await.unwrap();
    for device in losing.iter().chain([&seeing]) {
        mine.grant(device.joining_card(mine.id(), None), Role::Writer, "").await.unwrap();
    }
    let witness = copy(&mine, &seeing).await;
    // Before anybody wrote anything, so that the witness sees of each author one branch and no more.
    let mut branches = Vec::new();
    for device in &losing {
        branches.push((copy(&mine, device).await, copy(&mine, device).await));
    }
    let mut seen = Vec::new();
    for (one, other) in &branches {
        seen.push(write(other).await);
        assert!(sync::pull(&witness, other.outgoing()).await.verdict.is_complete());
        for _ in 0..CHAIN {
            write(one).await;
        }
        assert!(sync::pull(&mine, one.outgoing()).await.verdict.is_complete());
    }
    let frontier = witness.frontier().await.unwrap();
    for device in &losing {
        mine.revoke(device.author()).await.unwrap();
    }
    // Whoever revokes a device cuts behind what it was shown of it; this comes too late for that.
    let word = witness.entry(frontier).await.unwrap();
    let put = mine.store().put(&Context::new(), vec![word.into()]).await.unwrap();
    assert!(put.outcomes[0].receipt().is_some(), "{put:?}");
    let attested = losing.iter().zip(seen).map(|(device, id)| Attested {
        id,
        author: device.author(),
        sequence: 1,
        by: frontier,
        witness: seeing.author(),
        evidence: None,
    });
    (mine, attested.collect())
}

/// A member can name entries that make whoever judges them walk down every chain that was cut. That ends, and what could not
/// be placed by then is waited for.
///
/// Clauses: SYN-50.
#[tokio::test]
async fn one_question_follows_chains_so_far_and_no_further() {
    let (space, attested) = forked().await;
    let counts = async |attested: &[Attested], most_links| {
        let judge = ByDirectory { gate: Arc::clone(&space.inner.gate), most_links };
        judge.counts(&Context::new(), attested).await.unwrap()
    };
    let one = &attested[..1];
    let mut needed = 0;
    while counts(one, needed).await[0] {
        needed += 1;
        assert!(needed <= 2 * usize::try_from(CHAIN).unwrap(), "no more than there are headers");
    }
    assert!(needed > 2, "{needed} headers lead to where the branches part");
    assert_eq!(counts(one, needed - 1).await, [true]);
    // The bound is one for all that is asked at once.
    let both = counts(&attested, needed).await;
    assert_eq!(both.iter().filter(|counts| **counts).count(), 1, "{both:?}");
    assert_eq!(counts(&attested, 2 * needed).await, [false, false]);
    let judged = space.frontier_judge().counts(&Context::new(), &attested).await.unwrap();
    assert_eq!(judged, [false, false]);
}
