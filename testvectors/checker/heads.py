"""Chapter heads.md: heads and cursors."""

import cbor
from common import MAX63, Disagreement

def _counted(item):
    count, digest = cbor.exactly(item, 2)
    return {"count": cbor.integer(count, MAX63), "digest": cbor.fixed(digest, 32)}


def read_head(item):
    """HEAD-3."""
    lineage, receipt, log_hash, control, held, counting, present, freshness = cbor.exactly(item, 8)
    head = {"lineage": cbor.fixed(lineage, 16), "lastReceipt": cbor.integer(receipt, MAX63),
            "logHash": cbor.fixed(log_hash, 32), "control": _counted(control), "held": _counted(held),
            "counting": None if counting is None else _counted(counting), "present": _counted(present),
            "staleSince": None if freshness is None else cbor.integer(freshness, MAX63)}
    # HEAD-4: without a directory the counting entries are those held.
    head["countingSet"] = head["held"] if counting is None else head["counting"]
    return head


def head_item(head):
    pair = lambda part: part and [part["count"], part["digest"]]
    return [head["lineage"], head["lastReceipt"], head["logHash"], pair(head["control"]), pair(head["held"]),
            pair(head["counting"]), pair(head["present"]), head["staleSince"]]


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
    if len(encoded) > 246:
        raise Disagreement("longer than HEAD-3 says")


def run_cursor(case, group):
    cursor = read_cursor(cbor.decode(case.bytes("cursor")))
    case.agree("fields", cursor)
    case.agree("cursor", cbor.encode(cursor_item(cursor)))


ALGORITHMS = {"head": run_head, "cursor": run_cursor}
