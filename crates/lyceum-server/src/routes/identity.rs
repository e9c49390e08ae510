//! `/v1/whoami`, `/v1/users`, `/v1/tokens`.

use super::{Reply, list};
use crate::extract::{At, Body, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::id::TokenId;
use lyceum_schema::name::UserName;
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::{tokens, users};
use std::sync::Arc;

pub(crate) async fn whoami(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::WhoAmI> {
    Ok(Json(users::whoami(&app, &me).await?))
}

pub(crate) async fn create_user(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    Body(request): Body<wire::CreateUser>,
) -> Result<(StatusCode, Json<wire::User>), Refused> {
    Ok((StatusCode::CREATED, Json(users::create(&app, &me, request).await?)))
}

pub(crate) async fn list_users(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::List<wire::User>> {
    Ok(list(users::list(&app, &me).await?))
}

pub(crate) async fn issue_token(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<UserName>,
    Body(request): Body<wire::CreateToken>,
) -> Result<(StatusCode, Json<wire::IssuedToken>), Refused> {
    Ok((StatusCode::CREATED, Json(tokens::issue(&app, &me, &name, request).await?)))
}

pub(crate) async fn list_tokens(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<UserName>,
) -> Reply<wire::List<wire::Token>> {
    Ok(list(tokens::list(&app, &me, &name).await?))
}

pub(crate) async fn revoke_token(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(id): At<TokenId>,
) -> Result<StatusCode, Refused> {
    tokens::revoke(&app, &me, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
