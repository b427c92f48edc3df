//! Pages as their readers see them.

use scraper::{Html, Selector};

use crate::support::TestApp;

fn texts(html: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    html.select(&selector)
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn every_page_is_well_formed_and_has_one_heading() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    app.given_case("own", "F1").await;
    let browser = app.signed_in(&["own:clinician", "own:admin", "two:clinician", "system:admin"]).await;
    let member = app.user(&["own:clinician"]).await.id;
    let people = [format!("/admin/users/{member}"), format!("/own/members/{member}")];
    let list = browser.json("/api/v1/own/F1/variants").await;
    let variant = format!("/own/F1/variants/{}", list["variants"][0]["id"].as_str().unwrap());
    for path in [
        "/",
        "/own",
        "/own/settings",
        "/own/settings/addresses",
        "/admin/addresses",
        "/own/members",
        &people[0],
        &people[1],
        "/admin/users",
        "/account/roles",
        "/account/tokens",
        "/break-glass",
        "/own/F1",
        "/own/F1/sharing",
        "/own/F1/variants",
        &variant,
        "/login",
        "/own/absent",
    ] {
        let text = browser.get(path).await.text().await.unwrap();
        let html = Html::parse_document(&text);
        assert_eq!(html.errors, Vec::<String>::new(), "{path}");
        assert_eq!(texts(&html, "h1").len(), 1, "{path}");
        assert_eq!(texts(&html, "head > title").len(), 1, "{path}");
        assert!(!text.contains(" style="), "{path}: styles live in the sheet");
        for script in html.select(&Selector::parse("script").unwrap()) {
            assert!(script.attr("nonce").is_some() && script.attr("src").is_some(), "{path}");
        }
        for tag in ["script", "link", "img", "iframe", "use"] {
            for element in html.select(&Selector::parse(tag).unwrap()) {
                for attribute in ["src", "href"] {
                    let address = element.attr(attribute).unwrap_or_default();
                    assert!(!address.contains("//"), "{path} loads {address} from elsewhere");
                }
            }
        }
    }
    app.end().await;
}

/// Where the links of a variant's page may go.
const SITES: [&str; 14] = [
    "www.genenames.org",
    "search.clinicalgenome.org",
    "search.thegencc.org",
    "www.omim.org",
    "gnomad.broadinstitute.org",
    "gtexportal.org",
    "panelapp.genomicsengland.co.uk",
    "www.deciphergenomics.org",
    "pubmed.ncbi.nlm.nih.gov",
    "www.ncbi.nlm.nih.gov",
    "franklin.genoox.com",
    "varsome.com",
    "spliceailookup.broadinstitute.org",
    "genome.ucsc.edu",
];

