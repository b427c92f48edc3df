//! Comments as pages show them.

use jiff::Timestamp;

use super::change::About;
use super::forms::{CommentForm, LONGEST};
use super::markdown::to_html;
use super::mentions::handle;
use super::model::{Comment, Reach};
use crate::app::AppState;
use crate::cases::{Case, CaseAccess};
use crate::db::StoreError;
use crate::error::FieldError;
use crate::events::Event;
use crate::ids::{UserId, VariantId};
use crate::users::Colleague;
use crate::web::{filters, urls};

/// What was said about a case or a variant, and the form to say more.
pub(crate) struct Discussion {
    pub comments: Vec<CommentView>,
    /// Those that the reader did not mark as read; none where it cannot be told.
    pub unread: Option<Unread>,
    /// About the same variant, from other cases of the institute.
    pub elsewhere: Vec<CommentView>,
    /// None: the reader may not comment.
    pub form: Option<FormView>,
    /// Who reads cases of the institute, where it was asked for.
    pub colleagues: Vec<Colleague>,
}

/// What is new for the reader.
pub(crate) struct Unread {
    /// Up to when the reader has read the case; none when they never marked anything in it.
    pub since: Option<Timestamp>,
    /// How many comments of others were written or changed since.
    pub count: usize,
    /// Other changes by others since, in words; empty when there are none.
    pub changes: String,
    /// Where they are marked as read …
    pub url: String,
    /// … up to the newest one that is shown.
    pub until: Timestamp,
}

/// The form for a comment.
pub(crate) struct FormView {
    pub action: String,
    pub id: String,
    pub text: String,
    pub longest: usize,
    pub errors: Vec<FieldError>,
    /// Handle and name of each who can be mentioned; on a variant's page none.
    pub colleagues: Vec<(String, String)>,
    /// Where they are listed otherwise.
    pub colleagues_url: String,
    /// Whether there is a choice of where it is shown.
    pub may_reach_institute: bool,
    /// In how many cases of the institute somebody carries the variant, where that is known.
    pub seen: Option<u64>,
    pub for_institute: bool,
}

/// One comment.
pub(crate) struct CommentView {
    pub anchor: String,
    pub author: String,
    /// The author's, when it is not the case's.
    pub institute: Option<String>,
    pub at: String,
    /// When it was changed last; empty when never.
    pub edited: String,
    /// HTML that [`to_html`] made harmless; none when it does not stand any more.
    pub html: Option<String>,
    /// What became of it; empty while it stands.
    pub over: String,
    /// Whether it is asked to be erased.
    pub asked: bool,
    /// The variant it is about, with its address; none on the variant's own page.
    pub variant: Option<(String, String)>,
    pub for_institute: bool,
    pub mentions_me: bool,
    /// Whether the reader did not mark it as read.
    pub is_new: bool,
    /// All its texts, and what can be done with it; none from other cases.
    pub url: Option<String>,
}

/// A form as it was sent, with what is wrong with it.
pub(super) type Sent = (CommentForm, Vec<FieldError>);

impl Discussion {
    /// The same with the filter under which the variant was reached: who comments stays in its list.
    #[must_use]
    pub fn reached_by(mut self, case: &Case, id: &VariantId, query: &[(&str, String)]) -> Self {
        if let Some(form) = &mut self.form {
            form.action = urls::variant_comments(case, id, query);
        }
        self
    }

    /// The same with the case's newest changes, of which those by others are new that the reader has not marked as read: to
    /// who never marked anything, none is.
    #[must_use]
    pub fn with_news(mut self, reader: &UserId, newest: &[Event]) -> Self {
        let Some(Unread { since: Some(since), changes, until, .. }) = &mut self.unread else { return self };
        let news = newest.iter().filter(|event| !event.kind.is_of_comment() && event.is_news(reader, *since));
        let (count, last) = (news.clone().count(), news.map(|event| event.at).max());
        *until = (*until).max(last.unwrap_or_default());
        *changes = match count {
            0 => String::new(),
            1 => "1 other change".to_owned(),
            _ if count == newest.len() => format!("{count} other changes or more"),
            _ => format!("{count} other changes"),
        };
        self
    }

    /// Everything said in a case, with what is new in it, or about a variant of it in the case and by its institute in
    /// others. `seen`: in how many cases of the institute somebody carries the variant, where that is known.
    pub async fn new(
        app: &AppState,
        access: &CaseAccess,
        about: About<'_>,
        seen: Option<u64>,
    ) -> Result<Self, StoreError> {
        Self::with(app, access, about, seen, (CommentForm::empty(), Vec::new())).await
    }

