"""Chapter wire.md: requests and answers that are one item. Each has a function that reads it and one that writes it."""

import acks
import cbor
import digests
import errors
import heads
import store
from common import MAX63, MIB, Disagreement, ascending

MOST_IDS = 10_000
MOST_BATCH = 4096
MOST_SPACES = 4096
WANTS = ("ids", "headers", "entries")
FORMS = ("compact", "plain")
PRESENCE = ("no", "yes", "payload missing", "unknown")
OUTCOMES = ("stored", "duplicate", "payload added", "refused", "pending")
DURABILITY = ("every commit", "interval", "none", "upstream")
FIGURES = ("entries", "payloadBytes", "diskBytes", "commits", "fsyncs", "compactionsRunning", "compactionPendingBytes")
LIMITS = {"putBytes": 16 * MIB, "putEntries": MOST_BATCH, "pageBytes": 16 * MIB, "pageItems": 65_536, "ids": MOST_IDS,
          "pages": 4096, "feedSpaces": MOST_SPACES}
ACK = ("node", "space", "lineage", "count", "digest", "signature")


def ids_of(item, most, least=0, length=32):
    return [cbor.fixed(one, length) for one in cbor.array(item, most, least)]


def ascending_ids(item, most, least=0):
    ids = ids_of(item, most, least)
    if not ascending(ids):
        cbor.refuse("cbor.bounds")
    return ids


def optional(item, read):
    return None if item is None else read(item)


# --- Capabilities (CAP) -------------------------------------------------------------------------------------------------


def _names(item):
    return [errors.read_code(one) for one in cbor.array(item, 64)]


def _limits(item):
    pairs = zip(cbor.exactly(item, len(LIMITS)), LIMITS.items())
    return {name: cbor.integer(value, most, 1) for value, (name, most) in pairs}


CAPABILITIES = {1: ("versions", errors.read_versions), 2: ("node", lambda item: cbor.fixed(item, 32)),
                3: ("rungs", _names), 4: ("features", _names), 5: ("limits", _limits)}


def read_capabilities(item):
    found = {}
    for key, value in cbor.mapping(item, 64).items():
        if cbor.integer(key, MAX63) in CAPABILITIES:
            name, read = CAPABILITIES[key]
            found[name] = read(value)
    if len(found) != len(CAPABILITIES):
        cbor.refuse("cbor.count")
    return found


def capabilities_item(said):
    versions = said["versions"]
    return {1: [versions["min"], versions["max"]], 2: said["node"], 3: said["rungs"], 4: said["features"],
            5: list(said["limits"].values())}


# --- Login (WIRE-20 to WIRE-23) -----------------------------------------------------------------------------------------


def read_challenge_request(item):
    client, nonce, origin, spaces = cbor.exactly(item, 4)
    cbor.fixed(client, 32)
    cbor.fixed(nonce, 32)
    if not cbor.text(origin, 256) or any(not "!" <= letter <= "~" for letter in origin):
        cbor.refuse("cbor.bounds")
    return {"client": client, "nonce": nonce, "origin": origin, "spaces": ascending_ids(spaces, 256)}


def _challenge(items):
    nonce, time, tag, signature = items
    return {"nonce": cbor.fixed(nonce, 32), "time": cbor.integer(time, MAX63), "tag": cbor.fixed(tag, 32),
            "signature": cbor.fixed(signature, 64)}


def read_challenge_answer(item):
    node, *rest = cbor.exactly(item, 5)
    return {"node": cbor.fixed(node, 32), **_challenge(rest)}


def read_login_request(item):
    request, *rest = cbor.exactly(item, 5)
    return {"request": read_challenge_request(request), **_challenge(rest)}


def read_login_answer(item):
    token, lifetime = cbor.exactly(item, 2)
    return {"token": cbor.fixed(token, 32), "lifetime": cbor.integer(lifetime, MAX63)}


def read_spaces_answer(item):
    spaces, end = cbor.exactly(item, 2)
    return {"spaces": ascending_ids(spaces, MOST_SPACES), "end": cbor.boolean(end)}


def in_order(said):
    """A message whose elements are its fields."""
    return [in_order(value) if isinstance(value, dict) else value for value in said.values()]


# --- Put, get, has (WIRE-30 to WIRE-34) ---------------------------------------------------------------------------------


