//! Links to other sites, as plain addresses: nothing is fetched, no referrer is sent.
//!
//! A site that is told the exact place or alleles learns about the patient, so those are shown only where the institute
//! allows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::model::Variant;
use crate::genome::GenomeBuild;

/// A link of the variant page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Site.
    pub site: &'static str,
    /// What it shows.
    pub label: String,
    /// Address; none while the institute has not allowed the site.
    pub url: Option<String>,
}

/// A site that is told the exact place or alleles; an institute's admins allow it, or do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkTarget {
    /// gnomAD's page of the variant.
    Gnomad,
    /// Franklin.
    Franklin,
    /// `VarSome`.
    Varsome,
    /// SpliceAI Lookup.
    Spliceai,
    /// UCSC Genome Browser.
    Ucsc,
}

impl LinkTarget {
    /// All targets, in the order of pages.
    pub const ALL: [Self; 5] = [Self::Gnomad, Self::Franklin, Self::Varsome, Self::Spliceai, Self::Ucsc];

    /// The word in forms, documents and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gnomad => "gnomad",
            Self::Franklin => "franklin",
            Self::Varsome => "varsome",
            Self::Spliceai => "spliceai",
            Self::Ucsc => "ucsc",
        }
    }

    /// The site's name.
    #[must_use]
    pub fn site(self) -> &'static str {
        match self {
            Self::Gnomad => "gnomAD variant",
            Self::Franklin => "Franklin",
            Self::Varsome => "VarSome",
            Self::Spliceai => "SpliceAI Lookup",
            Self::Ucsc => "UCSC",
        }
    }

    /// Who runs the site and what it is told, in plain words.
    #[must_use]
    pub fn tells(self) -> &'static str {
        match self {
            Self::Gnomad | Self::Spliceai => {
                "Broad Institute, USA. It is told the exact variant: position and alleles."
            }
            Self::Franklin => "Genoox, a company. It is told the exact variant: position and alleles.",
            Self::Varsome => "Saphetor, a company. It is told the exact variant: position and alleles.",
            Self::Ucsc => "University of California, USA. It is told the exact place, but not the alleles.",
        }
    }
}

impl fmt::Display for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no site that can be allowed; there are gnomad, franklin, varsome, spliceai and ucsc")]
pub struct UnknownTarget(String);

impl FromStr for LinkTarget {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

/// What is offered without asking, with what it tells: `(sites, what leaves the browser)`.
pub const ALWAYS_OFFERED: [(&str, &str); 2] = [
    (
        "HGNC, ClinGen, GenCC, OMIM, gnomAD, GTEx, PanelApp, DECIPHER and PubMed",
        "Told the gene only: its symbol or its HGNC number.",
    ),
    (
        "dbSNP and ClinVar",
        "Told the number of a record that is published there already, and only for variants that have one.",
    ),
];

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Links about the genes, known identifiers, and, where allowed, the exact variant.
#[must_use]
pub fn links(variant: &Variant, allowed: &BTreeSet<LinkTarget>) -> Vec<Link> {
    let mut links = Vec::new();
    for gene in &variant.genes {
        let Some(symbol) = &gene.symbol else { continue };
        let name = encoded(symbol);
        let mut open =
            |site: &'static str, url: String| links.push(Link { site, label: symbol.clone(), url: Some(url) });
        if let Some(id) = gene.hgnc_id {
            open("HGNC", format!("https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:{id}"));
            open("ClinGen", format!("https://search.clinicalgenome.org/kb/genes/HGNC:{id}"));
            open("GenCC", format!("https://search.thegencc.org/genes/HGNC:{id}"));
        }
        open("OMIM", format!("https://www.omim.org/search?index=entry&search={name}"));
        open("gnomAD", format!("https://gnomad.broadinstitute.org/gene/{name}"));
        open("GTEx", format!("https://gtexportal.org/home/gene/{name}"));
        open("PanelApp", format!("https://panelapp.genomicsengland.co.uk/panels/entities/{name}"));
        open("DECIPHER", format!("https://www.deciphergenomics.org/gene/{name}/overview"));
        open("PubMed", format!("https://pubmed.ncbi.nlm.nih.gov/?term={name}"));
    }
    for id in variant.dbsnp.iter().take(2) {
        links.push(Link {
            site: "dbSNP",
            label: id.clone(),
            url: Some(format!("https://www.ncbi.nlm.nih.gov/snp/{}", encoded(id))),
        });
    }
    for record in variant.clinvar.iter().filter_map(|record| record.accession.as_ref()).take(3) {
        links.push(Link {
            site: "ClinVar",
            label: record.clone(),
            url: Some(format!("https://www.ncbi.nlm.nih.gov/clinvar/?term={}", encoded(record))),
        });
    }
    for target in LinkTarget::ALL {
        let url = allowed.contains(&target).then(|| exact(variant, target));
        links.push(Link { site: target.site(), label: "this variant".to_owned(), url });
    }
    links
}

/// The address that tells a site the exact variant or place.
fn exact(variant: &Variant, target: LinkTarget) -> String {
    let (contig, position) = (encoded(variant.chromosome.as_str()), variant.position);
    let (reference, alternative) = (encoded(&variant.reference), encoded(&variant.alternative));
    let dashed = format!("{contig}-{position}-{reference}-{alternative}");
    let (dataset, hg, ucsc) = match variant.build {
        GenomeBuild::Grch37 => ("gnomad_r2_1", "37", "hg19"),
        GenomeBuild::Grch38 => ("gnomad_r4", "38", "hg38"),
    };
    match target {
        LinkTarget::Gnomad => format!("https://gnomad.broadinstitute.org/variant/{dashed}?dataset={dataset}"),
        LinkTarget::Franklin => format!("https://franklin.genoox.com/clinical-db/variant/snp/chr{dashed}-hg{hg}"),
        LinkTarget::Varsome => format!("https://varsome.com/variant/{ucsc}/{dashed}"),
        LinkTarget::Spliceai => format!("https://spliceailookup.broadinstitute.org/#variant={dashed}&hg={hg}"),
        LinkTarget::Ucsc => format!(
            "https://genome.ucsc.edu/cgi-bin/hgTracks?db={ucsc}&position=chr{contig}%3A{position}-{}",
            variant.end
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_stored_as_they_are_typed() {
        for target in LinkTarget::ALL {
            assert_eq!(target.as_str().parse(), Ok(target));
            assert_eq!(bson::serialize_to_bson(&target).unwrap(), bson::Bson::String(target.to_string()));
        }
        assert!("gnomAD variant".parse::<LinkTarget>().is_err());
    }
}
