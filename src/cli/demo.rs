//! `lodestone demo`: the newcomer's first minute.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};
use bson::doc;
use jiff::SignedDuration;

use super::open::{self, Open};
use super::{Globals, SystemScope, demo_deeds, demo_sign_in, load, serve};
use crate::app::AppState;
use crate::auth::Keyring;
use crate::cases::{self, CaseConfig, LoadOptions};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, StoreError, migrations};
use crate::demo::{DEFAULT_SEED, Manifest, write_all};
use crate::genes::import;
use crate::ids::{InstituteId, UserId};
use crate::institutes::{self, Choices, Institute, SecondReader, SignOut};
use crate::users::{Authority, Email, Membership, Role, SystemRole, User};
use crate::variants::{Category, LinkTarget};
use crate::web::filters;

/// Name of the demo's database, on whatever server.
pub(super) const DATABASE: &str = "lodestone_demo";

/// File in the demo's folder that holds the address of the last server, for links made later.
const ORIGIN: &str = "origin";

/// Sites that may be told the demo's exact variants: they are published ones. Companies stay off, to show the choice.
const LINKS: [LinkTarget; 3] = [LinkTarget::Gnomad, LinkTarget::Spliceai, LinkTarget::Ucsc];

/// What to do with a demo that is there already.
pub(super) struct DemoOptions {
    pub reset: bool,
    pub regenerate: bool,
    pub listen: Option<SocketAddr>,
}

/// `lodestone demo`
pub(super) async fn demo(globals: &Globals, mut config: Config, options: DemoOptions) -> anyhow::Result<()> {
    if !options.listen.unwrap_or(config.server.listen).ip().is_loopback() {
        bail!("the demo is for this machine only: choose a loopback address such as 127.0.0.1:8000");
    }
    let listener = serve::listen(&mut config, options.listen).await?;
    let clock = Clock::system();
    let data = open::data_dir(globals)?.join("demo");
    let open = open::connect(&config, &data, DATABASE).await?;
    let served = async {
        prepare(&open.db, &clock, options.reset).await?;
        let db = open.for_serving().await?;
        let audit = open::audit_writer(&config, &data, &db, &clock)?;
        let keyring = Keyring::open(&config.audit.keys_folder(&data))?;
        let app = AppState::new(config, clock, db.clone(), true, audit, keyring);
        open::record(&app.audit, &app.clock, "demo", &SystemScope::new(), true).await;
        fill(&app, &data, options.regenerate).await?;
        let passphrase = demo_sign_in::set_up(&app, &data).await?;
        let origin = app.config.origin();
        std::fs::write(data.join(ORIGIN), &origin).context("noting the demo's address")?;
        announce(&origin, &link_for(&app, "clinician").await?, &passphrase);
        let served = serve::run(app, listener, &data).await;
        db.close().await;
        served
    };
    let served = open.looked_after(Box::pin(served)).await;
    open.close().await;
    served
}

fn announce(origin: &str, path: &str, passphrase: &str) {
    println!();
    println!("Open this address to enter as a clinician (it works once, for ten minutes):");
    println!();
    println!("  {origin}{path}");
    println!();
    println!("Another one: lodestone demo-link [clinician|geneticist|researcher|admin|auditor|system]");
    println!();
    println!("Or sign in as elsewhere, at {origin}/login:");
    println!("  clinician@lodestone.example, or geneticist@, researcher@, admin@, auditor@, system@");
    println!("  passphrase of all of them: {passphrase}");
    println!("  code, in place of a telephone: lodestone totp-code clinician");
    println!();
    println!("All people and findings are invented. Not for clinical use. Stop with Ctrl-C.");
}

/// Marks an empty database as a demo; refuses one that holds anything else.
async fn prepare(db: &Db, clock: &Clock, reset: bool) -> anyhow::Result<()> {
    let marked = open::is_demo(db).await?;
    if !marked && !db.is_empty().await? {
        bail!("database {} is not empty and not marked as a demo; nothing was changed", db.name());
    }
    if marked && reset {
        db.drop_database().await?;
    }
    db.raw()
        .run_command(doc! {
            "update": "meta",
            "updates": [{ "q": { "_id": "product" }, "u": { "$set": { "demo": true } }, "upsert": true }],
        })
        .await
        .context("marking the database as a demo")?;
    migrations::migrate(db, clock).await?;
    Ok(())
}

