//! The command line. Every error says what, where and what to do; exit codes are 0 done, 1 failed, 2 usage.

mod addresses;
mod admin;
pub mod audit;
mod backup;
mod demo;
mod demo_deeds;
mod demo_sign_in;
mod institutes;
mod keys;
mod load;
mod open;
mod restriction;
mod scope;
mod serve;
mod upkeep;
mod users;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::addresses::{Network, Subject};
use crate::auth::TokenScope;
use crate::ids::InstituteId;
use crate::institutes::SecondReader;
use crate::users::{Email, RoleGrant};
pub use audit::AuditCommand;

pub use scope::SystemScope;

/// Lodestone finds the DNA variant behind a patient's rare disease.
#[derive(Debug, Parser)]
#[command(name = "lodestone", version, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Folder of the embedded database, the object store and keys [default: the user's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file; LODESTONE_SECTION__KEY in the environment overrides it
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a demo database, serve it and print one URL that signs you in
    Demo {
        /// Begin again: drops the demo database (never another one)
        #[arg(long)]
        reset: bool,
        /// Write the demo's files anew before loading them
        #[arg(long)]
        regenerate: bool,
        /// Address and port [default: 127.0.0.1:8000]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Print another single-use sign-in link of the demo
    DemoLink {
        /// clinician, geneticist, researcher, admin or auditor
        #[arg(default_value = "clinician")]
        role: String,
    },
    /// Print the present code of a demo user's authenticator
    TotpCode {
        /// clinician, geneticist, researcher, admin, auditor, system, or an address
        #[arg(default_value = "clinician")]
        user: String,
    },
    /// Serve pages and API
    Serve {
        /// Address and port [default: server.listen of the configuration]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Bring the database to this version's form, and write back columns of lists that are missing or damaged
    Migrate,
    /// Look at configuration, database and files, and say what is wrong
    Check,
    /// The embedded database server
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Load a case, a panel or reference knowledge
    #[command(subcommand)]
    Load(LoadCommand),
    /// Institutes
    #[command(subcommand)]
    Institute(InstituteCommand),
    /// Cases
    #[command(subcommand)]
    Case(CaseCommand),
    /// Read a case's files once more, by another reader, and compare them with what pages and API show
    Validate {
        /// Name, family or id
        case: String,
        /// Its institute, when the name is not unique
        #[arg(long, value_name = "ID")]
        institute: Option<InstituteId>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Users
    #[command(subcommand)]
    User(UserCommand),
    /// From where what is open
    #[command(subcommand)]
    Address(AddressCommand),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Keys that seal the secrets of authenticators
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Save the whole database into a new folder, while it is in use; keys are kept apart
    Backup {
        /// A folder that is not there yet, or empty
        dir: PathBuf,
    },
    /// Put a backup into an empty database, and verify it
    Restore {
        /// Folder of a backup
        dir: PathBuf,
    },
}

/// `lodestone database …`
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Build the pinned embedded server into the cache folder (some minutes, once)
    Install,
    /// Print the command, for mongosh on `admin`, that makes the role for the user of database.uri: it can add to the
    /// audit trail and the clinical history, not change them. The embedded server has it already
    Role,
}

/// `lodestone load …`
#[derive(Debug, Subcommand)]
pub enum LoadCommand {
    /// A case with its variants
    Case(Box<LoadCase>),
    /// The research list of a case that is loaded; it is shown once somebody opens it there
    Research(Box<LoadResearch>),
    /// A version of a gene panel
    Panel {
        /// Panel file
        file: PathBuf,
        /// Institute that keeps the panel [default: as the file says]
        #[arg(long, value_name = "ID")]
        institute: Option<InstituteId>,
        /// Short name [default: as the file says]
        #[arg(long)]
        name: Option<String>,
        /// Version, e.g. 1.0 [default: as the file says]
        #[arg(long)]
        panel_version: Option<String>,
    },
    /// Genes, transcripts, constraint and inheritance
    Reference {
        /// Folder with files of HGNC, Ensembl, gnomAD and HPO; others are skipped with a note
        dir: PathBuf,
    },
}

/// `lodestone load case …`
#[derive(Debug, Args)]
pub struct LoadCase {
    /// Load configuration in Scout's YAML
    #[arg(required_unless_present = "ped")]
    pub config_file: Option<PathBuf>,
    /// Pedigree file, in place of a configuration
    #[arg(long, value_name = "FILE", conflicts_with = "config_file", requires_all = ["owner", "build"])]
    pub ped: Option<PathBuf>,
    /// SNVs and indels (VCF or BCF)
    #[arg(long, value_name = "FILE")]
    pub vcf_snv: Option<PathBuf>,
    /// Mitochondrial SNVs
    #[arg(long, value_name = "FILE")]
    pub vcf_snv_mt: Option<PathBuf>,
    /// Institute that owns the case (with --ped)
    #[arg(long, alias = "institute", value_name = "ID")]
    pub owner: Option<InstituteId>,
    /// Genome build, 37 or 38 (with --ped)
    #[arg(long, alias = "genome-build")]
    pub build: Option<String>,
    /// Name on pages [default: the family's] (with --ped)
    #[arg(long)]
    pub name: Option<String>,
    /// Panels that lists open with (with --ped; repeatable)
    #[arg(long, value_name = "NAME")]
    pub panel: Vec<String>,
    /// Rank score that a variant must exceed
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub rank_score_threshold: Option<f64>,
    /// Replace lists whose content changed; decisions are kept
    #[arg(long)]
    pub update: bool,
    /// Update also when the genotypes of a sample are mostly other ones than before, after the files were looked at.
    #[arg(long, requires = "update")]
    pub accept_genotypes: bool,
    /// Address of somebody who alone reads the case, with others named so, from its first load on (repeatable)
    #[arg(long, value_name = "EMAIL", requires = "reason")]
    pub restrict_to: Vec<Email>,
    /// Why it is restricted; the named people read it
    #[arg(long, requires = "restrict_to", value_parser = crate::restriction::read_reason)]
    pub reason: Option<String>,
}

/// `lodestone load research …`
#[derive(Debug, Args)]
pub struct LoadResearch {
    /// Load configuration of the case, with the research files of small variants
    pub config_file: PathBuf,
    /// Rank score that a variant must exceed [default: as the configuration says]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub rank_score_threshold: Option<f64>,
    /// Replace a list whose content changed; decisions are kept
    #[arg(long)]
    pub update: bool,
    /// Load also when the genotypes of a sample are mostly other ones than in the lists that are loaded, after the files were
    /// looked at
    #[arg(long)]
    pub accept_genotypes: bool,
}

/// `lodestone institute …`
#[derive(Debug, Subcommand)]
pub enum InstituteCommand {
    /// Add an institute
    Add {
        /// Short id for URLs, e.g. cust000
        id: InstituteId,
        /// Name as shown [default: the id]
        #[arg(long)]
        name: Option<String>,
    },
    /// Change an institute's name or settings; what is not named stays
    Set(SetInstitute),
    /// List institutes
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `lodestone institute set …`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["name", "frequency_cutoff", "cutoffs", "allow_links", "share_with", "second_reader", "target_days", "order_mail"]))]
pub struct SetInstitute {
    /// Its id
    pub id: InstituteId,
    /// Name as shown
    #[arg(long)]
    pub name: Option<String>,
    /// Highest gnomAD frequency of the clinical filter, as a fraction, e.g. 0.01
    #[arg(long, value_name = "FRACTION", value_parser = crate::institutes::read_frequency)]
    pub frequency_cutoff: Option<f64>,
    /// Values offered beside filters, e.g. "cadd=10 20 30"; a wrong kind is answered with all of them (repeatable)
    #[arg(long, value_name = "KIND=VALUES", value_parser = institutes::read_cutoffs)]
    pub cutoffs: Vec<institutes::KindValues>,
    /// Sites that may be told exact variants, with commas between: gnomad, franklin, varsome, spliceai, ucsc; or none
    #[arg(long, value_name = "SITES")]
    pub allow_links: Option<institutes::AllowedLinks>,
    /// Institutes that its cases may be shared with, one by one, with commas between; or none
    #[arg(long, value_name = "INSTITUTES")]
    pub share_with: Option<institutes::Partners>,
    /// Who confirms a causative mark: nobody, another person, or another person who does not see it before
    #[arg(long, value_name = "none|open|blinded")]
    pub second_reader: Option<SecondReader>,
    /// Days from sample to answer that it aims at; 0 for none
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub target_days: Option<u16>,
    /// Who gets orders of validations by mail: addresses with commas between; or none
    #[arg(long, value_name = "ADDRESSES")]
    pub order_mail: Option<institutes::OrderMail>,
}

