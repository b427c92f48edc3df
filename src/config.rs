//! Configuration in layers: compiled defaults, a file, environment variables. Unknown keys stop start-up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use serde_with::{NoneAsEmptyString, serde_as};

use crate::addresses::Network;
use crate::genome::{GenomeBuild, ReferenceError, ReferenceSequence};
use crate::mail::{MailServer, is_deliverable};
use crate::users::Email;

const DEFAULTS: &str = include_str!("../config/default.toml");

/// Everything an operator can set. Field meanings stand beside the defaults in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The web server.
    pub server: ServerConfig,
    /// Where data are kept.
    pub database: DatabaseConfig,
    /// Reference sequences.
    pub genome: GenomeConfig,
    /// Memory for derived data.
    pub cache: CacheConfig,
    /// What one session, script or address may ask for.
    pub rates: RateConfig,
    /// Lifetime of browser sessions.
    pub session: SessionConfig,
    /// Signing in.
    pub sign_in: SignInConfig,
    /// The audit trail.
    pub audit: AuditConfig,
    /// Sending mail.
    pub mail: MailConfig,
    /// Log lines.
    pub log: LogConfig,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port of pages and API.
    pub listen: SocketAddr,
    /// Origin people see, without a trailing slash; empty means `http://` and `listen`.
    pub base_url: String,
    /// Address of the metrics listener; empty means none.
    pub metrics_listen: String,
    /// Whose word about the address of a request counts.
    pub trusted_proxies: Vec<Network>,
    /// Seconds.
    pub header_timeout_s: u64,
    /// Seconds.
    pub body_timeout_s: u64,
    /// Seconds.
    pub answer_timeout_s: u64,
    /// Seconds.
    pub request_timeout_s: u64,
    /// Kilobytes.
    pub body_limit_kb: usize,
    /// Requests at once.
    pub max_concurrent_requests: usize,
    /// Reads among them, for each processor core.
    pub concurrent_reads_per_core: usize,
    /// Seconds.
    pub shutdown_grace_s: u64,
}

/// `[database]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// MongoDB URI; may hold a password, so it is never printed.
    pub uri: String,
    /// Database name.
    pub name: String,
    /// Program of the embedded server.
    pub server_program: String,
    /// Cache of the embedded server, e.g. `512M`.
    pub cache_size: String,
    /// Whether the embedded server waits for the disk at each commit.
    pub sync_on_commit: bool,
    /// Whether `serve` migrates.
    pub migrate_on_serve: bool,
}

impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("uri", &if self.uri.is_empty() { "" } else { "(set)" })
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `[genome]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenomeConfig {
    /// FASTA of GRCh37; empty means none.
    pub reference_37: PathBuf,
    /// FASTA of GRCh38; empty means none.
    pub reference_38: PathBuf,
}

impl GenomeConfig {
    /// The configured file of a build.
    #[must_use]
    pub fn reference(&self, build: GenomeBuild) -> Option<&Path> {
        let path = match build {
            GenomeBuild::Grch37 => &self.reference_37,
            GenomeBuild::Grch38 => &self.reference_38,
        };
        (!path.as_os_str().is_empty()).then_some(path.as_path())
    }

    /// Opens the sequence of a build, if one is configured.
    pub fn open(&self, build: GenomeBuild) -> Result<Option<ReferenceSequence>, ReferenceError> {
        self.reference(build).map(|path| ReferenceSequence::open(path, build)).transpose()
    }
}

/// `[cache]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// Megabytes of columns in memory.
    pub columns_mb: u64,
    /// Megabytes of decisions kept in memory.
    pub decisions_mb: u64,
    /// Megabytes of lists of cases kept in memory.
    pub cases_mb: u64,
}

/// `[rates]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// Of one network address.
    pub requests_per_minute_and_address: u32,
    /// Of one session or script, as all below.
    pub pages_per_minute: u32,
    /// Forms.
    pub changes_per_minute: u32,
    /// Lists as files.
    pub exports_per_minute: u32,
    /// Requests worked on at the same time.
    pub requests_at_once: usize,
    /// The same of one network address.
    pub requests_at_once_and_address: usize,
}

