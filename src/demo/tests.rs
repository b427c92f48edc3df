use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use noodles::core::Region;

use super::facts::Facts;
use super::family::Family;
use super::genotypes::Locus;
use super::rank_model::{RANK_MODEL, RankModel};
use super::teaching::{Role, Sex, TeachingCase};
use super::{DEFAULT_SEED, DemoCase, Manifest, write_all};
use crate::validate::{ExpectedVariant, IndependentVcf, read};

struct Demo {
    folder: tempfile::TempDir,
    manifest: Manifest,
    facts: Facts,
}

/// Written once; the tests only read.
fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write_all(folder.path(), DEFAULT_SEED).unwrap();
        Demo { folder, manifest, facts: Facts::read().unwrap() }
    })
}

impl Demo {
    fn path(&self, relative: &Path) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn cases(&self) -> impl Iterator<Item = (&DemoCase, &TeachingCase, IndependentVcf)> {
        self.manifest.cases.iter().zip(&self.facts.teaching.cases).map(|(written, case)| {
            assert_eq!(written.key, case.key);
            (written, case, read(&self.path(&written.vcf)).unwrap())
        })
    }

    /// INFO of every record, as key to value.
    fn infos(&self, case: &DemoCase) -> Vec<BTreeMap<String, String>> {
        let text = self.text(case);
        let infos = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let info = line.split('\t').nth(7).unwrap();
            info.split(';').map(|part| part.split_once('=').unwrap()).map(|(k, v)| (k.into(), v.into())).collect()
        });
        infos.collect()
    }

    fn text(&self, case: &DemoCase) -> String {
        let mut text = String::new();
        let mut file = flate2::read::MultiGzDecoder::new(File::open(self.path(&case.vcf)).unwrap());
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        text
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).unwrap().to_owned(), fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let again = tempfile::tempdir().unwrap();
    write_all(again.path(), DEFAULT_SEED).unwrap();
    assert_eq!(files(again.path()), files(demo().folder.path()));
}

#[test]
fn another_seed_gives_other_genotypes_and_the_same_answers() {
    let other = tempfile::tempdir().unwrap();
    let manifest = write_all(other.path(), 2).unwrap();
    for (one, other_case) in demo().manifest.cases.iter().zip(&manifest.cases) {
        assert_ne!(fs::read(demo().path(&one.vcf)).unwrap(), fs::read(other.path().join(&other_case.vcf)).unwrap());
        assert_eq!(one.causal, other_case.causal);
    }
}

#[test]
fn stated_variants_have_their_stated_genotypes_models_and_fractions() {
    for (written, case, vcf) in demo().cases() {
        let infos = demo().infos(written);
        let family = Family::of(case).unwrap();
        for stated in &case.variants {
            let allele = stated.allele(case.build);
            let at = vcf.variants.iter().position(|variant| {
                variant.chromosome == allele.chrom
                    && variant.position == allele.pos
                    && variant.reference == allele.reference
                    && variant.alternative == allele.alternative
            });
            let at = at.unwrap_or_else(|| panic!("{}: {} is not in the file", case.key, stated.hgvs_c));
            let variant = &vcf.variants[at];
            for (column, &sample) in family.columns.iter().enumerate() {
                let (call, member) = (&variant.calls[column], family.samples[sample].member);
                assert_eq!(call.genotype.as_ref(), Some(&stated.genotypes[member]), "{} {member}", case.key);
                if let Some(fraction) = stated.alt_fractions.get(member) {
                    let (reads, depth) = (f64::from(call.alt_depth.unwrap()), f64::from(call.depth.unwrap()));
                    assert!((reads / depth - fraction).abs() < 0.01, "{} {member}: {reads} of {depth}", case.key);
                }
            }
            assert_eq!(variant.consequence.as_deref(), Some(stated.consequence.as_str()), "{}", case.key);
            let info = &infos[at];
            if stated.role == Role::Causal && !matches!(stated.model.as_str(), "MT" | "mosaic") {
                let models = info["GeneticModels"].split_once(':').unwrap().1;
                assert!(models.split('|').any(|model| model == stated.model), "{}: {models}", case.key);
            }
            if let Some(clinvar) = &stated.clinvar {
                assert_eq!(info["CLNVID"], clinvar.id.to_string());
                assert_eq!(info["CLNSIG"].replace('_', " "), clinvar.significance);
            }
            let key = if stated.model == "MT" { "GNOMAD_MT_AF_HET" } else { "GNOMADAF" };
            assert_eq!(info.get(key).map(|text| text.parse().unwrap()), stated.af);
            if stated.hgvs_c.contains(":c.") {
                let change = stated.hgvs_c.split_once(':').unwrap().1.replace('=', "%3D");
                assert!(info["CSQ"].contains(&change), "{}: {change}", case.key);
            }
        }
    }
}

