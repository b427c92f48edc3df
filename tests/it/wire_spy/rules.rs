//! What a command on each collection has to carry, written by hand and apart from the stores; and the reading of commands
//! that holds them to it. What is not understood is refused.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, DateTime, Document};

/// What commands on a collection are held to while pages are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: it holds nothing of a patient.
    Open,
    /// An own institute, a share or an emergency that runs, or the identity of a case in reach.
    Cases,
    /// The identity of a case in reach and the number of one of its published revisions.
    OfRevision,
    /// The identity of a case in reach, or marks in an own institute that wait for a second reader.
    States,
    /// An institute whose cases the person reads; to read, also one that they administer.
    OfInstitute,
    /// The same, of the order that a mail tells of.
    Outbox,
    /// The identity of a case in reach, an own institute for whose cases it was written, whom it mentions, or that it is to be
    /// erased in an institute that the person audits.
    Comments,
    /// The identity of a case whose history may be read, or a subject that the person administers.
    Events,
    /// Hashes, none of which is another institute's.
    Observations,
    /// Institutes that the person audits, requests that concern one, or nothing but places in the log.
    Entries,
    /// Institutes that the person audits, or identities of documents that concern one.
    Reviewed,
    /// Who asks, or the handle that their browser alone has.
    Personal,
    /// Pages never touch it.
    Machine,
}

use Rule::{
    Cases, Comments, Entries, Events, Machine, Observations, OfInstitute, OfRevision, Open, Outbox, Personal, Reviewed,
    States,
};

/// Every collection.
pub const COLLECTIONS: [(&str, Rule); 43] = [
    ("address_rules", Open),
    ("api_tokens", Open),
    ("audit", Entries),
    ("audit_checkpoints", Open),
    ("audit_erasures", Reviewed),
    ("audit_flag_cases", Machine),
    ("audit_flag_people", Machine),
    ("audit_flag_progress", Open),
    ("audit_flags", Reviewed),
    ("audit_heads", Open),
    ("audit_openings", Reviewed),
    ("audit_verifications", Open),
    ("audit_views", Personal),
    ("break_seal", Open),
    ("case_visits", Personal),
    ("cases", Cases),
    ("comments", Comments),
    ("credentials", Open),
    ("demo_links", Open),
    ("digests", Open),
    ("diseases", Open),
    ("enrolments", Open),
    ("events", Events),
    ("filters", OfInstitute),
    ("genes", Open),
    ("half_sessions", Open),
    ("identities", Open),
    ("institutes", Open),
    ("invitations", Open),
    ("kept_forms", Personal),
    ("load_reservations", Machine),
    ("observations", Observations),
    ("observed_keys", Machine),
    ("outbox", Outbox),
    ("panels", Open),
    ("passkey_ceremonies", Open),
    ("sessions", Open),
    ("sign_in_flows", Open),
    ("transcripts", Open),
    ("users", Open),
    ("variant_columns", OfRevision),
    ("variant_states", States),
    ("variants", OfRevision),
];

/// The rule of a collection; one that was not classified is an error.
fn rule_of(collection: &str) -> Result<Rule, String> {
    let known = COLLECTIONS.iter().find(|(name, _)| *name == collection);
    known.map(|(_, rule)| *rule).ok_or_else(|| format!("collection `{collection}` has no rule"))
}

/// Institutes in which somebody has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// These.
    Of(BTreeSet<String>),
    /// All, and what concerns none.
    Everywhere,
}

impl Places {
    fn hold(&self, institute: &str) -> bool {
        match self {
            Self::Of(some) => some.contains(institute),
            Self::Everywhere => true,
        }
    }
}

/// What somebody may reach at a moment: found from their roles and from what is stored, not by the program.
#[derive(Debug)]
pub struct Reach {
    /// Who asks.
    pub user: String,
    /// The moment.
    pub now: DateTime,
    /// Institutes whose cases they read.
    pub reads: BTreeSet<String>,
    /// Institutes they administer.
    pub administers: Places,
    /// Institutes they audit.
    pub audits: Places,
    /// Cases they may open, with the published revisions of each.
    pub cases: BTreeMap<String, BTreeSet<i64>>,
    /// Of these, cases whose history they may read: not as a guest.
    pub history: BTreeSet<String>,
    /// Cases of institutes they administer.
    pub administered: BTreeSet<String>,
    /// Saved filters of institutes whose cases they read.
    pub filters: BTreeSet<String>,
    /// People they administer.
    pub people: BTreeSet<String>,
    /// Hashes of what other institutes observed.
    pub observed_elsewhere: BTreeSet<Vec<u8>>,
    /// Identities of flags, openings and erasures that they review.
    pub reviewed: BTreeSet<String>,
    /// Requests with an entry that they review.
    pub requests: BTreeSet<String>,
}