/// `[session]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionConfig {
    /// Minutes.
    pub idle_minutes: i64,
    /// Minutes, for admins of an institute or the system.
    pub admin_idle_minutes: i64,
    /// Hours.
    pub absolute_hours: i64,
    /// Minutes, at most 30.
    pub elevated_minutes: i64,
}

/// `[sign_in]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    /// Whether people may sign in with a passphrase kept here.
    pub local_accounts: bool,
    /// Tries a minute from one network address.
    pub per_address: u32,
    /// Tries a minute for one account.
    pub per_account: u32,
    /// Identity providers, in the order of their buttons.
    #[serde(default)]
    pub providers: Vec<ProviderConfig>,
}

/// `[[sign_in.providers]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Short name for addresses.
    pub id: String,
    /// Name on the button.
    pub name: String,
    /// Issuer, to the letter as its tokens have it.
    pub issuer: String,
    /// What it knows this server as.
    pub client_id: String,
    /// File with the client's secret; empty means that it has none.
    #[serde(default)]
    pub client_secret_file: PathBuf,
}

impl ProviderConfig {
    /// What is wrong with it, in a sentence.
    fn fault(&self) -> Option<String> {
        let short = |text: &str| {
            !text.is_empty()
                && text.len() <= 32
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
        let local = loopback.iter().any(|start| {
            self.issuer.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        if !short(&self.id) {
            return Some(format!("sign_in.providers: id `{}` must be 1 to 32 small letters, digits and -", self.id));
        }
        if !self.issuer.starts_with("https://") && !local {
            return Some(format!("sign_in.providers: the issuer of {} must be an https:// address", self.id));
        }
        if self.name.trim().is_empty() || self.client_id.is_empty() {
            return Some(format!("sign_in.providers: {} needs a name and a client_id", self.id));
        }
        None
    }
}

/// `[audit]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Folder of the keys of trail and sign-in; empty means `keys` in the data folder.
    pub keys_dir: String,
    /// Folder of signed checkpoints, one folder in it per database; empty means `checkpoints` in the data folder.
    pub checkpoints_dir: String,
    /// Whether cases opened at unusual hours are flagged.
    pub flag_outside_hours: bool,
    /// Years for which entries are kept whole; after them payloads can be erased and months removed, by command.
    pub retention_years: i64,
    /// URI of a database user who may change and remove entries, for `audit erase` and `audit prune` alone.
    pub upkeep_uri: String,
}

impl std::fmt::Debug for AuditConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditConfig")
            .field("keys_dir", &self.keys_dir)
            .field("checkpoints_dir", &self.checkpoints_dir)
            .field("retention_years", &self.retention_years)
            .field("upkeep_uri", &if self.upkeep_uri.is_empty() { "" } else { "(set)" })
            .finish_non_exhaustive()
    }
}

impl AuditConfig {
    /// The folder of keys, for a data folder.
    #[must_use]
    pub fn keys_folder(&self, data: &Path) -> PathBuf {
        if self.keys_dir.is_empty() { data.join("keys") } else { PathBuf::from(&self.keys_dir) }
    }

    /// The folder of a database's checkpoints, for a data folder. A copy of a database under another name has its own:
    /// what happens in one is not missing in the other.
    #[must_use]
    pub fn checkpoints_folder(&self, data: &Path, database: &str) -> PathBuf {
        let all = if self.checkpoints_dir.is_empty() {
            data.join("checkpoints")
        } else {
            PathBuf::from(&self.checkpoints_dir)
        };
        all.join(database)
    }
}

/// `[mail]`
#[serde_as]
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The server that takes mail; none means that no mail is sent.
    #[serde_as(as = "NoneAsEmptyString")]
    pub server: Option<MailServer>,
    /// Whom it knows this program as; empty means that it asks nobody.
    pub user: String,
    /// File with that user's password.
    pub password_file: PathBuf,
    /// Address that mail comes from.
    #[serde_as(as = "NoneAsEmptyString")]
    pub from: Option<Email>,
    /// Hour of the day, UTC, at which daily mails are sent.
    pub digest_hour: u8,
}

