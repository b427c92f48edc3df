//! A reference sequence: indels in repeats are one variant wherever they are written, and what was stored before still
//! counts.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use scraper::{Html, Selector};

use crate::support::vcf::{csq, record};
use crate::support::{Browser, TestApp};

/// Chromosome 7 of GRCh37, a hole but for a repeat at 1001 to 1014 (`GGGCACACACAGGG`) and its last base.
fn chromosome_7(folder: &Path) -> PathBuf {
    let path = folder.join("grch37.fa");
    let mut file = File::create(&path).unwrap();
    file.write_all(b">7\n").unwrap();
    file.seek(SeekFrom::Start(3 + 1_000)).unwrap();
    file.write_all(b"GGGCACACACAGGG").unwrap();
    file.seek(SeekFrom::Start(3 + 159_138_662)).unwrap();
    file.write_all(b"N\n").unwrap();
    std::fs::write(folder.join("grch37.fa.fai"), "7\t159138663\t3\t159138663\t159138664\n").unwrap();
    path
}

fn configured(path: &Path) -> String {
    format!("[genome]\nreference_37 = '{}'\n", path.display())
}

/// The deletion of one CA, written at three places, and one record that the reference contradicts.
fn written(at: usize) -> Vec<String> {
    let (position, reference, alternative) = [(1_003, "GCA", "G"), (1_006, "CAC", "C"), (1_009, "ACA", "A")][at];
    let info = format!("{};RankScore=F1:9", csq("-", "frameshift_variant"));
    let carriers = ["0/0:9,0:9:9", "0/1:5,5:10:99", "1/1:0,9:9:9"];
    vec![
        record("7", position, (reference, alternative), &info, carriers),
        record("7", 1_012, ("T", "C"), "RankScore=F1:1", carriers),
    ]
}

/// What the page says about the case's deletion: cases, and homozygous ones.
async fn seen(browser: &Browser, case: &str) -> (String, String) {
    let list = browser.json(&format!("/api/v1/own/{case}/variants")).await;
    let id = list["variants"][0]["id"].as_str().unwrap();
    let html = Html::parse_document(&browser.page(&format!("/own/{case}/variants/{id}")).await);
    let value = |title: &str| {
        let rows = Selector::parse("tr").unwrap();
        let row = html.select(&rows).rfind(|row| row.text().any(|text| text.starts_with(title))).unwrap();
        row.select(&Selector::parse("td").unwrap()).next().unwrap().text().collect()
    };
    (value("cases of your institute"), value("of these homozygous"))
}

async fn key(browser: &Browser, case: &str) -> String {
    let list = browser.json(&format!("/api/v1/own/{case}/variants")).await;
    list["variants"][0]["norm_key"].as_str().unwrap().to_owned()
}

fn all(count: u32) -> (String, String) {
    (count.to_string(), count.to_string())
}

#[tokio::test]
async fn a_reference_set_later_loses_no_match_and_gains_those_in_repeats() {
    let folder = tempfile::tempdir().unwrap();
    let genome = configured(&chromosome_7(folder.path()));
    let app = TestApp::start_with(&genome).await;
    let with = std::fs::read_to_string(app.config()).unwrap();
    let without = with.replace(&genome, "");
    app.institute("own").await;
    let reader = app.signed_in(&["own:clinician"]).await;

    std::fs::write(app.config(), &without).unwrap();
    let first = app.write_trio("own", "F1", &written(2), "");
    let first = first.to_str().unwrap();
    assert!(app.cli(&["load", "case", first]).await);
    app.given_records("own", "F2", &written(0)).await;
    assert_eq!(key(&reader, "F1").await, "snv:37:7:1009:ACA:A", "without a reference: trimmed");

    std::fs::write(app.config(), &with).unwrap();
    app.given_records("own", "F3", &written(1)).await;
    app.given_records("own", "F4", &written(2)).await;
    for case in ["F2", "F3", "F4"] {
        assert_eq!(key(&reader, case).await, "snv:37:7:1003:GCA:G", "{case}");
    }
    assert_eq!(seen(&reader, "F1").await, all(4), "under its own key and the aligned one");
    assert_eq!(seen(&reader, "F4").await, all(4), "as written it still matches the older case");
    assert_eq!(seen(&reader, "F2").await, all(3), "F1 is written otherwise and was loaded before");

    let (code, said, noted) = app.program(&["load", "case", first]);
    assert_eq!(code, 0, "the same content is already loaded");
    assert!(said.contains("already loaded") && noted.contains("add --update"), "{noted}");
    let (_, said, _) = app.program(&["check"]);
    assert!(said.contains("ok     reference sequence of GRCh37: fits, but indels on 1, 2"), "{said}");
    assert!(said.contains("note   variant keys: 2 lists on GRCh37 were loaded without"), "{said}");

    for path in [first.to_owned(), first.replace("F1", "F2")] {
        let (code, said, _) = app.program(&["load", "case", &path, "--update"]);
        assert_eq!(code, 0);
        assert!(said.contains("1 record has a REF that is not what the reference sequence has there; kept"), "{said}");
    }
    for case in ["F1", "F2", "F3", "F4"] {
        assert_eq!(seen(&reader, case).await, all(4), "{case}: each case once");
    }
    let (code, _, noted) = app.program(&["load", "case", first]);
    assert_eq!((code, noted.contains("--update")), (0, false));
    assert!(!app.program(&["check"]).1.contains("variant keys"));
    let page = reader.page("/own/F1").await;
    assert!(page.contains("left-aligned alleles") && page.contains("1 record has a REF that is not"));
    let list = reader.json("/api/v1/own/F1/variants").await;
    assert_eq!(list["total"], 2, "the record that disagrees is kept");

    std::fs::write(app.config(), &without).unwrap();
    assert!(app.program(&["check"]).1.contains("4 lists on GRCh37 were loaded with a reference sequence"));
    assert!(app.cli(&["case", "delete", "F4"]).await);
    assert_eq!(seen(&reader, "F1").await, all(3));
    app.end().await;
}

#[tokio::test]
async fn a_reference_that_does_not_fit_stops_the_load_and_is_named_by_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grch37.fa");
    let app = TestApp::start_with(&configured(&path)).await;
    app.institute("own").await;
    let case = app.write_trio("own", "F1", &written(0), "");
    let load = || app.program(&["load", "case", case.to_str().unwrap()]);
    let check = || app.program(&["check"]).1;
    assert!(check().contains("wrong  reference sequence of GRCh37: ") && check().contains("there is no such file"));
    let (code, _, error) = load();
    assert!(code == 1 && error.contains("there is no such file"), "{error}");
    chromosome_7(folder.path());
    std::fs::remove_file(folder.path().join("grch37.fa.fai")).unwrap();
    assert!(check().contains("its index") && check().contains("samtools faidx"));
    std::fs::write(folder.path().join("grch37.fa.fai"), "7\t159345973\t3\t159345973\t159345974\n").unwrap();
    assert!(check().contains("is not GRCh37: contig 7 has 159345973 bases and not 159138663"), "{}", check());
    assert_eq!(load().0, 1);
    assert_eq!(app.documents("cases", bson::doc! {}).await.len(), 0);
    chromosome_7(folder.path());
    assert_eq!(load().0, 0);
    app.end().await;
}
