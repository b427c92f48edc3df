//! Why a variant is put aside.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::terms::DISMISSALS;

/// A reason: the number of one that every institute knows, or one of an institute's own, in its words, which stay as they were
/// said whatever becomes of its list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Reason {
    /// Of [`DISMISSALS`].
    Known(u16),
    /// In words.
    Own(String),
}

/// Most characters of an institute's own reason.
const LONGEST: usize = 60;
/// Most own reasons of an institute.
const MOST: usize = 30;

impl Reason {
    /// Reads what [`Self::value`] wrote; whether the institute offers it is asked of its [`Dismissals`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let known = DISMISSALS.iter().map(|(code, _)| *code).find(|code| code.to_string() == text);
        known.map(Self::Known).or_else(|| read_own(text).ok().map(Self::Own))
    }

    /// The value in forms.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Known(code) => code.to_string(),
            Self::Own(words) => words.clone(),
        }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Own(words) => words.clone(),
            Self::Known(code) => match DISMISSALS.iter().find(|(number, _)| number == code) {
                Some((_, words)) => (*words).to_owned(),
                None => format!("reason {code}, which this version does not know"),
            },
        }
    }
}

/// Several reasons in words.
#[must_use]
pub fn in_words(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::words).collect::<Vec<_>>().join(", ")
}

/// Which reasons an institute offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dismissals {
    /// Known ones that it does not.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<u16>,
    /// Its own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub own: BTreeSet<String>,
}

impl Dismissals {
    /// All that are offered: known ones in their order, then the own.
    #[must_use]
    pub fn offered(&self) -> Vec<Reason> {
        let known = DISMISSALS.iter().map(|(code, _)| *code).filter(|code| !self.left_out.contains(code));
        known.map(Reason::Known).chain(self.own.iter().cloned().map(Reason::Own)).collect()
    }

    /// Whether a reason is offered.
    #[must_use]
    pub fn offers(&self, reason: &Reason) -> bool {
        match reason {
            Reason::Known(code) => !self.left_out.contains(code),
            Reason::Own(words) => self.own.contains(words),
        }
    }

    /// Whether nothing is offered, so that no variant could be put aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offered().is_empty()
    }

    /// The first of these that is neither offered nor among those that stand already.
    #[must_use]
    pub fn refuses<'a>(&self, wanted: &'a [Reason], standing: &[Reason]) -> Option<&'a Reason> {
        wanted.iter().find(|reason| !self.offers(reason) && !standing.contains(reason))
    }
}

/// One own reason, on its line. One of digits alone would look like a number of the list.
fn read_own(line: &str) -> Result<String, String> {
    let words = line.trim();
    let is_number = words.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=LONGEST).contains(&words.chars().count()) && crate::ids::has_one_spelling(words) && !is_number;
    if fits {
        Ok(words.to_owned())
    } else {
        Err(format!("write each reason in 1 to {LONGEST} letters, on its own line"))
    }
}

/// Own reasons, one on each line.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn read_all_own(text: &str) -> Result<BTreeSet<String>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let own = lines.map(read_own).collect::<Result<BTreeSet<_>, _>>()?;
    if let Some(known) = own.iter().find(|own| DISMISSALS.iter().any(|(_, words)| own == words)) {
        return Err(format!("`{known}` is on the list of all institutes"));
    }
    if own.len() > MOST { Err(format!("write at most {MOST} reasons")) } else { Ok(own) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_the_list_and_words_of_an_institute() {
        assert_eq!(Reason::read("29"), Some(Reason::Known(29)));
        assert_eq!(Reason::read("+7"), Some(Reason::Own("+7".into())), "no number of the list");
        assert_eq!(Reason::read(" seen in the run’s control "), Some(Reason::Own("seen in the run’s control".into())));
        for wrong in ["4", "0", "70000", "", " ", "two\nlines", &"x".repeat(61), "hid\u{200b}den"] {
            assert_eq!(Reason::read(wrong), None, "{wrong:?}");
        }
        let stored = bson::serialize_to_bson(&[Reason::Known(7), Reason::Own("ours".into())]).unwrap();
        assert_eq!(stored, bson::bson!([7, "ours"]), "what was stored before reads on");
    }

    #[test]
    fn a_reason_that_is_not_offered_any_more_may_stay() {
        let offered = Dismissals { left_out: [29].into(), own: ["ours".to_owned()].into() };
        let [known, ours, theirs] = [Reason::Known(29), Reason::Own("ours".into()), Reason::Own("theirs".into())];
        let wanted = [ours.clone(), known.clone()];
        assert_eq!(offered.refuses(&wanted, &[]), Some(&known));
        assert_eq!(offered.refuses(&wanted, std::slice::from_ref(&known)), None);
        assert_eq!(offered.refuses(std::slice::from_ref(&theirs), &wanted), Some(&theirs));
        assert_eq!(offered.offered().len(), DISMISSALS.len());
        assert!(!offered.is_empty());
    }

    #[test]
    fn own_reasons_are_read_line_by_line() {
        assert_eq!(read_all_own(" ours \r\n\n theirs\nours"), Ok(["ours".to_owned(), "theirs".to_owned()].into()));
        for wrong in ["12", "technical artefact", &"x".repeat(61), "a\u{7}b"] {
            assert!(read_all_own(wrong).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..=MOST).map(|number| format!("reason {number}")).collect();
        assert!(read_all_own(&many.join("\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "\\PC{0,70}") {
            if let Some(reason) = Reason::read(&text) {
                proptest::prop_assert_eq!(Reason::read(&reason.value()), Some(reason));
            }
            if let Ok(own) = read_own(&text) {
                proptest::prop_assert_eq!(Reason::read(&own), Some(Reason::Own(own)));
            }
        }
    }
}