/// Whether a condition admits nothing but what fits: by a field that `fits`, by one part of an `$and`, or by all of an `$or`.
fn confined(condition: &Document, fits: &dyn Fn(&str, &Bson) -> bool) -> bool {
    let parts = |value: &Bson| -> Vec<bool> {
        let each = value.as_array().into_iter().flatten();
        each.map(|part| part.as_document().is_some_and(|part| confined(part, fits))).collect()
    };
    condition.iter().any(|(name, value)| match name.as_str() {
        "$and" => parts(value).contains(&true),
        "$or" => matches!(parts(value).as_slice(), [first, rest @ ..] if *first && rest.iter().all(|part| *part)),
        other => !other.starts_with('$') && fits(other, value),
    })
}

/// Whether a field's condition is one value or `$in` some, all of which are good.
fn only(value: &Bson, good: &dyn Fn(&Bson) -> bool) -> bool {
    match value {
        Bson::Document(operators) if operators.keys().any(|name| name.starts_with('$')) => {
            operators.iter().any(|(name, value)| match name.as_str() {
                "$eq" => good(value),
                "$in" => value.as_array().is_some_and(|all| all.iter().all(good)),
                _ => false,
            })
        }
        Bson::RegularExpression(_) | Bson::Null => false,
        value => good(value),
    }
}

fn text_in(value: &Bson, good: &dyn Fn(&str) -> bool) -> bool {
    only(value, &|value| value.as_str().is_some_and(good))
}

/// Whether code of the database, or a condition that no rule reads, hides somewhere.
fn forbidden(value: &Bson) -> Option<&str> {
    match value {
        Bson::Document(document) => document.iter().find_map(|(name, value)| {
            let code = matches!(name.as_str(), "$where" | "$function" | "$accumulator" | "$out" | "$merge");
            if code { Some(name.as_str()) } else { forbidden(value) }
        }),
        Bson::Array(all) => all.iter().find_map(forbidden),
        Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => Some("JavaScript"),
        _ => None,
    }
}

/// Whether stages tell how many there are of each institute and nothing more, which admins of the system may know.
fn counts_by_institute(stages: &[&Document]) -> bool {
    let in_order = bson::doc! { "$sort": { "institute": 1 } };
    let counted = bson::doc! { "$group": { "_id": "$institute", "n": { "$sum": 1 } } };
    stages == [&in_order, &counted]
}

impl Reach {
    /// Whether a condition keeps a command on a collection within reach.
    fn holds(&self, rule: Rule, condition: &Document) -> bool {
        let of_case = |name: &str, value: &Bson| name == "case_id" && text_in(value, &|id| self.cases.contains_key(id));
        match rule {
            Open => true,
            Cases => confined(condition, &|name, value| self.holds_case(name, value)) || self.holds_named(condition),
            // Their admins choose the clinical filter among an institute's saved ones.
            OfInstitute => confined(condition, &|name, value| {
                let theirs = |id: &str| self.reads.contains(id) || self.administers.hold(id);
                name == "institute" && text_in(value, &theirs)
            }),
            Outbox => confined(condition, &|name, value| {
                name == "about.institute" && text_in(value, &|id| self.reads.contains(id))
            }),
            States => {
                let waiting = |name: &str, value: &Bson| {
                    matches!(name, "awaits" | "validates") && text_in(value, &|id| self.reads.contains(id))
                };
                confined(condition, &of_case) || confined(condition, &waiting)
            }
            Comments => {
                let either = condition.get_array("$or").is_ok_and(|parts| {
                    !parts.is_empty()
                        && parts.iter().all(|part| part.as_document().is_some_and(|part| self.holds(rule, part)))
                });
                either || confined(condition, &of_case) || self.holds_comments(condition)
            }
            OfRevision => confined(condition, &of_case) && self.holds_revision(condition),
            Events => confined(condition, &|name, value| self.holds_event(name, value)),
            Observations => confined(condition, &|name, value| {
                let own = |id: &Bson| match id {
                    Bson::Binary(hash) => !self.observed_elsewhere.contains(&hash.bytes),
                    _ => false,
                };
                name == "_id" && only(value, &own)
            }),
            Entries => {
                let everything = self.audits == Places::Everywhere;
                everything || confined(condition, &|name, value| self.holds_entry(name, value))
            }
            Reviewed => {
                let everything = self.audits == Places::Everywhere;
                everything || confined(condition, &|name, value| self.holds_reviewed(name, value))
            }
            Personal => confined(condition, &|name, value| name == "user" && text_in(value, &|user| user == self.user)),
            Machine => false,
        }
    }

