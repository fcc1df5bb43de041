//! A member makes the history as wide as it can: memory stays within its bound, and so does time.

use bulla_core::control::{Control, Role};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_directory::Directory;

use crate::entries::Spot;
use crate::random::Random;
use crate::support::{COUNTS, NO_RIGHT, Scene};

/// What the index of pasts may take besides what is linear in the entries.
const CELLS_AT_LEAST: usize = 65_536;
const CELLS_PER_ENTRY: usize = 16;
/// Entries of the attacker, and of everybody else after it.
const FORKS: usize = 6_000;
const HONEST: usize = 6_000;

/// One member forks its chain thousands of times and honest members go on from all of it, two at a time, so that each of
/// their entries has another set of forks in its past. Kept in full, that would be 36 million cells.
///
/// Clauses: DIR-2.
#[test]
fn a_wide_history_stays_within_its_bounds() {
    let mut scene = Scene::new(2);
    let grant = scene.grant(2, Role::Reader);
    let granted = scene.write(0, grant);
    let mut random = Random::new(3);
    let mut entries: Vec<VerifiedEntry> = vec![];
    let erase: Control = scene.erase(9);
    for number in 0..FORKS {
        let author = scene.device(2).key;
        let mut dependencies = vec![granted];
        for _ in 0..random.below(3) {
            let known = entries.get(random.below(number)).map(VerifiedEntry::id);
            dependencies.extend(known);
        }
        let sequence = 2 + u64::try_from(number).unwrap();
        let previous = EntryId([1; 32]);
        let spot = Spot { space: scene.space, author, sequence, previous, dependencies };
        entries.push(spot.unsigned(&erase));
    }
    let forks: Vec<EntryId> = entries.iter().map(VerifiedEntry::id).collect();
    let mut last = [granted; 2];
    let mut honest = vec![];
    for number in 0..HONEST {
        let device = number % 2;
        let author = scene.device(device).key;
        let other = last[1 - device];
        let from = number * 40 % FORKS;
        let mut dependencies = forks[from..FORKS.min(from + 40)].to_vec();
        dependencies.push(if number % 3 == 0 { other } else { last[device] });
        let sequence = 3 + u64::try_from(number / 2).unwrap();
        let previous = last[device];
        let spot = Spot { space: scene.space, author, sequence, previous, dependencies };
        let entry = spot.unsigned(&erase);
        last[device] = entry.id();
        honest.push(entry.id());
        entries.push(entry);
    }
    entries.extend(scene.entries.iter().cloned());

    let mut directory = Directory::new(scene.space);
    directory.extend(&entries);
    assert!(directory.index_cells() <= CELLS_AT_LEAST + CELLS_PER_ENTRY * directory.len());
    assert!(honest.iter().all(|id| directory.verdict(id) == Some(COUNTS)));
    assert!(forks.iter().all(|id| directory.verdict(id) == Some(NO_RIGHT)));

    // It goes on as ever: who is granted now acts by it, one who is not named does not.
    let dependencies = directory.dependencies(&scene.device(0).key);
    let (author, previous) = (scene.device(0).key, last[0]);
    let sequence = u64::try_from(HONEST).unwrap();
    let spot = Spot { space: scene.space, author, sequence, previous, dependencies };
    let grant = spot.unsigned(&scene.grant(3, Role::Writer));
    directory.insert(&grant);
    let author = scene.device(3).key;
    for (known, verdict) in [(grant.id(), COUNTS), (last[1], NO_RIGHT)] {
        let (previous, sequence) = (EntryId::ZERO, 1);
        let dependencies = vec![known];
        let spot = Spot { space: scene.space, author, sequence, previous, dependencies };
        let entry = spot.unsigned(&scene.erase(3));
        directory.insert(&entry);
        assert_eq!(directory.verdict(&entry.id()), Some(verdict));
    }
}
