//! I9: a spy on the wire to the database. While people of every kind walk all pages, each command on a collection that holds
//! something of patients carries what they may reach: identities from an access value, or institutes of their scope.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document, doc};
use jiff::SignedDuration;
use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::users::User;
use mongodb::event::command::CommandEvent;
use reqwest::{Method, StatusCode};

use crate::support::{Browser, TestApp};
use rules::{COLLECTIONS, Places, Reach, Rule};

/// Columns are not kept in memory, so that everybody's visit reads them.
const NO_CACHE: &str = "[cache]\ncolumns_mb = 0\ndecisions_mb = 0\ncases_mb = 0";
/// A flag of an institute that nobody here audits, but the system's auditors.
const FOREIGN_FLAG: &str = "foreignflag";

/// What paths are filled with.
struct Filling<'a> {
    institute: &'a str,
    case: &'a str,
    variant: &'a str,
    entry: &'a str,
    user: &'a str,
    flag: &'a str,
}

impl Filling<'_> {
    fn path(&self, path: &str) -> String {
        path.replace("{institute}", self.institute)
            .replace("{case}", self.case)
            .replace("{id}", self.variant)
            .replace("{entry}", self.entry)
            .replace("{user}", self.user)
            .replace("{flag}", self.flag)
            .replace("{erasure}", crate::audit_removal::PLANTED)
            .replace("{filter}", crate::saved_filters::PLANTED)
            .replace("{view}", "none")
    }
}

/// Paths beside those of the route table: with questions that make other queries.
const QUESTIONS: [&str; 22] = [
    "/{institute}?q=f&status=inactive",
    "/{institute}?assignee=nobody",
    "/{institute}/{case}/variants?gene=POT1&clinvar_first=1&sort=position",
    "/{institute}/{case}/find?q=7:124491972",
    "/{institute}/{case}/find?q=11:1",
    "/{institute}/{case}/find?q=rs1",
    "/{institute}/{case}/find?q=POT1",
    "/{institute}/{case}/find?q=POT1:c.1G>T",
    "/{institute}/{case}/find?q=ENSP00000350249.3:p.Gln623His",
    "/api/v1/{institute}/{case}/find?q=POT1:c.1G>T",
    "/account/confirm?class=administration",
    "/audit?case={case}",
    "/audit?institute={institute}",
    "/audit?institute={institute}&case={case}&group=person",
    "/audit?person=Ann&group=day",
    "/audit?person=user1@lab.example",
    "/audit?person={user}",
    "/audit?outcome=never_ended",
    "/audit?asked=POT1",
    "/audit?live=1&after=2036-03-04T00:00:00Z",
    "/audit/export.ndjson?institute={institute}",
    "/audit/flags?institute={institute}&state=open",
];

