"""Chapter keys.md, KF: secrets on disk, in the age format."""

import base64
import hashlib
import hmac
import re

import cbor
import keys
import pairing
import primitives
from common import H, MAX63, ZERO32, Refusal, agreement

HEADER = re.compile(rb"age-encryption\.org/v1\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]*)\n([A-Za-z0-9+/]{43})\n"
                    rb"---( )([A-Za-z0-9+/]{43})\n")
KINDS = {"device": (1, 4), "node": (2, 3), "keyring": (3, 3), "register": (4, 3)}
LONGEST = 16 * 2**20
LONGEST_HEADER = 512
MOST_SPACES = 239_674
WITH_EPOCHS, MOST_ELEMENTS = 5, 466_033
MOST_INVITATIONS, LONGEST_LIFE = 64, 604_800_000
STATES = ("unused", "in progress", "used", "cancelled")
HIGHEST_WORK = 18
CHUNK = 65536


def _unbase64(text):
    data = base64.b64decode(text + b"=" * (-len(text) % 4))
    if base64.b64encode(data).rstrip(b"=") != text:
        raise Refusal("key_file.format", "KF-4")
    return data


def open_file(data, passphrase):
    """KF-3 to KF-6: the content."""
    if len(data) > LONGEST:
        raise Refusal("key_file.too_long", "KF-3")
    match = HEADER.match(data)
    if not match or match.end() > LONGEST_HEADER:
        raise Refusal("key_file.format", "KF-4")
    salt, body, mac = (_unbase64(match.group(i)) for i in (1, 3, 5))
    if len(match.group(2)) > 2 or int(match.group(2)) > HIGHEST_WORK:
        raise Refusal("key_file.work_factor", "KF-5")
    wrapping = hashlib.scrypt(passphrase, salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << int(match.group(2)), r=8,
                              p=1, maxmem=2**29, dklen=32)
    file_key = primitives.chacha20poly1305_open(wrapping, bytes(12), b"", body)
    if file_key is None:
        raise Refusal("key_file.passphrase", "KF-6")
    mac_key = primitives.hkdf(file_key, b"", b"header", 32)
    content = _open_stream(file_key, data[match.end():])
    if hmac.new(mac_key, data[:match.start(4)], hashlib.sha256).digest() != mac or content is None:
        raise Refusal("key_file.damaged", "KF-6")
    return content


def _open_stream(file_key, payload):
    """The payload of an age file, or None."""
    nonce, rest = payload[:16], payload[16:]
    if len(nonce) < 16 or not rest:
        return None
    key, content = primitives.hkdf(file_key, nonce, b"payload", 32), b""
    pieces = [rest[i:i + CHUNK + 16] for i in range(0, len(rest), CHUNK + 16)]
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        opened = primitives.chacha20poly1305_open(key, i.to_bytes(11, "big") + bytes([last]), b"", piece)
        if opened is None or (last and i > 0 and not opened):
            return None
        content += opened
    return content


def read_content(data, kind):
    """KF-8, step by step; the elements after version and kind."""
    item = cbor.decode(data)
    if not isinstance(item, list):
        cbor.refuse("cbor.unexpected")
    if len(item) < 2:
        cbor.refuse("cbor.count")
    if cbor.integer(item[0]) != 1:
        raise Refusal("key_file.version", "KF-8")
    number, count = KINDS[kind]
    knows_epochs = kind == "keyring" and cbor.integer(item[1]) == WITH_EPOCHS
    if cbor.integer(item[1]) != number and not knows_epochs:
        raise Refusal("key_file.kind", "KF-8")
    rest = cbor.exactly(item, count)[2:]
    if knows_epochs:
        _read_groups(rest[0])
    elif kind == "keyring":
        _read_keyring(rest[0])
    elif kind == "register":
        _read_register(rest[0])
    else:
        for secret in rest:
            cbor.fixed(secret, 32)
    return rest


def _read_keyring(item):
    """KF-11: each rule as soon as the bytes that it is about were read."""
    before = b""
    for entry in cbor.array(item, MOST_SPACES):
        space, epoch_keys = cbor.exactly(entry, 2)
        if cbor.fixed(space, 32) <= before:
            raise Refusal("key_file.rule", "KF-11")
        before, held = space, set()
        for one in cbor.array(epoch_keys, 4096, 1):
            if cbor.fixed(one, 32) in held:
                raise Refusal("key_file.rule", "KF-11")
            held.add(one)


