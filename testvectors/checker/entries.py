"""Chapter entries.md: headers, genesis payloads, verification."""

import functools
import json
from pathlib import Path

import cbor
import control
from common import (BLAKE3, H, MAX63, MIB, ZERO32, Disagreement, Refusal, agree, ascending, gives_zero,
                    key_usable, signature_holds)

FIELDS = ("formatVersion", "space", "author", "sequence", "previous", "timestamp", "kind", "topic", "dependencies",
          "keyId", "salt", "payloadLength", "contentHash")
POLICY = {1: "minimumFormat", 2: "historyForNewcomers", 3: "authorEntries", 4: "authorBytes", 5: "spaceEntries",
          6: "spaceBytes"}
LONGEST_HEADER = 8192
LONGEST_GENESIS = 16384


def require(holds, code, clause):
    if not holds:
        raise Refusal(code, clause)


def read_header(data):
    """ENT-25, step by step; the fields by name."""
    require(len(data) <= LONGEST_HEADER, "header.too_long", "ENT-20")
    items = cbor.versioned(cbor.decode(data), 13, "header.version", "ENT-1")
    cbor.fixed(items[1], 32)
    cbor.fixed(items[2], 32)
    cbor.integer(items[3], MAX63)
    cbor.fixed(items[4], 32)
    cbor.integer(items[5], MAX63)
    cbor.integer(items[6], 65535)
    cbor.fixed(items[7], 16)
    for dependency in cbor.array(items[8], 64):
        cbor.fixed(dependency, 32)
    cbor.fixed(items[9], 32)
    cbor.fixed(items[10], 24)
    cbor.integer(items[11], MIB)
    cbor.fixed(items[12], 32)
    header = dict(zip(FIELDS, items))
    judge_header(header)
    return header


def judge_header(header):
    """Steps 7 to 13 of ENT-25."""
    kind, sequence, previous = header["kind"], header["sequence"], header["previous"]
    dependencies = header["dependencies"]
    require(kind <= 8 or kind >= 16, "header.control_kind", "ENT-7")
    if kind == 0:
        alone = (header["space"] == previous == ZERO32 and sequence == 1 and header["topic"] == bytes(16)
                 and not dependencies)
        require(alone, "header.genesis", "ENT-3")
    else:
        require(header["space"] != ZERO32, "header.genesis", "ENT-3")
    require(kind >= 16 or header["topic"] == bytes(16), "header.topic", "ENT-8")
    require(sequence > 0 and (sequence == 1) == (previous == ZERO32), "header.sequence", "ENT-5")
    good = ascending(dependencies) and ZERO32 not in dependencies and previous not in dependencies
    require(good, "header.dependencies", "ENT-9")
    require((header["keyId"] == ZERO32) == (kind < 16), "header.key_id", "ENT-10")
    require(kind < 16 or header["payloadLength"] >= 16, "header.payload_length", "ENT-12")


def header_items(header):
    return [header[name] for name in FIELDS]


def encode_header(header):
    return cbor.encode(header_items(header))


def header_digest(data):
    return H("bulla 2026 header", data)


def signing_message(digest):
    return b"bulla entry v1" + digest


def entry_id(digest, signature):
    return H("bulla 2026 entry id", digest + signature)


def read_genesis(data, author):
    """GEN-6, step by step."""
    require(len(data) <= LONGEST_GENESIS, "genesis.too_long", "GEN-2")
    _, founders, recovery, policy = cbor.versioned(cbor.decode(data), 4, "genesis.version", "GEN-1")
    for founder in cbor.array(founders, 64):
        for key in cbor.exactly(founder, 2):
            cbor.fixed(key, 32)
    if recovery is not None:
        for key in cbor.exactly(recovery, 2):
            cbor.fixed(key, 32)
    if not isinstance(policy, dict):
        cbor.refuse("cbor.unexpected")
    for key, value in policy.items():
        require(key in POLICY, "genesis.policy_key", "GEN-4")
        if key == 2:
            cbor.boolean(value)
        else:
            cbor.integer(value, MAX63)
    keys = [key for founder in founders for key in founder] + (recovery or [])
    good = founders and founders[0][0] == author and len(set(keys)) == len(keys) and ZERO32 not in keys
    sealing_keys = [key for _, key in founders] + ([] if recovery is None else [recovery[1]])
    require(good and not any(map(gives_zero, sealing_keys)), "genesis.founders", "GEN-3")
    return {
        "founders": [{"author": author, "sealingKey": key} for author, key in founders],
        "policy": {POLICY[key]: value for key, value in policy.items()},
        "recovery": recovery and {"author": recovery[0], "sealingKey": recovery[1]},
    }


