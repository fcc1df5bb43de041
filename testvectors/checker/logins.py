"""Chapter keys.md, LOGIN: the transcript two peers sign, and the tag of a challenge."""

import primitives
from common import H, MAC, Refusal, ascending, signature_holds, u32, u64

OLDEST, AHEAD = 60_000, 5_000
RESPONDER, INITIATOR = b"bulla login responder v1", b"bulla login initiator v1"


def transcript(initiator, responder, origin, spaces, initiator_nonce, responder_nonce, time):
    """LOGIN-1 and LOGIN-2. The origin is the text of an address, or the bytes of a handshake hash."""
    if isinstance(origin, str):
        if not 1 <= len(origin) <= 256 or any(not "!" <= letter <= "~" for letter in origin):
            raise Refusal("login.origin", "LOGIN-1")
        origin = b"\x01" + origin.encode()
    else:
        if len(origin) != 32:
            raise Refusal("login.origin", "LOGIN-1")
        origin = b"\x02" + origin
    if len(spaces) > 256 or not ascending(spaces):
        raise Refusal("login.spaces", "LOGIN-1")
    parts = [initiator, responder, origin, b"".join(spaces), initiator_nonce, responder_nonce, u64(time)]
    return b"".join(u32(len(part)) + part for part in parts)


def digest(data):
    return H("bulla 2026 login transcript", data)


def tag(secret, data):
    return MAC(H("bulla 2026 login challenge", secret), data)


def run(case, group):
    b = case.bytes
    initiator, responder = b("initiator"), b("responder")
    origin = case["address"] if "address" in case else b("handshake")
    time = case.number("challengeMs")
    data = transcript(initiator, responder, origin, case.all_bytes("spaces"), b("initiatorNonce"), b("responderNonce"),
                      time)
    case.agree("transcript", data)
    signed = digest(data)
    roles = (("initiator", initiator, INITIATOR), ("responder", responder, RESPONDER))
    for role, key, domain in roles:
        secret = b(f"{role}Secret")
        if secret is not None:
            if primitives.ed25519_public(secret) != key:
                raise Refusal("login.identity", "LOGIN-6")
            case.agree(f"{role}Signature", primitives.ed25519_sign(secret, domain + signed))
    signature = b("responderSignature")
    if signature is not None and not signature_holds(responder, RESPONDER + signed, signature):
        raise Refusal("login.signature", "LOGIN-3")
    if "tag" in case:
        if tag(b("challengeSecret"), data) != b("tag"):
            raise Refusal("login.challenge", "LOGIN-5")
        now = int(case.get("nowMs", time))
        if now - time > OLDEST or time - now > AHEAD:
            raise Refusal("login.expired", "LOGIN-5")
    signature = b("initiatorSignature")
    if signature is not None and not signature_holds(initiator, INITIATOR + signed, signature):
        raise Refusal("login.signature", "LOGIN-4")


ALGORITHMS = {"login": run}
