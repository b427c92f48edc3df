//! `make bench`: every budget of the design that applies, measured and printed beside its limit.
//!
//! Figures hold for the machine they were taken on; ratios are taken in one run. Nothing fails here: the table is read.

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, reason = "the benches use a part of what the tests use")]
mod support;

mod audit;
mod many_cases;
mod overload;
mod served;
mod session;
mod sign_in;
mod together;
mod working;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lodestone::auth::TokenScope;
use lodestone::cases::{Case, ListKind};
use lodestone::genome::GenomeBuild;
use lodestone::variants::columns::{Cutoffs, Evaluated, Filter, Overlay, clinical_preset, facets};
use lodestone::variants::{Category, ColumnStore, Variant};
use lodestone::vcf::{Limits, ReadOptions, VcfReader};
use served::Served;
use support::vcf::{config, csq, record, trio_text};
use support::{Browser, TestApp};

/// One line of the table.
struct Line {
    what: &'static str,
    budget: String,
    measured: String,
    kept: Option<bool>,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    // `cargo bench --bench budgets -- review` measures the pages of auditors alone; `pages`, `session`, `sign-in` and
    // `overload` likewise, `cases` the list of fifty thousand cases.
    let parts = ["pages", "cases", "session", "sign-in", "overload", "review"];
    let named: Vec<String> = std::env::args().filter(|argument| parts.contains(&argument.as_str())).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let lines = runtime.block_on(async {
        let mut lines = if wanted("pages") { measure().await } else { Vec::new() };
        if wanted("cases") {
            many_cases::run(&mut lines).await;
        }
        if wanted("session") {
            session::check(&mut lines).await;
        }
        if wanted("sign-in") {
            sign_in::known_and_unknown(&mut lines).await;
            sign_in::storm(&mut lines).await;
        }
        if wanted("overload") {
            overload::run(&mut lines).await;
        }
        if wanted("review") {
            audit::review(&mut lines).await;
        }
        lines
    });
    let mut table = String::from("\n| what | budget | measured | |\n|---|---|---|---|\n");
    for line in &lines {
        let mark = match line.kept {
            Some(true) => "kept",
            Some(false) => "NOT KEPT",
            None => "",
        };
        writeln!(table, "| {} | {} | {} | {mark} |", line.what, line.budget, line.measured)
            .expect("a text can be added to");
    }
    println!("{table}");
}

async fn measure() -> Vec<Line> {
    let mut lines = Vec::new();
    let folder = tempfile::tempdir().expect("a folder for files");
    lines.push(parsing(folder.path()));
    let app = TestApp::start().await;
    app.institute("own").await;
    step("loading one list of 10 000");
    let big = write_case(&app, "big", 10_000);
    let began = Instant::now();
    assert!(app.cli(&["load", "case", big.to_str().expect("a plain path")]).await);
    let load = began.elapsed();
    lines.push(against_bulk_insert(&app, load).await);
    step("loading 999 cases of 100");
    for number in 0..999 {
        let small = write_case(&app, &format!("s{number}"), 100);
        assert!(app.cli(&["load", "case", small.to_str().expect("a plain path")]).await);
    }
    let reader = app.signed_in(&["own:geneticist"]).await;
    pages(&app, &reader, &mut lines).await;
    working::run(&app, &reader, &mut lines).await;
    together::run(&app, &reader, &mut lines).await;
    lines.push(filtering(&app, folder.path()).await);
    step("loading 20 lists of 10 000");
    Box::pin(own_process(&app, &mut lines)).await;
    audit::on_the_way(&app, &mut lines).await;
    lines.push(audit::verification(&app));
    app.end().await;
    lines
}

fn step(what: &str) {
    eprintln!("{what} …");
    let _ = std::io::stderr().flush();
}

/// A trio's records with what a real file carries: several transcripts, scores, frequencies, models.
fn records(count: u32, family: &str) -> Vec<String> {
    (0..count)
        .map(|at| {
            let term = ["missense_variant", "intron_variant", "synonymous_variant", "stop_gained"][at as usize % 4];
            let transcripts = (1..5).fold(csq("A", term), |mut all, n| {
                write!(all, ",A|{term}|POT1|ENSG00000128513|Transcript|ENST0000035762{n}|protein_coding|11/19||ENST0000035762{n}.3:c.{at}G>T|ENSP00000350249.3:p.Gln{at}His|-1|HGNC:17284|")
                    .expect("a text can be added to");
                all
            });
            let info = format!(
                "{transcripts};RankScore={family}:{};RankResult=5|6;GeneticModels={family}:AD|AR_comp;CADD={};GNOMADAF=0.00{};Obs={};SPIDEX=-1.0{at}",
                at % 30,
                at % 40,
                at % 10,
                at % 7
            );
            let kid = ["0/1:24,15:39:99", "1/1:0,39:39:99", "0/0:30,0:30:99"][at as usize % 3];
            record("7", 1_000 + at * 7, ("C", "A"), &info, ["0/1:31,18:49:99", kid, "0/0:37,0:37:99"])
        })
        .collect()
}

