use std::convert::Infallible;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse as _, Response};

use super::context::RequestContext;
use super::filters;
use crate::app::AppState;
use crate::audit;
use crate::auth::{EnteredRole, Principal};
use crate::error::AppResult;
use crate::ids::InstituteId;

/// What every page's frame shows.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// For script elements.
    pub nonce: String,
    /// For forms; empty when nobody is signed in.
    pub csrf: String,
    /// Seconds left of the session, should nothing more be asked for.
    pub session_left: Option<i64>,
    /// Who is signed in.
    pub user: Option<String>,
    /// The person's institutes.
    pub institutes: Vec<InstituteId>,
    /// Elevated roles in which the person acts.
    pub entered: Vec<EnteredBar>,
    /// Whether the person has elevated roles besides.
    pub may_enter: bool,
    /// Whether the person reviews the audit trail.
    pub auditor: bool,
    /// Whether the person administers the system.
    pub system_admin: bool,
    /// Whether this is a demo database.
    pub demo: bool,
    /// What is wrong with the audit trail, for administrators and auditors, and with the server's clock, for administrators
    /// of the system.
    pub notices: Vec<Notice>,
    /// The case a page belongs to, for the sticky header.
    pub case: Option<CaseBar>,
}

/// Something is wrong that whoever sees it has to look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// With what.
    pub about: &'static str,
    /// What, in a few words.
    pub title: &'static str,
    /// More of it, and what to do.
    pub text: String,
}

/// An elevated role in which somebody acts.
#[derive(Debug, Clone)]
pub struct EnteredBar {
    /// `cust000:admin`.
    pub grant: String,
    /// `admin of cust000`.
    pub words: String,
    /// From when on it has to be entered again, `14:05 UTC`: it is less than an hour away.
    pub until: String,
}

impl EnteredBar {
    fn new(entered: &EnteredRole) -> Self {
        Self {
            grant: entered.role.to_string(),
            words: entered.role.words(),
            until: filters::time_of_day(entered.until),
        }
    }
}

/// The case a page belongs to.
#[derive(Debug, Clone)]
pub struct CaseBar {
    /// Address of the case page.
    pub url: String,
    /// Address of the institute as whose reader the person is here.
    pub institute_url: String,
    /// Its name.
    pub institute: String,
    /// Case name.
    pub name: String,
    /// `GRCh37`.
    pub build: &'static str,
    /// Workflow status.
    pub status: &'static str,
    /// Sex of the proband, in words.
    pub sex: &'static str,
    /// That another institute shares it; none for an own one.
    pub shared: Option<SharedBar>,
    /// Whether only named people of its institute read it.
    pub restricted: bool,
    /// That somebody reads it in an emergency.
    pub emergency: Option<EmergencyBar>,
}

/// Until when a case is open in an emergency, and where that is ended.
#[derive(Debug, Clone)]
pub struct EmergencyBar {
    /// The end.
    pub until: String,
    /// Address of the form.
    pub end_url: String,
}

/// Whose a shared case is, and until when.
#[derive(Debug, Clone)]
pub struct SharedBar {
    /// The owner.
    pub owner: String,
    /// The last day, `2027-01-01`.
    pub until: String,
    /// Whether guests may comment.
    pub comments: bool,
}

impl Notice {
    fn of_the_clock((title, text): (&'static str, String)) -> Self {
        Self { about: "Clock", title, text }
    }
}

impl Layout {
    /// The frame when nobody is known to be signed in.
    pub(super) fn bare(app: &AppState, context: &RequestContext) -> Self {
        Self {
            nonce: context.nonce.clone(),
            csrf: String::new(),
            session_left: None,
            user: None,
            institutes: Vec::new(),
            entered: Vec::new(),
            may_enter: false,
            auditor: false,
            system_admin: false,
            demo: app.demo,
            notices: Vec::new(),
            case: None,
        }
    }

    /// The same frame for somebody who is signed in.
    pub(super) fn signed_in(mut self, principal: &Principal) -> Self {
        self.csrf = principal.csrf().map(|token| token.as_str().to_owned()).unwrap_or_default();
        self.session_left = principal.session_left().map(|left| left.as_secs());
        self.user = Some(principal.name().to_owned());
        self.institutes = principal.institutes();
        self.entered = principal.entered().iter().map(EnteredBar::new).collect();
        self.may_enter = !principal.enterable().is_empty();
        self.auditor = audit::may_review(principal);
        self.system_admin = principal.is_system_admin();
        self
    }

    /// The same frame with a case's header.
    #[must_use]
    pub fn with_case(mut self, case: CaseBar) -> Self {
        self.case = Some(case);
        self
    }
}

/// A page about to be rendered, for whoever asks.
pub struct Page {
    layout: Layout,
}

impl Page {
    /// Renders a page struct with its frame.
    pub fn render<T: Template>(self, page: impl FnOnce(Layout) -> T) -> AppResult<Response> {
        Ok(Html(page(self.layout).render()?).into_response())
    }
}

impl FromRequestParts<AppState> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let context = parts.extensions.get::<RequestContext>().cloned().unwrap_or_default();
        let mut layout = Layout::bare(app, &context);
        // A page for everybody is shown all the same when nobody is signed in or the lookup fails.
        if let Ok(principal) = Principal::from_request_parts(parts, app).await {
            layout = layout.signed_in(&principal);
            if audit::standing::concerns(&principal) {
                // A page is shown all the same when the look fails: the page's own answer says so.
                match app.standing.notices(&app.audit, app.clock.now()).await {
                    Ok(notices) => layout.notices = notices,
                    Err(error) => tracing::warn!("how the audit trail stands was not read: {error}"),
                }
            }
            if principal.is_system_admin() {
                match app.sign_in.credentials.accepted_codes(app.clock.now()).await {
                    Ok(codes) => layout.notices.extend(codes.notice().map(Notice::of_the_clock)),
                    Err(error) => tracing::warn!("how well people's codes fit was not read: {error}"),
                }
            }
        }
        Ok(Self { layout })
    }
}
