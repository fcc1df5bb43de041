"""What all chapters share: refusals, cases, hashes and numbers in the notation of conventions.md."""

import functools

import primitives

MAX63 = 2**63 - 1
ZERO32 = bytes(32)
MIB = 2**20


class Refusal(Exception):
    """The input is refused, with a stable code, by a clause of the spec."""

    def __init__(self, code, clause):
        super().__init__(f"{code} ({clause})")
        self.code, self.clause = code, clause


class Disagreement(Exception):
    """A value computed here is not the one of the vector."""


def render(value, like):
    """A value as a vector writes it: bytes in hexadecimal digits, integers as text where the vector has text."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(like, str):
        return str(value)
    if isinstance(value, dict):
        inner = like if isinstance(like, dict) else {}
        return {name: render(part, inner.get(name)) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        inner = like if isinstance(like, list) and len(like) == len(value) else [None] * len(value)
        return [render(part, other) for part, other in zip(value, inner)]
    return value


def agree(what, computed, given):
    """Stops the case unless the value computed is the one given."""
    computed = render(computed, given)
    if computed != given or isinstance(computed, bool) != isinstance(given, bool):
        raise Disagreement(f"{what}: computed {_short(computed)}, the vector says {_short(given)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


class Case(dict):
    """A case or a group that knows which of its fields were looked at."""

    def __init__(self, fields):
        super().__init__(fields)
        self.seen = set()

    def __getitem__(self, name):
        self.seen.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.seen.add(name)
        return super().get(name, default)

    def bytes(self, name):
        """The bytes of a field, or None where it is absent."""
        value = self.get(name)
        return None if value is None else bytes.fromhex(value)

    def all_bytes(self, name):
        return [bytes.fromhex(text) for text in self[name]]

    def number(self, name):
        return int(self[name])

    def agree(self, name, computed):
        """Compares with a field, which may be absent."""
        if name in self:
            agree(name, computed, self[name])

    def unseen(self):
        return set(self) - self.seen


def u16(number):
    return number.to_bytes(2, "big")


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


@functools.lru_cache(maxsize=4096)
def H(context, message):
    return primitives.blake3_derive(context, message)


@functools.lru_cache(maxsize=1024)
def XOF(context, message, length):
    return primitives.blake3_derive(context, message, length)


@functools.lru_cache(maxsize=1024)
def BLAKE3(message):
    return primitives.blake3(message)


def MAC(key, message, length=32):
    return primitives.blake3_keyed(key, message, length)


@functools.lru_cache(maxsize=None)
def key_usable(key):
    """VER-4."""
    return len(key) == 32 and primitives.ed25519_key_usable(key)


@functools.lru_cache(maxsize=None)
def signature_holds(key, message, signature):
    """VER-4 and VER-5."""
    return len(signature) == 64 and key_usable(key) and primitives.ed25519_verify(key, message, signature)


@functools.lru_cache(maxsize=None)
def agreement(secret, public):
    return primitives.x25519(secret, public)


def gives_zero(public):
    """Whether every agreement with this X25519 key gives zero."""
    return agreement(b"\x40" * 32, public) == ZERO32


def ascending(parts):
    return all(a < b for a, b in zip(parts, parts[1:]))
