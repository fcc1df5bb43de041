"""Chapter keys.md: epoch keys, key transfers, cards. Key files and logins have modules of their own."""

import cbor
import primitives
from common import H, MAC, Disagreement, Refusal, agreement, gives_zero, signature_holds

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
LONGEST_CARD, LONGEST_CARD_TEXT = 256, 416
LONGEST_TRANSFER, LONGEST_TRANSFER_TEXT = 278528, 445652


def key_id(epoch_key):
    return H("bulla 2026 key id", epoch_key)


def topic(epoch_key, space, name):
    return MAC(H("bulla 2026 topic", epoch_key + space), name)[:16]


def chunk_hash(epoch_key, plaintext):
    """MAN-6."""
    return MAC(H("bulla 2026 chunk hash", epoch_key), plaintext)


# --- Text (CARD-4) ------------------------------------------------------------------------------------------------------


def armour(prefix, context, data):
    data += H(context, data)[:4]
    bits = int.from_bytes(data, "big") << (-8 * len(data) % 5)
    count = (8 * len(data) + 4) // 5
    return prefix + "".join(BASE32[bits >> 5 * (count - 1 - i) & 31] for i in range(count))


def unarmour(text, prefix, context, longest, clause):
    text = text.strip("\t\n\f\r ")
    if not text.startswith(prefix):
        raise Refusal("armour.prefix", clause)
    letters = text[len(prefix):]
    if len(letters.encode()) > longest:
        raise Refusal("armour.too_long", clause)
    if any(letter not in BASE32 for letter in letters) or len(letters) % 8 in (1, 3, 6):
        raise Refusal("armour.base32", clause)
    bits = 0
    for letter in letters:
        bits = bits << 5 | BASE32.index(letter)
    unused = 5 * len(letters) % 8
    if bits & ((1 << unused) - 1):
        raise Refusal("armour.base32", clause)
    data = (bits >> unused).to_bytes(5 * len(letters) // 8, "big")
    if len(data) < 4 or H(context, data[:-4])[:4] != data[-4:]:
        raise Refusal("armour.checksum", clause)
    return data[:-4]


# --- Cards --------------------------------------------------------------------------------------------------------------


def read_card(data):
    """CARD-5, step by step."""
    if len(data) > LONGEST_CARD:
        cbor.refuse("cbor.bounds")
    _, author, sealing_key, label, signature = items = cbor.versioned(cbor.decode(data), 5, "card.version", "CARD-1")
    cbor.fixed(author, 32)
    cbor.fixed(sealing_key, 32)
    cbor.text(label)
    cbor.fixed(signature, 64)
    if not label_fits(label):
        raise Refusal("card.label", "CARD-2")
    if gives_zero(sealing_key):
        raise Refusal("card.sealing_key", "CARD-3")
    if not signature_holds(author, card_message(items[:4]), signature):
        raise Refusal("card.signature", "CARD-3")
    return {"author": author, "sealingKey": sealing_key, "label": label}


# CARD-6: the first and the last of each range.
HIDDEN = [(0x00, 0x1f), (0x7f, 0x9f), (0xad, 0xad), (0x34f, 0x34f), (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f),
          (0x2800, 0x2800), (0x3164, 0x3164), (0xffa0, 0xffa0), (0x61c, 0x61c), (0x200b, 0x200f), (0x2028, 0x202e),
          (0x2060, 0x206f), (0xfeff, 0xfeff), (0xfff0, 0xfffb), (0xfe00, 0xfe0f), (0xe0000, 0xe0fff), (0x13430, 0x1343f),
          (0x1bca0, 0x1bca3), (0x1d173, 0x1d17a)]


def label_fits(label):
    """CARD-2, CARD-6."""
    hidden = any(first <= ord(letter) <= last for letter in label for first, last in HIDDEN)
    return len(label.encode()) <= 64 and not hidden


def card_message(items):
    return b"bulla device card v1" + cbor.encode(items)


def make_card(signing_secret, sealing_secret, label):
    public = agreement(sealing_secret, primitives.X25519_BASE)
    items = [1, primitives.ed25519_public(signing_secret), public, label]
    return cbor.encode([*items, primitives.ed25519_sign(signing_secret, card_message(items))])


# --- Key transfers ------------------------------------------------------------------------------------------------------


def read_transfer(data):
    """KEY-8, step by step."""
    if len(data) > LONGEST_TRANSFER:
        cbor.refuse("cbor.bounds")
    items = cbor.versioned(cbor.decode(data), 8, "transfer.version", "KEY-8")
    for key in items[1:4]:
        cbor.fixed(key, 32)
    for one in cbor.array(items[4], 4096):
        cbor.fixed(one, 32)
    cbor.fixed(items[5], 32)
    cbor.blob(items[6], LONGEST_TRANSFER)
    cbor.fixed(items[7], 64)
    ids, ciphertext = items[4], items[6]
    if not ids or len(set(ids)) != len(ids) or len(ciphertext) != 32 * len(ids) + 16:
        raise Refusal("transfer.keys", "KEY-8")
    return items


def open_transfer(items, signing_secret, sealing_secret, expected):
    """KEY-9, KEY-11 and KEY-12: the epoch keys."""
    _, space, exporter, recipient, ids, encapsulated, ciphertext, signature = items
    if recipient != primitives.ed25519_public(signing_secret):
        raise Refusal("transfer.recipient", "KEY-11")
    if exporter != expected:
        raise Refusal("transfer.exporter", "KEY-11")
    message = b"bulla key transfer v1" + H("bulla 2026 transfer digest", cbor.encode(items[:7]))
    if not signature_holds(exporter, message, signature):
        raise Refusal("transfer.signature", "KEY-9")
    own = agreement(sealing_secret, primitives.X25519_BASE)
    info = b"bulla 2026 key transfer" + cbor.encode([space, exporter, recipient, own, ids])
    joined = primitives.hpke_open(sealing_secret, encapsulated, info, b"", ciphertext)
    keys = None if joined is None else [joined[i:i + 32] for i in range(0, len(joined), 32)]
    if keys is None or [key_id(key) for key in keys] != ids:
        raise Refusal("transfer.failed", "KEY-12")
    return keys


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_primitive(case, group):
    function = group["function"]
    b = case.bytes
    if function == "hkdf-sha256":
        okm = b("okm")
        case.agree("okm", primitives.hkdf(b("ikm"), b("salt"), b("info"), len(okm)))
    elif function == "chacha20-poly1305":
        case.agree("ciphertext", primitives.chacha20poly1305_seal(b("key"), b("nonce"), b("aad"), b("plaintext")))
        case.agree("plaintext", primitives.chacha20poly1305_open(b("key"), b("nonce"), b("aad"), b("ciphertext")))
    elif function == "x25519":
        case.agree("shared", primitives.x25519(b("scalar"), b("u")))
    else:
        opened = primitives.hpke_open(b("secret"), b("encapsulated"), b("info"), b("aad"), b("ciphertext"))
        case.agree("plaintext", opened)


def run_epoch_key(case, group):
    epoch_key = case.bytes("epochKey")
    case.agree("keyId", key_id(epoch_key))
    case.agree("topic", topic(epoch_key, case.bytes("space"), case.bytes("name")))
    case.agree("chunkHash", chunk_hash(epoch_key, case.bytes("plaintext")))


def run_transfer(case, group):
    text = case["text"] + case.get("repeated", "") * case.get("times", 0)
    data = unarmour(text, "bulla-key1-", "bulla 2026 transfer checksum", LONGEST_TRANSFER_TEXT, "KEY-10")
    items = read_transfer(data)
    secrets = group.bytes("signingSecret"), group.bytes("sealingSecret")
    keys = open_transfer(items, *secrets, group.bytes("exporter"))
    case.agree("space", items[1])
    case.agree("epochKeys", keys)


def run_card(case, group):
    data = unarmour(case["text"], "bulla-card1-", "bulla 2026 card checksum", LONGEST_CARD_TEXT, "CARD-4")
    card = read_card(data)
    case.agree("bytes", data)
    for name, value in card.items():
        case.agree(name, value)
    made = make_card(case.bytes("signingSecret"), case.bytes("sealingSecret"), case["label"])
    case.agree("bytes", made)
    if armour("bulla-card1-", "bulla 2026 card checksum", made) != case["text"].strip("\t\n\f\r "):
        raise Disagreement("another text")


ALGORITHMS = {"primitives": run_primitive, "epoch-key": run_epoch_key, "key-transfer": run_transfer, "card": run_card}