/// N4, N5: what a file says is text, wherever it is shown. N13: it chooses no site that is linked to.
#[tokio::test]
async fn n4_n5_n13_hostile_text_in_files_stays_text() {
    use crate::support::vcf::{config, record, trio_text};
    let app = TestApp::start().await;
    app.institute("own").await;
    assert!(app.cli(&["institute", "set", "own", "--allow-links", "gnomad,franklin,varsome,spliceai,ucsc"]).await);
    let bad = "<script>alert(1)</script>\"'><img/src=x/onerror=alert(1)>//evil.example/../javascript:";
    let info = format!(
        "CSQ=A|missense_variant|{bad}|{bad}|Transcript|{bad}|{bad}|1/2||ENST1:c.1{bad}|ENSP1:p.{bad}|-1||YES;RankScore=F1:9"
    );
    let text = trio_text(&[record("7", 7, ("C", "A"), &info, ["0/1:1,1:2:9", "0/1:1,1:2:9", "0/1:1,1:2:9"])])
        .replace("\tPASS\t", "\t<b>bad</b>\t");
    let vcf = app.folder().join("bad.vcf");
    std::fs::write(&vcf, text).unwrap();
    let path = app.folder().join("bad.yaml");
    let yaml = config("own", "F1", &vcf, "synopsis: '<script>alert(2)</script>'\nlims_id: '<b>lims</b>'\n")
        .replace("sample_name: Kid", "sample_name: '<i>Kid</i>'");
    std::fs::write(&path, yaml).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let browser = app.signed_in(&["own:clinician"]).await;
    let list = browser.json("/api/v1/own/F1/variants").await;
    let variant = format!("/own/F1/variants/{}", list["variants"][0]["id"].as_str().unwrap());
    let page = Html::parse_document(&browser.page(&variant).await);
    let mut elsewhere = 0;
    for link in page.select(&Selector::parse("a[target]").unwrap()) {
        let address = link.attr("href").unwrap();
        let url = reqwest::Url::parse(address).unwrap();
        if url.host_str() == Some("localhost") {
            continue; // IGV on the reader's own machine
        }
        assert_eq!((url.scheme(), link.attr("rel")), ("https", Some("noopener noreferrer")), "{address}");
        assert!(SITES.contains(&url.host_str().unwrap()), "{address}");
        assert!(address.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'\\".contains(&b)), "{address}");
        elsewhere += 1;
    }
    assert!(elsewhere >= 11, "of the gene, and of the exact variant: {elsewhere}");
    for path in ["/own", "/own/F1", "/own/F1/variants", &variant] {
        let html = Html::parse_document(&browser.page(path).await);
        let own_scripts = html.select(&Selector::parse("script:not([src])").unwrap()).count();
        assert_eq!(own_scripts, 0, "{path}");
        for foreign in ["img:not([src^='/static/'])", "main b", "main i", "main script"] {
            assert_eq!(html.select(&Selector::parse(foreign).unwrap()).count(), 0, "{path}: {foreign}");
        }
        for element in html.select(&Selector::parse("*").unwrap()) {
            assert!(element.value().attrs().all(|(name, _)| !name.starts_with("on")), "{path}");
        }
    }
    app.end().await;
}

/// What a part of the score can be stands beside it; a model that cannot be read is named and keeps no list back.
#[tokio::test]
async fn the_parts_of_a_score_stand_within_the_model() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let model = "[Version]\nname = small\nversion = 2.0\n[Categories]\n[[consequence]]\ncategory_aggregation = max\n\
                 [most_severe]\ncategory = consequence\n[[not_reported]]\nscore = -5\n[[missense]]\nscore = 15\n";
    std::fs::write(app.folder().join("good.ini"), model).unwrap();
    std::fs::write(app.folder().join("bad.ini"), "[Categories]\nhello\n").unwrap();
    let records = crate::support::vcf::three_records();
    let browser = app.signed_in(&["own:clinician"]).await;
    for (name, place) in [("F1", "good.ini"), ("F2", "bad.ini"), ("F3", "https://models.example/m.ini")] {
        let more = format!("rank_model_version: '2.1'\nrank_model_url: {place}\n");
        let config = app.write_trio("own", name, &records, &more);
        assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await, "{name}");
        let list = browser.json(&format!("/api/v1/own/{name}/variants")).await;
        let page = browser.page(&format!("/own/{name}/variants/{}", list["variants"][0]["id"].as_str().unwrap())).await;
        let html = Html::parse_document(&page);
        let case = browser.json(&format!("/api/v1/own/{name}")).await;
        let rows = texts(&html, ".score-parts tbody tr");
        let hints = texts(&html, "section[aria-labelledby=score] .hint").join(" ");
        if name == "F1" {
            assert_eq!(rows, ["Consequence 5 -5 to 15", "Frequency 6 not known"]);
            assert!(
                hints.contains(
                    "Ranges of the rank model small version 2.0. The case says it was ranked with version 2.1"
                )
            );
            let bar = html.select(&Selector::parse(".score-parts rect.fill").unwrap()).next().unwrap();
            assert_eq!((bar.attr("x"), bar.attr("width")), (Some("25"), Some("25")));
            assert_eq!(case["rank_model"]["categories"][0]["greatest"], 15.0);
        } else {
            assert_eq!(rows, ["Consequence 5", "Frequency 6"]);
            let words = if name == "F2" { "bad.ini: the rank model cannot be read: line 2" } else { "never fetched" };
            assert!(hints.contains(words), "{hints}");
            assert!(browser.page(&format!("/own/{name}")).await.contains(words), "the load report names it too");
            assert!(case["rank_model"].is_null());
        }
    }
    app.end().await;
}