/// What everybody walks over: own, other and foreign things, also mixed.
struct World {
    app: TestApp,
    variants: [String; 2],
    entries: [String; 2],
    users: [User; 2],
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start_with(NO_CACHE).await;
        for (institute, cases) in [("own", ["fam", "other"].as_slice()), ("foreign", &["secret"])] {
            app.institute(institute).await;
            for case in cases {
                app.given_case(institute, case).await;
            }
        }
        // As if people had decided something, which is read where there is anything only.
        app.tamper("cases", doc! {}, doc! { "$set": { "decisions_rev": 1_i64 } }).await;
        let mut variants = Vec::new();
        for (institute, case) in [("own", "fam"), ("foreign", "secret")] {
            let reader = app.signed_in(&[&format!("{institute}:clinician")]).await;
            let list = reader.json(&format!("/api/v1/{institute}/{case}/variants")).await;
            variants.push(list["variants"][0]["id"].as_str().unwrap().to_owned());
        }
        crate::access::shared_with_guest_and_no_longer_with_revoked(&app).await;
        crate::audit_flags::planted(&app, "own", None).await;
        crate::audit_removal::planted(&app, "own").await;
        crate::saved_filters::planted(&app).await;
        let mut flag = app.documents("audit_flags", doc! {}).await.remove(0);
        flag.extend(doc! { "_id": FOREIGN_FLAG, "institute": "foreign" });
        app.insert("audit_flags", &flag).await;
        let all = app.audit_entries().await;
        let entry = |institute: &str| {
            let of = |entry: &&Document| {
                entry.get_str("institute").is_ok_and(|of| of == institute) && entry.contains_key("request")
            };
            all.iter().rfind(of).unwrap().get_str("_id").unwrap().to_owned()
        };
        let (entries, variants) = ([entry("own"), entry("foreign")], variants.try_into().unwrap());
        let users = [app.user(&["own:clinician"]).await, app.user(&["foreign:clinician"]).await];
        Self { app, variants, entries, users }
    }

    /// All routes that read, with everything that is there in their places.
    fn paths(&self) -> BTreeSet<String> {
        let table = lodestone::app::routes();
        let read = table.table().iter().filter(|route| route.method == Method::GET && !route.path.contains('*'));
        let paths: Vec<&str> = read.map(|route| route.path).chain(QUESTIONS).collect();
        let [own_user, foreign_user] = &self.users;
        let of = |institute, case, variant: usize, foreign: bool| {
            let (user, flag) =
                if foreign { (foreign_user, FOREIGN_FLAG) } else { (own_user, crate::audit_flags::PLANTED) };
            let filling = Filling {
                institute,
                case,
                variant: &self.variants[variant],
                entry: &self.entries[usize::from(foreign)],
                user: user.id.as_str(),
                flag,
            };
            paths.iter().map(move |path| filling.path(path)).collect::<Vec<_>>()
        };
        let fillings = [
            of("own", "fam", 0, false),
            of("own", "fam", 1, true),
            of("own", "other", 0, true),
            of("foreign", "secret", 1, true),
            of("foreign", "fam", 0, false),
        ];
        fillings.into_iter().flatten().collect()
    }

    /// Somebody walks over everything; what is said on the wire meanwhile.
    async fn walk(&self, browser: &Browser, token: Option<&str>) -> Vec<CommandEvent> {
        let walk = async {
            for path in self.paths() {
                let answer = match token {
                    Some(token) => browser.with_token(&path, token).await,
                    None => browser.get(&path).await,
                };
                assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
                answer.bytes().await.unwrap(); // to its end
            }
        };
        self.app.wire_during(walk).await.1
    }

    /// What somebody of these roles may reach now. A script acts in the roles that read, and in no other.
    async fn reach(&self, user: &str, roles: &[&str]) -> Reach {
        let now = bson::DateTime::from_millis(self.app.clock.now().as_millisecond());
        let in_role = |wanted: &[&str]| -> BTreeSet<String> {
            let all = roles.iter().filter_map(|role| role.split_once(':'));
            all.filter(|(_, role)| wanted.contains(role)).map(|(place, _)| place.to_owned()).collect()
        };
        let places = |of: BTreeSet<String>| if of.contains("system") { Places::Everywhere } else { Places::Of(of) };
        let (reads, administers, audits) =
            (in_role(&["clinician", "geneticist"]), places(in_role(&["admin"])), places(in_role(&["auditor"])));
        let holds = |places: &Places, place: &str| match places {
            Places::Of(some) => some.contains(place),
            Places::Everywhere => true,
        };
        let (mut cases, mut history, mut administered) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for case in self.app.documents("cases", doc! {}).await {
            let (id, owner) = (case.get_str("_id").unwrap().to_owned(), case.get_str("institute").unwrap());
            let running = |name: &str, of: &dyn Fn(&Document) -> bool| {
                let all = case.get_array(name).into_iter().flatten().filter_map(Bson::as_document);
                all.into_iter()
                    .any(|one| *one.get_datetime("until").unwrap() > now && !one.contains_key("ended") && of(one))
            };
            let is_own = reads.contains(owner);
            let is_shared = running("shares", &|share| reads.contains(share.get_str("with").unwrap()));
            let is_mine =
                |emergency: &Document| emergency.get_document("by").unwrap().get_str("user").is_ok_and(|by| by == user);
            let is_open = holds(&administers, owner) && running("emergencies", &is_mine);
            if is_own || is_open {
                history.insert(id.clone());
            }
            if holds(&administers, owner) {
                administered.insert(id.clone());
            }
            if is_own || is_shared || is_open {
                let lists = case.get_array("lists").unwrap().iter().filter_map(Bson::as_document);
                let revision =
                    |list: &Document| list.get("revision").and_then(|n| n.as_i64().or(n.as_i32().map(i64::from)));
                cases.insert(id, lists.map(|list| revision(list).unwrap()).collect());
            }
        }
        let of_place = |document: &Document, places: &Places| {
            document.get_str("institute").is_ok_and(|institute| holds(places, institute))
        };
        let mut people = BTreeSet::new();
        for person in self.app.documents("users", doc! {}).await {
            let mut held = person.get_array("memberships").unwrap().iter().filter_map(Bson::as_document);
            if administers == Places::Everywhere || held.any(|held| of_place(held, &administers)) {
                people.insert(person.get_str("_id").unwrap().to_owned());
            }
        }
        let of_reader =
            |filter: &&Document| filter.get_str("institute").is_ok_and(|institute| reads.contains(institute));
        let filters = self.app.documents("filters", doc! {}).await;
        let filters = filters.iter().filter(of_reader).map(|one| one.get_str("_id").unwrap().to_owned()).collect();
        let mut reviewed = BTreeSet::new();
        for collection in ["audit_flags", "audit_openings", "audit_erasures"] {
            let all = self.app.documents(collection, doc! {}).await;
            let here = all.iter().filter(|one| of_place(one, &audits));
            reviewed.extend(here.map(|one| one.get_str("_id").unwrap().to_owned()));
        }
        let is_covered = |entry: &&Document| {
            of_place(entry, &audits) || entry.get_str("guest").is_ok_and(|guest| holds(&audits, guest))
        };
        let all = self.app.audit_entries().await;
        let requests = all.iter().filter(is_covered).map(|entry| entry.get_str("request_id").unwrap().to_owned());
        let hash = |seen: &Document| seen.get_binary_generic("_id").unwrap().clone();
        let observed = self.app.documents("observations", doc! {}).await;
        let elsewhere = observed.iter().filter(|seen| !reads.contains(seen.get_str("institute").unwrap()));
        let observed_elsewhere = elsewhere.map(hash).collect();
        let requests = requests.collect();
        Reach {
            user: user.to_owned(),
            now,
            reads,
            administers,
            audits,
            cases,
            history,
            administered,
            filters,
            people,
            observed_elsewhere,
            reviewed,
            requests,
        }
    }
}

