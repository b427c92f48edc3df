use std::pin::Pin;
use std::time::Duration;

use openidconnect::http::{Request, Response};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// How long a provider may take over one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer: metadata, keys and tokens are far smaller.
const LARGEST: usize = 1024 * 1024;

/// Why a provider's answer was not had.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// It did not answer, or not in time.
    #[error("{0}")]
    Unreachable(reqwest::Error),
    /// It answered with too much.
    #[error("its answer is larger than {LARGEST} bytes")]
    TooLarge,
    /// The answer is no HTTP.
    #[error("{0}")]
    Malformed(#[from] openidconnect::http::Error),
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// Follows no redirect, keeps no cookie and sends nothing but what it is given.
pub(super) struct HttpClient(reqwest::Client);

impl HttpClient {
    pub(super) fn new() -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(PATIENCE)
            .no_proxy()
            .build()?;
        Ok(Self(client))
    }

    /// Sends one request, within limits of time and size.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let mut answer = self.0.execute(reqwest::Request::try_from(request)?).await?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::AppendHeaders;
    use axum::routing::get;

    use super::*;

    /// R5: what others answer sends the program nowhere else, and nothing of ours goes with its questions.
    #[tokio::test]
    async fn r5_nothing_is_followed_kept_or_sent_along() {
        let moved = || async { (StatusCode::FOUND, AppendHeaders([("location", "/seen"), ("set-cookie", "a=b")]), "") };
        let seen = |headers: HeaderMap| async move { format!("{:?}", headers.keys().collect::<Vec<_>>()) };
        let large = || async { "x".repeat(LARGEST + 1) };
        let router = Router::new().route("/", get(moved)).route("/seen", get(seen)).route("/large", get(large));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let _ = rustls::crypto::ring::default_provider().install_default(); // another test may have been faster
        let client = HttpClient::new().unwrap();
        let ask = async |path: &str| {
            client.send(Request::builder().uri(format!("{origin}{path}")).body(Vec::new()).unwrap()).await
        };
        let answer = ask("/").await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()[header::LOCATION]),
            (StatusCode::FOUND, &"/seen".parse().unwrap())
        );
        let sent = String::from_utf8(ask("/seen").await.unwrap().into_body()).unwrap();
        assert_eq!(sent, r#"["accept", "host"]"#, "after a cookie was offered");
        assert!(matches!(ask("/large").await, Err(HttpError::TooLarge)));
    }
}
