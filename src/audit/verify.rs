//! Is the trail whole? Walks all logs entry by entry and compares them with signed checkpoints and with what other logs
//! say about them.

use std::collections::{BTreeMap, HashMap, HashSet};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{self, Hash, START};
use super::checkpoint::Checkpoint;
use super::entry::Head;
use super::removal::{Pruned, Removal, Removals};
use super::seal::Sealed;

/// Longest time that entries may be without a checkpoint over them.
const UNSIGNED_SECONDS: i64 = 60;
/// Faults that are named; the rest is counted.
const NAMED: usize = 100;

/// What the verifier reads of a public part.
#[derive(Debug, Deserialize)]
pub struct PublicPart {
    /// The log.
    pub log_id: String,
    /// Place in it.
    pub seq: i64,
    /// `opened`, `intent`, `outcome`, `summary` or `removal`.
    pub kind: String,
    /// Joins intent and outcome.
    pub request_id: String,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// Heads of other logs, in a log's first entry.
    #[serde(default)]
    pub heads: Option<Vec<Head>>,
    /// What was taken out of the trail, in an entry of that kind.
    #[serde(default)]
    pub removal: Option<Removal>,
}

/// Something that says what a log's chain was at some size.
#[derive(Debug, Clone)]
struct Claim {
    chain: Hash,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Checkpoint(Timestamp),
    OtherLog(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Checkpoint(at) => write!(f, "the checkpoint signed at {at:.0}"),
            Self::OtherLog(log) => write!(f, "the first entry of log {log}"),
        }
    }
}

/// A fault: somebody changed, removed, added or moved something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The log.
    pub log_id: String,
    /// The first entry concerned, by its place in the log.
    pub seq: i64,
    /// What is wrong.
    pub what: String,
}

/// What the walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Logs, one per process.
    pub logs: usize,
    /// Entries read.
    pub entries: u64,
    /// Signed checkpoints that fit.
    pub checkpoints: usize,
    /// Entries that no checkpoint and no later log covers so far.
    pub unsigned: i64,
    /// Entries whose payload was erased, each by an entry that says so.
    pub erased: u64,
    /// Entries that were removed, by entries that say so.
    pub removed: i64,
    /// Requests that never ended: their process was killed.
    pub unfinished: usize,
    /// Faults, at most a hundred.
    pub faults: Vec<Fault>,
    /// All faults.
    pub fault_count: u64,
    /// What could not be checked.
    pub incomplete: Vec<String>,
}

impl Report {
    /// 0 whole, 1 tampered with, 2 incomplete.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.fault_count, self.incomplete.is_empty()) {
            (0, true) => 0,
            (0, false) => 2,
            _ => 1,
        }
    }

    fn fault(&mut self, log_id: &str, seq: i64, what: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < NAMED {
            self.faults.push(Fault { log_id: log_id.to_owned(), seq, what: what.into() });
        }
    }
}

/// Walks entries, log by log, each in its order.
pub struct Verifier {
    report: Report,
    /// By log, then by number of entries.
    claims: HashMap<String, BTreeMap<i64, Vec<Claim>>>,
    removals: Removals,
    /// Where logs are walked from, when not from their beginning.
    starts: HashMap<String, Pruned>,
    /// Entries that a removal names and that are still there.
    left: u64,
    /// Logs walked to their end.
    ended: HashMap<String, Ended>,
    log: Option<Walk>,
    now: Timestamp,
}

/// A log walked to its end: its entries, and how many of them are signed.
#[derive(Debug, Clone, Copy)]
struct Ended {
    size: i64,
    signed: i64,
}

/// The log being walked.
struct Walk {
    log_id: String,
    next: i64,
    /// As stored: after a fault the stored chain is followed, so that one change is one fault.
    chain: Hash,
    /// Requests begun and not ended.
    open: HashSet<String>,
    /// When the first entry that no checkpoint covers so far was written.
    unsigned_since: Option<Timestamp>,
    signed: i64,
}