/// `lodestone case …`
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Delete a case with everything in it
    Delete {
        /// Name, family or id
        case: String,
        /// Its institute, when the name is not unique
        #[arg(long, value_name = "ID")]
        institute: Option<InstituteId>,
    },
    /// Let only named people of its institute read a case; for everybody else it is not there
    Restrict {
        /// Name, family or id
        case: String,
        /// Its institute, when the name is not unique
        #[arg(long, value_name = "ID")]
        institute: Option<InstituteId>,
        /// Address of somebody who reads it (repeatable)
        #[arg(long = "to", value_name = "EMAIL", required = true)]
        people: Vec<Email>,
        /// Why; the named people read it
        #[arg(long, value_parser = crate::restriction::read_reason)]
        reason: String,
    },
    /// Let all who read cases of its institute read a restricted case again
    Open {
        /// Name, family or id
        case: String,
        /// Its institute, when the name is not unique
        #[arg(long, value_name = "ID")]
        institute: Option<InstituteId>,
    },
}

/// `lodestone user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user
    Add {
        /// E-mail address
        email: Email,
        /// Name as shown to colleagues
        #[arg(long)]
        name: String,
        /// INSTITUTE:ROLE or system:ROLE (repeatable)
        #[arg(long = "role", value_name = "PLACE:ROLE")]
        roles: Vec<RoleGrant>,
    },
    /// Take the right to sign in; ends all sessions and tokens
    Disable {
        /// E-mail address
        email: Email,
    },
    /// Print a one-time link by which a user sets up passphrase and authenticator, within 72 hours
    Invite {
        /// E-mail address
        email: Email,
    },
    /// Reset a lost authenticator: one person asks, another (another account on this machine) confirms
    ResetTotp {
        /// E-mail address
        email: Email,
        /// The second person's word: the reset takes place and a one-time link is printed
        #[arg(long)]
        confirm: bool,
        /// A break-seal code, read from standard input, is the second person's word
        #[arg(long, conflicts_with = "confirm")]
        break_seal: bool,
    },
    /// Print ten codes for a sealed envelope, for a clinic with one administrator: each stands for a second person once
    BreakSealCodes {
        /// Replace the set one made oneself, with one of its codes, read from standard input
        #[arg(long)]
        replace: bool,
    },
    /// List users
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `lodestone address …`
#[derive(Debug, Subcommand)]
pub enum AddressCommand {
    /// List the networks from which the system, institutes and roles are open; what is not listed is open from everywhere
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Open something from everywhere again: the way out for somebody who is locked out
    Clear {
        /// system, an INSTITUTE, INSTITUTE:ROLE, system:admin or system:auditor
        subject: Subject,
    },
}

