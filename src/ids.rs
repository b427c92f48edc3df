//! Identifiers as types: a text that was parsed once need not be doubted again.

use std::sync::LazyLock;

use data_encoding::Encoding;
use unicode_normalization::is_nfc;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = data_encoding::Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("32 distinct symbols make an encoding")
});

/// Lower-case base32 (RFC 4648 alphabet) without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

/// Reads [`base32`] back; `None` for any other text.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32.decode(text.as_bytes()).ok()
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}: {rule}")]
pub struct IdError {
    /// What was wanted, with its article.
    pub what: &'static str,
    /// What was given.
    pub value: String,
    /// The rule it breaks, with advice.
    pub rule: &'static str,
}

/// Whether a name has one spelling in bytes for what people see: composed letters (Unicode normal form C), and nothing that
/// is invisible or turns the direction of writing.
pub(crate) fn has_one_spelling(text: &str) -> bool {
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !text.chars().any(|c| c.is_control() || unseen(c)) && is_nfc(text)
}

/// Defines a text identifier that is valid by construction: serde, `Display`, `FromStr` and `Into<Bson>`.
#[macro_export]
macro_rules! define_id {
    ($(#[$meta:meta])* pub struct $name:ident; what = $what:literal; rule = $rule:literal; valid = $valid:expr;) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::ids::IdError { what: $what, value: text.chars().take(80).collect(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::IdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<$name> for bson::Bson {
            fn from(id: $name) -> Self {
                bson::Bson::String(id.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// First path segments that are pages of the program and so cannot be institutes.
const RESERVED_INSTITUTES: [&str; 26] = [
    "break-glass",
    "mentions",
    "orders",
    "panels",
    "genes",
    "phenotypes",
    "diseases",
    "login",
    "logout",
    "auth",
    "account",
    "patients",
    "me",
    "images",
    "labels",
    "admin",
    "audit",
    "api",
    "healthz",
    "readyz",
    "metrics",
    "static",
    "favicon.ico",
    "robots.txt",
    "institutes",
    // In place of an institute it stands for all of them: `system:admin`.
    "system",
];

/// Second path segments that are pages of an institute and so cannot be cases.
const RESERVED_CASES: [&str; 3] = ["settings", "members", "cases"];

define_id! {
    /// Short name an institute has in URLs, e.g. `cust000`.
    pub struct InstituteId;
    what = "an institute id";
    rule = "use 2 to 32 lower-case letters, digits, - or _, starting with a letter, and no name of a page such as `panels`";
    valid = |text| {
        (2..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && !RESERVED_INSTITUTES.contains(&text)
    };
}

define_id! {
    /// The name a case has in URLs and on pages: the family's name, unique in its institute.
    pub struct CaseName;
    what = "a case name";
    rule = "use 1 to 128 characters without spaces at the ends, / \\ ? # %, control or invisible characters, letters and accents as one (NFC), and not `settings`, `members`, `cases`, `.` or `..`";
    valid = |text| {
        (1..=128).contains(&text.len())
            && text.trim() == text
            && has_one_spelling(text)
            && !text.contains(['/', '\\', '?', '#', '%'])
            && !RESERVED_CASES.contains(&text)
            && text != "."
            && text != ".."
    };
}

define_id! {
    /// The name of a cohort or of a group of cases, as people of an institute give it.
    pub struct CaseLabel;
    what = "a name";
    rule = "use 1 to 60 characters on one line without spaces at the ends or invisible characters, letters and accents as one (NFC)";
    valid = |text| (1..=60).contains(&text.chars().count()) && text.trim() == text && has_one_spelling(text);
}

define_id! {
    /// Opaque identity of a case in the database; never derived from names.
    pub struct CaseId;
    what = "a case id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Opaque identity of a user.
    pub struct UserId;
    what = "a user id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of a variant in a case: base32 of a BLAKE3-128 over its identifying fields.
    pub struct VariantId;
    what = "a variant id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of a share of a case.
    pub struct ShareId;
    what = "a share id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of an emergency access to a case.
    pub struct EmergencyId;
    what = "an emergency access's id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of a comment.
    pub struct CommentId;
    what = "a comment's id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of a saved filter.
    pub struct FilterId;
    what = "a filter's id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

define_id! {
    /// Identity of a decision about several variants at once.
    pub struct TogetherId;
    what = "a decision's id";
    rule = "it is 26 characters of base32";
    valid = |text| text.len() == 26 && from_base32(text).is_some();
}

/// Identities that are drawn at random.
macro_rules! random_ids {
    ($($name:ident),*) => {
        $(impl $name {
            /// A fresh identity.
            #[must_use]
            pub fn random() -> Self {
                Self(base32(&$crate::clock::random_bytes::<16>()))
            }
        })*
    };
}

random_ids!(CaseId, UserId, ShareId, EmergencyId, CommentId, FilterId, TogetherId);

impl VariantId {
    /// From the 16 bytes of the hash.
    #[must_use]
    pub fn from_hash(hash: &[u8; 16]) -> Self {
        Self(base32(hash))
    }

    /// The 16 bytes of the hash.
    #[must_use]
    pub fn to_hash(&self) -> [u8; 16] {
        from_base32(&self.0)
            .and_then(|bytes| bytes.try_into().ok())
            .expect("a variant id is 26 characters of base32, which are 16 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn institutes_are_named_so_that_urls_stay_unambiguous() {
        assert!("cust000".parse::<InstituteId>().is_ok());
        let reserved = ["panels", "api", "system", "static", "break-glass"];
        for bad in ["", "c", "Cust", "0cust", "a b", "a/b", &"x".repeat(33)].into_iter().chain(reserved) {
            assert!(bad.parse::<InstituteId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn case_names_keep_the_laboratorys_habits_but_not_path_tricks() {
        for good in ["643594", "F0012-3", "Familj Ö", "internal_id"] {
            assert!(good.parse::<CaseName>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "..", ".", "settings", "x\u{0}", " a", "50%", "a?b", "a#b", "a\\b"] {
            assert!(bad.parse::<CaseName>().is_err(), "{bad}");
        }
    }

    /// N14: of names that look the same, one is a name.
    #[test]
    fn n14_a_name_has_one_spelling() {
        assert!("Familj \u{d6}".parse::<CaseName>().is_ok());
        for twin in ["Familj O\u{308}", "fam\u{200b}", "\u{202e}maf", "fa\u{ad}m", "\u{feff}fam", "fam\u{2066}"] {
            assert!(twin.parse::<CaseName>().is_err(), "{twin:?}");
        }
        assert!("f\u{e4}m".parse::<InstituteId>().is_err(), "an institute's is of plain letters");
    }

    #[test]
    fn a_variant_id_is_its_hash() {
        let hash = [7_u8; 16];
        let id = VariantId::from_hash(&hash);
        assert_eq!(id.as_str().len(), 26);
        assert_eq!(id.to_hash(), hash);
        assert_eq!(id.as_str().parse::<VariantId>().unwrap(), id);
    }

    #[test]
    fn a_bad_id_does_not_deserialise() {
        assert!(serde_json::from_str::<InstituteId>("\"../x\"").is_err());
    }

    proptest::proptest! {
        #[test]
        fn base32_reads_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            proptest::prop_assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
    }
}
