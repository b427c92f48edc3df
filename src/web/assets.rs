use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/static"]
struct Files;

/// A static file, ready to send.
struct Asset {
    mime: String,
    plain: Vec<u8>,
    gzip: Vec<u8>,
}

/// All files by the name they are served under, and that name by the file's own.
struct Catalogue {
    by_url: HashMap<String, Asset>,
    urls: HashMap<String, String>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue { by_url: HashMap::new(), urls: HashMap::new() };
    for name in Files::iter() {
        let Some(file) = Files::get(&name) else { continue };
        let plain = file.data.into_owned();
        let hash = crate::ids::base32(&blake3::hash(&plain).as_bytes()[..8]);
        let hashed = match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
            None => format!("{name}.{hash}"),
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        catalogue.urls.insert(name.to_string(), format!("/static/{hashed}"));
        catalogue.by_url.insert(hashed, Asset { mime: file.metadata.mimetype().to_owned(), plain, gzip });
    }
    catalogue
});

/// The address of a file of `static/`, content hash included.
///
/// # Panics
/// When the program has no such file; a test renders every page.
#[must_use]
pub fn asset(name: &str) -> &'static str {
    CATALOGUE.urls.get(name).unwrap_or_else(|| panic!("static/{name} is part of the program"))
}

/// `GET /static/{*file}`: the name holds the content's hash, so it never changes.
pub(super) async fn serve(request: Request) -> Response {
    let name = request.uri().path().trim_start_matches("/static/").to_owned();
    let Some(asset) = CATALOGUE.by_url.get(&name) else { return AppError::NotFound("file").into_response() };
    let takes_gzip = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"));
    let is_text = !Path::new(&name).extension().is_some_and(|extension| extension == "png" || extension == "woff2");
    let zipped = takes_gzip && is_text && !asset.gzip.is_empty();
    let body = if zipped { asset.gzip.clone() } else { asset.plain.clone() };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    if let Ok(mime) = HeaderValue::try_from(&asset.mime) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if zipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// `GET /favicon.ico`: browsers ask for it whatever the page says.
pub(super) async fn favicon() -> Response {
    super::see_other(asset("icon.svg"))
}
