//! Histories made on purpose, one idea each.

use bulla_core::control::{Claimed, Control, Cuts, Frontier, Role};
use bulla_core::{AuthorKey, EntryId};

use super::history::{End, History, cuts, epoch, erase, group, lowering, node, raise, revoke};

const SPACE: EntryId = EntryId::ZERO;
const RECOVERY: usize = 7;

pub(super) fn all() -> Vec<(String, History)> {
    type Make = fn() -> History;
    let cases: [(&str, Make); 37] = [
        ("a founder alone", || History::new(1, None, None)),
        ("four roles, and what each of them tries", roles),
        ("a bare node key is raised, then its card comes", bare),
        ("planted before a promotion", planted),
        ("a revoked key is granted again", returned),
        ("two admins remove each other", each_other),
        ("three founders remove one another in a circle", circle),
        ("chains of grants in their order", chains),
        ("a removed member writes before, at, after and beside the cut", beyond),
        ("two losses with different cuts", two_cuts),
        ("a header between the cut and the entry is not held", open),
        ("a sequence that is skipped ends the chain", skipped),
        ("a lowering, a raise that does not know it, one that does", lowered),
        ("a device takes its own rights", own_loss),
        ("one invitation, two admins", invitation),
        ("one invitation, twice by one admin", invitation_twice),
        ("all devices are lost", recovered),
        ("the first founder names a recovery key", named),
        ("recovery keys in a circle", succession),
        ("epochs fork, one is not clean", forked),
        ("a writer rotates, may not, must, hides", rotations),
        ("a group and who leaves it", groups),
        ("erasures by a writer and by an admin", erasures),
        ("a device goes, and whom it revoked stays out", gone),
        ("a senior grants whom a junior revoked", returned_by_senior),
        ("an intruder is taken out, and whom it revoked comes back", turned),
        ("an epoch for its author alone", alone),
        ("a lie about the key of an epoch that counts no more", lied),
        ("a reader is gone and no epoch follows yet", not_yet),
        ("a reader is gone and a writer starts the epoch", rotated),
        ("who leaves an epoch takes those before it along", handed_down),
        ("a device carries for a while and reads again", carried),
        ("an epoch for its author alone that goes deep", deep),
        ("a device forks and starts epochs on either side", forks),
        ("epochs for one whose grant their authors do not know", unknown),
        ("epochs begin anew beside those of seniors", rivals),
        ("no entry has the format that the policy asks for", format),
    ];
    cases.into_iter().map(|(comment, make)| (comment.to_owned(), make())).collect()
}

fn nothing() -> Cuts {
    Cuts(Vec::new())
}

fn with(founders: usize, devices: &[(usize, Role)]) -> History {
    let mut history = History::new(founders, None, None);
    for (device, role) in devices {
        let grant = history.grant(*device, *role);
        history.write(0, grant);
    }
    history
}

fn frontier() -> Control {
    let claimed = Claimed { author: AuthorKey([9; 32]), sequence: 1, id: EntryId([9; 32]) };
    Frontier { proven: Vec::new(), claimed: vec![claimed] }.into()
}

fn roles() -> History {
    let members = [(1, Role::Relay), (2, Role::Reader), (3, Role::Writer), (4, Role::Admin)];
    let mut history = with(1, &members);
    let known = history.heads();
    for author in 1..6 {
        let grant = history.grant(10 + author, Role::Writer);
        history.write_knowing(author, &known, grant);
        history.write_knowing(author, &known, erase(author, 9, &[]));
        history.write_knowing(author, &known, group(SPACE, &[author], &[]));
        history.write_knowing(author, &known, frontier());
        history.operation(author, 1);
    }
    history
}

fn bare() -> History {
    let mut history = History::new(1, None, None);
    history.write(0, node(1));
    history.write(0, raise(1, Role::Admin));
    history.write(0, node(2));
    history.write(0, raise(2, Role::Writer));
    let grant = history.grant(2, Role::Reader);
    history.write(0, grant);
    history.write(0, raise(3, Role::Admin));
    for author in [1, 2, 3] {
        history.operation(author, 1);
    }
    history
}

fn planted() -> History {
    let mut history = with(1, &[(1, Role::Writer)]);
    let grant = history.grant(2, Role::Writer);
    history.write(1, grant.clone());
    let raised = history.write(0, raise(1, Role::Admin));
    history.write_knowing(1, &[raised], grant);
    history
}

