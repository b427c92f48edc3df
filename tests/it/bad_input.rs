//! Bad input gets a sentence, exit code 1 and an unchanged database.

use std::process::Command;

use crate::support::{TestApp, vcf};

/// Runs the program itself; exit code and what it said.
fn program(app: &TestApp, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lodestone"))
        .arg("--config")
        .arg(app.config())
        .args(arguments)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("the program ends by itself"), said)
}

#[tokio::test]
async fn each_kind_of_bad_case_is_refused_and_nothing_is_stored() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let good = vcf::three_records();
    let write = |name: &str, text: &str| {
        let path = app.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let vcf = write("good.vcf", &vcf::trio_text(&good));
    let base = vcf::config("own", "F1", &vcf, "");
    let truncated = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(vcf::trio_text(&good).as_bytes()).unwrap();
        let mut bytes = encoder.finish().unwrap();
        bytes.truncate(bytes.len() - 20);
        let path = app.folder().join("cut.vcf.gz");
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let columns = write("columns.vcf", &format!("{}7\t9\t.\tA\tC\n", vcf::trio_text(&good)));
    let no_sample = write("sample.vcf", &vcf::trio_text(&good).replace("\tdad\tkid\tmum", "\tdad\tkid\tgran"));
    let html = write("page.vcf", "<!doctype html>\n<p>hello\n");
    let swap = |other: &std::path::Path| base.replace("good.vcf", other.file_name().unwrap().to_str().unwrap());
    let cases = [
        ("unknown institute", base.replace("owner: own", "owner: elsewhere"), "institute `elsewhere` does not exist"),
        ("unknown key", format!("{base}vcf_snp: x\n"), "vcf_snp: this key is not known"),
        ("missing file", base.replace("good.vcf", "absent.vcf"), "vcf_snv"),
        ("no samples", "owner: own\nfamily: F1\nhuman_genome_build: 37\n".to_owned(), "samples: no samples"),
        ("wrong parent", base.replace("father: dad", "father: bob"), "`bob` is not among the samples"),
        ("unknown collaborator", format!("{base}collaborators: [elsewhere]\n"), "collaborators: institute `elsewhere`"),
        ("cut file", swap(&truncated), "cut short"),
        ("missing columns", swap(&columns), "columns"),
        ("missing sample", swap(&no_sample), "no column for sample `mum`"),
        ("no VCF", swap(&html), "page.vcf"),
        ("not YAML", "owner: [".to_owned(), "line"),
    ];
    let before = app.snapshot().await;
    for (what, text, sentence) in cases {
        let path = write("case.yaml", &text);
        let (code, said) = program(&app, &["load", "case", path.to_str().unwrap()]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(sentence), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        // A number that no other load has may have been taken; nothing else.
        let after: Vec<_> = app.snapshot().await.into_iter().filter(|(name, _)| name != "load_reservations").collect();
        assert_eq!(after, before, "{what}");
    }
    let path = write("case.yaml", &base);
    assert_eq!(program(&app, &["load", "case", path.to_str().unwrap()]).0, 0, "and the good one loads");
    app.end().await;
}

#[tokio::test]
async fn panels_and_reference_are_checked_too() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let write = |name: &str, text: &str| {
        let path = app.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let panel = write("p.txt", "##panel_id=p1\n##version=1.0\n##institute=own\n#hgnc_id\tsymbol\n17284\tPOT1\n");
    let (code, said) = program(&app, &["load", "panel", &panel]);
    assert_eq!((code, said.contains("load reference")), (1, true), "{said}");
    std::fs::create_dir(app.folder().join("ref")).unwrap();
    let reference = app.folder().join("ref").display().to_string();
    let (code, said) = program(&app, &["load", "reference", &reference]);
    assert_eq!((code, said.contains("no file here")), (1, true), "{said}");
    write("ref/hgnc.txt", "hgnc_id\tsymbol\tname\tlocus_type\tstatus\nHGNC:17284\tPOT1\tx\tgene\tApproved\n");
    assert_eq!(program(&app, &["load", "reference", &reference]).0, 0);
    assert_eq!(program(&app, &["load", "panel", &panel]).0, 0);
    assert_eq!(program(&app, &["load", "panel", &panel]).0, 0, "the same again is no change");
    let unknown = write("u.txt", "##panel_id=p1\n##version=2.0\n##institute=own\n#hgnc_id\tsymbol\n5\tNOPE\n");
    let (code, said) = program(&app, &["load", "panel", &unknown]);
    assert_eq!((code, said.contains("NOPE (HGNC:5)")), (1, true), "{said}");
    app.end().await;
}

#[tokio::test]
async fn usage_errors_exit_with_2_and_settings_with_1() {
    let app = TestApp::start().await;
    assert_eq!(program(&app, &["frobnicate"]).0, 2);
    assert_eq!(program(&app, &["institute", "add", "Bad Id"]).0, 2);
    assert_eq!(program(&app, &["user", "add", "ann@lab.example", "--name", "A", "--role", "own:boss"]).0, 2);
    let output = Command::new(env!("CARGO_BIN_EXE_lodestone"))
        .args(["check"])
        .env("LODESTONE_SERVER__LISSTEN", "x")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lissten"));
    app.end().await;
}