/// Writes the demo's files where they are missing and loads what is not loaded, by the same loader as everything else.
async fn fill(app: &AppState, data: &Path, regenerate: bool) -> anyhow::Result<()> {
    let folder = data.join("files");
    let known = folder.join("manifest.json");
    let manifest: Manifest = match std::fs::read(&known) {
        Ok(bytes) if !regenerate => {
            serde_json::from_slice(&bytes).with_context(|| format!("reading {}", known.display()))?
        }
        _ => {
            eprintln!("writing the demo's files …");
            write_all(&folder, DEFAULT_SEED)?
        }
    };
    let scope = SystemScope::new();
    let ids: BTreeSet<InstituteId> =
        manifest.institutes.iter().map(|institute| institute.id.parse()).collect::<Result<_, _>>()?;
    for institute in &manifest.institutes {
        let id: InstituteId = institute.id.parse()?;
        let others = ids.iter().filter(|other| **other != id).cloned().collect();
        let mut added = Institute::new(id, institute.name.clone(), app.clock.now());
        added.settings.link_targets = LINKS.into_iter().collect();
        added.settings.share_with = others;
        added.settings.target_days = Some(TARGET);
        added.settings.second_reader = SecondReader::Open;
        match institutes::add(app, &added, Authority::Machine, &open::actor()).await {
            Ok(_) | Err(StoreError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if app.genes.names().await?.is_empty() {
        import::import(&scope, &app.genes, &folder.join(&manifest.reference)).await?;
    }
    for panel in &manifest.panels {
        if app.panels.find(&panel.id, &panel.version).await?.is_none() {
            let given = load::PanelOverrides { institute: None, name: None, version: None };
            load::panel(app, &scope, &folder.join(&panel.file), given).await?;
        }
    }
    add_users(app, &manifest).await?;
    let mut new = Vec::new();
    for (case, days) in manifest.cases.iter().zip(AGES.into_iter().cycle()) {
        let mut config = CaseConfig::read(&folder.join(&case.config))?;
        config.analysis_date = Some(app.clock.now() - SignedDuration::from_hours(24 * days));
        let options = LoadOptions {
            restricted: None,
            update: regenerate,
            accept_genotypes: regenerate,
            actor: open::actor(),
            progress: &|_, _| {},
        };
        let studied = (config.name.as_str() == STUDIED).then(|| study(&config));
        let loaded = cases::load(app, &scope, config, &options).await?;
        if let Some(config) = studied {
            cases::load_research(app, &scope, config, &options).await?;
        }
        if let cases::Loaded::Stored { case, .. } = loaded {
            let total: u32 = case.lists.iter().map(|list| list.total).sum();
            eprintln!("loaded case {} of {}: {total} variants", case.name, case.institute);
            new.extend((case.rev == 1).then_some(*case));
        }
    }
    demo_deeds::replay(app, &new).await
}

/// Days since the samples of the demo's cases were analysed, so that some are due.
const AGES: [i64; 8] = [2, 11, 9, 5, 13, 3, 16, 6];
/// Days to answer that the demo's institutes aim at.
const TARGET: u16 = 14;

/// The case whose research list is loaded too.
const STUDIED: &str = "D22-117";

/// Its research list: all records of its file, also those of low rank.
fn study(config: &CaseConfig) -> CaseConfig {
    let mut study = CaseConfig { threshold: f64::MIN, ..config.clone() };
    study.paths.extend(config.paths.get("vcf_snv").map(|path| ("vcf_snv_research".to_owned(), path.clone())));
    study
}

/// One user per role, in the first institute; the clinician also belongs to no other, so that isolation shows.
async fn add_users(app: &AppState, manifest: &Manifest) -> anyhow::Result<()> {
    let first: InstituteId = manifest.institutes.first().context("the demo has an institute")?.id.parse()?;
    for (role, name) in ROLES {
        let email = address(role.as_str())?;
        if app.users.by_email(&email).await?.is_some() {
            continue;
        }
        let memberships = vec![Membership { institute: first.clone(), role }];
        app.users.add(&user(app, email, name, memberships, Vec::new())).await?;
    }
    let hanna = address(HANNA)?;
    if app.users.by_email(&hanna).await?.is_none() {
        let memberships = vec![Membership { institute: first.clone(), role: Role::Geneticist }];
        app.users.add(&user(app, hanna, "Hanna Demo", memberships, Vec::new())).await?;
        let_sign_out(app, &first, &address(Role::Geneticist.as_str())?).await?;
    }
    for institute in manifest.institutes.iter().skip(1) {
        let email: Email = format!("clinician.{}@lodestone.example", institute.id).parse()?;
        if app.users.by_email(&email).await?.is_none() {
            let memberships = vec![Membership { institute: institute.id.parse()?, role: Role::Clinician }];
            app.users.add(&user(app, email, "Noor Demo", memberships, Vec::new())).await?;
        }
    }
    let email = address("system")?;
    if app.users.by_email(&email).await?.is_none() {
        let roles = vec![SystemRole::Admin, SystemRole::Auditor];
        app.users.add(&user(app, email, "Sam Demo", Vec::new(), roles)).await?;
    }
    Ok(())
}

/// Lets somebody of the demo confirm what others mark.
async fn let_sign_out(app: &AppState, institute: &InstituteId, who: &Email) -> anyhow::Result<()> {
    let institute = app.institutes.find(institute).await?.context("an institute of the demo")?;
    let user = app.users.by_email(who).await?.context("a person of the demo")?;
    let from = filters::day(app.clock.now());
    let right = SignOut { user: user.id, name: user.name, category: Category::Snv, from, until: None };
    let wanted = Choices { sign_out: vec![right], ..institute.choices() };
    institutes::change(app, &institute, institute.rev, &wanted, Authority::Machine, &open::actor()).await?;
    Ok(())
}

/// The second geneticist, whose marks are there to be confirmed.
pub(super) const HANNA: &str = "hanna";

const ROLES: [(Role, &str); 5] = [
    (Role::Clinician, "Kim Demo"),
    (Role::Geneticist, "Gita Demo"),
    (Role::Researcher, "Robin Demo"),
    (Role::Admin, "Alex Demo"),
    (Role::Auditor, "Una Demo"),
];

pub(super) fn address(role: &str) -> anyhow::Result<Email> {
    Ok(format!("{role}@lodestone.example").parse()?)
}

fn user(app: &AppState, email: Email, name: &str, memberships: Vec<Membership>, system_roles: Vec<SystemRole>) -> User {
    User {
        id: UserId::random(),
        email,
        name: name.to_owned(),
        memberships,
        system_roles,
        disabled: false,
        created_at: app.clock.now(),
        rev: 1,
    }
}

/// A fresh sign-in path for the demo's user of a role.
async fn link_for(app: &AppState, role: &str) -> anyhow::Result<String> {
    let email = address(role)?;
    let user = app.users.by_email(&email).await?.with_context(|| {
        format!("the demo has no user for `{role}`; use clinician, geneticist, researcher, admin, auditor or system")
    })?;
    let token = app.demo_links.create(&user.id, app.clock.now()).await?;
    Ok(format!("/auth/demo?token={token}"))
}

/// `lodestone demo-link`
pub(super) async fn link(globals: &Globals, config: Config, role: &str) -> anyhow::Result<()> {
    let data = open::data_dir(globals)?.join("demo");
    let open: Open = open::connect(&config, &data, DATABASE).await?;
    let printed = async {
        if !open::is_demo(&open.db).await? {
            bail!("there is no demo here; make one with `lodestone demo`");
        }
        let origin = std::fs::read_to_string(data.join(ORIGIN)).unwrap_or_else(|_| config.origin());
        let clock = Clock::system();
        let audit = open::audit_writer(&config, &data, &open.db, &clock)?;
        let keyring = Keyring::open(&config.audit.keys_folder(&data))?;
        let app = AppState::new(config, clock, open.db.clone(), true, audit, keyring);
        println!("{origin}{}", link_for(&app, role).await?);
        open::record(&app.audit, &app.clock, "demo-link", &SystemScope::new(), true).await;
        Ok(())
    }
    .await;
    open.close().await;
    printed
}
