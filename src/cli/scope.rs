use crate::audit::Trail;
use crate::ids::InstituteId;

/// The right of a command on the machine to work on all institutes' cases. No web code can build one:
///
/// ```compile_fail
/// let scope = lodestone::cli::SystemScope::new();
/// ```
///
/// A store that asks for one is out of its reach:
///
/// ```
/// async fn named(scope: &lodestone::cli::SystemScope, cases: &lodestone::cases::CaseStore) -> usize {
///     cases.named(scope, "F1").await.map_or(0, |found| found.len())
/// }
/// ```
#[derive(Debug)]
pub struct SystemScope {
    trail: Trail,
}

impl SystemScope {
    pub(super) fn new() -> Self {
        Self { trail: Trail::default() }
    }

    /// What the command is about, for its audit entry.
    pub(super) fn note(&self, kind: &str, id: &str, institute: Option<&InstituteId>) {
        self.trail.note_done(kind, id, institute);
    }

    /// The format and size of what the command gave out.
    pub(super) fn note_export(&self, format: &str, rows: u64) {
        self.trail.note_export(format, usize::try_from(rows).unwrap_or(usize::MAX));
    }

    /// How many records the command showed.
    pub(super) fn note_rows(&self, rows: usize) {
        self.trail.note_rows(rows);
    }

    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }
}
