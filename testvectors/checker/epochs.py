"""Chapter control.md: what epochs and labels seal (CTL-12, CTL-31 to CTL-34)."""

import cbor
import control
import keys
import primitives
from common import H, MAC, Disagreement, Refusal, agreement, u64

NONCE = bytes(12)
LONGEST_LABEL, MOST_OLDER_KEYS = 64, 64


# --- Epochs -------------------------------------------------------------------------------------------------------------


def place(payload, space, author):
    """What all that an epoch seals is bound to."""
    _, group, parents, key_id, _, _ = payload
    return [space, author, group, parents, key_id]


def wrap_info(payload, space, author, device, sealing_key):
    """CTL-32."""
    digest = H("bulla 2026 epoch recipients", cbor.encode([one for one, _ in payload[4]]))
    return b"bulla 2026 epoch key" + cbor.encode([*place(payload, space, author), digest, device, sealing_key])


def inheritance_key(payload, space, author, epoch_key):
    """CTL-33."""
    return H("bulla 2026 epoch inheritance", epoch_key + cbor.encode(place(payload, space, author)))


def read_inheritance(plaintext, payload, parent_key_ids):
    """CTL-33: the topic secret, for each parent its key or None, and the older keys; None if it has another form."""
    _, group, parents, key_id, _, _ = payload
    is_first = not parents and not any(group)
    try:
        topics, lists = cbor.exactly(cbor.decode(plaintext), 2)
        cbor.fixed(topics, 32)
        if is_first:
            older = [cbor.fixed(cbor.exactly(one, 1)[0], 32) for one in cbor.array(lists, MOST_OLDER_KEYS)]
            distinct = {keys.key_id(key) for key in older} | {key_id}
            return (topics, [], older) if len(distinct) == len(older) + 1 else None
        held = [cbor.array(one, 1) for one in cbor.exactly(lists, len(parent_key_ids))]
        for one, key_id in zip(held, parent_key_ids):
            if one and keys.key_id(cbor.fixed(one[0], 32)) != key_id:
                return None
    except Refusal:
        return None
    return topics, [one[0] if one else None for one in held], []


def open_inheritance(payload, space, author, parent_key_ids, epoch_key):
    """CTL-34, from the third check on."""
    key_id, inherited = payload[3], payload[5]
    found = None
    if keys.key_id(epoch_key) == key_id and key_id not in parent_key_ids:
        once = inheritance_key(payload, space, author, epoch_key)
        plaintext = primitives.chacha20poly1305_open(once, NONCE, b"", inherited)
        found = None if plaintext is None else read_inheritance(plaintext, payload, parent_key_ids)
    if found is None:
        raise Refusal("epoch.failed", "CTL-34")
    return found


def open_epoch(payload, space, author, parent_key_ids, signing_secret, sealing_secret):
    """CTL-34: the epoch key, the topic secret, the parents' keys and the older ones."""
    device = primitives.ed25519_public(signing_secret)
    sealed = dict((one, wrap) for one, wrap in payload[4]).get(device)
    if sealed is None:
        raise Refusal("epoch.not_recipient", "CTL-34")
    own = agreement(sealing_secret, primitives.X25519_BASE)
    info = wrap_info(payload, space, author, device, own)
    epoch_key = primitives.hpke_open(sealing_secret, sealed[:32], info, b"", sealed[32:])
    if epoch_key is None:
        raise Refusal("epoch.failed", "CTL-34")
    return epoch_key, *open_inheritance(payload, space, author, parent_key_ids, epoch_key)


def run_epoch(case, group):
    space, author, data = case.bytes("space"), case.bytes("author"), case.bytes("payload")
    try:
        control.read(4, data, space, author)
    except Refusal as refusal:
        raise Disagreement(f"the payload does not read: {refusal}") from refusal
    payload, ids = cbor.decode(data), case.all_bytes("parentKeyIds")
    secrets = group.bytes("signingSecret"), group.bytes("sealingSecret")
    epoch_key = case.bytes("heldKey")
    if epoch_key is None:
        epoch_key, topics, parents, older = open_epoch(payload, space, author, ids, *secrets)
        case.agree("epochKey", epoch_key)
    else:
        topics, parents, older = open_inheritance(payload, space, author, ids, epoch_key)
    case.agree("topicSecret", topics)
    case.agree("parentKeys", parents)
    if older != (case.all_bytes("olderKeys") if "olderKeys" in case else []):
        raise Disagreement("other keys from before the first epoch")
    # Made anew from what came out of it.
    plaintext = cbor.encode([topics, [[] if one is None else [one] for one in parents + older]])
    once = inheritance_key(payload, space, author, epoch_key)
    if primitives.chacha20poly1305_seal(once, NONCE, b"", plaintext) != payload[5]:
        raise Disagreement("sealed again, what is handed down is something else")


# --- Labels -------------------------------------------------------------------------------------------------------------


def label_info(space, author, subject):
    """CTL-12; the subject of a group is zero."""
    return b"bulla 2026 label" + space + author + subject


def read_label(plaintext):
    """The text in a plaintext of 65 bytes."""
    length = plaintext[0]
    if length > LONGEST_LABEL or any(plaintext[1 + length:]):
        raise Refusal("label.text", "CTL-12")
    try:
        text = plaintext[1:1 + length].decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("label.text", "CTL-12") from None
    if not keys.label_fits(text):
        raise Refusal("label.text", "CTL-12")
    return text


def open_label(label, info, epoch_keys):
    """CTL-12: the text, and the epoch key it was sealed with."""
    by_id = {keys.key_id(key): key for key in epoch_keys}
    epoch_key = by_id.get(label["keyId"])
    if epoch_key is None:
        raise Refusal("open.unknown_key", "KEY-6")
    once = primitives.hkdf(epoch_key, label["salt"], info, 32)
    plaintext = primitives.chacha20poly1305_open(once, NONCE, b"", label["ciphertext"])
    if plaintext is None:
        raise Refusal("label.failed", "CTL-12")
    return read_label(plaintext), epoch_key


def seal_label(text, info, epoch_key, signing_secret, random):
    """CTL-12, with the salt of SEAL-3."""
    data = text.encode()
    plaintext = (bytes([len(data)]) + data).ljust(1 + LONGEST_LABEL, b"\0")
    secret = H("bulla 2026 salt secret", signing_secret)
    parts = b"".join(u64(len(part)) + part for part in (random, info, plaintext))
    salt = MAC(secret, parts, 24)
    once = primitives.hkdf(epoch_key, salt, info, 32)
    return salt, primitives.chacha20poly1305_seal(once, NONCE, b"", plaintext)


def run_label(case, group):
    info = label_info(group.bytes("space"), case.bytes("author"), case.bytes("subject"))
    label = {name: case.bytes(name) for name in ("keyId", "salt", "ciphertext")}
    text, epoch_key = open_label(label, info, group.all_bytes("epochKeys"))
    case.agree("label", text)
    if "random" in case:
        salt, ciphertext = seal_label(text, info, epoch_key, case.bytes("signingSecret"), case.bytes("random"))
        case.agree("salt", salt)
        case.agree("ciphertext", ciphertext)


ALGORITHMS = {"epoch": run_epoch, "label": run_label}
