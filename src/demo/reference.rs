use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::facts::{Facts, Gene};
use crate::genome::GenomeBuild;

/// A file of reference knowledge in the format its publisher uses.
pub(super) struct ReferenceFile {
    pub name: &'static str,
    pub text: String,
}

/// Columns of HGNC's complete set.
const HGNC_COLUMNS: &str = "hgnc_id symbol name locus_group locus_type status location location_sortable alias_symbol \
    alias_name prev_symbol prev_name gene_family gene_family_id date_approved_reserved date_symbol_changed \
    date_name_changed date_modified entrez_id ensembl_gene_id vega_id ucsc_id ena refseq_accession ccds_id uniprot_ids \
    pubmed_id mgd_id rgd_id lsdb cosmic omim_id mirbase homeodb snornabase bioparadigms_slc orphanet pseudogene.org \
    horde_id merops imgt iuphar kznf_gene_catalog mamit-trnadb cd lncrnadb enzyme_id intermediate_filament_db \
    rna_central_ids";

/// Columns of gnomAD's constraint table, version 4.1.
const CONSTRAINT_COLUMNS: &str = "gene gene_id transcript canonical mane_select lof_hc_lc.obs lof_hc_lc.exp \
    lof_hc_lc.possible lof_hc_lc.oe lof_hc_lc.mu lof_hc_lc.pLI lof_hc_lc.pNull lof_hc_lc.pRec lof.obs lof.exp \
    lof.possible lof.oe lof.mu lof.pLI lof.pNull lof.pRec lof.oe_ci.lower lof.oe_ci.upper lof.oe_ci.upper_rank \
    lof.oe_ci.upper_bin_decile lof.z_raw lof.z_score mis.obs mis.exp mis.possible mis.oe mis.mu mis.oe_ci.lower \
    mis.oe_ci.upper mis.z_raw mis.z_score mis_pphen.obs mis_pphen.exp mis_pphen.possible mis_pphen.oe syn.obs syn.exp \
    syn.possible syn.oe syn.mu syn.oe_ci.lower syn.oe_ci.upper syn.z_raw syn.z_score constraint_flags level \
    transcript_type chromosome cds_length num_coding_exons";

/// HPO terms of the modes of inheritance that the tables abbreviate.
const INHERITANCE_TERMS: [(&str, &str); 11] = [
    ("AD", "HP:0000006"),
    ("AR", "HP:0000007"),
    ("XL", "HP:0001417"),
    ("XR", "HP:0001419"),
    ("XD", "HP:0001423"),
    ("MT", "HP:0001427"),
    ("YL", "HP:0001450"),
    ("DG", "HP:0010984"),
    ("MF", "HP:0001426"),
    ("SOM_MOSAIC", "HP:0001442"),
    ("SPORADIC", "HP:0003745"),
];

/// All reference files, in the order in which they build on each other.
pub(super) fn files(facts: &Facts) -> Vec<ReferenceFile> {
    vec![
        ReferenceFile { name: "hgnc_complete_set.txt.gz", text: hgnc(facts) },
        ReferenceFile { name: "ensembl_genes_37.txt.gz", text: ensembl_genes(facts, GenomeBuild::Grch37) },
        ReferenceFile { name: "ensembl_genes_38.txt.gz", text: ensembl_genes(facts, GenomeBuild::Grch38) },
        ReferenceFile { name: "ensembl_transcripts_37.txt.gz", text: ensembl_transcripts(facts, GenomeBuild::Grch37) },
        ReferenceFile { name: "ensembl_transcripts_38.txt.gz", text: ensembl_transcripts(facts, GenomeBuild::Grch38) },
        ReferenceFile { name: "gnomad.v4.1.constraint_metrics.tsv.gz", text: constraint(facts) },
        ReferenceFile { name: "hpo.obo.gz", text: ontology(facts) },
        ReferenceFile { name: "genes_to_phenotype.txt.gz", text: genes_to_phenotype(facts) },
        ReferenceFile { name: "phenotype.hpoa.gz", text: disease_annotations(facts) },
    ]
}

