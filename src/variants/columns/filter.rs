//! Filter parameters, as written in URLs, forms and saved filters.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{Limit, People, Rescue, SpidexBand};
use super::sort::{Order, Sort};
use super::table::GenotypeKind;
use crate::genome::Region;
use crate::vcf::{clinvar, consequence};

/// Inheritance models that genmod writes.
pub const MODELS: [&str; 10] =
    ["AR_hom", "AR_hom_dn", "AR_comp", "AR_comp_dn", "AD", "AD_dn", "XR", "XR_dn", "XD", "XD_dn"];

/// Modes of inheritance that genes have.
pub const GENE_MODELS: [&str; 10] = ["AD", "AR", "XL", "XD", "XR", "Y", "MT", "digenic", "polygenic", "multifactorial"];

/// Rows on a page unless said otherwise, and at most.
pub const PER_PAGE: usize = 50;
const MOST_PER_PAGE: usize = 500;

/// All parameters that apply to small variants; `true` for those that may be repeated.
pub const PARAMETERS: [(&str, bool); 44] = [
    ("category", false),
    ("list", false),
    ("panel", true),
    ("gene", true),
    ("exclude_genes", false),
    ("region", true),
    ("consequence", true),
    ("region_annotation", true),
    ("rescue", true),
    ("model", true),
    ("gene_model", true),
    ("genotype", true),
    ("affected_only", false),
    ("gnomad_af_max", false),
    ("gnomad_popmax_max", false),
    ("exac_max", false),
    ("thousand_genomes_max", false),
    ("swegen_max", false),
    ("local_obs_max", false),
    ("cadd_min", false),
    ("cadd_min_missing", false),
    ("revel_min", false),
    ("revel_min_missing", false),
    ("spliceai_min", false),
    ("spliceai_min_missing", false),
    ("rank_score_min", false),
    ("rank_score_min_missing", false),
    ("spidex", true),
    ("clinvar", true),
    ("clinvar_trusted", false),
    ("clinvar_exclude", false),
    ("clinvar_only", false),
    ("clinvar_first", false),
    ("size_min", false),
    ("size_max", false),
    ("filter", true),
    ("hide_filter", true),
    ("compound_filtered", false),
    ("dismissed", false),
    ("pinned", false),
    ("classified", false),
    ("commented", false),
    ("notable", false),
    ("sort", false),
];

/// Parameters of paging and order; they are no clauses.
const PAGING: [&str; 3] = ["order", "page", "per_page"];

