"""Chapter errors.md: codes, and the error as an item. The table itself is read from the chapter."""

import functools
import re
from pathlib import Path

import cbor
from common import MAX63, Disagreement, Refusal, agree

CHAPTER = Path(__file__).resolve().parent.parent.parent / "spec" / "errors.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([0-9]{3}) \| (yes|no) \| ([a-z]+) \| .* \|$", re.MULTILINE)
CODE = re.compile(r"[a-z0-9._]{1,64}")
LONGEST_MESSAGE = 512
MOST_DETAILS = 32


def read_code(item):
    """ERR-2."""
    if not CODE.fullmatch(cbor.text(item)):
        cbor.refuse("cbor.bounds")
    return item


def read_versions(item):
    """WIRE-3."""
    low, high = cbor.exactly(item, 2)
    low, high = cbor.integer(low, 65535), cbor.integer(high, 65535)
    if low > high:
        cbor.refuse("cbor.bounds")
    return {"min": low, "max": high}


def _bytes(length):
    return lambda item: cbor.fixed(item, length)


def _number(item):
    return cbor.integer(item, MAX63)


DETAILS = {
    1: ("nodeVersions", read_versions),
    2: ("clientVersions", read_versions),
    3: ("cursorLineage", _bytes(16)),
    4: ("storeLineage", _bytes(16)),
    5: ("cursorReceipt", _number),
    6: ("storeReceipt", _number),
    7: ("cursorLogHash", _bytes(32)),
    8: ("storeLogHash", _bytes(32)),
    9: ("space", _bytes(32)),
    10: ("node", _bytes(32)),
    11: ("actualNode", _bytes(32)),
    12: ("entry", _bytes(32)),
    13: ("right", read_code),
}


def read_error(items):
    """ERR-4 and ERR-5: the five elements of an error."""
    code, message, retryable, retry_after, details = items
    error = {"code": read_code(code), "message": cbor.text(message, LONGEST_MESSAGE),
             "retryable": cbor.boolean(retryable),
             "retryAfter": None if retry_after is None else cbor.integer(retry_after, MAX63), "details": {}}
    for key, value in cbor.mapping(details, MOST_DETAILS).items():
        if cbor.integer(key, MAX63) in DETAILS:
            name, read = DETAILS[key]
            error["details"][name] = read(value)
    return error


def error_items(error):
    by_name = {name: key for key, (name, _) in DETAILS.items()}
    plain = lambda value: [value["min"], value["max"]] if isinstance(value, dict) else value
    return [error["code"], error["message"], error["retryable"], error["retryAfter"],
            {by_name[name]: plain(value) for name, value in error["details"].items()}]


@functools.lru_cache(maxsize=None)
def table():
    """ERR-1: status, retry and fault of each code."""
    rows = ROW.findall(CHAPTER.read_text(encoding="utf-8"))
    return {code: (int(status), retry == "yes", fault) for code, status, retry, fault in rows}


def status(error):
    """ERR-6."""
    row = table().get(error["code"])
    return row[0] if row else 503 if error["retryable"] else 400


# --- Cases --------------------------------------------------------------------------------------------------------------


def run(case, group):
    if not CODE.fullmatch(case["code"]):
        raise Refusal("cbor.bounds", "CBOR-10")
    agree("status", status(case), case["status"])
    row = table().get(case["code"])
    if row:
        agree("retryable", row[1], case["retryable"])
        agree("fault", row[2], case["fault"])
    elif "fault" in case:
        raise Disagreement("a fault of a code that the table does not have")
    case.get("retryable")


def whole(data):
    """Every code of the table has a case."""
    there = {case["code"] for group in data["testGroups"] for case in group["tests"]}
    return [f"no case for {sorted(table().keys() - there)}"] if table().keys() - there else []


ALGORITHMS = {"error-code": run}
WHOLE = {"error-code": whole}
