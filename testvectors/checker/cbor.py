"""Chapter cbor.md: one encoding for each value."""

from common import Disagreement, Refusal

CLAUSES = {
    "cbor.truncated": "CBOR-2",
    "cbor.trailing": "CBOR-2",
    "cbor.not_shortest": "CBOR-3",
    "cbor.indefinite": "CBOR-4",
    "cbor.type": "CBOR-5",
    "cbor.map_keys": "CBOR-6",
    "cbor.utf8": "CBOR-7",
    "cbor.depth": "CBOR-8",
    "cbor.unexpected": "CBOR-9",
    "cbor.count": "CBOR-9",
    "cbor.bounds": "CBOR-10",
}
MAX_DEPTH = 8
SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}


def refuse(code):
    raise Refusal(code, CLAUSES[code])


class Decoder:
    """Reads items from bytes; maps come out as dictionaries in the order of their keys.

    With an open end more bytes may follow: then a count alone does not say that an item is cut.
    """

    def __init__(self, data, open_end=False):
        self.data, self.at, self.open_end = data, 0, open_end

    def item(self, depth=0, key_after=None):
        """One item. `key_after` is set in the place of a map key: the key before it, or -1."""
        if self.at >= len(self.data):
            refuse("cbor.truncated")
        first = self.data[self.at]
        if first in (0x5F, 0x7F, 0x9F, 0xBF, 0xFF):
            refuse("cbor.indefinite")
        major, small = first >> 5, first & 31
        if first in SIMPLE:
            self.at += 1
            if key_after is not None:
                refuse("cbor.map_keys")
            return SIMPLE[first]
        if major in (1, 6, 7) or small > 27:
            refuse("cbor.type")
        argument = self._argument(small)
        if key_after is not None and (major != 0 or argument <= key_after):
            refuse("cbor.map_keys")
        if major == 0:
            return argument
        if major in (2, 3):
            return self._string(major, argument)
        return self._collection(major, argument, depth + 1)

    def _argument(self, small):
        self.at += 1
        if small < 24:
            return small
        size = 1 << (small - 24)
        if len(self.data) - self.at < size:
            refuse("cbor.truncated")
        argument = int.from_bytes(self.data[self.at:self.at + size], "big")
        self.at += size
        if argument < (24, 2**8, 2**16, 2**32)[small - 24]:
            refuse("cbor.not_shortest")
        return argument

    def _string(self, major, length):
        if len(self.data) - self.at < length:
            refuse("cbor.truncated")
        content = self.data[self.at:self.at + length]
        self.at += length
        if major == 2:
            return content
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return refuse("cbor.utf8")

    def _collection(self, major, count, depth):
        if depth > MAX_DEPTH:
            refuse("cbor.depth")
        if count * (major - 3) > len(self.data) - self.at and not self.open_end:
            refuse("cbor.truncated")
        if major == 4:
            return [self.item(depth) for _ in range(count)]
        pairs, key = {}, -1
        for _ in range(count):
            key = self.item(depth, key)
            pairs[key] = self.item(depth)
        return pairs


def decode(data):
    """Exactly one canonical item."""
    decoder = Decoder(data)
    item = decoder.item()
    if decoder.at != len(data):
        refuse("cbor.trailing")
    return item


def _head(major, argument):
    for small, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 24:
            return bytes([major << 5 | argument])
        if argument < 1 << (8 * size):
            return bytes([major << 5 | small]) + argument.to_bytes(size, "big")
    raise ValueError(argument)


def encode(item):
    if item is None:
        return b"\xf6"
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return _head(0, item)
    if isinstance(item, bytes):
        return _head(2, len(item)) + item
    if isinstance(item, str):
        text = item.encode()
        return _head(3, len(text)) + text
    if isinstance(item, dict):
        pairs = (encode(key) + encode(value) for key, value in sorted(item.items()))
        return _head(5, len(item)) + b"".join(pairs)
    return _head(4, len(item)) + b"".join(encode(part) for part in item)


# --- What formats expect (CBOR-9, CBOR-10, CBOR-12) ---------------------------------------------------------------------


def integer(item, highest=2**64 - 1, lowest=0):
    if not isinstance(item, int) or isinstance(item, bool):
        refuse("cbor.unexpected")
    if not lowest <= item <= highest:
        refuse("cbor.bounds")
    return item


def boolean(item):
    if not isinstance(item, bool):
        refuse("cbor.unexpected")
    return item


def fixed(item, length):
    """A byte string of one length."""
    return blob(item, length, length)


def blob(item, longest, shortest=0):
    if not isinstance(item, bytes):
        refuse("cbor.unexpected")
    if not shortest <= len(item) <= longest:
        refuse("cbor.bounds")
    return item


def text(item, longest=None):
    if not isinstance(item, str):
        refuse("cbor.unexpected")
    if longest is not None and len(item.encode()) > longest:
        refuse("cbor.bounds")
    return item


def exactly(item, count):
    """An array of a fixed number of elements."""
    if not isinstance(item, list):
        refuse("cbor.unexpected")
    if len(item) != count:
        refuse("cbor.count")
    return item


def array(item, most, least=0):
    """An array of a number of elements that may vary."""
    if not isinstance(item, list):
        refuse("cbor.unexpected")
    if not least <= len(item) <= most:
        refuse("cbor.bounds")
    return item


def mapping(item, most):
    if not isinstance(item, dict):
        refuse("cbor.unexpected")
    if len(item) > most:
        refuse("cbor.bounds")
    return item


def versioned(item, count, code, clause):
    """An array whose first element is the version, 1, which is judged before the number of elements."""
    if not isinstance(item, list):
        refuse("cbor.unexpected")
    if not item:
        refuse("cbor.count")
    if integer(item[0]) != 1:
        raise Refusal(code, clause)
    return exactly(item, count)


# --- Cases --------------------------------------------------------------------------------------------------------------


def run(case, group):
    data = case.bytes("bytes")
    item = decode(data)
    if encode(item) != data:
        raise Disagreement("another encoding")


ALGORITHMS = {"cbor": run}
