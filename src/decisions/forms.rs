use jiff::Timestamp;

use super::change::Wanted;
use super::reason::Reason;
use super::terms::{MOSAICS, RANKS};
use crate::app::AppState;
use crate::cases::CaseAccess;
use crate::error::{AppError, AppResult, FieldError};
use crate::events::Actor;
use crate::ids::VariantId;
use crate::variants::{AmpTier, EscatTier, Outcome, PartialCause, Tiers, Validated, Validation};
use crate::web::problem;

/// A decision as it was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Revision that was shown; 0 when nothing was decided.
    pub known: i64,
    /// Whether it was made on the list, where the reader goes on.
    pub on_list: bool,
    on: Option<bool>,
    reasons: Vec<Reason>,
    rank: Option<u8>,
    agrees: Option<bool>,
    reason: String,
    /// Whether the form speaks of a result at all.
    has_outcome: bool,
    outcome: Option<Outcome>,
    mosaic: Vec<u8>,
    tiers: Tiers,
    phenotypes: Vec<String>,
    words: String,
}

/// Most characters of why somebody disagrees.
pub(super) const LONGEST: usize = 1_000;

fn yes_or_no(value: &str) -> Result<bool, &'static str> {
    match value {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("must be 1 or 0"),
    }
}

impl Sent {
    /// Reads a form; an unknown field or one that cannot be read is an error with its name.
    pub(super) fn read(pairs: &[(String, String)]) -> AppResult<Self> {
        let mut sent = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in pairs {
            if let Err(message) = sent.set(name, value.trim()) {
                wrong.push(FieldError::new(name, value, message));
            }
        }
        sent.reasons.sort_unstable();
        sent.reasons.dedup();
        sent.mosaic.sort_unstable();
        sent.mosaic.dedup();
        if wrong.is_empty() { Ok(sent) } else { Err(AppError::Unprocessable(wrong)) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "rev" => self.known = value.parse().map_err(|_| "is not a revision")?,
            "on" => self.on = Some(yes_or_no(value)?),
            "agrees" => self.agrees = Some(yes_or_no(value)?),
            "why" => value.clone_into(&mut self.reason),
            "from" if value == "list" => self.on_list = true,
            "reason" => {
                self.reasons.push(Reason::read(value).ok_or("is not a reason to dismiss a variant")?);
            }
            "mosaic" => {
                let code = value.parse().ok().filter(|code| MOSAICS.iter().any(|(known, _)| known == code));
                self.mosaic.push(code.ok_or("is nothing that is held of mosaicism")?);
            }
            "amp" if value.is_empty() => self.tiers.amp = None,
            "amp" => self.tiers.amp = Some(AmpTier::parse(value).ok_or("is not an AMP tier")?),
            "escat" if value.is_empty() => self.tiers.escat = None,
            "escat" => self.tiers.escat = Some(EscatTier::parse(value).ok_or("is not an ESCAT tier")?),
            "phenotype" => self.phenotypes.push(value.to_owned()),
            "words" => value.clone_into(&mut self.words),
            "outcome" if value.is_empty() => (self.outcome, self.has_outcome) = (None, true),
            "outcome" => {
                self.outcome = Some(Outcome::parse(value).ok_or("is no result of a validation")?);
                self.has_outcome = true;
            }
            "rank" if value.is_empty() => self.rank = None,
            "rank" => {
                let code = value.parse().ok().filter(|code| RANKS.iter().any(|(known, ..)| known == code));
                self.rank = Some(code.ok_or("is not a rank")?);
            }
            _ => return Err("this field is not known"),
        }
        Ok(())
    }

    fn is_on(&self) -> AppResult<bool> {
        let missing = || AppError::Unprocessable(vec![FieldError::new("on", "", "must be 1 or 0")]);
        self.on.ok_or_else(missing)
    }

    pub(super) fn pinned(&self) -> AppResult<Wanted> {
        self.is_on().map(Wanted::Pinned)
    }

    pub(super) fn causative(&self) -> AppResult<Wanted> {
        self.is_on().map(Wanted::Causative)
    }

    /// A second reader's word. Whoever disagrees says why.
    pub(super) fn read_second(&self) -> AppResult<Wanted> {
        let agrees = self.agrees.ok_or_else(|| problem("agrees", "", "must be 1 or 0"))?;
        Wanted::reading(agrees, &self.reason)
    }

    /// An order by this person now, or that there is none.
    pub(super) fn ordered(&self, by: Actor, now: Timestamp) -> AppResult<Wanted> {
        Ok(if self.is_on()? { Wanted::Ordered(Validation::order(by, now)) } else { Wanted::Cancelled })
    }

    /// A result put on record by this person now; an empty one is none.
    pub(super) fn validated(&self, by: Actor, at: Timestamp) -> AppResult<Wanted> {
        if !self.has_outcome {
            return Err(AppError::Unprocessable(vec![FieldError::new("outcome", "", "choose what was found")]));
        }
        Ok(Wanted::Validated(self.outcome.map(|outcome| Validated { outcome, by, at })))
    }

