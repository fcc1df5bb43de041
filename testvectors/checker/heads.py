"""Chapter heads.md: heads and cursors."""

import cbor
from common import MAX63, Disagreement

RULES = ("all", "directory")


def _counted(count, digest):
    return {"count": cbor.integer(count, MAX63), "digest": cbor.fixed(digest, 32)}


def read_head(item):
    lineage, receipt, log_hash, control, counting, present, freshness = cbor.exactly(item, 7)
    head = {"lineage": cbor.fixed(lineage, 16), "lastReceipt": cbor.integer(receipt, MAX63),
            "logHash": cbor.fixed(log_hash, 32), "control": _counted(*cbor.exactly(control, 2))}
    rule, count, digest = cbor.exactly(counting, 3)
    head["counting"] = {"rule": RULES[cbor.integer(rule, 1)], **_counted(count, digest)}
    head["present"] = _counted(*cbor.exactly(present, 2))
    head["staleSince"] = None if freshness is None else cbor.integer(freshness, MAX63)
    return head


def head_item(head):
    pair = lambda part: [part["count"], part["digest"]]
    counting = [RULES.index(head["counting"]["rule"]), *pair(head["counting"])]
    return [head["lineage"], head["lastReceipt"], head["logHash"], pair(head["control"]), counting,
            pair(head["present"]), head["staleSince"]]


def read_cursor(item):
    lineage, receipt, log_hash = cbor.exactly(item, 3)
    return {"lineage": cbor.fixed(lineage, 16), "receipt": cbor.integer(receipt, MAX63),
            "logHash": cbor.fixed(log_hash, 32)}


def cursor_item(cursor):
    return [cursor["lineage"], cursor["receipt"], cursor["logHash"]]


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_head(case, group):
    head = read_head(cbor.decode(case.bytes("head")))
    case.agree("fields", head)
    encoded = cbor.encode(head_item(head))
    case.agree("head", encoded)
    if len(encoded) > 203:
        raise Disagreement("longer than HEAD-3 says")


def run_cursor(case, group):
    cursor = read_cursor(cbor.decode(case.bytes("cursor")))
    case.agree("fields", cursor)
    case.agree("cursor", cbor.encode(cursor_item(cursor)))


ALGORITHMS = {"head": run_head, "cursor": run_cursor}