def _outcome(item):
    if not cbor.array(item, 3):
        cbor.refuse("cbor.count")
    name = OUTCOMES[cbor.integer(item[0], 4)]
    cbor.exactly(item, {"refused": 3, "pending": 1}.get(name, 2))
    if name == "pending":
        return {"is": name}
    if name == "refused":
        return {"is": name, "code": errors.read_code(item[1]), "retryable": cbor.boolean(item[2])}
    return {"is": name, "receipt": cbor.integer(item[1], MAX63, 1)}


def read_put_answer(item):
    lineage, outcomes, acknowledgement = cbor.exactly(item, 3)
    return {"lineage": cbor.fixed(lineage, 16), "outcomes": [_outcome(one) for one in cbor.array(outcomes, MOST_BATCH)],
            "acknowledgement": acks.read(acknowledgement)}


def put_answer_item(said):
    outcomes = [[OUTCOMES.index(one["is"]), *list(one.values())[1:]] for one in said["outcomes"]]
    return [said["lineage"], outcomes, [said["acknowledgement"][name] for name in ACK]]


def _form(item):
    return FORMS[cbor.integer(item, 1)]


def read_get_request(item):
    ids, most, form = cbor.exactly(item, 3)
    return {"ids": ids_of(ids, MOST_IDS), "mostBytes": cbor.integer(most, 2**32 - 1), "form": _form(form)}


def get_request_item(said):
    return [said["ids"], said["mostBytes"], FORMS.index(said["form"])]


def read_has_request(item):
    return {"ids": ids_of(item, MOST_IDS)}


def read_has_answer(item):
    return {"presence": [PRESENCE[cbor.integer(one, 3)] for one in cbor.array(item, MOST_IDS)]}


# --- Scan, summary, status (WIRE-35 to WIRE-39) -------------------------------------------------------------------------


def _numbered(item, names, number, length):
    """A number alone, or an array of one number and another integer: the name, and that integer."""
    if isinstance(item, list):
        first, second = cbor.exactly(item, 2)
        cbor.integer(first, number, number)
        return names[number], cbor.integer(second, length)
    if cbor.integer(item, len(names) - 1) == number:
        cbor.refuse("cbor.bounds")
    return names[item], None


def read_scan_request(item):
    after, until, selected, held, want, limit, form, pages = cbor.exactly(item, 8)
    said = {"after": optional(after, heads.read_cursor),
            "until": optional(until, lambda receipt: cbor.integer(receipt, MAX63)),
            "filter": cbor.encode(list(store.read_filter(selected))),
            "except": optional(held, lambda bloom: cbor.encode(digests.Bloom.read(bloom).item()))}
    said["want"], inline = _numbered(want, WANTS, 2, 2**32 - 1)
    if inline is not None:
        said["inlineUpTo"] = inline
    most_bytes, most_items = cbor.exactly(limit, 2)
    said.update(mostBytes=cbor.integer(most_bytes, 16 * MIB), mostItems=cbor.integer(most_items, 65_536),
                form=_form(form), pages=cbor.integer(pages, 4096, 1))
    if said["pages"] > 1 and said["until"] is None:
        cbor.refuse("cbor.bounds")
    return said


def scan_request_item(said):
    want = WANTS.index(said["want"])
    return [optional(said["after"], heads.cursor_item), said["until"], cbor.decode(said["filter"]),
            optional(said["except"], cbor.decode), [want, said["inlineUpTo"]] if "inlineUpTo" in said else want,
            [said["mostBytes"], said["mostItems"]], FORMS.index(said["form"]), said["pages"]]


def read_summary_request(item):
    number, what = cbor.exactly(item, 2)
    if cbor.integer(number, 1) == 0:
        return {"summary": "bloom", "salt": cbor.fixed(what, 16)}
    return {"summary": "sketch", "symbols": cbor.integer(what, 2**20)}


def summary_request_item(said):
    return [0, said["salt"]] if said["summary"] == "bloom" else [1, said["symbols"]]


def read_summary_answer(item):
    number, cursor, bloom = cbor.exactly(item, 3)
    cbor.integer(number, 0)
    return {"cursor": heads.read_cursor(cursor), "bloom": cbor.encode(digests.Bloom.read(bloom).item())}