/// Holds everything said to the rules; the collections that were read.
fn judged(reach: &Reach, who: &str, wire: &[CommandEvent]) -> BTreeSet<String> {
    let (mut cursors, mut read) = (BTreeSet::new(), BTreeSet::new());
    for event in wire {
        match event {
            CommandEvent::Started(sent) if sent.command_name == "getMore" => {
                let cursor = sent.command.get_i64("getMore").unwrap();
                assert!(cursors.contains(&cursor), "{who}: a cursor that was opened before: {}", sent.command);
            }
            CommandEvent::Started(sent) => {
                let name = sent.command_name.as_str();
                reach.judge(name, &sent.command).unwrap_or_else(|why| panic!("{who}: {why}"));
                if matches!(name, "find" | "aggregate" | "count" | "distinct") {
                    read.insert(sent.command.get_str(name).unwrap().to_owned());
                }
            }
            CommandEvent::Succeeded(answer) => {
                let cursor = answer.reply.get_document("cursor").and_then(|cursor| cursor.get_i64("id"));
                cursors.extend(cursor.ok().filter(|cursor| *cursor != 0));
            }
            _ => {}
        }
    }
    read
}

/// Whoever has one of these roles, or several, walks.
#[tokio::test(flavor = "multi_thread")]
async fn i9_no_command_reaches_beyond_who_asks() {
    let world = World::new().await;
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for roles in [
        ["own:clinician"].as_slice(),
        &["own:geneticist"],
        &["guest:clinician"],
        &["revoked:clinician"],
        &["own:geneticist", "guest:clinician"],
        &["own:researcher"],
        &["own:admin"],
        &["own:auditor"],
        &["guest:auditor"],
        &["own:auditor", "guest:auditor"],
        &["system:admin"],
        &["system:auditor"],
        &[],
    ] {
        let user = world.app.user(roles).await;
        let right = doc! { "user": user.id.as_str(), "name": "Ann Example", "category": "snv", "from": "2036-01-01" };
        world.app.tamper("institutes", doc! {}, doc! { "$push": { "sign_out": right } }).await;
        let browser = world.app.browser_of(&user).await;
        let wire = world.walk(&browser, None).await;
        let reach = world.reach(user.id.as_str(), roles).await;
        read.insert(roles.join(" "), judged(&reach, &format!("{roles:?}"), &wire));
    }
    for (institute, role) in [("own", "own:clinician"), ("guest", "guest:geneticist"), ("revoked", "revoked:clinician")]
    {
        let user = world.app.user(&[role, "foreign:clinician", "own:auditor", "system:admin"]).await;
        let (institute, now) = (institute.parse().unwrap(), world.app.clock.now());
        let token = world.app.app.tokens.create(&user.id, &institute, TokenScope::Read, 30, now).await.unwrap();
        let wire = world.walk(&world.app.stranger(), Some(&token)).await;
        let reach = world.reach(user.id.as_str(), &[role]).await;
        read.insert(format!("script of {role}"), judged(&reach, &format!("a script of {role}"), &wire));
    }
    let wire = world.walk(&world.app.stranger(), None).await;
    read.insert("stranger".into(), judged(&world.reach("nobody", &[]).await, "a stranger", &wire));

    // The walks led somewhere: to everything for those who may, to nothing of patients for those who may not.
    let of_patients = |rule: Rule| !matches!(rule, Rule::Open | Rule::Personal | Rule::Machine);
    let kinds: BTreeSet<&str> =
        COLLECTIONS.iter().filter(|(_, rule)| of_patients(*rule)).map(|(name, _)| *name).collect();
    let seen = |who: &str| -> BTreeSet<&str> {
        read[who].iter().map(String::as_str).filter(|name| kinds.contains(name)).collect()
    };
    let list = ["cases", "comments", "variant_columns", "variant_states", "variants"];
    for who in ["own:clinician", "own:geneticist", "script of own:clinician"] {
        let more = if who.starts_with("script") { ["observations"].as_slice() } else { &["observations", "events"] };
        assert!(list.iter().chain(more).all(|name| seen(who).contains(name)), "{who}: {:?}", read[who]);
    }
    for who in ["guest:clinician", "script of guest:geneticist"] {
        let (seen, more) = (seen(who), ["observations", "outbox"]); // of the guest's own institute
        assert!(list.iter().all(|name| seen.contains(name)), "{who}: {seen:?}");
        assert!(seen.iter().all(|name| list.contains(name) || more.contains(name)), "{who}: no history: {seen:?}");
    }
    for who in ["revoked:clinician", "script of revoked:clinician", "own:researcher"] {
        let mut seen = seen(who);
        for orders_of_own in ["variant_states", "outbox"] {
            seen.remove(orders_of_own);
        }
        assert_eq!(seen, BTreeSet::from(["cases", "comments"]), "{who} looks for cases and mentions, and finds none");
    }
    for who in ["own:auditor", "guest:auditor", "system:auditor"] {
        let reviewed = ["audit", "audit_erasures", "audit_flags", "audit_openings"];
        assert!(reviewed.iter().all(|name| seen(who).contains(name)), "{who}: {:?}", read[who]);
    }
    assert_eq!(seen("stranger"), BTreeSet::new());
    world.app.end().await;
}

