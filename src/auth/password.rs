//! Passphrases of local accounts: what one must be like, and what is kept of it.
//!
//! The rules are those of NIST SP 800-63B-4 section 3.1.1.2: long, no rules of composition, no expiry, and nothing that
//! everybody uses. Characters are counted and hashed as they arrive.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::random_bytes;

/// Fewest characters of a passphrase. NIST asks for 15 where it stands alone and 8 beside a second factor.
pub const SHORTEST: usize = 12;
/// Most characters of a passphrase; NIST asks to allow at least 64.
pub const LONGEST: usize = 128;

/// Memory of one hash in KiB: the largest of the OWASP password storage cheat sheet's choices (46 MiB).
const MEMORY_KIB: u32 = 47_104;
/// Passes over the memory; the cheat sheet asks for one at this size.
const PASSES: u32 = 2;
/// Lanes: one, since one hash is made at a time.
const LANES: u32 = 1;

const COMMON: &str = include_str!("../../config/passwords/common.txt");
const STEMS: &str = include_str!("../../config/passwords/stems.txt");
static COMMON_LINES: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
static STEM_LINES: LazyLock<Vec<&str>> = LazyLock::new(|| STEMS.lines().collect());

/// Rows of keyboards, alphabets and digits that people walk along.
const WALKS: [&str; 7] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// A passphrase as somebody typed it. Shown nowhere, wiped from memory when dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Passphrase(Zeroizing<String>);

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Why a passphrase is not taken, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too few characters.
    #[error("Use at least {SHORTEST} characters; a few words that belong to nobody's saying are easy to remember.")]
    Short,
    /// Too many characters.
    #[error("Use at most {LONGEST} characters.")]
    Long,
    /// In the list, or made from an entry by adding digits and signs.
    #[error("This one is among the passwords that are tried first. Use a few words that do not belong together.")]
    Common,
    /// The same few characters again, or a walk over the keyboard.
    #[error("This one repeats itself or walks along the keyboard. Use a few words that do not belong together.")]
    Pattern,
    /// The person's own name or address, or the program's name, makes up most of it.
    #[error("Your name, your address or the name of this program makes up too much of it. Use other words.")]
    Personal,
}

impl Passphrase {
    /// From a form or a command.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Whether it may be set by a person with this name and address.
    pub fn check(&self, name: &str, email: &str) -> Result<(), Unfit> {
        // Of a megabyte only the beginning is counted.
        let length = self.0.chars().take(LONGEST + 1).count();
        if length < SHORTEST {
            return Err(Unfit::Short);
        }
        if length > LONGEST {
            return Err(Unfit::Long);
        }
        let plain: Zeroizing<String> = Zeroizing::new(self.0.to_lowercase());
        if is_listed(&plain) {
            return Err(Unfit::Common);
        }
        if is_pattern(&plain) {
            return Err(Unfit::Pattern);
        }
        if is_personal(&plain, name, email) { Err(Unfit::Personal) } else { Ok(()) }
    }

    /// Whether both are the same.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// Argon2id (RFC 9106) with a fresh salt, as PHC text. Takes a core for a while, so it is made in the pool of [`super::Hasher`].
    pub fn hash(&self) -> anyhow::Result<String> {
        let salt = random_bytes::<16>();
        argon2()
            .hash_password_with_salt(self.0.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|error| anyhow::anyhow!("hashing a passphrase: {error}"))
    }

