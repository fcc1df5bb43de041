"""Chapter pairing.md: joining cards, invitations, exchanges, mailboxes, recovery keys."""

import functools
import hashlib
from pathlib import Path

import cbor
import keys
import primitives
from common import BLAKE3, H, MAC, ZERO32, Disagreement, Refusal, agreement, gives_zero, signature_holds, u32

WHITE_SPACE = "\t\n\f\r "
LONGEST_JOINING_CARD, LONGEST_INVITATION, LONGEST_INVITATION_TEXT = 204, 240, 391
SHORTEST_MESSAGE, LONGEST_MESSAGE, LONGEST_MESSAGE_TEXT = 40, 4096, 6560
LONGEST_FRONTIER = 3904
WORD_LIST = Path(__file__).resolve().parent.parent / "vendor" / "bip39-english.txt"


# --- Joining cards ------------------------------------------------------------------------------------------------------


def read_joining_card(data):
    """PAIR-4, step by step."""
    if len(data) > LONGEST_JOINING_CARD:
        cbor.refuse("cbor.bounds")
    items = cbor.versioned(cbor.decode(data), 6, "joining_card.version", "PAIR-1")
    for part in items[1:5]:
        cbor.fixed(part, 32)
    cbor.fixed(items[5], 64)
    _, space, author, sealing_key, invitation, signature = items
    if gives_zero(sealing_key):
        raise Refusal("joining_card.sealing_key", "PAIR-3")
    if not signature_holds(author, joining_message(items[:5]), signature):
        raise Refusal("joining_card.signature", "PAIR-3")
    return {"space": space, "author": author, "sealingKey": sealing_key, "invitation": invitation}


def joining_message(items):
    return b"bulla joining card v1" + cbor.encode(items)


def make_joining_card(signing_secret, sealing_secret, space, invitation):
    public = agreement(sealing_secret, primitives.X25519_BASE)
    items = [1, space, primitives.ed25519_public(signing_secret), public, invitation]
    return cbor.encode([*items, primitives.ed25519_sign(signing_secret, joining_message(items))])


# --- Invitations --------------------------------------------------------------------------------------------------------


def inviter(author):
    return H("bulla 2026 inviter", author)[:16]


def node_fits(node):
    return node is None or (1 <= len(node[0]) <= 128 and all("!" <= letter <= "~" for letter in node[0]))


def read_invitation(data):
    """PAIR-13, step by step."""
    if len(data) > LONGEST_INVITATION:
        cbor.refuse("cbor.bounds")
    items = cbor.versioned(cbor.decode(data), 6, "invitation.version", "PAIR-10")
    _, space, by, secret, node, expiry = items
    cbor.fixed(space, 32)
    cbor.fixed(by, 16)
    cbor.fixed(secret, 16)
    if node is not None:
        url, key = cbor.exactly(node, 2)
        cbor.text(url)
        cbor.fixed(key, 32)
    cbor.integer(expiry, 2**32 - 1)
    if not node_fits(node):
        raise Refusal("invitation.node", "PAIR-10")
    url, key = node or (None, None)
    return {"space": space, "inviter": by, "secret": secret, "node": url, "nodeKey": key, "expiryMinutes": expiry}


def read_invitation_text(text):
    """PAIR-12."""
    if not any("a" <= letter <= "z" for letter in text):
        text = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)
    data = keys.unarmour(text, "bulla-invite1-", "bulla 2026 invitation checksum", LONGEST_INVITATION_TEXT, "PAIR-12")
    return data, read_invitation(data)


def root(invitation):
    return invitation["secret"] + invitation["space"] + invitation["inviter"]


def invitation_id(root):
    return H("bulla 2026 invitation id", root)


def mailbox_seed(root):
    return H("bulla 2026 mailbox key", root)


# --- Messages -----------------------------------------------------------------------------------------------------------


