//! Forms about institutes: submitted text becomes typed values, or comes back with an error per field.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Choices, Institute, Settings};
use crate::decisions::terms::DISMISSALS;
use crate::decisions::{Dismissals, read_all_own};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::InstituteId;
use crate::mail::is_deliverable;
use crate::saved_filters::{ClinicalFilter, SavedFilter};
use crate::users::Email;
use crate::variants::columns::{CutoffKind, Cutoffs, read_number, written};
use crate::variants::{Category, LinkTarget};

/// Most characters of an institute's name.
const NAME: usize = 100;

/// Name of the field of the clinical preset's frequency.
pub(super) const FREQUENCY_CUTOFF: &str = "frequency_cutoff";

/// Most institutes on an agreement list.
const PARTNERS: usize = 100;
/// Name of the field of the agreement list.
pub(crate) const SHARE_WITH: &str = "share_with";

/// What was submitted, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsForm {
    /// Revision that the form was made from.
    pub rev: i64,
    /// Name as shown.
    pub name: String,
    /// gnomAD frequency of the clinical preset.
    pub frequency_cutoff: String,
    /// Values offered, by kind.
    pub cutoffs: BTreeMap<CutoffKind, String>,
    /// Sites that are ticked.
    pub links: Vec<LinkTarget>,
    /// Institutes of the agreement list.
    pub share_with: String,
    /// Days from sample to answer; empty for none.
    pub target_days: String,
    /// Who confirms a causative mark.
    pub second_reader: String,
    /// Addresses that get orders of validations.
    pub order_mail: String,
    /// Known reasons to dismiss that are ticked.
    pub reasons: BTreeSet<u16>,
    /// Own ones, one on each line.
    pub own_reasons: String,
    /// The clinical filter by category, as [`ClinicalFilter::value`]; empty for Lodestone's own.
    pub clinical: BTreeMap<Category, String>,
}

/// Field of the clinical filter of a category.
#[must_use]
pub fn clinical_field(category: Category) -> String {
    format!("clinical_{}", category.as_str())
}

/// Name of the field of the days from sample to answer.
pub(crate) const TARGET_DAYS: &str = "target_days";

/// Name of the field of who confirms a causative mark.
pub(super) const SECOND_READER: &str = "second_reader";

/// Name of the field of who gets orders by mail.
pub(crate) const ORDER_MAIL: &str = "order_mail";

/// Name of the field of the institute's own reasons to dismiss.
pub(crate) const OWN_REASONS: &str = "own_reasons";

/// Most addresses that get orders by mail.
const ADDRESSES: usize = 20;

/// Days from sample to answer; none when nothing is typed.
pub fn read_days(text: &str) -> Result<Option<u16>, String> {
    let word = text.trim();
    if word.is_empty() {
        return Ok(None);
    }
    match word.parse() {
        Ok(days @ 1..=1_000) => Ok(Some(days)),
        _ => Err(format!("{word} is not a whole number of days from 1 to 1000")),
    }
}

/// Field of the values offered for a kind.
#[must_use]
pub fn cutoff_field(kind: CutoffKind) -> String {
    format!("cutoffs_{}", kind.as_str())
}

/// An institute's name, without spaces at its ends.
pub fn read_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(format!("write 1 to {NAME} characters on one line"));
    }
    Ok(name.to_owned())
}

/// The gnomAD frequency of the clinical preset, as a fraction.
pub fn read_frequency(text: &str) -> Result<f64, String> {
    let word = text.trim();
    let value = read_number(word)?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{word} is not between 0 and 1: write a fraction, as in 0.01 for one percent"))
    }
}

/// Institutes of an agreement list, with spaces or commas between; whether there are such is not asked here.
pub fn read_partners(text: &str) -> Result<BTreeSet<InstituteId>, String> {
    let words = text.split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty());
    let partners = words.map(str::parse).collect::<Result<BTreeSet<InstituteId>, _>>();
    match partners {
        Ok(partners) if partners.len() > PARTNERS => Err(format!("name at most {PARTNERS} institutes")),
        Ok(partners) => Ok(partners),
        Err(error) => Err(error.to_string()),
    }
}

