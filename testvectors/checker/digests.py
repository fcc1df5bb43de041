"""Chapter digests.md: set digests, log hashes, Bloom filters."""

import struct

import cbor
from common import H, XOF, Disagreement

WORDS = struct.Struct("<1024H")
MOST_BITS = 2**28
MOST_COUNT = 2**26


def set_element(one):
    return WORDS.unpack(XOF("bulla 2026 set element", one, 2048))


def set_state(added, removed=()):
    state = [0] * 1024
    for ids, sign in ((added, 1), (removed, -1)):
        for one in ids:
            state = [(word + sign * other) & 0xFFFF for word, other in zip(state, set_element(one))]
    return WORDS.pack(*state)


def set_digest(state):
    return H("bulla 2026 set digest", state)


def log_hashes(space, lineage, ids):
    """The log hash at receipt 0, 1, 2..."""
    hashes = [H("bulla 2026 log hash", space + lineage)]
    for one in ids:
        hashes.append(H("bulla 2026 log hash", hashes[-1] + one))
    return hashes


class Bloom:
    def __init__(self, salt, hashes, count, bits):
        self.salt, self.hashes, self.count, self.bits = salt, hashes, count, bits

    @classmethod
    def read(cls, item):
        salt, hashes, count, bits = cbor.exactly(item, 4)
        return cls(cbor.fixed(salt, 16), cbor.integer(hashes, 16, 1), cbor.integer(count, MOST_COUNT),
                   cbor.blob(bits, MOST_BITS // 8, 1))

    @classmethod
    def make(cls, salt, hashes, size, ids):
        bloom = cls(salt, hashes, len(ids), bytearray(size))
        for one in ids:
            for bit in bloom.positions(one):
                bloom.bits[bit // 8] |= 1 << bit % 8
        bloom.bits = bytes(bloom.bits)
        return bloom

    def positions(self, one):
        h = H("bulla 2026 bloom", self.salt + one)
        start, step = int.from_bytes(h[:8], "little"), int.from_bytes(h[8:16], "little") | 1
        return [(start + i * step) % 2**64 % (8 * len(self.bits)) for i in range(self.hashes)]

    def holds(self, one):
        return all(self.bits[bit // 8] >> bit % 8 & 1 for bit in self.positions(one))

    def item(self):
        return [self.salt, self.hashes, self.count, self.bits]


def bloom_size(count):
    """BLM-6: length of the bit array, and number of hashes."""
    return (min(max(10 * count, 64), MOST_BITS) + 7) // 8, 7


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_set(case, group):
    state = set_state(case.all_bytes("inserted"), case.all_bytes("removed"))
    case.agree("state", state)
    case.agree("digest", set_digest(state))


def run_log(case, group):
    case.agree("hashes", log_hashes(case.bytes("space"), case.bytes("lineage"), case.all_bytes("ids")))


def run_bloom(case, group):
    bloom = Bloom.read(cbor.decode(case.bytes("filter")))
    case.agree("filter", cbor.encode(bloom.item()))
    for name, wanted in (("held", True), ("notHeld", False)):
        for text in case.get(name, []):
            if bloom.holds(bytes.fromhex(text)) is not wanted:
                raise Disagreement(f"{name}: {text}")
    made_of = case.get("madeOf")
    if made_of:
        ids = [bytes.fromhex(text) for text in made_of["inserted"]]
        made = Bloom.make(bytes.fromhex(made_of["salt"]), made_of["hashes"], made_of["bytes"], ids)
        case.agree("filter", cbor.encode(made.item()))
    if "sizedFor" in case and (len(bloom.bits), bloom.hashes) != bloom_size(case.number("sizedFor")):
        raise Disagreement("sizedFor gives other parameters")


ALGORITHMS = {"set-digest": run_set, "log-hash": run_log, "bloom": run_bloom}
