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
pub struct SystemScope(());

impl SystemScope {
    pub(super) fn new() -> Self {
        Self(())
    }
}
