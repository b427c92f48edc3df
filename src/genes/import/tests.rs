//! What several files say of a gene's diseases. The files are small and made here; the expectations are from reading them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use super::diseases::{GeneIndex, Knowledge};
use super::orphadata::orphadata;
use super::phenotypes::{genes_to_phenotype, hpoa, mim2gene};
use super::{Kind, kind};
use crate::genes::disease::Disease;
use crate::genes::model::Gene;

const G2P: &str = "#Format: entrez-gene-id<tab>entrez-gene-symbol<tab>HPO-Term-Name\n\
    10\tAAA\tHP:0000007\tx\t\t\t-\tmim2gene\tOMIM:1\n10\tAAA\tHP:0000252\tx\t\t\tsusceptibility\tmim2gene\tOMIM:2\n\
    77\tNOGENE\tHP:0000006\tx\t\t\t-\tmim2gene\tOMIM:3\n10\tAAA\tHP:0000006\tx\n";
const G2P_SINCE_2023: &str = "ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n\
    10\tAAA\tHP:0000006\tx\t-\tOMIM:1\n";
const HPOA: &str = "#description: \"x\"\n#version: 2025-01-16\n\
    database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration\n\
    OMIM:1\tFirst disease\t\tHP:0000007\tr\tTAS\t\t\t\t\tI\tb\nOMIM:2\tSecond disease\t\tHP:0001423\tr\tTAS\t\t\t\t\tI\tb\n\
    OMIM:2\tSecond disease\tNOT\tHP:0000006\tr\tTAS\t\t\t\t\tI\tb\nOMIM:2\tSecond disease\t\tHP:0000007\tr\tTAS\t\t\t\t\tP\tb\n\
    OMIM:2\tSecond disease\t\tHP:0003829\tr\tTAS\t\t\t\t\tI\tb\nOMIM:600\tBoth in one\t\tHP:0001427\tr\tTAS\t\t\t\t\tI\tb\n";
const MIM2GENE: &str = "# Copyright\n# Generated: 2024-05-06\n\
    # MIM Number\tMIM Entry Type (see FAQ 1.3 at https://omim.org/help/faq)\tEntrez Gene ID (NCBI)\tApproved Gene Symbol (HGNC)\tEnsembl Gene ID (Ensembl)\n\
    500\tgene\t10\tAAA\tENSG1\n600\tgene/phenotype\t\tMT-BBB\t\n700\tphenotype\t10\tAAA\t\n800\tmoved/removed\n";

fn product(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<JDBOR date=\"2023-12-04 08:19:40\" version=\"1\">\n\
         <DisorderList count=\"1\">\n{inner}\n</DisorderList>\n</JDBOR>\n"
    )
}

fn disorder(code: &str, inner: &str) -> String {
    format!(
        "<Disorder id=\"1\"><OrphaCode>{code}</OrphaCode><Name lang=\"en\">A &amp; B&#39;s</Name>{inner}</Disorder>"
    )
}

fn of_gene(hgnc: &str, symbol: &str, association: &str) -> String {
    format!(
        "<DisorderGeneAssociationList count=\"1\"><DisorderGeneAssociation><Gene id=\"1\"><Name lang=\"en\">gene</Name>\
         <Symbol>{symbol}</Symbol><ExternalReferenceList><ExternalReference id=\"1\"><Source>OMIM</Source>\
         <Reference>999</Reference></ExternalReference><ExternalReference id=\"2\"><Source>HGNC</Source>\
         <Reference>{hgnc}</Reference></ExternalReference></ExternalReferenceList></Gene>\
         <DisorderGeneAssociationType id=\"3\"><Name lang=\"en\">{association}</Name></DisorderGeneAssociationType>\
         </DisorderGeneAssociation></DisorderGeneAssociationList>"
    )
}

fn types(names: &[&str]) -> String {
    let one = |name: &&str| format!("<TypeOfInheritance id=\"1\"><Name lang=\"en\">{name}</Name></TypeOfInheritance>");
    format!(
        "<AverageAgeOfOnsetList count=\"0\"/><TypeOfInheritanceList count=\"1\">{}</TypeOfInheritanceList>",
        names.iter().map(one).collect::<String>()
    )
}

/// Genes, stored diseases and a folder, loaded file by file as one import does.
struct Reference {
    genes: BTreeMap<u32, Gene>,
    diseases: BTreeMap<String, Disease>,
    folder: tempfile::TempDir,
}