/// As above while things are changed, and by whoever opened a case in an emergency.
#[tokio::test(flavor = "multi_thread")]
async fn i9_no_change_reaches_beyond_who_makes_it() {
    let world = World::new().await;
    let app = &world.app;
    let user = app.user(&["own:clinician"]).await;
    let owner = app.opened(&user, StepUpClass::BulkExport).await;
    let reach = world.reach(user.id.as_str(), &["own:clinician"]).await;
    let work = async {
        for (path, status) in [
            ("/own/other/sharing", StatusCode::SEE_OTHER),
            ("/own/nothing/sharing", StatusCode::NOT_FOUND),
            ("/foreign/secret/sharing", StatusCode::NOT_FOUND),
        ] {
            let form = crate::sharing::terms(&[("with", "guest")]);
            assert_eq!(crate::sharing::send(&owner, path, &form).await.status(), status, "{path}");
        }
        let lost = [("share", "none"), ("reason", "")];
        crate::sharing::send(&owner, "/foreign/secret/sharing/end", &lost).await;
        let comment = crate::comments::PLANTED;
        for case in ["/own/other", "/foreign/secret"] {
            let said = [("id", comment), ("text", "@user0, look")];
            crate::sharing::send(&owner, &format!("{case}/comments"), &said).await;
            let at = format!("{case}/comments/{comment}");
            crate::sharing::send(&owner, &format!("{at}/edit"), &[("text", "Of another patient."), ("rev", "1")]).await;
            crate::sharing::send(&owner, &format!("{at}/redact"), &[("reason", "another patient")]).await;
        }
        owner.get("/mentions").await;
        for (institute, case) in [("own", "other"), ("foreign", "secret")] {
            let keep = [("name", "Mine")];
            crate::sharing::send(&owner, &format!("/{institute}/{case}/filters?gene=POT1"), &keep).await;
            let used = [("filter", crate::saved_filters::PLANTED), ("version", "1"), ("revision", "1")];
            crate::sharing::send(&owner, &format!("/{institute}/{case}/filters/used"), &used).await;
            let at = format!("/{institute}/cases/filters/{}", crate::saved_filters::PLANTED);
            crate::sharing::send(&owner, &at, &[("locked", "0"), ("retired", "1"), ("rev", "1")]).await;
        }
    };
    judged(&reach, "an owner who shares", &app.wire_during(work).await.1);

    for role in ["own:admin", "system:admin"] {
        let user = app.user(&[role]).await;
        let admin = app.confirmed(&user).await;
        let reach = world.reach(user.id.as_str(), &[role]).await;
        let work = async {
            for (institute, case) in [("own", "fam"), ("own", "nothing"), ("foreign", "nothing")] {
                let form = [("institute", institute), ("case", case), ("reason", "the child is in intensive care")];
                crate::sharing::send(&admin, "/break-glass", &form).await;
            }
        };
        judged(&reach, "somebody who opens a case", &app.wire_during(work).await.1);
        let wire = world.walk(&admin, None).await;
        let open = world.reach(user.id.as_str(), &[role]).await;
        assert_eq!(open.cases.len(), 1, "{role}: {open:?}");
        let read = judged(&open, "an administrator in an emergency", &wire);
        assert!(["variants", "variant_columns", "events"].iter().all(|name| read.contains(*name)), "{read:?}");
        let ended = crate::sharing::send(&admin, "/own/fam/break-glass/end", &[]);
        judged(&open, "somebody who closes it", &app.wire_during(ended).await.1);
        let wire = world.walk(&admin, None).await;
        let closed = world.reach(user.id.as_str(), &[role]).await;
        assert!(closed.cases.is_empty());
        assert!(!judged(&closed, "an administrator after it", &wire).contains("variants"));
    }

    let user = app.user(&["own:auditor"]).await;
    let auditor = app.confirmed(&user).await;
    let work = async {
        for entry in &world.entries {
            let asked = [("reason", "a patient complained in writing")];
            crate::sharing::send(&auditor, &format!("/audit/entries/{entry}/opening"), &asked).await;
            auditor.get(&format!("/audit/entries/{entry}")).await;
        }
        for flag in [crate::audit_flags::PLANTED, FOREIGN_FLAG] {
            let review = [("decision", "fine"), ("note", "they were asked to look"), ("rev", "1")];
            crate::sharing::send(&auditor, &format!("/audit/flags/{flag}/review"), &review).await;
        }
        let redaction = format!("/audit/redactions/{}/agree", crate::comments::PLANTED);
        let agreed = crate::sharing::send(&auditor, &redaction, &[("rev", "3")]).await;
        assert_eq!(agreed.status(), StatusCode::SEE_OTHER);
        let erasure = crate::audit_removal::PLANTED;
        crate::sharing::send(&auditor, &format!("/audit/erasures/{erasure}/agree"), &[("rev", "1")]).await;
        for institute in ["own", "foreign"] {
            let form = [("institute", institute), ("case", "fam"), ("legal_basis", "a law and a decision")];
            crate::sharing::send(&auditor, "/audit/erasures", &form).await;
        }
        crate::sharing::send(&auditor, "/audit/views", &[("name", "mine"), ("query", "case=fam")]).await;
        crate::sharing::send(&auditor, "/audit/views/none/delete", &[]).await;
    };
    let wire = app.wire_during(work).await.1;
    let reach = world.reach(user.id.as_str(), &["own:auditor"]).await;
    assert!(judged(&reach, "an auditor who decides", &wire).contains("audit_openings"));

    // A form that meets an ended session is kept, and given back.
    let account = app.account(&["own:admin"]).await;
    let mut visitor = app.entered(&account).await;
    let csrf = visitor.csrf("/account").await;
    app.wait(SignedDuration::from_mins(31));
    let work = async {
        let refused = visitor.post_bare("/own/settings", &[("csrf", &csrf), ("name", "Own")]).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        visitor.give_passphrase(account.user.email.as_str(), crate::support::visitor::PASSPHRASE).await;
        visitor.give_code(&app.next_code(&account)).await;
        assert_eq!(visitor.get("/account/kept").await.status(), StatusCode::OK);
        visitor.post("/account", "/account/kept/discard", &[]).await;
    };
    let wire = app.wire_during(work).await.1;
    let reach = world.reach(account.user.id.as_str(), &["own:admin"]).await;
    assert!(judged(&reach, "the author of a form", &wire).contains("kept_forms"));
    world.app.end().await;
}

