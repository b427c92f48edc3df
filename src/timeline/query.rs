use jiff::Timestamp;

use crate::error::{AppError, AppResult, FieldError};
use crate::events::{CaseEvents, Event, EventKind};
use crate::ids::{UserId, VariantId};
use crate::web::Params;

/// What a reader asks for. Conditions narrow together; all of it is in the query string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TimelineQuery {
    /// Only changes of this kind.
    pub kind: Option<Topic>,
    /// Only what this person did.
    pub person: Option<UserId>,
    /// Only what concerns this variant.
    pub variant: Option<VariantId>,
    /// The page before this event.
    pub before: Option<Place>,
}

/// Where an event stands among others of its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    at: Timestamp,
    id: String,
}

/// Kinds of change, as people group them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Lists,
    Work,
    Decisions,
    Comments,
    Filters,
    Sharing,
    Consent,
    Readers,
    Emergencies,
}

impl Topic {
    /// All, in the order of the form.
    pub(super) const ALL: [Self; 9] = [
        Self::Lists,
        Self::Work,
        Self::Decisions,
        Self::Comments,
        Self::Filters,
        Self::Sharing,
        Self::Consent,
        Self::Readers,
        Self::Emergencies,
    ];

    /// The value in addresses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::Work => "work",
            Self::Decisions => "decisions",
            Self::Comments => "comments",
            Self::Filters => "filters",
            Self::Sharing => "sharing",
            Self::Consent => "consent",
            Self::Readers => "readers",
            Self::Emergencies => "emergencies",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Lists => "loading",
            Self::Work => "the work on the case",
            Self::Decisions => "decisions on variants",
            Self::Comments => "comments",
            Self::Filters => "use of saved filters",
            Self::Sharing => "sharing",
            Self::Consent => "consent and research",
            Self::Readers => "who reads the case",
            Self::Emergencies => "emergency access",
        }
    }

    fn kinds(self) -> Vec<EventKind> {
        match self {
            Self::Lists => vec![EventKind::CaseLoaded, EventKind::ListReplaced, EventKind::CaseDeleted],
            Self::Work => {
                vec![
                    EventKind::StatusSet,
                    EventKind::PeopleAssigned,
                    EventKind::TagsSet,
                    EventKind::SynopsisWritten,
                    EventKind::CohortsSet,
                    EventKind::GroupsSet,
                ]
            }
            Self::Decisions => {
                vec![EventKind::VariantDecided, EventKind::VariantsDecided, EventKind::VariantsLookedAt]
            }
            Self::Comments => vec![
                EventKind::CommentWritten,
                EventKind::CommentEdited,
                EventKind::CommentRetracted,
                EventKind::RedactionAsked,
                EventKind::CommentRedacted,
                EventKind::RedactionRefused,
            ],
            Self::Filters => vec![EventKind::FilterUsed],
            Self::Sharing => vec![EventKind::Share, EventKind::ShareEnded],
            Self::Consent => {
                vec![EventKind::ConsentRecorded, EventKind::ResearchOpened, EventKind::ResearchClosed]
            }
            Self::Readers => vec![EventKind::ReadersNamed],
            Self::Emergencies => vec![EventKind::BreakGlass, EventKind::BreakGlassEnded],
        }
    }
}

impl Place {
    /// Where an event stands.
    pub(super) fn of(event: &Event) -> Self {
        Self { at: event.at, id: event.id.clone() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('_')?;
        let id = uuid::Uuid::parse_str(id).ok()?.to_string();
        Some(Self { at: at.parse().ok()?, id })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}_{}", self.at, self.id)
    }
}

impl TimelineQuery {
    /// Reads parameters; an unknown, repeated or unreadable one is an error with its name.
    pub(crate) fn parse(params: &Params) -> AppResult<Self> {
        let mut query = Self::default();
        let mut wrong = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in params.pairs() {
            if seen.contains(&name.as_str()) {
                wrong.push(FieldError::new(name, value, "is given twice"));
            } else if let Err(message) = query.set(name, value.trim()) {
                wrong.push(FieldError::new(name, value, message));
            }
            seen.push(name);
        }
        if wrong.is_empty() { Ok(query) } else { Err(AppError::Unprocessable(wrong)) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let known = ["kind", "person", "variant", "before"];
        match name {
            _ if value.is_empty() && known.contains(&name) => {}
            "kind" => {
                let topic = Topic::ALL.into_iter().find(|topic| topic.as_str() == value);
                self.kind = Some(topic.ok_or("is not a kind of change")?);
            }
            "person" => self.person = Some(value.parse().map_err(|_| "is not a person’s id")?),
            "variant" => self.variant = Some(value.parse().map_err(|_| "is not a variant’s id")?),
            "before" => self.before = Some(Place::parse(value).ok_or("is not a place in the timeline")?),
            _ => return Err("this parameter is not known"),
        }
        Ok(())
    }

    /// The parameters that give this query.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        [
            ("kind", self.kind.map(|topic| topic.as_str().to_owned())),
            ("person", self.person.as_ref().map(ToString::to_string)),
            ("variant", self.variant.as_ref().map(ToString::to_string)),
            ("before", self.before.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect()
    }

    /// Whether anything narrows it.
    pub(super) fn is_filtered(&self) -> bool {
        self.kind.is_some() || self.person.is_some() || self.variant.is_some()
    }

    /// The events it asks the history for.
    pub(super) fn events(&self, limit: i64) -> CaseEvents {
        CaseEvents {
            kinds: self.kind.map(Topic::kinds),
            person: self.person.clone(),
            variant: self.variant.clone(),
            before: self.before.clone().map(|place| (place.at, place.id)),
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again() {
        let (person, variant) = ("a".repeat(26), "e".repeat(26));
        let text = format!(
            "kind=comments&person={person}&variant={variant}&before=2026-01-31T12%3A00%3A00.000Z_01900000-0000-7000-8000-000000000000"
        );
        let query = TimelineQuery::parse(&Params::parse(&text)).unwrap();
        assert_eq!(serde_urlencoded::to_string(query.pairs()).unwrap(), text);
        assert!(query.is_filtered());
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (text, field) in [
            ("kind=all", "kind"),
            ("person=Kim", "person"),
            ("variant=1", "variant"),
            ("before=2026-01-31T12:00:00Z", "before"),
            ("kind=comments&kind=lists", "kind"),
            ("nonsense=", "nonsense"),
        ] {
            match TimelineQuery::parse(&Params::parse(text)) {
                Err(AppError::Unprocessable(errors)) => assert_eq!(errors[0].field, field, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(TimelineQuery::parse(&Params::parse("kind=&person=")).unwrap(), TimelineQuery::default());
    }

    proptest::proptest! {
        #[test]
        fn any_query_is_read_or_refused(text in "[a-z0-9=&%+:._-]{0,80}") {
            let _ = TimelineQuery::parse(&Params::parse(&text));
        }
    }
}
