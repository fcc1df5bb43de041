//! `set-digest.json` and `log-hash.json` (chapter `digests.md`).

use bulla_core::{EntryId, Lineage, LogHash, SetHash, SpaceId};
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict};

/// Digests of sets of ids.
pub(super) struct SetDigest;

impl Format for SetDigest {
    fn name(&self) -> &'static str {
        "set-digest"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("inserted", Shape::list(Shape::HexOf(32)), "ids added, in this order"),
            Field::required("removed", Shape::list(Shape::HexOf(32)), "ids taken away afterwards"),
            Field::optional("state", Shape::HexOf(2048), "the state (SET-4)"),
            Field::required("digest", Shape::HexOf(32), "the digest (SET-3)"),
        ]
    }

    fn generate(&self) -> File {
        let all = ids("set", 300);
        let (one, two) = (&all[..1], &all[..2]);
        let reversed: Vec<_> = two.iter().rev().copied().collect();
        let group = Group::new()
            .case(set("the empty set", &[], &[], true))
            .case(set("one id", one, &[], true))
            .case(set("two ids", two, &[], true))
            .case(set("the same two in the other order", &reversed, &[], false))
            .case(set("an id of zeros", &[EntryId([0; 32])], &[], false))
            .case(set("an id of ones", &[EntryId([0xff; 32])], &[], false))
            .case(set("ids that differ in one bit", &[EntryId([0; 32]), last_bit()], &[], false))
            .case(set("three ids, one taken away again", &all[..3], &all[2..3], false))
            .case(set("everything taken away again", &all[..5], &all[..5], true))
            .case(set("300 ids, so that words wrap round", &all, &[], true));
        File::new()
            .note("Digests of sets of ids (SET-1 to SET-5): states where they are given, digests always.")
            .group(group)
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut state = SetHash::new();
        inputs.arrays("inserted")?.into_iter().for_each(|id| state.insert(&EntryId(id)));
        inputs.arrays("removed")?.into_iter().for_each(|id| state.remove(&EntryId(id)));
        if let Some(given) = inputs.find_hex("state")? {
            Mismatch::unless_equal("state", &given, &state.to_bytes())?;
            Mismatch::unless_equal(
                "state read back",
                &Some(&state),
                &SetHash::from_bytes(&given).as_ref(),
            )?;
        }
        Mismatch::unless_equal("digest", &inputs.array("digest")?, &state.digest().0)?;
        Ok(Verdict::Valid)
    }
}

fn last_bit() -> EntryId {
    let mut id = [0; 32];
    id[31] = 1;
    EntryId(id)
}

fn set(comment: &str, inserted: &[EntryId], removed: &[EntryId], with_state: bool) -> Case {
    let mut state: SetHash = inserted.iter().collect();
    removed.iter().for_each(|id| state.remove(id));
    let case =
        Case::valid(comment).value("inserted", list(inserted)).value("removed", list(removed));
    let case = if with_state { case.hex("state", state.to_bytes()) } else { case };
    case.hex("digest", state.digest())
}

/// Log hashes of stores.
pub(super) struct LogHashes;

impl Format for LogHashes {
    fn name(&self) -> &'static str {
        "log-hash"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("space", Shape::HexOf(32), "the space"),
            Field::required("lineage", Shape::HexOf(16), "the lineage"),
            Field::required("ids", Shape::list(Shape::HexOf(32)), "the ids, in receipt order"),
            Field::required(
                "hashes",
                Shape::list(Shape::HexOf(32)),
                "the log hash at receipt 0, 1, 2…",
            ),
        ]
    }

    fn generate(&self) -> File {
        let ids = ids("log", 6);
        let swapped = [ids[1], ids[0]];
        let (space, lineage) = (SpaceId([0x11; 32]), Lineage([0x22; 16]));
        let group = Group::new()
            .case(log("an empty store", space, lineage, &[]))
            .case(log("six entries", space, lineage, &ids))
            .case(log("two entries in the other order", space, lineage, &swapped))
            .case(log("another lineage", space, Lineage([0x23; 16]), &ids[..2]))
            .case(log("another space", SpaceId([0x12; 32]), lineage, &ids[..2]))
            .case(log("an id of zeros", space, lineage, &[EntryId([0; 32])]));
        File::new().note("Log hashes at every receipt (LOG-1 to LOG-3).").group(group)
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let ids: Vec<_> = inputs.arrays("ids")?.into_iter().map(EntryId).collect();
        let computed =
            hashes(SpaceId(inputs.array("space")?), Lineage(inputs.array("lineage")?), &ids);
        let given: Vec<_> = inputs.arrays("hashes")?.into_iter().map(LogHash).collect();
        Mismatch::unless_equal("hashes", &given, &computed)?;
        Ok(Verdict::Valid)
    }
}

fn hashes(space: SpaceId, lineage: Lineage, ids: &[EntryId]) -> Vec<LogHash> {
    let mut all = vec![LogHash::start(&space, &lineage)];
    for id in ids {
        all.extend(all.last().map(|last| last.next(id)));
    }
    all
}

fn log(comment: &str, space: SpaceId, lineage: Lineage, ids: &[EntryId]) -> Case {
    Case::valid(comment)
        .hex("space", space)
        .hex("lineage", lineage)
        .value("ids", list(ids))
        .value("hashes", list(&hashes(space, lineage, ids)))
}

/// Ids that look random, the same at every run.
pub(super) fn ids(label: &str, count: usize) -> Vec<EntryId> {
    let mut random = Random::new(label);
    (0..count).map(|_| EntryId(random.array())).collect()
}

/// Byte strings as a JSON list of hexadecimal digits.
pub(super) fn list<T: AsRef<[u8]>>(items: &[T]) -> Value {
    items.iter().map(|item| HEXLOWER.encode(item.as_ref())).collect()
}