def summary_answer_item(said):
    return [0, heads.cursor_item(said["cursor"]), cbor.decode(said["bloom"])]


def _status(item):
    engine, durability, *figures, impairments = cbor.exactly(item, 10)
    said = {"engine": cbor.text(engine, 64)}
    name, length = _numbered(durability, DURABILITY, 1, MAX63)
    said["durability"] = {"is": name} if length is None else {"is": name, "milliseconds": length}
    said.update({name: cbor.integer(value, MAX63) for name, value in zip(FIGURES, figures)})
    said["impairments"] = [errors.read_code(one) for one in cbor.array(impairments, 16)]
    return said


def read_status_answer(item):
    return {"statuses": [_status(one) for one in cbor.array(item, 17, 1)]}


def status_answer_item(said):
    durability = lambda one: [1, one["milliseconds"]] if "milliseconds" in one else DURABILITY.index(one["is"])
    return [[one["engine"], durability(one["durability"]), *(one[name] for name in FIGURES), one["impairments"]]
            for one in said["statuses"]]


def read_feed_request(item):
    spaces, heartbeat, riders = cbor.exactly(item, 3)
    return {"spaces": ascending_ids(spaces, MOST_SPACES, 1), "heartbeat": cbor.integer(heartbeat, 60_000, 100),
            "riderBytes": cbor.integer(riders, 65_536)}


# --- Mailboxes (WIRE-43 to WIRE-45) -------------------------------------------------------------------------------------

MAILBOX = {2: "leave", 3: "fetch", 4: "close"}
MAILBOX_PARTS = {"leave": ("slot", "content"), "fetch": ("slot",), "close": ()}


def read_mailbox_open(item):
    address, proof = cbor.exactly(item, 2)
    return {"address": cbor.fixed(address, 32), "proof": cbor.fixed(proof, 64)}


def read_mailbox(item):
    address, proof, operation = cbor.exactly(item, 3)
    said = read_mailbox_open([address, proof])
    if not cbor.array(operation, 3):
        cbor.refuse("cbor.count")
    said["operation"] = MAILBOX[cbor.integer(operation[0], 4, 2)]
    parts = MAILBOX_PARTS[said["operation"]]
    cbor.exactly(operation, 1 + len(parts))
    for name, value in zip(parts, operation[1:]):
        said[name] = cbor.integer(value, 255) if name == "slot" else cbor.blob(value, 8192)
    return said


def mailbox_item(said):
    number = next(number for number, name in MAILBOX.items() if name == said["operation"])
    return [said["address"], said["proof"], [number, *(said[name] for name in MAILBOX_PARTS[said["operation"]])]]


def read_mailbox_answer(item):
    return {"content": optional(item, lambda message: cbor.blob(message, 4096))}


def read_error(item):
    error = errors.read_error(cbor.exactly(item, 5))
    return dict(error, status=errors.status(error))


MESSAGES = {
    "capabilities": (read_capabilities, capabilities_item),
    "challenge request": (read_challenge_request, in_order),
    "challenge answer": (read_challenge_answer, in_order),
    "login request": (read_login_request, in_order),
    "login answer": (read_login_answer, in_order),
    "spaces answer": (read_spaces_answer, in_order),
    "put answer": (read_put_answer, put_answer_item),
    "get request": (read_get_request, get_request_item),
    "has request": (read_has_request, lambda said: said["ids"]),
    "has answer": (read_has_answer, lambda said: [PRESENCE.index(one) for one in said["presence"]]),
    "scan request": (read_scan_request, scan_request_item),
    "summary request": (read_summary_request, summary_request_item),
    "summary answer": (read_summary_answer, summary_answer_item),
    "status answer": (read_status_answer, status_answer_item),
    "feed request": (read_feed_request, in_order),
    "mailbox open": (read_mailbox_open, in_order),
    "mailbox": (read_mailbox, mailbox_item),
    "mailbox answer": (read_mailbox_answer, lambda said: said["content"]),
    "error": (read_error, errors.error_items),
}


def run(case, group):
    read, write = MESSAGES[group["message"]]
    data = case.bytes("bytes")
    said = read(cbor.decode(data))
    case.agree("fields", said)
    if (cbor.encode(write(said)) == data) is ("Later" in case["flags"]):
        raise Disagreement("written again, the bytes are others")


ALGORITHMS = {"message": run}
