//! An author signs two entries with one sequence.

use bulla_core::{RawEntry, VerifiedEntry, Verifier};
use bulla_store::Context;
use bulla_sync::{Evidence, EvidenceError, Finding, Fork, Report, frontier_of};

use crate::support::*;

/// A trunk of five entries after the genesis, and two branches of three from there.
fn forked() -> (Author, Vec<VerifiedEntry>, [Vec<VerifiedEntry>; 2]) {
    let (author, trunk) = chain(5);
    let branch = |name: &[u8]| {
        let mut author = author.clone();
        (0..3).map(|_| author.write(name)).collect()
    };
    let branches = [branch(b"one branch, sealed"), branch(b"the other, as well")];
    (author, trunk, branches)
}

fn expected(author: &Author, branches: &[Vec<VerifiedEntry>; 2]) -> Vec<Fork> {
    (0..3)
        .map(|i| {
            let mut ids = [branches[0][i].id(), branches[1][i].id()];
            ids.sort();
            let sequence = branches[0][i].header().sequence;
            Fork { author: author.id(), sequence, ids }
        })
        .collect()
}

fn assert_forks(report: &Report, expected: &[Fork]) {
    assert_eq!(report.forks, expected, "{report}");
    assert!(report.to_string().contains("FORK"), "{report}");
}

/// Clauses: ENT-41, SYN-15, SYN-55.
#[tokio::test]
async fn a18_replicas_fed_different_branches_hold_and_report_both() {
    let (author, trunk, branches) = forked();
    let sides = [store(author.space(), 1), store(author.space(), 2)];
    for (side, branch) in sides.iter().zip(&branches) {
        fill(&**side, trunk.iter().chain(branch)).await;
    }
    let [left, right] = &sides;
    let (at_left, at_right) = (bookmarks(), bookmarks());
    let forks = expected(&author, &branches);
    for _ in 0..3 {
        assert_forks(&pull(right, left, &at_left).await, &forks);
        assert_forks(&pull(left, right, &at_right).await, &forks);
        assert!(same_entries(&**left, &**right).await);
    }
    for entry in trunk.iter().chain(branches.iter().flatten()) {
        assert!(holds(&**left, entry.id()).await && holds(&**right, entry.id()).await);
    }
    // Anybody can check it.
    for fork in &forks {
        let evidence = Evidence::of_fork(&Context::new(), &**left, fork).await.unwrap().unwrap();
        assert_eq!(found(author.space(), &evidence), Finding::Forked(*fork));
    }
}

/// Clauses: SYN-55.
#[tokio::test]
async fn a18_a_branch_that_comes_long_after_is_found() {
    let (author, trunk, branches) = forked();
    let (source, target) = (store(author.space(), 1), store(author.space(), 2));
    let bookmarks = bookmarks();
    fill(&*source, trunk.iter().chain(&branches[0])).await;
    assert!(pull(&source, &target, &bookmarks).await.forks.is_empty());
    for _ in 0..4 {
        fill(&*source, &author.another(8).write_many(2)).await;
        assert!(pull(&source, &target, &bookmarks).await.forks.is_empty());
    }
    fill(&*source, &branches[1][..1]).await;
    let forks = expected(&author, &branches);
    assert_forks(&pull(&source, &target, &bookmarks).await, &forks[..1]);
    // It is kept: nothing new is read, and it is said again.
    assert_forks(&pull(&source, &target, &bookmarks).await, &forks[..1]);
}

/// Clauses: SYN-55.
#[tokio::test]
async fn a18_entries_that_come_late_are_no_fork() {
    let (author, entries) = chain(40);
    let (source, target) = (store(author.space(), 1), store(author.space(), 2));
    let bookmarks = bookmarks();
    for entries in entries.rchunks(7) {
        fill(&*source, entries.iter().rev()).await;
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.forks.is_empty(), "{report}");
    }
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
}

/// Clauses: SYN-55.
#[tokio::test]
async fn a18_a_run_that_ends_before_it_looked_finds_the_fork_next_time() {
    let (author, trunk, branches) = forked();
    let (source, inner) = (store(author.space(), 1), store(author.space(), 2));
    fill(&*inner, trunk.iter().chain(&branches[0])).await;
    fill(&*source, trunk.iter().chain(&branches[1])).await;
    // The first scan of the target examines it; the next one looks for the other branch.
    let hooks = Hooks {
        scan: Some(Box::new(|nth, _, page| if nth == 1 { Err(unavailable()) } else { Ok(page) })),
        ..Hooks::default()
    };
    let (target, bookmarks) = (Hostile::new(inner, hooks), bookmarks());
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, bulla_sync::Reason::Target(_)), "{report}");
    assert_forks(&pull(&source, &target, &bookmarks).await, &expected(&author, &branches));
}

