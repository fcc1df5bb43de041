//! An invitation as a QR code, drawn with half blocks (PAIR-12).

use qrcode::{Color, EcLevel};
use zeroize::Zeroizing;

use super::Invitation;

/// Light modules around a code on every side, as readers expect (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// What a terminal shows where nothing is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Dark: light modules are drawn.
    Dark,
    /// Light: dark modules are drawn.
    Light,
}

/// A QR code: a square of dark and light modules. It holds a secret; `Debug` shows its size only.
pub struct QrCode {
    modules: Zeroizing<Vec<bool>>,
    size: usize,
}

impl Invitation {
    /// This invitation as a QR code of the lowest error correction: without a node version 5 (37 modules a side), with
    /// one whose URL has up to 49 bytes version 8 (49 modules), with the longest URL version 11 (61 modules): with its
    /// quiet zone 69 columns and 35 lines of a terminal.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "the longest invitation has 405 characters, a code holds 4,296"
    )]
    pub fn to_qr(&self) -> QrCode {
        let mut line = self.to_text();
        line.make_ascii_uppercase();
        let code = qrcode::QrCode::with_error_correction_level(line.as_bytes(), EcLevel::L)
            .expect("an invitation fits a QR code");
        let size = code.width();
        let mut colors = code.into_colors();
        let modules = colors.iter().map(|color| *color == Color::Dark).collect();
        // What the library gave is the invitation once more; what it worked with inside is out of reach.
        colors.fill(Color::Light);
        std::hint::black_box(&colors);
        QrCode { modules: Zeroizing::new(modules), size }
    }
}

impl QrCode {
    /// Modules a side, without the quiet zone: 17 and 4 for each version.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whether a module is dark; outside of the code none is.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.size && self.modules.get(y * self.size + x).is_some_and(|dark| *dark)
    }

    /// The code with its quiet zone for a terminal: one character for two modules, one above the other, a line feed after
    /// each line. Columns and, twice, lines are the size and 8.
    #[must_use]
    pub fn to_terminal(&self, background: Background) -> Zeroizing<String> {
        let side = self.size + 2 * QUIET_ZONE;
        let drawn = |x: usize, y: usize| {
            // Beneath the last module of an odd number nothing is drawn.
            let dark = match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
                (Some(x), Some(y)) => self.is_dark(x, y),
                _ => false,
            };
            y < side && dark == (background == Background::Light)
        };
        let mut text = Zeroizing::new(String::with_capacity(side.div_ceil(2) * (3 * side + 1)));
        for y in (0..side).step_by(2) {
            for x in 0..side {
                text.push(match (drawn(x, y), drawn(x, y + 1)) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrCode").field("size", &self.size).finish_non_exhaustive()
    }
}
