//! A removed author and a relay that helps it publish entries before, at and after the cut, and on forks.

use bulla_core::Verified;
use bulla_core::control::Role;
use bulla_core::genesis::Policy;

use crate::random::Random;
use crate::replica::Replica;
use crate::scene::{Writer, all, found};

/// Clauses: ADM-8, ADM-9, ADM-10.
#[tokio::test]
async fn a07_a_removed_author_and_a_relay_publish_before_at_and_after_the_cut() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(2, space);
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let honest: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let mut early = writer.clone();
    let counted: Vec<_> = (0..5).map(|_| writer.write()).collect();
    let revocation = founder.revoke(&writer);
    // Beyond the cut; and branches that leave the chain before it, at each length up to beyond it.
    let after: Vec<_> = (0..4).map(|_| writer.write()).collect();
    early.learn(&revocation);
    let fork: Vec<_> = (0..9).map(|_| early.write()).collect();
    let control = [writer.grant(&crate::entries::Device::new(8), Role::Admin), early.frontier()];

    let genuine: Vec<_> = honest.iter().chain(&counted).collect();
    let mut published: Vec<Verified> = all([&genesis, &grant, &revocation]);
    published.extend(all(genuine.iter().copied()));
    published.extend(all(after.iter().chain(&fork).chain(&control)));

    let mut seen = Vec::new();
    for seed in 0..24 {
        let replica = Replica::open(space, seed as u8 + 1).await;
        let mut random = Random::new(seed);
        let mut order = published.clone();
        random.shuffle(&mut order);
        while !order.is_empty() {
            let rest = order.split_off((1 + random.below(6)).min(order.len()));
            replica.put(&std::mem::replace(&mut order, rest)).await;
        }
        // What was refused for now is offered again, as runs do.
        for _ in 0..4 {
            replica.put(&published).await;
        }
        replica.assert_settled().await;
        let now = replica.seen().await;
        for entry in &genuine {
            assert_eq!(now.word(&entry.id()).as_deref(), Some("counts"), "seed {seed}");
        }
        for entry in after.iter().chain(&fork) {
            assert_eq!(now.word(&entry.id()).as_deref(), Some("directory.cut"), "seed {seed}");
        }
        let words: Vec<_> = control.iter().filter_map(|entry| now.word(&entry.id())).collect();
        assert_eq!(words, ["directory.no_right", "directory.cut"], "seed {seed}");
        seen.push((now.counting(), replica.head().await.counting, replica.head().await.control));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "all agree on what counts");
}