fn write_case(app: &TestApp, name: &str, count: u32) -> PathBuf {
    let vcf = app.folder().join(format!("{name}.vcf"));
    std::fs::write(&vcf, trio_text(&records(count, name))).expect("a file can be written");
    let path = app.folder().join(format!("{name}.yaml"));
    std::fs::write(&path, config("own", name, &vcf, "")).expect("a file can be written");
    path
}

fn parsing(folder: &Path) -> Line {
    step("parsing");
    let real = support::shared_data("scout-demo/643594.clinical.vcf.gz");
    let (path, rounds, source) = if let Some(path) = real {
        (path, 40, "the real trio")
    } else {
        let path = folder.join("parse.vcf");
        std::fs::write(&path, trio_text(&records(20_000, "F1"))).expect("a file can be written");
        (path, 1, "a made trio")
    };
    let began = Instant::now();
    let mut count = 0_u32;
    for _ in 0..rounds {
        let options = ReadOptions {
            build: GenomeBuild::Grch37,
            family_keys: vec!["internal_id".into()],
            limits: Limits::default(),
        };
        let mut reader = VcfReader::open(&path, options).expect("the file is read");
        while reader.next_record().expect("the file is read").is_some() {
            count += 1;
        }
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    Line {
        what: "parsing alone, one core",
        budget: ">= 20 000 records/s".into(),
        measured: format!("{rate:.0} records/s ({source})"),
        kept: Some(rate >= 20_000.0),
    }
}

/// The same documents once more, by unordered batches of 1 000 into a collection with the same indexes.
async fn against_bulk_insert(app: &TestApp, load: Duration) -> Line {
    let documents = app.documents("variants", bson::doc! {}).await;
    let uri = std::env::var("LODESTONE_TEST_DATABASE").expect("the database is named");
    let client = mongodb::Client::with_uri_str(uri).await.expect("the database answers");
    #[expect(clippy::disallowed_methods, reason = "a bare insert is what is measured")]
    let bare = client.database(app.app.db.name()).collection::<bson::Document>("bare");
    let index = bson::doc! { "createIndexes": "bare", "indexes": [{ "name": "list", "key": { "case_id": 1, "category": 1, "list": 1, "revision": 1 } }] };
    client.database(app.app.db.name()).run_command(index).await.expect("an index is built");
    let began = Instant::now();
    for part in documents.chunks(1_000) {
        bare.insert_many(part).ordered(false).await.expect("documents are added");
    }
    let bulk = began.elapsed();
    bare.drop().await.expect("a collection is dropped");
    let case: Case = bson::deserialize_from_document(app.documents("cases", bson::doc! {}).await.remove(0))
        .expect("a case is readable");
    let list = Duration::from_secs_f64(case.lists[0].report.seconds);
    let ratio = list.as_secs_f64() / bulk.as_secs_f64();
    Line {
        what: "load of 10 000 against bare bulk insert",
        budget: "<= 1.5 x".into(),
        measured: format!(
            "{ratio:.2} x ({list:.2?} against {bulk:.2?}; with opening, hashing and observations {load:.2?})"
        ),
        kept: Some(ratio <= 1.5),
    }
}

fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred times"
    )]
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times[at]
}

async fn timed(reader: &Browser, path: &str, rounds: usize) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        reader.page(path).await;
        times.push(began.elapsed());
    }
    (quantile(&mut times, 0.5), quantile(&mut times, 0.95))
}