    pub(super) async fn with(
        app: &AppState,
        access: &CaseAccess,
        about: About<'_>,
        seen: Option<u64>,
        sent: Sent,
    ) -> Result<Self, StoreError> {
        let of_case = about.variant().is_none();
        let comments = async {
            match about {
                About::Case => app.comments.of_case(access).await,
                About::Variant(variant, keys) => app.comments.about(access, &variant.id(), keys).await,
            }
        };
        // Whom one can mention or assign is listed on the case's page; a variant's has other things to ask for.
        let colleagues = async {
            let asked = of_case && (access.may_comment() || !access.is_guest());
            if asked { app.users.readers_of(access).await } else { Ok(Vec::new()) }
        };
        // A variant's page shows nothing as new; who never marked anything as read finds everything new.
        let read_until = async {
            if !of_case {
                return Ok(Timestamp::MAX);
            }
            Ok(app.visits.read_until(access).await?.unwrap_or(Timestamp::MIN))
        };
        let (comments, colleagues, read_until) = tokio::try_join!(comments, colleagues, read_until)?;
        let is_new = |comment: &Comment| {
            comment.stands() && !comment.is_by(access.principal().user()) && comment.last_written() > read_until
        };
        let unread = of_case.then(|| Unread {
            count: comments.iter().filter(|comment| is_new(comment)).count(),
            url: urls::read(access.case()),
            until: comments.iter().map(Comment::last_written).max().unwrap_or_default(),
            since: (read_until != Timestamp::MIN).then_some(read_until),
            changes: String::new(),
        });
        let is_here = |comment: &Comment| comment.case_id == access.case().id;
        let (here, elsewhere): (Vec<_>, Vec<_>) = comments.into_iter().partition(is_here);
        let view =
            |comment: &Comment| CommentView { is_new: is_new(comment), ..CommentView::new(access, comment, of_case) };
        Ok(Self {
            comments: here.iter().map(view).collect(),
            unread,
            elsewhere: elsewhere.iter().map(view).collect(),
            form: access.may_comment().then(|| FormView::new(access, about, seen, &colleagues, sent)),
            colleagues,
        })
    }
}

impl FormView {
    fn new(
        access: &CaseAccess,
        about: About<'_>,
        seen: Option<u64>,
        colleagues: &[Colleague],
        (form, errors): Sent,
    ) -> Self {
        let case = access.case();
        Self {
            action: match about {
                About::Case => urls::comments(case),
                About::Variant(variant, _) => urls::variant_comments(case, &variant.id(), &[]),
            },
            id: form.id,
            text: form.text,
            longest: LONGEST,
            errors,
            colleagues: colleagues.iter().map(|one| (handle(one).to_owned(), one.name.clone())).collect(),
            colleagues_url: format!("{}#colleagues", urls::case(case)),
            may_reach_institute: about.may_reach_institute(access),
            seen,
            for_institute: form.reach.as_deref() == Some(Reach::Institute.as_str()),
        }
    }
}

impl CommentView {
    pub(super) fn new(access: &CaseAccess, comment: &Comment, with_variant: bool) -> Self {
        let case = access.case();
        let handles: Vec<&str> = comment.mentions.iter().map(|mention| mention.handle.as_str()).collect();
        let edited = comment.texts.last().filter(|_| comment.texts.len() > 1);
        let variant = comment.variant.as_ref().filter(|_| with_variant);
        Self {
            anchor: format!("comment-{}", comment.id),
            author: comment.author.name.clone(),
            institute: (comment.institute != case.institute).then(|| comment.institute.to_string()),
            at: filters::moment(comment.created_at),
            edited: edited.map(|text| filters::moment(text.at)).unwrap_or_default(),
            html: comment.text().filter(|_| comment.stands()).map(|text| to_html(text, &handles)),
            over: over(comment),
            asked: comment.redaction.is_some() && !comment.is_redacted(),
            variant: variant.map(|variant| (variant.label.clone(), urls::variant(case, &variant.id, &[]))),
            for_institute: comment.reach == Reach::Institute,
            mentions_me: comment.mentions.iter().any(|mention| mention.user == *access.principal().user()),
            is_new: false,
            url: (comment.case_id == case.id).then(|| urls::comment(case, &comment.id)),
        }
    }
}

/// What became of a comment that does not stand any more.
fn over(comment: &Comment) -> String {
    if let Some(redaction) = &comment.redaction
        && let (Some(agreed), Some(at)) = (&redaction.agreed_by, redaction.agreed_at)
    {
        let (asked, reason) = (&redaction.asked_by.name, &redaction.reason);
        return format!(
            "erased {} at the request of {asked}, agreed by {}: {reason}",
            filters::moment(at),
            agreed.name
        );
    }
    comment
        .retracted_at
        .map(|at| format!("taken back by {} {}", comment.author.name, filters::moment(at)))
        .unwrap_or_default()
}
