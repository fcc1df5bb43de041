//! A01: a relay carries control entries of its own making, or of members that are no admins, to get a key or a member in.

use bulla_core::EntryId;
use bulla_core::control::Role;

use crate::support::{COUNTS, CUT, NO_RIGHT, STRANGER, Scene, nothing};

const WRITER: usize = 4;
const VICTIM: usize = 5;
const NEW: usize = 9;

/// A founder, a relay (2), a reader (3), a writer (4) and a writer (5) that is the victim; nobody knows device 8.
fn scene() -> (Scene, EntryId, EntryId) {
    let mut scene = Scene::new(1);
    let roles =
        [(2, Role::Relay), (3, Role::Reader), (WRITER, Role::Writer), (VICTIM, Role::Writer)];
    for (device, role) in roles {
        let grant = scene.grant(device, role);
        scene.write(0, grant);
    }
    let group = scene.group(EntryId::ZERO, &[0, VICTIM], &[]);
    let group = scene.write(0, group);
    let epoch = scene.epoch(EntryId::ZERO, &[], 1, &[0, 3, WRITER, VICTIM]);
    let epoch = scene.write(0, epoch);
    (scene, group, epoch)
}

/// Clauses: DIR-18, DIR-21, DIR-22, DIR-23, DIR-25.
#[test]
fn a01_nothing_by_those_without_the_right_counts() {
    for (author, verdict) in [(8, STRANGER), (2, NO_RIGHT), (3, NO_RIGHT), (WRITER, NO_RIGHT)] {
        let (mut scene, group, epoch) = scene();
        let before = scene.directory();
        let tries = [
            scene.grant(NEW, Role::Admin),
            scene.grant(author, Role::Admin),
            scene.raise(author, Role::Admin),
            scene.raise(VICTIM, Role::Admin),
            scene.lowering(VICTIM, Role::Relay, nothing()),
            scene.revoke(VICTIM, nothing()),
            scene.revoke(0, nothing()),
            scene.group(EntryId::ZERO, &[author], &[]),
            scene.group(group, &[author], &[]),
            scene.group(group, &[], &[(VICTIM, nothing())]),
            scene.epoch(EntryId::ZERO, &[epoch], 2, &[author]),
            scene.epoch(group, &[], 3, &[author]),
        ];
        for control in tries {
            let what = format!("{control:?} by device {author}");
            let id = scene.write(author, control);
            assert_eq!(scene.verdict(id), verdict, "{what}");
        }
        let id = scene.recovery(Some(NEW), &[(0, nothing())], Some(author + 20));
        let id = scene.write(author, id);
        assert!(!scene.verdict(id).counts());

        let after = scene.settled();
        assert_eq!(after.members(), before.members());
        assert_eq!(after.seniority(), before.seniority());
        assert_eq!(after.groups(), before.groups());
        assert_eq!(after.writing_epoch(&EntryId::ZERO), before.writing_epoch(&EntryId::ZERO));
        assert_eq!(after.readers(&EntryId::ZERO), before.readers(&EntryId::ZERO));
    }
}

/// A writer erases what it wrote itself, and nothing else.
///
/// Clauses: DIR-24, CTL-61.
#[test]
fn a01_a_writer_erases_only_its_own() {
    let (mut scene, _, _) = scene();
    let own = scene.operation(WRITER, crate::support::SOME_KEY);
    let other = scene.operation(VICTIM, crate::support::SOME_KEY);
    let erasures = [WRITER, VICTIM].map(|of| {
        let control = scene.erase(of);
        scene.write(WRITER, control)
    });
    let directory = scene.settled();
    assert_eq!(erasures.map(|id| directory.verdict(&id).unwrap()), [COUNTS, COUNTS]);
    let erased = |id| {
        let header = scene.operations.iter().find(|header| header.id() == id).unwrap();
        directory.erased_by(header)
    };
    assert_eq!(erased(own.id), Some(erasures[0]));
    assert_eq!(erased(other.id), None);

    // A reader erases nothing; an admin whatever it names.
    let control = scene.erase(3);
    let by_reader = scene.write(3, control);
    assert_eq!(scene.verdict(by_reader), NO_RIGHT);
    let control = scene.erase(VICTIM);
    let by_admin = scene.write(0, control);
    let directory = scene.settled();
    let header = scene.operations.iter().find(|header| header.id() == other.id).unwrap();
    assert_eq!(directory.erased_by(header), Some(by_admin));
}

