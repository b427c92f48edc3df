use crate::decisions::Reason;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{TogetherId, VariantId};

/// Which variants of the list are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// Those that were ticked, in any order.
    Ticked(Vec<VariantId>),
    /// All that pass the filter.
    Filter,
}

/// A decision about several variants, as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub of: Of,
    /// Why they are put aside, in order; empty: they are taken back.
    pub reasons: Vec<Reason>,
    /// What the sender was shown and agreed to.
    pub seen: Option<String>,
}

/// What the buttons of the form are called.
const WHAT: [&str; 4] = ["ticked", "filter", "ticked_back", "filter_back"];

impl Sent {
    /// Reads a form; an unknown field or one that cannot be read is an error with its name.
    pub(super) fn read(pairs: &[(String, String)]) -> AppResult<Self> {
        let (mut what, mut variants, mut reasons, mut seen) = (None, Vec::new(), Vec::new(), None);
        let mut wrong = Vec::new();
        for (name, value) in pairs {
            let value = value.trim();
            let known = match name.as_str() {
                "what" => WHAT.into_iter().find(|known| *known == value).map(|known| what = Some(known)),
                "variant" => value.parse().ok().map(|id: VariantId| variants.push(id)),
                "reason" => Reason::read(value).map(|reason| reasons.push(reason)),
                "seen" => {
                    seen = Some(value.to_owned());
                    Some(())
                }
                _ => None,
            };
            if known.is_none() {
                wrong.push(FieldError::new(name, value, format!("is not {}", expected(name))));
            }
        }
        variants.sort_unstable();
        variants.dedup();
        reasons.sort_unstable();
        reasons.dedup();
        let of_filter = what.is_some_and(|what| what.starts_with("filter"));
        let back = what.is_some_and(|what| what.ends_with("back"));
        if what.is_none() {
            wrong.push(FieldError::new("what", "", "say which variants are meant"));
        }
        if back {
            reasons.clear(); // ticked, perhaps, before the other button was pressed
        } else if reasons.is_empty() {
            wrong.push(FieldError::new("reason", "", "choose at least one reason to dismiss variants"));
        }
        if !of_filter && variants.is_empty() {
            wrong.push(FieldError::new("variant", "", "tick at least one variant of the list"));
        }
        if !wrong.is_empty() {
            return Err(AppError::Unprocessable(wrong));
        }
        Ok(Self { of: if of_filter { Of::Filter } else { Of::Ticked(variants) }, reasons, seen })
    }

    /// The fields that say the same again, but for what was seen.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<(&str, String)> = self.reasons.iter().map(|reason| ("reason", reason.value())).collect();
        let back = self.reasons.is_empty();
        let what = match (&self.of, back) {
            (Of::Ticked(_), false) => "ticked",
            (Of::Filter, false) => "filter",
            (Of::Ticked(_), true) => "ticked_back",
            (Of::Filter, true) => "filter_back",
        };
        pairs.push(("what", what.to_owned()));
        if let Of::Ticked(ids) = &self.of {
            pairs.extend(ids.iter().map(|id| ("variant", id.to_string())));
        }
        pairs
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "what" => "ticked, filter, ticked_back or filter_back",
        "variant" => "a variant’s id",
        "reason" => "a reason to dismiss a variant",
        _ => "a field of this form",
    }
}

/// The decision that is to be undone.
pub(super) fn undone(pairs: &[(String, String)]) -> AppResult<TogetherId> {
    let id = pairs.iter().find(|(name, _)| name == "together").map(|(_, value)| value.as_str()).unwrap_or_default();
    id.parse().map_err(|_| {
        AppError::Unprocessable(vec![FieldError::new(
            "together",
            id,
            "is not the id of a decision about several variants",
        )])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions::terms::DISMISSALS;

    fn read(text: &str) -> Result<Sent, Vec<String>> {
        match Sent::read(&serde_urlencoded::from_str::<Vec<(String, String)>>(text).unwrap()) {
            Ok(sent) => Ok(sent),
            Err(AppError::Unprocessable(errors)) => Err(errors.into_iter().map(|error| error.field).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let id = "a".repeat(26);
        for (text, fields) in [
            ("", &["what", "reason", "variant"][..]),
            ("what=all", &["what", "what", "reason", "variant"]),
            ("what=filter", &["reason"]),
            ("what=ticked&reason=7", &["variant"]),
            ("what=ticked&reason=4&variant=1", &["reason", "variant", "reason", "variant"]),
            ("what=filter&reason=7&rev=1", &["rev"]),
        ] {
            assert_eq!(read(text).unwrap_err(), fields, "{text}");
        }
        let ticked = read(&format!("what=ticked&reason=29&reason=7&reason=29&variant={id}&variant={id}")).unwrap();
        assert_eq!(
            (ticked.reasons.as_slice(), &ticked.of),
            (&[Reason::Known(7), Reason::Known(29)][..], &Of::Ticked(vec![id.parse().unwrap()]))
        );
    }

    #[test]
    fn what_is_taken_back_has_no_reasons() {
        let back = read("what=filter_back&reason=7&seen=x").unwrap();
        assert_eq!(back, Sent { of: Of::Filter, reasons: Vec::new(), seen: Some("x".into()) });
    }

    proptest::proptest! {
        #[test]
        fn what_was_read_is_read_again(
            filter in proptest::bool::ANY, back in proptest::bool::ANY,
            reasons in proptest::collection::vec(0..DISMISSALS.len(), 1..4),
            hashes in proptest::collection::vec(proptest::array::uniform16(0_u8..), 1..4),
        ) {
            let what = format!("{}{}", if filter { "filter" } else { "ticked" }, if back { "_back" } else { "" });
            let mut pairs = vec![("what".to_owned(), what)];
            pairs.extend(reasons.into_iter().map(|at| ("reason".to_owned(), DISMISSALS[at].0.to_string())));
            pairs.extend(hashes.iter().map(|hash| ("variant".to_owned(), VariantId::from_hash(hash).to_string())));
            let sent = Sent::read(&pairs).unwrap();
            let again: Vec<_> = sent.pairs().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            proptest::prop_assert_eq!(Sent::read(&again).unwrap(), sent);
        }

        #[test]
        fn any_form_is_read_or_refused(name in "[a-z]{0,8}", value in ".{0,30}") {
            let _ = Sent::read(&[("what".to_owned(), "filter".to_owned()), (name, value)]);
        }
    }
}
