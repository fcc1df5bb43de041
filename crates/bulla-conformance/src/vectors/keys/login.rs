//! `login.json`: the transcript of a login, both signatures and the challenge (LOGIN-1 to LOGIN-6).

use bulla_core::{ChallengeTag, LoginNonce, NodeId, PeerKey, Signature, SpaceId};
use bulla_identity::{
    ChallengeKey, DeviceKeys, Initiator, LoginError, LoginNonces, LoginTranscript, NodeKeys, Origin,
};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Login transcripts.
pub(in super::super) struct Logins;

impl Format for Logins {
    fn name(&self) -> &'static str {
        "login"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("initiator", Shape::HexOf(32), "Ed25519 key of the one who logs in"),
            Field::required("responder", Shape::HexOf(32), "Ed25519 key of the node"),
            Field::optional("address", Shape::Text, "the origin, where it is an address"),
            Field::optional(
                "handshake",
                Shape::HexOf(32),
                "the origin, where it is a handshake hash",
            ),
            Field::required("spaces", Shape::list(Shape::HexOf(32)), "the spaces asked for"),
            Field::required("initiatorNonce", Shape::HexOf(32), "the initiator's nonce"),
            Field::required("responderNonce", Shape::HexOf(32), "the responder's nonce"),
            Field::required(
                "challengeMs",
                Shape::Uint64,
                "time of the challenge, milliseconds since 1970",
            ),
            Field::optional("transcript", Shape::Hex, "the transcript in bytes (LOGIN-2)"),
            Field::optional(
                "responderSignature",
                Shape::HexOf(64),
                "the responder's signature (LOGIN-3)",
            ),
            Field::optional(
                "initiatorSignature",
                Shape::HexOf(64),
                "the initiator's signature (LOGIN-4)",
            ),
            Field::optional(
                "challengeSecret",
                Shape::HexOf(32),
                "the secret that gives the challenge key (LOGIN-5)",
            ),
            Field::optional("tag", Shape::HexOf(32), "the challenge's tag (LOGIN-5)"),
            Field::optional(
                "nowMs",
                Shape::Uint64,
                "the responder's clock when the tag comes back; the time of the challenge if absent",
            ),
            Field::optional(
                "initiatorSecret",
                Shape::HexOf(32),
                "Ed25519 seed with which to sign as initiator",
            ),
            Field::optional(
                "responderSecret",
                Shape::HexOf(32),
                "Ed25519 seed with which to sign as responder",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Build the transcript (LOGIN-1, LOGIN-2). Then for each of these that the case gives, in this order: sign as initiator and as responder, and compare (LOGIN-3, LOGIN-4, LOGIN-6); check the responder's signature; check the tag (LOGIN-5); check the initiator's signature.")
            .note("Ed25519 is deterministic: from a secret the given signature comes out.")
            .flag("Domain", "the signature is good for the other role")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(bounds()))
            .group(Group::new().cases(signatures()))
            .group(Group::new().cases(challenges()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        match judge(inputs)? {
            Ok(()) => Ok(Verdict::Valid),
            Err((error, clause)) => Ok(Verdict::refused(&error.code(), clause)),
        }
    }
}

/// The outcome of the steps; each error with its clause.
type Judged = Result<(), (LoginError, &'static str)>;

fn judge(inputs: &Inputs<'_>) -> Result<Judged, Mismatch> {
    let by = |error: LoginError| (error, error.clause());
    let transcript = match read(inputs)? {
        Ok(transcript) => transcript,
        Err(error) => return Ok(Err(by(error))),
    };
    if inputs.find("transcript").is_some() {
        Mismatch::unless_equal("transcript", &inputs.hex("transcript")?, &transcript.to_bytes())?;
    }
    let find_signature = |name| -> Result<Option<Signature>, Mismatch> {
        inputs.find(name).map(|_| inputs.array(name).map(Signature)).transpose()
    };
    let by_initiator = find_signature("initiatorSignature")?;
    let by_responder = find_signature("responderSignature")?;
    if inputs.find("initiatorSecret").is_some() {
        let keys = DeviceKeys::dangerous_from_secrets(&inputs.array("initiatorSecret")?, &[0; 32]);
        match keys.sign_login(&transcript) {
            Ok(signature) => {
                Mismatch::unless_equal("initiatorSignature", &by_initiator, &Some(signature))?;
            }
            Err(error) => return Ok(Err(by(error))),
        }
    }
    if inputs.find("responderSecret").is_some() {
        let keys = NodeKeys::dangerous_from_secret(&inputs.array("responderSecret")?);
        match keys.answer_login(&transcript) {
            Ok(signature) => {
                Mismatch::unless_equal("responderSignature", &by_responder, &Some(signature))?;
            }
            Err(error) => return Ok(Err(by(error))),
        }
    }
    if let Some(Err(error)) = by_responder.map(|signature| transcript.verify_responder(&signature))
    {
        return Ok(Err((error, "LOGIN-3")));
    }
    if inputs.find("tag").is_some() {
        let key = ChallengeKey::from_secret(&inputs.array("challengeSecret")?);
        let now_ms = inputs
            .find("nowMs")
            .map_or(Ok(transcript.challenge_ms()), |_| inputs.uint64("nowMs"))?;
        if let Err(error) = key.check(&transcript, &ChallengeTag(inputs.array("tag")?), now_ms) {
            return Ok(Err(by(error)));
        }
    }
    if let Some(Err(error)) = by_initiator.map(|signature| transcript.verify_initiator(&signature))
    {
        return Ok(Err((error, "LOGIN-4")));
    }
    Ok(Ok(()))
}

fn read(inputs: &Inputs<'_>) -> Result<Result<LoginTranscript, LoginError>, Mismatch> {
    let origin = match inputs.find("address") {
        Some(_) => Origin::Address(inputs.text("address")?.to_owned()),
        None => Origin::Handshake(inputs.array("handshake")?),
    };
    let nonces = LoginNonces {
        initiator: LoginNonce(inputs.array("initiatorNonce")?),
        responder: LoginNonce(inputs.array("responderNonce")?),
    };
    Ok(LoginTranscript::new(
        PeerKey(inputs.array("initiator")?),
        NodeId(inputs.array("responder")?),
        origin,
        inputs.arrays("spaces")?.into_iter().map(SpaceId).collect(),
        nonces,
        inputs.uint64("challengeMs")?,
    ))
}

/// A login in parts.
#[derive(Clone)]
struct Login {
    client: [u8; 32],
    node: [u8; 32],
    origin: Origin,
    spaces: Vec<SpaceId>,
    nonces: LoginNonces,
    ms: u64,
}

impl Login {
    fn new(label: &str) -> Self {
        let mut random = Random::new(&format!("login {label}"));
        let mut spaces = vec![SpaceId(random.array()), SpaceId(random.array())];
        spaces.sort_unstable();
        Self {
            client: random.array(),
            node: random.array(),
            origin: Origin::Address("https://relay.example:7440".to_owned()),
            spaces,
            nonces: LoginNonces {
                initiator: LoginNonce(random.array()),
                responder: LoginNonce(random.array()),
            },
            ms: 1_790_000_000_000,
        }
    }

    fn client(&self) -> DeviceKeys {
        DeviceKeys::dangerous_from_secrets(&self.client, &[0; 32])
    }

    fn node(&self) -> NodeKeys {
        NodeKeys::dangerous_from_secret(&self.node)
    }

    fn transcript(&self) -> LoginTranscript {
        let (initiator, responder) = (self.client().peer_key(), self.node().node_id());
        LoginTranscript::new(
            initiator,
            responder,
            self.origin.clone(),
            self.spaces.clone(),
            self.nonces,
            self.ms,
        )
        .expect("within its bounds")
    }

    fn write(&self, case: Case) -> Case {
        let spaces: Vec<String> = self.spaces.iter().map(ToString::to_string).collect();
        let case =
            case.hex("initiator", self.client().peer_key()).hex("responder", self.node().node_id());
        let case = match &self.origin {
            Origin::Address(text) => case.value("address", text.as_str()),
            Origin::Handshake(hash) => case.hex("handshake", hash),
        };
        case.value("spaces", spaces)
            .hex("initiatorNonce", self.nonces.initiator)
            .hex("responderNonce", self.nonces.responder)
            .uint64("challengeMs", self.ms)
    }
}

fn valid() -> Vec<Case> {
    let origin = |text: &str| Origin::Address(text.to_owned());
    let base = Login::new("valid");
    let many: Vec<SpaceId> = (0..=255).map(|n| SpaceId([n; 32])).collect();
    let logins = [
        ("two spaces", base.clone()),
        ("no spaces: all that the client may use", Login { spaces: Vec::new(), ..base.clone() }),
        ("256 spaces", Login { spaces: many, ..base.clone() }),
        ("an address of one character", Login { origin: origin("x"), ..base.clone() }),
        (
            "an address of 256 characters",
            Login { origin: origin(&"x".repeat(256)), ..base.clone() },
        ),
        ("a handshake hash", Login { origin: Origin::Handshake([0x68; 32]), ..base.clone() }),
        (
            "an address that looks like a handshake hash",
            Login { origin: origin(&"h".repeat(32)), ..base.clone() },
        ),
        ("time 0", Login { ms: 0, ..base.clone() }),
        ("the highest time", Login { ms: u64::MAX, ..base }),
    ];
    logins
        .iter()
        .map(|(comment, login)| {
            let transcript = login.transcript();
            let secret: [u8; 32] = Random::new("login challenge").array();
            login
                .write(Case::valid(*comment))
                .hex("transcript", transcript.to_bytes())
                .hex("responderSignature", login.node().answer_login(&transcript).expect("its own"))
                .hex("initiatorSignature", login.client().sign_login(&transcript).expect("its own"))
                .hex("challengeSecret", secret)
                .hex("tag", ChallengeKey::from_secret(&secret).tag(&transcript))
                .hex("initiatorSecret", login.client)
                .hex("responderSecret", login.node)
        })
        .collect()
}

fn bounds() -> Vec<Case> {
    let base = Login::new("bounds");
    let address = |comment, text: &str| {
        let login = Login { origin: Origin::Address(text.to_owned()), ..base.clone() };
        login.write(Case::invalid(comment, "login.origin", "LOGIN-1"))
    };
    let spaces = |comment, spaces: Vec<SpaceId>| {
        let login = Login { spaces, ..base.clone() };
        login.write(Case::invalid(comment, "login.spaces", "LOGIN-1"))
    };
    let (one, two) = (SpaceId([1; 32]), SpaceId([2; 32]));
    let many: Vec<SpaceId> = (0_u16..257)
        .map(|n| {
            let [high, low] = n.to_be_bytes();
            SpaceId(std::array::from_fn(|i| if i == 0 { high } else { low }))
        })
        .collect();
    vec![
        address("an empty address", ""),
        address("an address of 257 characters", &"x".repeat(257)),
        address("an address with a space", "https://a b"),
        address("an address with a line feed", "https://a\n"),
        address("an address with NUL", "https://a\0"),
        address("an address beyond ASCII", "https://bücher.example"),
        spaces("spaces descending", vec![two, one]),
        spaces("a space twice", vec![one, one]),
        spaces("257 spaces", many),
    ]
}

fn signatures() -> Vec<Case> {
    let base = Login::new("signatures");
    let transcript = base.transcript();
    let by_initiator = base.client().sign_login(&transcript).expect("its own");
    let by_responder = base.node().answer_login(&transcript).expect("its own");
    let other = Login::new("another login");
    let case = |comment, clause, login: &Login| {
        login.write(Case::invalid(comment, "login.signature", clause))
    };
    let initiator = |comment, login: &Login| {
        case(comment, "LOGIN-4", login).hex("initiatorSignature", by_initiator)
    };
    let responder = |comment, login: &Login| {
        case(comment, "LOGIN-3", login).hex("responderSignature", by_responder)
    };
    let identity = |comment| base.write(Case::invalid(comment, "login.identity", "LOGIN-6"));
    let origin = Origin::Address("https://relay.example:7441".to_owned());
    let swapped =
        LoginNonces { initiator: base.nonces.responder, responder: base.nonces.initiator };
    let fewer: Vec<SpaceId> = base.spaces.iter().take(1).copied().collect();
    vec![
        initiator("signed for another node", &Login { node: other.node, ..base.clone() }),
        initiator("signed by another client", &Login { client: other.client, ..base.clone() }),
        initiator("signed for another origin", &Login { origin, ..base.clone() }),
        initiator(
            "signed for an encrypted session",
            &Login { origin: Origin::Handshake([1; 32]), ..base.clone() },
        ),
        initiator("signed for other spaces", &Login { spaces: fewer, ..base.clone() }),
        initiator("nonces swapped", &Login { nonces: swapped, ..base.clone() }),
        initiator("another time", &Login { ms: base.ms + 1, ..base.clone() }),
        responder("signed for another client", &Login { client: other.client, ..base.clone() }),
        responder("signed by another node", &Login { node: other.node, ..base.clone() }),
        responder("signed for another nonce", &Login { nonces: other.nonces, ..base.clone() }),
        case("the responder's signature as the initiator's", "LOGIN-4", &base)
            .flag("Domain")
            .hex("initiatorSignature", by_responder),
        case("the initiator's signature as the responder's", "LOGIN-3", &base)
            .flag("Domain")
            .hex("responderSignature", by_initiator),
        case("a signature of zeros", "LOGIN-4", &base).hex("initiatorSignature", Signature::ZERO),
        identity("asked to sign for another initiator")
            .hex("initiatorSignature", by_initiator)
            .hex("initiatorSecret", other.client),
        identity("asked to answer for another node")
            .hex("responderSignature", by_responder)
            .hex("responderSecret", other.node),
    ]
}

fn challenges() -> Vec<Case> {
    let base = Login::new("challenges");
    let secret: [u8; 32] = Random::new("login challenge").array();
    let tag = ChallengeKey::from_secret(&secret).tag(&base.transcript());
    let with = |case: Case, login: &Login| {
        login.write(case).hex("challengeSecret", secret).hex("tag", tag)
    };
    let at = |case: Case, now_ms: u64| with(case, &base).uint64("nowMs", now_ms);
    let expired = |comment| Case::invalid(comment, "login.expired", "LOGIN-5");
    let challenge = |comment| Case::invalid(comment, "login.challenge", "LOGIN-5");
    let other = Login::new("another challenge");
    vec![
        at(Case::valid("60 seconds old"), base.ms + 60_000),
        at(expired("a millisecond more"), base.ms + 60_001),
        at(Case::valid("5 seconds ahead"), base.ms - 5_000),
        at(expired("a millisecond more ahead"), base.ms - 5_001),
        at(expired("the clock starts again at 0"), 0),
        with(challenge("given to another client"), &Login { client: other.client, ..base.clone() }),
        with(challenge("given by another node"), &Login { node: other.node, ..base.clone() }),
        with(challenge("given for other nonces"), &Login { nonces: other.nonces, ..base.clone() }),
        with(challenge("given at another time"), &Login { ms: base.ms + 1, ..base.clone() }),
        base.write(challenge("made under another key"))
            .hex("challengeSecret", other.node)
            .hex("tag", tag),
        with(
            challenge("another challenge, also expired"),
            &Login { ms: base.ms + 1, ..base.clone() },
        )
        .uint64("nowMs", base.ms + 90_000),
    ]
}
