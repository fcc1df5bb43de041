//! What a file may say, as a JSON schema (draft 2020-12) that allows nothing else.

use serde_json::{Map, Value, json};

use super::Format;
use super::file::pretty;

/// A field of a group or case.
#[derive(Debug, Clone)]
pub struct Field {
    name: &'static str,
    meaning: &'static str,
    shape: Shape,
    is_required: bool,
}

impl Field {
    /// A field that every group or case has.
    #[must_use]
    pub const fn required(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, meaning, shape, is_required: true }
    }

    /// A field that some groups or cases have.
    #[must_use]
    pub const fn optional(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, meaning, shape, is_required: false }
    }
}

/// The shape of a field.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Bytes of any length, as lower-case hexadecimal digits.
    Hex,
    /// That many bytes, as lower-case hexadecimal digits.
    HexOf(usize),
    /// An unsigned integer of 64 bits, as decimal digits in a string.
    Uint64,
    /// An unsigned integer below 2^53.
    Uint,
    /// Text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// This or `null`.
    Nullable(Box<Self>),
    /// A list.
    List(Box<Self>),
    /// An object with these fields and no others.
    Object(Vec<Field>),
}

impl Shape {
    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// This or `null`.
    #[must_use]
    pub fn nullable(of: Self) -> Self {
        Self::Nullable(Box::new(of))
    }

    fn to_schema(&self) -> Value {
        match self {
            Self::Hex => json!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" }),
            Self::HexOf(bytes) => {
                json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{}}}$", 2 * bytes) })
            }
            Self::Uint64 => json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)$" }),
            Self::Uint => {
                json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 })
            }
            Self::Text => json!({ "type": "string" }),
            Self::OneOf(texts) => json!({ "enum": texts }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Nullable(of) => json!({ "oneOf": [of.to_schema(), { "type": "null" }] }),
            Self::List(of) => json!({ "type": "array", "items": of.to_schema() }),
            Self::Object(fields) => object(fields),
        }
    }
}

/// The schema of a format's file.
pub(super) fn to_json(format: &dyn Format) -> String {
    let name = format.name();
    let mut case = vec![
        Field::required("tcId", Shape::Uint, "number of the case in this file, from 1"),
        Field::required("comment", Shape::Text, "what the case is about"),
        Field::required(
            "flags",
            Shape::list(Shape::Text),
            "properties of the case, explained at the top of the file",
        ),
    ];
    case.extend(format.case_fields());
    let mut valid = case.clone();
    valid.push(Field::required("result", Shape::OneOf(&["valid"]), "must be accepted"));
    case.push(Field::required("result", Shape::OneOf(&["invalid"]), "must be refused"));
    let invalid_only = object(&case);
    let mut invalid = invalid_only;
    add_error(&mut invalid);
    let mut group = object(&format.group_fields());
    add(
        &mut group,
        "tests",
        json!({ "type": "array", "items": { "oneOf": [object(&valid), invalid] } }),
    );
    let file = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Test vectors: {name}"),
        "type": "object",
        "properties": {
            "algorithm": { "const": name },
            "schema": { "const": format!("schemas/{name}.json") },
            "numberOfTests": { "type": "integer", "minimum": 1 },
            "notes": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            "flags": { "type": "object", "additionalProperties": { "type": "string" } },
            "testGroups": { "type": "array", "items": group, "minItems": 1 },
        },
        "required": ["algorithm", "schema", "numberOfTests", "notes", "flags", "testGroups"],
        "additionalProperties": false,
    });
    pretty(&file)
}

fn object(fields: &[Field]) -> Value {
    let mut schema = json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false });
    for field in fields {
        let mut value = field.shape.to_schema();
        if let Some(map) = value.as_object_mut() {
            map.insert("description".into(), field.meaning.into());
        }
        if field.is_required {
            add(&mut schema, field.name, value);
        } else if let Some(properties) =
            part(&mut schema, "properties").and_then(Value::as_object_mut)
        {
            properties.insert(field.name.into(), value);
        }
    }
    schema
}

fn add_error(schema: &mut Value) {
    add(
        schema,
        "error",
        json!({ "type": "string", "pattern": "^[a-z0-9._]+$", "description": "the stable code" }),
    );
    let clause = json!({ "type": "string", "pattern": "^[A-Z]+-[0-9]+$", "description": "the clause of the spec" });
    add(schema, "clause", clause);
}

/// Adds a required property to an object schema.
fn add(schema: &mut Value, name: &str, property: Value) {
    if let Some(properties) = part(schema, "properties").and_then(Value::as_object_mut) {
        properties.insert(name.into(), property);
    }
    if let Some(required) = part(schema, "required").and_then(Value::as_array_mut) {
        required.push(name.into());
    }
}

fn part<'a>(schema: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    schema.as_object_mut().and_then(|map: &mut Map<String, Value>| map.get_mut(name))
}
