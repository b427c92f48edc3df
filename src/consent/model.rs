use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::events::Actor;

/// What somebody is asked for their consent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be told of disease that nobody asked about (ACMG SF).
    SecondaryFindings,
    /// That the data are looked at again later, and they are written to about it.
    Recontact,
    /// Research with the data.
    Research,
    /// That the case is shared with other institutes.
    Sharing,
    /// That their variants are counted among those of the institute's cases.
    LocalCounts,
}

impl Purpose {
    /// All, in the order of pages.
    pub const ALL: [Self; 5] =
        [Self::SecondaryFindings, Self::Recontact, Self::Research, Self::Sharing, Self::LocalCounts];

    /// The word in documents and forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecondaryFindings => "secondary_findings",
            Self::Recontact => "recontact",
            Self::Research => "research",
            Self::Sharing => "sharing",
            Self::LocalCounts => "local_counts",
        }
    }

    /// The words on pages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SecondaryFindings => "secondary findings",
            Self::Recontact => "re-analysis and re-contact",
            Self::Research => "research",
            Self::Sharing => "sharing with other institutes",
            Self::LocalCounts => "being counted in local frequencies",
        }
    }

    /// What can be answered.
    #[must_use]
    pub fn answers(self) -> &'static [Answer] {
        match self {
            Self::SecondaryFindings => &[Answer::No, Answer::Yes, Answer::YesOfMinor, Answer::YesDespiteMinor],
            _ => &[Answer::No, Answer::Yes],
        }
    }
}

/// What somebody, or their guardians, said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// They do not consent, or do not any more.
    No,
    /// They do; to secondary findings, being of age.
    Yes,
    /// To secondary findings, for a minor: nothing is reported until they are of age and asked again.
    YesOfMinor,
    /// To secondary findings, for a minor, to be reported all the same.
    YesDespiteMinor,
}

impl Answer {
    /// The word in documents and forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::YesOfMinor => "yes_of_minor",
            Self::YesDespiteMinor => "yes_despite_minor",
        }
    }

    /// The words on pages, as an answer about a purpose.
    #[must_use]
    pub fn words(self, purpose: Purpose) -> &'static str {
        match (self, purpose) {
            (Self::No, _) => "no",
            (Self::Yes, Purpose::SecondaryFindings) => "yes, and of age",
            (Self::Yes, _) => "yes",
            (Self::YesOfMinor, _) => "yes, but a minor: not reported until of age",
            (Self::YesDespiteMinor, _) => "yes, and reported although a minor",
        }
    }

    /// Whether what was asked for may be done.
    #[must_use]
    pub fn allows(self) -> bool {
        matches!(self, Self::Yes | Self::YesDespiteMinor)
    }
}

/// An answer on record.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What was said.
    pub answer: Answer,
    /// The day on which it was said.
    pub on: Date,
    /// Who put it on record.
    pub by: Actor,
    /// When they did.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

/// All answers of one individual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndividualConsents {
    /// Whose.
    pub individual_id: String,
    /// By purpose; what was not asked, or not put on record, is absent.
    pub answers: BTreeMap<Purpose, Consent>,
    /// Counts changes.
    pub rev: i64,
}

/// What the individuals of a case consent to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Consents(Vec<IndividualConsents>);

impl Consents {
    /// The answers of an individual; none on record for one who is not there.
    #[must_use]
    pub fn of(&self, individual: &str) -> IndividualConsents {
        let found = self.0.iter().find(|one| one.individual_id == individual).cloned();
        found.unwrap_or_else(|| IndividualConsents {
            individual_id: individual.to_owned(),
            ..IndividualConsents::default()
        })
    }

    /// Whether an individual allows it.
    #[must_use]
    pub fn allow(&self, individual: &str, purpose: Purpose) -> bool {
        let theirs = self.0.iter().find(|one| one.individual_id == individual);
        theirs.and_then(|one| one.answers.get(&purpose)).is_some_and(|consent| consent.answer.allows())
    }