class Line:
    """The messages of one exchange, one after the other (PAIR-20, PAIR-21)."""

    def __init__(self, root):
        self.root, self.number, self.history = root, 1, invitation_id(root)

    def _key(self, salt):
        side = "joiner" if self.number % 2 else "approver"
        return H(f"bulla 2026 pairing {side} key", self.root + self.history + salt)

    def _nonce(self):
        return bytes(11) + bytes([self.number])

    def _pass(self, message):
        self.history = H("bulla 2026 pairing history", self.history + message)
        self.number += 1

    def seal(self, random, content):
        salt = H("bulla 2026 pairing salt", self.root + self.history + random + content)[:24]
        sealed = primitives.chacha20poly1305_seal(self._key(salt), self._nonce(), self.history, content)
        self._pass(salt + sealed)
        return salt + sealed

    def open(self, message):
        """PAIR-23."""
        opened = None
        if SHORTEST_MESSAGE <= len(message) <= LONGEST_MESSAGE:
            salt, sealed = message[:24], message[24:]
            opened = primitives.chacha20poly1305_open(self._key(salt), self._nonce(), self.history, sealed)
        if opened is None:
            raise Refusal("pairing.failed", "PAIR-23")
        self._pass(message)
        return opened


def parts_hash(context, parts):
    return H(context, b"".join(u32(len(part)) + part for part in parts))


def commitment(identity, side, card, nonce):
    """PAIR-26."""
    return parts_hash("bulla 2026 pairing commitment", [identity, bytes([side]), card, nonce])


def draw_nonce(signing_secret, random, history):
    """PAIR-26."""
    salt_secret = H("bulla 2026 salt secret", signing_secret)
    return MAC(salt_secret, b"bulla 2026 pairing nonce" + random + history)


def code(space, identity, joining_card, label, card, joiner_nonce, approver_nonce):
    """PAIR-27."""
    parts = [space, identity, joining_card, label.encode(), card, joiner_nonce, approver_nonce]
    number = int.from_bytes(parts_hash("bulla 2026 pairing code", parts)[:8], "big") % 10**10
    return f"{number // 10**5:05} {number % 10**5:05}"


STATEMENTS = {5: b"bulla pairing confirmation v1", 6: b"bulla pairing approval v1"}


def statement(number, history, items):
    """PAIR-22: what messages 5 and 6 sign."""
    return STATEMENTS[number] + history + cbor.encode(items)


