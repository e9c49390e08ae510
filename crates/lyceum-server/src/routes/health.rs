//! Whether the process is alive, and whether it can serve.

use super::Service;
use crate::problem::Failure;
use axum::extract::State;
use lyceum_sharing::usecase::audit;

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(app): Service) -> Result<&'static str, Failure> {
    audit::ready(&app).await?;
    Ok("ok\n")
}
