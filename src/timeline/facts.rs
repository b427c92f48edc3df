//! What an event changed, fact by fact, in words.

use bson::Bson;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cases::{Case, CaseWork, Emergency, ListKind, Share};
use crate::casework::in_words;
use crate::comments::{Comment, Reach};
use crate::consent;
use crate::db::StoreError;
use crate::decisions::{reasons_in_words, terms};
use crate::events::{Event, EventKind};
use crate::ids::{UserId, VariantId};
use crate::saved_filters::Usage;
use crate::users::Colleague;
use crate::variants::{PartialCause, Second, TogetherFact, VariantState};
use crate::web::filters;
use crate::{research, restriction};

/// One fact as it was and as it is; empty where there was or is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub what: String,
    pub before: String,
    pub after: String,
}

/// Which variant an event is about, as far as it says so itself.
pub(crate) enum AboutVariant {
    /// To be looked up.
    Id(VariantId),
    /// As the comment names it.
    Named(VariantId, String),
}

/// A list as loads write it down.
#[derive(Deserialize)]
struct LoadedList {
    category: String,
    list: String,
    revision: i64,
    threshold: f64,
}

fn read<T: DeserializeOwned>(event: &Event, state: &Bson) -> Result<Option<T>, StoreError> {
    bson::deserialize_from_bson(state.clone()).map_err(|error| StoreError::Unreadable {
        collection: "events",
        id: event.id.clone(),
        reason: error.to_string(),
    })
}