fn returned() -> History {
    let mut history = with(2, &[(2, Role::Writer)]);
    let before = history.operation(2, 1);
    history.write(1, revoke(2, cuts(&[before])));
    for author in [0, 1] {
        let grant = history.grant(2, Role::Admin);
        history.write(author, grant);
        history.write(author, raise(2, Role::Writer));
    }
    history.operation(2, 1);
    history
}

fn each_other() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Admin)]);
    let known = history.heads();
    history.write_knowing(2, &known, revoke(1, nothing()));
    history.write_knowing(1, &known, revoke(2, nothing()));
    history
}

fn circle() -> History {
    let mut history = History::new(3, None, None);
    let known = history.heads();
    for (author, of) in [(0, 1), (1, 2), (2, 0)] {
        history.write_knowing(author, &known, revoke(of, nothing()));
    }
    history
}

fn chains() -> History {
    let mut history = with(2, &[(4, Role::Admin), (5, Role::Admin)]);
    for (author, device) in [(1, 6), (5, 8), (4, 9), (4, 8), (9, 10), (1, 5), (6, 4)] {
        let grant = history.grant(device, Role::Admin);
        history.write(author, grant);
    }
    history.write(8, revoke(9, nothing()));
    history
}

fn beyond() -> History {
    let mut history = with(1, &[(1, Role::Admin)]);
    let granted = history.heads();
    let first = history.operation(1, 1);
    let grant = history.grant(2, Role::Writer);
    history.write_knowing(1, &granted, grant);
    let cut = history.operation(1, 2);
    history.operation(1, 3);
    let grant = history.grant(3, Role::Writer);
    history.write(1, grant.clone());
    history.write(0, revoke(1, cuts(&[cut])));
    for after in [Some(cut), Some(first), None] {
        history.operation_at(1, after, 4);
        history.write_at(1, after, &granted, grant.clone());
    }
    history.operation(2, 1);
    history.operation(3, 1);
    history
}

fn two_cuts() -> History {
    let mut history = with(2, &[(2, Role::Writer)]);
    let known = history.heads();
    let chain: Vec<End> = (0..4).map(|_| history.operation(2, 1)).collect();
    history.write_knowing(0, &known, revoke(2, cuts(&[chain[2]])));
    history.write_knowing(1, &known, lowering(2, Role::Reader, cuts(&[chain[1]])));
    history.write(2, frontier());
    history
}

fn open() -> History {
    let mut history = with(1, &[(1, Role::Writer)]);
    let chain: Vec<End> = (0..5).map(|_| history.operation(1, 1)).collect();
    history.write(0, revoke(1, cuts(&[chain[3]])));
    history.raw.remove(4);
    history
}

fn skipped() -> History {
    let mut history = with(1, &[(1, Role::Writer)]);
    let first = history.operation(1, 1);
    let skipped = history.operation_at(1, Some(End { sequence: 2, ..first }), 1);
    let last = history.operation(1, 1);
    history.write(0, revoke(1, cuts(&[last])));
    history.operation_at(1, Some(skipped), 2);
    history
}

fn lowered() -> History {
    let mut history = with(2, &[(2, Role::Admin)]);
    let known = history.heads();
    let low = history.write_knowing(0, &known, lowering(2, Role::Reader, nothing()));
    let high = history.write_knowing(1, &known, raise(2, Role::Writer));
    let grant = history.grant(3, Role::Reader);
    history.write_knowing(2, &[low, high], grant.clone());
    let high = history.write_knowing(1, &[low], raise(2, Role::Admin));
    history.write_knowing(2, &[high], grant);
    history.write_knowing(0, &known, raise(2, Role::Admin));
    history
}

fn own_loss() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Relay)]);
    let grant = history.grant(3, Role::Writer);
    history.write(1, grant.clone());
    let end = history.end(1);
    history.write(1, lowering(1, Role::Writer, cuts(&[end])));
    history.write(1, grant);
    history.write(1, raise(1, Role::Admin));
    history.write(1, revoke(1, cuts(&[end])));
    history.write(2, revoke(2, nothing()));
    history.write(2, revoke(3, nothing()));
    history
}

