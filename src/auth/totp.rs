//! One-time codes by time (RFC 6238): SHA-1, six digits, 30 seconds, which is what every authenticator app knows.

use jiff::Timestamp;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::clock::random_bytes;

/// Seconds of a step: X of RFC 6238 section 4.1.
pub const STEP_S: i64 = 30;
/// Bytes of a secret: the length that RFC 4226 section 4 (R6) recommends.
const SECRET_BYTES: usize = 20;
/// Six digits and some spaces; nothing longer is looked at.
const LONGEST: usize = 16;
/// Name that authenticator apps show above the code.
const ISSUER: &str = "Lodestone";

/// What an authenticator app and this program share. Wiped from memory when dropped.
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// The step that a moment lies in: T of RFC 6238 section 4.2.
#[must_use]
pub fn step_at(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_S)
}

impl TotpSecret {
    /// A fresh secret from the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(Zeroizing::new(random_bytes()))
    }

    /// From bytes as [`TotpSecret::bytes`] gives them; `None` for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The secret itself, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn totp(&self, account: &str) -> Totp {
        // RFC 6238 section 5.2: one step for delay; one ahead for phones whose clock runs fast.
        Builder::new()
            .with_secret(self.0.to_vec())
            .with_skew(1)
            .with_issuer(Some(ISSUER))
            .with_account_name(account.replace(':', " "))
            .build()
            .expect("20 bytes, six digits and names without a colon are what the library asks for")
    }

    /// The step whose code was given: the present one, the one before or the one after. Spaces are left out of account;
    /// anything but six ASCII digits is no code. Whether the step was used before is the caller's to ask.
    #[must_use]
    pub fn matches(&self, given: &str, now: Timestamp) -> Option<i64> {
        if given.len() > LONGEST {
            return None;
        }
        let digits: Zeroizing<String> = Zeroizing::new(given.chars().filter(|c| *c != ' ').collect());
        let seconds = u64::try_from(now.as_second()).ok()?;
        self.totp("").check(&digits, seconds).and_then(|step| i64::try_from(step).ok())
    }

    /// The code of a moment: for the demo's users, who have no telephone.
    #[must_use]
    pub fn code_at(&self, now: Timestamp) -> String {
        self.totp("").generate(u64::try_from(now.as_second()).unwrap_or_default()).to_string()
    }

    /// The secret as people type it into an app: base32 (RFC 4648) in groups of four.
    #[must_use]
    pub fn as_text(&self) -> String {
        let text = self.totp("").secret().to_base32();
        let groups: Vec<&str> =
            text.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
        groups.join(" ")
    }

    /// The `otpauth:` address that apps read from a QR code.
    #[must_use]
    pub fn url(&self, account: &str) -> String {
        self.totp(account).to_url().expect("an e-mail address is an account name")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn of_the_rfcs() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    /// T1: RFC 6238 appendix B (SHA-1); six digits are the last six of the eight printed there.
    #[test]
    fn t1_codes_are_those_of_rfc_6238() {
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(of_the_rfcs().code_at(at(second)), code[2..], "{second}");
            assert_eq!(of_the_rfcs().matches(&code[2..], at(second)), Some(second / 30));
        }
    }

    /// T1: RFC 4226 appendix D, whose counter is our step.
    #[test]
    fn t1_codes_are_those_of_rfc_4226() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(of_the_rfcs().code_at(at(step * STEP_S)), code);
        }
    }

    /// T6
    #[test]
    fn t6_one_step_to_either_side_is_accepted_and_no_more() {
        let (secret, now) = (of_the_rfcs(), at(1_234_567_890));
        for (steps, accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = secret.code_at(at(now.as_second() + steps * STEP_S));
            let step = accepted.then_some(step_at(now) + steps);
            assert_eq!(secret.matches(&code, now), step, "{steps}");
        }
    }

    /// T13
    #[test]
    fn t13_only_six_digits_are_a_code() {
        let (secret, now) = (of_the_rfcs(), at(59));
        for right in ["287082", " 287 082", "287082 ", "2 8 7 0 8 2"] {
            assert_eq!(secret.matches(right, now), Some(1), "`{right}`");
        }
        let long = "2".repeat(1 << 20);
        for wrong in
            ["", "28708", "2870822", "+28708", "٢٨٧٠٨٢", "287082\0", "287082\n", "287\u{a0}082", "２８７０８２", &long]
        {
            let began = Instant::now();
            assert_eq!(secret.matches(wrong, now), None, "`{}`", &wrong[..wrong.len().min(20)]);
            // Not a budget: a megabyte that was read through would take far longer than this.
            assert!(began.elapsed() < Duration::from_millis(100));
        }
    }

    #[test]
    fn apps_are_told_who_where_and_what() {
        let url = of_the_rfcs().url("ann@lab.example");
        assert!(
            url.starts_with("otpauth://totp/Lodestone:ann%40lab.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{url}"
        );
        assert!(url.contains("issuer=Lodestone"), "{url}");
        assert_eq!(of_the_rfcs().as_text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(format!("{:?}", of_the_rfcs()), "TotpSecret(…)");
    }

    proptest! {
        /// T13: whatever is typed, nothing panics and nothing but the three codes is taken.
        #[test]
        fn t13_any_text_is_looked_at_safely(text in "\\PC{0,40}", second in 0_i64..4_000_000_000) {
            let secret = of_the_rfcs();
            if let Some(step) = secret.matches(&text, at(second)) {
                prop_assert!((step - second / STEP_S).abs() <= 1);
                prop_assert_eq!(text.replace(' ', ""), secret.code_at(at(step * STEP_S)));
            }
        }

        #[test]
        fn a_secret_reads_back(bytes in proptest::array::uniform20(any::<u8>())) {
            let secret = TotpSecret::from_bytes(&bytes).unwrap();
            prop_assert_eq!(secret.bytes(), &bytes[..]);
            prop_assert!(TotpSecret::from_bytes(&bytes[1..]).is_none());
        }
    }
}
