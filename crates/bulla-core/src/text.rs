//! Text that people write and others are shown.

/// Whether a character steers whatever shows it, shows nothing, or changes how the characters around it are shown: no label
/// has one (CARD-6).
///
/// The ranges are those of the clause and of no version of Unicode, so that no two implementations ever judge a label
/// differently.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: CARD-6.
    #[test]
    fn what_shows_is_not_hidden_and_what_steers_is() {
        assert!((0..0x20).filter_map(char::from_u32).all(is_hidden));
        assert!((' '..='~').all(|c| !is_hidden(c)));
        // Every control character of Unicode, whose category Cc is closed.
        assert!((char::MIN..=char::MAX).filter(|c| c.is_control()).all(is_hidden));
        for shown in ['ä', 'ß', 'п', 'ع', '한', '字', '🏺', '\u{301}', '\u{a0}', '\u{10ffff}']
        {
            assert!(!is_hidden(shown), "{shown:?}");
        }
        for hidden in ['\u{202e}', '\u{2066}', '\u{200d}', '\u{e0041}', '\u{fe0f}'] {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        assert_eq!((char::MIN..=char::MAX).filter(|c| is_hidden(*c)).count(), 65 + 4_196);
    }
}
