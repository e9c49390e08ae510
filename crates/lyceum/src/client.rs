//! The HTTP client of the command line: one method per verb, problem documents turned into [`Failure`].

use crate::cli::Global;
use crate::config;
use crate::failure::{Failure, Outcome};
use lyceum_schema::wire::Problem;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A connection to one server as one person. Holds a secret: no `Debug`.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token: Option<String>,
}

impl Client {
    /// A client for an address and a token.
    pub(crate) fn new(server: &str, token: Option<String>) -> Outcome<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("lyceum/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| {
                Failure::local("E9007", format!("no HTTP client: {e}"), "check the system's TLS certificates")
            })?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), token })
    }

    /// The client that flags, environment and the remembered login name.
    pub(crate) fn from_settings(global: &Global) -> Outcome<Self> {
        let login = config::read()?;
        let server = global.server.clone().or(login.server).ok_or_else(|| {
            Failure::local("E9008", "no server is known", "lyceum login http://127.0.0.1:7171, or set LYCEUM_SERVER")
        })?;
        Self::new(&server, global.token.clone().or(login.token))
    }

    /// The server's address.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// A request with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.server));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request; anything but success becomes a failure.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Outcome<Response> {
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.map_err(|e| self.unreachable(&e))?;
        let problem = serde_json::from_str(&text).unwrap_or_else(|_| Problem {
            title: status.canonical_reason().unwrap_or("error").to_owned(),
            status: status.as_u16(),
            detail: format!("the server answered {status} without saying why"),
            code: "E9009".to_owned(),
            ..Problem::default()
        });
        Err(Failure::Refused { problem: Box::new(problem), sql: None })
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Outcome<T> {
        let response = self.send(request).await?;
        let bytes = response.bytes().await.map_err(|e| self.unreachable(&e))?;
        serde_json::from_slice(&bytes).map_err(|e| Failure::Unreachable {
            server: self.server.clone(),
            why: format!("its answer is not what this version expects ({e})"),
        })
    }

    /// GET, answered in JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.json(self.request(Method::GET, path)).await
    }

    /// GET, answered in bytes.
    pub(crate) async fn get_bytes(&self, path: &str) -> Outcome<Vec<u8>> {
        let response = self.send(self.request(Method::GET, path)).await?;
        Ok(response.bytes().await.map_err(|e| self.unreachable(&e))?.to_vec())
    }

    /// POST of JSON, answered in JSON.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &(impl Serialize + Sync)) -> Outcome<T> {
        self.json(self.request(Method::POST, path).json(body)).await
    }

    /// PUT of JSON, answered in JSON.
    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &(impl Serialize + Sync)) -> Outcome<T> {
        self.json(self.request(Method::PUT, path).json(body)).await
    }

    /// DELETE, answered in JSON.
    pub(crate) async fn delete_json<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.json(self.request(Method::DELETE, path)).await
    }

    /// DELETE, its answer ignored.
    pub(crate) async fn delete(&self, path: &str) -> Outcome {
        self.send(self.request(Method::DELETE, path)).await.map(|_| ())
    }

    /// Sends any body, answered in JSON.
    pub(crate) async fn send_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Outcome<T> {
        self.json(self.request(method, path).header("content-type", content_type).body(body)).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() {
            "it took too long".to_owned()
        } else if error.is_connect() {
            "nothing listens there".to_owned()
        } else {
            // The innermost cause says what happened; the outer ones repeat the address.
            let mut source: &dyn std::error::Error = error;
            while let Some(next) = source.source() {
                source = next;
            }
            source.to_string()
        };
        Failure::Unreachable { server: self.server.clone(), why }
    }
}
