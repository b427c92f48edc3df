//! Commands that do one thing to the database.

use anyhow::{Context as _, bail};
use bson::Bson;

use super::{
    AddressCommand, AuditCommand, CaseCommand, Command, Globals, InstituteCommand, KeysCommand, LoadCommand,
    SystemScope, TokenCommand, UserCommand, addresses, audit, backup, institutes, keys, load, open, restriction,
    upkeep, users as accounts, validate,
};
use crate::app::AppState;
use crate::audit::AuditKeys;
use crate::auth::{Keyring, NewToken, Providers};
use crate::cases::{self, Case, CaseStore};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, StoreError, find_program, install_server, migrations, rights, sync_indexes};
use crate::genes::GeneStore;
use crate::genome::GenomeBuild;
use crate::ids::{InstituteId, UserId};
use crate::mail::Post;
use crate::restriction::Wanted;
use crate::users::{self, Authority, Changed, Email, RoleGrant, Standing, User};
use crate::variants::{ColumnStore, KeyForm, VariantStore};

/// `lodestone database install`
pub(super) fn install_database() -> anyhow::Result<()> {
    let program = install_server()?;
    println!("{}", program.display());
    Ok(())
}

/// `lodestone migrate`
pub(super) async fn migrate(globals: &Globals, config: &Config) -> anyhow::Result<()> {
    let open = open::connect(config, &open::data_dir(globals)?, &config.database.name).await?;
    let done = async {
        let applied = migrations::migrate(&open.db, &Clock::system()).await?;
        sync_indexes(&open.db).await?;
        match applied.as_slice() {
            [] => println!("the database is up to date"),
            names => println!("applied {}", names.join(", ")),
        }
        mend_columns(&open.db, &SystemScope::new()).await
    }
    .await;
    open.close().await;
    done
}

/// Writes the columns of published lists back where the stored ones are missing, of another version or damaged.
async fn mend_columns(db: &Db, scope: &SystemScope) -> anyhow::Result<()> {
    let cases = CaseStore::new(db, 0);
    let columns = ColumnStore::new(db, VariantStore::new(db), 0);
    let (mut lists, mut mended, mut failed) = (0, 0, 0);
    for id in cases.ids(scope).await? {
        let Some(case) = cases.by_id(scope, &id).await? else { continue };
        for list in case.all_lists() {
            lists += 1;
            let outcome = columns.mend(scope, &case, list).await;
            if matches!(outcome, Ok(None)) {
                continue;
            }
            // A load may have published another revision meanwhile; this one's columns are nobody's then.
            let now = cases.by_id(scope, &id).await?;
            if !now.is_some_and(|now| now.all_lists().any(|known| known.is_revision(list))) {
                columns.forget(scope, &case, list).await?;
                continue;
            }
            match outcome {
                Ok(unfit) => {
                    let why = unfit.map(|unfit| unfit.to_string()).unwrap_or_default();
                    println!("columns of case {} were {why}; written again from its variants", case.id);
                    mended += 1;
                }
                Err(error) => {
                    eprintln!("columns of case {}: {error}", case.id);
                    failed += 1;
                }
            }
        }
    }
    if failed > 0 {
        bail!("the columns of {failed} lists cannot be written again");
    }
    match mended {
        0 => println!("the columns of all published lists ({lists}) are in order"),
        _ => println!("the columns of {mended} of {lists} published lists were written again"),
    }
    Ok(())
}

/// `lodestone database role`
pub(super) fn print_role(config: &Config) -> anyhow::Result<()> {
    let role = Bson::Document(rights::serving_role(&config.database.name)).into_relaxed_extjson();
    println!("db.getSiblingDB(\"admin\").runCommand({})", serde_json::to_string_pretty(&role)?);
    Ok(())
}

