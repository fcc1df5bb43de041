"""The primitives that the spec builds on, from their own specifications, in plain Python without dependencies.

BLAKE3 (hash, keyed hash, key derivation, extended output), Ed25519 verification by ZIP-215, X25519 (RFC 7748),
ChaCha20-Poly1305 (RFC 8439), HKDF-SHA256 (RFC 5869) and HPKE in base mode (RFC 9180). Slow, and not constant-time: for
checking test vectors only. `python3 primitives.py` checks each against published known answers.
"""

import functools
import hashlib
import hmac
import struct

# --- BLAKE3 -----------------------------------------------------------------------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64
M32 = 0xFFFFFFFF
COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)


def compress(cv, words, counter, length, flags):
    """The compression function: 16 words out of a chaining value, a block, a counter, a length and flags."""
    v = [*cv, *IV[:4], counter & M32, counter >> 32, length, flags]
    m = words
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            va = (v[a] + v[b] + m[2 * i]) & M32
            x = v[d] ^ va
            vd = (x >> 16) | ((x << 16) & M32)
            vc = (v[c] + vd) & M32
            x = v[b] ^ vc
            vb = (x >> 12) | ((x << 20) & M32)
            va = (va + vb + m[2 * i + 1]) & M32
            x = vd ^ va
            vd = (x >> 8) | ((x << 24) & M32)
            vc = (vc + vd) & M32
            x = vb ^ vc
            v[a], v[b], v[c], v[d] = va, (x >> 7) | ((x << 25) & M32), vc, vd
        m = [m[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ cv[i] for i in range(8)]


def _blocks(data):
    pieces = [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
    return [(struct.unpack("<16I", piece.ljust(64, b"\0")), len(piece)) for piece in pieces]


def _chunk(key, data, counter, flags):
    """The node of one chunk: everything compress needs, with the last block not compressed yet."""
    cv, blocks = key, _blocks(data)
    for i, (words, length) in enumerate(blocks):
        f = flags | (CHUNK_START if i == 0 else 0) | (CHUNK_END if i == len(blocks) - 1 else 0)
        if i == len(blocks) - 1:
            return (cv, words, counter, length, f)
        cv = compress(cv, words, counter, length, f)[:8]


def _tree(key, data, first, flags):
    if len(data) <= 1024:
        return _chunk(key, data, first, flags)
    left = 1024
    while left * 2 < len(data):
        left *= 2
    children = [(data[:left], first), (data[left:], first + left // 1024)]
    words = [word for piece, start in children for word in compress(*_tree(key, piece, start, flags))[:8]]
    return (key, words, 0, 64, flags | PARENT)


def _blake3(key, data, flags, length):
    cv, words, _, size, f = _tree(key, bytes(data), 0, flags)
    out = b""
    for counter in range((length + 63) // 64):
        out += struct.pack("<16I", *compress(cv, words, counter, size, f | ROOT))
    return out[:length]


def blake3(data, length=32):
    return _blake3(IV, data, 0, length)


def blake3_keyed(key, data, length=32):
    return _blake3(struct.unpack("<8I", key), data, KEYED, length)


@functools.lru_cache(maxsize=None)
def _context_key(context):
    return struct.unpack("<8I", _blake3(IV, context.encode(), CONTEXT, 32))


def blake3_derive(context, material, length=32):
    return _blake3(_context_key(context), material, MATERIAL, length)


# --- Curve25519: Ed25519 by ZIP-215, X25519 -----------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _is_identity(point):
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def ed25519_decode(encoding):
    """A point by the rule of ZIP-215 (y need not be reduced, a sign on x = 0 is ignored), or None."""
    number = int.from_bytes(encoding, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * SQRT_M1 % P
        if (v * x * x - u) % P:
            return None
    if x & 1 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


BASE = ed25519_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_key_usable(key):
    """Whether the key decodes and is not of small order."""
    point = ed25519_decode(key)
    return point is not None and not _is_identity(_multiply(8, point))


def ed25519_verify(key, message, signature):
    """ZIP-215: s < l, and [8][s]B = [8]R + [8][k]A."""
    a, r = ed25519_decode(key), ed25519_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus_a = (-a[0] % P, a[1], a[2], -a[3] % P)
    minus_r = (-r[0] % P, r[1], r[2], -r[3] % P)
    rest = _add(_add(_multiply(s, BASE), minus_r), _multiply(k, minus_a))
    return _is_identity(_multiply(8, rest))


def _encode(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


def _scalar(seed):
    a = bytearray(hashlib.sha512(seed).digest()[:32])
    a[0] &= 248
    a[31] = (a[31] & 127) | 64
    return int.from_bytes(a, "little")


@functools.lru_cache(maxsize=None)
def ed25519_public(seed):
    return _encode(_multiply(_scalar(seed), BASE))


def ed25519_sign(seed, message):
    """RFC 8032, section 5.1.6."""
    r = int.from_bytes(hashlib.sha512(hashlib.sha512(seed).digest()[32:] + message).digest(), "little") % L
    point = _encode(_multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(point + ed25519_public(seed) + message).digest(), "little") % L
    return point + ((r + k * _scalar(seed)) % L).to_bytes(32, "little")


def x25519(scalar, u):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(u, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for bit in range(254, -1, -1):
        b = (k >> bit) & 1
        if swap ^ b:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = b
        a, c = (x2 + z2) % P, (x3 + z3) % P
        b, d = (x2 - z2) % P, (x3 - z3) % P
        aa, bb = a * a % P, b * b % P
        e = (aa - bb) % P
        da, cb = d * a % P, c * b % P
        x3, z3 = pow(da + cb, 2, P), x1 * pow(da - cb, 2, P) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


X25519_BASE = (9).to_bytes(32, "little")

# --- ChaCha20-Poly1305 --------------------------------------------------------------------------------------------------


def _chacha_block(key, counter, nonce):
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter,
             *struct.unpack("<3I", nonce)]
    w = list(state)
    for _ in range(10):
        for a, b, c, d in COLUMNS_AND_DIAGONALS:
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                w[x] = (w[x] + w[y]) & M32
                t = w[z] ^ w[x]
                w[z] = ((t << n) & M32) | (t >> (32 - n))
    return struct.pack("<16I", *((a + b) & M32 for a, b in zip(w, state)))


def _chacha_xor(key, counter, nonce, data):
    stream = b"".join(_chacha_block(key, counter + i, nonce) for i in range((len(data) + 63) // 64))
    return bytes(a ^ b for a, b in zip(data, stream))


def _poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    accumulator = 0
    for i in range(0, len(message), 16):
        accumulator = (accumulator + int.from_bytes(message[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((accumulator + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def _tag(key, nonce, aad, ciphertext):
    pad = lambda data: data + bytes(-len(data) % 16)
    lengths = struct.pack("<QQ", len(aad), len(ciphertext))
    return _poly1305(_chacha_block(key, 0, nonce)[:32], pad(aad) + pad(ciphertext) + lengths)


def chacha20poly1305_seal(key, nonce, aad, plaintext):
    ciphertext = _chacha_xor(key, 1, nonce, plaintext)
    return ciphertext + _tag(key, nonce, aad, ciphertext)


def chacha20poly1305_open(key, nonce, aad, sealed):
    """The plaintext, or None when the tag does not fit."""
    if len(sealed) < 16 or _tag(key, nonce, aad, sealed[:-16]) != sealed[-16:]:
        return None
    return _chacha_xor(key, 1, nonce, sealed[:-16])


# --- HKDF-SHA256 and HPKE -------------------------------------------------------------------------------------------------


def hkdf_extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def hkdf_expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def hkdf(ikm, salt, info, length):
    return hkdf_expand(hkdf_extract(salt, ikm), info, length)


KEM_SUITE = b"KEM" + bytes([0x00, 0x20])
HPKE_SUITE = b"HPKE" + bytes([0x00, 0x20, 0x00, 0x01, 0x00, 0x03])


def _labeled_extract(suite, salt, label, ikm):
    return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite, prk, label, info, length):
    return hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def hpke_open(secret, encapsulated, info, aad, sealed):
    """DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; base mode, first message. None if it does not open."""
    shared = x25519(secret, encapsulated)
    if shared == bytes(32):
        return None
    context = encapsulated + x25519(secret, X25519_BASE)
    prk = _labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    shared_secret = _labeled_expand(KEM_SUITE, prk, b"shared_secret", context, 32)
    schedule = b"\0" + _labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
    schedule += _labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    secret = _labeled_extract(HPKE_SUITE, shared_secret, b"secret", b"")
    key = _labeled_expand(HPKE_SUITE, secret, b"key", schedule, 32)
    nonce = _labeled_expand(HPKE_SUITE, secret, b"base_nonce", schedule, 12)
    return chacha20poly1305_open(key, nonce, aad, sealed)


# --- Published known answers ----------------------------------------------------------------------------------------------


def self_check():
    """Raises AssertionError when a primitive does not give its published answer."""
    unhex = bytes.fromhex
    pattern = bytes(i % 251 for i in range(31744))
    # BLAKE3 test_vectors.json: input lengths 0, 1025 and 31744.
    assert blake3(b"").hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert blake3(pattern[:1025]).hex().startswith("d00278ae47eb27b34faecf67b4fe263f")
    assert blake3(pattern).hex().startswith("62b6960e1a44bcc1eb1a611a8d6235b6")
    key = b"whats the Elvish word for friend"
    assert blake3_keyed(key, b"").hex().startswith("92b2b75604ed3c761f9d6f62392c8a92")
    assert blake3_derive("BLAKE3 2019-12-27 16:29:52 test vectors context", b"").hex().startswith("2cc39783c223154f")
    # RFC 8032, section 7.1, test 2.
    seed = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = ed25519_public(seed)
    assert public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    assert ed25519_sign(seed, b"\x72") == signature
    assert ed25519_verify(public, b"\x72", signature) and not ed25519_verify(public, b"\x73", signature)
    # RFC 7748, section 5.2.
    scalar = unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    u = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert x25519(scalar, u).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    # RFC 8439, section 2.8.2.
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
            b"would be it.")
    sealed = chacha20poly1305_seal(bytes(range(0x80, 0xA0)), unhex("070000004041424344454647"),
                                   unhex("50515253c0c1c2c3c4c5c6c7"), text)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    # RFC 5869, A.1.
    okm = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex().startswith("3cb25f25faacd57a90434f64d0362f2a")


if __name__ == "__main__":
    self_check()
    print("primitives: all known answers agree")
