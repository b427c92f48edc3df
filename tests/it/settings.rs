//! Settings of an institute: who may, what they change, and that nobody's change is lost.

use lodestone::events::{Actor, Event, EventKind};
use lodestone::institutes::{Changed, Choices, change};
use lodestone::users::Authority;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::saved_filters::{PLANTED, planted};
use crate::support::ledger::fields_of_settings;
use crate::support::{Browser, TestApp};

/// The form's fields as the page shows them; `change` puts others in their place.
async fn form_of(browser: &Browser, change: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut form = fields_of_settings(&browser.page("/own/settings").await);
    for (name, _) in change {
        form.retain(|(known, _)| known != name);
    }
    form.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form
}

async fn send(browser: &Browser, form: &[(String, String)]) -> Response {
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post("/own/settings", &pairs).await
}

pub async fn save(browser: &Browser, change: &[(&str, &str)]) -> Response {
    let form = form_of(browser, change).await;
    send(browser, &form).await
}

async fn changes(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", bson::doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.kind == EventKind::InstituteChanged).collect()
}

#[tokio::test]
async fn a_changed_cut_off_counts_at_once() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let admin = app.signed_in(&["own:admin"]).await;
    let list = reader.page("/own/fam/variants").await;
    assert!(list.contains("gnomad_af_max=0.01") && !list.contains("gnomad_af_max=0.035"));
    let answer =
        save(&admin, &[("frequency_cutoff", " 0.035 "), ("cutoffs_cadd", "17.5 12"), ("name", "Our clinic")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/own/settings?saved=1");
    let list = reader.page("/own/fam/variants").await;
    assert!(!list.contains("gnomad_af_max=0.01") && list.contains("gnomad_af_max=0.035"));
    assert!(reader.page("/own/fam").await.contains("gnomad_af_max=0.035"), "the case page's way into the list");
    assert!(reader.page("/own").await.contains("Our clinic"));
    let facets = reader.json("/api/v1/own/fam/variants").await["facets"].clone();
    let values = |parameter: &str| -> Vec<String> {
        let choices = facets[parameter].as_array().unwrap();
        choices.iter().map(|choice| choice["value"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("cadd_min"), ["12", "17.5", "missing"]);
    assert!(values("gnomad_af_max").contains(&"0.035".to_owned()));
    assert_eq!(values("swegen_max"), ["0", "0.0001", "0.001", "0.005", "0.01", "0.05", "missing"]);
    let shown = admin.page("/own/settings?saved=1").await;
    assert!(shown.contains("value=\"12 17.5\"") && shown.contains("Saved."));
    assert!(shown.contains("Frequency of the clinical filter: 0.01 → 0.035"));
    app.end().await;
}

#[tokio::test]
async fn exact_links_open_where_the_institute_allows_them() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let admin = app.signed_in(&["own:admin"]).await;
    let list = reader.json("/api/v1/own/fam/variants").await;
    let variant = format!("/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap());
    let told = |page: &str| -> Vec<String> {
        let html = Html::parse_document(page);
        let links = Selector::parse("dl.links a").unwrap();
        let addresses = html.select(&links).map(|link| link.attr("href").unwrap().to_owned());
        addresses.filter(|address| address.contains("124491972")).collect()
    };
    assert_eq!(told(&reader.page(&variant).await), Vec::<String>::new());
    assert_eq!(save(&admin, &[("links", "gnomad"), ("links", "ucsc")]).await.status(), StatusCode::SEE_OTHER);
    let links = told(&reader.page(&variant).await);
    assert_eq!(
        links,
        [
            "https://gnomad.broadinstitute.org/variant/7-124491972-C-A?dataset=gnomad_r2_1",
            "https://genome.ucsc.edu/cgi-bin/hgTracks?db=hg19&position=chr7%3A124491972-124491972"
        ]
    );
    let form: Vec<(String, String)> =
        form_of(&admin, &[]).await.into_iter().filter(|(name, _)| name != "links").collect();
    assert_eq!(send(&admin, &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(told(&reader.page(&variant).await), Vec::<String>::new(), "no tick, no link");
    app.end().await;
}

#[tokio::test]
async fn a_wrong_form_comes_back_with_its_values() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.signed_in(&["own:admin"]).await;
    let answer = save(
        &admin,
        &[("name", "<b>Clinic</b>"), ("frequency_cutoff", "1%"), ("cutoffs_revel", "0,5"), ("links", "franklin")],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let text = answer.text().await.unwrap();
    let html = Html::parse_document(&text);
    assert_eq!(html.errors, Vec::<String>::new());
    let value = |name: &str| {
        let field = Selector::parse(&format!("form.settings input[name={name}]")).unwrap();
        html.select(&field).next().unwrap().attr("value").unwrap().to_owned()
    };
    assert_eq!((value("frequency_cutoff").as_str(), value("cutoffs_revel").as_str()), ("1%", "0,5"));
    assert_eq!(value("name"), "<b>Clinic</b>");
    let marked = Selector::parse("[aria-invalid=true]").unwrap();
    for field in html.select(&marked) {
        let described = field.attr("aria-describedby").unwrap().split(' ').next().unwrap();
        assert!(html.select(&Selector::parse(&format!("#{described}")).unwrap()).next().is_some());
    }
    assert_eq!(html.select(&marked).count(), 2);
    assert_eq!(html.select(&Selector::parse("input[value=franklin][checked]").unwrap()).count(), 1);
    assert_eq!(changes(&app).await.len(), 0);
    for foreign in [("role", "admin"), ("links", "elsewhere"), ("rev", "now")] {
        assert_eq!(save(&admin, &[foreign]).await.status(), StatusCode::BAD_REQUEST, "{foreign:?}");
    }
    assert_eq!(save(&admin, &[("csrf", "wrong")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(changes(&app).await.len(), 0);
    app.end().await;
}

#[tokio::test]
async fn of_two_admins_nobody_overwrites_the_other_unseen() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (one, other) = (app.signed_in(&["own:admin"]).await, app.signed_in(&["own:admin"]).await);
    let first = form_of(&one, &[("frequency_cutoff", "0.02")]).await;
    let second = form_of(&other, &[("frequency_cutoff", "0.05"), ("links", "ucsc")]).await;
    assert_eq!(send(&one, &first).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&one, &first).await.status(), StatusCode::SEE_OTHER, "sent twice, changed once");
    let answer = send(&other, &second).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let text = answer.text().await.unwrap();
    let html = Html::parse_document(&text);
    assert_eq!(html.errors, Vec::<String>::new());
    let told: Vec<String> = html
        .select(&Selector::parse("[role=alert] dd").unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(""))
        .collect();
    assert_eq!(told, ["Stored now: 0.02Yours: 0.05", "Stored now: noneYours: UCSC"]);
    let rev = html.select(&Selector::parse("input[name=rev]").unwrap()).next().unwrap();
    assert_eq!(rev.attr("value"), Some("2"), "saving again is a choice made in sight of what is stored");
    let second: Vec<(String, String)> = second
        .into_iter()
        .map(|(name, value)| if name == "rev" { (name, "2".to_owned()) } else { (name, value) })
        .collect();
    assert_eq!(send(&other, &second).await.status(), StatusCode::SEE_OTHER);
    let history = changes(&app).await;
    assert_eq!(history.iter().map(|event| event.rev).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(history[0].after, history[1].before);
    assert!(history.iter().all(|event| event.subject == "institute/own" && event.case_id.is_none()));
    assert_eq!(history[1].actor.name, "Ann Example");
    let stored = app.documents("institutes", bson::doc! {}).await;
    assert_eq!(history[1].after.as_document().unwrap().get("settings"), stored[0].get("settings"));
    app.end().await;
}

#[tokio::test]
async fn of_many_who_save_at_once_one_wins() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.signed_in(&["own:admin"]).await;
    let mut forms = Vec::new();
    for tenths in 1..=6 {
        forms.push(form_of(&admin, &[("frequency_cutoff", &format!("0.{tenths}"))]).await);
    }
    let answers = futures::future::join_all(forms.iter().map(|form| send(&admin, form))).await;
    let count = |status: StatusCode| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::SEE_OTHER), count(StatusCode::CONFLICT)), (1, 5));
    assert_eq!(changes(&app).await.len(), 1);
    app.end().await;
}

/// An earlier state is put back as a new change, by the revision that was shown; what is not on record cannot be.
#[tokio::test]
async fn an_earlier_state_is_put_back_as_a_new_change() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.signed_in(&["own:admin"]).await;
    for cutoff in ["0.02", "0.03"] {
        let form = form_of(&admin, &[("frequency_cutoff", cutoff)]).await;
        assert_eq!(send(&admin, &form).await.status(), StatusCode::SEE_OTHER);
    }
    let page = admin.page("/own/settings").await;
    assert_eq!(page.matches("Put back the state before this change").count(), 2);
    let csrf = admin.csrf("/own/settings").await;
    let put_back = async |rev: &str, to: &str| {
        admin.post("/own/settings/restore", &[("csrf", &csrf), ("rev", rev), ("to", to)]).await
    };
    assert_eq!(put_back("2", "1").await.status(), StatusCode::CONFLICT, "another change came between");
    assert_eq!(put_back("3", "0").await.status(), StatusCode::NOT_FOUND, "nothing is on record before the first");
    assert_eq!(put_back("3", "9").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(put_back("3", "1").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(put_back("3", "1").await.status(), StatusCode::SEE_OTHER, "twice is once");
    let history = changes(&app).await;
    assert_eq!(history.iter().map(|event| event.rev).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(history[2].after, history[0].before, "as it was at first");
    let clinician = app.signed_in(&["own:clinician"]).await;
    let csrf = clinician.csrf("/own").await;
    let form = [("csrf", csrf.as_str()), ("rev", "4"), ("to", "2")];
    assert_eq!(clinician.post("/own/settings/restore", &form).await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// What a clinic works from while the server is down: all cases that are to be read, and no other institute's.
#[tokio::test]
async fn a_worklist_holds_what_is_to_be_read() {
    let app = TestApp::start().await;
    for institute in ["own", "foreign"] {
        app.institute(institute).await;
    }
    for case in ["fam1", "fam2", "done"] {
        app.given_case("own", case).await;
    }
    app.given_case("foreign", "secret").await;
    app.tamper("cases", bson::doc! { "name": "done" }, bson::doc! { "$set": { "status": "archived" } }).await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    assert!(clinician.page("/own").await.contains("href=\"/own/cases/worklist\""));
    let headings = |page: &str| -> Vec<String> {
        let html = Html::parse_document(page);
        let names = Selector::parse(".worklist h2").unwrap();
        html.select(&names).map(|name| name.text().next().unwrap().trim().to_owned()).collect()
    };
    let page = clinician.page("/own/cases/worklist").await;
    let mut names = headings(&page);
    names.sort();
    assert_eq!(names, ["fam1", "fam2"]);
    assert!(page.contains("nobody") && page.contains("affected"), "{page}");
    assert_eq!(headings(&clinician.page("/own/cases/worklist?status=archived").await), ["done"]);
    assert_eq!(clinician.get("/own/cases/worklist?status=lost").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(clinician.get("/foreign/cases/worklist").await.status(), StatusCode::NOT_FOUND);
    let entries = app.audit_entries().await;
    assert!(entries.iter().any(|entry| entry.get_str("exported").is_ok_and(|format| format == "worklist")));
    app.end().await;
}

/// Neither reading its cases nor any right elsewhere lets somebody see or change an institute's settings.
#[tokio::test]
async fn only_the_institutes_own_admins_reach_its_settings() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    let admin = app.signed_in(&["own:admin"]).await;
    let form = form_of(&admin, &[("frequency_cutoff", "0.5")]).await;
    for role in [
        "own:clinician",
        "own:geneticist",
        "own:researcher",
        "own:auditor",
        "foreign:admin",
        "foreign:clinician",
        "system:admin",
        "system:auditor",
    ] {
        let browser = app.signed_in(&[role]).await;
        assert_eq!(browser.get("/own/settings").await.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(send(&browser, &form).await.status(), StatusCode::NOT_FOUND, "{role}");
    }
    assert_eq!(send(&app.stranger(), &form).await.status(), StatusCode::UNAUTHORIZED);
    let both = app.user(&["own:clinician", "own:admin"]).await;
    let token = app
        .app
        .tokens
        .create(&both.id, &"own".parse().unwrap(), lodestone::auth::TokenScope::Read, 1, app.clock.now())
        .await
        .unwrap();
    assert_eq!(app.stranger().with_token("/own/settings", &token).await.status(), StatusCode::NOT_FOUND, "a script");
    assert_eq!(changes(&app).await.len(), 0);
    let browser = app.browser_of(&both).await;
    assert!(browser.page("/own").await.contains("href=\"/own/settings\""), "the way there");
    assert!(admin.page("/").await.contains("href=\"/own/settings\""), "also for who reads no cases");
    let reader = app.signed_in(&["own:clinician"]).await;
    assert!(!reader.page("/own").await.contains("/own/settings"));
    let entries = app.audit_entries().await;
    let is = |document: &bson::Document, name: &str, value: &str| document.get_str(name).is_ok_and(|is| is == value);
    let refused = entries.iter().filter(|entry| {
        let route = entry.get_document("request").is_ok_and(|request| is(request, "route", "/{institute}/settings"));
        route && is(entry, "kind", "outcome") && is(entry, "outcome", "denied")
    });
    assert_eq!(refused.count(), 18);
    app.end().await;
}

/// I10: the agreement list is kept with its history, and names institutes that there are, other than one's own.
#[tokio::test]
async fn an_agreement_list_names_other_institutes() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("partner").await;
    let admin = app.signed_in(&["own:admin"]).await;
    for (wrong, words) in [
        ("partner nowhere", "there is no institute nowhere"),
        ("own", "leave own out"),
        ("../x", "is not an institute id"),
    ] {
        let answer = save(&admin, &[("share_with", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(words) && text.contains(&format!("value=\"{wrong}\"")), "{wrong}: {text}");
    }
    assert_eq!(changes(&app).await.len(), 0);
    assert_eq!(save(&admin, &[("share_with", " partner, ")]).await.status(), StatusCode::SEE_OTHER);
    let page = admin.page("/own/settings").await;
    assert!(
        page.contains("Institutes that cases may be shared with: none → partner") && page.contains("value=\"partner\"")
    );
    let history = changes(&app).await;
    assert_eq!(history.len(), 1);
    assert_eq!(
        history[0]
            .after
            .as_document()
            .unwrap()
            .get_document("settings")
            .unwrap()
            .get_array("share_with")
            .unwrap()
            .len(),
        1
    );
    let set = async |list: &str| app.cli(&["institute", "set", "own", "--share-with", list]).await;
    assert!(!set("partner,nowhere").await && !set("own").await);
    assert!(set("none").await && set("partner").await);
    let (_, listed, _) = app.program(&["institute", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["institutes"][0]["share_with"], serde_json::json!(["partner"]));
    assert_eq!(app.program(&["institute", "set", "own", "--share-with", "P"]).0, 2);
    app.end().await;
}

#[tokio::test]
async fn a_server_without_sign_in_is_configured_by_command() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let set = async |arguments: &[&str]| app.cli(&[&["institute", "set", "own"], arguments].concat()).await;
    assert!(set(&["--frequency-cutoff", "0.02", "--allow-links", "gnomad,ucsc", "--cutoffs", "cadd=12 22"]).await);
    assert!(set(&["--frequency-cutoff", "0.02"]).await, "so already");
    assert!(set(&["--allow-links", "none", "--name", "Our clinic"]).await);
    let (code, listed, _) = app.program(&["institute", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let own = &listed["institutes"][0];
    assert_eq!(code, 0);
    assert_eq!((&own["name"], &own["frequency_cutoff"]), (&"Our clinic".into(), &0.02.into()));
    assert_eq!(
        (&own["allowed_links"], &own["cutoffs"]["cadd"]),
        (&serde_json::json!([]), &serde_json::json!([12.0, 22.0]))
    );
    let history = changes(&app).await;
    assert_eq!(history.iter().map(|event| event.rev).collect::<Vec<_>>(), [2, 3]);
    assert!(history[0].actor.name.contains("command line") && history[0].actor.user.is_none());
    assert!(!app.cli(&["institute", "set", "nowhere", "--frequency-cutoff", "0.02"]).await);
    for wrong in [
        vec!["institute", "set", "own"],
        vec!["institute", "set", "own", "--frequency-cutoff", "2"],
        vec!["institute", "set", "own", "--frequency-cutoff", "0,01"],
        vec!["institute", "set", "own", "--allow-links", "everybody"],
        vec!["institute", "set", "own", "--cutoffs", "cadd=a"],
    ] {
        assert_eq!(app.program(&wrong).0, 2, "{wrong:?}");
    }
    app.end().await;
}

/// The right is looked at where the change is made too: who lost the role since the page began to save changes nothing.
#[tokio::test]
async fn an_admin_who_lost_the_role_meanwhile_changes_nothing() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let own = "own".parse().unwrap();
    let institute = app.app.institutes.find(&own).await.unwrap().unwrap();
    let wanted = Choices { name: "Another name".into(), ..institute.choices() };
    for (role, stored) in [("own:clinician", false), ("own:admin", true)] {
        let user = app.user(&[role]).await;
        let actor = Actor { user: Some(user.id.clone()), name: user.name.clone() };
        let by = Authority::Institute(&user.id, &own);
        let before = app.snapshot().await;
        let changed = change(&app.app, &institute, institute.rev, &wanted, by, &actor).await.unwrap();
        assert_eq!(matches!(changed, Changed::Stored(_)), stored, "{role}: {changed:?}");
        assert_eq!(changed == Changed::NotAllowed, !stored, "{role}: {changed:?}");
        assert_eq!(app.snapshot().await == before, !stored, "{role}");
    }
    app.end().await;
}

/// An administrator makes a version of a saved filter the clinical one; it stays so until they choose another.
#[tokio::test]
async fn a_saved_filter_becomes_the_clinical_one() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    planted(&app).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let admin = app.signed_in(&["own:admin"]).await;
    let button = async |path: &str| {
        let page = Html::parse_document(&reader.page(path).await);
        let button = page.select(&Selector::parse("a[data-key=clinical]").unwrap()).next().unwrap();
        button.attr("href").unwrap().to_owned()
    };
    let built_in = button("/own/fam").await;
    assert!(built_in.contains("clinvar_first=1"));
    let first = format!("{PLANTED}/1");
    for wrong in ["other", &format!("{PLANTED}/2")] {
        let answer = save(&admin, &[("clinical_snv", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(answer.text().await.unwrap().contains("no saved filter of the institute as it stands now"));
    }
    assert_eq!(button("/own/fam").await, built_in);
    assert_eq!(save(&admin, &[("clinical_snv", &first)]).await.status(), StatusCode::SEE_OTHER);
    for path in ["/own/fam", "/own/fam/variants"] {
        assert_eq!(button(path).await, "/own/fam/variants?gene=POT1", "{path}");
    }
    let told = reader.page("/own/cases/filters").await;
    assert!(told.contains("Planted, version 1") && told.contains("gene in POT1"));
    // A newer version, and one that is taken out of use, change nothing before somebody chooses.
    let newer = bson::doc! { "$set": { "query": "gene=CFTR", "version": 2_i64, "retired": true } };
    app.tamper("filters", bson::doc! { "_id": PLANTED }, newer).await;
    app.tamper("institutes", bson::doc! { "_id": "own" }, bson::doc! { "$inc": { "filters_rev": 1_i64 } }).await;
    assert_eq!(button("/own/fam").await, "/own/fam/variants?gene=POT1");
    assert_eq!(save(&admin, &[("name", "Our clinic")]).await.status(), StatusCode::SEE_OTHER, "it may stay");
    assert_eq!(button("/own/fam").await, "/own/fam/variants?gene=POT1");

    let mut settings = admin.json("/api/v1/own/settings").await;
    assert_eq!(settings["clinical_snv"], first.as_str());
    settings["clinical_snv"] = serde_json::Value::Null;
    assert_eq!(admin.ask("PUT", "/api/v1/own/settings", &settings).await.status(), StatusCode::OK);
    assert_eq!(button("/own/fam").await, built_in);
    let told = admin.page("/own/settings").await;
    let change = Html::parse_document(&told);
    let words: String = change.root_element().text().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Clinical filter of small variants"), "the history names it");
    app.end().await;
}