/// A bare node key has no sealing key: whatever is raised to read stays a relay until its card comes.
///
/// Clauses: DIR-4.
#[test]
fn a01_a_node_without_a_card_never_reads() {
    use bulla_core::control::{Grant, GrantedDevice};

    let mut scene = Scene::new(1);
    let device = GrantedDevice::Node(scene.device(2).key);
    scene.write(0, Grant { device, role: Role::Relay, label: None });
    let raise = scene.raise(2, Role::Admin);
    scene.write(0, raise);
    let erase = scene.erase(2);
    let early = scene.write(2, erase);
    assert_eq!((scene.role(2), scene.verdict(early)), (Some(Role::Relay), NO_RIGHT));
    let grant = scene.grant(2, Role::Reader);
    scene.write(0, grant);
    assert_eq!((scene.role(2), scene.verdict(early)), (Some(Role::Admin), COUNTS));
}

/// A writer names a thousand ranges of the entries of others: none of them is kept where a look-up would meet it, and what
/// an admin erases there is found as before.
///
/// Clauses: DIR-24, CTL-61.
#[test]
fn a01_what_a_writer_names_of_others_is_not_looked_at() {
    use bulla_core::control::{Erase, ErasedRange};

    let (mut scene, _, _) = scene();
    let other = scene.operation(VICTIM, crate::support::SOME_KEY);
    let before = scene.directory().erasure_rows();
    let range = |author: usize, sequence| ErasedRange {
        author: scene.device(author).key,
        sequence,
        topic: None,
    };
    let mut ranges: Vec<ErasedRange> = (1..=1_000).map(|last| range(VICTIM, last)).collect();
    ranges.push(range(WRITER, 9));
    ranges.sort_unstable_by_key(|range| (range.author, range.sequence));
    let both = Erase { ids: vec![other.id], ranges };
    let by_writer = scene.write(WRITER, both.clone());
    let directory = scene.settled();
    assert_eq!(directory.verdict(&by_writer), Some(COUNTS));
    assert_eq!(directory.erasure_rows(), before + 2, "the id, and the range of its own");
    let erased = |directory: &bulla_directory::Directory| {
        let header = scene.operations.iter().find(|header| header.id() == other.id).unwrap();
        directory.erased_by(header)
    };
    assert_eq!(erased(&directory), None);
    // An erasure that does not count any more is gone from there.
    let mut gone = directory;
    let cuts = nothing();
    let mut after = scene.clone_entries();
    let revoke = scene.revoke(WRITER, cuts);
    after.write(0, revoke);
    gone.insert(after.entries.last().unwrap());
    assert_eq!(gone.verdict(&by_writer), Some(CUT));
    assert_eq!(gone.erasure_rows(), before);
    // The same by an admin is kept as it is.
    let by_admin = after.write(0, both);
    gone.insert(after.entries.last().unwrap());
    assert_eq!(gone.erasure_rows(), before + 1_002);
    assert_eq!(erased(&gone), Some(by_admin));
}

/// Of several erasures that cover an entry all name the same.
///
/// Clauses: CTL-61.
#[test]
fn a01_of_several_erasures_one_is_named() {
    use bulla_core::control::{Erase, ErasedRange};

    let (mut scene, _, _) = scene();
    scene.operation(VICTIM, crate::support::SOME_KEY);
    let end = scene.operation(VICTIM, crate::support::SOME_KEY);
    let header = scene.operations.iter().find(|header| header.id() == end.id).unwrap().clone();
    let range = |sequence, topic| {
        let author = header.header().author;
        Erase { ids: vec![], ranges: vec![ErasedRange { author, sequence, topic }] }
    };
    let topic = Some(header.header().topic);
    let mut expected = None;
    for (erase, is_named) in [
        (range(8, topic), true),
        (range(9, topic), true),
        (range(3, None), true),
        (range(end.sequence - 1, None), false),
        (range(7, None), true),
        (range(6, None), false),
    ] {
        let id = scene.write(0, erase);
        expected = if is_named { Some(id) } else { expected };
        assert_eq!(scene.settled().erased_by(&header), expected);
    }
    let ids = Erase { ids: vec![end.id], ranges: vec![] };
    let named = [0, 0].map(|author| scene.write(author, ids.clone()));
    assert_eq!(scene.settled().erased_by(&header), named.into_iter().min());
}