    fn holds_case(&self, name: &str, value: &Bson) -> bool {
        let running = |value: &Bson, whose: &str, good: &dyn Fn(&str) -> bool| {
            let Some(one) = value.as_document().and_then(|value| value.get_document("$elemMatch").ok()) else {
                return false;
            };
            let until = one.get_document("until").and_then(|until| until.get_datetime("$gt"));
            let ended = one.get_document("ended").and_then(|ended| ended.get_bool("$exists"));
            until.is_ok_and(|until| *until >= self.now)
                && ended.is_ok_and(|exists| !exists)
                && one.get(whose).is_some_and(|value| text_in(value, good))
        };
        match name {
            "_id" => text_in(value, &|id| self.cases.contains_key(id)),
            "institute" => text_in(value, &|id| self.reads.contains(id)),
            "shares" => running(value, "with", &|id| self.reads.contains(id)),
            "emergencies" => running(value, "by.user", &|user| user == self.user),
            _ => false,
        }
    }

    /// An administrator looks one case up, by institute and name, to open it in an emergency.
    fn holds_named(&self, condition: &Document) -> bool {
        condition.get_str("institute").is_ok_and(|id| self.administers.hold(id)) && condition.get_str("name").is_ok()
    }

    /// All revisions that a condition names are published ones of the cases that it names.
    fn holds_revision(&self, condition: &Document) -> bool {
        let named =
            |id: &&String| confined(condition, &|name, value| name == "case_id" && text_in(value, &|one| one == *id));
        let Some(case) = self.cases.keys().find(named) else { return false };
        let published = |number: i64| self.cases[case].contains(&number);
        confined(condition, &|name, value| match name {
            "revision" => only(value, &|one| one.as_i64().or(one.as_i32().map(i64::from)).is_some_and(published)),
            // The identity of a document ends with its revision.
            "_id" => only(value, &|one| match one {
                Bson::Binary(id) => {
                    id.bytes.last_chunk().is_some_and(|end| published(i64::from(u32::from_be_bytes(*end))))
                }
                _ => false,
            }),
            _ => false,
        })
    }

    fn holds_comments(&self, condition: &Document) -> bool {
        let by =
            |name: &str, good: &dyn Fn(&str) -> bool| condition.get(name).is_some_and(|value| text_in(value, good));
        let for_all = by("institute", &|id| self.reads.contains(id)) && by("reach", &|reach| reach == "institute");
        let to_erase = condition
            .get_document("redaction.asked_at")
            .is_ok_and(|asked| asked.get_bool("$exists").is_ok_and(|there| there))
            && (self.audits == Places::Everywhere || by("owner", &|id| self.audits.hold(id)));
        for_all || to_erase || by("mentions.user", &|user| user == self.user)
    }

    fn holds_event(&self, name: &str, value: &Bson) -> bool {
        match name {
            "case_id" => text_in(value, &|id| self.history.contains(id)),
            "subject" => text_in(value, &|subject| match subject.split_once('/') {
                Some(("institute", id)) => self.administers.hold(id),
                Some(("filter", id)) => self.filters.contains(id),
                Some(("user", id)) => self.people.contains(id),
                Some(("addresses", limited)) => {
                    let place = limited.split(':').next().unwrap_or_default();
                    self.administers.hold(place) && (place != "system" || self.administers == Places::Everywhere)
                }
                _ => false,
            }),
            _ => false,
        }
    }