/// `lodestone check`
pub(super) async fn check(globals: &Globals, config: &Config) -> anyhow::Result<()> {
    let mut wrong = 0;
    let mut say = |what: &str, found: anyhow::Result<String>| match found {
        Ok(found) => println!("ok     {what}: {found}"),
        Err(error) => {
            wrong += 1;
            println!("wrong  {what}: {error:#}");
        }
    };
    say("configuration", Ok(format!("origin {}", config.origin())));
    let data = open::data_dir(globals)?;
    for build in [GenomeBuild::Grch37, GenomeBuild::Grch38] {
        if config.genome.reference(build).is_some() {
            say(&format!("reference sequence of {}", build.name()), describe_reference(config, build));
        }
    }
    if config.database.uri.is_empty() {
        let program = find_program(&config.database.server_program);
        say("embedded database server", program.map(|path| path.display().to_string()));
    }
    let keys = config.audit.keys_folder(&data);
    say("audit keys", AuditKeys::open(&keys).map(|keys| keys.signer.verifier().to_string()));
    say("sign-in keys", Keyring::open(&keys).map(|_| keys.display().to_string()));
    let checkpoints = config.audit.checkpoints_folder(&data, &config.database.name);
    say("audit checkpoints", writable(&checkpoints).map(|()| checkpoints.display().to_string()));
    for found in Providers::open(&config.sign_in).look(Clock::system().now()).await {
        let answers = found.wrong.map_or(Ok(found.issuer), |wrong| Err(anyhow::anyhow!(wrong)));
        say(&format!("identity provider {}", found.id), answers);
    }
    match Post::open(&config.mail) {
        Ok(None) => {}
        Ok(Some(post)) => say("mail server", post.look().await),
        Err(error) => say("mail server", Err(error)),
    }
    match open::connect(config, &data, &config.database.name).await {
        Ok(open) => {
            say("database", Ok(open.db.name().to_owned()));
            say("schema", open::ready(&open.db, &Clock::system()).await.map(|()| "up to date".to_owned()));
            say("clock", open::clock_passed_the_trail(&open.db, &Clock::system()).await);
            let genes =
                GeneStore::new(&open.db).names().await.context("reading the gene reference").and_then(|names| {
                    if names.is_empty() {
                        bail!("no genes; run `lodestone load reference DIR`")
                    }
                    Ok(format!("{} genes", names.len()))
                });
            say("gene reference", genes);
            if !config.database.uri.is_empty() && rights::may_remove_entries(&open.db).await {
                println!(
                    "note   audit trail: the user of database.uri may remove entries; give it the role that `lodestone \
                     database role` prints, and another user to LODESTONE_AUDIT__UPKEEP_URI"
                );
            }
            let forms = CaseStore::new(&open.db, 0).key_forms(&SystemScope::new()).await.context("reading the cases");
            match forms {
                Ok(forms) => {
                    for note in key_notes(config, &forms) {
                        println!("note   variant keys: {note}");
                    }
                }
                Err(error) => say("cases", Err(error)),
            }
            open.close().await;
        }
        Err(error) => say("database", Err(error)),
    }
    if wrong > 0 {
        bail!("{wrong} of the points above need attention");
    }
    Ok(())
}

/// Whether files can be added to a folder, which is made when it is absent.
fn writable(folder: &std::path::Path) -> anyhow::Result<()> {
    let probe = folder.join(".probe");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, ""))
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| format!("{} cannot be written to", folder.display()))
}

/// Says that a configured reference sequence can be used, and for which chromosomes it cannot.
fn describe_reference(config: &Config, build: GenomeBuild) -> anyhow::Result<String> {
    let reference = config.genome.open(build)?.context("none is configured")?;
    let absent: Vec<String> = reference.absent().iter().map(ToString::to_string).collect();
    Ok(match absent.as_slice() {
        [] => "all chromosomes are there with their lengths".to_owned(),
        absent => {
            format!("fits, but indels on {} are not left-aligned: not in the file in this form", absent.join(", "))
        }
    })
}

/// What to do about lists whose keys were made in another way than they would be now.
fn key_notes(config: &Config, forms: &[(GenomeBuild, KeyForm)]) -> Vec<String> {
    let mut notes = Vec::new();
    for build in [GenomeBuild::Grch37, GenomeBuild::Grch38] {
        let (other, why) = match config.genome.reference(build) {
            Some(_) => (KeyForm::Trimmed, "were loaded without the reference sequence that is configured now"),
            None => (KeyForm::LeftAligned, "were loaded with a reference sequence that is not configured any more"),
        };
        let count = forms.iter().filter(|form| **form == (build, other)).count();
        if count > 0 {
            notes.push(format!(
                "{count} lists on {} {why}; they match other cases as before, but indels in repeats only where they are \
                 written alike. Load them again with --update, in any order, to count them together",
                build.name()
            ));
        }
    }
    notes
}

