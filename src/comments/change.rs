//! Writing, changing, taking back and erasing comments: each one transaction with its row in the history.

use bson::Bson;
use mongodb::ClientSession;

use super::forms::NewComment;
use super::look_up::{ErasableComment, OwnComment};
use super::mentions::mentioned;
use super::model::{Author, Comment, CommentedVariant, Redaction, Text};
use super::redactions::OthersErasure;
use crate::app::AppState;
use crate::audit::AuditAccess;
use crate::auth::Principal;
use crate::cases::{CaseAccess, CaseCommenter};
use crate::db::StoreError;
use crate::events::{Actor, Change, EventKind, comment_subject, fact};
use crate::genome::NormKey;
use crate::variants::Variant;

/// What is commented.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// The case.
    Case,
    /// One of its variants, with its keys across cases.
    Variant(&'a Variant, &'a [NormKey]),
}

impl<'a> About<'a> {
    pub(super) fn variant(self) -> Option<(&'a Variant, &'a [NormKey])> {
        match self {
            Self::Case => None,
            Self::Variant(variant, keys) => Some((variant, keys)),
        }
    }

    /// Whether a comment may be for other cases too: only what is said of a variant, and only by those whose institute owns
    /// the case, of a variant of its clinical list.
    #[must_use]
    pub fn may_reach_institute(self, access: &CaseAccess) -> bool {
        // What is said in a research list is to go out of sight with it.
        self.variant().is_some_and(|(variant, _)| variant.list.is_clinical()) && access.is_own()
    }
}

/// What became of changing one.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// It is as was asked, by this request or as it was before.
    There(Comment),
    /// It was changed meanwhile: this is how it stands.
    Meanwhile(Comment),
    /// It is taken back or erased, so this cannot be done any more.
    Over,
}

/// Writes a comment about the case, or about one of its variants: it is there by this request or by one before that was the
/// same. None: its identity is that of another comment.
pub async fn write(
    app: &AppState,
    commenter: &CaseCommenter,
    about: About<'_>,
    new: &NewComment,
) -> Result<Option<Comment>, StoreError> {
    let access = commenter.access();
    let (case, now) = (access.case(), app.clock.now());
    let principal = access.principal();
    let comment = Comment {
        id: new.id.clone(),
        case_id: case.id.clone(),
        owner: case.institute.clone(),
        institute: access.reader().clone(),
        variant: about.variant().map(|(variant, keys)| CommentedVariant {
            id: variant.id(),
            list: variant.list,
            keys: keys.to_vec(),
            label: variant.simple_id(),
        }),
        reach: new.reach,
        author: Author { user: principal.user().clone(), name: principal.name().to_owned() },
        texts: vec![Text::new(&new.text, now)],
        mentions: mentioned(&new.text, &app.users.readers_of(access).await?),
        retracted_at: None,
        redaction: None,
        created_at: now,
        rev: 1,
    };
    match store(app, principal, EventKind::CommentWritten, None, &comment).await {
        Ok(()) => Ok(Some(comment)),
        Err(StoreError::Exists(_)) => {
            // A form that is sent again with another text, from the page before, is not the same: its text would be lost.
            Ok(app.comments.find(access, &new.id).await?.filter(|there| there.began_as(&comment)))
        }
        Err(error) => Err(error),
    }
}

/// Gives the author's own comment another text; the former one is kept. `known`: the revision that was shown.
pub(crate) async fn edit(app: &AppState, own: &OwnComment, text: &str, known: i64) -> Result<Done, StoreError> {
    let (comment, access) = (own.comment(), own.access());
    if !comment.stands() {
        return Ok(Done::Over);
    }
    if comment.text() == Some(text) {
        return Ok(Done::There(comment.clone()));
    }
    if comment.rev != known {
        return Ok(Done::Meanwhile(comment.clone()));
    }
    let mut after = comment.clone();
    after.edit(text, mentioned(text, &app.users.readers_of(access).await?), app.clock.now());
    replace(app, access.principal(), EventKind::CommentEdited, comment, after).await
}