    pub(super) fn dismissed(&self) -> Wanted {
        Wanted::Dismissed(self.reasons.clone())
    }

    pub(super) fn mosaic(&self) -> Wanted {
        Wanted::Mosaic(self.mosaic.clone())
    }

    pub(super) fn tiers(&self) -> Tiers {
        self.tiers
    }

    /// That it explains these phenotype terms, or what the words say; nothing of either takes that back.
    pub(super) fn partial(&self, terms: &[String], by: Actor, at: Timestamp) -> AppResult<Wanted> {
        partial(terms, self.phenotypes.clone(), &self.words, (by, at))
    }

    pub(super) fn ranked(&self) -> Wanted {
        Wanted::Rank(self.rank)
    }
}

/// Most characters of what a partial cause explains.
const LONGEST_WORDS: usize = 200;

/// The phenotype terms that a variant may explain: those of the case, and what was said of it before a load took them away.
pub(crate) async fn terms_of(app: &AppState, access: &CaseAccess, variant: &VariantId) -> AppResult<Vec<String>> {
    let standing = app.states.find(access, variant).await?.and_then(|state| state.partial);
    let standing = standing.map(|partial| partial.phenotypes).unwrap_or_default();
    Ok(access.case().phenotype_terms.iter().cloned().chain(standing).collect())
}

/// That a variant explains these phenotype terms, or what the words say; nothing of either takes that back.
pub(crate) fn partial(
    terms: &[String],
    mut phenotypes: Vec<String>,
    words: &str,
    (by, at): (Actor, Timestamp),
) -> AppResult<Wanted> {
    if let Some(unknown) = phenotypes.iter().find(|term| !terms.contains(term)) {
        return Err(problem("phenotype", unknown, "is no phenotype term of the case"));
    }
    phenotypes.sort_unstable();
    phenotypes.dedup();
    let words = words.trim();
    if words.chars().count() > LONGEST_WORDS || words.chars().any(char::is_control) {
        return Err(problem("words", "", format!("write at most {LONGEST_WORDS} characters on one line")));
    }
    if phenotypes.is_empty() && words.is_empty() {
        return Ok(Wanted::Partial(None));
    }
    let words = (!words.is_empty()).then(|| words.to_owned());
    Ok(Wanted::Partial(Some(PartialCause { phenotypes, words, by, at })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sent, Vec<String>> {
        match Sent::read(&serde_urlencoded::from_str::<Vec<(String, String)>>(text).unwrap()) {
            Ok(sent) => Ok(sent),
            Err(AppError::Unprocessable(errors)) => Err(errors.into_iter().map(|error| error.field).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn values_outside_the_lists_are_named() {
        for (text, field) in [
            ("reason=4", "reason"),
            ("rank=16", "rank"),
            ("rank=high", "rank"),
            ("outcome=True positive", "outcome"),
            ("mosaic=6", "mosaic"),
            ("mosaic=parent", "mosaic"),
            ("amp=I-A", "amp"),
            ("amp=2A", "amp"),
            ("escat=2C", "escat"),
            ("on=yes", "on"),
            ("rev=x", "rev"),
            ("pin=1", "pin"),
        ] {
            assert_eq!(read(text).unwrap_err(), [field], "{text}");
        }
    }

    #[test]
    fn reasons_are_told_once_and_in_order() {
        let sent = read("rev=3&reason=29&reason=7&reason=29").unwrap();
        assert_eq!((sent.known, sent.dismissed()), (3, Wanted::Dismissed(vec![Reason::Known(7), Reason::Known(29)])));
        assert_eq!(read("rank=0").unwrap().ranked(), Wanted::Rank(Some(0)), "other is a rank");
        assert_eq!(read("rank=").unwrap().ranked(), Wanted::Rank(None));
        assert!(read("").unwrap().pinned().is_err());
        assert_eq!(read("mosaic=4&mosaic=1&mosaic=4").unwrap().mosaic(), Wanted::Mosaic(vec![1, 4]));
        assert_eq!(read("").unwrap().mosaic(), Wanted::Mosaic(vec![]));
    }

    #[test]
    fn each_scale_has_at_most_one_tier() {
        let tiers = read("amp=2C&escat=X").unwrap().tiers();
        assert_eq!(tiers, Tiers { amp: Some(AmpTier::TwoC), escat: Some(EscatTier::X) });
        assert!(read("amp=&escat=").unwrap().tiers().is_empty());
    }

    #[test]
    fn whoever_disagrees_says_why() {
        assert_eq!(read("agrees=1&why=").unwrap().read_second().unwrap(), Wanted::Read(None));
        let against = Wanted::Read(Some("seen in a healthy brother".to_owned()));
        assert_eq!(read("agrees=0&why=seen+in+a+healthy+brother ").unwrap().read_second().unwrap(), against);
        for wrong in ["agrees=0", "agrees=0&why=+", "why=x"] {
            assert!(read(wrong).unwrap().read_second().is_err(), "{wrong}");
        }
        assert!(read(&format!("agrees=0&why={}", "x".repeat(1_001))).unwrap().read_second().is_err());
    }
}