    fn holds_entry(&self, name: &str, value: &Bson) -> bool {
        match name {
            "institute" | "guest" => self.holds_audited(value),
            "request_id" => text_in(value, &|id| self.requests.contains(id)),
            _ => false,
        }
    }

    fn holds_reviewed(&self, name: &str, value: &Bson) -> bool {
        match name {
            "institute" => self.holds_audited(value),
            "_id" => text_in(value, &|id| self.reviewed.contains(id)),
            "request_id" => text_in(value, &|id| self.requests.contains(id)),
            _ => false,
        }
    }

    fn holds_audited(&self, value: &Bson) -> bool {
        text_in(value, &|id| matches!(&self.audits, Places::Of(some) if some.contains(id)))
    }

    /// Whether a document may be added to a collection.
    fn takes(&self, rule: Rule, document: &Document) -> bool {
        match rule {
            Open | Entries => true, // whoever asks leaves entries
            Events => match document.get_str("case_id") {
                Ok(case) => {
                    // Guests comment without reading the history, and auditors erase what others wrote.
                    let audited = document.get_str("institute").is_ok_and(|id| self.audits.hold(id));
                    let of_comment = document.get_str("subject").is_ok_and(|subject| subject.starts_with("comment/"));
                    self.history.contains(case)
                        || self.administered.contains(case)
                        || (of_comment && (audited || self.cases.contains_key(case)))
                }
                Err(_) if document.get_str("subject").is_ok_and(|subject| subject.starts_with("filter/")) => {
                    document.get_str("institute").is_ok_and(|id| self.reads.contains(id))
                }
                Err(_) => ["institute/", "user/", "addresses/"]
                    .iter()
                    .any(|kind| document.get_str("subject").is_ok_and(|subject| subject.starts_with(kind))),
            },
            OfInstitute => document.get_str("institute").is_ok_and(|id| self.reads.contains(id)),
            Outbox => {
                let told = document.get_document("about").and_then(|about| about.get_str("institute"));
                told.is_ok_and(|id| self.reads.contains(id))
            }
            Personal => document.get_str("user").is_ok_and(|user| user == self.user),
            Comments => document.get_str("case_id").is_ok_and(|case| self.cases.contains_key(case)),
            Reviewed => match document.get_str("institute") {
                Ok(institute) => self.audits.hold(institute),
                Err(_) => self.audits == Places::Everywhere,
            },
            Cases | OfRevision | States | Observations | Machine => false,
        }
    }

    /// Whether a change of one document that was read before names it.
    fn may_change(&self, rule: Rule, condition: &Document) -> bool {
        let id = condition.get_str("_id");
        match rule {
            Cases => id.is_ok_and(|id| self.history.contains(id) || self.administered.contains(id)),
            // The hash of a handle of 256 bits.
            Personal => id.is_ok_and(|id| id.len() == 64) || self.holds(rule, condition),
            Comments => {
                let audited = |condition: &Document| condition.get_str("owner").is_ok_and(|id| self.audits.hold(id));
                self.holds(rule, condition) || (id.is_ok() && audited(condition))
            }
            Events | Entries | OfRevision | Observations | Outbox => false,
            Open | OfInstitute | States | Reviewed | Machine => self.holds(rule, condition),
        }
    }

    /// What is wrong with the stages of an aggregation; `rule` is that of the collection they begin with.
    fn judge_pipeline(&self, rule: Rule, stages: &[Bson]) -> Result<(), String> {
        let stages: Vec<&Document> = stages.iter().filter_map(Bson::as_document).collect();
        let first: Vec<Bson> = stages
            .iter()
            .map_while(|stage| stage.get_document("$match").ok())
            .map(|condition| Bson::Document(condition.clone()))
            .collect();
        let mut condition = Document::new();
        condition.insert("$and", first);
        let counts = rule == Cases && self.administers == Places::Everywhere && counts_by_institute(&stages);
        if !counts && !self.holds(rule, &condition) {
            return Err(format!("stages that begin with everything: {stages:?}"));
        }
        stages.iter().try_for_each(|stage| self.judge_stage(rule, stage))
    }

