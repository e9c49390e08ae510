//! Whether the server lives and whether it can answer. Open to everybody; says nothing else.

use crate::problem::Refused;
use axum::extract::State;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::audit;
use std::sync::Arc;

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refused> {
    audit::is_available(&app).await?;
    Ok("ready\n")
}
