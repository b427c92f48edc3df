//! What is submitted about who reads a case.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::change::Wanted;
use crate::error::FieldError;
use crate::ids::UserId;

/// Fewest and most characters of a reason.
pub(crate) const REASON: RangeInclusive<usize> = 10..=500;

/// The form as it was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct RestrictionForm {
    /// Who was ticked.
    pub people: BTreeSet<String>,
    /// Why.
    pub reason: String,
    /// The revision that was shown.
    pub rev: String,
}

impl RestrictionForm {
    /// From the pairs of a form; names that it does not have are errors.
    pub(super) fn of(pairs: &[(String, String)]) -> Result<Self, Vec<FieldError>> {
        let mut form = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "person" => {
                    form.people.insert(value.clone());
                }
                "reason" if form.reason.is_empty() => form.reason.clone_from(value),
                "rev" if form.rev.is_empty() => form.rev.clone_from(value),
                "reason" | "rev" => wrong.push(FieldError::new(name, value, "is there twice")),
                _ => wrong.push(FieldError::new(name, value, "is no field of this form")),
            }
        }
        if wrong.is_empty() { Ok(form) } else { Err(wrong) }
    }

    /// Who is to read the case, and why.
    pub(super) fn read(&self) -> Result<(Wanted, i64), Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut people = BTreeSet::new();
        for one in &self.people {
            match one.parse::<UserId>() {
                Ok(user) => {
                    people.insert(user);
                }
                Err(_) => wrong.push(FieldError::new("person", one, "is not the identity of a person")),
            }
        }
        let reason = read_reason(&self.reason).unwrap_or_else(|message| {
            wrong.push(FieldError::new("reason", &self.reason, message));
            String::new()
        });
        let rev = read_rev(&self.rev).map_err(|error| wrong.push(error)).unwrap_or_default();
        if wrong.is_empty() { Ok((Wanted::Named { people, reason }, rev)) } else { Err(wrong) }
    }
}

/// One line that says why.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    if REASON.contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(reason.to_owned());
    }
    Err(format!("write why, in {} to {} characters on one line", REASON.start(), REASON.end()))
}

/// The revision that was shown.
pub(crate) fn read_rev(text: &str) -> Result<i64, FieldError> {
    text.parse().map_err(|_| FieldError::new("rev", text, "is not the revision of a page; open the page again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_form_is_read_or_refused(pairs in proptest::collection::vec(("person|reason|rev|[a-z]{0,3}", ".{0,40}"), 0..6)) {
            if let Ok(form) = RestrictionForm::of(&pairs)
                && let Ok((Wanted::Named { reason, .. }, _)) = form.read()
            {
                proptest::prop_assert!(REASON.contains(&reason.chars().count()));
            }
        }
    }
}
