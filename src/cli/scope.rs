/// The right of a command on the machine to work on all institutes' cases. No web code can build one:
///
/// ```compile_fail
/// let scope = lodestone::cli::SystemScope::new();
/// ```
#[derive(Debug)]
pub struct SystemScope(());

impl SystemScope {
    pub(super) fn new() -> Self {
        Self(())
    }
}
