//! Builds a file of vectors.

use data_encoding::HEXLOWER;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// One file of vectors.
#[derive(Debug, Clone, Default)]
pub struct File {
    notes: Vec<String>,
    flags: Vec<(&'static str, &'static str)>,
    groups: Vec<Group>,
}

/// Cases that share parameters.
#[derive(Debug, Clone, Default)]
pub struct Group {
    parameters: Fields,
    cases: Vec<Case>,
}

/// One scenario: inputs, and what an implementation must say of them.
#[derive(Debug, Clone)]
pub struct Case {
    comment: String,
    flags: Vec<&'static str>,
    inputs: Fields,
    invalid: Option<(String, String)>,
}

impl File {
    /// A file without cases.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sentence on the whole file: what it covers, and where its known answers come from.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Declares a flag; every flag of a case must be declared.
    #[must_use]
    pub fn flag(mut self, flag: &'static str, meaning: &'static str) -> Self {
        self.flags.push((flag, meaning));
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// The file as it is written, a newline at its end.
    #[must_use]
    pub(super) fn to_json(&self, name: &'static str) -> String {
        pretty(&Named { name, file: self })
    }
}

impl Group {
    /// A group without parameters and cases.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter for all cases of the group.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.parameters.0.push((name, value.into()));
        self
    }

    /// Adds bytes as a parameter for all cases of the group.
    #[must_use]
    pub fn hex(self, name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        self.value(name, HEXLOWER.encode(bytes.as_ref()))
    }

    /// Adds a case.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// Adds cases.
    #[must_use]
    pub fn cases(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }
}

impl Case {
    /// A case that an implementation must accept, giving the values the case gives.
    #[must_use]
    pub fn valid(comment: impl Into<String>) -> Self {
        Self {
            comment: comment.into(),
            flags: Vec::new(),
            inputs: Fields::default(),
            invalid: None,
        }
    }

    /// A case that an implementation must refuse with this stable code, because of this clause.
    #[must_use]
    pub fn invalid(comment: impl Into<String>, code: &str, clause: &str) -> Self {
        let invalid = Some((code.to_owned(), clause.to_owned()));
        Self { invalid, ..Self::valid(comment) }
    }

    /// Adds a flag.
    #[must_use]
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    /// Adds bytes, as lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(self, name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        self.value(name, HEXLOWER.encode(bytes.as_ref()))
    }

    /// Adds an integer of up to 64 bits, as decimal digits in a string: JSON numbers lose the high bits in some languages.
    #[must_use]
    pub fn uint64(self, name: &'static str, value: u64) -> Self {
        self.value(name, value.to_string())
    }

    /// Adds any JSON value.
    ///
    /// # Panics
    ///
    /// Where the case has a field of this name already.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        // Readers of JSON disagree about a field that stands twice.
        assert!(self.inputs.0.iter().all(|(other, _)| *other != name), "field {name} twice");
        self.inputs.0.push((name, value.into()));
        self
    }
}

/// Fields in the order they were given.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(&'static str, Value)>);

/// Any value as JSON with two spaces of indentation and a newline at its end.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("strings, numbers, lists and maps always serialize");
    text.push('\n');
    text
}

struct Named<'a> {
    name: &'static str,
    file: &'a File,
}

struct Numbered<'a> {
    first: usize,
    group: &'a Group,
}

struct Test<'a> {
    id: usize,
    case: &'a Case,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut first = 1;
        let groups: Vec<_> = self
            .file
            .groups
            .iter()
            .map(|group| {
                let numbered = Numbered { first, group };
                first += group.cases.len();
                numbered
            })
            .collect();
        let flags = Fields(
            self.file.flags.iter().map(|(flag, meaning)| (*flag, Value::from(*meaning))).collect(),
        );
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("algorithm", self.name)?;
        map.serialize_entry("schema", &format!("schemas/{}.json", self.name))?;
        map.serialize_entry("numberOfTests", &(first - 1))?;
        map.serialize_entry("notes", &self.file.notes)?;
        map.serialize_entry("flags", &flags)?;
        map.serialize_entry("testGroups", &groups)?;
        map.end()
    }
}

impl Serialize for Numbered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tests: Vec<_> = self
            .group
            .cases
            .iter()
            .enumerate()
            .map(|(i, case)| Test { id: self.first + i, case })
            .collect();
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.group.parameters.0 {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("tests", &tests)?;
        map.end()
    }
}

impl Serialize for Test<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tcId", &self.id)?;
        map.serialize_entry("comment", &self.case.comment)?;
        map.serialize_entry("flags", &self.case.flags)?;
        for (name, value) in &self.case.inputs.0 {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(
            "result",
            if self.case.invalid.is_some() { "invalid" } else { "valid" },
        )?;
        if let Some((code, clause)) = &self.case.invalid {
            map.serialize_entry("error", code)?;
            map.serialize_entry("clause", clause)?;
        }
        map.end()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
