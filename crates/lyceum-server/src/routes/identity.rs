//! `/v1/whoami`, `/v1/users`, `/v1/tokens`.

use super::{Created, Reply, Service, created, list};
use crate::body::{Json, OptionalJson};
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::id::TokenId;
use lyceum_schema::name::UserName;
use lyceum_schema::wire;
use lyceum_sharing::usecase::{tokens, users};

pub(crate) async fn whoami(State(app): Service, Caller(actor): Caller) -> Reply<wire::WhoAmI> {
    Ok(axum::Json(users::whoami(&app, &actor).await?))
}

pub(crate) async fn create_user(
    State(app): Service,
    Caller(actor): Caller,
    Json(request): Json<wire::CreateUser>,
) -> Created<wire::User> {
    created(users::create(&app, &actor, request).await?)
}

pub(crate) async fn list_users(State(app): Service, Caller(actor): Caller) -> Reply<wire::List<wire::User>> {
    Ok(list(users::list(&app, &actor).await?))
}

pub(crate) async fn issue_token(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<UserName>,
    OptionalJson(request): OptionalJson<wire::CreateToken>,
) -> Created<wire::IssuedToken> {
    created(tokens::issue(&app, &actor, &name, request).await?)
}

pub(crate) async fn list_tokens(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<UserName>,
) -> Reply<wire::List<wire::Token>> {
    Ok(list(tokens::list(&app, &actor, &name).await?))
}

pub(crate) async fn revoke_token(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Failure> {
    tokens::revoke(&app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