/// Alleles of a call, `None` where nothing was called; a haploid call counts once.
fn alleles(variant: &ExpectedVariant, column: usize) -> Vec<Option<u8>> {
    let genotype = variant.calls[column].genotype.as_deref().unwrap();
    genotype.split(['/', '|']).map(|allele| allele.parse().ok()).collect()
}

#[test]
fn children_have_their_alleles_from_their_parents() {
    let mut children = 0;
    for (written, case, vcf) in demo().cases() {
        let family = Family::of(case).unwrap();
        let column = |sample: usize| family.columns.iter().position(|&at| at == sample).unwrap();
        let artefact = |record: usize, text: &[&str]| text[record].split('\t').nth(6) == Some("low_allele_frac");
        let text = demo().text(written);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        for (record, variant) in vcf.variants.iter().enumerate() {
            let stated = written.causal.contains(&variant.simple_id());
            if stated || artefact(record, &lines) {
                continue;
            }
            for (at, sample) in family.samples.iter().enumerate() {
                let (Some(father), Some(mother)) = (sample.father, sample.mother) else { continue };
                children += 1;
                let child = alleles(variant, column(at));
                let from = |parent: usize, allele: Option<u8>| {
                    let parent = alleles(variant, column(parent));
                    allele.is_none() || parent.contains(&None) || parent.contains(&allele)
                };
                let fits = match (Locus::of(case.build, &variant.chromosome, variant.position), sample.sex) {
                    (Locus::Autosomal, _) | (Locus::X, Sex::Female) => {
                        (from(father, child[0]) && from(mother, child[1]))
                            || (from(father, child[1]) && from(mother, child[0]))
                    }
                    (Locus::X, Sex::Male) => child.iter().all(|allele| *allele == child[0]) && from(mother, child[0]),
                    (Locus::Y, Sex::Male) => from(father, child[0]),
                    (Locus::Y, Sex::Female) => child.iter().all(Option::is_none),
                    (Locus::Mitochondrial, _) => child.iter().all(|allele| from(mother, *allele)),
                };
                assert!(fits, "{}: {} {child:?}", case.key, variant.simple_id());
                let phased = variant.calls[column(at)].genotype.as_deref().unwrap().contains('|');
                let in_order = from(father, child[0]) && child.get(1).is_none_or(|allele| from(mother, *allele));
                assert!(!phased || in_order, "{}: phase of {}", case.key, variant.simple_id());
            }
        }
    }
    assert!(children > 4000, "{children}");
}

#[test]
fn men_have_one_copy_of_x_and_y() {
    let (mut haploid, mut doubled) = (0, 0);
    for (_, case, vcf) in demo().cases() {
        let family = Family::of(case).unwrap();
        for variant in &vcf.variants {
            if !matches!(Locus::of(case.build, &variant.chromosome, variant.position), Locus::X | Locus::Y) {
                continue;
            }
            for (column, &sample) in family.columns.iter().enumerate() {
                if family.samples[sample].sex == Sex::Male {
                    let alleles = alleles(variant, column);
                    assert_eq!(alleles.len(), if case.haploid_calls { 1 } else { 2 }, "{}", case.key);
                    assert!(alleles.iter().all(|allele| *allele == alleles[0] || allele.is_none()), "{}", case.key);
                    *(if alleles.len() == 1 { &mut haploid } else { &mut doubled }) += 1;
                }
            }
        }
    }
    assert!(haploid > 20 && doubled > 100, "{haploid} {doubled}");
}

