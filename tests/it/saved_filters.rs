//! Filters that an institute keeps: names, versions, locks, and notes of their use in cases.

use bson::doc;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::sharing::{ready, send, share, texts};
use crate::support::{Browser, TestApp};

/// A filter of institute `own`.
pub const PLANTED: &str = "eeeeeeeeeeeeeeeeeeeeeeeeee";

/// Puts it there, as somebody else's.
pub async fn planted(app: &TestApp) {
    let owner = app.user(&["own:clinician"]).await;
    let now = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    let filter = doc! {
        "_id": PLANTED, "institute": "own", "category": "snv", "name": "Planted", "query": "gene=POT1", "version": 1_i64,
        "owner": owner.id.as_str(), "owner_name": "Ann Example", "locked": false, "retired": false, "at": now, "rev": 1_i64,
    };
    app.insert("filters", &filter).await;
    app.tamper("institutes", doc! { "_id": "own" }, doc! { "$inc": { "filters_rev": 1_i64 } }).await;
}

const LIST: &str = "/own/fam/variants";

async fn save(who: &Browser, query: &str, form: &[(&str, &str)]) -> Response {
    send(who, &format!("/own/fam/filters?{query}"), form).await
}

async fn stored(app: &TestApp) -> Vec<(String, i64, String)> {
    let all = app.documents("filters", doc! { "name": 1 }).await;
    let text = |one: &bson::Document, name: &str| one.get_str(name).unwrap().to_owned();
    all.iter().map(|one| (text(one, "name"), one.get_i64("version").unwrap(), text(one, "query"))).collect()
}

/// What is offered beside a list: names with their addresses.
async fn offered(who: &Browser, path: &str) -> Vec<(String, String)> {
    let page = Html::parse_document(&who.page(path).await);
    let links = Selector::parse(".saved-filters li a").unwrap();
    page.select(&links).map(|link| (link.text().collect(), link.attr("href").unwrap().to_owned())).collect()
}