#[test]
fn every_collection_is_classified() {
    let there: Vec<&str> = lodestone::app::collections().into_iter().map(|(name, _)| name).collect();
    assert_eq!(COLLECTIONS.map(|(name, _)| name).as_slice(), there, "say in `rules.rs` what commands on it carry");
}

/// A clinician of `own`, where case `a` is; case `g` is shared with them.
fn clinician() -> Reach {
    let of = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    Reach {
        user: "ann".into(),
        now: bson::DateTime::from_millis(1_000),
        reads: of(&["own"]),
        administers: Places::Of(of(&[])),
        audits: Places::Of(of(&["own"])),
        cases: BTreeMap::from([("a".into(), BTreeSet::from([2])), ("g".into(), BTreeSet::from([1]))]),
        history: of(&["a"]),
        administered: of(&[]),
        filters: of(&["f"]),
        people: of(&[]),
        observed_elsewhere: BTreeSet::from([vec![7; 16]]),
        reviewed: of(&["flag"]),
        requests: of(&["request"]),
    }
}

fn binary(bytes: Vec<u8>) -> Bson {
    bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes }.into()
}

fn document_of_revision(revision: u32) -> Bson {
    binary([[3; 16].as_slice(), &revision.to_be_bytes()].concat())
}

/// A share with these institutes that runs after a moment.
fn share(with: &[&str], after: i64) -> Document {
    let runs = doc! { "with": { "$in": with }, "until": { "$gt": bson::DateTime::from_millis(after) }, "ended": { "$exists": false } };
    doc! { "shares": { "$elemMatch": runs } }
}