impl Verifier {
    /// Begins with all checkpoints known and with all entries that speak of other logs: first ones, which name heads,
    /// and removals.
    #[must_use]
    pub fn new(checkpoints: &[Checkpoint], speaking: &[PublicPart], now: Timestamp) -> Self {
        let mut claims: HashMap<String, BTreeMap<i64, Vec<Claim>>> = HashMap::new();
        let mut report = Report::default();
        for checkpoint in checkpoints {
            let claim = Claim { chain: checkpoint.head, source: Source::Checkpoint(checkpoint.at) };
            claims.entry(checkpoint.log_id.clone()).or_default().entry(checkpoint.size).or_default().push(claim);
        }
        let (removals, wrong) = Removals::of(speaking);
        for (part, what) in wrong {
            report.fault(&part.log_id, part.seq, what);
        }
        for opening in speaking {
            for head in opening.heads.iter().flatten() {
                match HEXLOWER.decode(head.chain.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()) {
                    Some(chain) => {
                        let claim = Claim { chain, source: Source::OtherLog(opening.log_id.clone()) };
                        claims.entry(head.log_id.clone()).or_default().entry(head.size).or_default().push(claim);
                    }
                    None => report.fault(&opening.log_id, opening.seq, "names a head that is no hash"),
                }
            }
        }
        let mut verifier =
            Self { report, claims, removals, starts: HashMap::new(), left: 0, ended: HashMap::new(), log: None, now };
        let pruned: Vec<(String, Pruned)> =
            verifier.removals.all_pruned().map(|(log_id, pruned)| (log_id.to_owned(), pruned)).collect();
        for (log_id, Pruned { size, chain }) in pruned {
            verifier.report.removed += size;
            verifier.begin_at(&log_id, size, chain);
        }
        verifier
    }

    /// Leaves out what was recorded before a time, as far as a signed checkpoint then vouches for it; how many entries of
    /// a log that is.
    pub fn leave_out_before(&mut self, checkpoints: &[Checkpoint], from: Timestamp) -> HashMap<String, i64> {
        for checkpoint in checkpoints.iter().filter(|checkpoint| checkpoint.at <= from) {
            self.begin_at(&checkpoint.log_id, checkpoint.size, checkpoint.head);
        }
        self.starts.iter().map(|(log_id, start)| (log_id.clone(), start.size)).collect()
    }

    /// A log is walked from a place on, where its chain is known.
    fn begin_at(&mut self, log_id: &str, size: i64, chain: Hash) {
        // What is said of earlier entries is said of nothing that is looked at; at the place itself it must fit.
        if let Some(sizes) = self.claims.get_mut(log_id) {
            let kept = sizes.split_off(&size);
            *sizes = kept;
            for claim in sizes.remove(&size).into_iter().flatten() {
                if claim.chain != chain {
                    let what = format!("here the log is not what {} says", claim.source);
                    self.report.fault(log_id, size, what);
                }
            }
        }
        let start = self.starts.entry(log_id.to_owned()).or_insert(Pruned { size, chain });
        if start.size < size {
            *start = Pruned { size, chain };
        }
    }

    /// Notes that something could not be read.
    pub fn note_incomplete(&mut self, what: impl Into<String>) {
        self.report.incomplete.push(what.into());
    }

    /// Notes a checkpoint that no known key signed.
    pub fn note_false_checkpoint(&mut self, what: impl Into<String>) {
        self.report.fault("?", 0, what);
    }

    /// Notes something that is no entry at all.
    pub fn note_unreadable(&mut self, what: &str) {
        let (log_id, seq) = self.log.as_ref().map_or(("?", 0), |log| (log.log_id.as_str(), log.next));
        let log_id = log_id.to_owned();
        self.report.fault(&log_id, seq, format!("here stands something that is no entry: {what}"));
    }

    /// Goes on in the middle of a log that was verified up to here before.
    pub fn resume(&mut self, log_id: &str, size: i64, chain: Hash) {
        self.log = Some(Walk {
            log_id: log_id.to_owned(),
            next: size,
            chain,
            open: HashSet::new(),
            unsigned_since: None,
            signed: size,
        });
    }