#[tokio::test]
async fn other_scores_and_archives_are_shown() {
    use crate::support::vcf::{csq, record};
    let app = TestApp::start().await;
    app.institute("own").await;
    let info = format!(
        "{};RankScore=F1:9;MivmirScore=0.93;MivmirExplanation=[CADD=0.1,GNOMADAF=-0.4,SPIDEX=0.2,];GicamScore=0.5;\
         Cancer_Somatic_Obs=7;Cancer_Somatic_Hom=0;Cancer_Somatic_Frq=0.02;SOMATICSCORE=41;MSK_MVL;HmtVar=77;\
         SpliceAI=A|POT1|0.00|0.03|0.91|0.10|2|-5|31|-28",
        csq("A", "intron_variant")
    );
    let genotypes = ["0/1:1,1:2:9", "0/1:1,1:2:9", "0/1:1,1:2:9"];
    let config = app.write_trio("own", "F1", &[record("7", 7, ("C", "A"), &info, genotypes)], "");
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    let browser = app.signed_in(&["own:clinician"]).await;
    let list = browser.json("/api/v1/own/F1/variants").await;
    assert_eq!(list["variants"][0]["scores"]["spliceai"], 0.91);
    let id = list["variants"][0]["id"].as_str().unwrap();
    let html = Html::parse_document(&browser.page(&format!("/own/F1/variants/{id}")).await);
    assert_eq!(texts(&html, ".explanation tbody tr"), ["GNOMADAF -0.4", "SPIDEX 0.2", "CADD 0.1"], "by size");
    let of = |section: &str| texts(&html, &format!("section[aria-labelledby={section}]")).join(" ");
    assert!(of("score").contains("Mivmir 0.93 Gicam 0.5"), "{}", of("score"));
    assert!(
        of("frequencies").contains("cancer archive, tumours 7 of these homozygous 0 fraction of that archive 0.02")
    );
    assert!(!of("frequencies").contains("normal samples"), "an archive that the file does not have is not shown");
    assert!(of("callers").contains("somatic score 41"));
    assert!(of("clinvar").contains("HmtVar 77 MSK managed variant list listed"));
    assert!(of("gene-1").contains("DG 0.91 at +31"), "{}", of("gene-1"));
    app.end().await;
}

/// N7, N8: templates write text as text. What is HTML already was made by the one module that cleans it, and nothing is written
/// into scripts.
#[test]
fn n7_n8_templates_trust_nothing_but_cleaned_markdown() {
    let mut trusted = Vec::new();
    let mut read = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            read += 1;
            let squeezed: String = text.split_whitespace().collect();
            for (at, _) in squeezed.match_indices("|safe") {
                let from = squeezed[..at].rfind("{{").unwrap();
                trusted.push(squeezed[from + 2..at].trim_start_matches('-').to_owned());
            }
            assert!(!squeezed.contains("|escape(") && !squeezed.contains("|e("), "{}", path.display());
            for script in squeezed.split("<script").skip(1) {
                let inside = script.split_once('>').unwrap().1;
                assert!(inside.starts_with("</script>"), "{}: scripts are files", path.display());
            }
            assert!(!squeezed.contains("<style"), "{}: styles are files", path.display());
        }
    }
    assert!(read > 60, "{read} templates");
    trusted.sort();
    trusted.dedup();
    // Each of these fields is filled by `comments::markdown::to_html`, which N6 looks at.
    assert_eq!(trusted, ["html", "mention.html", "synopsis", "text.html"]);
}

/// N9: exports keep commas, quotes and formulas as text.
#[tokio::test]
async fn exports_hold_the_filtered_list() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let csv = browser.page("/own/F1/variants.csv?consequence=missense_variant").await;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    let cell = |title: &str| rows[0].get(head.iter().position(|found| found == title).unwrap()).unwrap().to_owned();
    assert_eq!(
        (cell("Gene"), cell("Position"), cell("GT Kid"), cell("AD alternative Dad")),
        ("POT1".into(), "124491972".into(), "0/1".into(), "18".into())
    );
    let columns: Vec<&str> = head.iter().filter(|title| title.starts_with("GT ")).collect();
    assert_eq!(columns, ["GT Kid", "GT Mum", "GT Dad"]);
    let xlsx = browser.get("/own/F1/variants.xlsx").await;
    assert!(
        xlsx.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename=\"F1-variants.xlsx\"")
    );
    assert_eq!(&xlsx.bytes().await.unwrap()[..2], b"PK");
    app.end().await;
}

#[tokio::test]
async fn cases_are_found_by_any_of_their_names() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    app.given_case("own", "F2").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    for (query, found) in [
        ("", 2),
        ("q=f1", 1),
        ("q=Kid", 2),
        ("q=ki+f2", 1),
        ("q=nobody", 0),
        ("status=solved", 0),
        ("status=inactive", 2),
        ("assignee=me", 0),
        ("assignee=nobody", 2),
        ("assignee=", 2),
        ("q=.*", 0),
    ] {
        let html = Html::parse_document(&browser.page(&format!("/own?{query}")).await);
        assert_eq!(texts(&html, "tbody tr").len(), found, "{query}");
    }
    assert_eq!(browser.get("/own?status=new").await.status(), 422);
    app.end().await;
}

