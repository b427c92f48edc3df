//! What the demo's invented people did with its cases before the newcomer comes: the same requests that browsers send.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

use super::demo::{HANNA, address};
use crate::app::{self, AppState};
use crate::auth::cookie_header;
use crate::cases::Case;
use crate::ids::CommentId;
use crate::web::filters;

/// One thing that somebody did.
struct Deed {
    who: &'static str,
    case: &'static str,
    what: What,
}

enum What {
    /// The case is handed to somebody.
    Assign(&'static str),
    Status(&'static str),
    Tag(&'static str),
    Synopsis(&'static str),
    Say(&'static str),
    /// About the variant at a place: an action and its fields.
    About(&'static str, &'static str, &'static [(&'static str, &'static str)]),
    /// A comment on the variant at a place.
    SayOf(&'static str, &'static str),
    /// An individual of the family says this to being told of secondary findings.
    Consent(&'static str, &'static str),
    /// Everybody of the family says yes to research, and its lists are opened for a reason.
    Research(&'static str),
    /// The case is put in a group.
    Group(&'static str),
    /// Only these people read the case, for a reason.
    Restrict(&'static [&'static str], &'static str),
    /// A filter is kept under a name.
    Keep(&'static str, &'static str),
    /// All that pass a filter are put aside for a reason.
    Dismiss(&'static str, &'static str),
}

const fn deed(who: &'static str, case: &'static str, what: What) -> Deed {
    Deed { who, case, what }
}

const KIM: &str = "clinician";
const GITA: &str = "geneticist";

/// In their order. The first case is left to the newcomer.
const DEEDS: [Deed; 40] = [
    deed(GITA, "D24-002", What::Assign(GITA)),
    deed(
        GITA,
        "D24-002",
        What::Synopsis(
            "Boy of three years, **bronchiectasis** and pancreatic insufficiency; sweat chloride 96 mmol/l.",
        ),
    ),
    deed(GITA, "D24-002", What::About("7:117559590-117559590", "pin", &[("on", "1")])),
    deed(GITA, "D24-002", What::About("7:117587806-117587806", "pin", &[("on", "1")])),
    deed(
        GITA,
        "D24-002",
        What::SayOf(
            "7:117559590-117559590",
            "From the mother; the other one is from the father, so the two are in trans. @clinician, do you agree?",
        ),
    ),
    deed(KIM, "D24-002", What::SayOf("7:117559590-117559590", "Agreed, it fits the sweat test.")),
    deed(HANNA, "D24-002", What::About("7:117559590-117559590", "causative", &[("on", "1")])),
    deed(HANNA, "D24-002", What::About("7:117587806-117587806", "causative", &[("on", "1")])),
    deed(GITA, "D24-002", What::About("7:117559590-117559590", "second-reading", &[("agrees", "1")])),
    deed(GITA, "D24-002", What::About("7:117587806-117587806", "second-reading", &[("agrees", "1")])),
    deed(KIM, "D24-002", What::Tag("diagnostic")),
    deed(KIM, "D24-003", What::Assign(KIM)),
    deed(KIM, "D24-003", What::Assign(GITA)),
    deed(GITA, "D24-003", What::Synopsis("Parents are first cousins. Look into the **homozygous blocks** first.")),
    deed(
        GITA,
        "D24-003",
        What::Say("Three long blocks, 32 Mb together. @clinician, the lactate of the second sample would help."),
    ),
    deed(GITA, "D24-003", What::Keep("model=AR_hom&gnomad_af_max=0.01", "Rare and homozygous")),
    deed(GITA, "D24-003", What::Dismiss("consequence=synonymous_variant", "31")),
    deed(GITA, "D24-003", What::About("6:98875562-98875562", "pin", &[("on", "1")])),
    deed(HANNA, "D24-003", What::About("6:98875562-98875562", "causative", &[("on", "1")])),
    deed(GITA, "D24-003", What::About("6:98875562-98875562", "order", &[("on", "1")])),
    deed(KIM, "D24-003", What::Group("Mitochondrial 2024")),
    deed(KIM, "D24-004", What::Status("prioritized")),
    deed(KIM, "D24-004", What::Assign(KIM)),
    deed(KIM, "D24-004", What::Tag("incidental")),
    deed(KIM, "D24-004", What::Consent("-m", "yes")),
    deed(KIM, "D24-004", What::Consent("-f", "yes")),
    deed(KIM, "D24-004", What::Consent("-p", "yes_of_minor")),
    deed(
        KIM,
        "D24-004",
        What::Say(
            "Nothing in the panel explains the child. The mother asked about *BRCA2*; see her consent before anything is said.",
        ),
    ),
    deed(GITA, "D24-005", What::Assign(KIM)),
    deed(GITA, "D24-005", What::Group("Mitochondrial 2024")),
    deed(
        GITA,
        "D24-005",
        What::SayOf(
            "MT:3243-3243",
            "68 % in muscle, 31 % in blood, 8 % in the mother. @clinician, please look at the fractions, not at the genotype.",
        ),
    ),
    deed(GITA, "D24-005", What::About("MT:3243-3243", "rank", &[("rev", "0"), ("rank", "7")])),
    deed(GITA, "D22-117", What::Assign(GITA)),
    deed(GITA, "D22-117", What::Status("archived")),
    deed(GITA, "D22-117", What::Restrict(&[GITA, KIM], "the mother works in our laboratory")),
    deed(GITA, "D22-117", What::Research("unsolved with all genes of the panel; agreed with the family")),
    deed(GITA, "D22-117", What::Say("Unsolved in 2022. To be looked at again when the panel has new genes.")),
    deed(GITA, "D24-007", What::Assign(GITA)),
    deed(GITA, "D24-007", What::Tag("technical")),
    deed(GITA, "D24-007", What::Say("Blood may be clean in a mosaic; the skin sample is the one to read.")),
];

/// Does them in the cases that were loaded just now.
pub(super) async fn replay(app: &AppState, new: &[Case]) -> anyhow::Result<()> {
    let mut people = BTreeMap::new();
    for Deed { who, case, what } in DEEDS {
        let Some(case) = new.iter().find(|known| known.name.as_str() == case) else { continue };
        if !people.contains_key(who) {
            people.insert(who, Visitor::enter(app, who).await?);
        }
        let visitor = people.get(who).context("somebody who entered")?;
        let at = format!("/{}/{}", case.institute, case.name);
        what.done(app, visitor, &at).await.with_context(|| format!("what {who} did in {at}"))?;
    }
    for visitor in people.values() {
        visitor.post("/logout", &[]).await?;
    }
    Ok(())
}

impl What {
    async fn done(self, app: &AppState, visitor: &Visitor, case: &str) -> anyhow::Result<()> {
        let id = CommentId::random().to_string();
        match self {
            Self::Assign(who) => {
                let user = app.users.by_email(&address(who)?).await?.context("a person of the demo")?;
                visitor.post(&format!("{case}/assignees"), &[("user", user.id.as_str()), ("on", "1")]).await?;
            }
            Self::Status(status) => {
                let rev = visitor.hidden(case, "rev").await?;
                visitor.post(&format!("{case}/status"), &[("status", status), ("rev", &rev)]).await?;
            }
            Self::Tag(tag) => drop(visitor.post(&format!("{case}/tags"), &[("tag", tag), ("on", "1")]).await?),
            Self::Synopsis(text) => {
                let rev = visitor.hidden(case, "rev").await?;
                visitor.post(&format!("{case}/synopsis"), &[("text", text), ("rev", &rev)]).await?;
            }
            Self::Say(text) => {
                visitor.post(&format!("{case}/comments"), &[("id", &id), ("text", text)]).await?;
            }
            Self::SayOf(place, text) => {
                let variant = visitor.variant(case, place).await?;
                visitor.post(&format!("{variant}/comments"), &[("id", &id), ("text", text)]).await?;
            }
            Self::About(place, action, form) => {
                let variant = visitor.variant(case, place).await?;
                visitor.post(&format!("{variant}/{action}"), form).await?;
            }
            Self::Consent(member, answer) => {
                for individual in visitor.individuals(case, member).await? {
                    visitor.consent(app, case, &individual, ("secondary_findings", answer)).await?;
                }
            }
            Self::Research(reason) => {
                for individual in visitor.individuals(case, "").await? {
                    visitor.consent(app, case, &individual, ("research", "yes")).await?;
                }
                visitor.post(&format!("{case}/research"), &[("reason", reason), ("rev", "0")]).await?;
            }
            Self::Group(name) => drop(visitor.post(&format!("{case}/groups"), &[("name", name), ("on", "1")]).await?),
            Self::Restrict(people, reason) => {
                let mut form = vec![("rev", "0".to_owned()), ("reason", reason.to_owned())];
                for who in people {
                    let user = app.users.by_email(&address(who)?).await?.context("a person of the demo")?;
                    form.push(("person", user.id.to_string()));
                }
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
                visitor.post(&format!("{case}/restriction"), &form).await?;
            }
            Self::Keep(filter, name) => {
                visitor.post(&format!("{case}/filters?{filter}"), &[("name", name)]).await?;
            }
            Self::Dismiss(filter, reason) => {
                let at = format!("{case}/variants/dismiss?{filter}");
                let asked = visitor.post(&at, &[("what", "filter"), ("reason", reason)]).await?;
                let seen = hidden_in(&asked, "seen")?;
                visitor.post(&at, &[("what", "filter"), ("reason", reason), ("seen", &seen)]).await?;
            }
        }
        Ok(())
    }
}

/// One of the demo's people, at the program's own router.
struct Visitor {
    router: Router,
    origin: String,
    cookie: String,
    csrf: String,
}

impl Visitor {
    async fn enter(app: &AppState, who: &str) -> anyhow::Result<Self> {
        let user = app.users.by_email(&address(who)?).await?.context("a person of the demo")?;
        let session = app.sessions.start(&user.id, app.clock.now()).await?;
        let (router, origin) = (app::router(app), app.config.origin());
        let mut visitor = Self { router, origin, cookie: cookie_header(&session), csrf: String::new() };
        visitor.csrf = visitor.hidden("/account", "csrf").await?;
        Ok(visitor)
    }

    async fn answer(&self, request: Request) -> anyhow::Result<(StatusCode, String)> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        parts.headers.insert(header::COOKIE, self.cookie.parse()?);
        parts.headers.insert(header::ORIGIN, self.origin.parse()?);
        let host = self.origin.split("//").last().unwrap_or_default();
        parts.headers.insert(header::HOST, host.parse()?);
        let answer = self.router.clone().oneshot(Request::from_parts(parts, body)).await?;
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let (status, text) = self.answer(Request::get(path).body(Body::empty())?).await?;
        ensure!(status.is_success(), "{path} answers {status}");
        Ok(text)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<String> {
        let mut pairs = form.to_vec();
        pairs.push(("csrf", &self.csrf));
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(serde_urlencoded::to_string(pairs)?))?;
        let (status, text) = self.answer(request).await?;
        ensure!(status.is_success() || status.is_redirection(), "{path} answers {status}");
        Ok(text)
    }

    /// The value of the first hidden field of this name on a page.
    async fn hidden(&self, path: &str, name: &str) -> anyhow::Result<String> {
        hidden_in(&self.get(path).await?, name)
    }

    /// The identities of the individuals of the case that end so.
    async fn individuals(&self, case: &str, end: &str) -> anyhow::Result<Vec<String>> {
        let case: Value = serde_json::from_str(&self.get(&format!("/api/v1{case}")).await?)?;
        let ids = case["individuals"].as_array().into_iter().flatten().filter_map(|one| one["individual_id"].as_str());
        let found: Vec<String> = ids.filter(|id| id.ends_with(end)).map(str::to_owned).collect();
        ensure!(!found.is_empty(), "nobody of the family is {end}");
        Ok(found)
    }

    /// Puts the first answer of an individual about one purpose on record, said today.
    async fn consent(
        &self,
        app: &AppState,
        case: &str,
        individual: &str,
        (purpose, answer): (&str, &str),
    ) -> anyhow::Result<()> {
        let (day, said_on) = (filters::date(app.clock.now()), format!("{purpose}_on"));
        let form = [("individual", individual), ("rev", "0"), (purpose, answer), (&said_on, &day)];
        self.post(&format!("{case}/consent"), &form).await?;
        Ok(())
    }

    /// The page of the variant at a place.
    async fn variant(&self, case: &str, place: &str) -> anyhow::Result<String> {
        let list: Value = serde_json::from_str(&self.get(&format!("/api/v1{case}/variants?region={place}")).await?)?;
        let id = list["variants"][0]["id"].as_str().with_context(|| format!("a variant at {place}"))?;
        Ok(format!("{case}/variants/{id}"))
    }
}

fn hidden_in(page: &str, name: &str) -> anyhow::Result<String> {
    let field = format!("name=\"{name}\" value=\"");
    let value = page.split(&field).nth(1).and_then(|rest| rest.split('"').next());
    Ok(value.with_context(|| format!("the field {name}"))?.to_owned())
}
