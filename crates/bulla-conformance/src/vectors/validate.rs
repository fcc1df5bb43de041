//! Checks JSON against a schema: the part of draft 2020-12 that the schemas of `testvectors/` use. A keyword or pattern
//! outside that part is an error, so that nothing is ever skipped in silence.

use serde_json::{Map, Value};

/// Checks `value` against `schema`.
///
/// # Errors
///
/// Where in the value the schema is not kept, and how; or which part of the schema is not understood.
pub fn validate(schema: &Value, value: &Value) -> Result<(), String> {
    check(schema, value, "$")
}

fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = schema.as_object().ok_or_else(|| format!("{at}: schema is not an object"))?;
    for (keyword, rule) in schema {
        match keyword.as_str() {
            "$schema" | "title" | "description" => {}
            "type" => check_type(rule, value, at)?,
            "const" => ensure(rule == value, at, || format!("is not {rule}"))?,
            "enum" => {
                let allowed = rule.as_array().is_some_and(|values| values.contains(value));
                ensure(allowed, at, || format!("is none of {rule}"))?;
            }
            "pattern" => check_pattern(rule, value, at)?,
            "minimum" => {
                ensure(value.as_u64() >= rule.as_u64(), at, || format!("is less than {rule}"))?;
            }
            "maximum" => {
                ensure(value.as_u64() <= rule.as_u64(), at, || format!("is more than {rule}"))?;
            }
            "minItems" => {
                let items = value.as_array().map(|items| items.len() as u64);
                ensure(items >= rule.as_u64(), at, || format!("has fewer than {rule} items"))?;
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{i}]"))?;
                }
            }
            "oneOf" => check_one_of(rule, value, at)?,
            "properties" | "required" | "additionalProperties" => {
                let is_object = schema.get("type").is_some_and(|kind| kind == "object");
                ensure(is_object, at, || format!("{keyword} without type object"))?;
            }
            other => return Err(format!("{at}: keyword {other} is not understood")),
        }
    }
    if schema.get("type").is_some_and(|kind| kind == "object") {
        check_object(schema, value, at)?;
    }
    Ok(())
}

fn check_object(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Ok(()) };
    let properties = schema.get("properties").and_then(Value::as_object);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        let present = name.as_str().is_some_and(|name| object.contains_key(name));
        ensure(present, at, || format!("lacks {name}"))?;
    }
    for (name, member) in object {
        let at = format!("{at}.{name}");
        match (
            properties.and_then(|properties| properties.get(name)),
            schema.get("additionalProperties"),
        ) {
            (Some(schema), _) => check(schema, member, &at)?,
            (None, Some(Value::Bool(false))) => return Err(format!("{at}: is not allowed")),
            (None, Some(schema @ Value::Object(_))) => check(schema, member, &at)?,
            (None, _) => return Err(format!("{at}: the schema leaves additional properties open")),
        }
    }
    Ok(())
}

fn check_type(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let holds = match rule.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => return Err(format!("{at}: type {rule} is not understood")),
    };
    ensure(holds, at, || format!("is not of type {rule}"))
}

fn check_one_of(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schemas = rule.as_array().ok_or_else(|| format!("{at}: oneOf is not a list"))?;
    let failures: Vec<_> =
        schemas.iter().filter_map(|schema| check(schema, value, at).err()).collect();
    let matched = schemas.len() - failures.len();
    ensure(matched == 1, at, || {
        format!("matches {matched} of {} alternatives: {}", schemas.len(), failures.join("; "))
    })
}

/// The four kinds of patterns that the schemas use, without a library of regular expressions.
fn check_pattern(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let pattern = rule.as_str().unwrap_or_default();
    let is_hex =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let holds = match pattern {
        "^([0-9a-f]{2})*$" => text.len().is_multiple_of(2) && is_hex(text),
        "^(0|[1-9][0-9]*)$" => digits(text) && (text == "0" || !text.starts_with('0')),
        "^[a-z0-9._]+$" => bulla_core::Code::parse(text).is_some(),
        "^[A-Z]+-[0-9]+$" => text.split_once('-').is_some_and(|(chapter, number)| {
            !chapter.is_empty() && chapter.bytes().all(|b| b.is_ascii_uppercase()) && digits(number)
        }),
        _ => {
            let length =
                pattern.strip_prefix("^[0-9a-f]{").and_then(|rest| rest.strip_suffix("}$"));
            let length: usize = length
                .and_then(|length| length.parse().ok())
                .ok_or_else(|| format!("{at}: pattern {pattern} is not understood"))?;
            text.len() == length && is_hex(text)
        }
    };
    ensure(holds, at, || format!("does not match {pattern}"))
}

fn ensure(holds: bool, at: &str, message: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{at}: {}", message())) }
}