class Exchange:
    """What both sides know and say."""

    def __init__(self, group):
        b = group.bytes
        self.space = b("space")
        signing = b("joinerSigningSecret"), b("approverSigningSecret")
        sealing = b("joinerSealingSecret"), b("approverSealingSecret")
        self.authors = [primitives.ed25519_public(secret) for secret in signing]
        self.inviter = inviter(self.authors[1])
        self.root = b("secret") + self.space + self.inviter
        self.id = invitation_id(self.root)
        self.label = group["joinerLabel"]
        self.joining_card = make_joining_card(signing[0], sealing[0], self.space, self.id)
        self.card = keys.make_card(signing[1], sealing[1], group["approverLabel"])
        self.nonces = b("joinerNonce"), b("approverNonce")
        self.commitments = (commitment(self.id, 1, self.joining_card, self.nonces[0]),
                            commitment(self.id, 2, self.card, self.nonces[1]))
        self.contents = [[self.joining_card, self.label, self.commitments[0]], [self.card, self.commitments[1]],
                         [self.nonces[0]], [self.nonces[1]], [True], [self.space, b("grant"), b("frontier")]]
        self.signing = signing
        self.random = group.all_bytes("random")
        line = Line(self.root)
        drawn = [draw_nonce(signing[0], b("joinerNonceRandom"), line.history)]
        line.seal(self.random[0], cbor.encode(self.contents[0]))
        drawn.append(draw_nonce(signing[1], b("approverNonceRandom"), line.history))
        if tuple(drawn) != self.nonces:
            raise Disagreement("other nonces")

    def content(self, number, history):
        """PAIR-22: messages 5 and 6 are signed."""
        items = self.contents[number - 1]
        if number >= 5:
            secret = self.signing[number - 5]
            items = [*items, primitives.ed25519_sign(secret, statement(number, history, items))]
        return cbor.encode(items)

    def check_signature(self, number, history, items, signature):
        if not signature_holds(self.authors[number - 5], statement(number, history, items), signature):
            raise Refusal("pairing.signature", "PAIR-24")

    def judge(self, number, content, history):
        """PAIR-24, step by step."""
        item = cbor.decode(content)
        if number == 1:
            joining_card, label, committed = cbor.exactly(item, 3)
            cbor.blob(joining_card, LONGEST_JOINING_CARD)
            cbor.text(label)
            cbor.fixed(committed, 32)
            card = read_joining_card(joining_card)
            if (card["space"], card["invitation"]) != (self.space, self.id) or card["author"] == self.authors[1]:
                raise Refusal("pairing.card", "PAIR-24")
            if not keys.label_fits(label):
                raise Refusal("pairing.label", "PAIR-24")
        elif number == 2:
            card, committed = cbor.exactly(item, 2)
            cbor.blob(card, keys.LONGEST_CARD)
            cbor.fixed(committed, 32)
            if inviter(keys.read_card(card)["author"]) != self.inviter:
                raise Refusal("pairing.inviter", "PAIR-24")
        elif number in (3, 4):
            nonce = cbor.fixed(cbor.exactly(item, 1)[0], 32)
            side, card = (1, self.joining_card) if number == 3 else (2, self.card)
            if commitment(self.id, side, card, nonce) != self.commitments[side - 1]:
                raise Refusal("pairing.commitment", "PAIR-24")
        elif number == 5:
            confirmed, signature = cbor.exactly(item, 2)
            cbor.boolean(confirmed)
            cbor.fixed(signature, 64)
            self.check_signature(5, history, [confirmed], signature)
            if not confirmed:
                raise Refusal("pairing.declined", "PAIR-24")
        else:
            genesis, grant, frontier, signature = cbor.exactly(item, 4)
            cbor.fixed(genesis, 32)
            cbor.fixed(grant, 32)
            cbor.blob(frontier, LONGEST_FRONTIER)
            cbor.fixed(signature, 64)
            self.check_signature(6, history, [genesis, grant, frontier], signature)
            if genesis != self.space:
                raise Refusal("pairing.space", "PAIR-24")


# --- Mailboxes ----------------------------------------------------------------------------------------------------------

OPERATIONS = {"open": 1, "leave": 2, "fetch": 3, "close": 4}


def mailbox_message(node, address, operation, slot, content):
    return b"bulla mailbox v1" + cbor.encode([1, node, address, operation, slot, content])


def judge_mailbox(asked, node, address, operation, slot, content, message, proof):
    """PAIR-42, step by step."""
    with_slot = operation in (2, 3)
    if not (1 <= slot <= 8 if with_slot else slot == 0):
        raise Refusal("mailbox.slot", "PAIR-42")
    if content != (BLAKE3(message) if operation == 2 else ZERO32) or node != asked:
        raise Refusal("mailbox.proof", "PAIR-42")
    if not signature_holds(address, mailbox_message(node, address, operation, slot, content), proof):
        raise Refusal("mailbox.proof", "PAIR-42")


# --- Recovery keys ------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def word_list():
    return WORD_LIST.read_text(encoding="ascii").split()


def to_words(entropy):
    """BIP-39 for 256 bits: a checksum of 8 bits, then eleven bits a word."""
    bits = int.from_bytes(entropy + hashlib.sha256(entropy).digest()[:1], "big")
    return " ".join(word_list()[bits >> 11 * (23 - place) & 2047] for place in range(24))


def read_words(text):
    """PAIR-52, step by step."""
    for letter in WHITE_SPACE:
        text = text.replace(letter, " ")
    words = [word for word in text.split(" ") if word]
    if len(text.encode()) > 1024 or len(words) != 24:
        raise Refusal("recovery.count", "PAIR-52")
    bits = 0
    for word in words:
        word = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in word)
        if word not in word_list():
            raise Refusal("recovery.word", "PAIR-52")
        bits = bits << 11 | word_list().index(word)
    data = bits.to_bytes(33, "big")
    if hashlib.sha256(data[:32]).digest()[0] != data[32]:
        raise Refusal("recovery.checksum", "PAIR-52")
    return data[:32]


