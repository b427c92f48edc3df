//! A QR code as SVG, drawn here so that no image has to be loaded from anywhere.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code: ISO/IEC 18004 asks for four.
const QUIET: i32 = 4;

/// The outline of a QR code's dark modules, for `<path d="…">`, and the width of the square with its quiet zone.
/// `None` when the text does not fit into any QR code (some 2,300 bytes).
#[must_use]
pub fn outline(text: &str) -> Option<(String, i32)> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).expect("a text can always be added to");
        }
    }
    Some((path, code.size() + 2 * QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_an_authenticator_fits() {
        let (path, width) = outline(&format!("otpauth://totp/Lodestone:{}", "a".repeat(200))).unwrap();
        assert!(width > 30 && path.starts_with("M4 4h1v1h-1z"), "the first finder pattern stands in the corner");
        assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -".contains(&byte)));
        assert!(outline(&"a".repeat(4_000)).is_none());
    }
}
