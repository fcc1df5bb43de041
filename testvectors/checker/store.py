"""Chapter store.md: filters."""

import cbor
from common import MAX63, Disagreement, ascending

MOST = 256


def read_filter(item):
    topics, kinds, authors, timestamps = cbor.exactly(item, 4)
    for one in cbor.array(topics, MOST):
        cbor.fixed(one, 16)
    if not ascending(topics):
        cbor.refuse("cbor.bounds")
    for pair in cbor.array(kinds, MOST):
        for kind in cbor.exactly(pair, 2):
            cbor.integer(kind, 65535)
    for one in cbor.array(authors, MOST):
        cbor.fixed(one, 32)
    if not ascending(authors):
        cbor.refuse("cbor.bounds")
    if timestamps is not None:
        for one in cbor.exactly(timestamps, 2):
            cbor.integer(one, MAX63)
        if timestamps[0] > timestamps[1]:
            cbor.refuse("cbor.bounds")
    flat = [kind for pair in kinds for kind in pair]
    if any(first > last for first, last in kinds) or any(a >= b for a, b in zip(flat[1::2], flat[2::2])):
        cbor.refuse("cbor.bounds")
    return topics, kinds, authors, timestamps


def lets_through(read, kind, topic, author, timestamp):
    topics, kinds, authors, timestamps = read
    if kind < 16:
        return True
    return ((not topics or topic in topics) and (not authors or author in authors)
            and (not kinds or any(first <= kind <= last for first, last in kinds))
            and (timestamps is None or timestamps[0] <= timestamp <= timestamps[1]))


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_filter(case, group):
    read = read_filter(cbor.decode(case.bytes("filter")))
    case.agree("filter", cbor.encode(list(read)))
    topics, kinds, authors, timestamps = read
    pair = lambda both: {"first": both[0], "last": both[1]}
    case.agree("fields", {"topics": topics, "kinds": [pair(one) for one in kinds], "authors": authors,
                          "timestamps": None if timestamps is None else pair(timestamps)})
    wanted = [lets_through(read, entry["kind"], bytes.fromhex(entry["topic"]), bytes.fromhex(entry["author"]),
                           int(entry["timestamp"])) for entry in case.get("entries", [])]
    if wanted != [entry["wanted"] for entry in case.get("entries", [])]:
        raise Disagreement(f"wanted: {wanted}")


ALGORITHMS = {"filter": run_filter}