# --- Cases --------------------------------------------------------------------------------------------------------------


def run_joining_card(case, group):
    data = case.bytes("bytes")
    card = read_joining_card(data)
    for name, value in card.items():
        case.agree(name, value)
    secrets = case.bytes("signingSecret"), case.bytes("sealingSecret")
    case.agree("bytes", make_joining_card(*secrets, card["space"], card["invitation"]))


def run_invitation(case, group):
    data, invitation = read_invitation_text(case["text"])
    case.agree("bytes", data)
    for name in ("space", "node", "nodeKey", "expiryMinutes"):
        case.agree(name, invitation[name])
    if inviter(case.bytes("inviterKey")) != invitation["inviter"]:
        raise Disagreement("another inviter")
    case.agree("id", invitation_id(root(invitation)))
    case.agree("mailbox", primitives.ed25519_public(mailbox_seed(root(invitation))))
    space, by, secret, url, key, expiry = (
        invitation[name] for name in ("space", "inviter", "secret", "node", "nodeKey", "expiryMinutes"))
    case.agree("bytes", cbor.encode([1, space, by, secret, None if url is None else [url, key], expiry]))


def run_pairing(case, group):
    if "text" in case:
        keys.unarmour(case["text"], "bulla-pair1-", "bulla 2026 pairing checksum", LONGEST_MESSAGE_TEXT, "PAIR-25")
        return
    exchange = Exchange(group)
    _, invitation = read_invitation_text(group["invitation"])
    if root(invitation) != exchange.root:
        raise Disagreement("another invitation")
    sender, receiver = Line(exchange.root), Line(exchange.root)
    altered, sent = int(case.get("number", 0)), []
    for number, random in enumerate(exchange.random, 1):
        message = sender.seal(random, exchange.content(number, sender.history))
        sent.append(message)
        history = receiver.history
        exchange.judge(number, receiver.open(case.bytes("message") if number == altered else message), history)
    case.agree("messages", sent)
    case.agree("texts", [keys.armour("bulla-pair1-", "bulla 2026 pairing checksum", message) for message in sent])
    case.agree("joinerCommitment", exchange.commitments[0])
    case.agree("approverCommitment", exchange.commitments[1])
    case.agree("code", code(exchange.space, exchange.id, exchange.joining_card, exchange.label, exchange.card,
                            *exchange.nonces))


def run_mailbox(case, group):
    b = case.bytes
    operation, slot = OPERATIONS[case["operation"]], case["slot"]
    request = b("node"), b("address"), operation, slot, b("content")
    _, invitation = read_invitation_text(group["invitation"])
    judge_mailbox(group.bytes("asked"), *request, b("message"), b("proof"))
    case.agree("signed", mailbox_message(*request))
    seed = mailbox_seed(root(invitation))
    case.agree("address", primitives.ed25519_public(seed))
    case.agree("proof", primitives.ed25519_sign(seed, mailbox_message(*request)))


def run_recovery(case, group):
    entropy = read_words(case["words"])
    case.agree("entropy", entropy)
    case.agree("shown", to_words(entropy))
    case.agree("author", primitives.ed25519_public(H("bulla 2026 recovery signing", entropy)))
    case.agree("sealingKey", agreement(H("bulla 2026 recovery sealing", entropy), primitives.X25519_BASE))


def read_known_heads(data):
    """PAIR-35, step by step."""
    ids = cbor.versioned(cbor.decode(data), 2, "pairing.heads_version", "PAIR-35")[1]
    before = b""
    for identity in cbor.array(ids, 100, 1):
        if cbor.fixed(identity, 32) <= before:
            raise Refusal("pairing.heads", "PAIR-35")
        before = identity
    return ids


def run_known_heads(case, group):
    ids = read_known_heads(case.bytes("bytes"))
    case.agree("ids", ids)
    case.agree("bytes", cbor.encode([1, ids]))


ALGORITHMS = {"joining-card": run_joining_card, "invitation": run_invitation, "pairing": run_pairing,
              "known-heads": run_known_heads,
              "mailbox": run_mailbox, "recovery-key": run_recovery}