/// Before and after of an event as `T`, each told by `tell` as what it is; facts that stayed are left out.
fn compared<T: DeserializeOwned>(
    event: &Event,
    tell: impl Fn(&T) -> Vec<(String, String)>,
) -> Result<Vec<Fact>, StoreError> {
    let [before, after] = [&event.before, &event.after].map(|state| read::<T>(event, state));
    let told = |state: Option<T>| state.map(|state| tell(&state)).unwrap_or_default();
    let (before, after) = (told(before?), told(after?));
    let of = |facts: &[(String, String)], what: &str| {
        facts.iter().find(|(name, _)| name == what).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let gone = before.iter().filter(|(what, _)| after.iter().all(|(other, _)| other != what));
    let names = after.iter().chain(gone).map(|(what, _)| what);
    let facts = names.map(|what| Fact { what: what.clone(), before: of(&before, what), after: of(&after, what) });
    Ok(facts.filter(|fact| fact.before != fact.after).collect())
}

/// The facts that an event changed; `people` are those whose names are known.
/// Of the case it says what is closed by now, which older counts and names would tell.
pub(super) fn of(event: &Event, people: &[Colleague], case: &Case) -> Result<Vec<Fact>, StoreError> {
    let closed = case.closed().is_some();
    match event.kind {
        EventKind::StatusSet
        | EventKind::PeopleAssigned
        | EventKind::TagsSet
        | EventKind::SynopsisWritten
        | EventKind::CohortsSet
        | EventKind::GroupsSet => compared(event, |work: &CaseWork| {
            in_words(work, people).into_iter().map(|(what, value)| (what.to_owned(), value)).collect()
        }),
        EventKind::CaseLoaded | EventKind::ListReplaced => compared(event, |all: &Vec<LoadedList>| lists(all, case)),
        EventKind::VariantDecided => compared(event, decisions),
        EventKind::VariantsDecided | EventKind::VariantsLookedAt => {
            compared(event, |fact: &TogetherFact| together(fact, closed))
        }
        EventKind::FilterUsed => compared(event, |used: &Usage| usage(used, closed)),
        EventKind::Share | EventKind::ShareEnded => compared(event, share),
        EventKind::ConsentRecorded => compared(event, consent::in_words),
        EventKind::ReadersNamed => compared(event, |restriction| restriction::in_words(restriction, people)),
        EventKind::ResearchOpened | EventKind::ResearchClosed => compared(event, research::in_words),
        EventKind::BreakGlass | EventKind::BreakGlassEnded => compared(event, emergency),
        EventKind::CommentWritten
        | EventKind::CommentEdited
        | EventKind::CommentRetracted
        | EventKind::RedactionAsked
        | EventKind::CommentRedacted
        | EventKind::RedactionRefused => compared(event, comment),
        EventKind::CaseDeleted
        | EventKind::FilterSaved
        | EventKind::InstituteAdded
        | EventKind::InstituteChanged
        | EventKind::UserAdded
        | EventKind::UserChanged
        | EventKind::AddressesChanged => Ok(Vec::new()),
    }
}

/// Whether an event tells of a mark that this person is to come to by themselves.
pub(super) fn is_kept_from(event: &Event, user: &UserId) -> Result<bool, StoreError> {
    if event.kind != EventKind::VariantDecided || event.actor.user.as_ref() == Some(user) {
        return Ok(false);
    }
    let [before, after] = [&event.before, &event.after].map(|state| read::<VariantState>(event, state));
    Ok(before?.into_iter().chain(after?).any(|state| state.is_kept_from(user)))
}

/// Which variant an event is about.
pub(super) fn variant(event: &Event) -> Result<Option<AboutVariant>, StoreError> {
    if let Some(id) = event.subject.strip_prefix("variant/") {
        return Ok(id.parse().ok().map(AboutVariant::Id));
    }
    if !event.subject.starts_with("comment/") {
        return Ok(None);
    }
    let about = read::<Comment>(event, &event.after)?.and_then(|comment| comment.variant);
    Ok(about.map(|variant| AboutVariant::Named(variant.id, variant.label)))
}

fn lists(all: &[LoadedList], case: &Case) -> Vec<(String, String)> {
    let one = |list: &LoadedList| {
        let threshold = filters::score(list.threshold);
        // How many variants it has would tell how many of them lie outside consent.
        let told = format!("revision {}, variants above rank score {threshold}", list.revision);
        (format!("{} {}", list.list, list.category), told)
    };
    let is_open = |list: &&LoadedList| list.list == ListKind::Clinical.as_str() || case.research.is_some();
    all.iter().filter(is_open).map(one).collect()
}

fn decisions(state: &VariantState) -> Vec<(String, String)> {
    let yes = |is: bool| is.then(|| "yes".to_owned());
    let second = state.mark.as_ref().and_then(|mark| mark.second.as_ref());
    present([
        ("pinned", yes(state.pinned)),
        ("causative", yes(state.causative)),
        ("second reader", second.map(Second::words)),
        ("partial cause", state.partial.as_ref().map(PartialCause::explains)),
        ("mosaicism", (!state.mosaic.is_empty()).then(|| terms::mosaics(&state.mosaic))),
        ("AMP tier", state.tiers.amp.map(|tier| format!("{}, {}", tier.code(), tier.words()))),
        ("ESCAT tier", state.tiers.escat.map(|tier| format!("{}, {}", tier.code(), tier.words()))),
        ("dismissed", (!state.dismissed.is_empty()).then(|| reasons_in_words(&state.dismissed))),
        ("manual rank", state.manual_rank.map(terms::rank)),
        ("validation", state.validation.as_ref().map(|validation| validation.words(false))),
        ("ACMG class", state.acmg.clone()),
        (
            "looked at again",
            state
                .facts
                .as_ref()
                .filter(|facts| facts.looked_at)
                .map(|facts| format!("in revision {} of the list", facts.revision)),
        ),
    ])
}

fn together(fact: &TogetherFact, closed: bool) -> Vec<(String, String)> {
    let dismissed = match fact.dismissed.as_deref() {
        None => None,
        Some([]) => Some("no".to_owned()),
        Some(reasons) => Some(reasons_in_words(reasons)),
    };
    let count = (!closed).then(|| filters::thousands(u64::from(fact.variants)));
    present([("variants", count), ("dismissed", dismissed)])
}

fn usage(usage: &Usage, closed: bool) -> Vec<(String, String)> {
    let shown = format!("{} of {}", filters::thousands(usage.matched), filters::thousands(usage.total));
    let hidden = match usage.hidden_notable {
        0 => "none".to_owned(),
        count if count > usage.hidden.len() as u64 => {
            format!("{}, among them {}", filters::thousands(count), usage.hidden.join(", "))
        }
        _ => usage.hidden.join(", "),
    };
    present([
        ("filter", Some(format!("{}, version {}", usage.name, usage.version))),
        ("in words", Some(usage.words.join("; "))),
        ("variants shown", (!closed).then(|| format!("{shown}, revision {} of the list", usage.revision))),
        ("notable variants hidden", (!closed).then_some(hidden)),
    ])
}

fn share(share: &Share) -> Vec<(String, String)> {
    present([
        ("with", Some(share.with.to_string())),
        ("for", Some(share.purpose.clone())),
        ("lists", Some(share.lists.words().to_owned())),
        ("guests comment", Some(if share.comments { "yes" } else { "no" }.to_owned())),
        ("last day", Some(share.last_day().to_string())),
        ("ended", share.ended.as_ref().map(|end| filters::moment(end.at))),
        ("reason", share.ended.as_ref().and_then(|end| end.reason.clone())),
    ])
}

fn emergency(emergency: &Emergency) -> Vec<(String, String)> {
    present([
        ("reason", Some(emergency.reason.clone())),
        ("until", Some(filters::moment(emergency.until))),
        ("ended", emergency.ended.map(filters::moment)),
    ])
}

fn comment(comment: &Comment) -> Vec<(String, String)> {
    let redaction = comment.redaction.as_ref();
    present([
        ("shown", (comment.reach == Reach::Institute).then(|| "with the variant in all our cases".to_owned())),
        ("to be erased because", redaction.map(|redaction| redaction.reason.clone())),
    ])
}

fn present<const N: usize>(facts: [(&str, Option<String>); N]) -> Vec<(String, String)> {
    facts.into_iter().filter_map(|(what, value)| value.map(|value| (what.to_owned(), value))).collect()
}