    fn judge_stage(&self, rule: Rule, stage: &Document) -> Result<(), String> {
        let Some((name, what)) = stage.iter().next() else { return Err("an empty stage".to_owned()) };
        let inner = |what: &Document| what.get_array("pipeline").cloned().ok();
        match (name.as_str(), what) {
            (
                "$match" | "$project" | "$group" | "$sort" | "$limit" | "$skip" | "$unwind" | "$set" | "$addFields"
                | "$unset" | "$count" | "$replaceRoot" | "$replaceWith",
                _,
            ) => Ok(()),
            ("$lookup", Bson::Document(what)) => {
                let from = rule_of(what.get_str("from").map_err(|_| "a $lookup from nowhere")?)?;
                // From a case that is in reach to what belongs to it.
                let joined = rule == Cases
                    && from == States
                    && what.get_str("localField").is_ok_and(|name| name == "_id")
                    && what.get_str("foreignField").is_ok_and(|name| name == "case_id");
                match inner(what) {
                    _ if joined => Ok(()),
                    Some(stages) => self.judge_pipeline(from, &stages),
                    None if from == Open => Ok(()),
                    None => Err(format!("a $lookup without a condition: {what}")),
                }
            }
            ("$unionWith", Bson::Document(what)) => {
                let of = rule_of(what.get_str("coll").map_err(|_| "a $unionWith of nothing")?)?;
                self.judge_pipeline(of, &inner(what).unwrap_or_default())
            }
            ("$unionWith", Bson::String(collection)) => self.judge_pipeline(rule_of(collection)?, &[]),
            ("$facet", Bson::Document(parts)) => {
                let all = parts.values().filter_map(Bson::as_array).flatten().filter_map(Bson::as_document);
                all.into_iter().try_for_each(|stage| self.judge_stage(rule, stage))
            }
            _ => Err(format!("a stage that no rule reads: {stage}")),
        }
    }

    /// What is wrong with a command, if anything.
    pub fn judge(&self, name: &str, command: &Document) -> Result<(), String> {
        if let Some(code) = forbidden(&Bson::Document(command.clone())) {
            return Err(format!("{code} in {command}"));
        }
        if matches!(name, "ping" | "hello" | "commitTransaction" | "abortTransaction" | "endSessions" | "killCursors") {
            return Ok(());
        }
        let collection = command.get_str(name).map_err(|_| format!("a command on no collection: {command}"))?;
        let rule = rule_of(collection)?;
        let condition = |name: &str| command.get_document(name).cloned().unwrap_or_default();
        let all = |name: &str| command.get_array(name).cloned().unwrap_or_default();
        let refuse = || Err(format!("{name} on {collection} outside of what {} may reach: {command}", self.user));
        let fine = match name {
            "createIndexes" | "listIndexes" => true, // names of fields, no document
            "find" => self.holds(rule, &condition("filter")) || (rule == Entries && is_bare(&condition("projection"))),
            "count" | "distinct" => self.holds(rule, &condition("query")),
            "findAndModify" => self.may_change(rule, &condition("query")),
            "aggregate" => return self.judge_pipeline(rule, &all("pipeline")),
            "insert" => all("documents").iter().all(|one| one.as_document().is_some_and(|one| self.takes(rule, one))),
            "update" | "delete" => {
                let parts = if name == "update" { all("updates") } else { all("deletes") };
                let of = |part: &Bson| part.as_document().and_then(|part| part.get_document("q").ok()).cloned();
                !parts.is_empty() && parts.iter().all(|part| of(part).is_some_and(|q| self.may_change(rule, &q)))
            }
            _ => return Err(format!("a command that no rule reads: {command}")),
        };
        if fine { Ok(()) } else { refuse() }
    }
}

/// Whether all that is read of entries is their place in the log: that there is one, not what it says.
fn is_bare(projection: &Document) -> bool {
    let places = ["_id", "log_id", "seq", "seal", "request_id", "recorded_at"];
    !projection.is_empty()
        && projection.iter().all(|(name, shown)| {
            places.contains(&name.as_str()) && shown.as_i32().or(shown.as_bool().map(i32::from)).is_some()
        })
        && projection.values().any(|shown| *shown == Bson::Int32(1))
}