fn hgnc(facts: &Facts) -> String {
    let columns: Vec<&str> = HGNC_COLUMNS.split_whitespace().collect();
    let mut text = columns.join("\t") + "\n";
    for gene in &facts.genes {
        let values: Vec<String> = columns.iter().map(|column| hgnc_value(gene, column)).collect();
        text.push_str(&values.join("\t"));
        text.push('\n');
    }
    text
}

fn hgnc_value(gene: &Gene, column: &str) -> String {
    let list = |values: &str| if values.contains('|') { format!("\"{values}\"") } else { values.to_owned() };
    match column {
        "hgnc_id" => gene.hgnc_id.clone(),
        "symbol" => gene.symbol.clone(),
        "name" => gene.name.clone(),
        "locus_group" => match gene.locus_type.as_str() {
            "gene with protein product" => "protein-coding gene",
            "pseudogene" => "pseudogene",
            rna if rna.starts_with("RNA") => "non-coding RNA",
            _ => "other",
        }
        .to_owned(),
        "locus_type" => gene.locus_type.clone(),
        "status" => "Approved".to_owned(),
        "location" => if gene.chrom == "MT" { "mitochondria" } else { &gene.cytoband }.to_owned(),
        "alias_symbol" => list(&gene.aliases),
        "prev_symbol" => list(&gene.previous_symbols),
        "entrez_id" => gene.entrez_id.clone(),
        "ensembl_gene_id" => gene.ensembl_gene_id.clone(),
        "refseq_accession" => unversioned(&gene.mane_refseq).to_owned(),
        "omim_id" => gene.omim_number.clone(),
        _ => String::new(),
    }
}

fn extent(gene: &Gene, build: GenomeBuild) -> (&str, &str) {
    match build {
        GenomeBuild::Grch37 => (&gene.start_37, &gene.end_37),
        GenomeBuild::Grch38 => (&gene.start_38, &gene.end_38),
    }
}

fn ensembl_genes(facts: &Facts, build: GenomeBuild) -> String {
    let mut text =
        "Chromosome/scaffold name\tGene start (bp)\tGene end (bp)\tGene stable ID\tHGNC symbol\tHGNC ID\n".to_owned();
    for gene in &facts.genes {
        let (start, end) = extent(gene, build);
        if start.is_empty() || gene.ensembl_gene_id.is_empty() {
            continue;
        }
        let hgnc_id = gene.hgnc_number();
        let _ = writeln!(text, "{}\t{start}\t{end}\t{}\t{}\t{hgnc_id}", gene.chrom, gene.ensembl_gene_id, gene.symbol);
    }
    text
}

/// MANE Select of every gene, and the other transcripts that the background's HGVS names count on.
///
/// The tables hold no extents of transcripts, so each has those of its gene.
fn ensembl_transcripts(facts: &Facts, build: GenomeBuild) -> String {
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for variant in &facts.background {
        let transcript = unversioned(variant.hgvs_c.split(':').next().unwrap_or_default());
        if transcript.starts_with("ENST") {
            named.entry(&variant.gene).or_default().insert(transcript);
        }
    }
    let mut text = "Chromosome/scaffold name\tGene stable ID\tTranscript stable ID\tTranscript start (bp)\t\
        Transcript end (bp)\tRefSeq mRNA ID\tRefSeq mRNA predicted ID\tRefSeq ncRNA ID\n"
        .to_owned();
    for gene in &facts.genes {
        let (start, end) = extent(gene, build);
        if start.is_empty() || gene.ensembl_gene_id.is_empty() {
            continue;
        }
        let mane = unversioned(&gene.mane_enst);
        let mut transcripts = named.remove(gene.symbol.as_str()).unwrap_or_default();
        if !mane.is_empty() {
            transcripts.insert(mane);
        }
        for transcript in transcripts {
            let refseq = if transcript == mane { unversioned(&gene.mane_refseq) } else { "" };
            let _ =
                writeln!(text, "{}\t{}\t{transcript}\t{start}\t{end}\t{refseq}\t\t", gene.chrom, gene.ensembl_gene_id);
        }
    }
    text
}