/// Commands that work on an open database.
pub(super) async fn carry_out(
    globals: &Globals,
    app: &AppState,
    scope: &SystemScope,
    command: Command,
) -> anyhow::Result<()> {
    match command {
        Command::Load(LoadCommand::Case(arguments)) => load::case(app, scope, &arguments).await,
        Command::Load(LoadCommand::Research(arguments)) => load::research(app, scope, &arguments).await,
        Command::Load(LoadCommand::Panel { file, institute, name, panel_version }) => {
            load::panel(app, scope, &file, load::PanelOverrides { institute, name, version: panel_version }).await
        }
        Command::Load(LoadCommand::Reference { dir }) => Box::pin(load::reference(app, scope, &dir)).await,
        Command::Institute(InstituteCommand::Add { id, name }) => institutes::add(app, scope, id, name).await,
        Command::Institute(InstituteCommand::Set(arguments)) => institutes::set(app, scope, arguments).await,
        Command::Institute(InstituteCommand::List { json }) => institutes::list(app, json).await,
        Command::Case(CaseCommand::Delete { case, institute }) => {
            delete_case(app, scope, &case, institute.as_ref()).await
        }
        Command::Case(CaseCommand::Restrict { case, institute, people, reason }) => {
            let case = one_case(app, scope, &case, institute.as_ref()).await?;
            let wanted = restriction::wanted(app, &people, &reason).await?;
            Box::pin(restriction::set(app, scope, &case, &wanted)).await
        }
        Command::Case(CaseCommand::Open { case, institute }) => {
            let case = one_case(app, scope, &case, institute.as_ref()).await?;
            Box::pin(restriction::set(app, scope, &case, &Wanted::Everybody)).await
        }
        Command::Validate { case, institute, json } => {
            let case = one_case(app, scope, &case, institute.as_ref()).await?;
            validate::validate(app, scope, &case, json).await
        }
        Command::User(UserCommand::Add { email, name, roles }) => add_user(app, scope, email, name, roles).await,
        Command::User(UserCommand::Disable { email }) => disable_user(app, scope, &email).await,
        Command::User(UserCommand::Invite { email }) => accounts::invite(app, scope, &email).await,
        Command::User(UserCommand::ResetTotp { email, confirm, break_seal }) => match (confirm, break_seal) {
            (_, true) => accounts::break_seal(app, scope, &email).await,
            (true, _) => accounts::confirm_reset(app, scope, &email).await,
            _ => accounts::ask_reset(app, scope, &email).await,
        },
        Command::User(UserCommand::BreakSealCodes { replace }) => accounts::break_seal_codes(app, scope, replace).await,
        Command::User(UserCommand::List { json }) => list_users(app, json).await,
        Command::Address(AddressCommand::List { json }) => addresses::list(app, scope, json).await,
        Command::Address(AddressCommand::Clear { subject }) => addresses::clear(app, scope, &subject).await,
        Command::Keys(KeysCommand::Rotate) => keys::rotate(app, scope).await,
        Command::Token(TokenCommand::Create { user, institute, scope: may, days, name, addresses }) => {
            let owner = user_of(app, &user).await?;
            known_institutes(app, std::slice::from_ref(&institute)).await?;
            if !owner
                .memberships
                .iter()
                .any(|membership| membership.institute == institute && membership.role.reads_cases())
            {
                bail!("{user} reads no cases of {institute}; a token cannot reach more than its owner");
            }
            scope.note("user", owner.id.as_str(), Some(&institute));
            let wanted = NewToken { institute, scope: may, days, name, addresses };
            let (token, _) = app.tokens.make(&owner.id, wanted, app.clock.now()).await?;
            println!("{token}");
            Ok(())
        }
        Command::Backup { dir } => backup::save(globals, app, scope, &dir).await,
        Command::Audit(AuditCommand::Erase) => upkeep::erase(globals, app, scope).await,
        Command::Audit(AuditCommand::Prune { dry_run }) => upkeep::prune(globals, app, scope, dry_run).await,
        Command::Audit(AuditCommand::Flags { json }) => audit::flags(app, scope, json).await,
        Command::Audit(AuditCommand::Export(arguments)) => audit::export(app, scope, &arguments).await,
        Command::Demo { .. }
        | Command::Audit(_)
        | Command::Restore { .. }
        | Command::DemoLink { .. }
        | Command::TotpCode { .. }
        | Command::Serve { .. }
        | Command::Migrate
        | Command::Check
        | Command::Database(_) => bail!("this command opens the database itself"),
    }
}