def _read_groups(item):
    """KF-13: each rule as soon as the bytes that it is about were read."""
    def rule(holds):
        if not holds:
            raise Refusal("key_file.rule", "KF-13")

    space_before = b""
    for entry in cbor.array(item, MOST_ELEMENTS):
        space, groups = cbor.exactly(entry, 2)
        rule(cbor.fixed(space, 32) > space_before)
        space_before, group_before = space, b""
        for one in cbor.array(groups, MOST_ELEMENTS, 1):
            group, topics, learned = cbor.exactly(one, 3)
            rule(cbor.fixed(group, 32) > group_before)
            group_before, held = group, {}
            if topics is not None:
                cbor.fixed(topics, 32)
            for pair in cbor.array(learned, MOST_ELEMENTS, 1):
                epoch_key, epoch = cbor.exactly(pair, 2)
                rule(cbor.fixed(epoch_key, 32) not in held)
                held[epoch_key] = epoch if epoch is None else cbor.fixed(epoch, 32)
            epochs = list(held.values())
            if group == ZERO32:
                rule(topics is not None or not any(epochs))
            else:
                rule(topics is not None and None not in epochs)


def _groups(item, knows_epochs):
    """What a keyring of either kind holds: the list of spaces of KF-13."""
    if knows_epochs:
        return item
    return [[space, [[ZERO32, None, [[one, None] for one in held]]]] for space, held in item]


def _say_groups(spaces):
    def topic_secret(space, topics, learned):
        return H("bulla 2026 topic", learned[0][0] + space) if topics is None else topics

    return [{"space": space, "group": group, "topicSecret": topic_secret(space, topics, learned),
             "keys": [{"keyId": keys.key_id(one), "epoch": epoch} for one, epoch in learned]}
            for space, groups in spaces for group, topics, learned in groups]


def _read_register(item):
    """KF-12: each element whole, shape before rules, before the next one."""
    before = b""
    for entry in cbor.array(item, MOST_INVITATIONS):
        identity, space, inviter, secret, node, made, expires, state, joiner = cbor.exactly(entry, 9)
        cbor.fixed(identity, 32)
        cbor.fixed(space, 32)
        cbor.fixed(inviter, 16)
        if secret is not None:
            cbor.fixed(secret, 16)
        if node is not None:
            url, key = cbor.exactly(node, 2)
            cbor.text(url, 128)
            cbor.fixed(key, 32)
        cbor.integer(made, MAX63)
        cbor.integer(expires, MAX63)
        cbor.integer(state, 3)
        if joiner is not None:
            cbor.fixed(joiner, 32)
        live = state in (0, 1)
        if (secret is not None) != live or (joiner is not None) != (state in (1, 2)) or identity <= before:
            raise Refusal("key_file.rule", "KF-12")
        if live and pairing.invitation_id(secret + space + inviter) != identity:
            raise Refusal("key_file.rule", "KF-12")
        if not pairing.node_fits(node) or not 1 <= expires - made <= LONGEST_LIFE:
            raise Refusal("key_file.rule", "KF-12")
        before = identity


def run(case, group):
    content = case.bytes("content")
    if "file" in case:
        content = open_file(case.bytes("file"), case["passphrase"].encode())
        case.agree("content", content)
    rest = read_content(content, group["kind"])
    if group["kind"] == "device":
        case.agree("author", primitives.ed25519_public(rest[0]))
        case.agree("sealingKey", agreement(rest[1], primitives.X25519_BASE))
    elif group["kind"] == "node":
        case.agree("node", primitives.ed25519_public(rest[0]))
    elif group["kind"] == "register":
        case.agree("invitations", [
            {"id": one[0], "space": one[1], "madeMs": str(one[5]), "expiresMs": str(one[6]), "state": STATES[one[7]],
             "joiner": one[8]} for one in rest[0]])
    else:
        knows_epochs = cbor.decode(content)[1] == WITH_EPOCHS
        if not knows_epochs:
            held = [{"space": space, "keyIds": [keys.key_id(one) for one in held]} for space, held in rest[0]]
            case.agree("spaces", held)
        spaces = _groups(rest[0], knows_epochs)
        case.agree("groups", _say_groups(spaces))
        case.agree("written", cbor.encode([1, WITH_EPOCHS, spaces]))
    case.agree("content", cbor.encode(cbor.decode(content)))


ALGORITHMS = {"key-file": run}