/// The spy can fail: commands that no store sends, each a leak.
#[test]
fn i9_commands_that_reach_too_far_are_refused() {
    let reach = clinician();
    let lookup = |what: Document| doc! { "aggregate": "cases", "pipeline": [{ "$match": { "institute": "own" } }, { "$lookup": what }] };
    let stage =
        |stage: Document| doc! { "aggregate": "cases", "pipeline": [{ "$match": { "institute": "own" } }, stage] };
    let find = |collection: &str, filter: Document| doc! { "find": collection, "filter": filter };
    let leaks = [
        // no filter, or one that admits others
        find("cases", doc! {}),
        doc! { "find": "cases" },
        find("cases", doc! { "name": "fam" }),
        find("cases", doc! { "institute": "foreign" }),
        find("cases", doc! { "institute": { "$in": ["own", "foreign"] } }),
        find("cases", doc! { "institute": { "$ne": "foreign" } }),
        find("cases", doc! { "institute": { "$regex": "o" } }),
        find("cases", doc! { "institute": Bson::Null }),
        find("cases", doc! { "$or": [{ "institute": "own" }, { "status": "active" }] }),
        find("cases", doc! { "$or": [] }),
        find("cases", doc! { "$nor": [{ "institute": "own" }] }),
        find("cases", doc! { "$expr": { "$eq": ["$institute", "own"] } }),
        find("cases", doc! { "institute": "own", "$where": "true" }),
        find("cases", doc! { "institute": "own", "name": { "$in": ["fam"], "$where": "x" } }),
        find("cases", doc! { "_id": "x" }),
        find("cases", doc! { "institute": "foreign", "name": "secret" }),
        // shares that are others', over, or may have ended
        find("cases", share(&["foreign"], 1_000)),
        find("cases", share(&["own"], 999)),
        find("cases", doc! { "shares.with": "own" }),
        find("cases", doc! { "shares": { "$elemMatch": { "with": "own", "until": { "$gt": reach.now } } } }),
        find(
            "cases",
            doc! { "emergencies": { "$elemMatch": { "by.user": "eve", "until": { "$gt": reach.now }, "ended": { "$exists": false } } } },
        ),
        // a variant by its identity alone, of another case, or of a revision that is not published
        find("variants", doc! { "_id": document_of_revision(2) }),
        find("variants", doc! { "_id": { "$in": [document_of_revision(2)] }, "case_id": "x" }),
        find("variants", doc! { "case_id": "a" }),
        find("variants", doc! { "case_id": "a", "revision": 1 }),
        find("variants", doc! { "case_id": "g", "_id": { "$in": [document_of_revision(1), document_of_revision(2)] } }),
        find("variants", doc! { "norm_key": "7-1-C-A" }),
        find("variant_columns", doc! { "case_id": { "$gte": "a" }, "revision": 2 }),
        find("variant_states", doc! { "_id": "v" }),
        find("variant_states", doc! { "institute": "own" }),
        find("variant_states", doc! { "awaits": "foreign" }),
        find("variant_states", doc! { "validates": "foreign" }),
        find("variant_states", doc! { "validates": { "$in": ["own", "foreign"] } }),
        find("variant_states", doc! { "awaits": true }),
        // another institute's filters
        find("filters", doc! { "_id": "f" }),
        find("filters", doc! { "institute": { "$in": ["own", "foreign"] } }),
        find("events", doc! { "subject": "filter/other" }),
        doc! { "insert": "filters", "documents": [{ "_id": "f", "institute": "foreign" }] },
        doc! { "insert": "events", "documents": [{ "subject": "filter/f", "institute": "foreign" }] },
        doc! { "count": "variant_states", "query": {} },
        doc! { "distinct": "variants", "key": "case_id" },
        doc! { "findAndModify": "variant_states", "query": { "_id": "v" }, "update": { "$set": { "pinned": true } } },
        // the history of a guest's case, of an institute, of a person
        find("events", doc! { "case_id": "g" }),
        find("events", doc! { "subject": "institute/own" }),
        find("events", doc! { "subject": "user/eve" }),
        find("events", doc! { "subject": { "$in": ["addresses/system"] } }),
        find("observations", doc! { "_id": { "$in": [binary(vec![7; 16])] } }),
        find("observations", doc! {}),
        find("observed_keys", doc! { "case_id": "a" }),
        // the trail
        find("audit", doc! { "kind": "outcome" }),
        find("audit", doc! { "request_id": "other" }),
        doc! { "find": "audit", "filter": {}, "projection": { "request_id": 1, "payload": 1 } },
        doc! { "find": "audit", "filter": {}, "projection": { "payload": 0 } },
        find("audit_flags", doc! { "$and": [{}, { "_id": "other" }] }),
        find("kept_forms", doc! { "user": "eve" }),
        // stages that read elsewhere
        lookup(doc! { "from": "variants", "as": "v" }),
        lookup(doc! { "from": "variants", "localField": "institute", "foreignField": "institute", "as": "v" }),
        lookup(doc! { "from": "variant_states", "localField": "name", "foreignField": "case_id", "as": "v" }),
        lookup(doc! { "from": "variants", "pipeline": [], "as": "v" }),
        lookup(doc! { "from": "cases", "pipeline": [{ "$match": { "name": "fam" } }], "as": "v" }),
        lookup(doc! { "from": "users", "pipeline": [{ "$unionWith": "cases" }], "as": "v" }),
        lookup(doc! { "from": "elsewhere", "as": "v" }),
        stage(doc! { "$unionWith": "cases" }),
        stage(doc! { "$unionWith": { "coll": "events", "pipeline": [{ "$limit": 1 }] } }),
        stage(doc! { "$facet": { "one": [{ "$lookup": { "from": "events", "as": "e" } }] } }),
        stage(doc! { "$graphLookup": { "from": "cases", "startWith": "$_id", "as": "v" } }),
        stage(doc! { "$out": "copy" }),
        doc! { "aggregate": "cases", "pipeline": [{ "$sort": { "_id": 1 } }, { "$match": { "institute": "own" } }] },
        doc! { "aggregate": "cases", "pipeline": [] },
        doc! { "aggregate": "users", "pipeline": [{ "$lookup": { "from": "cases", "localField": "a", "foreignField": "b", "as": "c" } }] },
        doc! { "aggregate": 1, "pipeline": [{ "$currentOp": {} }] },
        // changes
        doc! { "update": "cases", "updates": [{ "q": { "name": "fam" }, "u": { "$set": { "status": "solved" } } }] },
        doc! { "update": "cases", "updates": [{ "q": { "_id": "g", "rev": 1 }, "u": {} }] },
        doc! { "delete": "cases", "deletes": [{ "q": {}, "limit": 0 }] },
        doc! { "delete": "events", "deletes": [{ "q": { "case_id": "a" }, "limit": 0 }] },
        doc! { "update": "audit", "updates": [{ "q": { "institute": "own" }, "u": {} }] },
        doc! { "insert": "events", "documents": [{ "case_id": "g", "subject": "variant/v" }] },
        doc! { "insert": "cases", "documents": [{ "_id": "new", "institute": "own" }] },
        // what nobody classified
        find("images", doc! { "case_id": "a" }),
        doc! { "mapReduce": "cases", "query": { "institute": "own" } },
        doc! { "drop": "cases" },
    ];
    for command in leaks {
        let name = command.keys().next().unwrap().clone();
        assert!(reach.judge(&name, &command).is_err(), "this should be refused: {command}");
    }
}

