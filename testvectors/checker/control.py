"""Chapter control.md: the payloads of control entries."""

import cbor
from common import MAX63, MIB, ZERO32, Refusal, ascending, gives_zero, signature_holds

ROLES = {1: "relay", 2: "reader", 3: "writer", 4: "admin"}


def require(holds, code, clause):
    if not holds:
        raise Refusal(code, clause)


def read(kind, data, space, author):
    """CTL-3, step by step; what the payload says."""
    if len(data) > MIB:
        cbor.refuse("cbor.bounds")
    count, reader = KINDS[kind]
    _, *elements = cbor.versioned(cbor.decode(data), 1 + count, "control.version", "CTL-1")
    return reader(elements, space, author)


# --- Step 6: types and bounds -------------------------------------------------------------------------------------------


def role(item):
    return ROLES[cbor.integer(item, 4, 1)]


def sequence(item):
    return cbor.integer(item, MAX63, 1)


def keys(item, most):
    """A list of byte strings of 32 bytes."""
    return [cbor.fixed(one, 32) for one in cbor.array(item, most)]


def rows(item, most, *readers, least=0):
    """A list of arrays, a reader for each of their elements."""
    return [[read_one(part) for read_one, part in zip(readers, cbor.exactly(row, len(readers)))]
            for row in cbor.array(item, most, least)]


def key(item):
    return cbor.fixed(item, 32)


def optional(item, reader):
    return None if item is None else reader(item)


def cuts(item):
    """CTL-6."""
    return rows(item, 16, lambda one: cbor.integer(one, MAX63), key, lambda one: optional(one, key))


def label(item):
    """CTL-11."""
    key_id, salt, ciphertext = cbor.exactly(item, 3)
    return {"keyId": cbor.fixed(key_id, 32), "salt": cbor.fixed(salt, 24), "ciphertext": cbor.fixed(ciphertext, 81)}


def joining_card(data):
    """PAIR-1 to PAIR-4; the space it is for, and what it says."""
    if len(data) > 204:
        cbor.refuse("cbor.bounds")
    items = cbor.versioned(cbor.decode(data), 6, "joining_card.version", "PAIR-1")
    _, space, author, sealing_key, invitation, signature = items
    for part in (space, author, sealing_key, invitation):
        cbor.fixed(part, 32)
    cbor.fixed(signature, 64)
    require(not gives_zero(sealing_key), "joining_card.sealing_key", "PAIR-3")
    message = b"bulla joining card v1" + cbor.encode(items[:5])
    require(signature_holds(author, message, signature), "joining_card.signature", "PAIR-3")
    return space, {"author": author, "sealingKey": sealing_key, "invitation": invitation}


# --- Step 7: lists and devices ------------------------------------------------------------------------------------------


def not_zero(*values):
    """CTL-4."""
    require(ZERO32 not in values, "control.zero", "CTL-4")


def in_order(values):
    """CTL-4."""
    require(ascending(values), "control.order", "CTL-4")


def judge_list(values):
    not_zero(*values)
    in_order(values)


def judge_cuts(given):
    """CTL-6."""
    for at, entry, control in given:
        require(at > 0 and ZERO32 not in (entry, control), "control.cut", "CTL-6")
    in_order([entry for _, entry, _ in given])


def judge_removed(removed):
    """Elements of a device and its cuts: the list, then the lists in it."""
    judge_list([device for device, _ in removed])
    for _, given in removed:
        judge_cuts(given)


def say_cuts(given):
    return [{"sequence": at, "id": entry, "control": control} for at, entry, control in given]


def say_removed(removed):
    return [{"device": device, "cuts": say_cuts(given)} for device, given in removed]


# --- The kinds ----------------------------------------------------------------------------------------------------------


def grant(items, space, author):
    """CTL-10."""
    device = cbor.blob(items[0], 204)
    card = None if len(device) == 32 else joining_card(device)
    given, sealed = role(items[1]), optional(items[2], label)
    if card is None:
        not_zero(device)
        require(given == "relay", "grant.device", "CTL-10")
        who = {"node": device}
    else:
        require(card[0] == space, "grant.space", "CTL-10")
        who = {"card": card[1]}
    return who | {"role": given, "label": sealed}


def change_role(items, space, author):
    """CTL-20."""
    device, given, until = key(items[0]), role(items[1]), optional(items[2], cuts)
    not_zero(device)
    if until is not None:
        judge_cuts(until)
    return {"device": device, "role": given, "cuts": optional(until, say_cuts)}