/// Addresses that get mail, with spaces or commas between.
pub fn read_addresses(text: &str) -> Result<BTreeSet<Email>, String> {
    let words = text.split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty());
    let mut addresses = BTreeSet::new();
    for word in words {
        let address: Email = word.to_lowercase().parse().map_err(|error: crate::ids::IdError| error.to_string())?;
        if !is_deliverable(&address) {
            return Err(format!("{address} is no address that mail can be sent to"));
        }
        addresses.insert(address);
    }
    if addresses.len() > ADDRESSES {
        return Err(format!("name at most {ADDRESSES} addresses"));
    }
    Ok(addresses)
}

fn written_addresses(addresses: &BTreeSet<Email>) -> String {
    addresses.iter().map(Email::as_str).collect::<Vec<_>>().join(" ")
}

fn written_partners(partners: &BTreeSet<InstituteId>) -> String {
    partners.iter().map(InstituteId::as_str).collect::<Vec<_>>().join(" ")
}

/// A new institute, as a form or the API gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstituteForm {
    /// Short name in addresses.
    pub id: String,
    /// Name as shown.
    pub name: String,
}

impl NewInstituteForm {
    /// Id and name, or what is wrong with each field.
    pub fn parse(&self) -> Result<(InstituteId, String), Vec<FieldError>> {
        let mut wrong = Vec::new();
        let id = self.id.trim().parse::<InstituteId>();
        let id = id.map_err(|error| wrong.push(FieldError::new("id", &self.id, error.to_string())));
        let name = read_name(&self.name).map_err(|message| wrong.push(FieldError::new("name", &self.name, message)));
        match (id, name) {
            (Ok(id), Ok(name)) => Ok((id, name)),
            _ => Err(wrong),
        }
    }
}

/// A new name of an institute, in place of revision `rev`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameForm {
    /// Revision that the form was made from.
    pub rev: i64,
    /// Name as shown.
    pub name: String,
}

impl SettingsForm {
    /// The form that shows what is stored.
    #[must_use]
    pub fn of(institute: &Institute) -> Self {
        let settings = &institute.settings;
        Self {
            rev: institute.rev,
            name: institute.name.clone(),
            frequency_cutoff: settings.frequency_cutoff.to_string(),
            cutoffs: CutoffKind::ALL.into_iter().map(|kind| (kind, written(settings.cutoffs.get(kind)))).collect(),
            links: settings.link_targets.iter().copied().collect(),
            share_with: written_partners(&settings.share_with),
            target_days: settings.target_days.map(|days| days.to_string()).unwrap_or_default(),
            second_reader: settings.second_reader.as_str().to_owned(),
            order_mail: written_addresses(&settings.order_mail),
            reasons: DISMISSALS
                .iter()
                .map(|(code, _)| *code)
                .filter(|code| !settings.dismissals.left_out.contains(code))
                .collect(),
            own_reasons: settings.dismissals.own.iter().map(String::as_str).collect::<Vec<_>>().join("\n"),
            clinical: Category::ALL
                .into_iter()
                .map(|category| (category, settings.clinical.get(&category).map(ClinicalFilter::value)))
                .map(|(category, value)| (category, value.unwrap_or_default()))
                .collect(),
        }
    }

    /// Takes the fields of our own form, each once but for sites and reasons; anything else was not sent by it.
    pub fn read(pairs: Vec<(String, String)>) -> AppResult<Self> {
        let foreign = |name: &str| AppError::BadRequest(format!("The form's content does not fit: field `{name}`."));
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let (mut links, mut reasons) = (Vec::new(), BTreeSet::new());
        for (name, value) in pairs {
            if name == "reasons" {
                let known = DISMISSALS.iter().map(|(code, _)| *code).find(|code| code.to_string() == value);
                reasons.insert(known.ok_or_else(|| foreign(&name))?);
            } else if name == "links" {
                links.push(value.parse().map_err(|_| foreign(&name))?);
            } else if texts.insert(name.clone(), value).is_some() {
                return Err(foreign(&name));
            }
        }
        let mut take = |name: &str| texts.remove(name).ok_or_else(|| foreign(name));
        let mut cutoffs = BTreeMap::new();
        for kind in CutoffKind::ALL {
            cutoffs.insert(kind, take(&cutoff_field(kind))?);
        }
        let mut clinical = BTreeMap::new();
        for category in Category::ALL {
            clinical.insert(category, take(&clinical_field(category))?);
        }
        let form = Self {
            rev: take("rev")?.parse().map_err(|_| foreign("rev"))?,
            name: take("name")?,
            frequency_cutoff: take(FREQUENCY_CUTOFF)?,
            cutoffs,
            links,
            share_with: take(SHARE_WITH)?,
            target_days: take(TARGET_DAYS)?,
            second_reader: take(SECOND_READER)?,
            order_mail: take(ORDER_MAIL)?,
            reasons,
            own_reasons: take(OWN_REASONS)?,
            clinical,
        };
        match texts.keys().next() {
            Some(name) => Err(foreign(name)),
            None => Ok(form),
        }
    }

