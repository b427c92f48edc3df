//! A saved filter as the clinical filter of an institute.

use serde::{Deserialize, Serialize};

use super::model::SavedFilter;
use crate::cases::Case;
use crate::ids::FilterId;
use crate::institutes::Institute;
use crate::variants::Category;
use crate::variants::columns::{Filter, clinical_preset, in_words};
use crate::web::Params;

/// One version of a saved filter that the clinical button of an institute applies. It is a copy, so that the button does the
/// same until an administrator chooses a newer version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClinicalFilter {
    /// Which saved filter.
    pub filter: FilterId,
    /// Its name then.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// Its parameters.
    pub query: String,
}

impl ClinicalFilter {
    /// A filter as it stands.
    #[must_use]
    pub fn of(saved: &SavedFilter) -> Self {
        Self { filter: saved.id.clone(), name: saved.name.clone(), version: saved.version, query: saved.query.clone() }
    }

    /// How forms and the API name it: `<filter>/<version>`.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{}/{}", self.filter, self.version)
    }

    /// `Rare and homozygous, version 2`
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}, version {}", self.name, self.version)
    }

    /// The filter; none where this version of the program does not understand it any more.
    fn read(&self) -> Option<Filter> {
        Filter::parse(Params::parse(&self.query).pairs()).ok()
    }
}

impl Institute {
    /// What the clinical button applies to a case's lists of a category: the institute's own filter, or Lodestone's with the
    /// institute's frequency. Where the filter names no panels or genes, those panels count that the case was ordered with.
    #[must_use]
    pub fn clinical_filter(&self, category: Category, case: Option<&Case>) -> Filter {
        let ordered = || case.into_iter().flat_map(Case::default_panels).map(|panel| panel.name.clone()).collect();
        let own = self.settings.clinical.get(&category).and_then(ClinicalFilter::read);
        match own {
            Some(own) if own.panels.is_empty() && own.genes.is_empty() => Filter { panels: ordered(), ..own },
            Some(own) => own,
            None => clinical_preset(ordered(), self.settings.frequency_cutoff),
        }
    }

    /// The name of that filter and what it keeps, in words, beside the panels of the case.
    #[must_use]
    pub fn clinical_filter_in_words(&self, category: Category) -> (String, Vec<String>) {
        let name = match self.settings.clinical.get(&category) {
            Some(own) if own.read().is_none() => {
                format!("Lodestone’s own, as this version does not understand {}", own.title())
            }
            Some(own) => own.title(),
            None => "Lodestone’s own".to_owned(),
        };
        (name, in_words(&self.clinical_filter(category, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn institute(query: Option<&str>) -> Institute {
        let mut institute =
            Institute::new("own".parse().unwrap(), "Own".into(), "2026-01-01T00:00:00Z".parse().unwrap());
        let own = query.map(|query| ClinicalFilter {
            filter: FilterId::random(),
            name: "Ours".into(),
            version: 3,
            query: query.to_owned(),
        });
        institute.settings.clinical = own.into_iter().map(|own| (Category::Snv, own)).collect();
        institute
    }

    #[test]
    fn an_institutes_own_filter_takes_the_place_of_ours() {
        let built_in = institute(None).clinical_filter(Category::Snv, None);
        assert_eq!(built_in, clinical_preset(Vec::new(), 0.01));
        let own = institute(Some("cadd_min=20"));
        assert_eq!(own.clinical_filter(Category::Snv, None).pairs(), [("cadd_min", "20".to_owned())]);
        assert_eq!(own.clinical_filter_in_words(Category::Snv).0, "Ours, version 3");
        let odd = institute(Some("of_a_later_version=1"));
        assert_eq!(odd.clinical_filter(Category::Snv, None), built_in);
        assert!(odd.clinical_filter_in_words(Category::Snv).0.contains("does not understand Ours, version 3"));
    }
}