/// A load file may hand the case to somebody; the list is narrowed to one's own, a colleague's or nobody's.
#[tokio::test]
async fn cases_are_found_by_who_works_on_them() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    let ann = app.user(&["own:clinician"]).await;
    let admin = app.user(&["own:admin"]).await;
    for (name, assignee) in
        [("F1", ann.email.to_string()), ("F2", admin.email.to_string()), ("F3", "nobody@x.example".into())]
    {
        let vcf = app.folder().join(format!("{name}.vcf"));
        std::fs::write(&vcf, crate::support::vcf::trio_text(&[])).unwrap();
        let path = app.folder().join(format!("{name}.yaml"));
        let more = format!("assignee: {assignee}\n");
        std::fs::write(&path, crate::support::vcf::config("own", name, &vcf, &more)).unwrap();
        assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    }
    let own = app.browser_of(&ann).await;
    let colleague = app.signed_in(&["own:geneticist"]).await;
    let stranger = app.user(&["foreign:clinician"]).await;
    for (browser, query, cases) in [
        (&own, "assignee=me".to_owned(), vec!["F1"]),
        (&colleague, "assignee=me".to_owned(), vec![]),
        (&colleague, format!("assignee={}", ann.id), vec!["F1"]),
        (&colleague, "assignee=nobody".to_owned(), vec!["F2", "F3"]),
    ] {
        let html = Html::parse_document(&browser.page(&format!("/own?{query}")).await);
        let mut found = texts(&html, "tbody th");
        found.sort();
        assert_eq!(found, cases, "{query}");
    }
    let page = Html::parse_document(&own.page("/own?assignee=me").await);
    assert_eq!(texts(&page, "td[data-label=Assigned]"), ["Ann Example"]);
    assert_eq!(own.get(&format!("/own?assignee={}", stranger.id)).await.status(), 422, "no colleague");
    app.end().await;
}

/// An error is no dead end: it shows who is signed in, and lets them sign out.
#[tokio::test]
async fn error_pages_show_who_is_signed_in() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let user = app.user(&["own:clinician"]).await;
    let browser = app.browser_of(&user).await;
    for (path, status) in
        [("/own/absent", 404), ("/own/F1/variants?gnomad_af_max=7", 422), ("/a/b/c/d/e", 404), ("/own/settings", 404)]
    {
        let (answer, commands) = app.commands_during(browser.get(path)).await;
        assert_eq!(answer.status(), status, "{path}");
        let html = Html::parse_document(&answer.text().await.unwrap());
        assert_eq!(texts(&html, ".user"), ["Signed in as Ann Example"], "{path}");
        let token = Selector::parse("form[action='/logout'] input[name=csrf]").unwrap();
        assert!(!html.select(&token).next().unwrap().attr("value").unwrap().is_empty(), "{path}");
        let lookups = commands.iter().filter(|(_, collection)| collection == "sessions").count();
        assert_eq!(lookups, 1, "{path}: one request looks itself up once");
    }
    let refused = browser.post("/logout", &[("csrf", "wrong")]).await;
    assert_eq!(refused.status(), 403);
    let csrf = {
        let html = Html::parse_document(&refused.text().await.unwrap());
        let token = Selector::parse("form[action='/logout'] input[name=csrf]").unwrap();
        html.select(&token).next().unwrap().attr("value").unwrap().to_owned()
    };
    let stranger = Html::parse_document(&app.stranger().get("/a/b/c/d/e").await.text().await.unwrap());
    assert_eq!(texts(&stranger, ".user").len(), 0);

    let broken = bson::doc! { "$set": { "memberships": "not a list" } };
    assert_eq!(app.tamper("users", bson::doc! { "_id": user.id.as_str() }, broken).await, 1);
    let answer = browser.get("/own").await;
    assert_eq!(answer.status(), 500);
    let html = Html::parse_document(&answer.text().await.unwrap());
    assert_eq!(texts(&html, "h1"), ["Something went wrong"], "the page stands when nobody can be looked up");
    assert_eq!(texts(&html, ".user").len(), 0);
    let absent = browser.get("/a/b/c/d/e").await;
    assert_eq!(absent.status(), 404, "the failed look-up does not become the error");
    let mended = bson::doc! { "$set": { "memberships": [] } };
    assert_eq!(app.tamper("users", bson::doc! { "_id": user.id.as_str() }, mended).await, 1);
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status(), 303, "the form on the error page works");
    app.end().await;
}
