//! Real input files, which are no part of this repository.

use std::path::PathBuf;

/// The shared test data: `LODESTONE_TEST_DATA`, else `../shared/data` beside the repository.
///
/// None of it is part of the repository, so its absence skips a test, except where `CI=true` says it must be there.
pub(crate) fn test_data(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LODESTONE_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = folder.join(part);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}
