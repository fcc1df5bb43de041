"""Chapter sealing.md: frames, seals, and how a payload is opened."""

import cbor
import entries
import keys
import primitives
from common import BLAKE3, H, MAC, Refusal, u32, u64

NONCE = bytes(12)
LONGEST_FRAMED = 1_048_560


def padme(length):
    """PAD-3."""
    if length < 2:
        return length
    e = length.bit_length() - 1
    unit = 1 << (e - e.bit_length())
    return -(-length // unit) * unit


def frame(plaintext, size):
    """PAD-1 and PAD-2: framed and padded to a size."""
    if not 6 + len(plaintext) <= size <= LONGEST_FRAMED:
        raise ValueError("a frame does not fit")
    return (b"\x01\x00" + u32(len(plaintext)) + plaintext).ljust(size, b"\0")


def unframe(framed):
    """PAD-4, step by step."""
    if len(framed) < 6:
        raise Refusal("frame.truncated", "PAD-4")
    if framed[0] != 1:
        raise Refusal("frame.version", "PAD-1")
    if framed[1] != 0:
        raise Refusal("frame.coding", "PAD-1")
    length = int.from_bytes(framed[2:6], "big")
    if length > len(framed) - 6:
        raise Refusal("frame.truncated", "PAD-4")
    if any(framed[6 + length:]):
        raise Refusal("frame.padding", "PAD-4")
    return framed[6:6 + length]


def one_time_key(epoch_key, header):
    info = b"bulla 2026 payload key" + header["space"] + header["author"] + u64(header["sequence"])
    return primitives.hkdf(epoch_key, header["salt"], info, 32)


def associated_data(header):
    return cbor.encode(entries.header_items(header)[:11])


def open_payload(header, payload, epoch_keys):
    """SEAL-7: the plaintext, and the epoch key it was sealed under."""
    if header["kind"] < 16:
        raise Refusal("open.not_sealed", "SEAL-1")
    by_id = {keys.key_id(key): key for key in epoch_keys}
    epoch_key = by_id.get(header["keyId"])
    if epoch_key is None:
        raise Refusal("open.unknown_key", "KEY-6")
    framed = primitives.chacha20poly1305_open(one_time_key(epoch_key, header), NONCE, associated_data(header), payload)
    if framed is None:
        raise Refusal("open.failed", "SEAL-7")
    return unframe(framed), epoch_key


def salt(signing_secret, random, header, framed):
    """SEAL-3."""
    fields = cbor.encode(entries.header_items(header)[:10])
    secret = H("bulla 2026 salt secret", signing_secret)
    parts = u64(32) + random + u64(len(fields)) + fields + u64(len(framed)) + framed
    return MAC(secret, parts, 24)


def seal(header, plaintext, size, epoch_key, signing_secret, random):
    """SEAL-2: header, signature and payload of an entry, from its fields before the salt."""
    framed = frame(plaintext, size)
    header = dict(header, salt=salt(signing_secret, random, header, framed))
    payload = primitives.chacha20poly1305_seal(one_time_key(epoch_key, header), NONCE, associated_data(header), framed)
    header.update(payloadLength=len(payload), contentHash=BLAKE3(payload))
    data = entries.encode_header(header)
    message = entries.signing_message(entries.header_digest(data))
    return data, primitives.ed25519_sign(signing_secret, message), payload


# --- Cases --------------------------------------------------------------------------------------------------------------


def run(case, group):
    payload = case.bytes("payload")
    header, _ = entries.verify(case.bytes("header"), case.bytes("signature"), payload, group.bytes("space"))
    plaintext, epoch_key = open_payload(header, payload, group.all_bytes("epochKeys"))
    case.agree("plaintext", plaintext)
    if "random" in case:
        size = len(payload) - 16
        made = seal(header, plaintext, size, epoch_key, case.bytes("signingSecret"), case.bytes("random"))
        for name, value in zip(("header", "signature", "payload"), made):
            case.agree(name, value)


ALGORITHMS = {"sealed-payload": run}
