"""Chapter wire.md, ACK: what a node signs of a batch."""

import cbor
import primitives
from common import H, Refusal, agree, signature_holds, u64

MOST = 4096


def read(item):
    node, space, lineage, count, digest, signature = cbor.exactly(item, 6)
    return {"node": cbor.fixed(node, 32), "space": cbor.fixed(space, 32), "lineage": cbor.fixed(lineage, 16),
            "count": cbor.integer(count, MOST), "digest": cbor.fixed(digest, 32),
            "signature": cbor.fixed(signature, 64)}


def message(ack):
    signed = ack["node"] + ack["space"] + ack["lineage"] + u64(ack["count"]) + ack["digest"]
    return b"bulla acknowledgement v1" + signed


def judge(ack, node):
    """ACK-4, as far as it needs nothing but the node's key."""
    if ack["node"] != node:
        raise Refusal("ack.node", "ACK-4")
    if not signature_holds(node, message(ack), ack["signature"]):
        raise Refusal("ack.signature", "ACK-4")


def digest(receipts, ids):
    return H("bulla 2026 acknowledged ids", b"".join(u64(receipt) + one for receipt, one in zip(receipts, ids)))


def run(case, group):
    data = case.bytes("bytes")
    ack = read(cbor.decode(data))
    judge(ack, group.bytes("node"))
    receipts, ids = [int(text) for text in case["receipts"]], case.all_bytes("ids")
    agree("count", ack["count"], len(ids))
    agree("number of receipts", len(receipts), len(ids))
    case.agree("digest", digest(receipts, ids))
    case.agree("digest", ack["digest"])
    secret = case.bytes("nodeSecret")
    made = dict(ack, node=primitives.ed25519_public(secret), digest=digest(receipts, ids), count=len(ids))
    made["signature"] = primitives.ed25519_sign(secret, message(made))
    case.agree("bytes", cbor.encode(list(made.values())))


ALGORITHMS = {"acknowledgement": run}
