"""Chapter wire.md: bodies that are streams (WIRE-10 to WIRE-18, WIRE-27)."""

import cbor
import compact
import entries
import errors
import heads
from common import MAX63, MIB, Refusal

LONGEST_ITEM = 1_057_792
MOST_ELEMENTS = 14
LONGEST_HEADER = 8192
STATES = ("present", "missing", "erased", "pruned")
TAGS = {"put": (0, 1, 2, 3), "get": (0, 1, 2, 3, 5, 6, 7), "scan": (0, 1, 2, 3, 4, 8), "bundle": (0, 1, 2, 3)}
ELEMENTS = {1: 6, 2: 14, 3: 5, 4: 4, 5: 1, 6: 1, 7: 1, 8: 4}
END_ELEMENTS = {"put": 2, "get": 2, "scan": 5, "bundle": 3}
MARKS = {5: "absent", 6: "corrupt", 7: "unavailable"}


def read_state(item):
    """WIRE-16."""
    if isinstance(item, list):
        number, by = cbor.exactly(item, 2)
        cbor.integer(number, 3, 2)
        return {"is": STATES[number], "by": cbor.fixed(by, 32)}
    return {"is": STATES[cbor.integer(item, 1)]}


def state_item(state):
    number = STATES.index(state["is"])
    return [number, state["by"]] if "by" in state else number


def next_item(data, at, longest=LONGEST_ITEM):
    """The item of a sequence that begins at a place, and where it ends (WIRE-11, WIRE-12)."""
    decoder = cbor.Decoder(data[at:at + longest], open_end=True)
    try:
        item = decoder.item()
    except Refusal as refusal:
        if refusal.code != "cbor.truncated":
            raise
        if len(data) - at > longest:
            raise Refusal("wire.item_too_large", "WIRE-12") from None
        raise Refusal("wire.truncated", "WIRE-11") from None
    return item, at + decoder.at


class Reader:
    """Reads a whole body; what it says of it, item by item, ends with the end item."""

    def __init__(self, kind, data, space, after=0, most_items=None, most_bytes=None):
        self.kind, self.data, self.tables = kind, data, compact.Tables(space)
        self.receipt, self.most_items, self.most_bytes = after, most_items, most_bytes
        self.items = self.bytes = 0
        self.found = []

    def read(self):
        found, at = self.found, 0
        while True:
            if at == len(self.data):
                raise Refusal("wire.truncated", "WIRE-11")
            item, at = next_item(self.data, at)
            found.append(self._item(item))
            if found[-1]["item"] == "end" or (found[-1]["item"] == "page end" and not found[-1]["more"]):
                break
        if at != len(self.data):
            raise Refusal("wire.trailing", "WIRE-11")
        return found

    def _item(self, item):
        """WIRE-14."""
        if not cbor.array(item, MOST_ELEMENTS):
            cbor.refuse("cbor.count")
        tag = cbor.integer(item[0])
        if tag not in TAGS[self.kind]:
            raise Refusal("wire.tag", "WIRE-14")
        cbor.exactly(item, ELEMENTS[tag] if tag else END_ELEMENTS[self.kind])
        if tag == 0:
            return self._end(item)
        if tag == 1:
            return self._error(item)
        said, size = self._content(tag, item)
        self.items, self.bytes = self.items + 1, self.bytes + size
        if self.most_items is not None and self.items > self.most_items:
            raise Refusal("wire.too_many_items", "WIRE-27")
        if self.most_bytes is not None and self.bytes > self.most_bytes and self.items > 1:
            raise Refusal("wire.too_many_bytes", "WIRE-27")
        return said

    def _content(self, tag, item):
        """An item that is neither end nor error, and its bytes (WIRE-27)."""
        if tag in MARKS:
            return {"item": MARKS[tag]}, 0
        said = {"receipt": self._receipt(item[1])}
        if tag == 4:
            return {"item": "id", **said, "id": cbor.fixed(item[2], 32), "state": read_state(item[3])}, 32
        if tag == 8:
            return {"item": "invalid", **said, "id": cbor.fixed(item[2], 32), "code": errors.read_code(item[3])}, 32
        if tag == 2:
            header, signature, own, payload, state = self.tables.read(item)
        else:
            header, signature, payload, state = read_plain(item[2:])
            own = entries.entry_id(entries.header_digest(header), signature)
        said.update(item="compact entry" if tag == 2 else "plain entry", header=header, signature=signature, id=own,
                    payload=payload, state=state)
        return said, len(header) + len(signature) + len(payload or b"")

    def _receipt(self, item):
        """WIRE-17."""
        distance = cbor.integer(item, MAX63)
        if self.kind in ("put", "get"):
            if distance:
                raise Refusal("wire.receipts", "WIRE-17")
            return 0
        if not distance or self.receipt + distance > MAX63:
            raise Refusal("wire.receipts", "WIRE-17")
        self.receipt += distance
        return self.receipt

    def _end(self, item):
        count = cbor.integer(item[1], MAX63)
        said = {"item": "end", "count": count}
        if self.kind == "scan":
            cursor = heads.read_cursor(item[2])
            said.update(item="page end", cursor=cursor, end=cbor.boolean(item[3]), more=cbor.boolean(item[4]))
            if cursor["receipt"] < self.receipt:
                raise Refusal("wire.receipts", "WIRE-17")
            self.receipt = cursor["receipt"]
        if self.kind == "bundle":
            said["digest"] = cbor.fixed(item[2], 32)
        if count != self.items:
            raise Refusal("wire.count", "WIRE-11")
        self.items = self.bytes = 0
        return said

    @staticmethod
    def _error(item):
        """WIRE-18."""
        raise Refusal(errors.read_error(item[1:])["code"], "WIRE-18")


def read_plain(items):
    """WIRE-15: header, signature, payload or none, state."""
    header, signature, payload = items
    cbor.blob(header, LONGEST_HEADER)
    cbor.fixed(signature, 64)
    if isinstance(payload, bytes):
        return header, signature, cbor.blob(payload, MIB), {"is": "present"}
    return header, signature, None, read_state(payload)


# --- Cases --------------------------------------------------------------------------------------------------------------


def run(case, group):
    body = case.bytes("body") + (case.bytes("repeated") or b"") * case.get("times", 0)
    reader = Reader(group["stream"], body, group.bytes("space"), group.number("after"), group["mostItems"],
                    group["mostBytes"])
    case.agree("items", reader.read())


ALGORITHMS = {"stream": run}