/// `lodestone keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new key, seal everything with it, and drop the others; people sign in meanwhile
    Rotate,
}

/// `lodestone token …`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an API token and print it, once
    Create {
        /// E-mail address of the user it acts for
        #[arg(long)]
        user: Email,
        /// The one institute it reaches
        #[arg(long, value_name = "ID")]
        institute: InstituteId,
        /// What it may do
        #[arg(long)]
        scope: TokenScope,
        /// Days it lives
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
        /// What it is for, as its owner sees it in the list
        #[arg(long, default_value = "", value_parser = crate::auth::read_token_name, hide_default_value = true)]
        name: String,
        /// An address or network it may be used from, e.g. 10.1.0.0/16 (repeatable) [default: from everywhere]
        #[arg(long = "address", value_name = "NETWORK")]
        addresses: Vec<Network>,
    },
}

impl Command {
    /// The command's name for the audit trail; arguments may name patients and stay out.
    fn name(&self) -> &'static str {
        match self {
            Self::Demo { .. } => "demo",
            Self::DemoLink { .. } => "demo-link",
            Self::TotpCode { .. } => "totp-code",
            Self::Serve { .. } => "serve",
            Self::Migrate => "migrate",
            Self::Check => "check",
            Self::Database(DatabaseCommand::Install) => "database install",
            Self::Database(DatabaseCommand::Role) => "database role",
            Self::Load(LoadCommand::Case(_)) => "load case",
            Self::Load(LoadCommand::Research(_)) => "load research",
            Self::Load(LoadCommand::Panel { .. }) => "load panel",
            Self::Load(LoadCommand::Reference { .. }) => "load reference",
            Self::Institute(InstituteCommand::Add { .. }) => "institute add",
            Self::Institute(InstituteCommand::Set(_)) => "institute set",
            Self::Institute(InstituteCommand::List { .. }) => "institute list",
            Self::Case(CaseCommand::Delete { .. }) => "case delete",
            Self::Case(CaseCommand::Restrict { .. }) => "case restrict",
            Self::Case(CaseCommand::Open { .. }) => "case open",
            Self::Validate { .. } => "validate",
            Self::User(UserCommand::Add { .. }) => "user add",
            Self::User(UserCommand::Disable { .. }) => "user disable",
            Self::User(UserCommand::Invite { .. }) => "user invite",
            Self::User(UserCommand::ResetTotp { break_seal: true, .. }) => "user reset-totp --break-seal",
            Self::User(UserCommand::ResetTotp { confirm: false, .. }) => "user reset-totp",
            Self::User(UserCommand::ResetTotp { confirm: true, .. }) => "user reset-totp --confirm",
            Self::User(UserCommand::List { .. }) => "user list",
            Self::User(UserCommand::BreakSealCodes { .. }) => "user break-seal-codes",
            Self::Keys(KeysCommand::Rotate) => "keys rotate",
            Self::Address(AddressCommand::List { .. }) => "address list",
            Self::Address(AddressCommand::Clear { .. }) => "address clear",
            Self::Token(TokenCommand::Create { .. }) => "token create",
            Self::Audit(AuditCommand::Verify(_)) => "audit verify",
            Self::Audit(AuditCommand::Export(_)) => "audit export",
            Self::Audit(AuditCommand::Flags { .. }) => "audit flags",
            Self::Audit(AuditCommand::Erase) => "audit erase",
            Self::Audit(AuditCommand::Prune { .. }) => "audit prune",
            Self::Audit(AuditCommand::Key) => "audit key",
            Self::Backup { .. } => "backup",
            Self::Restore { .. } => "restore",
        }
    }
}

