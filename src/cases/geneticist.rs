use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::access::CaseEditor;
use crate::app::AppState;
use crate::error::{AppError, AppResult};
use crate::users::Role;

/// A case in which the signed-in person decides what the cause is: a geneticist of the institute that owns it. Only the
/// extractor builds one.
///
/// ```compile_fail
/// # fn with(editor: lodestone::cases::CaseEditor) {
/// let geneticist = lodestone::cases::CaseGeneticist(editor);
/// # }
/// ```
///
/// ```
/// # fn with(geneticist: &lodestone::cases::CaseGeneticist) -> &lodestone::cases::CaseEditor {
/// geneticist.editor()
/// # }
/// ```
pub struct CaseGeneticist(CaseEditor);

/// What everybody else is told.
pub(crate) const NOT_A_GENETICIST: &str =
    "Geneticists of the institute say what the cause is. Pin the variant, or comment on it, so that one looks at it.";

impl CaseGeneticist {
    /// The right to change the case that comes with it.
    #[must_use]
    pub fn editor(&self) -> &CaseEditor {
        &self.0
    }
}

impl CaseEditor {
    /// Whether the person is a geneticist of the institute that owns the case.
    #[must_use]
    pub fn is_geneticist(&self) -> bool {
        let access = self.access();
        access.principal().has_role(&access.case().institute, Role::Geneticist)
    }
}

impl AsRef<CaseEditor> for CaseEditor {
    fn as_ref(&self) -> &CaseEditor {
        self
    }
}

impl AsRef<CaseEditor> for CaseGeneticist {
    fn as_ref(&self) -> &CaseEditor {
        &self.0
    }
}

impl FromRequestParts<AppState> for CaseGeneticist {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let editor = CaseEditor::from_request_parts(parts, app).await?;
        if editor.is_geneticist() { Ok(Self(editor)) } else { Err(AppError::Forbidden(NOT_A_GENETICIST)) }
    }
}
