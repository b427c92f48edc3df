//! Clients that append numbered edits to one document, an institute's settings, whatever happens to the server; and what
//! must be true of its history afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::Document;
use lodestone::events::{Event, EventKind, History};
use reqwest::StatusCode;
use scraper::{ElementRef, Html, Selector};

/// What clients tried and what they were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Names that were sent.
    attempted: BTreeSet<String>,
    /// Names that were answered as stored, or found so by reading again.
    acknowledged: BTreeSet<String>,
    /// Times somebody else was faster.
    conflicts: usize,
    /// Times no answer said whether the edit was stored, or it was refused for now.
    unknown: usize,
    /// Of these, edits that were found stored by reading again.
    found: usize,
}

/// Where clients ask, and for how long.
pub struct Arena {
    /// Addresses of the servers.
    pub addresses: Mutex<Vec<String>>,
    /// Whether clients go on.
    pub open: AtomicBool,
    /// The session of an admin of `own`.
    pub session: String,
    /// What came of it.
    pub ledger: Mutex<Ledger>,
}

/// What a browser would send of the form on the settings page.
pub fn fields_of_settings(page: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(page);
    let select = |what: &str| Selector::parse(&format!("form.settings {what}")).expect("a selector");
    let part = |field: &ElementRef<'_>, name: &str| field.attr(name).unwrap_or_default().to_owned();
    let is_sent = |field: &ElementRef<'_>| {
        !matches!(field.attr("type"), Some("checkbox" | "radio")) || field.attr("checked").is_some()
    };
    let mut form: Vec<(String, String)> = html
        .select(&select("input"))
        .filter(is_sent)
        .map(|field| (part(&field, "name"), part(&field, "value")))
        .collect();
    form.extend(html.select(&select("textarea[name]")).map(|area| (part(&area, "name"), area.text().collect())));
    let chosen = Selector::parse("option[selected]").expect("a selector");
    form.extend(html.select(&select("select")).map(|choice| {
        let value = choice.select(&chosen).next().map(|option| part(&option, "value"));
        (part(&choice, "name"), value.unwrap_or_default())
    }));
    form
}

impl Arena {
    /// An open arena.
    pub fn new(session: String, addresses: Vec<String>) -> Arc<Self> {
        Arc::new(Self {
            addresses: Mutex::new(addresses),
            open: AtomicBool::new(true),
            session,
            ledger: Mutex::default(),
        })
    }

    fn address(&self, turn: usize) -> String {
        let addresses = self.addresses.lock().expect("nothing panics with it");
        addresses[turn % addresses.len()].clone()
    }

    fn note(&self, what: impl FnOnce(&mut Ledger)) {
        what(&mut self.ledger.lock().expect("nothing panics with it"));
    }

    /// What one client does: its next number, until it is stored or nobody can say; then the number after it.
    pub async fn edit(self: Arc<Self>, client: usize) {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(8)).build().expect("a client");
        let mut number = 0;
        while self.open.load(Ordering::SeqCst) {
            let name = format!("edit {client}-{number}");
            let address = self.address(client + number);
            let Some(mut form) = self.form(&http, &address).await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            form.retain(|(field, _)| field != "name");
            form.push(("name".to_owned(), name.clone()));
            self.note(|ledger| ledger.attempted.extend([name.clone()]));
            let mut request = http
                .post(format!("http://{address}/own/settings"))
                .header("cookie", format!("__Host-sid={}", self.session))
                .header("origin", format!("http://{address}"))
                .form(&form);
            if number % 5 == 4 {
                // Leaves in the middle of the work.
                request = request.timeout(Duration::from_millis((2 + client as u64 * 7 + number as u64 * 3) % 30));
            }
            match request.send().await.map(|answer| answer.status()) {
                // The page that shows the result was followed to, or was in the way of an outage by then.
                Ok(StatusCode::OK) => {
                    self.note(|ledger| ledger.acknowledged.extend([name]));
                    number += 1;
                }
                Ok(StatusCode::CONFLICT) => self.note(|ledger| ledger.conflicts += 1),
                Ok(StatusCode::UNPROCESSABLE_ENTITY) => panic!("the form is well-formed"),
                _ => {
                    self.note(|ledger| ledger.unknown += 1);
                    // Read again; where that does not tell, the edit is not repeated.
                    let shown = self.form(&http, &self.address(client + number)).await;
                    if shown.is_some_and(|form| form.contains(&("name".to_owned(), name.clone()))) {
                        self.note(|ledger| {
                            ledger.found += 1;
                            ledger.acknowledged.insert(name);
                        });
                    }
                    number += 1;
                }
            }
        }
    }

    /// The fields of the settings' form, as it is shown now.
    async fn form(&self, http: &reqwest::Client, address: &str) -> Option<Vec<(String, String)>> {
        let page = http
            .get(format!("http://{address}/own/settings"))
            .header("cookie", format!("__Host-sid={}", self.session))
            .send()
            .await
            .ok()
            .filter(|answer| answer.status() == StatusCode::OK)?;
        Some(fields_of_settings(&page.text().await.ok()?))
    }

    /// Holds the stored history and the present document to the ledger; a line of figures, or what is broken.
    pub fn check(&self, events: Vec<Document>, institute: &Document) -> Result<String, String> {
        let ledger = self.ledger.lock().expect("nothing panics with it");
        let events = events.into_iter().map(bson::deserialize_from_document::<Event>);
        let events: Vec<Event> = events.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let changes = events.into_iter().filter(|event| event.kind == EventKind::InstituteChanged).collect();
        let history = History::new(changes).map_err(|error| error.to_string())?;
        let revisions: Vec<i64> = history.changes().iter().map(|event| event.rev).collect();
        let last = i64::try_from(revisions.len()).map_err(|error| error.to_string())? + 1;
        if revisions != (2..=last).collect::<Vec<_>>() {
            return Err(format!("two changes for one revision, or one is missing: {revisions:?}"));
        }
        let name =
            |event: &Event| event.after.as_document().and_then(|after| after.get_str("name").ok()).map(str::to_owned);
        let names: Vec<String> = history.changes().iter().filter_map(name).collect();
        let stored: BTreeSet<String> = names.iter().cloned().collect();
        if stored.len() != names.len() {
            return Err("an edit is stored twice".to_owned());
        }
        if let Some(lost) = ledger.acknowledged.difference(&stored).next() {
            return Err(format!("`{lost}` was acknowledged and is not in the history"));
        }
        if let Some(foreign) = stored.difference(&ledger.attempted).next() {
            return Err(format!("`{foreign}` is in the history and nobody sent it"));
        }
        let mut reached = std::collections::HashMap::<&str, u32>::new();
        for name in &names {
            let (client, number) = name.split_once('-').ok_or("a name has a number")?;
            let number = number.parse().map_err(|_| "a name has a number")?;
            if reached.insert(client, number).is_some_and(|before| before >= number) {
                return Err(format!("`{name}` stands after a later edit of its client"));
            }
        }
        let present = history.present().as_document().ok_or("the history has a present")?;
        if institute.get_i64("rev").ok() != Some(last)
            || present.iter().any(|(key, value)| institute.get(key) != Some(value))
        {
            return Err(format!("replaying the history gives {present}, but {institute} is stored"));
        }
        Ok(format!(
            "{} edits sent, {} stored, {} acknowledged, {} conflicts, {} without an answer (of these {} found stored)",
            ledger.attempted.len(),
            names.len(),
            ledger.acknowledged.len(),
            ledger.conflicts,
            ledger.unknown,
            ledger.found
        ))
    }
}