def verify(data, signature, payload=None, space=None):
    """VER-1; without a space, as the genesis of one not known before (VER-10). The header and the id."""
    header = read_header(data)
    digest = header_digest(data)
    own = entry_id(digest, signature)
    if space is None:
        require(header["kind"] == 0, "header.genesis", "ENT-3")
    else:
        require(space == (own if header["kind"] == 0 else header["space"]), "entry.space", "VER-3")
    judge_signature(header["author"], signing_message(digest), signature)
    judge_payload(header, payload)
    return header, own


def judge_signature(key, message, signature):
    require(key_usable(key), "entry.author_key", "VER-4")
    require(signature_holds(key, message, signature), "entry.signature", "VER-5")


def judge_payload(header, payload):
    """VER-6 and VER-7."""
    if payload is None:
        return
    require(len(payload) == header["payloadLength"], "entry.payload_length", "VER-6")
    require(BLAKE3(payload) == header["contentHash"], "entry.content_hash", "VER-6")
    if header["kind"] == 0:
        read_genesis(payload, header["author"])
    elif header["kind"] < 16:
        control.read(header["kind"], payload, header["space"], header["author"])


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_header(case, group):
    data = case.bytes("header")
    header = read_header(data)
    case.agree("fields", header)
    case.agree("header", encode_header(header))
    digest = header_digest(data)
    case.agree("digest", digest)
    case.agree("signingMessage", signing_message(digest))
    case.agree("associatedData", cbor.encode(header_items(header)[:11]))
    case.agree("saltInput", cbor.encode(header_items(header)[:10]))


def run_entry(case, group):
    _, own = verify(case.bytes("header"), case.bytes("signature"), case.bytes("payload"), case.bytes("space"))
    case.agree("id", own)


def run_clock(case, group):
    """ENT-14, step by step."""
    last = case.number("start")
    for i, step in enumerate(case["steps"]):
        now = min(int(step["nowMs"]), 2**47 - 1)
        if "seen" in step:
            seen = int(step["seen"])
            merged = (seen >> 16) - now <= 86_400_000
            agree(f"merged in step {i}", merged, step["merged"])
            last = max(last, seen) if merged else last
        else:
            last = min(max(now << 16, last + 1), MAX63)
        agree(f"last in step {i}", last, step["last"])


def run_genesis(case, group):
    data = case.bytes("payload")
    case.agree("fields", read_genesis(data, group.bytes("author")))
    case.agree("payload", cbor.encode(cbor.decode(data)))


@functools.lru_cache(maxsize=None)
def published(source):
    """Key, message and signature of the cases of another project, by number."""
    data = json.loads((Path(__file__).parent.parent / "vendor" / source).read_text(encoding="utf-8"))
    if isinstance(data, list):
        return {one["number"]: (one["key"], one["msg"].encode().hex(), one["sig"]) for one in data}
    return {one["tcId"]: (group["publicKey"]["pk"], one["msg"], one["sig"])
            for group in data["testGroups"] for one in group["tests"]}


def run_verdict(case, group):
    of_origin = published(group["source"]).get(case["number"])
    if of_origin != (case["key"], case["message"], case["signature"]):
        raise Disagreement("not the case of that number in the source")
    judge_signature(case.bytes("key"), case.bytes("message"), case.bytes("signature"))


def whole_verdicts(data):
    """Every case of the sources is there."""
    missing = []
    for group in data["testGroups"]:
        missing += published(group["source"]).keys() - {case["number"] for case in group["tests"]}
    return [f"no case for {sorted(missing)}"] if missing else []


ALGORITHMS = {"entry-header": run_header, "entry": run_entry, "clock": run_clock, "genesis": run_genesis,
              "ed25519-verdicts": run_verdict}
WHOLE = {"ed25519-verdicts": whole_verdicts}
