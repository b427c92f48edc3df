//! `lodestone audit …`: is the trail whole, and giving it to others.

use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bson::Document;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Globals, SystemScope, open};
use crate::app::AppState;
use crate::audit::checkpoint;
use crate::audit::keys::{self, VerifierKey};
use crate::audit::lines::{self, Read, Trailer};
pub use crate::audit::verification::verify_store;
use crate::audit::verification::{VerificationStore, checkpoints};
use crate::audit::verify::{PublicPart, Report, Verifier};
use crate::audit::{AuditStore, flags, formats, unseal};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::decode;
use crate::ids::InstituteId;

/// `lodestone audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Is the trail whole? Ends with 0 whole, 1 tampered with, 2 incomplete
    Verify(VerifyArguments),
    /// Write the trail to standard output
    Export(ExportArguments),
    /// Search what is new in the trail for what somebody should look at, and list open flags
    Flags {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Erase payloads of entries whose retention period has passed, where two auditors decided so
    Erase,
    /// Remove months whose retention period has passed, from a trail that verifies
    Prune {
        /// Only say how much there is
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the public keys that checkpoints are verified with
    Key,
}

/// `lodestone audit verify …`
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Only what was recorded since this time, and signed at it: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// A whole export to verify, in place of the database
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Folder of signed checkpoints outside the database [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// File of public keys, one a line [default: those in the folder of keys]
    #[arg(long, value_name = "FILE")]
    pub public_keys: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lodestone audit export …`
#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    format: FormatArguments,
    /// From this time on, e.g. 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
    /// Entries of one institute only
    #[arg(long, value_name = "ID")]
    pub institute: Option<InstituteId>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct FormatArguments {
    /// Lines of JSON, which `audit verify --export` reads
    #[arg(long)]
    ndjson: bool,
    /// A table
    #[arg(long)]
    csv: bool,
    /// FHIR R4 `AuditEvent` resources, one a line
    #[arg(long)]
    fhir: bool,
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| "write 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(start.timestamp())
}

/// `lodestone audit key`
pub(super) fn print_keys(globals: &Globals, config: &Config) -> anyhow::Result<()> {
    for key in keys::verifier_keys(&config.audit.keys_folder(&open::data_dir(globals)?))? {
        println!("{key}");
    }
    Ok(())
}

/// `lodestone audit verify`; the report decides the exit code.
pub(super) async fn verify(globals: &Globals, config: &Config, arguments: &VerifyArguments) -> anyhow::Result<Report> {
    let data = open::data_dir(globals)?;
    let keys = match &arguments.public_keys {
        Some(path) => keys::read_verifier_keys(path)?,
        None => keys::verifier_keys(&config.audit.keys_folder(&data))?,
    };
    let clock = Clock::system();
    let report = if let Some(export) = &arguments.export {
        verify_export(export, arguments.checkpoints.as_deref(), &keys, arguments.from, clock.now())?
    } else {
        let open = open::connect(config, &data, &config.database.name).await?;
        let configured = config.audit.checkpoints_folder(&data, open.db.name());
        let folder = arguments.checkpoints.as_ref().unwrap_or(&configured);
        let done = async {
            let report = verify_store(&AuditStore::new(&open.db), folder, &keys, arguments.from, clock.now()).await;
            // Only a look at the whole trail can take back a fault found before.
            if let Ok(report) = &report
                && arguments.from.is_none()
            {
                VerificationStore::new(&open.db).note_whole(report, clock.now()).await?;
            }
            // Afterwards, so that the entry about it is not part of what it found.
            let audit = open::audit_writer(config, &data, &open.db, &clock)?;
            open::record(&audit, &clock, "audit verify", &SystemScope::new(), report.is_ok()).await;
            report
        }
        .await;
        open.close().await;
        done?
    };
    print_report(&report, arguments.json)?;
    Ok(report)
}

/// Verifies an export against the checkpoints in its last line and, where given, in a folder.
///
/// # Errors
/// When a file cannot be read.
pub fn verify_export(
    path: &Path,
    folder: Option<&Path>,
    keys: &[VerifierKey],
    from: Option<Timestamp>,
    now: Timestamp,
) -> anyhow::Result<Report> {
    let file = || std::fs::File::open(path).with_context(|| format!("opening {}", path.display()));
    let mut speaking = Vec::new();
    let mut trailer = None;
    for line in BufReader::new(file()?).lines() {
        let line = line.unwrap_or_default();
        // Only entries that speak of other logs, and the trailer, are of interest before the walk.
        if line.contains("\"kind\":\"opened\"") || line.contains("\"kind\":\"removal\"") {
            if let Ok(Read::Entry(sealed)) = lines::read(&line)
                && let Ok(part) = serde_json::from_str::<PublicPart>(&sealed.public)
            {
                speaking.push(part);
            }
        } else if line.starts_with("{\"trailer\"")
            && let Ok(Read::Trailer(found)) = lines::read(&line)
        {
            trailer = Some(found);
        }
    }
    let mut notes = trailer.as_ref().map(|trailer| trailer.notes.clone()).unwrap_or_default();
    if let Some(folder) = folder {
        notes.extend(checkpoint::published(folder)?);
    }
    let mut faults = Vec::new();
    let checkpoints = checkpoints(&notes, keys, &mut faults);
    let mut verifier = Verifier::new(&checkpoints, &speaking, now);
    if let Some(from) = from {
        verifier.leave_out_before(&checkpoints, from);
    }
    for fault in faults {
        verifier.note_false_checkpoint(fault);
    }
    let mut reader = BufReader::with_capacity(1 << 20, file()?);
    let mut line = Vec::new();
    let mut hash = Sha256::new();
    let mut rows = 0;
    let mut ended = false;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = std::str::from_utf8(&line).map_err(anyhow::Error::from);
        match text.and_then(|text| lines::read(text.trim_end_matches('\n'))) {
            Ok(Read::Entry(_)) if ended => verifier.note_unreadable("an entry after the end"),
            Ok(Read::Entry(sealed)) => {
                verifier.entry(&sealed);
                rows += 1;
            }
            Ok(Read::Trailer(found)) => {
                ended = true;
                if found.rows != rows || found.sha256 != data_encoding::HEXLOWER.encode(&hash.clone().finalize()) {
                    verifier.note_unreadable("the last line does not fit the lines before it");
                }
                if !found.whole {
                    verifier.note_incomplete("the export holds a part of the trail only");
                }
            }
            Err(error) => verifier.note_unreadable(&format!("line {}: {error:#}", rows + 1)),
        }
        hash.update(&line);
    }
    if !ended {
        verifier.note_incomplete("the export has no last line: it was cut off");
    }
    Ok(verifier.finish())
}

fn print_report(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    println!(
        "{} entries in {} logs, {} signed checkpoints, {} entries not yet under one, {} erased, {} removed, {} requests without an end",
        report.entries,
        report.logs,
        report.checkpoints,
        report.unsigned,
        report.erased,
        report.removed,
        report.unfinished
    );
    for fault in &report.faults {
        println!("tampered with: log {}, entry {}: {}", fault.log_id, fault.seq, fault.what);
    }
    for what in &report.incomplete {
        println!("incomplete: {what}");
    }
    println!(
        "{}",
        match report.exit_code() {
            0 => "The trail is whole.",
            1 => "The trail was TAMPERED WITH.",
            _ => "The trail could not be verified completely.",
        }
    );
    Ok(())
}

/// `lodestone audit flags`
pub(super) async fn flags(app: &AppState, scope: &SystemScope, json: bool) -> anyhow::Result<()> {
    let raised = flags::runner::run(app).await?;
    let open = flags::FlagStore::new(&app.db).open().await?;
    scope.note_rows(open.len());
    if json {
        println!("{}", serde_json::to_string_pretty(&open)?);
        return Ok(());
    }
    let now = app.clock.now();
    println!("{raised} raised now, {} open", open.len());
    for flag in &open {
        let institute = flag.institute.as_ref().map_or("system", InstituteId::as_str);
        println!("{} d  {institute}  {}: {}", flag.age_days(now), flag.rule.words(), flag.reason);
    }
    Ok(())
}

/// `lodestone audit export`
pub(super) async fn export(app: &AppState, scope: &SystemScope, arguments: &ExportArguments) -> anyhow::Result<()> {
    // What this command itself has left so far belongs to the export, under a checkpoint.
    app.audit.flush(std::time::Duration::from_secs(10)).await;
    let mut time = Document::new();
    if let Some(from) = arguments.from {
        time.insert("$gte", bson::DateTime::from_millis(from.as_millisecond()));
    }
    if let Some(to) = arguments.to {
        time.insert("$lt", bson::DateTime::from_millis(to.as_millisecond()));
    }
    let mut filter = Document::new();
    if !time.is_empty() {
        filter.insert("occurred_at", time);
    }
    if let Some(institute) = &arguments.institute {
        filter.insert("institute", institute);
    }
    let store = AuditStore::new(&app.db);
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    let (format, written) = if arguments.format.csv {
        ("csv", export_csv(&store, filter, out).await)
    } else if arguments.format.fhir {
        ("fhir", export_fhir(&store, filter, out).await)
    } else {
        let whole = filter.is_empty();
        ("ndjson", export_lines(&store, filter, whole, out).await)
    };
    scope.note_export(format, written.context("writing the export")?);
    Ok(())
}

/// Lines of JSON with a last line that sums them up.
pub async fn export_lines(
    store: &AuditStore,
    filter: Document,
    whole: bool,
    mut out: impl Write,
) -> anyhow::Result<u64> {
    let notes = store.notes().await?;
    let mut rows = 0;
    let mut hash = Sha256::new();
    store
        .walk(filter, |document| {
            let line = lines::write(&unseal(&document)?)?;
            hash.update(&line);
            rows += 1;
            anyhow::Ok(out.write_all(line.as_bytes())?)
        })
        .await?;
    let sha256 = data_encoding::HEXLOWER.encode(&hash.finalize());
    out.write_all(lines::write_trailer(&Trailer { rows, sha256, whole, notes })?.as_bytes())?;
    out.flush()?;
    Ok(rows)
}

async fn export_csv(store: &AuditStore, filter: Document, out: impl Write) -> anyhow::Result<u64> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(formats::COLUMNS)?;
    let mut rows = 0;
    store
        .walk(filter, |document| {
            rows += 1;
            anyhow::Ok(table.write_record(formats::cells(&decode("audit", &document)?))?)
        })
        .await?;
    table.flush()?;
    Ok(rows)
}

async fn export_fhir(store: &AuditStore, filter: Document, mut out: impl Write) -> anyhow::Result<u64> {
    let mut rows = 0;
    store
        .walk(filter, |document| {
            rows += 1;
            anyhow::Ok(writeln!(out, "{}", formats::fhir(&decode("audit", &document)?))?)
        })
        .await?;
    out.flush()?;
    Ok(rows)
}
