use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The version of the embedded server that this program is tested with.
pub const SERVER_VERSION: &str = "0.5.3-beta.196";
const CRATE: &str = "secantus-mdb";
const PROGRAM: &str = "secantusd-rs";

fn cache_root() -> anyhow::Result<PathBuf> {
    let cache = dirs::cache_dir().context("no cache folder: set HOME or XDG_CACHE_HOME")?;
    Ok(cache.join("lodestone").join("database").join(SERVER_VERSION))
}

/// The embedded server's program: the configured path, the cache folder, then `PATH`.
///
/// # Errors
/// A sentence that says what to do when there is none.
pub fn find_program(configured: &str) -> anyhow::Result<PathBuf> {
    if !configured.is_empty() {
        let path = PathBuf::from(configured);
        if path.is_file() {
            return Ok(path);
        }
        bail!("database.server_program names {configured}, which is not a file");
    }
    let cached = cache_root()?.join("bin").join(PROGRAM);
    if cached.is_file() {
        return Ok(cached);
    }
    let on_path = std::env::var_os("PATH")
        .and_then(|paths| std::env::split_paths(&paths).map(|folder| folder.join(PROGRAM)).find(|path| path.is_file()));
    on_path.with_context(|| {
        format!(
            "the embedded database server ({CRATE} {SERVER_VERSION}) is not installed: run `lodestone database install`, \
             or set LODESTONE_DATABASE__URI to a MongoDB of your own"
        )
    })
}

/// Builds the pinned server from its source package into the cache folder, unless it is there.
///
/// # Errors
/// When `cargo`, `cmake` or a C compiler is missing, or the build fails.
pub fn install() -> anyhow::Result<PathBuf> {
    let root = cache_root()?;
    let program = root.join("bin").join(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    for (tool, advice) in [("cargo", "install Rust (rustup)"), ("cmake", "install the package cmake")] {
        if Command::new(tool).arg("--version").output().is_err() {
            bail!("building the embedded database server needs {tool}: {advice}");
        }
    }
    std::fs::create_dir_all(&root).with_context(|| format!("creating {}", root.display()))?;
    build(&root)?;
    Ok(program)
}

fn build(root: &Path) -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .args(["install", CRATE, "--version", SERVER_VERSION, "--locked", "--ignore-rust-version", "--root"])
        .arg(root)
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("cargo could not build {CRATE} {SERVER_VERSION} ({status}); its messages stand above");
    }
    Ok(())
}
