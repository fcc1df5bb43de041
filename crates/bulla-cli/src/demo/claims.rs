//! What the story claims, and what was seen of it.

use serde_json::{Value, json};

use crate::exit::{Exit, Failure, Result};
use crate::output::{Output, count};

/// Which part of the story a claim belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Who belongs to the space.
    Members,
    /// A folder on its way.
    Folder,
    /// A device that is revoked.
    Revoked,
    /// What the nodes could see.
    Seen,
}

/// Something that must be so.
#[derive(Debug)]
struct Claim {
    act: Act,
    /// A stable word for it; `demo.` and this word is the code of the failure.
    word: &'static str,
    text: &'static str,
    evidence: String,
    holds: bool,
}

/// Everything that must be so. A claim that does not hold fails the story at its end, so that all of it is seen first.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<Claim>);

impl Claims {
    /// Notes a claim with what was seen, and whether it holds.
    pub(crate) fn note(
        &mut self,
        act: Act,
        word: &'static str,
        text: &'static str,
        holds: bool,
        evidence: impl Into<String>,
    ) {
        self.0.push(Claim { act, word, text, evidence: evidence.into(), holds });
    }

    /// Prints those of one act.
    pub(crate) fn show(&self, output: Output, act: Act) {
        for claim in self.0.iter().filter(|claim| claim.act == act) {
            let mark = if claim.holds { "[ok]    " } else { "[FAILED]" };
            output.line(format!(" {mark} {}", claim.text));
            output.line(format!("          {}", claim.evidence));
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn json(&self) -> Value {
        let claims = self.0.iter().map(|claim| {
            json!({
                "claim": claim.word, "text": claim.text, "evidence": claim.evidence, "holds": claim.holds,
            })
        });
        claims.collect()
    }

    /// An error unless every claim holds.
    pub(crate) fn judge(&self) -> Result<()> {
        let failed: Vec<&Claim> = self.0.iter().filter(|claim| !claim.holds).collect();
        let Some(first) = failed.first() else { return Ok(()) };
        let others = match failed.len() as u64 - 1 {
            0 => String::new(),
            others => format!(" (and {} more)", count(others, "claim", "claims")),
        };
        let message = format!("not so: {}: {}{others}", first.text, first.evidence);
        let mut failure = Failure::new(Exit::Integrity, message);
        failure.code = Some(format!("demo.{}", first.word));
        Err(failure.help("this must not happen: please report it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_that_does_not_hold_fails_the_story() {
        let mut claims = Claims::default();
        claims.note(Act::Folder, "folder", "it arrives", true, "12 files");
        assert!(claims.judge().is_ok());
        claims.note(Act::Seen, "leak", "nothing leaks", false, "1 leak");
        claims.note(Act::Revoked, "revoked", "it is out", false, "it is in");
        let failure = claims.judge().unwrap_err();
        assert_eq!((failure.exit, failure.code.as_deref()), (Exit::Integrity, Some("demo.leak")));
        assert_eq!(failure.message, "not so: nothing leaks: 1 leak (and 1 claim more)");
        assert_eq!((claims.count(), &claims.json()[1]["holds"]), (3, &json!(false)));
    }
}
