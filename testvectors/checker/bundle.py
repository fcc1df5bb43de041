"""Chapter bundle.md: a space, or a part of it, as one file."""

import cbor
import digests
import entries
import heads
import streams
from common import Refusal

BEGINNING = cbor.encode(["bulla bundle", 1, 0, 0, 0])[:15]


class Reader(streams.Reader):
    """BUN-1 to BUN-3: a start item, then a stream."""

    def __init__(self, data):
        self.start, at = self._start(data)
        after = self.start["from"]["receipt"] if self.start["from"] else 0
        super().__init__("bundle", data[at:], self.start["space"], after)

    @staticmethod
    def _start(data):
        """BUN-2."""
        if data[:15] != BEGINNING[:len(data)]:
            raise Refusal("bundle.version", "BUN-2")
        try:
            item, at = streams.next_item(data, 0)
            _, _, space, after, to = cbor.exactly(item, 5)
            return {"space": cbor.fixed(space, 32), "from": None if after is None else heads.read_cursor(after),
                    "to": cbor.encode(heads.head_item(heads.read_head(to)))}, at
        except Refusal as refusal:
            if refusal.code == "wire.truncated":
                raise
            raise Refusal("bundle.version", "BUN-2") from None

    def verify(self):
        """BUN-6: verifies what was read before the end, or before a fault."""
        for entry in self.found:
            if "header" in entry:
                entries.verify(entry["header"], entry["signature"], entry["payload"], self.start["space"])


def run(case, group):
    """BUN-7."""
    reader = Reader(case.bytes("file"))
    try:
        *found, end = reader.read()
    except Refusal:
        if "Genuine" in case["flags"]:
            reader.verify()
        raise
    reader.verify()
    digest = digests.set_digest(digests.set_state(entry["id"] for entry in found))
    if digest != end["digest"]:
        raise Refusal("bundle.digest", "BUN-7")
    for name, value in reader.start.items():
        case[name]
        case.agree(name, value)
    case.agree("entries", found)
    case.agree("digest", digest)


ALGORITHMS = {"bundle": run}
