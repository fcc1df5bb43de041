"""JSON Schema, as much of it as the files in schemas/ use. A keyword not known here is an error."""

import re

ANNOTATIONS = {"$schema", "title", "description"}
TYPES = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool}


def _is(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def _equal(a, b):
    return type(a) is type(b) and a == b


def faults(value, schema, path="$"):
    """What breaks the schema, as lines of text; empty when nothing does."""
    found = []
    for keyword, rule in schema.items():
        if keyword in ANNOTATIONS:
            continue
        check = RULES.get(keyword)
        if check is None:
            found.append(f"{path}: schema keyword {keyword} is not known")
        else:
            found += check(value, rule, schema, path)
    return found


def _type(value, rule, schema, path):
    names = rule if isinstance(rule, list) else [rule]
    return [] if any(_is(value, name) for name in names) else [f"{path}: not {'/'.join(names)}"]


def _enum(value, rule, schema, path):
    return [] if any(_equal(value, one) for one in rule) else [f"{path}: not one of {rule}"]


def _one_of(value, rule, schema, path):
    results = [faults(value, one, path) for one in rule]
    fitting = sum(not result for result in results)
    if fitting == 1:
        return []
    return [f"{path}: fits {fitting} of {len(rule)} forms"] + (min(results, key=len)[:2] if not fitting else [])


def _properties(value, rule, schema, path):
    if not isinstance(value, dict):
        return []
    return [line for name, part in value.items() if name in rule for line in faults(part, rule[name], f"{path}.{name}")]


def _additional(value, rule, schema, path):
    if not isinstance(value, dict):
        return []
    found = []
    for name in value.keys() - schema.get("properties", {}).keys():
        if rule is False:
            found.append(f"{path}: field {name} is not allowed")
        elif rule is not True:
            found += faults(value[name], rule, f"{path}.{name}")
    return found


def _items(value, rule, schema, path):
    if not isinstance(value, list):
        return []
    return [line for i, part in enumerate(value) for line in faults(part, rule, f"{path}[{i}]")]


def _on(kind, fits, what):
    def check(value, rule, schema, path):
        if not isinstance(value, kind) or isinstance(value, bool) or fits(value, rule):
            return []
        return [f"{path}: {what} {rule}"]
    return check


RULES = {
    "type": _type,
    "enum": _enum,
    "const": lambda value, rule, schema, path: _enum(value, [rule], schema, path),
    "oneOf": _one_of,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "required": _on(dict, lambda value, rule: all(name in value for name in rule), "lacks one of"),
    "minItems": _on(list, lambda value, rule: len(value) >= rule, "fewer items than"),
    "maxItems": _on(list, lambda value, rule: len(value) <= rule, "more items than"),
    "minimum": _on(int, lambda value, rule: value >= rule, "less than"),
    "maximum": _on(int, lambda value, rule: value <= rule, "more than"),
    "pattern": _on(str, lambda value, rule: re.search(rule.replace("$", r"\Z"), value), "does not match"),
}