#[test]
fn parts_of_the_rank_score_add_up_and_lie_within_the_model() {
    let model = RankModel::parse(RANK_MODEL).unwrap();
    let categories: Vec<&str> = model.category_names().collect();
    for case in &demo().manifest.cases {
        let header = format!("##INFO=<ID=RankResult,Number=.,Type=String,Description=\"{}\">", categories.join("|"));
        assert!(demo().text(case).lines().any(|line| line == header));
        for info in demo().infos(case) {
            let parts: Vec<i32> = info["RankResult"].split('|').map(|part| part.parse().unwrap()).collect();
            let (family, score) = info["RankScore"].split_once(':').unwrap();
            assert_eq!((family, score.parse()), (case.family.as_str(), Ok(parts.iter().sum::<i32>())));
            for (range, part) in model.ranges().into_iter().zip(&parts) {
                assert!((range.least..=range.greatest).contains(&f64::from(*part)), "{}: {part}", info["RankResult"]);
            }
        }
    }
}

#[test]
fn compounds_name_each_other_with_the_sum_of_both_scores() {
    let mut pairs = 0;
    for (written, _, vcf) in demo().cases() {
        let infos = demo().infos(written);
        let score =
            |info: &BTreeMap<String, String>| info["RankScore"].split_once(':').unwrap().1.parse::<i32>().unwrap();
        let id = |at: usize| vcf.variants[at].simple_id();
        let by_id: BTreeMap<String, usize> = (0..infos.len()).map(|at| (id(at), at)).collect();
        let partners = |at: usize| -> BTreeMap<String, i32> {
            let Some(text) = infos[at].get("Compounds") else { return BTreeMap::new() };
            let (family, list) = text.split_once(':').unwrap();
            assert_eq!(family, written.family);
            let partner = |text: &str| {
                let (name, score) = text.split_once('>').unwrap();
                (name.trim_start_matches("chr").to_owned(), score.parse().unwrap())
            };
            list.split('|').map(partner).collect()
        };
        for at in 0..infos.len() {
            let is_compound = infos[at].get("GeneticModels").is_some_and(|models| models.contains("AR_comp"));
            assert_eq!(is_compound, infos[at].contains_key("Compounds"), "{} {}", written.key, id(at));
            for (partner, sum) in partners(at) {
                let other = by_id[&partner];
                assert_eq!(sum, score(&infos[at]) + score(&infos[other]), "{}", id(at));
                assert_eq!(partners(other).get(&id(at)), Some(&sum), "{} does not name {}", partner, id(at));
                pairs += 1;
            }
        }
    }
    assert!(pairs > 100, "{pairs}");
}

#[test]
fn files_are_sorted_and_the_index_finds_the_answer() {
    for (written, case, vcf) in demo().cases() {
        let places: Vec<(crate::genome::Chromosome, u32)> = vcf
            .variants
            .iter()
            .map(|variant| (crate::genome::Chromosome::parse(&variant.chromosome), variant.position))
            .collect();
        assert!(places.is_sorted(), "{}", case.key);
        let unique: BTreeSet<_> = places.iter().collect();
        assert_eq!(unique.len(), places.len(), "{}: two records at one place", case.key);
        assert!((600..=1900).contains(&vcf.records), "{}: {}", case.key, vcf.records);
        assert_eq!(vcf.records, written.records);

        let path = demo().path(&written.vcf);
        let mut reader = noodles::vcf::io::indexed_reader::Builder::default().build_from_path(path).unwrap();
        let header = reader.read_header().unwrap();
        for record in reader.record_bufs(&header) {
            record.unwrap_or_else(|error| panic!("{}: {error}", case.key));
        }
        let columns: Vec<&String> = header.sample_names().iter().collect();
        assert_eq!(columns, vcf.samples.iter().collect::<Vec<_>>());
        for variant in vcf.variants.iter().step_by(7) {
            let contig = super::vcf::contig(case, &variant.chromosome);
            let region: Region = format!("{contig}:{0}-{0}", variant.position).parse().unwrap();
            let found = reader.query(&header, &region).unwrap().records().map(|record| {
                let record = record.unwrap();
                assert_eq!(record.reference_sequence_name(), contig);
                usize::from(record.variant_start().unwrap().unwrap())
            });
            let found: Vec<usize> = found.collect();
            assert!(found.contains(&(variant.position as usize)), "{} {}", case.key, variant.simple_id());
        }
    }
}

