//! Recovery codes: ten secrets on paper, for the day the authenticator is lost. Each works once.

use zeroize::Zeroizing;

use super::session::digest;
use crate::clock::random_bytes;
use crate::ids::{base32, from_base32};

/// Codes in a set.
pub const COUNT: usize = 10;
/// Characters of 128 bits in base32.
const LENGTH: usize = 26;
/// Far more than a code with any dashes; nothing longer is looked at.
const LONGEST: usize = 64;

/// A recovery code in the hands of its owner. NIST SP 800-63B-4 section 3.1.2.2 asks for 112 bits where only a plain hash is
/// kept; these have 128.
pub struct RecoveryCode(Zeroizing<String>);

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// A fresh set.
#[must_use]
pub fn fresh_set() -> Vec<RecoveryCode> {
    (0..COUNT).map(|_| RecoveryCode(Zeroizing::new(base32(&random_bytes::<16>())))).collect()
}

impl RecoveryCode {
    /// Reads what somebody typed: case, spaces and dashes do not count, and the digits 0 and 1, which no code has, stand
    /// for the letters they look like. `None` when it cannot be a code.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let plain: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|c| !matches!(c, ' ' | '-'))
                .map(|c| match c.to_ascii_lowercase() {
                    '0' => 'o',
                    '1' => 'l',
                    other => other,
                })
                .collect(),
        );
        (plain.len() == LENGTH && from_base32(&plain).is_some()).then_some(Self(plain))
    }

    /// The code as it is printed: groups of five, the first of six.
    #[must_use]
    pub fn as_text(&self) -> String {
        let (first, rest) = self.0.split_at(6);
        let mut text = first.to_owned();
        for group in rest.as_bytes().chunks(5) {
            text.push('-');
            text.push_str(std::str::from_utf8(group).unwrap_or_default());
        }
        text
    }

    /// SHA-256 of the code: what is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        digest(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_different_codes_that_can_be_typed() {
        let set = fresh_set();
        let texts: BTreeSet<String> = set.iter().map(RecoveryCode::as_text).collect();
        assert_eq!(texts.len(), COUNT);
        for code in &set {
            let text = code.as_text();
            assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [6, 5, 5, 5, 5], "{text}");
            for typed in
                [text.clone(), text.to_uppercase(), text.replace('-', " "), text.replace('o', "0").replace('l', "1")]
            {
                assert_eq!(RecoveryCode::read(&typed).unwrap().hash(), code.hash(), "{typed}");
            }
            assert!(!format!("{code:?}").contains(&text[..6]));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_safely(text in "\\PC{0,80}") {
            if let Some(code) = RecoveryCode::read(&text) {
                prop_assert_eq!(code.as_text().replace('-', "").len(), LENGTH);
            }
        }
    }
}