/// A filter is kept with its panels' versions, offered in every case of the institute, and is a plain address.
#[tokio::test]
async fn a_filter_is_kept_under_a_name() {
    let (app, _, ann) = ready().await;
    let reference = app.folder().join("reference");
    std::fs::create_dir(&reference).unwrap();
    let genes = "hgnc_id\tsymbol\tname\tlocus_type\tstatus\nHGNC:17284\tPOT1\tx\tgene\tApproved\n";
    std::fs::write(reference.join("hgnc.txt"), genes).unwrap();
    assert!(app.cli(&["load", "reference", reference.to_str().unwrap()]).await);
    let panel = |version: &str| {
        let path = app.folder().join(format!("panel-{version}.txt"));
        let text = format!("##panel_id=TELO\n##institute=own\n##version={version}\n#hgnc_id\tsymbol\n17284\tPOT1\n");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    assert!(app.cli(&["load", "panel", &panel("1.0"), "--institute", "own"]).await);
    assert!(ann.page(LIST).await.contains("Your institute keeps no filter yet"));
    let saved = save(&ann, "panel=TELO&sort=position", &[("name", " Telomeres ")]).await;
    assert_eq!(saved.status(), StatusCode::SEE_OTHER, "{}", saved.text().await.unwrap());
    let address = saved.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(address, "/own/fam/variants?panel=TELO%401.0", "how a list is sorted is no part of its filter");
    assert_eq!(stored(&app).await, [("Telomeres".to_owned(), 1, "panel=TELO%401.0".to_owned())]);
    let ben = app.signed_in(&["own:geneticist"]).await;
    assert_eq!(offered(&ben, LIST).await, [("Telomeres".to_owned(), address.clone())]);
    let page = ben.page("/own/fam/variants?sort=position&panel=TELO").await;
    assert!(texts(&page, ".saved-filters .chosen").concat().contains("Telomeres, version 1"), "{page}");

    // A later version of the panel is another filter.
    assert!(app.cli(&["load", "panel", &panel("2.0"), "--institute", "own"]).await);
    let page = ben.page("/own/fam/variants?sort=position&panel=TELO").await;
    assert_eq!(texts(&page, ".saved-filters .chosen").len(), 0);
    assert!(texts(&ben.page(&address).await, ".saved-filters .chosen").concat().contains("Telomeres, version 1"));

    let both = save(&ann, "panel=TELO%401.0&panel=TELO", &[("name", "Both")]).await;
    assert_eq!(both.headers()["location"], "/own/fam/variants?panel=TELO%401.0&panel=TELO%402.0", "no version is lost");
    for (query, name) in [("gene=POT1", ""), ("gene=POT1", "a\nb"), ("", "all"), ("gene=NOSUCHGENE", "none")] {
        assert_eq!(save(&ann, query, &[("name", name)]).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
    assert_eq!(save(&ann, "gnomad_af_max=7", &[("name", "x")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stored(&app).await.len(), 2);
    app.end().await;
}

/// A name that is there becomes a new version in sight of the old one; what is sent twice changes once; owners lock.
#[tokio::test]
async fn a_new_version_is_made_in_sight_of_the_old_one() {
    let (app, _, ann) = ready().await;
    let ben = app.signed_in(&["own:clinician"]).await;
    for _ in 0..2 {
        assert_eq!(save(&ann, "gene=POT1", &[("name", "Tumours")]).await.status(), StatusCode::SEE_OTHER);
    }
    let other = save(&ben, "gene=POT1&cadd_min=20", &[("name", "Tumours")]).await;
    assert_eq!(other.status(), StatusCode::CONFLICT);
    let page = other.text().await.unwrap();
    assert!(page.contains("Yours would become version 2") && page.contains("CADD ≥ 20"), "{page}");
    assert_eq!(save(&ben, "cadd_min=20", &[("name", "Tumours"), ("rev", "7")]).await.status(), StatusCode::CONFLICT);
    let agreed = save(&ben, "gene=POT1&cadd_min=20", &[("name", "Tumours"), ("rev", "1")]).await;
    assert_eq!(agreed.status(), StatusCode::SEE_OTHER);
    assert_eq!(stored(&app).await, [("Tumours".to_owned(), 2, "cadd_min=20&gene=POT1".to_owned())]);

    let id = app.documents("filters", doc! {}).await[0].get_str("_id").unwrap().to_owned();
    let at = format!("/own/cases/filters/{id}");
    let lock = |rev: &'static str| [("locked", "1"), ("retired", "0"), ("rev", rev)];
    assert_eq!(send(&ben, &at, &lock("2")).await.status(), StatusCode::FORBIDDEN, "it is Ann's");
    assert_eq!(send(&ann, &at, &lock("1")).await.status(), StatusCode::CONFLICT);
    assert_eq!(send(&ann, &at, &lock("2")).await.status(), StatusCode::SEE_OTHER);
    let locked = save(&ben, "gene=POT1&cadd_min=30", &[("name", "Tumours"), ("rev", "3")]).await;
    assert_eq!(locked.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(locked.text().await.unwrap().contains("choose another name"));
    let retire = [("locked", "1"), ("retired", "1"), ("rev", "3")];
    assert_eq!(send(&ben, &at, &retire).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&ann, &at, &retire).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(offered(&ben, LIST).await, []);
    let page = ben.page(&at).await;
    let changes = texts(&page, "[aria-labelledby=changes-head] li");
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert!(changes[0].contains("version 2, locked, out of use") && changes[3].contains("version 1"), "{changes:?}");
    assert!(ben.page("/own/cases/filters").await.contains("out of use"));
    app.end().await;
}

/// Whoever saves at once with others gets a version of their own or is told; none is lost.
#[tokio::test]
async fn many_who_save_at_once_lose_nothing() {
    let (app, _, ann) = ready().await;
    let ben = app.signed_in(&["own:clinician"]).await;
    let names: Vec<String> = (0..4).map(|number| format!("Filter {number}")).collect();
    let both = names.iter().flat_map(|name| [(&ann, name, "gene=POT1"), (&ben, name, "cadd_min=20")]);
    let answers = both.map(async |(who, name, query)| save(who, query, &[("name", name)]).await.status());
    let answers = futures::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 4, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 4, "{answers:?}");
    assert_eq!(stored(&app).await.len(), 4);
    assert_eq!(offered(&ann, LIST).await.len(), 4);
    app.end().await;
}

/// That a version was used stands in the case's history with what it hid; once for each version and list.
#[tokio::test]
async fn the_use_of_a_filter_is_noted_in_the_case() {
    use crate::support::vcf::{csq, record};
    let (app, _, ann) = ready().await;
    let pathogenic = format!("{};RankScore=F1:9;CLNSIG=Pathogenic;CLNACC=12", csq("A", "missense_variant"));
    let plain = format!("{};RankScore=F1:8", csq("A", "stop_gained"));
    let people = ["0/1:9,9:18:99", "0/1:9,9:18:99", "0/0:9,0:9:99"];
    let records = [
        record("7", 124_000_001, ("C", "A"), &pathogenic, people),
        record("7", 124_000_002, ("C", "A"), &plain, people),
    ];
    app.given_records("own", "two", &records).await;
    let saved = send(&ann, "/own/two/filters?consequence=stop_gained", &[("name", "Stops")]).await;
    assert_eq!(saved.status(), StatusCode::SEE_OTHER);
    let id = app.documents("filters", doc! {}).await[0].get_str("_id").unwrap().to_owned();
    let used = [("filter", id.as_str()), ("version", "1"), ("revision", "1")];
    for other in [("version", "2"), ("revision", "7")] {
        let form = used.map(|field| if field.0 == other.0 { other } else { field });
        let refused = send(&ann, "/own/two/filters/used", &form).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT, "not what was seen: {other:?}");
    }
    for _ in 0..2 {
        let noted = send(&ann, "/own/two/filters/used", &used).await;
        assert_eq!(noted.headers()["location"], "/own/two/variants?consequence=stop_gained");
    }
    let page = ann.page("/own/two/timeline?kind=filters").await;
    assert_eq!(texts(&page, ".timeline > li").len(), 1, "noted once: {page}");
    let told = ann.json("/api/v1/own/two/timeline?kind=filters").await;
    assert_eq!((told["events"].as_array().unwrap().len(), told["next"].is_null()), (1, true), "{told}");
    let event = &told["events"][0];
    assert_eq!((event["kind"].as_str(), event["who"].as_str()), (Some("filter_used"), Some("Ann Example")));
    assert_eq!(event["facts"][0], serde_json::json!({ "what": "filter", "before": null, "after": "Stops, version 1" }));
    let kept = ann.json("/api/v1/own/cases/filters").await;
    let one = &kept["filters"][0];
    assert_eq!((one["name"].as_str(), one["version"].as_i64()), (Some("Stops"), Some(1)), "{kept}");
    assert_eq!(
        (one["query"].as_str(), one["words"][0].as_str()),
        (Some("consequence=stop_gained"), Some("stop gained"))
    );
    let ben = app.signed_in(&["own:clinician"]).await;
    send(&ben, "/own/two/filters/used", &used).await;
    let of_both = ben.page("/own/two/timeline?kind=filters").await;
    assert_eq!(texts(&of_both, ".timeline > li").len(), 2, "each person's use is noted");
    let facts = texts(&page, ".timeline dd");
    assert!(facts.iter().any(|fact| fact.contains("Stops, version 1")), "{facts:?}");
    assert!(facts.iter().any(|fact| fact.contains("1 of 2")), "{facts:?}");
    assert!(facts.iter().any(|fact| fact.contains("7_124000001_C_A")), "what it hid: {facts:?}");
    app.end().await;
}

/// Of another institute's filters nothing is seen, also in a case that is shared.
#[tokio::test]
async fn filters_stay_in_their_institute() {
    let (app, _, ann) = ready().await;
    share(&ann, &[]).await;
    save(&ann, "gene=POT1", &[("name", "Ours alone")]).await;
    let id = app.documents("filters", doc! {}).await[0].get_str("_id").unwrap().to_owned();
    let guest = app.signed_in(&["partner:clinician"]).await;
    let page = guest.page("/own/fam/variants?gene=POT1").await;
    assert!(!page.contains("Ours alone") && !page.contains("Saved filters"));
    assert_eq!(send(&guest, "/own/fam/filters?gene=POT1", &[("name", "x")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(guest.get(&format!("/own/cases/filters/{id}")).await.status(), StatusCode::NOT_FOUND);
    let foreign = format!("/partner/cases/filters/{id}");
    assert_eq!(guest.get(&foreign).await.status(), StatusCode::NOT_FOUND, "I3: under one's own institute");
    let marks = [("locked", "1"), ("retired", "0"), ("rev", "1")];
    assert_eq!(send(&guest, &foreign, &marks).await.status(), StatusCode::NOT_FOUND);
    app.given_case("partner", "theirs").await;
    let used =
        send(&guest, "/partner/theirs/filters/used", &[("filter", &id), ("version", "1"), ("revision", "1")]).await;
    assert_eq!(used.status(), StatusCode::NOT_FOUND, "I3");
    assert!(!guest.page("/partner/cases/filters").await.contains("Ours alone"));
    app.end().await;
}

/// By the API the same rules hold: names, versions, locks; a token changes nothing.
#[tokio::test]
async fn filters_are_kept_by_api() {
    let (app, _, ann) = ready().await;
    let kim = app.signed_in(&["own:clinician"]).await;
    let save = async |who: &Browser, query: &str, body: serde_json::Value| {
        let answer = who.ask("POST", &format!("/api/v1/own/fam/filters?{query}"), &body).await;
        (answer.status(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let name = |rev: Option<i64>| serde_json::json!({ "name": "Rare", "rev": rev });
    let (status, saved) = save(&ann, "gnomad_af_max=0.01", name(None)).await;
    assert_eq!((status, &saved["version"], &saved["rev"]), (StatusCode::OK, &1.into(), &1.into()));
    assert_eq!(saved["query"], "gnomad_af_max=0.01");
    assert_eq!(save(&kim, "gnomad_af_max=0.01", name(None)).await, (StatusCode::OK, saved.clone()), "twice is once");
    let (status, refused) = save(&kim, "gnomad_af_max=0.02", name(None)).await;
    assert_eq!((status, &refused["rev"]), (StatusCode::CONFLICT, &1.into()));
    let (_, second) = save(&kim, "gnomad_af_max=0.02", name(Some(1))).await;
    assert_eq!((&second["version"], &second["rev"]), (&2.into(), &2.into()));
    for (query, body) in
        [("", name(None)), ("gnomad_af_max=7", name(None)), ("pinned=only", serde_json::json!({ "name": " " }))]
    {
        assert_eq!(save(&ann, query, body).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    let at = format!("/api/v1/own/cases/filters/{}", saved["id"].as_str().unwrap());
    let marks = |locked: bool, rev: i64| serde_json::json!({ "locked": locked, "retired": false, "rev": rev });
    assert_eq!(kim.ask("PUT", &at, &marks(true, 2)).await.status(), StatusCode::FORBIDDEN, "its owner's to lock");
    assert_eq!(ann.ask("PUT", &at, &marks(true, 1)).await.status(), StatusCode::CONFLICT);
    assert_eq!(ann.ask("PUT", &at, &marks(true, 2)).await.status(), StatusCode::OK);
    assert_eq!(save(&kim, "gnomad_af_max=0.03", name(Some(3))).await.0, StatusCode::UNPROCESSABLE_ENTITY, "locked");
    let user = app.user(&["own:clinician"]).await;
    let own = "own".parse().unwrap();
    let scope = lodestone::auth::TokenScope::Read;
    let token = app.app.tokens.create(&user.id, &own, scope, 1, app.clock.now()).await.unwrap();
    for (method, path) in [("PUT", at.as_str()), ("POST", "/api/v1/own/fam/filters?pinned=only")] {
        assert_eq!(
            app.stranger().json_with_token(method, path, &token).await.status(),
            StatusCode::FORBIDDEN,
            "{method}"
        );
    }
    assert_eq!(stored(&app).await, [("Rare".to_owned(), 2, "gnomad_af_max=0.02".to_owned())]);
    app.end().await;
}
