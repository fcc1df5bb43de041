//! Messages that nobody with the invitation made for their place.

use super::super::super::Case;
use super::super::parts::{Line, Parts};
use super::setting::Setting;

impl Setting {
    /// What nobody with the invitation made for this place.
    pub(super) fn strangers(&self) -> Vec<Case> {
        let messages = self.messages();
        let case = |comment: String, number: usize, message: Vec<u8>| {
            Case::invalid(comment, "pairing.failed", "PAIR-23")
                .flag("Stranger")
                .value("number", number)
                .hex("message", message)
        };
        let mut cases = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let number = index + 1;
            for place in [0, 23, 24, message.len() - 17, message.len() - 1] {
                let mut altered = message.clone();
                altered[place] ^= 0x80;
                cases.push(case(
                    format!("message {number} altered at byte {place}"),
                    number,
                    altered,
                ));
            }
            let cut = message[..message.len() - 1].to_vec();
            cases.push(case(format!("message {number} a byte short"), number, cut));
            for (other, message) in messages.iter().enumerate().filter(|(other, _)| *other != index)
            {
                let comment = format!("message {} in the place of message {number}", other + 1);
                cases.push(case(comment, number, message.clone()));
            }
            let contents = self.contents();
            let without_history =
                Line::new(&self.invitation).seal(&self.random[index], &contents[index]);
            if number > 1 {
                let comment = format!("what message {number} says, sealed as message 1");
                cases.push(case(comment, number, without_history));
            }
        }
        cases.push(case("no bytes".to_owned(), 1, Vec::new()));
        cases.push(case("39 bytes".to_owned(), 1, vec![0; 39]));
        cases.push(case("40 bytes".to_owned(), 1, vec![0; 40]));
        cases.push(case(
            "4,097 bytes that would open".to_owned(),
            1,
            self.sealed(1, &vec![0; 4_057]),
        ));
        let other = Self { invitation: Parts::by(&self.approver, "another"), ..Self::again(self) };
        cases.push(case(
            "a message of another invitation".to_owned(),
            1,
            other.messages()[0].clone(),
        ));
        cases
    }
}