async fn pages(app: &TestApp, reader: &Browser, lines: &mut Vec<Line>) {
    step("pages");
    let began = Instant::now();
    let text = reader.page("/own/big/variants").await;
    let first = began.elapsed();
    lines.push(Line {
        what: "list page, first visit",
        budget: "<= 150 ms".into(),
        measured: format!("{first:.1?}"),
        kept: Some(first <= Duration::from_millis(150)),
    });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(5));
    encoder.write_all(text.as_bytes()).expect("memory takes bytes");
    let wire = encoder.finish().expect("memory takes bytes").len();
    lines.push(Line {
        what: "list page on the wire, 50 rows",
        budget: "<= 40 KB".into(),
        measured: format!("{} bytes of {}", wire, text.len()),
        kept: Some(wire <= 40 * 1024),
    });
    let (p50, p95) = timed(reader, "/own/big/variants", 200).await;
    lines.push(Line {
        what: "list page, 50 of 10 000 rows, 999 other cases, through loopback with audit",
        budget: "p50 <= 8 ms, p95 <= 15 ms".into(),
        measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
        kept: Some(p50 <= Duration::from_millis(8) && p95 <= Duration::from_millis(15)),
    });
    let preset: Vec<String> =
        clinical_preset(Vec::new(), 0.01).pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (p50, p95) = timed(reader, &format!("/own/big/variants?{}", preset.join("&")), 200).await;
    lines.push(Line {
        what: "the same under the clinical preset",
        budget: "p50 <= 8 ms, p95 <= 15 ms".into(),
        measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
        kept: Some(p50 <= Duration::from_millis(8) && p95 <= Duration::from_millis(15)),
    });
    let list = reader.json("/api/v1/own/big/variants?per_page=1").await;
    let variant = format!("/own/big/variants/{}", list["variants"][0]["id"].as_str().expect("an id"));
    for (what, path) in
        [("variant page", variant.as_str()), ("case page", "/own/big"), ("cases of the institute (1 000)", "/own")]
    {
        let (p50, p95) = timed(reader, path, 100).await;
        lines.push(Line {
            what,
            budget: "p95 <= 15 ms".into(),
            measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
            kept: Some(p95 <= Duration::from_millis(15)),
        });
    }
    for (what, path, budget) in
        [("list page", "/own/big/variants", 6), ("variant page", variant.as_str(), 8), ("case page", "/own/big", 8)]
    {
        let (_, commands) = app.commands_during(reader.page(path)).await;
        lines.push(Line {
            what,
            budget: format!("<= {budget} database round trips"),
            measured: commands.len().to_string(),
            kept: Some(commands.len() <= budget),
        });
    }
}

async fn filtering(app: &TestApp, folder: &Path) -> Line {
    step("filtering 100 000 variants");
    let document = app.documents("cases", bson::doc! {}).await.remove(0);
    let case: Case = bson::deserialize_from_document(document).expect("a case is readable");
    let path = folder.join("many.vcf");
    std::fs::write(&path, trio_text(&records(100_000, "F1"))).expect("a file can be written");
    let options = ReadOptions { build: GenomeBuild::Grch37, family_keys: vec!["F1".into()], limits: Limits::default() };
    let mut reader = VcfReader::open(&path, options).expect("the file is read");
    let mut builder = ColumnStore::builder(&case);
    while let Some(read) = reader.next_record().expect("the file is read") {
        for allele in read.alleles {
            builder.add(&Variant::from_allele(allele, &case, Category::Snv, ListKind::Clinical, 1, &[1, 2, 0]));
        }
    }
    let columns = builder.finish();
    let filter = Filter { affected_only: true, ..clinical_preset(Vec::new(), 0.01) };
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            let began = Instant::now();
            let evaluated = Evaluated::new(&columns, &filter, &Some(HashSet::from([17284])), &Overlay::new());
            let counted = facets(&columns, &filter, &evaluated, &Overlay::new(), &[], &Cutoffs::default(), 0.01);
            assert!(counted.len() > 10);
            began.elapsed()
        })
        .collect();
    let median = quantile(&mut times, 0.5);
    Line {
        what: "filter with all facet counts, 100 000 variants, one core",
        budget: "<= 20 ms".into(),
        measured: format!("{median:.1?} (columns of {} MB)", columns.bytes() / 1_000_000),
        kept: Some(median <= Duration::from_millis(20)),
    }
}

/// A server in a process of its own, which has loaded nothing: how soon it is ready, how much memory warm lists take.
async fn own_process(app: &TestApp, lines: &mut Vec<Line>) {
    for number in 0..20 {
        let path = write_case(app, &format!("m{number}"), 10_000);
        assert!(app.cli(&["load", "case", path.to_str().expect("a plain path")]).await);
    }
    let user = app.user(&["own:clinician"]).await;
    let own = "own".parse().expect("an institute's id");
    let clock = lodestone::clock::Clock::system();
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 1, clock.now()).await.expect("a token is made");
    let server = Served::start(app, &[]);
    let start = server.ready_after;
    lines.push(Line {
        what: "start, from nothing to ready, with 1 020 cases stored",
        budget: "<= 1 s".into(),
        measured: format!("{start:.0?}"),
        kept: Some(start <= Duration::from_secs(1)),
    });
    let client = reqwest::Client::new();
    let before = server.resident_mb();
    for number in 0..20 {
        let list = client.get(format!("{}/api/v1/own/m{number}/variants", server.origin)).bearer_auth(&token);
        assert!(list.send().await.expect("it answers").status().is_success());
    }
    let after = server.resident_mb();
    lines.push(Line {
        what: "memory with 20 warm lists of 10 000",
        budget: "<= 150 MB".into(),
        measured: format!("{after:.0} MB resident, {before:.0} MB before they were opened"),
        kept: Some(after <= 150.0),
    });
}