#[test]
fn load_configurations_name_existing_files_people_and_panels() {
    let panels: BTreeSet<&str> = demo().manifest.panels.iter().map(|panel| panel.id.as_str()).collect();
    let (mut other_order, mut builds) = (0, BTreeSet::new());
    for (written, _, vcf) in demo().cases() {
        let path = demo().path(&written.config);
        let config: serde_yaml_ng::Value = serde_yaml_ng::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(config["owner"].as_str(), Some(written.owner.as_str()));
        assert_eq!(config["family"].as_str(), Some(written.family.as_str()));
        for key in ["vcf_snv", "rank_model_url"] {
            assert!(path.parent().unwrap().join(config[key].as_str().unwrap()).is_file(), "{key}");
        }
        let samples: Vec<&str> = config["samples"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|sample| sample["sample_id"].as_str().unwrap())
            .collect();
        assert_eq!(
            samples.iter().collect::<BTreeSet<_>>(),
            vcf.samples.iter().map(String::as_str).collect::<Vec<_>>().iter().collect()
        );
        other_order += usize::from(samples != vcf.samples);
        for panel in config["gene_panels"].as_sequence().unwrap() {
            assert!(panels.contains(panel.as_str().unwrap()));
        }
        builds.insert(config["human_genome_build"].as_str().unwrap().to_owned());
        let ped = fs::read_to_string(demo().path(&written.ped)).unwrap();
        assert_eq!(ped.lines().count(), 1 + samples.len());
    }
    assert!(other_order >= 4, "the order of columns is not that of the configuration");
    assert_eq!(builds.len(), 2);
    assert_eq!(demo().manifest.institutes.len(), 2);
    assert!(demo().manifest.cases.iter().any(|case| case.owner == "demo2"));
}

#[test]
fn default_panels_contain_the_gene_without_naming_it_alone() {
    let genes: BTreeMap<&str, &str> =
        demo().facts.genes.iter().map(|gene| (gene.hgnc_number(), gene.symbol.as_str())).collect();
    let mut latest: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for panel in &demo().manifest.panels {
        let text = fs::read_to_string(demo().path(&panel.file)).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect::<Vec<_>>());
        let mut symbols = BTreeSet::new();
        for row in rows {
            assert_eq!(genes.get(row[0]), Some(&row[1]), "{}", panel.id);
            symbols.insert(row[1].to_owned());
        }
        assert!((20..=120).contains(&panel.genes), "{}: {}", panel.id, panel.genes);
        latest.insert(&panel.id, symbols);
    }
    for case in demo().manifest.cases.iter().filter(|case| !case.causal.is_empty()) {
        for gene in &case.genes {
            assert!(case.default_panels.iter().any(|panel| latest[panel.as_str()].contains(gene)), "{gene}");
        }
    }
}

/// Our files have the columns of the published ones, so that one loader reads both.
#[test]
fn reference_files_have_the_published_columns() {
    let data = std::env::var_os("LODESTONE_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if !data.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no test data in {}", data.display());
        eprintln!("skipped: no test data in {}; set LODESTONE_TEST_DATA", data.display());
        return;
    }
    let lines = |path: PathBuf| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(File::open(path).unwrap()), &mut text).unwrap();
        text
    };
    for (ours, published) in [
        ("hgnc_complete_set.txt.gz", "hgnc_reduced_set.txt.gz"),
        ("ensembl_genes_37.txt.gz", "ensembl_genes_37_reduced.txt.gz"),
        ("ensembl_genes_38.txt.gz", "ensembl_genes_38_reduced.txt.gz"),
        ("ensembl_transcripts_37.txt.gz", "ensembl_transcripts_37_reduced.txt.gz"),
        ("ensembl_transcripts_38.txt.gz", "ensembl_transcripts_38_reduced.txt.gz"),
        ("gnomad.v4.1.constraint_metrics.tsv.gz", "gnomad.v4.1.constraint_metrics_reduced.tsv.gz"),
        ("genes_to_phenotype.txt.gz", "genes_to_phenotype_reduced.txt.gz"),
    ] {
        let ours = lines(demo().path(&demo().manifest.reference).join(ours));
        let published = lines(data.join("reference").join(published));
        assert_eq!(ours.lines().next(), published.lines().next());
        assert!(ours.lines().count() > 500);
    }
    let hpoa = lines(demo().path(&demo().manifest.reference).join("phenotype.hpoa.gz"));
    let published = lines(data.join("reference/reduced.phenotype.hpoa.gz"));
    let columns = |text: &str| text.lines().find(|line| line.starts_with("database_id")).unwrap().to_owned();
    assert_eq!(columns(&hpoa), columns(&published));
}