fn constraint(facts: &Facts) -> String {
    let columns: Vec<&str> = CONSTRAINT_COLUMNS.split_whitespace().collect();
    let mut text = columns.join("\t") + "\n";
    for gene in
        facts.genes.iter().filter(|gene| !gene.pli.is_empty() || !gene.loeuf.is_empty() || !gene.mis_z.is_empty())
    {
        let known = |value: &str| if value.is_empty() { "NA".to_owned() } else { value.to_owned() };
        let values: Vec<String> = columns
            .iter()
            .map(|column| match *column {
                "gene" => gene.symbol.clone(),
                "gene_id" => gene.ensembl_gene_id.clone(),
                "transcript" => known(&gene.mane_enst),
                "canonical" | "mane_select" => (!gene.mane_enst.is_empty()).to_string(),
                "lof.pLI" => known(&gene.pli),
                "lof.oe_ci.upper" => known(&gene.loeuf),
                "mis.z_score" => known(&gene.mis_z),
                "constraint_flags" => "[]".to_owned(),
                _ => "NA".to_owned(),
            })
            .collect();
        text.push_str(&values.join("\t"));
        text.push('\n');
    }
    text
}

fn term_name<'a>(facts: &'a Facts, id: &str) -> &'a str {
    facts.terms.iter().find(|term| term.hpo_id == id).map_or("", |term| term.name.as_str())
}

fn inheritance_terms(codes: &str) -> impl Iterator<Item = &'static str> {
    codes
        .split('|')
        .filter_map(|code| INHERITANCE_TERMS.iter().find(|(known, _)| *known == code))
        .map(|(_, term)| *term)
}

/// Modes of inheritance of each gene's diseases; other phenotypes are left out.
fn genes_to_phenotype(facts: &Facts) -> String {
    let mut text = "#Format: entrez-gene-id<tab>entrez-gene-symbol<tab>HPO-Term-Name<tab>HPO-Term-ID<tab>Frequency-Raw\
        <tab>Frequency-HPO<tab>Additional Info from G-D source<tab>G-D source<tab>disease-ID for link\n"
        .to_owned();
    for disease in &facts.diseases {
        let source = if disease.id.starts_with("ORPHA") { "orphadata" } else { "mim2gene" };
        for gene in disease.hgnc_ids.split('|').filter_map(|id| facts.gene_by_hgnc_id(id)) {
            for term in inheritance_terms(&disease.inheritance) {
                let name = term_name(facts, term);
                let _ = writeln!(
                    text,
                    "{}\t{}\t{term}\t{name}\t\t\t-\t{source}\t{}",
                    gene.entrez_id, gene.symbol, disease.id
                );
            }
        }
    }
    text
}

/// Names and modes of inheritance of the diseases; other annotations, and on what evidence they rest, are left out.
fn disease_annotations(facts: &Facts) -> String {
    let mut text = "#description: \"HPO annotations for rare diseases: names and modes of inheritance of a subset\"\n\
        #version: 2025-01-16\n\
        database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration\n"
        .to_owned();
    for disease in &facts.diseases {
        for term in inheritance_terms(&disease.inheritance) {
            let _ = writeln!(text, "{}\t{}\t\t{term}\t\t\t\t\t\t\tI\t", disease.id, disease.name);
        }
    }
    text
}

/// The terms used here and all their ancestors, unchanged.
fn ontology(facts: &Facts) -> String {
    let mut text = "format-version: 1.2\ndata-version: hp/releases/2025-01-16\nontology: hp\n\
        remark: subset of the Human Phenotype Ontology, terms and relations unchanged, for the Lodestone demo\n"
        .to_owned();
    for term in &facts.terms {
        let _ = writeln!(text, "\n[Term]\nid: {}\nname: {}", term.hpo_id, term.name);
        for id in list(&term.alt_ids) {
            let _ = writeln!(text, "alt_id: {id}");
        }
        for synonym in list(&term.synonyms) {
            let _ = writeln!(text, "synonym: \"{}\" EXACT []", synonym.replace('"', "\\\""));
        }
        for parent in list(&term.parent_ids) {
            let name = term_name(facts, parent);
            let _ = writeln!(text, "is_a: {parent} ! {name}");
        }
    }
    text
}

fn list(joined: &str) -> impl Iterator<Item = &str> {
    joined.split('|').filter(|part| !part.is_empty())
}

fn unversioned(accession: &str) -> &str {
    accession.split('.').next().unwrap_or_default()
}