    /// Whether `hash` is of this passphrase; a text that is no hash is of none. Takes as long as [`Passphrase::hash`].
    #[must_use]
    pub fn is_of(&self, hash: &str) -> bool {
        self.0.chars().take(LONGEST + 1).count() <= LONGEST
            && PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(self.0.as_bytes(), &hash).is_ok())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A hash of something nobody knows: work for when there is no account.
pub(super) static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    Passphrase::new(&crate::clock::random_token()).hash().expect("the parameters are fixed and valid")
});

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).expect("the parameters are fixed and valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Equal to a common password, or a common word with digits and signs at its ends.
fn is_listed(plain: &str) -> bool {
    let core = plain.trim_matches(|c: char| !c.is_alphabetic());
    COMMON_LINES.binary_search(&plain).is_ok()
        || COMMON_LINES.binary_search(&core).is_ok()
        || STEM_LINES.binary_search(&core).is_ok()
}

/// A unit of at most five characters over and over, or a walk along one of [`WALKS`] in either direction, in one piece.
fn is_pattern(plain: &str) -> bool {
    let letters: Vec<char> = plain.chars().collect();
    let repeats = (1..=5).any(|unit| (unit..letters.len()).all(|at| letters[at] == letters[at - unit]));
    let walks = WALKS.iter().any(|walk| {
        let back: String = walk.chars().rev().collect();
        let twice = format!("{walk}{walk}");
        let back_twice = format!("{back}{back}");
        twice.contains(plain) || back_twice.contains(plain)
    });
    repeats || walks
}

/// Less than eight characters remain once the person's names and the program's are taken out.
fn is_personal(plain: &str, name: &str, email: &str) -> bool {
    const REST: usize = 8;
    let (name, email) = (name.to_lowercase(), email.to_lowercase());
    let mut words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    words.extend(email.split(|c: char| !c.is_alphanumeric()));
    words.push("lodestone");
    words.retain(|word| word.chars().count() >= 3);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = Zeroizing::new(plain.to_owned());
    let mut found = false;
    for word in words {
        if rest.contains(word) {
            found = true;
            *rest = rest.replace(word, " ");
        }
    }
    found && rest.chars().filter(|c| c.is_alphanumeric()).count() < REST
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), Unfit> {
        Passphrase::new(text).check("Ann Example", "ann.example@lab.example")
    }

    #[test]
    fn long_passphrases_of_any_make_are_taken() {
        for good in [
            "correct horse battery staple",
            "aaaa bbbb cccc dddd",
            "vier blaue Züge warten",
            "黒い猫が窓辺で静かに眠っている",
            "pipette-gravel-0815",
            "ann likes gravel pipettes",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check(&"ab cd ef gh ".repeat(10)), Ok(()), "120 characters");
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for (bad, why) in [
            ("", Unfit::Short),
            ("elevenchars", Unfit::Short),
            ("qwerty123456", Unfit::Common),
            ("Administrator1!", Unfit::Common),
            ("Sunshine2026!!", Unfit::Common),
            ("123456789012", Unfit::Common),
            ("ababababababab", Unfit::Pattern),
            ("qwertyuiopas", Unfit::Pattern),
            ("mnbvcxzlkjhgf", Unfit::Pattern),
            ("ann.example@lab.example", Unfit::Personal),
            ("Lodestone2026", Unfit::Personal),
            ("Ann Example 1", Unfit::Personal),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
        assert_eq!(check(&"x y z ".repeat(40)), Err(Unfit::Long));
    }

    #[test]
    fn lists_are_sorted_so_that_they_can_be_searched() {
        assert!(COMMON_LINES.is_sorted() && STEM_LINES.is_sorted());
        assert!(COMMON_LINES.len() > 300 && STEM_LINES.len() > 3_000);
    }

    #[test]
    fn a_hash_is_of_its_passphrase_only_and_says_how_it_was_made() {
        let one = Passphrase::new("correct horse battery staple");
        let hash = one.hash().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=2,p=1$"), "{hash}");
        assert_ne!(hash, one.hash().unwrap(), "each has a salt of its own");
        assert!(one.is_of(&hash));
        assert!(!Passphrase::new("correct horse battery stapler").is_of(&hash));
        assert!(!one.is_of("") && !one.is_of("no hash") && !one.is_of(&NOBODYS));
        assert!(one.equals(&one.clone()) && !one.equals(&Passphrase::new("")));
        assert_eq!(format!("{one:?}"), "Passphrase(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_safely(text in "\\PC{0,200}") {
            let length = text.chars().count();
            match check(&text) {
                Ok(()) => prop_assert!((SHORTEST..=LONGEST).contains(&length)),
                Err(Unfit::Short) => prop_assert!(length < SHORTEST),
                Err(Unfit::Long) => prop_assert!(length > LONGEST),
                Err(_) => {}
            }
        }
    }
}
