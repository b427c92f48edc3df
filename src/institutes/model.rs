use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::sign_out::{SecondReader, SignOut};
use crate::auth::Principal;
use crate::db::Stored;
use crate::decisions::{Dismissals, Reason, reasons_in_words};
use crate::ids::{InstituteId, UserId};
use crate::saved_filters::ClinicalFilter;
use crate::users::{Email, Role};
use crate::variants::columns::{CutoffKind, Cutoffs, written};
use crate::variants::{Category, LinkTarget};

/// A clinic or laboratory that owns cases.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Institute {
    /// Short name, also in URLs.
    #[serde(rename = "_id")]
    pub id: InstituteId,
    /// Name as shown.
    pub name: String,
    /// What its admins decide.
    #[serde(default)]
    pub settings: Settings,
    /// Who may sign out what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_out: Vec<SignOut>,
    /// When it was added.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Counts changes of name and settings.
    pub rev: i64,
    /// Counts changes of what lists show of the institute's cases.
    #[serde(default)]
    pub cases_rev: i64,
    /// The last of these that removed a case.
    #[serde(default)]
    pub removed_rev: i64,
    /// Counts changes of its saved filters.
    #[serde(default)]
    pub filters_rev: i64,
}

/// An institute's own rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// gnomAD frequency above which the clinical preset hides a variant, as a fraction.
    pub frequency_cutoff: f64,
    /// Values that filter panels offer as limits.
    pub cutoffs: Cutoffs,
    /// External sites that may be told exact places and alleles.
    pub link_targets: BTreeSet<LinkTarget>,
    /// The agreement list: institutes that single cases may be shared with. It shares nothing by itself.
    pub share_with: BTreeSet<InstituteId>,
    /// Days from sample to answer that the institute aims at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_days: Option<u16>,
    /// Who confirms a causative mark.
    pub second_reader: SecondReader,
    /// Who gets orders of validations by mail.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub order_mail: BTreeSet<Email>,
    /// For which reasons variants are put aside.
    pub dismissals: Dismissals,
    /// Saved filters in place of Lodestone's own clinical ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub clinical: BTreeMap<Category, ClinicalFilter>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frequency_cutoff: DEFAULT_FREQUENCY_CUTOFF,
            cutoffs: Cutoffs::default(),
            link_targets: BTreeSet::new(),
            share_with: BTreeSet::new(),
            target_days: None,
            second_reader: SecondReader::None,
            order_mail: BTreeSet::new(),
            dismissals: Dismissals::default(),
            clinical: BTreeMap::new(),
        }
    }
}

/// Scout's default of the clinical filter: one carrier chromosome in a hundred.
pub const DEFAULT_FREQUENCY_CUTOFF: f64 = 0.01;

/// Everything an institute's admins decide, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// Name as shown.
    pub name: String,
    /// Rules.
    pub settings: Settings,
    /// Who may sign out what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_out: Vec<SignOut>,
}

/// One value that differs between two [`Choices`], in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub label: String,
    /// Here.
    pub one: String,
    /// There.
    pub other: String,
}