fn invitation() -> History {
    let mut history = with(1, &[(1, Role::Admin)]);
    let known = history.heads();
    let by_junior = history.invited(2, Role::Writer, 1);
    history.write_knowing(1, &known, by_junior);
    let by_senior = history.invited(3, Role::Writer, 1);
    history.write_knowing(0, &known, by_senior);
    history
}

fn invitation_twice() -> History {
    let mut history = History::new(1, None, None);
    for device in [1, 2, 1] {
        let grant = history.invited(device, Role::Writer, 2);
        history.write(0, grant);
    }
    history
}

fn recovered() -> History {
    let mut history = History::new(2, Some(RECOVERY), None);
    let known = history.heads();
    let grant = history.grant(3, Role::Admin);
    history.write_knowing(0, &known, grant.clone());
    let recovery = history.recovery(Some(5), &[(0, nothing()), (1, nothing())], Some(8));
    history.write_knowing(RECOVERY, &known, recovery);
    let again = history.recovery(Some(3), &[(5, nothing())], None);
    history.write(RECOVERY, again.clone());
    history.write(RECOVERY, grant.clone());
    history.operation(RECOVERY, 1);
    history.write(5, grant);
    history.write(5, revoke(8, nothing()));
    history.write(5, epoch(SPACE, &[], 1, &[5, 8]));
    history.write(5, epoch(SPACE, &[], 2, &[5, RECOVERY]));
    history.write(0, again);
    history
}

fn named() -> History {
    let mut history = History::new(2, None, None);
    let tries = [
        (1, history.recovery(None, &[], Some(20))),
        (0, history.recovery(Some(5), &[], Some(21))),
        (0, history.recovery(None, &[], Some(1))),
        (0, history.recovery(None, &[], Some(RECOVERY))),
        (0, history.recovery(None, &[], Some(8))),
        (RECOVERY, history.recovery(Some(5), &[(0, nothing())], None)),
    ];
    for (author, recovery) in tries {
        history.write(author, recovery);
    }
    history
}

fn succession() -> History {
    let mut history = History::new(1, Some(RECOVERY), None);
    for (author, next) in [(RECOVERY, 8), (8, 9), (9, RECOVERY)] {
        let recovery = history.recovery(Some(author + 20), &[], Some(next));
        history.write(author, recovery);
    }
    history
}

fn forked() -> History {
    let mut history = with(2, &[(2, Role::Writer)]);
    let known = history.heads();
    let first = history.write_knowing(0, &known, epoch(SPACE, &[], 1, &[0, 1, 2]));
    let gone = history.write_knowing(0, &[first], revoke(2, nothing()));
    let clean = history.write_knowing(0, &[gone], epoch(SPACE, &[first], 2, &[0, 1]));
    let deep = history.write_knowing(1, &[first], epoch(SPACE, &[first], 3, &[0, 1, 2]));
    let deeper = history.write_knowing(1, &[deep], epoch(SPACE, &[deep], 4, &[0, 1, 2]));
    history.write_knowing(1, &[deeper], epoch(SPACE, &[clean], 5, &[0, 1]));
    history
}

fn rotations() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Writer), (3, Role::Admin)]);
    let known = history.heads();
    let first = history.write_knowing(0, &known, epoch(SPACE, &[], 1, &[0, 1, 2, 3]));
    history.write_knowing(1, &[first], epoch(SPACE, &[first], 2, &[1]));
    let gone = history.write_knowing(0, &[first], revoke(2, nothing()));
    let must = history.write_knowing(1, &[gone], epoch(SPACE, &[first], 3, &[0, 1, 3]));
    // Its author is not among the recipients, and leaves.
    let theirs = history.write_knowing(3, &[must], epoch(SPACE, &[must], 4, &[0, 1]));
    let end = history.end(3);
    history.write_knowing(0, &[theirs], revoke(3, cuts(&[end])));
    history.write_at(1, None, &known, epoch(SPACE, &[], 5, &[1, 30]));
    history
}

