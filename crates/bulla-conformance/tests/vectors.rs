//! Runs every vector in `testvectors/` against this implementation, a named test for each.
//!
//! The directory decides what is run: a file with an unknown `algorithm` fails, and so does one that breaks its schema,
//! miscounts its cases, repeats a number or uses a flag it does not explain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bulla_conformance::vectors::{Format, Inputs, Verdict, directory, formats, validate};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value};

fn main() -> ExitCode {
    let formats: BTreeMap<&'static str, Arc<dyn Format>> =
        formats().into_iter().map(|format| (format.name(), Arc::from(format))).collect();
    let mut trials = Vec::new();
    let mut seen = BTreeSet::new();
    let listing = std::fs::read_dir(directory()).expect("testvectors/ can be read");
    let mut paths: Vec<_> =
        listing.map(|entry| entry.expect("testvectors/ can be read").path()).collect();
    paths.sort();
    for path in
        paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    {
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("file names are UTF-8")
            .to_owned();
        let file = read(path);
        let algorithm =
            file.get("algorithm").and_then(Value::as_str).unwrap_or_default().to_owned();
        seen.insert(algorithm.clone());
        match formats.get(algorithm.as_str()) {
            Some(format) => add_cases(&mut trials, &stem, format, &file),
            None => trials.push(Trial::test(format!("{stem}::algorithm"), move || {
                Err(Failed::from(format!("unknown algorithm {algorithm:?}")))
            })),
        }
        trials.push(Trial::test(format!("{stem}::file"), move || check_file(&stem, &file)));
    }
    for name in formats.keys().filter(|name| !seen.contains(**name)) {
        let message = format!("format {name} has no file");
        trials.push(Trial::test(format!("{name}::file"), move || Err(Failed::from(message))));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The chapter that lists every stable code (ERR-1, ERR-9).
const CODES: &str = include_str!("../../../spec/errors.md");

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a vector file can be read");
    serde_json::from_str(&text).expect("a vector file is JSON")
}

fn groups(file: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    file.get("testGroups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
}

fn tests(group: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    group.get("tests").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn add_cases(trials: &mut Vec<Trial>, stem: &str, format: &Arc<dyn Format>, file: &Value) {
    for group in groups(file) {
        let mut parameters = group.clone();
        parameters.remove("tests");
        let parameters = Arc::new(parameters);
        for case in tests(group) {
            let number = case.get("tcId").and_then(Value::as_u64).unwrap_or_default();
            let (format, parameters, case) =
                (Arc::clone(format), Arc::clone(&parameters), case.clone());
            trials.push(Trial::test(format!("{stem}::{number}"), move || {
                run(format.as_ref(), &parameters, &case)
            }));
        }
    }
}

fn run(
    format: &dyn Format,
    group: &Map<String, Value>,
    case: &Map<String, Value>,
) -> Result<(), Failed> {
    let field = |name: &str| case.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let expected = match field("result").as_str() {
        "valid" => Verdict::Valid,
        _ => Verdict::Invalid { code: field("error"), clause: field("clause") },
    };
    let comment = field("comment");
    match format.run(&Inputs::new(group, case)) {
        Ok(verdict) if verdict == expected => Ok(()),
        Ok(verdict) => {
            Err(Failed::from(format!("{comment}: expected {expected:?}, got {verdict:?}")))
        }
        Err(mismatch) => Err(Failed::from(format!("{comment}: {mismatch}"))),
    }
}

fn check_file(stem: &str, file: &Value) -> Result<(), Failed> {
    let schema = read(&directory().join("schemas").join(format!("{stem}.json")));
    validate(&schema, file)?;
    let flags = file.get("flags").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut count = 0;
    for case in groups(file).flat_map(tests) {
        count += 1;
        if case.get("tcId").and_then(Value::as_u64) != Some(count) {
            return Err(Failed::from(format!("case {count} has another number")));
        }
        for flag in case.get("flags").and_then(Value::as_array).into_iter().flatten() {
            if !flag.as_str().is_some_and(|flag| flags.contains_key(flag)) {
                return Err(Failed::from(format!("case {count}: flag {flag} is not explained")));
            }
        }
        if let Some(code) = case.get("error").and_then(Value::as_str)
            && !CODES.contains(&format!("\n| `{code}` |"))
        {
            return Err(Failed::from(format!("case {count}: chapter errors.md has no {code}")));
        }
    }
    if file.get("numberOfTests").and_then(Value::as_u64) != Some(count) {
        return Err(Failed::from(format!("numberOfTests is not {count}")));
    }
    Ok(())
}