def revoke(items, space, author):
    """CTL-25."""
    device, until = key(items[0]), cuts(items[1])
    not_zero(device)
    judge_cuts(until)
    return {"device": device, "cuts": say_cuts(until)}


def epoch(items, space, author):
    """CTL-30."""
    group, parents, key_id = key(items[0]), keys(items[1], 64), key(items[2])
    recipients = rows(items[3], 8192, key, lambda one: cbor.fixed(one, 80), least=1)
    inherited = cbor.blob(items[4], 4096, 16)
    judge_list(parents)
    judge_list([device for device, _ in recipients])
    require(key_id != ZERO32, "epoch.key_id", "CTL-30")
    return {"group": group, "parents": parents, "keyId": key_id, "inherited": inherited,
            "recipients": [{"device": device, "sealed": sealed} for device, sealed in recipients]}


def frontier(items, space, author):
    """CTL-40."""
    proven = rows(items[0], 256, lambda one: cbor.blob(one, 8192), lambda one: cbor.fixed(one, 64))
    claimed = rows(items[1], 4096, key, sequence, key)
    not_zero(*(part for by, _, entry in claimed for part in (by, entry)))
    in_order([by for by, _, _ in claimed])
    return {"proven": [{"header": header, "signature": signature} for header, signature in proven],
            "claimed": [{"author": by, "sequence": at, "id": entry} for by, at, entry in claimed]}


def group(items, space, author):
    """CTL-50."""
    changed, sealed, added = key(items[0]), optional(items[1], label), keys(items[2], 1024)
    removed = rows(items[3], 1024, key, cuts)
    judge_list(added)
    judge_removed(removed)
    require(not set(added) & {device for device, _ in removed}, "group.both", "CTL-50")
    require(changed != ZERO32 or not removed, "group.founding", "CTL-50")
    return {"group": changed, "label": sealed, "added": added, "removed": say_removed(removed)}


def erase(items, space, author):
    """CTL-60."""
    ids = keys(items[0], 4096)
    ranges = rows(items[1], 4096, key, sequence, lambda one: optional(one, lambda topic: cbor.fixed(topic, 16)))
    judge_list(ids)
    not_zero(*(by for by, _, _ in ranges))
    # `null` comes before any topic.
    in_order([(by, at, topic is not None, topic or b"") for by, at, topic in ranges])
    require(ids or ranges, "erase.empty", "CTL-60")
    return {"ids": ids, "ranges": [{"author": by, "sequence": at, "topic": topic} for by, at, topic in ranges]}


def recovery(items, space, author):
    """CTL-70."""
    card = optional(items[0], lambda one: joining_card(cbor.blob(one, 204)))
    revoked = rows(items[1], 1024, key, cuts)
    follower = optional(items[2], lambda one: [key(part) for part in cbor.exactly(one, 2)])
    judge_removed(revoked)
    require(card is None or card[0] == space, "grant.space", "CTL-10")
    require(card is not None or follower is not None, "recovery.empty", "CTL-70")
    if follower is not None:
        taken = [ZERO32, author] + ([] if card is None else [card[1]["author"], card[1]["sealingKey"]])
        good = follower[0] != follower[1] and not set(follower) & set(taken)
        require(good and not gives_zero(follower[1]), "recovery.next", "CTL-70")
    return {"device": card and card[1], "revoked": say_removed(revoked),
            "next": follower and {"author": follower[0], "sealingKey": follower[1]}}


KINDS = {1: (3, grant), 2: (3, change_role), 3: (2, revoke), 4: (5, epoch), 5: (2, frontier), 6: (4, group),
         7: (2, erase), 8: (3, recovery)}


# --- Cases --------------------------------------------------------------------------------------------------------------


def runner(kind):
    def run(case, given):
        data = case.bytes("payload")
        if "repeated" in case:
            data += case.bytes("repeated") * case["times"]
        case.agree("fields", read(kind, data, given.bytes("space"), given.bytes("author")))
        case.agree("payload", cbor.encode(cbor.decode(data)))

    return run


NAMES = {1: "grant", 2: "role", 3: "revoke", 4: "epoch", 5: "frontier", 6: "group", 7: "erase", 8: "recovery"}
ALGORITHMS = {f"control-{name}": runner(kind) for kind, name in NAMES.items()}