/// Parameters of the contract that belong to other categories.
const OTHER_CATEGORIES: [&str; 8] = [
    "clingen_ngi_max",
    "swegen_mei_max",
    "sv_type",
    "tumor_af_min",
    "tumor_depth_min",
    "tumor_alt_min",
    "normal_af_max",
    "somatic_score_min",
];

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Parameter.
    pub parameter: String,
    /// Value as given.
    pub value: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A filter with its order and page, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Panels, `name` or `name@version`.
    pub panels: Vec<String>,
    /// Genes as typed.
    pub genes: Vec<String>,
    /// Leave out the gene set.
    pub exclude_genes: bool,
    /// Regions, OR.
    pub regions: Vec<Region>,
    /// Terms, OR.
    pub consequences: Vec<String>,
    /// Region classes, OR.
    pub region_annotations: Vec<String>,
    /// What passes these two clauses all the same.
    pub rescue: BTreeSet<Rescue>,
    /// Models of the family, OR.
    pub models: Vec<String>,
    /// Models of the gene's diseases, OR.
    pub gene_models: Vec<String>,
    /// Genotypes of any affected individual, OR.
    pub genotypes: Vec<GenotypeKind>,
    /// Somebody affected (or unknown) carries it.
    pub affected_only: bool,
    /// Limits.
    pub limits: BTreeMap<Limit, f64>,
    /// Limits that missing values do not pass.
    pub drop_missing: BTreeSet<Limit>,
    /// SPIDEX bands, OR.
    pub spidex: Vec<SpidexBand>,
    /// ClinVar codes, OR.
    pub clinvar: Vec<u16>,
    /// The same record must be trusted.
    pub clinvar_trusted: bool,
    /// No record may match.
    pub clinvar_exclude: bool,
    /// Must have a record.
    pub clinvar_only: bool,
    /// A ClinVar match makes up for all clauses but the fundamental ones.
    pub clinvar_first: bool,
    /// Least length in bases.
    pub size_min: Option<u32>,
    /// Greatest length in bases.
    pub size_max: Option<u32>,
    /// FILTER values, OR.
    pub filters: Vec<String>,
    /// FILTER values that hide.
    pub hide_filters: Vec<String>,
    /// A compound counts only when a partner passes too.
    pub compound_filtered: bool,
    /// Dismissed rows.
    pub dismissed: People,
    /// Only pinned ones.
    pub pinned_only: bool,
    /// Only classified ones.
    pub classified_only: bool,
    /// Only commented ones.
    pub commented_only: bool,
    /// Show the notable variants that the rest of the filter hides, in place of those it shows.
    pub notable_hidden: bool,
    /// Order by.
    pub sort: Sort,
    /// Direction.
    pub order: Option<Order>,
    /// Page, from 1.
    pub page: usize,
    /// Rows on a page.
    pub per_page: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            panels: Vec::new(),
            genes: Vec::new(),
            exclude_genes: false,
            regions: Vec::new(),
            consequences: Vec::new(),
            region_annotations: Vec::new(),
            rescue: BTreeSet::new(),
            models: Vec::new(),
            gene_models: Vec::new(),
            genotypes: Vec::new(),
            affected_only: false,
            limits: BTreeMap::new(),
            drop_missing: BTreeSet::new(),
            spidex: Vec::new(),
            clinvar: Vec::new(),
            clinvar_trusted: false,
            clinvar_exclude: false,
            clinvar_only: false,
            clinvar_first: false,
            size_min: None,
            size_max: None,
            filters: Vec::new(),
            hide_filters: Vec::new(),
            compound_filtered: false,
            dismissed: People::Show,
            pinned_only: false,
            classified_only: false,
            commented_only: false,
            notable_hidden: false,
            sort: Sort::Rank,
            order: None,
            page: 1,
            per_page: PER_PAGE,
        }
    }
}