fn groups() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Writer), (3, Role::Writer)]);
    let founded = history.write(0, group(SPACE, &[0, 1, 2], &[]));
    let first = history.write(0, epoch(founded, &[], 1, &[0, 1, 2]));
    history.write(0, epoch(SPACE, &[], 2, &[0, 1, 2, 3]));
    history.write(3, epoch(founded, &[first], 3, &[3]));
    let before = history.operation(2, 1);
    let known = history.heads();
    let left = history.write(0, group(founded, &[], &[(2, cuts(&[before]))]));
    for (author, key) in [(1, 1), (2, 1), (3, 1), (3, 2)] {
        history.operation(author, key);
    }
    history.write_knowing(0, &known, group(founded, &[2], &[]));
    history.write(1, epoch(founded, &[first], 4, &[0, 1]));
    history.write_knowing(0, &[left], group(founded, &[2], &[]));
    history.write(0, group(first, &[3], &[]));
    history.write(0, epoch(founded, &[founded], 5, &[0]));
    history
}

fn erasures() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Writer), (3, Role::Reader)]);
    let ends: Vec<End> = [1, 1, 2, 2].map(|author| history.operation(author, 1)).to_vec();
    history.write(1, erase(1, 1, &[ends[2].id, ends[1].id]));
    history.write(1, erase(2, 9, &[]));
    history.write(3, erase(2, 9, &[]));
    history.write(0, erase(2, 1, &[]));
    history
}

fn format() -> History {
    let mut history = History::new(1, None, Some(2));
    let grant = history.grant(1, Role::Writer);
    history.write(0, grant);
    history.operation(1, 1);
    history.write(1, frontier());
    history.operation(9, 1);
    history
}

fn gone() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Writer), (3, Role::Writer)]);
    let known = history.heads();
    let founded = history.write(0, group(SPACE, &[1, 2, 3], &[]));
    history.write(1, revoke(2, nothing()));
    history.write(1, lowering(3, Role::Reader, nothing()));
    history.write(1, group(founded, &[], &[(3, nothing())]));
    let left = history.write_at(1, None, &known, revoke(1, nothing()));
    history.write_knowing(1, &[left], revoke(3, nothing()));
    history
}

fn returned_by_senior() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Admin)]);
    let grant = history.grant(3, Role::Admin);
    history.write(2, grant.clone());
    let known = history.heads();
    history.write(2, revoke(3, nothing()));
    history.write(1, grant.clone());
    history.write(0, grant.clone());
    history.write(3, grant.clone());
    let other = history.grant(4, Role::Admin);
    history.write_knowing(1, &known, other);
    history
}

fn turned() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Writer)]);
    history.write(2, revoke(3, nothing()));
    let grant = history.grant(3, Role::Writer);
    history.write(1, grant.clone());
    let kept = history.end(1);
    history.write(1, revoke(3, nothing()));
    history.write(0, grant.clone());
    history.write(0, revoke(1, cuts(&[kept])));
    history.write(0, grant);
    history
}

fn alone() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Writer), (3, Role::Writer)]);
    let first = history.write(0, epoch(SPACE, &[], 1, &[0, 1, 2, 3]));
    history.write(0, revoke(3, nothing()));
    let own = history.write(1, epoch(SPACE, &[first], 2, &[1]));
    history.write(1, epoch(SPACE, &[own], 3, &[1]));
    history.write(2, epoch(SPACE, &[own], 4, &[0, 1, 2]));
    history
}

fn lied() -> History {
    let mut history = with(1, &[(1, Role::Admin), (2, Role::Writer), (3, Role::Writer)]);
    let founded = history.write(0, group(SPACE, &[0, 2], &[]));
    history.write(1, epoch(SPACE, &[], 1, &[0, 1, 2, 3]));
    history.write(2, epoch(founded, &[], 1, &[0, 2]));
    history.write(0, epoch(founded, &[], 2, &[0, 2]));
    history.operation(3, 1);
    history.operation(3, 2);
    history.write(0, revoke(1, nothing()));
    history
}

/// The epoch before the last was never sealed to who is gone: nobody goes back to it.
fn not_yet() -> History {
    let mut history = with(1, &[(1, Role::Writer)]);
    let first = history.write(0, epoch(SPACE, &[], 1, &[0, 1]));
    let grant = history.grant(2, Role::Reader);
    history.write(0, grant);
    history.write(0, epoch(SPACE, &[first], 2, &[0, 1, 2]));
    history.write(0, revoke(2, nothing()));
    history
}

