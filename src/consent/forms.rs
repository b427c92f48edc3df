//! What is submitted about an individual's consent.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::model::{Answer, Purpose};
use crate::error::FieldError;

/// What stands in the form of one individual, as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ConsentForm {
    /// Whose.
    pub individual: String,
    /// The revision that was shown.
    pub rev: String,
    /// Of each purpose: answer and day.
    pub fields: BTreeMap<Purpose, (String, String)>,
}

/// What is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub individual: String,
    /// The revision that was shown.
    pub rev: i64,
    /// What was answered, and on which day.
    pub answers: BTreeMap<Purpose, (Answer, Date)>,
}

/// The field that holds the day of an answer.
pub(super) fn day_field(purpose: Purpose) -> String {
    format!("{}_on", purpose.as_str())
}

impl ConsentForm {
    /// From the pairs of a form; names that it does not have are errors.
    pub(super) fn of(pairs: &[(String, String)]) -> Result<Self, Vec<FieldError>> {
        let mut form = Self::default();
        let mut wrong = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            let named = |purpose: &&Purpose| purpose.as_str() == name || day_field(**purpose) == *name;
            let purpose = Purpose::ALL.iter().find(named);
            let field = match (name.as_str(), purpose) {
                ("individual", _) => &mut form.individual,
                ("rev", _) => &mut form.rev,
                (_, Some(purpose)) => {
                    let (answer, day) = form.fields.entry(*purpose).or_default();
                    if name == purpose.as_str() { answer } else { day }
                }
                (_, None) => {
                    wrong.push(FieldError::new(name, value, "is no field of this form"));
                    continue;
                }
            };
            if seen.contains(&name.as_str()) {
                wrong.push(FieldError::new(name, value, "may be given once"));
            }
            seen.push(name);
            value.trim().clone_into(field);
        }
        if wrong.is_empty() { Ok(form) } else { Err(wrong) }
    }

    /// What is meant, or what is wrong with each field. `today` in UTC.
    pub(super) fn read(&self, today: Date) -> Result<Wanted, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let rev = self.rev.parse::<i64>().ok().filter(|rev| *rev >= 0);
        if rev.is_none() {
            wrong.push(FieldError::new("rev", &self.rev, "must be the revision that was shown"));
        }
        let mut answers = BTreeMap::new();
        for (purpose, (answer, day)) in &self.fields {
            if answer.is_empty() {
                continue; // not on record: a day alone says nothing
            }
            let known = purpose.answers().iter().find(|known| known.as_str() == answer);
            if known.is_none() {
                wrong.push(FieldError::new(purpose.as_str(), answer, "is no answer to this"));
            }
            // Nobody sequenced today consented before there were telephones; a mistyped year is found.
            let on = day.parse::<Date>().ok().filter(|day| *day <= today && day.year() >= 1900);
            if on.is_none() {
                let rule = format!("say on which day this was answered, at the latest {today}");
                wrong.push(FieldError::new(&day_field(*purpose), day, rule));
            }
            if let (Some(answer), Some(on)) = (known, on) {
                answers.insert(*purpose, (*answer, on));
            }
        }
        match rev {
            Some(rev) if wrong.is_empty() => Ok(Wanted { individual: self.individual.clone(), rev, answers }),
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Wanted, Vec<FieldError>> {
        let pairs: Vec<(String, String)> = [("individual", "child"), ("rev", "2")]
            .iter()
            .chain(pairs)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        ConsentForm::of(&pairs)?.read("2026-11-22".parse().unwrap())
    }

    #[test]
    fn answers_come_with_their_day() {
        let wanted = read(&[
            ("secondary_findings", "yes_despite_minor"),
            ("secondary_findings_on", "2026-11-22"),
            ("sharing", "no"),
            ("sharing_on", " 2025-02-28 "),
            ("research", ""),
            ("research_on", "2026-01-01"),
        ])
        .unwrap();
        assert_eq!((wanted.individual.as_str(), wanted.rev), ("child", 2));
        let answers: Vec<_> = wanted.answers.into_iter().collect();
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(
            answers,
            [
                (Purpose::SecondaryFindings, (Answer::YesDespiteMinor, day("2026-11-22"))),
                (Purpose::Sharing, (Answer::No, day("2025-02-28"))),
            ]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_said_field_by_field() {
        for (pairs, field) in [
            (&[("sharing", "maybe"), ("sharing_on", "2026-01-01")][..], "sharing"),
            (&[("sharing", "yes_despite_minor"), ("sharing_on", "2026-01-01")], "sharing"),
            (&[("sharing", "yes")], "sharing_on"),
            (&[("sharing", "yes"), ("sharing_on", "2026-11-23")], "sharing_on"),
            (&[("sharing", "yes"), ("sharing_on", "0026-11-20")], "sharing_on"),
            (&[("sharing", "yes"), ("sharing_on", "20.11.2026")], "sharing_on"),
            (&[("sharing", "yes"), ("sharing", "no"), ("sharing_on", "2026-01-01")], "sharing"),
            (&[("colour", "blue")], "colour"),
            (&[("rev", "3")], "rev"),
        ] {
            let wrong = read(pairs).expect_err(field);
            let fields: Vec<&str> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
            assert_eq!(fields, [field], "{pairs:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_the_reader_panic(pairs in proptest::collection::vec(("[a-z_]{0,20}|sharing(_on)?|rev", ".{0,12}"), 0..8)) {
            let _ = ConsentForm::of(&pairs).map(|form| form.read("2026-11-22".parse().unwrap()));
        }
    }
}