    /// Whether somebody said no to it.
    #[must_use]
    pub fn refuse(&self, purpose: Purpose) -> bool {
        let no = |one: &IndividualConsents| one.answers.get(&purpose).is_some_and(|given| given.answer == Answer::No);
        self.0.iter().any(no)
    }

    /// With these in place of the same individual's.
    #[must_use]
    pub(super) fn with(&self, changed: IndividualConsents) -> Self {
        let mut all = self.0.clone();
        all.retain(|one| one.individual_id != changed.individual_id);
        all.push(changed);
        Self(all)
    }

    /// What a guest has to hold so that the same is withheld from them: who allows secondary findings, and nothing more.
    #[must_use]
    pub(crate) fn for_guest(self) -> Self {
        let kept = self.0.into_iter().map(|one| {
            let nobody = Actor { user: None, name: String::new() };
            let secondary = one.answers.into_iter().filter(|(purpose, _)| *purpose == Purpose::SecondaryFindings);
            let answers = secondary.map(|(purpose, given)| {
                (purpose, Consent { on: Date::ZERO, by: nobody.clone(), at: Timestamp::UNIX_EPOCH, ..given })
            });
            IndividualConsents { individual_id: one.individual_id, answers: answers.collect(), rev: 0 }
        });
        Self(kept.collect())
    }
}

/// The answers in words, each with what it is about.
pub(crate) fn in_words(consents: &IndividualConsents) -> Vec<(String, String)> {
    consents
        .answers
        .iter()
        .map(|(purpose, given)| {
            let what = format!("{}: {}", consents.individual_id, purpose.words());
            (what, format!("{}, {}", given.answer.words(*purpose), given.on))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(answer: Answer) -> Consent {
        Consent {
            answer,
            on: "2026-11-01".parse().unwrap(),
            by: Actor { user: None, name: "Kim".to_owned() },
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn consents(individual: &str, purpose: Purpose, answer: Answer) -> Consents {
        Consents::default().with(IndividualConsents {
            individual_id: individual.to_owned(),
            answers: [(purpose, given(answer))].into(),
            rev: 1,
        })
    }

    #[test]
    fn only_a_clear_yes_allows_and_only_a_no_refuses() {
        for (answer, allows, refuses) in [
            (Answer::No, false, true),
            (Answer::Yes, true, false),
            (Answer::YesOfMinor, false, false),
            (Answer::YesDespiteMinor, true, false),
        ] {
            let consents = consents("child", Purpose::SecondaryFindings, answer);
            assert_eq!(consents.allow("child", Purpose::SecondaryFindings), allows, "{answer:?}");
            assert_eq!(consents.refuse(Purpose::SecondaryFindings), refuses, "{answer:?}");
            assert!(!consents.allow("mother", Purpose::SecondaryFindings), "nobody speaks for another");
            assert!(!consents.allow("child", Purpose::Sharing));
            assert!(!consents.refuse(Purpose::Sharing), "what was not asked was not refused");
        }
    }

    #[test]
    fn a_guest_holds_who_allows_secondary_findings_and_nothing_else() {
        let mut all = consents("child", Purpose::SecondaryFindings, Answer::Yes).of("child");
        all.answers.insert(Purpose::Research, given(Answer::No));
        let held = Consents::default().with(all).for_guest();
        assert!(held.allow("child", Purpose::SecondaryFindings));
        let text = serde_json::to_string(&held).unwrap();
        assert!(!text.contains("Kim") && !text.contains("2026") && !text.contains("research"), "{text}");
    }

    #[test]
    fn documents_keep_the_answers() {
        let consents = consents("child", Purpose::LocalCounts, Answer::No);
        let stored = bson::serialize_to_bson(&consents).unwrap();
        assert_eq!(bson::deserialize_from_bson::<Consents>(stored).unwrap(), consents);
    }
}
