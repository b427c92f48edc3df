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