/// Carries out one command.
pub async fn run(cli: Cli) -> ExitCode {
    let config = match crate::config::Config::load(cli.globals.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("lodestone: {error}");
            return ExitCode::from(1);
        }
    };
    serve::start_logging(&config, &cli.command);
    let name = cli.command.name();
    let done = match cli.command {
        Command::Database(DatabaseCommand::Install) => admin::install_database(),
        Command::Database(DatabaseCommand::Role) => admin::print_role(&config),
        Command::Demo { reset, regenerate, listen } => {
            demo::demo(&cli.globals, config, demo::DemoOptions { reset, regenerate, listen }).await
        }
        Command::DemoLink { role } => demo::link(&cli.globals, config, &role).await,
        Command::TotpCode { user } => demo_sign_in::print_code(&cli.globals, config, &user).await,
        Command::Serve { listen } => serve::serve(&cli.globals, config, listen).await,
        Command::Migrate => admin::migrate(&cli.globals, &config).await,
        Command::Check => admin::check(&cli.globals, &config).await,
        Command::Restore { dir } => backup::restore(&cli.globals, &config, &dir).await,
        Command::Audit(AuditCommand::Key) => audit::print_keys(&cli.globals, &config),
        Command::Audit(AuditCommand::Verify(arguments)) => {
            return match audit::verify(&cli.globals, &config, &arguments).await {
                Ok(report) => ExitCode::from(report.exit_code()),
                Err(error) => {
                    eprintln!("lodestone: {error:#}");
                    ExitCode::from(2)
                }
            };
        }
        command => {
            open::with_app(&cli.globals, config, name, async |app, scope| {
                Box::pin(admin::carry_out(&cli.globals, app, scope, command)).await
            })
            .await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lodestone: {error:#}");
            ExitCode::from(1)
        }
    }
}