/// Takes the author's own comment back; it can still be read that it was there, and what it said.
pub(crate) async fn retract(app: &AppState, own: &OwnComment) -> Result<Done, StoreError> {
    let comment = own.comment();
    if comment.retracted_at.is_some() {
        return Ok(Done::There(comment.clone()));
    }
    if comment.is_redacted() {
        return Ok(Done::Over);
    }
    let mut after = comment.clone();
    after.retracted_at = Some(app.clock.now());
    replace(app, own.access().principal(), EventKind::CommentRetracted, comment, after).await
}

/// Asks for the texts of a comment to be erased, which an auditor has to agree to.
pub(super) async fn ask_redaction(
    app: &AppState,
    erasable: &ErasableComment,
    reason: &str,
) -> Result<Done, StoreError> {
    let (comment, access) = (erasable.comment(), erasable.access());
    if comment.redaction.is_some() {
        return Ok(Done::There(comment.clone()));
    }
    let mut after = comment.clone();
    after.redaction = Some(Redaction {
        asked_by: Actor::of(access.principal()),
        asked_at: app.clock.now(),
        reason: reason.to_owned(),
        agreed_by: None,
        agreed_at: None,
    });
    replace(app, access.principal(), EventKind::RedactionAsked, comment, after).await
}

/// Erases the texts of a comment. `known`: the revision that was shown.
pub(super) async fn redact(app: &AppState, erasure: &OthersErasure, known: i64) -> Result<Done, StoreError> {
    let (comment, access) = (erasure.comment(), erasure.access());
    if comment.is_redacted() {
        return Ok(Done::There(comment.clone()));
    }
    if comment.rev != known {
        return Ok(Done::Meanwhile(comment.clone()));
    }
    let mut after = comment.clone();
    after.redact(Actor::of(access.principal()), app.clock.now());
    replace(app, access.principal(), EventKind::CommentRedacted, comment, after).await
}

/// Lets the texts stand.
pub async fn refuse_redaction(
    app: &AppState,
    access: &AuditAccess,
    comment: &Comment,
    known: i64,
) -> Result<Done, StoreError> {
    if comment.is_redacted() {
        return Ok(Done::Over);
    }
    if comment.rev != known {
        return Ok(Done::Meanwhile(comment.clone()));
    }
    let mut after = comment.clone();
    after.redaction = None;
    replace(app, access.principal(), EventKind::RedactionRefused, comment, after).await
}

async fn replace(
    app: &AppState,
    by: &Principal,
    kind: EventKind,
    before: &Comment,
    mut after: Comment,
) -> Result<Done, StoreError> {
    after.rev = before.rev + 1;
    store(app, by, kind, Some(before), &after).await.map(|()| Done::There(after))
}

/// Writes a comment with its event.
async fn store(
    app: &AppState,
    by: &Principal,
    kind: EventKind,
    before: Option<&Comment>,
    after: &Comment,
) -> Result<(), StoreError> {
    let change = Change {
        subject: comment_subject(&after.id),
        rev: after.rev,
        kind,
        institute: Some(after.owner.clone()),
        case_id: Some(after.case_id.clone()),
        before: before.map_or(Ok(Bson::Null), |before| fact(&before.without_texts()))?,
        after: fact(&after.without_texts())?,
    };
    app.comments.prepare().await?;
    app.events.prepare().await?;
    let actor = Actor::of(by);
    let now = app.clock.now();
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session: &mut ClientSession = &mut transaction.session;
            match before {
                None => app.comments.add(session, after).await?,
                Some(_) => app.comments.put(session, after).await?,
            }
            let of_research = after.variant.as_ref().is_some_and(|variant| !variant.list.is_clinical());
            let is_erased =
                matches!(kind, EventKind::RedactionAsked | EventKind::CommentRedacted | EventKind::RedactionRefused);
            if of_research && !is_erased {
                app.cases.bump_research(session, &after.case_id).await?;
            }
            app.events.append(session, &change, &actor, now).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return written;
        }
    }
}
