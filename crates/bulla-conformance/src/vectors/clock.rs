//! `clock.json`: the timestamps that an author's clock gives out (ENT-6, ENT-14).

use bulla_crypto::Hlc;
use serde_json::{Value, json};

use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Hybrid logical clocks.
pub(super) struct Clocks;

impl Format for Clocks {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn case_fields(&self) -> Vec<Field> {
        let step = vec![
            Field::required(
                "nowMs",
                Shape::Uint64,
                "the author's own clock, in milliseconds since 1970",
            ),
            Field::optional(
                "seen",
                Shape::Uint64,
                "the timestamp of an entry received; without it an entry is written",
            ),
            Field::optional("merged", Shape::Bool, "whether a timestamp seen is merged"),
            Field::required(
                "last",
                Shape::Uint64,
                "the highest timestamp given out or merged after this step; where an entry is written, its timestamp",
            ),
        ];
        vec![
            Field::required(
                "start",
                Shape::Uint64,
                "the highest timestamp given out or merged before",
            ),
            Field::required("steps", Shape::list(Shape::Object(step)), "what happens, in order"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Take the steps in order with one clock and compare after each (ENT-14).")
            .note("Timestamps computed by hand.")
            .group(Group::new().cases(cases()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut clock = Hlc::after(inputs.uint64("start")?);
        let steps = inputs.value("steps")?.as_array();
        for step in steps.ok_or_else(|| Mismatch("steps are no list".to_owned()))? {
            let step =
                step.as_object().ok_or_else(|| Mismatch("a step is no object".to_owned()))?;
            let step = Inputs::new(step, step);
            let now_ms = step.uint64("nowMs")?;
            match step.find("seen") {
                Some(_) => {
                    let merged = clock.observe(step.uint64("seen")?, now_ms).is_ok();
                    Mismatch::unless_equal("merged", &step.bool("merged")?, &merged)?;
                }
                None => {
                    let given = clock.next(now_ms);
                    Mismatch::unless_equal("timestamp", &step.uint64("last")?, &given)?;
                }
            }
            Mismatch::unless_equal("last", &step.uint64("last")?, &clock.last())?;
        }
        Ok(Verdict::Valid)
    }
}

const DAY_MS: u64 = 86_400_000;
const HIGHEST: u64 = (1 << 63) - 1;

/// Milliseconds and a counter.
const fn at(ms: u64, counter: u64) -> u64 {
    (ms << 16) + counter
}

fn write(now_ms: u64, last: u64) -> Value {
    json!({ "nowMs": now_ms.to_string(), "last": last.to_string() })
}

fn see(now_ms: u64, seen: u64, merged: bool, last: u64) -> Value {
    json!({ "nowMs": now_ms.to_string(), "seen": seen.to_string(), "merged": merged, "last": last.to_string() })
}

fn cases() -> Vec<Case> {
    let case = |comment: &str, start, steps: Vec<Value>| {
        Case::valid(comment).uint64("start", start).value("steps", steps)
    };
    vec![
        case("the clock goes on", 0, vec![write(1_000, at(1_000, 0)), write(1_001, at(1_001, 0))]),
        case(
            "two in one millisecond",
            0,
            vec![write(1_000, at(1_000, 0)), write(1_000, at(1_000, 1))],
        ),
        case(
            "the clock goes back",
            0,
            vec![write(1_000, at(1_000, 0)), write(10, at(1_000, 1)), write(1_001, at(1_001, 0))],
        ),
        case(
            "it goes on after a restart",
            at(2_000, 5),
            vec![write(1_999, at(2_000, 6)), write(2_000, at(2_000, 7))],
        ),
        case(
            "the counter runs over into the milliseconds",
            at(1_000, 65_535),
            vec![write(1_000, at(1_001, 0))],
        ),
        case("time 0", 0, vec![write(0, 1), write(0, 2)]),
        case(
            "a timestamp behind changes nothing",
            at(1_000, 0),
            vec![see(1_000, at(999, 65_535), true, at(1_000, 0)), write(1_000, at(1_000, 1))],
        ),
        case(
            "a timestamp ahead is merged",
            0,
            vec![
                see(1_000, at(5_000, 3), true, at(5_000, 3)),
                write(1_000, at(5_000, 4)),
                write(5_001, at(5_001, 0)),
            ],
        ),
        case(
            "a day ahead, with any counter, is merged",
            0,
            vec![
                see(1_000, at(1_000 + DAY_MS, 65_535), true, at(1_000 + DAY_MS, 65_535)),
                write(1_000, at(1_001 + DAY_MS, 0)),
            ],
        ),
        case(
            "a day and a millisecond ahead is not",
            at(900, 0),
            vec![see(1_000, at(1_001 + DAY_MS, 0), false, at(900, 0)), write(1_000, at(1_000, 0))],
        ),
        case(
            "the highest timestamp is not merged",
            0,
            vec![see(1_000, HIGHEST, false, 0), write(1_000, at(1_000, 0))],
        ),
        case(
            "at the end of time it stands still",
            HIGHEST,
            vec![write(1_000, HIGHEST), write(u64::MAX, HIGHEST)],
        ),
        case(
            "a clock beyond the end of time",
            0,
            vec![write(u64::MAX, at((1 << 47) - 1, 0)), write(u64::MAX, at((1 << 47) - 1, 1))],
        ),
    ]
}
