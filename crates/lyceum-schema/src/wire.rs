//! What travels over HTTP: requests and responses as serde types.