impl Filter {
    /// Reads parameters. Empty values, which forms send for untouched fields, count as absent.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Vec<Wrong>> {
        let mut filter = Self::default();
        let mut wrong = Vec::new();
        let mut once = BTreeSet::new();
        for (name, value) in pairs {
            let mut refuse = |message: String| {
                wrong.push(Wrong { parameter: name.clone(), value: value.clone(), message });
            };
            let known = PARAMETERS.iter().find(|(known, _)| known == name).map(|(_, repeats)| *repeats);
            let repeats = match known {
                Some(repeats) => repeats,
                None if PAGING.contains(&name.as_str()) => false,
                None if OTHER_CATEGORIES.contains(&name.as_str()) => {
                    refuse("does not apply to snv".to_owned());
                    continue;
                }
                None => {
                    refuse("this parameter is not known; check its spelling".to_owned());
                    continue;
                }
            };
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if !repeats && !once.insert(name.as_str()) {
                refuse("this parameter may be given once".to_owned());
                continue;
            }
            if let Err(message) = filter.take(name, value) {
                refuse(message);
            }
        }
        if let (Some(least), Some(most)) = (filter.size_min, filter.size_max)
            && least > most
        {
            wrong.push(Wrong {
                parameter: "size_min".to_owned(),
                value: least.to_string(),
                message: format!("is above size_max ({most})"),
            });
        }
        if wrong.is_empty() { Ok(filter) } else { Err(wrong) }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(limit) = Limit::ALL.into_iter().find(|limit| limit.parameter() == name) {
            self.limits.insert(limit, limit_value(limit, value)?);
            return Ok(());
        }
        if let Some(limit) = name
            .strip_suffix("_missing")
            .and_then(|name| Limit::ALL.into_iter().find(|limit| limit.parameter() == name))
        {
            return match value {
                "drop" => {
                    self.drop_missing.insert(limit);
                    Ok(())
                }
                "keep" => Ok(()),
                _ => Err("must be drop or keep".to_owned()),
            };
        }
        match name {
            "category" => one_of(value, &["snv"], "category of this version").map(drop),
            "list" => one_of(value, &["clinical", "research"], "list").map(drop),
            "panel" => add(&mut self.panels, value.to_owned()),
            "gene" => {
                for gene in value.split([',', ';', ' ', '\n', '\t']).map(str::trim).filter(|gene| !gene.is_empty()) {
                    add(&mut self.genes, gene.to_owned())?;
                }
                Ok(())
            }
            "exclude_genes" => flag(value, &mut self.exclude_genes),
            "region" => {
                for region in value.split_whitespace() {
                    let region: Region = region.parse().map_err(|error| format!("{error}"))?;
                    add(&mut self.regions, region)?;
                }
                Ok(())
            }
            "consequence" => {
                if consequence::rank(value).is_none() {
                    return Err("is not a Sequence Ontology term that this version knows".to_owned());
                }
                add(&mut self.consequences, value.to_owned())
            }
            "region_annotation" => {
                if !consequence::regions().contains(&value) {
                    return Err(format!("is not a region class; use one of {}", consequence::regions().join(", ")));
                }
                add(&mut self.region_annotations, value.to_owned())
            }
            "rescue" => {
                let found = Rescue::ALL.into_iter().find(|rescue| rescue.as_str() == value);
                self.rescue.insert(found.ok_or("must be disease_rna or spliceai")?);
                Ok(())
            }
            "model" => one_of(value, &MODELS, "inheritance model").and_then(|model| add(&mut self.models, model)),
            "gene_model" => {
                one_of(value, &GENE_MODELS, "mode of inheritance").and_then(|model| add(&mut self.gene_models, model))
            }
            "genotype" => {
                let found = GenotypeKind::ALL.into_iter().find(|kind| kind.as_str() == value);
                add(&mut self.genotypes, found.ok_or("must be het, hom, hemi or other")?)
            }
            "affected_only" => flag(value, &mut self.affected_only),
            "spidex" => {
                let found = SpidexBand::ALL.into_iter().find(|band| band.as_str() == value);
                add(&mut self.spidex, found.ok_or("must be low, medium, high or not_reported")?)
            }
            "clinvar" => {
                let code = clinvar::code_of(value)
                    .ok_or("is not a ClinVar significance; use a code such as 5 or a name such as pathogenic")?;
                add(&mut self.clinvar, code)
            }
            "clinvar_trusted" => flag(value, &mut self.clinvar_trusted),
            "clinvar_exclude" => flag(value, &mut self.clinvar_exclude),
            "clinvar_only" => flag(value, &mut self.clinvar_only),
            "clinvar_first" => flag(value, &mut self.clinvar_first),
            "size_min" => whole(value, 0).map(|size| self.size_min = Some(size)),
            "size_max" => whole(value, 0).map(|size| self.size_max = Some(size)),
            "filter" => add(&mut self.filters, value.to_owned()),
            "hide_filter" => add(&mut self.hide_filters, value.to_owned()),
            "compound_filtered" => flag(value, &mut self.compound_filtered),
            "dismissed" => {
                self.dismissed = match value {
                    "show" => People::Show,
                    "hide" => People::Hide,
                    "only" => People::Only,
                    _ => return Err("must be show, hide or only".to_owned()),
                };
                Ok(())
            }
            "pinned" => one_of(value, &["only"], "choice").map(|_| self.pinned_only = true),
            "classified" => one_of(value, &["only"], "choice").map(|_| self.classified_only = true),
            "commented" => one_of(value, &["only"], "choice").map(|_| self.commented_only = true),
            "notable" => one_of(value, &["hidden"], "choice").map(|_| self.notable_hidden = true),
            "sort" => {
                let found = Sort::ALL.into_iter().find(|sort| sort.as_str() == value);
                self.sort =
                    found.ok_or_else(|| format!("must be one of {}", Sort::ALL.map(Sort::as_str).join(", ")))?;
                Ok(())
            }
            "order" => {
                self.order = Some(match value {
                    "asc" => Order::Ascending,
                    "desc" => Order::Descending,
                    _ => return Err("must be asc or desc".to_owned()),
                });
                Ok(())
            }
            "page" => whole(value, 1).map(|page| self.page = page as usize),
            "per_page" => {
                let rows = whole(value, 1)? as usize;
                if rows > MOST_PER_PAGE {
                    return Err(format!("may be at most {MOST_PER_PAGE}"));
                }
                self.per_page = rows;
                Ok(())
            }
            _ => Err("this parameter is not known; check its spelling".to_owned()),
        }
    }

    /// The parameters that say this filter, in a fixed order, without page and order.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        let mut texts = |name: &'static str, values: &[String]| {
            pairs.extend(values.iter().map(|value| (name, value.clone())));
        };
        texts("panel", &self.panels);
        texts("gene", &self.genes);
        texts("consequence", &self.consequences);
        texts("region_annotation", &self.region_annotations);
        texts("model", &self.models);
        texts("gene_model", &self.gene_models);
        texts("filter", &self.filters);
        texts("hide_filter", &self.hide_filters);
        pairs.extend(self.regions.iter().map(|region| ("region", region.to_string())));
        pairs.extend(self.rescue.iter().map(|rescue| ("rescue", rescue.as_str().to_owned())));
        pairs.extend(self.genotypes.iter().map(|kind| ("genotype", kind.as_str().to_owned())));
        pairs.extend(self.limits.iter().map(|(limit, value)| (limit.parameter(), value.to_string())));
        pairs.extend(self.spidex.iter().map(|band| ("spidex", band.as_str().to_owned())));
        pairs.extend(self.clinvar.iter().map(|code| ("clinvar", code.to_string())));
        pairs.extend(self.size_min.iter().map(|size| ("size_min", size.to_string())));
        pairs.extend(self.size_max.iter().map(|size| ("size_max", size.to_string())));
        for limit in &self.drop_missing {
            let name = PARAMETERS.iter().find(|(name, _)| name.strip_suffix("_missing") == Some(limit.parameter()));
            pairs.extend(name.map(|(name, _)| (*name, "drop".to_owned())));
        }
        for (name, on) in [
            ("exclude_genes", self.exclude_genes),
            ("affected_only", self.affected_only),
            ("clinvar_trusted", self.clinvar_trusted),
            ("clinvar_exclude", self.clinvar_exclude),
            ("clinvar_only", self.clinvar_only),
            ("clinvar_first", self.clinvar_first),
            ("compound_filtered", self.compound_filtered),
        ] {
            if on {
                pairs.push((name, "1".to_owned()));
            }
        }
        for (name, on, value) in [
            ("dismissed", self.dismissed == People::Hide, "hide"),
            ("dismissed", self.dismissed == People::Only, "only"),
            ("pinned", self.pinned_only, "only"),
            ("classified", self.classified_only, "only"),
            ("commented", self.commented_only, "only"),
            ("notable", self.notable_hidden, "hidden"),
        ] {
            if on {
                pairs.push((name, value.to_owned()));
            }
        }
        pairs
    }
}

