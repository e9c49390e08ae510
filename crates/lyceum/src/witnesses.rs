//! How the server reaches its witnesses: HTTP, with a time limit, no redirects, and answers of a few kilobytes.

use async_trait::async_trait;
use lyceum_store::log::Submit;
use std::time::Duration;

/// Witnesses over HTTP.
pub(crate) struct OverHttp(reqwest::Client);

/// More than any cosignature, or any reason, needs.
const MAX_ANSWER_BYTES: usize = 64 << 10;

impl OverHttp {
    /// A client that waits for an answer at most `timeout`.
    pub(crate) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
        client.user_agent(concat!("lyceum/", env!("CARGO_PKG_VERSION"))).build().map(Self)
    }
}

#[async_trait]
impl Submit for OverHttp {
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<(u16, String), String> {
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        let mut response = self.0.post(url).body(body).send().await.map_err(|e| why(&e))?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| why(&e))? {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err("its answer is too long".to_owned());
            }
        }
        let answer = String::from_utf8(answer).map_err(|_| "its answer is not text".to_owned())?;
        Ok((response.status().as_u16(), answer))
    }
}

fn why(error: &reqwest::Error) -> String {
    let why = if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "nothing listens at its address"
    } else if error.is_builder() {
        "its address is not a URL"
    } else {
        "the connection broke"
    };
    why.to_owned()
}