    /// The next entry.
    pub fn entry(&mut self, sealed: &Sealed) {
        let public: PublicPart = match serde_json::from_str(&sealed.public) {
            Ok(public) => public,
            Err(error) => return self.note_unreadable(&error.to_string()),
        };
        if self.log.as_ref().is_none_or(|log| log.log_id != public.log_id) {
            self.end_log();
            if self.ended.contains_key(&public.log_id) {
                self.report.fault(&public.log_id, public.seq, "stands apart from the other entries of its log");
            }
            self.report.logs += 1;
            let (size, chain) = self.starts.get(&public.log_id).map_or((0, START), |start| (start.size, start.chain));
            self.resume(&public.log_id, size, chain);
        }
        let Some(log) = self.log.as_mut() else { return };
        if public.seq < log.next && self.starts.get(&log.log_id).is_some_and(|start| public.seq < start.size) {
            self.left += u64::from(self.removals.pruned(&log.log_id).is_some_and(|pruned| public.seq < pruned.size));
            return;
        }
        let report = &mut self.report;
        report.entries += 1;
        let mut broken = false;
        if public.seq != log.next {
            let what = match public.seq - log.next {
                1 => "this entry is missing".to_owned(),
                missing if missing > 1 => format!("{missing} entries are missing from here on"),
                _ => format!("entry {} follows where entry {} should", public.seq, log.next),
            };
            report.fault(&log.log_id, log.next.min(public.seq), what);
            broken = true;
        }
        if (public.seq == 0) != (public.kind == "opened") {
            report.fault(&log.log_id, public.seq, "a log begins with an entry of kind `opened`, and only there");
        }
        match (&sealed.payload, &sealed.salt) {
            (Some(payload), Some(salt)) => {
                if chain::payload_hash(salt, payload) != sealed.payload_hash {
                    report.fault(&log.log_id, public.seq, "its payload was changed");
                }
            }
            _ if self.removals.covers(&log.log_id, public.seq, public.recorded_at) => report.erased += 1,
            _ => report.fault(&log.log_id, public.seq, "its payload is gone, and no entry says that it was erased"),
        }
        let after = chain::link(&log.chain, &chain::leaf(&sealed.payload_hash, &sealed.public));
        if after != sealed.chain && !broken {
            report.fault(&log.log_id, public.seq, "it was changed, or the one before it");
        }
        log.chain = sealed.chain;
        log.next = public.seq + 1;
        log.unsigned_since.get_or_insert(public.recorded_at);
        match public.kind.as_str() {
            "intent" => {
                log.open.insert(public.request_id);
            }
            "outcome" => {
                log.open.remove(&public.request_id);
            }
            _ => {}
        }
        if let Some(claims) = self.claims.get_mut(&log.log_id).and_then(|claims| claims.remove(&log.next)) {
            for claim in claims {
                if claim.chain == log.chain {
                    // A log that names this one is signed itself, or found wanting.
                    report.checkpoints += usize::from(matches!(claim.source, Source::Checkpoint(_)));
                    log.signed = log.next;
                    log.unsigned_since = None;
                } else {
                    let what = format!("up to here the log is not what {} says", claim.source);
                    report.fault(&log.log_id, public.seq, what);
                }
            }
        }
    }

    fn end_log(&mut self) {
        let Some(log) = self.log.take() else { return };
        self.ended.insert(log.log_id.clone(), Ended { size: log.next, signed: log.signed });
        self.report.unfinished += log.open.len();
        self.report.unsigned += log.next - log.signed;
        if log.signed == 0 {
            self.report.incomplete.push(format!("log {} is under no checkpoint", log.log_id));
        } else if let Some(since) = log.unsigned_since
            && self.now.duration_since(since).as_secs() > UNSIGNED_SECONDS
        {
            let count = log.next - log.signed;
            self.report.incomplete.push(format!(
                "the last {count} entries of log {} are under no checkpoint since {since:.0}: its process was killed, or they were added afterwards",
                log.log_id
            ));
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.end_log();
        let mut beyond: Vec<_> = self.claims.iter().collect();
        beyond.sort_by_key(|(log_id, _)| log_id.as_str());
        for (log_id, sizes) in beyond {
            let not_walked = self.starts.get(log_id).map(|start| start.size);
            let present = self.ended.get(log_id).map(|ended| ended.size).or(not_walked);
            // What is said of entries in a gap is no fault of its own: the gap is.
            let later = sizes.range(present.unwrap_or(0) + 1..);
            let Some((size, claims)) = later.last() else { continue };
            let source = claims.first().map(|claim| claim.source.to_string()).unwrap_or_default();
            let what = match present {
                Some(present) => format!("the log ends after {present} entries; {source} covers {size}"),
                None => format!("the whole log is gone; {source} covers {size} entries of it"),
            };
            self.report.fault(log_id, present.unwrap_or(0), what);
        }
        for (log_id, seq) in &self.removals.said_by {
            if self.ended.get(log_id).is_some_and(|ended| ended.signed <= *seq) {
                self.report.fault(log_id, *seq, "speaks of a removal, and no checkpoint covers it");
            }
        }
        if self.left > 0 {
            let left = self.left;
            self.report.incomplete.push(format!(
                "{left} entries that were to be removed are still there: run `lodestone audit prune` again"
            ));
        }
        self.report
    }
}