/// The one case that a text means.
async fn one_case(
    app: &AppState,
    scope: &SystemScope,
    name: &str,
    institute: Option<&InstituteId>,
) -> anyhow::Result<Case> {
    scope.note("case", name, institute);
    let mut found = app.cases.named(scope, name).await?;
    found.retain(|case| institute.is_none_or(|institute| case.institute == *institute));
    match found.len() {
        0 => bail!("there is no case `{name}`{}", institute.map(|id| format!(" in {id}")).unwrap_or_default()),
        1 => {
            let case = found.swap_remove(0);
            scope.note("case_id", case.id.as_str(), Some(&case.institute));
            Ok(case)
        }
        _ => {
            let owners: Vec<String> = found.iter().map(|case| case.institute.to_string()).collect();
            bail!("several institutes have a case `{name}` ({}); add --institute", owners.join(", "))
        }
    }
}

async fn delete_case(
    app: &AppState,
    scope: &SystemScope,
    name: &str,
    institute: Option<&InstituteId>,
) -> anyhow::Result<()> {
    let case = one_case(app, scope, name, institute).await?;
    cases::delete(app, scope, &case, &open::actor()).await?;
    println!("deleted case {} of {}", case.name, case.institute);
    Ok(())
}

async fn known_institutes(app: &AppState, wanted: &[InstituteId]) -> anyhow::Result<()> {
    let found = app.institutes.among(wanted).await?;
    match wanted.iter().find(|id| !found.iter().any(|institute| institute.id == **id)) {
        Some(id) => bail!("institute `{id}` does not exist; add it with `lodestone institute add {id} --name …`"),
        None => Ok(()),
    }
}

async fn add_user(
    app: &AppState,
    scope: &SystemScope,
    email: Email,
    name: String,
    grants: Vec<RoleGrant>,
) -> anyhow::Result<()> {
    let mut user = User {
        id: UserId::random(),
        email: email.clone(),
        name,
        memberships: Vec::new(),
        system_roles: Vec::new(),
        disabled: false,
        created_at: app.clock.now(),
        rev: 1,
    };
    for grant in grants {
        match grant {
            RoleGrant::Member(membership) => user.memberships.push(membership),
            RoleGrant::System(role) => user.system_roles.push(role),
        }
    }
    let institutes: Vec<InstituteId> = user.memberships.iter().map(|membership| membership.institute.clone()).collect();
    known_institutes(app, &institutes).await?;
    scope.note("user", user.id.as_str(), institutes.first());
    user.grants().iter().for_each(|grant| scope.note("role", grant, None));
    match users::add(app, &user, Authority::Machine, &open::actor()).await {
        Ok(_) => {
            println!("added user {email} ({})", user.grants().join(", "));
            Ok(())
        }
        Err(StoreError::Exists(_)) => bail!("a user with the address {email} exists already"),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn user_of(app: &AppState, email: &Email) -> anyhow::Result<User> {
    app.users.by_email(email).await?.with_context(|| format!("there is no user {email}"))
}

async fn disable_user(app: &AppState, scope: &SystemScope, email: &Email) -> anyhow::Result<()> {
    let user = user_of(app, email).await?;
    scope.note("user", user.id.as_str(), None);
    let wanted = Standing { disabled: true, ..user.standing() };
    match users::change(app, &user, user.rev, &wanted, Authority::Machine, &open::actor()).await? {
        Changed::Stored(_) => println!("disabled {email}; their sessions, invitations and tokens have ended"),
        Changed::AsBefore => println!("{email} is disabled already"),
        Changed::Conflict(_) | Changed::NotAllowed => {
            bail!("somebody else changed {email} at the same moment; run the command again")
        }
    }
    Ok(())
}

async fn list_users(app: &AppState, json: bool) -> anyhow::Result<()> {
    let users = app.users.all().await?;
    if json {
        let list: Vec<_> = users
            .iter()
            .map(|user| {
                serde_json::json!({
                    "email": user.email, "name": user.name, "roles": user.grants(), "disabled": user.disabled,
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "users": list }));
    } else {
        for user in users {
            let disabled = if user.disabled { "\tdisabled" } else { "" };
            println!("{}\t{}\t{}{disabled}", user.email, user.name, user.grants().join(" "));
        }
    }
    Ok(())
}