fn rotated() -> History {
    let mut history = not_yet();
    let known = history.heads();
    let third = history.write(1, epoch(SPACE, &[], 3, &[0, 1]));
    history.write_knowing(1, &known, epoch(SPACE, &[third], 4, &[0, 1]));
    history
}

/// Over an epoch that does not count any more.
fn handed_down() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Admin), (3, Role::Writer)]);
    let before = history.end(0);
    let first = history.write(0, epoch(SPACE, &[], 1, &[0, 1]));
    let second = history.write(2, epoch(SPACE, &[first], 2, &[0, 1]));
    history.write(0, epoch(SPACE, &[second], 3, &[0, 1, 3]));
    history.write(0, revoke(2, cuts(&[before])));
    history.write(3, revoke(3, nothing()));
    history
}

fn carried() -> History {
    let mut history = with(1, &[(1, Role::Writer)]);
    let first = history.write(0, epoch(SPACE, &[], 1, &[0, 1]));
    history.write(0, lowering(1, Role::Relay, nothing()));
    history.write(0, raise(1, Role::Writer));
    history.write(1, epoch(SPACE, &[first], 2, &[0, 1]));
    history
}

fn deep() -> History {
    let members = [(1, Role::Writer), (2, Role::Writer), (3, Role::Writer), (4, Role::Writer)];
    let mut history = with(1, &members);
    let first = history.write(0, epoch(SPACE, &[], 1, &[0, 1, 2, 3, 4]));
    let gone = history.write(0, revoke(4, nothing()));
    let all = history.write_knowing(1, &[gone], epoch(SPACE, &[first], 2, &[0, 1, 2, 3]));
    let junk = history.write_knowing(2, &[gone], epoch(SPACE, &[first], 3, &[2, 30]));
    let alone = history.write_knowing(2, &[junk], epoch(SPACE, &[junk], 4, &[2]));
    history.write_knowing(3, &[all], epoch(SPACE, &[all], 5, &[0, 1, 2, 3]));
    history.write_knowing(2, &[all], epoch(SPACE, &[alone], 6, &[2]));
    history.write_knowing(3, &[all, alone], epoch(SPACE, &[all, alone], 7, &[0, 1, 2, 3]));
    history
}

fn rivals() -> History {
    let mut history = with(2, &[(2, Role::Admin), (3, Role::Writer)]);
    let known = history.heads();
    history.write_knowing(3, &known, epoch(SPACE, &[], 1, &[0, 1, 2, 3]));
    let junior = history.write_knowing(2, &known, epoch(SPACE, &[], 2, &[0, 1, 2, 3]));
    let second = history.write_knowing(1, &[junior], epoch(SPACE, &[junior], 3, &[0, 1, 2, 3]));
    history.write_knowing(2, &[junior], epoch(SPACE, &[], 4, &[0, 1, 2, 3]));
    history.write_knowing(1, &[second], epoch(SPACE, &[second], 5, &[0, 1, 2, 3]));
    history.write(0, epoch(SPACE, &[second], 6, &[0, 1, 2, 3]));
    history
}

fn forks() -> History {
    let mut history = with(1, &[(1, Role::Writer), (2, Role::Admin)]);
    let known = history.heads();
    for author in [1, 2] {
        let before = history.write_knowing(author, &known, erase(author, 1, &[]));
        let end = history.end(author);
        history.write_at(author, Some(end), &known, epoch(SPACE, &[], 1, &[0, 1]));
        let other = history.write_at(author, Some(end), &known, epoch(SPACE, &[], 2, &[0, 1]));
        let heads = history.heads();
        let gone = history.write_knowing(author, &[before, other], epoch(SPACE, &[other], 3, &[1]));
        history.write_knowing(author, &heads, epoch(SPACE, &[gone], 4, &[1]));
    }
    history
}

fn unknown() -> History {
    let mut history = with(2, &[(2, Role::Writer)]);
    let known = history.heads();
    let grant = history.grant(3, Role::Reader);
    let granted = history.write_knowing(0, &known, grant);
    history.write_knowing(1, &known, epoch(SPACE, &[], 1, &[0, 1, 2, 3]));
    history.write_knowing(2, &known, epoch(SPACE, &[], 2, &[0, 1, 2, 3]));
    history.write_knowing(2, &[granted], epoch(SPACE, &[], 3, &[0, 1, 2, 3]));
    history
}
