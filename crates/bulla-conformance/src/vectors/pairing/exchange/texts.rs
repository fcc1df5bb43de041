//! Messages as text (PAIR-25).

use bulla_core::domain;

use super::super::super::Case;
use super::super::super::keys::line;
use super::setting::Setting;

impl Setting {
    pub(super) fn texts(&self) -> Vec<Case> {
        let message = &self.messages()[2];
        let text = line("bulla-pair1-", domain::PAIRING_CHECKSUM, message);
        let case = |comment: &str, code, text: String| {
            Case::invalid(comment, code, "PAIR-25").value("text", text)
        };
        vec![
            Case::valid("white space around the text").value("text", format!(" {text}\r\n")),
            case("the text of something else", "armour.prefix", text.replace("pair", "card")),
            case("in upper case", "armour.prefix", text.to_uppercase()),
            case(
                "longer than any",
                "armour.too_long",
                format!("bulla-pair1-{}", "a".repeat(6_561)),
            ),
            case(
                "as long as the longest",
                "armour.checksum",
                format!("bulla-pair1-{}", "a".repeat(6_560)),
            ),
            case("a character that base32 does not have", "armour.base32", format!("{text}1")),
            case(
                "the checksum of an invitation",
                "armour.checksum",
                line("bulla-pair1-", domain::INVITATION_CHECKSUM, message),
            ),
        ]
    }
}