impl Choices {
    /// What differs from `other`, in the order of the settings page.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut pairs = vec![
            ("Name".to_owned(), self.name.clone(), other.name.clone()),
            (
                "Frequency of the clinical filter".to_owned(),
                self.settings.frequency_cutoff.to_string(),
                other.settings.frequency_cutoff.to_string(),
            ),
        ];
        for category in Category::ALL {
            let filter = |choices: &Self| {
                choices.settings.clinical.get(&category).map_or("Lodestone’s own".to_owned(), ClinicalFilter::title)
            };
            pairs.push((format!("Clinical filter of {}", category.words()), filter(self), filter(other)));
        }
        for kind in CutoffKind::ALL {
            let values = |choices: &Self| written(choices.settings.cutoffs.get(kind));
            pairs.push((format!("Values offered for {}", kind.label()), values(self), values(other)));
        }
        pairs.push(("Sites told exact variants".to_owned(), self.sites(), other.sites()));
        let days = |choices: &Self| choices.settings.target_days.map_or("none".to_owned(), |days| days.to_string());
        pairs.push(("Days from sample to answer".to_owned(), days(self), days(other)));
        pairs.push(("Institutes that cases may be shared with".to_owned(), self.partners(), other.partners()));
        let reader = |choices: &Self| choices.settings.second_reader.words().to_owned();
        pairs.push(("Who confirms a causative mark".to_owned(), reader(self), reader(other)));
        let to = |choices: &Self| listed(choices.settings.order_mail.iter().map(Email::as_str));
        pairs.push(("Who gets orders of validations by mail".to_owned(), to(self), to(other)));
        let left_out = |choices: &Self| {
            let codes: Vec<Reason> = choices.settings.dismissals.left_out.iter().copied().map(Reason::Known).collect();
            if codes.is_empty() { "none".to_owned() } else { reasons_in_words(&codes) }
        };
        pairs.push(("Reasons to dismiss that are not offered".to_owned(), left_out(self), left_out(other)));
        let own = |choices: &Self| listed(choices.settings.dismissals.own.iter().map(String::as_str));
        pairs.push(("Own reasons to dismiss".to_owned(), own(self), own(other)));
        let rights = self.sign_out.iter().chain(&other.sign_out);
        let people: BTreeMap<&UserId, &str> = rights.map(|right| (&right.user, right.name.as_str())).collect();
        for (user, name) in people {
            pairs.push((format!("Causes that {name} may confirm"), self.rights_of(user), other.rights_of(user)));
        }
        pairs
            .into_iter()
            .filter(|(_, one, other)| one != other)
            .map(|(label, one, other)| Difference { label, one, other })
            .collect()
    }

    fn sites(&self) -> String {
        listed(self.settings.link_targets.iter().map(|target| target.site()))
    }

    fn rights_of(&self, user: &UserId) -> String {
        let rights: Vec<String> =
            self.sign_out.iter().filter(|right| right.user == *user).map(SignOut::words).collect();
        if rights.is_empty() { "nothing".to_owned() } else { rights.join(", ") }
    }

    fn partners(&self) -> String {
        listed(self.settings.share_with.iter().map(InstituteId::as_str))
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

impl Institute {
    /// A new institute with default settings.
    #[must_use]
    pub fn new(id: InstituteId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            name,
            settings: Settings::default(),
            sign_out: Vec::new(),
            created_at: now,
            rev: 1,
            cases_rev: 0,
            removed_rev: 0,
            filters_rev: 0,
        }
    }

    /// The same institute with other choices.
    #[must_use]
    pub fn with(&self, Choices { name, settings, sign_out }: Choices) -> Self {
        Self { name, settings, sign_out, ..self.clone() }
    }

    /// Whether somebody confirms causes of a category here on a day: a geneticist who has the right to sign it out.
    #[must_use]
    pub fn is_confirmed_by(&self, principal: &Principal, category: Category, day: Date) -> bool {
        let user = principal.user();
        let has_right = |right: &SignOut| right.user == *user && right.category == category && right.holds_on(day);
        principal.has_role(&self.id, Role::Geneticist) && self.sign_out.iter().any(has_right)
    }

    /// What its admins decided.
    #[must_use]
    pub fn choices(&self) -> Choices {
        Choices { name: self.name.clone(), settings: self.settings.clone(), sign_out: self.sign_out.clone() }
    }
}

/// Names of stored fields.
pub(crate) mod field {
    pub const REV: &str = "rev";
    pub const CASES_REV: &str = "cases_rev";
    pub const REMOVED_REV: &str = "removed_rev";
    pub const FILTERS_REV: &str = "filters_rev";
}

impl Stored for Institute {
    const COLLECTION: &'static str = "institutes";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn institute() -> Institute {
        Institute::new("cust000".parse().unwrap(), "Our clinic".into(), "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn stored_field_names_exist_and_older_documents_are_read() {
        let mut document = bson::serialize_to_document(&institute()).unwrap();
        assert!(document.contains_key(field::REV));
        document.insert("settings", bson::doc! { "frequency_cutoff": 0.02, "link_targets": [] });
        let read: Institute = bson::deserialize_from_document(document.clone()).unwrap();
        assert_eq!(read.settings, Settings { frequency_cutoff: 0.02, ..Settings::default() });
        document.remove("settings");
        assert_eq!(bson::deserialize_from_document::<Institute>(document).unwrap(), institute());
    }

    #[test]
    fn differences_name_what_changed_and_nothing_else() {
        let one = institute().choices();
        assert_eq!(one.differences(&one), []);
        let mut other = one.clone();
        other.settings.cutoffs.set(CutoffKind::Cadd, vec![12.5]);
        other.settings.link_targets.extend([LinkTarget::Ucsc, LinkTarget::Gnomad]);
        let found = one.differences(&other);
        let words: Vec<(&str, &str, &str)> =
            found.iter().map(|found| (found.label.as_str(), found.one.as_str(), found.other.as_str())).collect();
        assert_eq!(
            words,
            [
                ("Values offered for CADD", "10 15 20 25 30", "12.5"),
                ("Sites told exact variants", "none", "gnomAD variant, UCSC"),
            ]
        );
    }
}
