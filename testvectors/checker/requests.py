"""Chapter wire.md: paths (WIRE-1), headers of requests (WIRE-3 to WIRE-9, HOP), and feeds (FEED)."""

import base64
import re

import cbor
import errors
import heads
import streams
from common import MAX63, Disagreement, Refusal

SPACE = "([0-9a-f]{64})"
ROUTES = {
    "capabilities": ("GET", "/v1/capabilities"),
    "challenge": ("POST", "/v1/login/challenge"),
    "login": ("POST", "/v1/login"),
    "spaces": ("GET", "/v1/spaces"),
    "feed": ("POST", "/v1/feed"),
    "mailbox open": ("POST", "/v1/mailbox/open"),
    "mailbox": ("POST", "/v1/mailbox"),
    **{name: ("GET", f"/v1/spaces/{{}}/{name}") for name in ("head", "status")},
    **{name: ("POST", f"/v1/spaces/{{}}/{name}") for name in ("put", "get", "has", "scan", "summary")},
}
AFTER = "?after={}"
NUMBER = "(0|[1-9][0-9]*)"
MOST_NODES = 16
MOST_RIDERS, MOST_RIDER_BYTES = 64, 65_536
FEED_ELEMENTS = {0: 1, 1: 6, 2: 4, 3: 3}


# --- Paths --------------------------------------------------------------------------------------------------------------


def find_route(method, target):
    """The request and its space, or None."""
    if method not in ("GET", "POST"):
        raise Refusal("request.method", "WIRE-1")
    version = re.match(f"/v{NUMBER}/", target)
    if version and len(version[1]) <= 5 and int(version[1]) <= 65535 and version[1] != "1":
        raise Refusal("wire.version", "WIRE-5")
    for name, (wanted, path) in ROUTES.items():
        pattern = re.escape(path).replace(r"\{\}", SPACE) + (f"(?:{re.escape(AFTER[:-2])}{SPACE})?" * (name == "spaces"))
        match = re.fullmatch(pattern, target)
        if match:
            if method != wanted:
                raise Refusal("request.method", "WIRE-1")
            return name, match[1] if match.groups() else None
    raise Refusal("request.route", "WIRE-1")


def run_route(case, group):
    name, space = find_route(case["method"], case["target"])
    case.agree("request", name)
    path = ROUTES[name][1] + (AFTER if name == "spaces" and space else "")
    case.agree("target", path.format(space))
    if case.get("space") != space:
        raise Disagreement(f"space: {space}")


# --- Headers ------------------------------------------------------------------------------------------------------------


def read_token(value):
    """WIRE-6."""
    match = re.fullmatch("Bearer ([A-Za-z0-9_-]{43})", value)
    token = base64.urlsafe_b64decode(match[1] + "=") if match else b""
    if not match or base64.urlsafe_b64encode(token).decode() != match[1] + "=":
        raise Refusal("login.token", "WIRE-6")
    return {"token": token}


def read_deadline(value):
    """WIRE-7."""
    if not re.fullmatch(NUMBER, value) or int(value) > 86_400_000:
        raise Refusal("request.header", "WIRE-9")
    return {"milliseconds": int(value)}


def read_request_id(value):
    """WIRE-8."""
    return {"isKept": bool(re.fullmatch("[A-Za-z0-9_-]{1,64}", value))}


def read_versions(value):
    """WIRE-3, as text."""
    match = re.fullmatch(f"{NUMBER}-{NUMBER}", value)
    if not match or not int(match[1]) <= int(match[2]) <= 65535:
        raise Refusal("request.header", "WIRE-9")
    return {"min": int(match[1]), "max": int(match[2])}


def read_hops(value):
    """HOP-1 and HOP-2."""
    nodes = value.split(",")
    good = all(re.fullmatch(SPACE, node) for node in nodes)
    if not good or len(nodes) > MOST_NODES or len(set(nodes)) != len(nodes):
        raise Refusal("hop.path", "HOP-2")
    return {"nodes": nodes}


HEADERS = {"authorization": read_token, "bulla-hops": read_hops, "bulla-deadline-ms": read_deadline,
           "bulla-request-id": read_request_id, "bulla-versions": read_versions}


def run_header(case, group):
    said = HEADERS[group["header"]](case["value"])
    node, other = case.get("node"), case.get("nodeVersions")
    if node:
        if node in said["nodes"] or len(said["nodes"]) == MOST_NODES:
            raise Refusal("hop.loop", "HOP-3")
        said["goesOn"] = ",".join([*said["nodes"], node])
    if other:
        other = read_versions(other)
        said["spoken"] = min(said["max"], other["max"])
        if said["spoken"] < max(said["min"], other["min"]):
            raise Refusal("wire.version", "WIRE-5")
    for name, value in said.items():
        case[name]
        case.agree(name, value)


# --- Feeds --------------------------------------------------------------------------------------------------------------


def _riders(item):
    """FEED-5."""
    riders, receipt, size = [], 0, 0
    for rider in cbor.array(item, MOST_RIDERS):
        first, *rest = cbor.exactly(rider, 4)
        cbor.integer(first, MAX63)
        header, signature, payload, state = streams.read_plain(rest)
        size += len(header) + len(signature) + len(payload or b"")
        if first <= receipt or size > MOST_RIDER_BYTES:
            cbor.refuse("cbor.bounds")
        receipt = first
        riders.append({"receipt": first, "header": header, "signature": signature, "payload": payload, "state": state})
    return riders


def _error(items):
    error = errors.read_error(items)
    return dict(error, status=errors.status(error))


def feed_item(item):
    """FEED-3."""
    if not cbor.array(item, 6):
        cbor.refuse("cbor.count")
    tag = cbor.integer(item[0], 3)
    cbor.exactly(item, FEED_ELEMENTS[tag])
    if tag == 0:
        return {"item": "heartbeat"}
    if tag == 1:
        return {"item": "over", "error": _error(item[1:])}
    space = cbor.fixed(item[1], 32)
    if tag == 3:
        return {"item": "space over", "space": space, "error": _error(cbor.exactly(item[2], 5))}
    head = heads.read_head(item[2])
    return {"item": "head", "space": space, "head": cbor.encode(heads.head_item(head)), "riders": _riders(item[3])}


def read_feed(data):
    """What came so far: the whole items up to *over* (FEED-6), and where the last of them ends."""
    items, at = [], 0
    while at < len(data):
        try:
            item, after = streams.next_item(data, at)
        except Refusal as refusal:
            if refusal.code != "wire.truncated":
                raise
            break
        items.append(feed_item(item))
        at = after
        if items[-1]["item"] == "over":
            break
    return items, at


def run_feed(case, group):
    data = case.bytes("bytes")
    items, at = read_feed(data)
    case.agree("items", items)
    if (at < len(data)) is not bool({"Cut", "After"} & set(case["flags"])):
        raise Disagreement(f"whole items end at byte {at} of {len(data)}")


ALGORITHMS = {"route": run_route, "header-field": run_header, "feed": run_feed}