impl Reference {
    fn new() -> Self {
        let gene = |hgnc_id: u32, symbol: &str, entrez_id| Gene {
            hgnc_id,
            symbol: symbol.to_owned(),
            entrez_id,
            aliases: vec![format!("OLD{symbol}")],
            ..Gene::default()
        };
        Self {
            genes: [(1, gene(1, "AAA", Some(10))), (2, gene(2, "MT-BBB", None)), (3, gene(3, "CCC", None))].into(),
            diseases: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// What the import would say of each file, in the order of an import.
    fn load(&mut self, files: &[&str]) -> Result<Vec<String>, String> {
        let index = GeneIndex::new(&self.genes);
        let mut knowledge = Knowledge::new(std::mem::take(&mut self.diseases), &self.genes);
        let mut paths: Vec<(Kind, PathBuf)> = Vec::new();
        for (at, content) in files.iter().enumerate() {
            let path = self.file(&format!("{at}.txt"), content.as_bytes());
            paths.push((kind(&path).ok_or_else(|| format!("file {at} is not recognised"))?, path));
        }
        paths.sort();
        let mut said = Vec::new();
        for (kind, path) in paths {
            let read = match kind {
                Kind::GenesToPhenotype => genes_to_phenotype(&path, &index, &mut knowledge),
                Kind::PhenotypeHpoa => hpoa(&path, &mut knowledge),
                Kind::Mim2Gene => mim2gene(&path, &index, &mut knowledge, &mut self.genes),
                Kind::Orphadata(product) => orphadata(&path, product, &index, &mut knowledge),
                other => panic!("{other:?}"),
            };
            said.push(read.map_err(|error| error.to_string())?);
        }
        self.diseases = knowledge.finish(&mut self.genes);
        Ok(said)
    }

    /// `OMIM:1 AR genes_to_phenotype` and so on.
    fn of(&self, gene: u32) -> Vec<String> {
        let diseases = self.genes[&gene].diseases.iter();
        diseases
            .flat_map(|disease| {
                let models =
                    disease.inheritance.iter().map(|one| format!("{} {} {}", disease.id, one.model, one.source));
                let models: Vec<String> = models.collect();
                if models.is_empty() { vec![disease.id.clone()] } else { models }
            })
            .collect()
    }
}

#[test]
fn every_file_adds_what_it_knows_with_its_name() {
    let mut reference = Reference::new();
    let six = product(&disorder("93", &of_gene("1", "AAA", "Disease-causing germline mutation(s) in")));
    let nine = product(&disorder("93", &types(&["Autosomal recessive", "X-linked recessive", "Unknown"])));
    let said = reference.load(&[HPOA, G2P, &nine, MIM2GENE, &six]).unwrap();
    assert_eq!(
        said,
        [
            "OMIM entries of 2 genes, 1 of them diseases too",
            "2 diseases of genes, 1 rows without a disease left out",
            "inheritance of 3 diseases, 1 negated rows left out",
            "1 diseases of genes",
            "1 disorders, inheritance of 1",
        ]
    );
    assert_eq!(
        reference.of(1),
        [
            "OMIM:1 AR genes_to_phenotype",
            "OMIM:1 AR phenotype.hpoa 2025-01-16",
            "OMIM:2 XD phenotype.hpoa 2025-01-16",
            "ORPHA:93 AR Orphadata product 9 2023-12-04",
            "ORPHA:93 XR Orphadata product 9 2023-12-04",
        ]
    );
    let gene = &reference.genes[&1];
    assert_eq!(gene.inheritance, ["AR", "XD", "XR"], "the union, in the order of the abbreviations");
    assert_eq!(gene.omim_id, Some(500));
    assert_eq!(gene.diseases[1].links[0].association.as_deref(), Some("susceptibility"));
    assert_eq!(gene.diseases[0].name.as_deref(), Some("First disease"));
    assert_eq!(gene.diseases[2].name.as_deref(), Some("A & B's"));
    assert_eq!(reference.of(2), ["OMIM:600 MT phenotype.hpoa 2025-01-16"], "gene and phenotype in one entry");
    assert_eq!(reference.genes[&2].inheritance, ["MT"]);
    assert!(reference.genes[&3].diseases.is_empty());
}

#[test]
fn the_order_of_loading_does_not_matter_and_a_new_release_replaces_the_old() {
    let six = product(&disorder("93", &of_gene("", "OLDCCC", "Disease-causing germline mutation(s) in")));
    let nine = product(&disorder("93", &types(&["Mitochondrial inheritance"])));
    let (mut first, mut second) = (Reference::new(), Reference::new());
    first.load(&[&nine]).unwrap();
    assert!(first.genes[&3].inheritance.is_empty());
    first.load(&[&six]).unwrap();
    second.load(&[&six]).unwrap();
    second.load(&[&nine]).unwrap();
    assert_eq!(first.genes, second.genes);
    assert_eq!(first.genes[&3].inheritance, ["MT"], "found by an alias of one gene only");
    first.load(&[&nine.replace("Mitochondrial inheritance", "Autosomal dominant")]).unwrap();
    assert_eq!(first.genes[&3].inheritance, ["AD"]);
    first.load(&[&product(&disorder("94", &of_gene("3", "CCC", "Role in the phenotype of")))]).unwrap();
    assert_eq!((first.of(3), first.genes[&3].inheritance.len()), (vec!["ORPHA:94".to_owned()], 0));
    // one release of one file takes nothing from another file
    first.load(&[G2P]).unwrap();
    first.load(&[G2P_SINCE_2023]).unwrap();
    assert_eq!(
        (first.of(1), first.of(3)),
        (vec!["OMIM:1 AD genes_to_phenotype".to_owned()], vec!["ORPHA:94".to_owned()])
    );
}

#[test]
fn a_candidate_or_a_somatic_change_gives_a_gene_no_inheritance() {
    let mut reference = Reference::new();
    let six = product(
        &[
            disorder("1", &of_gene("1", "AAA", "Candidate gene tested in")),
            disorder("2", &of_gene("1", "AAA", "Disease-causing somatic mutation(s) in")),
            disorder("3", &of_gene("1", "AAA", "Disease-causing germline mutation(s) in")),
        ]
        .concat(),
    );
    let nine = product(
        &[("1", "Autosomal dominant"), ("2", "X-linked dominant"), ("3", "Semi-dominant")]
            .map(|(code, words)| disorder(code, &types(&[words])))
            .concat(),
    );
    reference.load(&[&six, &nine]).unwrap();
    assert_eq!(reference.genes[&1].diseases.len(), 3, "the link itself is shown");
    assert_eq!(reference.genes[&1].inheritance, ["AD", "AR"]);
}

#[test]
fn terms_of_product_4_count_unless_excluded() {
    let term = |id: &str, frequency: &str| {
        format!(
            "<HPODisorderAssociation><HPO><HPOId>{id}</HPOId></HPO><HPOFrequency><Name>{frequency}</Name></HPOFrequency>\
             </HPODisorderAssociation>"
        )
    };
    let four = product(&format!(
        "<HPODisorderSetStatusList>{}</HPODisorderSetStatusList>",
        disorder(
            "93",
            &[
                term("HP:0000007", "Obligate (100%)"),
                term("HP:0000006", "Excluded (0%)"),
                term("HP:0000252", "Frequent (79-30%)"),
            ]
            .concat()
        )
    ));
    let six = product(&disorder("93", &of_gene("1", "AAA", "")));
    let mut reference = Reference::new();
    reference.load(&[&four, &six]).unwrap();
    assert_eq!(reference.of(1), ["ORPHA:93 AR Orphadata product 4 2023-12-04"]);
}

#[test]
fn genes_of_an_earlier_version_keep_their_models_until_their_file_comes_again() {
    let mut reference = Reference::new();
    let gene = reference.genes.get_mut(&1).unwrap();
    gene.inheritance = vec!["XL".to_owned()];
    gene.diseases = vec![crate::genes::disease::GeneDisease { id: "OMIM:9".to_owned(), ..Default::default() }];
    let six = product(&disorder("93", &of_gene("1", "AAA", "")));
    let nine = product(&disorder("93", &types(&["Autosomal dominant"])));
    reference.load(&[&six, &nine]).unwrap();
    assert_eq!(reference.genes[&1].inheritance, ["AD", "XL"]);
    assert_eq!(reference.of(1), ["OMIM:9", "ORPHA:93 AD Orphadata product 9 2023-12-04"]);
    reference.load(&[G2P]).unwrap();
    assert_eq!(reference.genes[&1].inheritance, ["AD", "AR"]);
}

#[test]
fn words_that_are_not_known_are_named_and_latin_1_is_read() {
    let mut reference = Reference::new();
    let nine = product(&disorder("93", &types(&["By post"])));
    assert_eq!(
        reference.load(&[&nine]).unwrap(),
        ["1 disorders, inheritance of 0; type of inheritance `By post`, read 1 times, is not known to this version"]
    );
    let mut latin = product(&disorder("7", &types(&["Unknown"]))).replace("A &amp; B", "Sj#gren").into_bytes();
    let at = latin.iter().position(|byte| *byte == b'#').unwrap();
    latin[at] = 0xf6;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&latin).unwrap();
    let path = reference.file("latin.xml.gz", &encoder.finish().unwrap());
    assert_eq!(kind(&path), Some(Kind::Orphadata(9)));
    let mut knowledge = Knowledge::new(BTreeMap::new(), &reference.genes);
    orphadata(&path, 9, &GeneIndex::new(&reference.genes), &mut knowledge).unwrap();
    let diseases = knowledge.finish(&mut reference.genes);
    assert_eq!(diseases["ORPHA:7"].name.as_deref(), Some("Sjögren's"));
}

#[test]
fn damaged_files_are_refused_with_their_line() {
    let nine = product(&disorder("93", &types(&["Autosomal dominant"])));
    for (text, words) in [
        (nine.replace("</DisorderList>\n</JDBOR>\n", ""), "cut short"),
        (nine[..nine.len() - 30].to_owned(), "line 4"),
        (nine.replace("</OrphaCode>", "</OrphanCode>"), "line 4"),
        (nine.replace("<OrphaCode>93", "<OrphaCode>ninety"), "line 4: OrphaCode: `ninety` is not a number"),
        (nine.replace("&amp;", "&bomb;"), "line 4: entity `&bomb;` is not known"),
        (nine.replace("<Name lang", &format!("{}<Name lang", "<x>".repeat(100))), "more than 64 elements"),
        (HPOA.replace("OMIM:600\t", "600\t"), "line 9: `600` is not a disease"),
        (MIM2GENE.replace("\n500\t", "\nfive\t"), "line 4: MIM Number: `five` is not a number"),
    ] {
        let error = Reference::new().load(&[&text]).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn damaged_xml_never_panics(
        changes in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 0..6),
        cut in proptest::num::usize::ANY,
    ) {
        let reference = Reference::new();
        let whole = product(&disorder("93", &(types(&["Autosomal dominant"]) + &of_gene("1", "AAA", "x"))));
        let mut bytes = whole.into_bytes();
        bytes.truncate(cut % (bytes.len() * 2) + 1);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let path = reference.file("x.xml", &bytes);
        let mut knowledge = Knowledge::new(BTreeMap::new(), &reference.genes);
        let _ = kind(&path);
        let _ = orphadata(&path, 9, &GeneIndex::new(&reference.genes), &mut knowledge);
    }
}

/// Counted in the files themselves with other tools.
#[test]
fn the_reference_files_at_hand_are_recognised() {
    let Some(folder) = crate::test_data::test_data("reference") else { return };
    let of = |name: &str| kind(&folder.join(name));
    assert_eq!(of("mim2gene_reduced.txt.gz"), Some(Kind::Mim2Gene));
    assert_eq!(of("reduced.phenotype.hpoa.gz"), Some(Kind::PhenotypeHpoa));
    assert_eq!(of("genes_to_phenotype_reduced.txt.gz"), Some(Kind::GenesToPhenotype));
    assert_eq!(of("orphadata_en_product4_reduced.xml.gz"), Some(Kind::Orphadata(4)));
    assert_eq!(of("orphadata_en_product6_reduced.xml.gz"), Some(Kind::Orphadata(6)));
    assert_eq!(of("en_product9_ages_reduced.xml.gz"), Some(Kind::Orphadata(9)));
    for other in ["phenotype_to_genes_reduced.txt.gz", "reduced.hpo.obo.gz", "panelapp_panel_ids_reduced.json"] {
        assert_eq!(of(other), None, "{other}");
    }
    let mut knowledge = Knowledge::new(BTreeMap::new(), &BTreeMap::new());
    let said = hpoa(&folder.join("reduced.phenotype.hpoa.gz"), &mut knowledge).unwrap();
    let diseases = knowledge.finish(&mut BTreeMap::new());
    let with: usize = diseases.values().map(|disease| usize::from(!disease.inheritance.is_empty())).sum();
    assert_eq!(said, format!("inheritance of {with} diseases"));
    let sources = |id: &str| -> Vec<String> {
        diseases[id].inheritance.iter().map(|one| format!("{} {}", one.model, one.source)).collect()
    };
    assert_eq!(sources("OMIM:609153"), ["AD phenotype.hpoa 2023-04-05"]);
    assert_eq!(sources("OMIM:224550"), ["AR phenotype.hpoa 2023-04-05"]);
}
