"""Chapter wire.md, CMP: entries in a body, without what was said before."""

import cbor
import entries
import streams
from common import BLAKE3, MAX63, MIB, ZERO32, Disagreement, Refusal

MOST_VALUES = 65_536
MOST_MS = 2**47 - 1


class Tables:
    """CMP-1: what sender and receiver keep while a body lasts."""

    def __init__(self, space):
        self.space = space
        self.authors, self.topics, self.key_ids = [], [bytes(16)], [ZERO32]
        self.last, self.ms = {}, 0

    def _value(self, item, table, length):
        """CMP-4 and CMP-5."""
        if isinstance(item, int) and not isinstance(item, bool):
            if item >= len(table):
                raise Refusal("compact.reference", "CMP-5")
            return table[item]
        cbor.fixed(item, length)
        if item in table:
            raise Refusal("compact.not_shortest", "CMP-5")
        if len(table) < MOST_VALUES:
            table.append(item)
        return item

    def _implied(self, author, sequence):
        """CMP-6: the previous that need not be written, or None."""
        if sequence == 1:
            return ZERO32
        last = self.last.get(author)
        return last[1] if last and last[0] + 1 == sequence else None

    def _previous(self, item, implied):
        if isinstance(item, int) and not isinstance(item, bool):
            cbor.integer(item, 0)
            if implied is None:
                raise Refusal("compact.reference", "CMP-6")
            return implied
        if cbor.fixed(item, 32) == implied:
            raise Refusal("compact.not_shortest", "CMP-6")
        return item

    def _milliseconds(self, item):
        """CMP-7."""
        cbor.integer(item)
        ms = self.ms + (item >> 1 if item & 1 == 0 else -(item + 1 >> 1))
        if not 0 <= ms <= MOST_MS:
            cbor.refuse("cbor.bounds")
        return ms

    def read(self, items):
        """CMP-2, element by element, after tag and receipt."""
        author = self._value(items[2], self.authors, 32)
        sequence = cbor.integer(items[3], MAX63)
        previous = self._previous(items[4], self._implied(author, sequence))
        ms = self._milliseconds(items[5])
        counter = cbor.integer(items[6], 65535)
        kind = cbor.integer(items[7], 65535)
        topic = self._value(items[8], self.topics, 16)
        for one in cbor.array(items[9], 64):
            cbor.fixed(one, 32)
        key_id = self._value(items[10], self.key_ids, 32)
        salt, signature = cbor.fixed(items[11], 24), cbor.fixed(items[12], 64)
        if isinstance(items[13], bytes):
            payload, state = cbor.blob(items[13], MIB), {"is": "present"}
            length, content_hash = len(payload), BLAKE3(payload)
        else:
            length, content_hash, state = cbor.exactly(items[13], 3)
            cbor.integer(length, MIB)
            cbor.fixed(content_hash, 32)
            payload, state = None, streams.read_state(state)
        space = ZERO32 if kind == 0 else self.space
        header = entries.encode_header(dict(zip(entries.FIELDS, (
            1, space, author, sequence, previous, ms << 16 | counter, kind, topic, items[9], key_id, salt, length,
            content_hash))))
        own = entries.entry_id(entries.header_digest(header), signature)
        self._note(author, sequence, own, ms)
        return header, signature, own, payload, state

    def _note(self, author, sequence, own, ms):
        """CMP-9."""
        if author in self.authors:
            self.last[author] = sequence, own
        self.ms = ms

    def write(self, data, signature, payload, state):
        """The compact entry after tag and receipt, or None where only the plain form can say it (CMP-11)."""
        try:
            header = entries.read_header(data)
        except Refusal:
            return None
        if header["kind"] and header["space"] != self.space:
            return None
        if payload is not None and (len(payload), BLAKE3(payload)) != (header["payloadLength"], header["contentHash"]):
            return None
        author, sequence, previous = header["author"], header["sequence"], header["previous"]
        if previous == self._implied(author, sequence):
            previous = 0
        ms = header["timestamp"] >> 16
        d = ms - self.ms
        items = [self._written(author, self.authors), sequence, previous, 2 * d if d >= 0 else -2 * d - 1,
                 header["timestamp"] & 0xFFFF, header["kind"], self._written(header["topic"], self.topics),
                 header["dependencies"], self._written(header["keyId"], self.key_ids), header["salt"], signature,
                 payload if payload is not None
                 else [header["payloadLength"], header["contentHash"], streams.state_item(state)]]
        self._note(author, sequence, entries.entry_id(entries.header_digest(data), signature), ms)
        return items

    @staticmethod
    def _written(value, table):
        if value in table:
            return table.index(value)
        if len(table) < MOST_VALUES:
            table.append(value)
        return value


# --- Cases --------------------------------------------------------------------------------------------------------------


def write_put(space, found):
    """The body of a put, each entry in the compact form where that can carry it."""
    tables, body = Tables(space), b""
    for entry in found:
        items = tables.write(entry["header"], entry["signature"], entry["payload"], entry["state"])
        if items is None:
            payload = streams.state_item(entry["state"]) if entry["payload"] is None else entry["payload"]
            body += cbor.encode([3, 0, entry["header"], entry["signature"], payload])
        else:
            body += cbor.encode([2, 0, *items])
    return body + cbor.encode([0, len(found)])


def verifies(entry, space):
    try:
        entries.verify(entry["header"], entry["signature"], entry["payload"], space)
    except Refusal:
        return False
    return True


def run(case, group):
    space, body = group.bytes("space"), case.bytes("body")
    found = streams.Reader("put", body, space).read()[:-1]
    case.agree("entries", found)
    writes = all(verifies(entry, space) for entry in found) and write_put(space, found) == body
    if writes is not case["senderWrites"]:
        raise Disagreement(f"senderWrites: {writes}")


ALGORITHMS = {"compact": run}
