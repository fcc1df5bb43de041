"""Chapter bundle.md: a space, or a part of it, as one file."""

import cbor
import digests
import entries
import heads
import streams
from common import Refusal

TITLE = "bulla bundle"


class Reader(streams.Reader):
    """BUN-1 to BUN-3: a start item, then a stream."""

    def __init__(self, data):
        self.start, at = self._start(data)
        after = self.start["from"]["receipt"] if self.start["from"] else 0
        super().__init__("bundle", data[at:], self.start["space"], after)

    @staticmethod
    def _start(data):
        """BUN-2."""
        try:
            item, at = streams.next_item(data, 0)
            title, version, space, after, to = cbor.exactly(item, 5)
            if title != TITLE or cbor.integer(version) != 1:
                raise Refusal("bundle.version", "BUN-2")
            return {"space": cbor.fixed(space, 32), "from": None if after is None else heads.read_cursor(after),
                    "to": heads.read_head(to)}, at
        except Refusal as refusal:
            if refusal.code == "wire.truncated":
                raise
            raise Refusal("bundle.version", "BUN-2") from None


def judge(items, space):
    """BUN-6 and BUN-7, after the stream itself: the faults of entries, and the digest where there are none."""
    *found, end = items
    faults = []
    for i, entry in enumerate(found):
        try:
            entries.verify(entry["header"], entry["signature"], entry["payload"], space)
        except Refusal as refusal:
            faults.append((i, refusal))
    if faults:
        raise faults[0][1]
    if digests.set_digest(digests.set_state(entry["id"] for entry in found)) != end["digest"]:
        raise Refusal("bundle.digest", "BUN-7")


ALGORITHMS = {}
