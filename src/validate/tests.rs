use std::path::PathBuf;

use serde_json::json;

use super::*;

const SMALL: &str = "##fileformat=VCFv4.2\n\
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"x. Format: Allele|Consequence|SYMBOL|Feature_type\">\n\
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tmother\tchild\n\
chr7\t100\t.\tC\tA,G\t50\tPASS\tRankScore=fam:12;CSQ=A|missense_variant|G1|Transcript,G|synonymous_variant|G1|Transcript\tGT:AD:DP:GQ\t0/1:10,8,1:20:99\t1|2:0,9,11:.:47.6\n\
chrM\t3243\t.\tA\tG\t.\tPASS\tDP=3\tGT:AD\t0/0:.\t.:.\r\n\
X\t5\t.\tATCT\tA\t.\tPASS\tCSQ=-|inframe_deletion|G2|Transcript\tGT:AD:DV\t./.:1,.:7\t1:2,3\n";

fn small() -> IndependentVcf {
    parse(SMALL.as_bytes()).unwrap()
}

fn people() -> Vec<ShownSample> {
    [("child", "Child"), ("mother", "Mother")]
        .map(|(id, name)| ShownSample { individual_id: id.into(), name: name.into() })
        .into()
}

/// What a faultless program shows of the file: the expected values in the order of `people`.
fn faultless(vcf: &IndependentVcf, people: &[ShownSample]) -> Vec<ShownVariant> {
    let call = |variant: &ExpectedVariant, person: &ShownSample| {
        let call = &variant.calls[vcf.samples.iter().position(|sample| *sample == person.individual_id).unwrap()];
        ShownCall {
            individual_id: person.individual_id.clone(),
            name: person.name.clone(),
            genotype: call.genotype.clone(),
            ref_depth: call.ref_depth,
            alt_depth: call.alt_depth,
            depth: call.depth,
            genotype_quality: call.genotype_quality,
        }
    };
    vcf.variants
        .iter()
        .map(|variant| ShownVariant {
            chromosome: variant.chromosome.clone(),
            position: variant.position,
            reference: variant.reference.clone(),
            alternative: variant.alternative.clone(),
            consequence: variant.consequence.clone(),
            samples: people.iter().map(|person| call(variant, person)).collect(),
        })
        .collect()
}

#[test]
fn every_allele_of_every_record_is_read() {
    let vcf = small();
    assert_eq!((vcf.records, vcf.variants.len()), (3, 4));
    assert_eq!(vcf.samples, ["mother", "child"]);
    let ids: Vec<String> = vcf.variants.iter().map(ExpectedVariant::simple_id).collect();
    assert_eq!(ids, ["7_100_C_A", "7_100_C_G", "MT_3243_A_G", "X_5_ATCT_A"]);
    let consequences: Vec<Option<&str>> = vcf.variants.iter().map(|v| v.consequence.as_deref()).collect();
    assert_eq!(consequences, [Some("missense_variant"), Some("synonymous_variant"), None, Some("inframe_deletion")]);
    assert_eq!(vcf.variants[1].line, 4);
    assert_eq!(vcf.variants[0].rank_scores, [("fam".to_owned(), 12.0)]);
    assert_eq!(vcf.variants[0].rank_score("other", "name"), Some(12.0), "the only one");
    assert_eq!(vcf.variants[2].rank_score("fam", "name"), None);
}

#[test]
fn reads_are_those_of_the_allele() {
    let vcf = small();
    let (first, second) = (&vcf.variants[0].calls, &vcf.variants[1].calls);
    assert_eq!((first[0].ref_depth, first[0].alt_depth, first[0].depth), (Some(10), Some(8), Some(20)));
    assert_eq!((second[1].ref_depth, second[1].alt_depth), (Some(0), Some(11)));
    assert_eq!(second[1].depth, Some(20), "DP is missing: the sum of AD");
    assert_eq!(second[1].genotype.as_deref(), Some("1|2"));
    assert_eq!(second[1].genotype_quality, Some(47.6));
}

#[test]
fn what_is_not_there_is_missing_and_not_zero() {
    let vcf = small();
    let mitochondrial = &vcf.variants[2].calls;
    assert_eq!((mitochondrial[0].ref_depth, mitochondrial[0].depth), (None, None));
    assert_eq!(mitochondrial[1].genotype.as_deref(), Some("."));
    let deletion = &vcf.variants[3].calls;
    assert_eq!((deletion[0].ref_depth, deletion[0].alt_depth, deletion[0].depth), (Some(1), None, None));
    assert!(deletion[0].other_depth_keys && !deletion[1].other_depth_keys);
    assert_eq!(deletion[1].depth, Some(5));
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let cut = SMALL.replace("\t0/1:10,8,1:20:99\t1|2:0,9,11:.:47.6", "\t0/1:10,8,1:20:99");
    assert_eq!(parse(cut.as_bytes()).unwrap_err().to_string(), "line 4: 10 columns where the header names 11");
    assert!(matches!(parse(&b"1\t2\t.\n"[..]), Err(ReadError::NoHeader { line: 1 })));
    assert!(matches!(parse(&b"\n"[..]), Err(ReadError::NotVcf)));
}

