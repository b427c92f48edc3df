//! What the history of a case tells a reader, for page and API alike.

use super::facts::{self, AboutVariant, Fact};
use super::query::{Place, TimelineQuery};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::CaseAccess;
use crate::db::StoreError;
use crate::error::AppResult;
use crate::events::Event;
use crate::ids::VariantId;
use crate::users::Colleague;
use crate::variants::VariantNames;

/// Events at once.
const SHOWN: usize = 100;

/// Events of a case, the newest first.
pub(crate) struct Told {
    pub events: Vec<ToldEvent>,
    /// Those who read the reader's institute's cases.
    pub colleagues: Vec<Colleague>,
    /// Variants by the names that the case's lists give them.
    pub names: VariantNames,
    /// Where older ones begin.
    pub older: Option<Place>,
    /// Whether changes are left out that the reader is to come to by themselves.
    pub keeps_back: bool,
}

/// One of them.
pub(crate) struct ToldEvent {
    pub event: Event,
    pub about: Option<AboutVariant>,
    pub facts: Vec<Fact>,
}

impl Told {
    /// What a reader of a case asks for; guests are told nothing.
    pub(crate) async fn of(
        app: &AppState,
        access: &CaseAccess,
        query: &TimelineQuery,
        trail: &Trail,
    ) -> AppResult<Self> {
        // One more than is shown tells whether there are older ones.
        let asked = query.events(i64::try_from(SHOWN).unwrap_or(i64::MAX) + 1);
        let (mut found, colleagues) =
            tokio::try_join!(app.events.of_case(access, &asked), app.users.readers(access.reader()))?;
        let more = found.len() > SHOWN;
        found.truncate(SHOWN);
        trail.note_rows(found.len());
        let older = found.last().filter(|_| more).map(Place::of);
        let is_kept = keeps(app, access).await?;
        let (mut events, mut keeps_back) = (Vec::with_capacity(found.len()), false);
        for event in found {
            if is_kept(&event)? {
                keeps_back = query.variant.is_none();
                continue;
            }
            let (about, facts) = (facts::variant(&event)?, facts::of(&event, &colleagues, access.case())?);
            events.push(ToldEvent { event, about, facts });
        }
        let about = events.iter().filter_map(|told| told.about.as_ref());
        let mut ids: Vec<VariantId> = about.map(|about| about.id().clone()).collect();
        ids.sort();
        ids.dedup();
        let names = app.variants.names(access, &ids).await?;
        Ok(Self { events, colleagues, names, older, keeps_back })
    }

    /// What a variant is called.
    pub(crate) fn name_of<'a>(&'a self, about: &'a AboutVariant) -> &'a str {
        let said = match about {
            AboutVariant::Id(_) => None,
            AboutVariant::Named(_, name) => Some(name.as_str()),
        };
        self.names.call(about.id(), said)
    }
}

/// Tells which events speak of a mark that the reader is to come to by themselves.
async fn keeps(app: &AppState, access: &CaseAccess) -> AppResult<impl Fn(&Event) -> Result<bool, StoreError>> {
    let kept = app.states.kept_back(access).await?;
    let user = access.principal().user().clone();
    Ok(move |event: &Event| {
        let id = event.subject.strip_prefix("variant/").and_then(|id| id.parse::<VariantId>().ok());
        if id.is_some_and(|id| kept.contains(&id)) { facts::is_kept_from(event, &user) } else { Ok(false) }
    })
}

impl AboutVariant {
    /// Which.
    pub(crate) fn id(&self) -> &VariantId {
        match self {
            Self::Id(id) | Self::Named(id, _) => id,
        }
    }
}