/// And what stores send is understood.
#[test]
fn i9_commands_within_reach_are_understood() {
    let reach = clinician();
    let scope = doc! { "$or": [{ "institute": { "$in": ["own"] } }, share(&["own"], 1_000)] };
    let fine = [
        doc! { "find": "cases", "filter": { "institute": "own", "$and": [{ "search": { "$gte": "f" } }] } },
        doc! { "find": "cases", "filter": share(&["own"], 1_000) },
        doc! { "find": "cases", "filter": { "institute": { "$in": [] } } },
        doc! { "aggregate": "cases", "pipeline": [{ "$match": { "institute": "foreign", "name": "fam" } }, { "$match": scope }, { "$limit": 1 }] },
        doc! { "find": "variants", "filter": { "case_id": "a", "_id": { "$in": [document_of_revision(2)] } } },
        doc! { "find": "variants", "filter": { "case_id": "g", "revision": 1_i64 } },
        doc! { "find": "variant_states", "filter": { "case_id": "g" } },
        doc! { "find": "variant_states", "filter": { "awaits": { "$in": ["own"] } } },
        doc! { "find": "filters", "filter": { "_id": "f", "institute": "own" } },
        doc! { "find": "events", "filter": { "subject": "filter/f" } },
        doc! { "find": "events", "filter": { "case_id": "a" } },
        doc! { "find": "observations", "filter": { "_id": { "$in": [binary(vec![8; 16])] } } },
        doc! { "find": "audit", "filter": { "institute": "own", "kind": "outcome" } },
        doc! { "find": "audit", "filter": { "request_id": "request" } },
        doc! { "find": "audit", "filter": { "log_id": "l" }, "projection": { "recorded_at": 1 } },
        doc! { "find": "genes", "filter": {} },
        doc! { "aggregate": "sessions", "pipeline": [{ "$match": { "_id": "h" } }, { "$lookup": { "from": "users", "localField": "user", "foreignField": "_id", "as": "owner" } }] },
        doc! { "aggregate": "cases", "pipeline": [{ "$match": { "institute": "own" } }, { "$lookup": { "from": "variant_states", "localField": "_id", "foreignField": "case_id", "as": "s" } }] },
        doc! { "aggregate": "cases", "pipeline": [{ "$match": { "institute": "own" } }, { "$unionWith": { "coll": "events", "pipeline": [{ "$match": { "case_id": "a" } }] } }] },
        doc! { "update": "cases", "updates": [{ "q": { "_id": "a", "rev": 1_i64 }, "u": { "$inc": { "rev": 1 } } }] },
        doc! { "insert": "events", "documents": [{ "case_id": "a", "subject": "share/s" }] },
    ];
    for command in fine {
        let name = command.keys().next().unwrap().clone();
        assert_eq!(reach.judge(&name, &command), Ok(()), "{command}");
    }
}

/// Admins of the system may know how many cases each institute has, and nothing more of them; others not even that.
#[test]
fn i9_counts_of_institutes_are_for_admins_of_the_system() {
    let admin = Reach { administers: Places::Everywhere, ..clinician() };
    let count = |group: Document| doc! { "aggregate": "cases", "pipeline": [{ "$sort": { "institute": 1 } }, { "$group": group }] };
    let counts = count(doc! { "_id": "$institute", "n": { "$sum": 1 } });
    assert_eq!(admin.judge("aggregate", &counts), Ok(()));
    assert!(clinician().judge("aggregate", &counts).is_err());
    for more in [
        doc! { "_id": "$institute", "n": { "$sum": 1 }, "names": { "$push": "$name" } },
        doc! { "_id": "$name", "n": { "$sum": 1 } },
    ] {
        assert!(admin.judge("aggregate", &count(more)).is_err());
    }
}
