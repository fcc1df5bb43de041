"""Chapter manifest.md: contents as chunks and manifests, file records."""

import cbor
import entries
import keys
import sealing
from common import MAX63, Disagreement, Refusal

MOST_CHILDREN = 8192
LONGEST_CHUNK = 1_048_554
CHUNK, MANIFEST, FILE = 18, 19, 20
TYPES = ("file", "directory")


class Manifest:
    """MAN-4 and MAN-5, step by step."""

    def __init__(self, data):
        _, level, length, chunk, children = cbor.versioned(cbor.decode(data), 5, "manifest.version", "MAN-4")
        self.level = cbor.integer(level, 2)
        self.length = cbor.integer(length, MAX63)
        self.chunk = cbor.integer(chunk, LONGEST_CHUNK, 1)
        self.children = cbor.array(children, MOST_CHILDREN)
        for child in self.children:
            for part in cbor.exactly(child, 2):
                cbor.fixed(part, 32)
        self.span = self.chunk * MOST_CHILDREN**self.level
        if len(self.children) != -(-self.length // self.span):
            raise Refusal("manifest.shape", "MAN-5")

    def judge_root(self):
        if self.level > 0 and len(self.children) < 2:
            raise Refusal("manifest.place", "MAN-5")

    def judge_place(self, parent, length):
        if (self.level, self.chunk, self.length) != (parent.level - 1, parent.chunk, length):
            raise Refusal("manifest.place", "MAN-5")

    def child_length(self, i):
        return min(self.span, self.length - i * self.span)

    def encode(self):
        return cbor.encode([1, self.level, self.length, self.chunk, self.children])


class Reader:
    """MAN-7: reads a content from entries that verify."""

    def __init__(self, held, epoch_keys):
        self.held, self.epoch_keys = held, epoch_keys

    def open(self, one, kind):
        header, payload = self.held[one]
        if header["kind"] != kind:
            raise Refusal("manifest.kind", "MAN-7")
        return sealing.open_payload(header, payload, self.epoch_keys)

    def read(self, root, start=None, end=None):
        plaintext, epoch_key = self.open(root, MANIFEST)
        manifest = Manifest(plaintext)
        manifest.judge_root()
        start, end = start or 0, manifest.length if end is None else end
        return self._under(manifest, epoch_key, start, end)

    def _under(self, manifest, epoch_key, start, end):
        """The bytes from start to end, counted from the first byte under the manifest."""
        out = b""
        for i, (one, hashed) in enumerate(manifest.children):
            first, length = i * manifest.span, manifest.child_length(i)
            low, high = max(start, first), min(end, first + length)
            if low >= high:
                continue
            plaintext, _ = self.open(one, CHUNK if manifest.level == 0 else MANIFEST)
            if keys.chunk_hash(epoch_key, plaintext) != hashed:
                raise Refusal("manifest.hash", "MAN-7")
            if manifest.level == 0:
                if len(plaintext) != length:
                    raise Refusal("manifest.chunk_length", "MAN-7")
                out += plaintext[low - first:high - first]
            else:
                below = Manifest(plaintext)
                below.judge_place(manifest, length)
                out += self._under(below, epoch_key, low - first, high - first)
        return out


def read_file_record(data):
    """MAN-8 to MAN-10, step by step."""
    items = cbor.versioned(cbor.decode(data), 7, "file.version", "MAN-8")
    _, path, kind, manifest, size, executable, modified = items
    for component in cbor.array(path, 64):
        cbor.text(component, 255)
    cbor.integer(kind)
    if manifest is not None:
        cbor.fixed(manifest, 32)
    cbor.integer(size, MAX63)
    cbor.boolean(executable)
    if modified is not None:
        cbor.integer(modified, MAX63)
    if not path or any(part in ("", ".", "..") or "/" in part or "\0" in part for part in path):
        raise Refusal("file.path", "MAN-9")
    is_file = kind == 0 and manifest is not None
    is_directory = kind == 1 and manifest is None and size == 0 and not executable
    if not is_file and not is_directory:
        raise Refusal("file.type", "MAN-10")
    return {"path": path, "type": TYPES[kind], "manifest": manifest, "size": size, "executable": executable,
            "modifiedMs": modified}


def framed_lengths(length, chunk):
    """MAN-1 and MAN-3: bytes of content in each chunk, and of its framed plaintext."""
    out = []
    for first in range(0, length, chunk):
        size = min(chunk, length - first)
        grown = min(chunk, size + sealing.padme(length) - length)
        out.append({"bytes": size, "framed": min(sealing.padme(6 + grown), sealing.LONGEST_FRAMED)})
    return out


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_manifest(case, group):
    data = case.bytes("plaintext") + (case.bytes("repeated") or b"") * case.get("times", 0)
    manifest = Manifest(data)
    if case["isRoot"]:
        manifest.judge_root()
    if manifest.encode() != data:
        raise Disagreement("another encoding")
    case.agree("level", manifest.level)
    case.agree("length", manifest.length)
    case.agree("chunkBytes", manifest.chunk)
    case.agree("ids", [one for one, _ in manifest.children])
    case.agree("hashes", [hashed for _, hashed in manifest.children])
    case.agree("childLengths", [manifest.child_length(i) for i in range(len(manifest.children))])


def run_padding(case, group):
    length = case.number("length")
    if group["function"] == "padme":
        case.agree("padded", sealing.padme(length))
    else:
        case.agree("chunks", framed_lengths(length, case.number("chunkBytes")))


def run_content(case, group):
    held = {}
    for entry in case["entries"]:
        data, signature, payload = (bytes.fromhex(entry[name]) for name in ("header", "signature", "payload"))
        header, own = entries.verify(data, signature, payload, group.bytes("space"))
        if own.hex() != entry["id"]:
            raise Disagreement(f"id of an entry: {own.hex()}")
        held[own] = header, payload
    reader = Reader(held, group.all_bytes("epochKeys"))
    limits = (case.number("start"), case.number("end")) if "start" in case else ()
    case.agree("content", reader.read(case.bytes("root"), *limits))


def run_file(case, group):
    record = read_file_record(case.bytes("plaintext"))
    for name, value in record.items():
        case.agree(name, value)
    items = [1, record["path"], TYPES.index(record["type"]), record["manifest"], record["size"], record["executable"],
             record["modifiedMs"]]
    case.agree("plaintext", cbor.encode(items))


ALGORITHMS = {"manifest": run_manifest, "padding": run_padding, "content": run_content, "file-record": run_file}