impl MailConfig {
    /// Whether mail is sent at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.server.is_some()
    }

    /// What is wrong with it, in a sentence.
    fn fault(&self) -> Option<&'static str> {
        let has_password = !self.password_file.as_os_str().is_empty();
        if self.is_on() && !self.from.as_ref().is_some_and(is_deliverable) {
            return Some(
                "mail.server needs mail.from, the address that mail comes from, as in lodestone@clinic.example",
            );
        }
        if self.digest_hour > 23 {
            return Some("mail.digest_hour must be an hour of the day, 0 to 23");
        }
        if self.user.is_empty() == has_password {
            return Some("mail.user and mail.password_file go together: set both, or neither");
        }
        None
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `tracing` filter.
    pub filter: String,
    /// Layout of a line.
    pub format: LogFormat,
}

/// Layout of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file cannot be opened.
    #[error("configuration file {0} cannot be read; check the path given with --config")]
    Missing(PathBuf),
    /// A key is unknown, or a value has the wrong form.
    #[error("configuration: {0}")]
    Invalid(Box<figment::Error>),
    /// Two settings exclude each other, or a value makes no sense.
    #[error("configuration: {0}")]
    Contradiction(String),
}

impl Config {
    /// Defaults, then `file`, then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut layers = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::Missing(path.to_owned()));
            }
            layers = layers.merge(Toml::file_exact(path));
        }
        let from_environment = Env::prefixed("LODESTONE_").filter(|key| key.as_str().contains("__")).split("__");
        let config: Self =
            layers.merge(from_environment).extract().map_err(|error| ConfigError::Invalid(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |sentence: String| Err(ConfigError::Contradiction(sentence));
        let base_url = &self.server.base_url;
        if !(base_url.is_empty() || base_url.starts_with("https://") || base_url.starts_with("http://")) {
            return wrong(format!("server.base_url must start with https:// or http://, not `{base_url}`"));
        }
        if base_url.starts_with("http://") && !self.server.listen.ip().is_loopback() {
            return wrong(
                "server.base_url is http:// on an address that other machines reach: sign-in cookies need https. \
                 Put a TLS proxy in front and set base_url to its https:// address"
                    .to_owned(),
            );
        }
        if base_url.is_empty() && !self.server.listen.ip().is_loopback() {
            return wrong(
                "server.listen is not a loopback address: set server.base_url to the https:// address people use"
                    .to_owned(),
            );
        }
        if !self.server.metrics_listen.is_empty() && self.server.metrics_listen.parse::<SocketAddr>().is_err() {
            return wrong(format!(
                "server.metrics_listen must be an address and port such as 127.0.0.1:9100, not `{}`",
                self.server.metrics_listen
            ));
        }
        if let Some(fault) = self.sign_in.providers.iter().find_map(ProviderConfig::fault) {
            return wrong(fault);
        }
        for (number, provider) in self.sign_in.providers.iter().enumerate() {
            if self.sign_in.providers[..number]
                .iter()
                .any(|other| other.id == provider.id || other.issuer == provider.issuer)
            {
                return wrong(format!("sign_in.providers: {} is there twice, by id or by issuer", provider.id));
            }
        }
        if let Some(fault) = self.mail.fault() {
            return wrong(fault.to_owned());
        }
        if self.audit.retention_years < 1 {
            return wrong(format!(
                "audit.retention_years must be at least 1, not {}: entries are evidence",
                self.audit.retention_years
            ));
        }
        if self.database.name.is_empty() || !self.database.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return wrong("database.name may hold letters, digits and _ only".to_owned());
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        for (name, value) in [
            ("session.idle_minutes", self.session.idle_minutes),
            ("session.admin_idle_minutes", self.session.admin_idle_minutes),
            ("session.absolute_hours", self.session.absolute_hours),
            ("session.elevated_minutes", self.session.elevated_minutes),
            ("sign_in.per_address", self.sign_in.per_address.into()),
            ("sign_in.per_account", self.sign_in.per_account.into()),
            ("server.max_concurrent_requests", count(self.server.max_concurrent_requests)),
            ("server.concurrent_reads_per_core", count(self.server.concurrent_reads_per_core)),
            ("rates.requests_at_once", count(self.rates.requests_at_once)),
            ("rates.requests_at_once_and_address", count(self.rates.requests_at_once_and_address)),
        ] {
            if value <= 0 {
                return wrong(format!("{name} must be above 0"));
            }
        }
        if self.session.elevated_minutes > 30 {
            return wrong(format!(
                "session.elevated_minutes must be at most 30, not {}",
                self.session.elevated_minutes
            ));
        }
        Ok(())
    }

    /// The origin of pages: scheme, host and port, without a trailing slash.
    #[must_use]
    pub fn origin(&self) -> String {
        if self.server.base_url.is_empty() {
            format!("http://{}", self.server.listen)
        } else {
            self.server.base_url.trim_end_matches('/').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(toml: &str) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), toml).unwrap();
        Config::load(Some(file.path()))
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = with("").unwrap();
        assert_eq!(config.origin(), "http://127.0.0.1:8000");
    }

    #[test]
    fn an_unknown_key_stops_with_its_name() {
        let error = with("[server]\nlissten = 1").unwrap_err().to_string();
        assert!(error.contains("lissten"), "{error}");
    }

    #[test]
    fn a_public_address_needs_an_https_origin() {
        assert!(with("[server]\nlisten = '0.0.0.0:80'").is_err());
        assert!(with("[server]\nlisten = '0.0.0.0:80'\nbase_url = 'http://clinic.example'").is_err());
        let config = with("[server]\nlisten = '0.0.0.0:80'\nbase_url = 'https://clinic.example/'").unwrap();
        assert_eq!(config.origin(), "https://clinic.example");
    }

    #[test]
    fn a_proxy_that_is_no_network_stops_with_a_sentence() {
        assert!(with("").unwrap().server.trusted_proxies.is_empty(), "nobody's word counts unless asked for");
        let config = with("[server]\ntrusted_proxies = ['192.0.2.10', '2001:db8:5::/64']").unwrap();
        assert!(config.server.trusted_proxies[0].contains("192.0.2.10".parse().unwrap()));
        for bad in ["'proxy.example'", "'10.0.0.0/33'", "'10.1.2.3/8'", "''"] {
            let error = with(&format!("[server]\ntrusted_proxies = [{bad}]")).unwrap_err().to_string();
            assert!(error.contains("trusted_proxies") && error.contains("is not a network"), "{error}");
        }
    }

    #[test]
    fn mail_is_off_or_whole() {
        assert!(!with("").unwrap().mail.is_on());
        let server = "[mail]\nserver = 'smtp://127.0.0.1:2525'\n";
        let config = with(&format!("{server}from = 'lodestone@clinic.example'")).unwrap();
        assert_eq!(config.mail.server.unwrap().port, 2525);
        for (more, told) in [
            ("", "mail.from"),
            ("from = 'a,b@clinic.example'", "mail.from"),
            ("from = 'Lodestone <lodestone@clinic.example>'", "e-mail address"),
            ("from = \"a@b.example\\r\\nBcc: c@d.example\"", "e-mail address"),
            ("from = 'a@clinic.example'\nuser = 'lodestone'", "mail.password_file"),
            ("from = 'a@clinic.example'\npassword_file = '/secret'", "mail.user"),
            ("from = 'a@clinic.example'\npassword = 'geheim'", "password"),
            ("from = 'a@clinic.example'\ndigest_hour = 24", "mail.digest_hour"),
        ] {
            let error = with(&format!("{server}{more}")).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("geheim"), "{more}: {error}");
        }
        let error = with("[mail]\nserver = 'smtp://ann:geheim@mail.example'").unwrap_err().to_string();
        assert!(error.contains("mail.server") && !error.contains("geheim"), "{error}");
    }

    #[test]
    fn the_database_uri_is_never_printed() {
        let config = with("[database]\nuri = 'mongodb://ann:geheim@db.example'").unwrap();
        assert!(!format!("{config:?}").contains("geheim"));
    }
}