/// Clauses: SYN-55, SYN-50.
#[tokio::test]
async fn a18_a_branch_known_only_by_its_proof_is_a_fork() {
    let (author, trunk, branches) = forked();
    let mut witness = author.another(6);
    let seen: Vec<_> = trunk.iter().chain(&branches[1]).collect();
    let frontier = frontier_over(&mut witness, &seen).await;
    let source = store(author.space(), 1);
    fill(&*source, trunk.iter().chain(&branches[0]).chain([&frontier])).await;
    let report = pull(&source, &store(author.space(), 2), &bookmarks()).await;
    assert_forks(&report, &expected(&author, &branches)[2..]);
    assert_eq!(incomplete(&report).missing.ids, [branches[1][2].id()]);
}

/// Clauses: SYN-55, SYN-50.
#[tokio::test]
async fn a18_a_branch_that_grows_beyond_what_was_proven_before_is_a_fork() {
    let (author, trunk, branches) = forked();
    let mut witness = author.another(6);
    let seen: Vec<_> = trunk.iter().chain(&branches[1]).collect();
    let frontier = frontier_over(&mut witness, &seen).await;
    let (source, target) = (store(author.space(), 1), store(author.space(), 2));
    let bookmarks = bookmarks();
    fill(&*source, trunk.iter().chain([&frontier])).await;
    for i in 0..3 {
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.forks.is_empty() && report.unreached_count == 1, "{report}");
        fill(&*source, &branches[0][i..=i]).await;
    }
    let forks = expected(&author, &branches);
    for _ in 0..2 {
        assert_forks(&pull(&source, &target, &bookmarks).await, &forks[2..]);
    }
    // With the other branch the whole of it shows.
    fill(&*source, &branches[1]).await;
    let report = pull(&source, &target, &bookmarks).await;
    assert_forks(&report, &forks);
    assert!(report.is_clean(), "{report}");
}

/// Clauses: SYN-54.
#[tokio::test]
async fn a18_what_is_no_fork_proves_none() {
    let (author, trunk, branches) = forked();
    let verifier = Verifier::new([1; 32]);
    let raw = |entry: &VerifiedEntry| entry.verified_header().to_raw();
    let verdict = |first: RawEntry, second: RawEntry| {
        Evidence::Fork { first, second }.verify(&author.space(), &verifier)
    };
    let [one, two] = [&branches[0][0], &branches[1][0]];
    assert!(verdict(raw(one), raw(two)).is_ok());
    assert_eq!(verdict(raw(one), raw(one)), Err(EvidenceError::NoFork));
    assert_eq!(verdict(raw(one), raw(&branches[1][1])), Err(EvidenceError::NoFork));
    let stranger = author.another(6).write_many(6).pop().unwrap();
    assert_eq!(stranger.header().sequence, 6);
    assert_eq!(one.header().sequence, 7);
    assert_eq!(verdict(raw(&trunk[5]), raw(&stranger)), Err(EvidenceError::NoFork));
    let forged = RawEntry { signature: *one.verified_header().signature(), ..raw(two) };
    assert!(matches!(verdict(raw(one), forged), Err(EvidenceError::Entry(_))));
    // An entry is no frontier, whatever it is called.
    let evidence = Evidence::Frontier { frontier: one.to_raw(), proven: two.id() };
    assert_eq!(evidence.verify(&author.space(), &verifier), Err(EvidenceError::NoFrontier));
    let codes =
        [EvidenceError::NoFork, EvidenceError::NoFrontier, EvidenceError::NotProven(one.id())];
    assert_eq!(
        codes.map(|error| error.code().as_str().to_owned()),
        ["evidence.no_fork", "evidence.no_frontier", "evidence.not_proven"]
    );
}

/// Clauses: SYN-56.
#[tokio::test]
async fn a18_a_frontier_names_one_branch_of_a_fork_and_not_its_own_author() {
    let (author, trunk, branches) = forked();
    let all = store(author.space(), 1);
    fill(&*all, trunk.iter().chain(branches.iter().flatten())).await;
    let other = author.another(6);
    let frontier = frontier_of(&Context::new(), &*all, &other.id()).await.unwrap();
    let [proven] = &frontier.proven[..] else { panic!("{frontier:?}") };
    let greatest = branches.iter().map(|branch| &branch[2]).max_by_key(|entry| entry.id()).unwrap();
    assert_eq!(proven.header, greatest.verified_header().bytes());
    let own = frontier_of(&Context::new(), &*all, &author.id()).await.unwrap();
    assert!(own.proven.is_empty() && own.claimed.is_empty());
}
