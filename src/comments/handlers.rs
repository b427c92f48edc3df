use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::change::{About, Done, ask_redaction, edit, retract, write};
use super::forms::{CommentForm, EditForm, LONGEST, Pressed, REASON, RedactForm, read_reason, read_text};
use super::look_up::{CommentPath, ErasableComment, OVER, OwnComment, found, may_ask_redaction};
use super::markdown::to_html;
use super::model::Comment;
use super::page::{CommentView, Discussion, Sent};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseCommenter};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::CommentId;
use crate::variants::{VariantPath, keys_across_cases, seen_in_institute};
use crate::web::{CsrfForm, Layout, Page, Params, Path, filters, see_other, urls};

/// A form that was sent and could not be carried out, with what was said before.
#[derive(Template)]
#[template(path = "comments/discussion.html")]
struct DiscussionPage {
    layout: Layout,
    title: String,
    back: (&'static str, String),
    discussion: Discussion,
}

/// One comment with its earlier texts.
#[derive(Template)]
#[template(path = "comments/comment.html")]
struct CommentPage {
    layout: Layout,
    case_url: String,
    comment: CommentView,
    url: String,
    rev: i64,
    /// Those that it does not say any more, newest first.
    texts: Vec<TextView>,
    /// The text to change, where the reader is its author.
    edit: Option<String>,
    may_retract: bool,
    may_ask_redaction: bool,
    /// Who asked for it to be erased, when and why.
    asked: Option<(String, String, String)>,
    longest: usize,
    longest_reason: usize,
    reason: String,
    errors: Vec<FieldError>,
}

struct TextView {
    at: String,
    html: String,
}

/// `POST /{institute}/{case}/comments`
pub(super) async fn write_about_case(
    commenter: CaseCommenter,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<CommentForm>,
) -> AppResult<Response> {
    said(&app, &commenter, page, &trail, (About::Case, None), &Params::default(), form).await
}

/// `POST /{institute}/{case}/variants/{id}/comments`
pub(super) async fn write_about_variant(
    commenter: CaseCommenter,
    page: Page,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
    params: Params,
    trail: Trail,
    CsrfForm(form): CsrfForm<CommentForm>,
) -> AppResult<Response> {
    let access = commenter.access();
    let variant = app.variants.find(access, &at.id).await?.ok_or(AppError::NotFound("variant"))?;
    let keys = keys_across_cases(&app, access, &variant).await;
    let seen = seen_in_institute(&app, access, &keys).await?.map(|(cases, _)| cases);
    said(&app, &commenter, page, &trail, (About::Variant(&variant, &keys), seen), &params, form).await
}

async fn said(
    app: &AppState,
    commenter: &CaseCommenter,
    page: Page,
    trail: &Trail,
    (about, seen): (About<'_>, Option<u64>),
    reached_by: &Params,
    form: CommentForm,
) -> AppResult<Response> {
    let access = commenter.access();
    let new = match form.parse(about.may_reach_institute(access)) {
        Ok(new) => new,
        Err(errors) => return again(app, access, page, (about, seen), reached_by, (form, errors)).await,
    };
    if let Some(comment) = write(app, commenter, about, &new).await? {
        trail.note_done("comment", comment.id.as_str(), None);
        let case = access.case();
        return Ok(see_other(&urls::beside(&case.institute, &case.name, &comment, reached_by.pairs())));
    }
    let errors = vec![FieldError::new("text", &form.text, "was not kept: the form is an old one; send it once more")];
    let anew = CommentForm { id: CommentId::random().to_string(), ..form };
    again(app, access, page, (about, seen), reached_by, (anew, errors)).await
}

/// The discussion with the form as it was filled in, under the filter by which the variant was reached.
async fn again(
    app: &AppState,
    access: &CaseAccess,
    page: Page,
    (about, seen): (About<'_>, Option<u64>),
    reached_by: &Params,
    sent: Sent,
) -> AppResult<Response> {
    let mut discussion = Discussion::with(app, access, about, seen, sent).await?;
    let case = access.case();
    let (title, back) = match about.variant() {
        None => (format!("Comments on case {}", case.name), ("Case", urls::case(case))),
        Some((variant, _)) => {
            let (id, query) = (variant.id(), reached_by.to_query());
            discussion = discussion.reached_by(case, &id, &query);
            (format!("Comments on {}", variant.simple_id()), ("Variant", urls::variant(case, &id, &query)))
        }
    };
    let bar = access.bar();
    let mut shown = page.render(|layout| DiscussionPage { layout: layout.with_case(bar), title, back, discussion })?;
    *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(shown)
}

/// `GET /{institute}/{case}/comments/{comment}`
pub(super) async fn show(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    Path(at): Path<CommentPath>,
    trail: Trail,
) -> AppResult<Response> {
    let comment = found(&app, &access, &trail, &at.comment).await?;
    render(&access, page, &comment, Typed::default())
}

/// What was typed into the forms of a comment's page, and what is wrong with it.
#[derive(Default)]
struct Typed {
    text: Option<String>,
    reason: String,
    errors: Vec<FieldError>,
}

fn render(access: &CaseAccess, page: Page, comment: &Comment, typed: Typed) -> AppResult<Response> {
    let refused = !typed.errors.is_empty();
    let handles: Vec<&str> = comment.mentions.iter().map(|mention| mention.handle.as_str()).collect();
    let mine = comment.is_by(access.principal().user()) && access.may_comment();
    let open = comment.redaction.as_ref().filter(|redaction| redaction.agreed_by.is_none());
    let bar = access.bar();
    let mut shown = page.render(|layout| CommentPage {
        layout: layout.with_case(bar),
        case_url: urls::case(access.case()),
        comment: CommentView { url: None, ..CommentView::new(access, comment, true) },
        url: urls::comment(access.case(), &comment.id),
        rev: comment.rev,
        texts: comment
            .texts
            .iter()
            .rev()
            .skip(usize::from(comment.stands())) // which stands above
            .filter_map(|text| {
                let html = to_html(text.text.as_deref()?, &handles);
                Some(TextView { at: filters::moment(text.at), html })
            })
            .collect(),
        edit: comment
            .text()
            .filter(|_| mine && comment.stands())
            .map(|text| typed.text.unwrap_or_else(|| text.to_owned())),
        may_retract: mine && comment.stands(),
        may_ask_redaction: may_ask_redaction(access, comment),
        asked: open.map(|asked| (asked.asked_by.name.clone(), filters::moment(asked.asked_at), asked.reason.clone())),
        longest: LONGEST,
        longest_reason: *REASON.end(),
        reason: typed.reason,
        errors: typed.errors,
    })?;
    if refused {
        *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(shown)
}

fn done(access: &CaseAccess, comment: &Comment, done: &Done) -> AppResult<Response> {
    match done {
        Done::There(_) => Ok(see_other(&urls::comment(access.case(), &comment.id))),
        Done::Meanwhile(now) => Err(AppError::Conflict { rev: Some(now.rev) }),
        Done::Over => Err(AppError::Forbidden(OVER)),
    }
}

/// `POST /{institute}/{case}/comments/{comment}/edit`
pub(super) async fn change(
    own: OwnComment,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<EditForm>,
) -> AppResult<Response> {
    let (comment, access) = (own.comment(), own.access());
    let text = match read_text(&form.text) {
        Ok(text) => text,
        Err(error) => {
            let typed = Typed { text: Some(form.text), errors: vec![error], ..Typed::default() };
            return render(access, page, comment, typed);
        }
    };
    let became = edit(&app, &own, &text, form.rev).await?;
    if let Done::Meanwhile(now) = &became {
        let wrong = FieldError::new(
            "text",
            "",
            "was not kept: you changed this comment in another window meanwhile; its texts are below, and yours is still here",
        );
        return render(access, page, now, Typed { text: Some(form.text), errors: vec![wrong], ..Typed::default() });
    }
    done(access, comment, &became)
}

/// `POST /{institute}/{case}/comments/{comment}/retract`
pub(super) async fn take_back(
    own: OwnComment,
    State(app): State<AppState>,
    CsrfForm(_): CsrfForm<Pressed>,
) -> AppResult<Response> {
    let became = retract(&app, &own).await?;
    done(own.access(), own.comment(), &became)
}

/// `POST /{institute}/{case}/comments/{comment}/redact`
pub(super) async fn ask_to_erase(
    erasable: ErasableComment,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<RedactForm>,
) -> AppResult<Response> {
    let (comment, access) = (erasable.comment(), erasable.access());
    let reason = match read_reason(&form.reason) {
        Ok(reason) => reason,
        Err(error) => {
            let typed = Typed { reason: form.reason, errors: vec![error], ..Typed::default() };
            return render(access, page, comment, typed);
        }
    };
    let became = ask_redaction(&app, &erasable, &reason).await?;
    done(access, comment, &became)
}
