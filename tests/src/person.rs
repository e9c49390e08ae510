//! Somebody with a token who speaks HTTP: one method per kind of request, problem documents checked for their shape.

use crate::server::Address;
use lyceum_schema::wire::{PROBLEM_JSON, Problem, QueryAnswer, QueryResponse};
use reqwest::{Body, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Once;

/// Somebody with a token (or without one).
#[derive(Clone)]
pub struct Person {
    http: reqwest::Client,
    address: Address,
    token: Option<String>,
}

/// What came back.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub media: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What somebody asks.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Where.
    pub workspace: &'a str,
    /// What.
    pub sql: &'a str,
    /// Whether to pay again for new noise.
    pub fresh: bool,
    /// The idempotency key, if one is sent.
    pub key: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// A question in the study's workspace; a repeat is free.
    pub const fn new(sql: &'a str) -> Self {
        Self { workspace: crate::study::WORKSPACE, sql, fresh: false, key: None }
    }
}

/// Nothing came back: the connection could not be made, or broke.
#[derive(Debug)]
pub struct NoReply;

impl Person {
    /// Somebody who presents `token`.
    pub fn new(address: Address, token: Option<String>) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().expect("installed once"));
        Self { http: reqwest::Client::new(), address, token }
    }

    /// The secret.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("this person has a token")
    }

    /// Sends a request with a body of the given media type.
    ///
    /// # Errors
    /// [`NoReply`] when the server is gone before the answer is complete.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: impl Into<Body>,
    ) -> Result<Reply, NoReply> {
        receive(self.request(method, path, media).body(body)).await
    }

    /// Sends a request with a body of the given media type to a server that is there.
    pub async fn send(&self, method: Method, path: &str, media: &str, body: impl Into<Body>) -> Reply {
        self.try_send(method, path, media, body).await.unwrap_or_else(|NoReply| panic!("no reply from {path}"))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, "application/json", Body::default()).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, "application/json", body.to_string()).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, "application/json", body.to_string()).await
    }

    /// Asks a question: the answer, or the refusal.
    ///
    /// # Errors
    /// [`NoReply`] when the server is gone before the answer is complete.
    pub async fn try_ask(&self, question: &Question<'_>) -> Result<Result<QueryAnswer, Problem>, NoReply> {
        let path = format!("/v1/workspaces/{}/queries", question.workspace);
        let body = json!({ "sql": question.sql, "fresh": question.fresh }).to_string();
        let mut request = self.request(Method::POST, &path, "application/json").body(body);
        if let Some(key) = question.key {
            request = request.header("idempotency-key", key);
        }
        let reply = receive(request).await?;
        if reply.status >= 400 {
            return Ok(Err(reply.problem()));
        }
        match reply.json() {
            QueryResponse::Answer(answer) => Ok(Ok(*answer)),
            QueryResponse::Explanation(_) => panic!("a price came back instead of an answer"),
        }
    }

    /// Asks a question that must be answered.
    pub async fn ask(&self, question: &Question<'_>) -> QueryAnswer {
        let outcome = self.try_ask(question).await.expect("the server is there");
        outcome.unwrap_or_else(|problem| panic!("{}: {problem:?}", question.sql))
    }

    /// Asks a question that must be refused.
    pub async fn ask_in_vain(&self, question: &Question<'_>) -> Problem {
        match self.try_ask(question).await.expect("the server is there") {
            Err(problem) => problem,
            Ok(_) => panic!("this was answered: {:.200}", question.sql),
        }
    }

    fn request(&self, method: Method, path: &str, media: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address.url())).header("content-type", media);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

async fn receive(request: RequestBuilder) -> Result<Reply, NoReply> {
    let response = request.send().await.map_err(|_| NoReply)?;
    let status = response.status().as_u16();
    let media = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let body = response.bytes().await.map_err(|_| NoReply)?.to_vec();
    Ok(Reply { status, media, body })
}

impl Reply {
    /// The body of a success.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The problem document that every other reply must be: right media type, one status, a stable code, words.
    pub fn problem(&self) -> Problem {
        assert!(self.status >= 400, "{}: {}", self.status, self.text());
        assert!(self.media.starts_with(PROBLEM_JSON), "{} is {}: {}", self.status, self.media, self.text());
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()));
        assert_eq!(problem.status, self.status, "{problem:?}");
        let digits = problem.code.strip_prefix('E').unwrap_or_default();
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{problem:?}");
        assert_eq!(problem.kind, format!("urn:lyceum:error:{}", problem.code), "{problem:?}");
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        problem
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
