use bson::{Bson, doc};
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::auth::Principal;
use crate::db::{Stored, index, unique_index};
use crate::ids::{CaseId, InstituteId, TogetherId, UserId, VariantId};

/// One change of one clinical fact, of an institute's settings, of what a person may do or of from where. Appended in the transaction that makes the change; never altered.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Time-ordered identity.
    #[serde(rename = "_id")]
    pub id: String,
    /// What changed: `case/<id>`, `case_work/<id>`, `share/<id>`, `emergency/<id>`, `variant/<id>`, `together/<id>`, `comment/<id>`, `filter/<id>`, `filter_use/<case>/<filter>/<version>/<list revision>/<user>`, `consent/<case>/<individual>`, `restriction/<case>`, `research/<case>`, `institute/<id>`, `user/<id>` or `addresses/<subject>`.
    pub subject: String,
    /// Revision of the subject after this change; unique per subject.
    pub rev: i64,
    /// What kind of change.
    pub kind: EventKind,
    /// The institute the fact belongs to; none for what a person may do in the whole system.
    pub institute: Option<InstituteId>,
    /// The case it is about; none for settings and people.
    pub case_id: Option<CaseId>,
    /// The decision about several variants that this is a part of: the case's history tells that as a whole.
    pub together: Option<TogetherId>,
    /// The fact before; null when there was none.
    pub before: Bson,
    /// The fact after; null when it is gone.
    pub after: Bson,
    /// Who.
    pub actor: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

/// Who changed a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user; none for a command on the machine.
    pub user: Option<UserId>,
    /// Name at that time.
    pub name: String,
}

impl Event {
    /// The variant that it is about: one that was decided about, or commented on.
    #[must_use]
    pub fn variant(&self) -> Option<VariantId> {
        let commented = || self.after.as_document()?.get_document("variant").ok()?.get_str("id").ok();
        self.subject.strip_prefix("variant/").or_else(commented)?.parse().ok()
    }

    /// Whether somebody else did it, or a command on the machine, after a moment.
    #[must_use]
    pub fn is_news(&self, reader: &UserId, since: Timestamp) -> bool {
        self.at > since && self.actor.user.as_ref() != Some(reader)
    }
}

impl Actor {
    /// A signed-in person, by the name they have now.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self { user: Some(principal.user().clone()), name: principal.name().to_owned() }
    }
}

/// The kinds of change this version makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A case was loaded for the first time.
    CaseLoaded,
    /// A list of a case was loaded again with other content.
    ListReplaced,
    /// A case was deleted with everything in it.
    CaseDeleted,
    /// A case was shared with another institute.
    Share,
    /// A share was ended before its time.
    ShareEnded,
    /// What somebody in a case consents to was put on record.
    ConsentRecorded,
    /// Who reads a case was restricted to named people, or opened to its institute.
    ReadersNamed,
    /// The research lists of a case were opened.
    ResearchOpened,
    /// They were closed again, by somebody or as consent was withdrawn.
    ResearchClosed,
    /// Somebody opened a case in an emergency.
    BreakGlass,
    /// They ended it before its time.
    BreakGlassEnded,
    /// Where the work on a case stands changed.
    StatusSet,
    /// Who works on a case changed.
    PeopleAssigned,
    /// What a case is marked with changed.
    TagsSet,
    /// What a case is about was written anew.
    SynopsisWritten,
    /// Which cohorts a case belongs to changed.
    CohortsSet,
    /// Which groups of cases it belongs to changed.
    GroupsSet,
    /// What people decided about a variant changed.
    VariantDecided,
    /// One decision about several variants, as a whole.
    VariantsDecided,
    /// Somebody looked again at variants that a later list shows otherwise, and let what was decided stand.
    VariantsLookedAt,
    /// A filter was saved, locked, opened, taken out of use or brought back.
    FilterSaved,
    /// Somebody noted that a saved filter was used for a case.
    FilterUsed,
    /// Somebody wrote a comment. Of comments the history holds everything but the texts, which stand with the comment.
    CommentWritten,
    /// Its author gave it another text.
    CommentEdited,
    /// Its author took it back.
    CommentRetracted,
    /// Its texts are to be erased.
    RedactionAsked,
    /// They were, as a second person agreed.
    CommentRedacted,
    /// A second person let them stand.
    RedactionRefused,
    /// An institute was added.
    InstituteAdded,
    /// Name or settings of an institute changed.
    InstituteChanged,
    /// A person's account was made.
    UserAdded,
    /// A person got or lost roles, or the right to sign in.
    UserChanged,
    /// The addresses changed from which something is open.
    AddressesChanged,
}

impl EventKind {
    /// Whether it is about a comment.
    #[must_use]
    pub fn is_of_comment(self) -> bool {
        matches!(
            self,
            Self::CommentWritten
                | Self::CommentEdited
                | Self::CommentRetracted
                | Self::RedactionAsked
                | Self::CommentRedacted
                | Self::RedactionRefused
        )
    }

    /// In words, after who and when.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::CaseLoaded => "case loaded",
            Self::ListReplaced => "lists replaced",
            Self::CaseDeleted => "case deleted",
            Self::Share => "shared with another institute",
            Self::ShareEnded => "sharing ended",
            Self::ConsentRecorded => "consent put on record",
            Self::ReadersNamed => "who reads the case changed",
            Self::ResearchOpened => "research lists opened",
            Self::ResearchClosed => "research lists closed",
            Self::BreakGlass => "opened in an emergency",
            Self::BreakGlassEnded => "emergency access ended",
            Self::StatusSet => "status changed",
            Self::PeopleAssigned => "people on the case changed",
            Self::TagsSet => "tags changed",
            Self::SynopsisWritten => "synopsis changed",
            Self::CohortsSet => "cohorts changed",
            Self::GroupsSet => "groups of cases changed",
            Self::VariantDecided => "decision about a variant",
            Self::VariantsDecided => "decision about several variants",
            Self::VariantsLookedAt => "looked again at variants that changed after they were decided about",
            Self::FilterSaved => "saved filter changed",
            Self::FilterUsed => "noted that a saved filter was used",
            Self::CommentWritten => "comment written",
            Self::CommentEdited => "comment changed by its author",
            Self::CommentRetracted => "comment taken back by its author",
            Self::RedactionAsked => "asked for a comment’s text to be erased",
            Self::CommentRedacted => "comment’s text erased",
            Self::RedactionRefused => "comment’s text stays, though it was asked to be erased",
            Self::InstituteAdded => "institute added",
            Self::InstituteChanged => "settings changed",
            Self::UserAdded | Self::UserChanged => "a person’s roles changed",
            Self::AddressesChanged => "the addresses it is open from changed",
        }
    }
}

impl Stored for Event {
    const COLLECTION: &'static str = "events";

    fn indexes() -> Vec<IndexModel> {
        vec![
            unique_index("subject_rev", doc! { "subject": 1, "rev": 1 }),
            index("told_of_case", doc! { "case_id": 1, "together": 1, "at": -1 }),
        ]
    }
}
