//! What is submitted about saved filters.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{AppError, AppResult, FieldError};
use crate::ids::has_one_spelling;

/// Most characters of a name.
pub(super) const NAME: usize = 80;

/// A filter to be kept; the filter itself is in the address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveForm {
    /// Name among the institute's.
    name: String,
    /// Revision of the filter of this name that was shown; absent when none was.
    pub rev: Option<i64>,
}

impl SaveForm {
    /// The name, without spaces at its ends.
    pub(super) fn name(&self) -> AppResult<String> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > NAME || !has_one_spelling(name) {
            let rule = format!("write 1 to {NAME} characters on one line");
            return Err(AppError::Unprocessable(vec![FieldError::new("name", &self.name, rule)]));
        }
        Ok(name.to_owned())
    }
}

/// How a filter is to stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarksForm {
    locked: String,
    retired: String,
    pub rev: i64,
}

impl MarksForm {
    /// Whether it is locked, and whether it is retired.
    pub(super) fn marks(&self) -> AppResult<(bool, bool)> {
        let read = |field: &str, value: &str| match value {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(AppError::Unprocessable(vec![FieldError::new(field, value, "must be 1 or 0")])),
        };
        Ok((read("locked", &self.locked)?, read("retired", &self.retired)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_people_can_tell_apart() {
        let name = |text: &str| SaveForm { name: text.into(), rev: None }.name();
        assert_eq!(name(" Epilepsy, de novo ").unwrap(), "Epilepsy, de novo");
        for wrong in ["", "  ", "two\nlines", "hidden\u{200b}", &"x".repeat(NAME + 1)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn marks_are_yes_or_no() {
        let marks =
            |locked: &str, retired: &str| MarksForm { locked: locked.into(), retired: retired.into(), rev: 1 }.marks();
        assert_eq!(marks("1", "0").unwrap(), (true, false));
        assert!(marks("yes", "0").is_err() && marks("1", "").is_err());
    }
}