#[expect(clippy::unnecessary_wraps, reason = "each parameter's arm ends in its result")]
fn add<T: PartialEq>(values: &mut Vec<T>, value: T) -> Result<(), String> {
    if !values.contains(&value) {
        values.push(value);
    }
    Ok(())
}

fn one_of(value: &str, known: &[&str], what: &str) -> Result<String, String> {
    if known.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(format!("is not a {what}; use one of {}", known.join(", ")))
    }
}

fn flag(value: &str, target: &mut bool) -> Result<(), String> {
    *target = match value {
        "1" => true,
        "0" => false,
        _ => return Err("must be 1 or 0".to_owned()),
    };
    Ok(())
}

fn whole(value: &str, least: u32) -> Result<u32, String> {
    match value.parse::<u32>() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("must be a whole number from {least} up")),
    }
}

fn limit_value(limit: Limit, value: &str) -> Result<f64, String> {
    let number: f64 = value.parse().map_err(|_| "must be a number, with a point for decimals".to_owned())?;
    if !number.is_finite() {
        return Err("must be a number".to_owned());
    }
    if limit.is_fraction() && !(0.0..=1.0).contains(&number) {
        return Err("must be a fraction between 0 and 1 (1 % is 0.01)".to_owned());
    }
    if limit == Limit::LocalObs && number < 0.0 {
        return Err("must be 0 or more".to_owned());
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Filter, Vec<Wrong>> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        Filter::parse(&pairs)
    }

    #[test]
    fn zero_is_a_value() {
        let filter = parse("gnomad_af_max=0&local_obs_max=0&cadd_min=0").unwrap();
        assert_eq!(filter.limits.len(), 3);
        assert!(filter.limits.values().all(|limit| limit.abs() < f64::EPSILON));
    }

    #[test]
    fn wrong_values_name_their_parameter() {
        for (query, parameter) in [
            ("gnomad_af_max=1.5", "gnomad_af_max"),
            ("gnomad_af_max=-0.1", "gnomad_af_max"),
            ("gnomad_af_max=NaN", "gnomad_af_max"),
            ("gnomad_af_max=0.1&gnomad_af_max=0.2", "gnomad_af_max"),
            ("per_page=501", "per_page"),
            ("page=0", "page"),
            ("sv_type=del", "sv_type"),
            ("tumor_af_min=0.1", "tumor_af_min"),
            ("nonsense=1", "nonsense"),
            ("region=7:9-3", "region"),
            ("genotype=1/1", "genotype"),
            ("model=AX", "model"),
            ("consequence=mis_sense", "consequence"),
            ("clinvar=bad", "clinvar"),
            ("size_min=9&size_max=3", "size_min"),
            ("affected_only=yes", "affected_only"),
            ("category=sv", "category"),
        ] {
            let wrong = parse(query).unwrap_err();
            assert_eq!(wrong.len(), 1, "{query}");
            assert_eq!(wrong[0].parameter, parameter, "{query}");
        }
    }

    #[test]
    fn untouched_form_fields_count_as_absent() {
        assert_eq!(parse("gnomad_af_max=&gene=&panel=").unwrap(), Filter::default());
    }

    #[test]
    fn a_filter_reads_back_from_its_own_parameters() {
        let query = "panel=p1&panel=p2%401.0&gene=POT1&region=7%3A10-20&consequence=missense_variant&model=AD&genotype=het\
                     &gnomad_af_max=0.01&cadd_min=15&cadd_min_missing=drop&spidex=low&clinvar=5&clinvar=4&clinvar_first=1\
                     &clinvar_trusted=1&size_max=9&hide_filter=LowQual&dismissed=hide&pinned=only&rescue=spliceai&affected_only=1";
        let filter = parse(query).unwrap();
        let pairs: Vec<(String, String)> =
            filter.pairs().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Filter::parse(&pairs).unwrap(), filter);
    }

    proptest::proptest! {
        #[test]
        fn no_parameters_make_the_parser_panic(name in "[a-z_]{0,20}", value in ".{0,30}", at in 0..PARAMETERS.len()) {
            let _ = Filter::parse(&[(name, value.clone()), (PARAMETERS[at].0.to_owned(), value)]);
        }
    }
}