    fn dismissals(&self) -> Result<Dismissals, String> {
        let left_out = DISMISSALS.iter().map(|(code, _)| *code).filter(|code| !self.reasons.contains(code)).collect();
        let dismissals = Dismissals { left_out, own: read_all_own(&self.own_reasons)? };
        if dismissals.is_empty() { Err("leave at least one reason".to_owned()) } else { Ok(dismissals) }
    }

    /// What the clinical filter of a category is to be: what it is, or one of the institute's saved filters as it stands.
    fn clinical(
        category: Category,
        value: &str,
        institute: &Institute,
        saved: &[SavedFilter],
    ) -> Result<Option<ClinicalFilter>, String> {
        let stands = institute.settings.clinical.get(&category);
        let offered = saved.iter().filter(|one| one.category == category && !one.retired).map(ClinicalFilter::of);
        match stands.cloned().into_iter().chain(offered).find(|one| one.value() == value) {
            None if value.is_empty() => Ok(None),
            None => Err("is no saved filter of the institute as it stands now; choose again".to_owned()),
            found => Ok(found),
        }
    }

    /// The choices of an institute with these saved filters, or what is wrong with each field. Who may sign out is not among
    /// the fields.
    pub fn parse(&self, institute: &Institute, saved: &[SavedFilter]) -> Result<Choices, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, value: &str, message: String| wrong.push(FieldError::new(field, value, message));
        let name = read_name(&self.name).map_err(|message| note("name", &self.name, message));
        let frequency_cutoff = read_frequency(&self.frequency_cutoff)
            .map_err(|message| note(FREQUENCY_CUTOFF, &self.frequency_cutoff, message));
        let share_with = read_partners(&self.share_with).map_err(|message| note(SHARE_WITH, &self.share_with, message));
        let target_days = read_days(&self.target_days).map_err(|message| note(TARGET_DAYS, &self.target_days, message));
        let second_reader =
            self.second_reader.parse().map_err(|message| note(SECOND_READER, &self.second_reader, message));
        let order_mail =
            read_addresses(&self.order_mail).map_err(|message| note(ORDER_MAIL, &self.order_mail, message));
        let dismissals = self.dismissals().map_err(|message| note(OWN_REASONS, &self.own_reasons, message));
        let mut cutoffs = Cutoffs::default();
        for (kind, text) in &self.cutoffs {
            match kind.read(text) {
                Ok(values) => cutoffs.set(*kind, values),
                Err(message) => note(&cutoff_field(*kind), text, message),
            }
        }
        let mut clinical = BTreeMap::new();
        for (category, value) in &self.clinical {
            match Self::clinical(*category, value, institute, saved) {
                Ok(chosen) => clinical.extend(chosen.map(|chosen| (*category, chosen))),
                Err(message) => note(&clinical_field(*category), value, message),
            }
        }
        match (name, frequency_cutoff, share_with, target_days, second_reader, order_mail, dismissals) {
            (
                Ok(name),
                Ok(frequency_cutoff),
                Ok(share_with),
                Ok(target_days),
                Ok(second_reader),
                Ok(order_mail),
                Ok(dismissals),
            ) if wrong.is_empty() => {
                let settings = Settings {
                    frequency_cutoff,
                    cutoffs,
                    link_targets: self.links.iter().copied().collect(),
                    share_with,
                    target_days,
                    second_reader,
                    order_mail,
                    dismissals,
                    clinical,
                };
                Ok(Choices { name, settings, sign_out: institute.sign_out.clone() })
            }
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::institutes::SecondReader;

    fn institute() -> Institute {
        let mut institute =
            Institute::new("cust000".parse().unwrap(), "Our clinic".into(), "2026-01-01T00:00:00Z".parse().unwrap());
        institute.settings.link_targets.insert(LinkTarget::Ucsc);
        institute.settings.cutoffs.set(CutoffKind::RankScore, vec![-5.0, 0.5]);
        institute.settings.share_with = ["cust111".parse().unwrap(), "cust222".parse().unwrap()].into();
        institute.settings.target_days = Some(14);
        institute.settings.second_reader = SecondReader::Blinded;
        institute.settings.order_mail = ["lab@clinic.example".parse().unwrap()].into();
        institute.settings.dismissals = Dismissals { left_out: [43].into(), own: ["ours".to_owned()].into() };
        let clinical = ClinicalFilter {
            filter: crate::ids::FilterId::random(),
            name: "Ours".into(),
            version: 2,
            query: "cadd_min=20".into(),
        };
        institute.settings.clinical = [(Category::Snv, clinical)].into();
        institute
    }

    fn pairs(institute: &Institute) -> Vec<(String, String)> {
        let form = SettingsForm::of(institute);
        let mut pairs = vec![
            ("rev".to_owned(), form.rev.to_string()),
            ("name".to_owned(), form.name),
            (FREQUENCY_CUTOFF.to_owned(), form.frequency_cutoff),
            (SHARE_WITH.to_owned(), form.share_with),
            (TARGET_DAYS.to_owned(), form.target_days),
            (SECOND_READER.to_owned(), form.second_reader),
            (ORDER_MAIL.to_owned(), form.order_mail),
            (OWN_REASONS.to_owned(), form.own_reasons),
        ];
        pairs.extend(form.reasons.iter().map(|code| ("reasons".to_owned(), code.to_string())));
        pairs.extend(form.cutoffs.into_iter().map(|(kind, text)| (cutoff_field(kind), text)));
        pairs.extend(form.links.into_iter().map(|target| ("links".to_owned(), target.to_string())));
        pairs.extend(form.clinical.into_iter().map(|(category, value)| (clinical_field(category), value)));
        pairs
    }

    #[test]
    fn what_is_shown_is_what_is_stored() {
        let institute = institute();
        let form = SettingsForm::read(pairs(&institute)).unwrap();
        assert_eq!(form, SettingsForm::of(&institute));
        assert_eq!(form.parse(&institute, &[]).unwrap(), institute.choices());
    }

    #[test]
    fn each_wrong_field_is_named_and_keeps_its_text() {
        let mut form = SettingsForm::of(&institute());
        form.name = "  ".into();
        form.frequency_cutoff = "1%".into();
        form.cutoffs.insert(CutoffKind::Revel, "0,5".into());
        form.share_with = "cust111 ../x".into();
        form.target_days = "two weeks".into();
        form.second_reader = "sometimes".into();
        form.order_mail = "lab@clinic.example, the lab".into();
        form.own_reasons = "12".into();
        form.clinical.insert(Category::Snv, "ours".into());
        let wrong = form.parse(&institute(), &[]).unwrap_err();
        let fields: Vec<(&str, &str)> =
            wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.value.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("name", "  "),
                ("frequency_cutoff", "1%"),
                ("share_with", "cust111 ../x"),
                ("target_days", "two weeks"),
                ("second_reader", "sometimes"),
                ("order_mail", "lab@clinic.example, the lab"),
                ("own_reasons", "12"),
                ("cutoffs_revel", "0,5"),
                ("clinical_snv", "ours")
            ]
        );
        for bad in ["", "2", "-0.1", "0,01", "NaN", "0.1 0.2"] {
            assert!(read_frequency(bad).is_err(), "{bad}");
        }
        assert_eq!(read_frequency(" 0 "), Ok(0.0));
        for bad in ["0", "-1", "1001", "2.5", "70000"] {
            assert!(read_days(bad).is_err(), "{bad}");
        }
        assert_eq!((read_days(" 14 "), read_days(" ")), (Ok(Some(14)), Ok(None)));
    }

    #[test]
    fn a_new_institute_has_an_id_for_addresses_and_a_name() {
        let form = |id: &str, name: &str| NewInstituteForm { id: id.into(), name: name.into() };
        let (id, name) = form(" cust111 ", " Our clinic ").parse().unwrap();
        assert_eq!((id.as_str(), name.as_str()), ("cust111", "Our clinic"));
        let fields =
            |form: NewInstituteForm| form.parse().unwrap_err().into_iter().map(|error| error.field).collect::<Vec<_>>();
        for reserved in ["admin", "api", "system", "Cust", "", "a/b"] {
            assert_eq!(fields(form(reserved, "Clinic")), ["id"], "{reserved}");
        }
        assert_eq!(fields(form("audit", " ")), ["id", "name"]);
    }

    #[test]
    fn an_agreement_list_is_read_however_it_is_separated() {
        let two: BTreeSet<InstituteId> = ["cust111".parse().unwrap(), "cust222".parse().unwrap()].into();
        for text in ["cust222 cust111", "cust111,cust222", " cust111,\r\ncust222,, cust111 "] {
            assert_eq!(read_partners(text).as_ref(), Ok(&two), "{text}");
        }
        assert_eq!(read_partners(" "), Ok(BTreeSet::new()));
        let many: Vec<String> = (0..=PARTNERS).map(|n| format!("cust{n}")).collect();
        for wrong in ["Cust111", "admin", "a;b", &many.join(" ")] {
            assert!(read_partners(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_for_mail_are_such() {
        let two = ["a@x.example".parse().unwrap(), "lab+orders@y.example".parse().unwrap()].into();
        assert_eq!(read_addresses(" Lab+Orders@y.example,\r\na@x.example a@x.example"), Ok(two));
        assert_eq!(read_addresses(" "), Ok(BTreeSet::new()));
        let many: Vec<String> = (0..=ADDRESSES).map(|n| format!("a{n}@x.example")).collect();
        for wrong in [
            "lab",
            "@x.example",
            "a@b@c.example",
            "<a@x.example>",
            "a@x.example;b@y.example",
            "a@x.example:b",
            "m\u{fc}ller@x.example",
            "a@x.example\u{0}",
            "a@x.example\u{b}Bcc:b@y.example",
            &many.join(" "),
        ] {
            assert!(read_addresses(wrong).is_err(), "{wrong}");
        }
        let hidden = read_addresses("a@x.example\r\nBcc: b@y.example");
        assert!(hidden.is_err(), "no line of a head: {hidden:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_list_of_addresses_is_read_or_refused(text in "[a-zA@. ,\\n<>:+\\-]{0,60}") {
            if let Ok(addresses) = read_addresses(&text) {
                proptest::prop_assert_eq!(read_addresses(&written_addresses(&addresses)), Ok(addresses));
            }
        }

        #[test]
        fn any_agreement_list_is_read_or_refused(text in "[a-z0-9 ,_\\-\\n.A]{0,60}") {
            if let Ok(partners) = read_partners(&text) {
                proptest::prop_assert_eq!(read_partners(&written_partners(&partners)), Ok(partners));
            }
        }
    }

    #[test]
    fn a_form_that_is_not_ours_is_refused() {
        for change in [
            |pairs: &mut Vec<(String, String)>| pairs.push(("role".into(), "admin".into())),
            |pairs: &mut Vec<(String, String)>| pairs.push(("name".into(), "twice".into())),
            |pairs: &mut Vec<(String, String)>| pairs.push(("links".into(), "elsewhere".into())),
            |pairs: &mut Vec<(String, String)>| pairs.retain(|(name, _)| name != "rev"),
            |pairs: &mut Vec<(String, String)>| pairs.retain(|(name, _)| name != "cutoffs_cadd"),
        ] {
            let mut pairs = pairs(&institute());
            change(&mut pairs);
            assert!(matches!(SettingsForm::read(pairs), Err(AppError::BadRequest(_))));
        }
    }
}
