//! Links to other sites, as plain addresses: nothing is fetched, no referrer is sent.
//!
//! A site that is told the exact alleles learns about the patient, so those are shown only where the institute allows.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

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

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Links about the genes, known identifiers, and, where allowed, the exact variant.
#[must_use]
pub fn links(variant: &Variant, allowed: &[String]) -> Vec<Link> {
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
    for (site, url) in exact(variant) {
        let url = allowed.iter().any(|allowed| allowed == site).then_some(url);
        links.push(Link { site, label: "this variant".to_owned(), url });
    }
    links
}

/// Sites that are told the exact alleles.
fn exact(variant: &Variant) -> Vec<(&'static str, String)> {
    let (contig, position) = (variant.chromosome.as_str(), variant.position);
    let (reference, alternative) = (encoded(&variant.reference), encoded(&variant.alternative));
    let dashed = format!("{contig}-{position}-{reference}-{alternative}");
    let (dataset, hg, ucsc) = match variant.build {
        GenomeBuild::Grch37 => ("gnomad_r2_1", "37", "hg19"),
        GenomeBuild::Grch38 => ("gnomad_r4", "38", "hg38"),
    };
    vec![
        ("gnomAD variant", format!("https://gnomad.broadinstitute.org/variant/{dashed}?dataset={dataset}")),
        ("Franklin", format!("https://franklin.genoox.com/clinical-db/variant/snp/chr{dashed}-hg{hg}")),
        ("VarSome", format!("https://varsome.com/variant/{ucsc}/{dashed}")),
        ("SpliceAI Lookup", format!("https://spliceailookup.broadinstitute.org/#variant={dashed}&hg={hg}")),
        (
            "UCSC",
            format!(
                "https://genome.ucsc.edu/cgi-bin/hgTracks?db={ucsc}&position=chr{contig}%3A{position}-{}",
                variant.end
            ),
        ),
    ]
}
