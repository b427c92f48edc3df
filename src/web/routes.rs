use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{get, post, put};

use crate::app::AppState;

/// What a route asks of its caller. Stated where the route is declared; its extractor enforces it, a test walks the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anybody.
    Public,
    /// Somebody whose first factor was proved, to prove the second.
    SecondFactor,
    /// Somebody invited, or in by a recovery code, to set up an authenticator.
    Enrolling,
    /// Any signed-in person.
    SignedIn,
    /// A signed-in person who gave a fresh code for what the route changes.
    SteppedUp,
    /// A member of the institute in the path, or of that of the order in it, in a role that reads its cases.
    Institute,
    /// An admin of the institute in the path, who need not read its cases.
    InstituteAdmin,
    /// Somebody who may read the case in the path.
    Case,
    /// Somebody who may write comments in the case in the path: guests where the share lets them, no script.
    CaseCommenter,
    /// Somebody who may change and share the case in the path: no guest, no script.
    CaseEditor,
    /// A geneticist of the institute that owns the case in the path.
    CaseGeneticist,
    /// An admin of the whole system, who reads no case by that.
    SystemAdmin,
    /// Somebody who opens cases in an emergency: an admin of the system or of an institute, or who reads cases of one.
    EmergencyUser,
    /// An auditor, for entries and flags of the own institutes or, of the system, all.
    Auditor,
}

/// One line of the route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET` stands for `HEAD` too.
    pub method: Method,
    /// Template, e.g. `/{institute}/{case}`.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Owns paths and policy: a router and the table of what is in it.
#[derive(Default)]
pub struct Routes {
    router: Router<AppState>,
    table: Vec<Route>,
}

impl Routes {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A route that reads. It never changes state.
    #[must_use]
    pub fn get<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.router = self.router.route(path, get(handler));
        self.table.push(Route { method: Method::GET, path, access });
        self
    }

    /// A route that changes something.
    #[must_use]
    pub fn post<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.router = self.router.route(path, post(handler));
        self.table.push(Route { method: Method::POST, path, access });
        self
    }

    /// A route that puts a whole value in place of another.
    #[must_use]
    pub fn put<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.router = self.router.route(path, put(handler));
        self.table.push(Route { method: Method::PUT, path, access });
        self
    }

    /// These and the other's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// The table, in order of declaration.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The router.
    pub fn into_router(self) -> Router<AppState> {
        self.router
    }
}