#[test]
fn a_faultless_program_has_no_differences() {
    let vcf = small();
    assert_eq!(compare(&vcf, &faultless(&vcf, &people()), &people(), ShownBy::Api), []);
}

#[test]
fn every_kind_of_mistake_is_found_and_named() {
    let vcf = small();
    let found = |change: &dyn Fn(&mut Vec<ShownVariant>)| {
        let mut shown = faultless(&vcf, &people());
        change(&mut shown);
        let differences = compare(&vcf, &shown, &people(), ShownBy::Page);
        differences.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let swapped = found(&|shown| {
        let (one, other) = (shown[0].samples[0].clone(), shown[0].samples[1].clone());
        shown[0].samples[0] = ShownCall { individual_id: one.individual_id, name: one.name, ..other.clone() };
        shown[0].samples[1] = ShownCall {
            individual_id: other.individual_id,
            name: other.name,
            ..faultless(&vcf, &people())[0].samples[0].clone()
        };
    });
    assert!(
        swapped.contains(&"page, variant 7_100_C_A (line 4), sample child, genotype: file 1|2, shown 0/1".to_owned())
    );
    assert_eq!(
        found(&|shown| shown[0].samples[1].alt_depth = Some(0)),
        ["page, variant 7_100_C_A (line 4), sample mother, reads with the alternative allele: file 8, shown 0"]
    );
    assert_eq!(
        found(&|shown| shown[2].samples[1].depth = Some(0)),
        ["page, variant MT_3243_A_G (line 5), sample mother, read depth: file nothing, shown 0"]
    );
    assert_eq!(
        found(&|shown| drop(shown.remove(3))),
        ["page, variant X_5_ATCT_A (line 6), variant: file X_5_ATCT_A, shown nothing"]
    );
    assert_eq!(
        found(&|shown| shown.push(shown[3].clone())),
        ["page, variant X_5_ATCT_A (line 6), variant: file once, shown 2 times"]
    );
    assert_eq!(
        found(&|shown| shown[1].consequence = Some("missense_variant".into())),
        ["page, variant 7_100_C_G (line 4), consequence: file synonymous_variant, shown missense_variant"]
    );
    assert_eq!(
        found(&|shown| shown[2].samples.reverse()),
        ["page, variant MT_3243_A_G (line 5), order of individuals: file child, mother, shown mother, child"]
    );
    assert_eq!(
        found(&|shown| shown[1].samples[0].name = "Mother".into()),
        ["page, variant 7_100_C_G (line 4), sample child, name: file Child, shown Mother"]
    );
    assert_eq!(found(&|shown| shown[1].samples[0].genotype_quality = None).len(), 1);
    let moved = found(&|shown| shown[2].position += 1);
    assert_eq!(moved.len(), 2, "one is absent, another should not be there: {moved:?}");
}

#[test]
fn depths_under_keys_of_other_callers_are_not_judged() {
    let vcf = small();
    let mut shown = faultless(&vcf, &people());
    shown[3].samples[1].alt_depth = Some(7);
    assert_eq!(compare(&vcf, &shown, &people(), ShownBy::Api), []);
}

#[test]
fn nobody_may_be_left_out_or_added() {
    let vcf = small();
    let mut shown_people = people();
    shown_people[0].individual_id = "stranger".into();
    let shown: Vec<ShownVariant> = Vec::new();
    let differences = compare(&vcf, &shown, &shown_people, ShownBy::Api);
    let who: Vec<_> =
        differences.iter().filter(|d| d.field == Field::Individuals).map(|d| d.sample.as_deref()).collect();
    assert_eq!(who, [Some("child"), Some("stranger")]);
}

#[test]
fn people_stand_affected_first_then_as_in_the_load_file() {
    let samples = [("f", "unaffected"), ("u", "unknown"), ("p", "affected"), ("m", "unaffected"), ("s", "affected")];
    assert_eq!(expected_order(&samples), ["p", "s", "f", "m", "u"]);
    assert_eq!(compare_order(&["child".into(), "mother".into()], &people(), ShownBy::Page), None);
    let difference = compare_order(&["mother".into(), "child".into()], &people(), ShownBy::Page).unwrap();
    assert_eq!(difference.to_string(), "page, order of individuals: file mother, child, shown child, mother");
}

#[test]
fn an_answer_of_the_api_is_read_by_its_promised_keys() {
    let answer = json!({
        "chromosome": "7", "position": 100, "reference": "C", "alternative": "A",
        "genes": [{"consequence": "intron_variant"}, {"consequence": "missense_variant"}, {"consequence": null}],
        "samples": [{"individual_id": "child", "name": "Child", "genotype": "1|2", "ref_depth": 0, "alt_depth": 9,
            "depth": null, "alt_fraction": 0.45, "genotype_quality": 47}],
    });
    let variant = ShownVariant::from_api(&answer).unwrap();
    assert_eq!(variant.consequence.as_deref(), Some("missense_variant"));
    assert_eq!((variant.samples[0].ref_depth, variant.samples[0].depth), (Some(0), None));
    let without = |path: &str, key: &str| {
        let mut answer = answer.clone();
        answer.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(key);
        ShownVariant::from_api(&answer).unwrap_err().to_string()
    };
    assert_eq!(
        without("/samples/0", "depth"),
        "API answer: `samples[0].depth` should be a whole number or null, found nothing"
    );
    assert_eq!(without("", "genes"), "API answer: `genes` should be a list, found nothing");
    let case = json!({"individuals": [{"individual_id": "child", "name": "Child", "sex": "male"}]});
    assert_eq!(ShownSample::all_from_api(&case).unwrap(), people()[..1]);
}

#[test]
fn the_report_says_what_was_compared_by_which_program() {
    let vcf = small();
    let mut report = Report::new("D1", "small.vcf", "00ff", &vcf);
    assert!(!report.passed(), "nothing compared is not a pass");
    let order = ["child".to_owned(), "mother".to_owned()];
    report.add(&vcf, &faultless(&vcf, &people()), &people(), &order, ShownBy::Api);
    assert!(report.passed());
    assert_eq!(
        report.to_text(),
        format!(
            "Validation of case D1\nlodestone {}\nsmall.vcf: BLAKE3 00ff\n3 records, 4 alternative alleles, 2 samples\n\
             API: 4 variants, 44 values compared, 0 differences\nPassed\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    report.add(&vcf, &[], &people(), &order, ShownBy::Page);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!((&json["passed"], &json["comparisons"][1]["shown_by"]), (&json!(false), &json!("page")));
    assert_eq!(json["comparisons"][1]["differences"].as_array().unwrap().len(), 4);
}

/// The folder of real files, or a note that it is absent; its absence fails only where CI promises it.
fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("LODESTONE_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no test data in {}", folder.display());
    eprintln!("skipped: no test data in {}; set LODESTONE_TEST_DATA", folder.display());
    None
}

#[test]
fn the_real_trio_is_read_in_full() {
    let Some(data) = test_data() else { return };
    let path = data.join("scout-demo/643594.clinical.vcf.gz");
    let vcf = read(&path).unwrap();
    assert_eq!((vcf.records, vcf.variants.len()), (680, 680));
    assert_eq!(vcf.samples, ["ADM1059A1", "ADM1059A2", "ADM1059A3"]);
    let pot1 = vcf.variants.iter().find(|variant| variant.simple_id() == "7_124491972_C_A").unwrap();
    assert_eq!(pot1.consequence.as_deref(), Some("missense_variant"));
    let genotypes: Vec<Option<&str>> = pot1.calls.iter().map(|call| call.genotype.as_deref()).collect();
    assert_eq!(genotypes, [Some("0/1"), Some("0/1"), Some("0/0")]);
    assert_eq!(digest(&path).unwrap().len(), 64);

    let people: Vec<ShownSample> =
        vcf.samples.iter().map(|id| ShownSample { individual_id: id.clone(), name: id.clone() }).collect();
    assert_eq!(compare(&vcf, &faultless(&vcf, &people), &people, ShownBy::Api), []);
}

/// The trio's pipeline wrote the most severe consequence of each gene itself: a third opinion.
#[test]
fn the_consequence_agrees_with_the_pipeline_s_own() {
    let Some(data) = test_data() else { return };
    let path = data.join("scout-demo/643594.clinical.vcf.gz");
    let vcf = read(&path).unwrap();
    let mut text = String::new();
    let mut file = flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap());
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    let (mut alike, mut unlike) = (0, Vec::new());
    for (line, variant) in text.lines().filter(|line| !line.starts_with('#')).zip(&vcf.variants) {
        let info = line.split('\t').nth(7).unwrap();
        let own = info.split(';').find_map(|part| part.strip_prefix("most_severe_consequence=")).unwrap();
        let terms = own.split(',').filter_map(|gene| gene.rsplit_once('|')).flat_map(|(_, terms)| terms.split('&'));
        let own = super::consequence::most_severe(terms);
        // Its table puts this term above those that say where in the transcript the variant lies; Ensembl's does not.
        if own == Some("non_coding_transcript_variant") {
            continue;
        }
        if own == variant.consequence.as_deref() { alike += 1 } else { unlike.push(variant.simple_id()) }
    }
    // At this one the pipeline names a term that no transcript in CSQ has.
    assert_eq!((alike, unlike), (457, vec!["5_478672_T_G".to_owned()]));
}

/// Files of samtools/hts-specs: sound ones are read, faulty ones are read or refused, never with a panic.
#[test]
fn the_specification_s_own_files_are_read() {
    let Some(data) = test_data() else { return };
    let mut sound = 0;
    for version in ["4.1", "4.2", "4.3"] {
        for entry in walk(&data.join("vcf-spec").join(version)) {
            let outcome = read(&entry);
            if entry.parent().is_some_and(|folder| folder.ends_with("passed")) {
                assert!(outcome.is_ok(), "{}: {outcome:?}", entry.display());
                sound += 1;
            }
        }
    }
    assert!(sound > 0);
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let vcfs = files.into_iter().filter(|path| path.to_string_lossy().contains(".vcf"));
    vcfs.chain(folders.iter().flat_map(|folder| walk(folder))).collect()
}
