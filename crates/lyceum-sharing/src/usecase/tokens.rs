//! Bearer tokens: `lyc_` and 256 random bits, stored as SHA-256, shown once.
//!
//! A token is found by the hash of its secret, so that no comparison depends on secret bytes.

use super::{authorise, check_text};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::{Error, Result};
use crate::model::{Token, TokenHash, User};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::TokenId;
use lyceum_schema::name::UserName;
use lyceum_schema::wire;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PREFIX: &str = "lyc_";
/// `lyc_` and 43 characters of base64url.
const LENGTH: usize = PREFIX.len() + 43;

/// The account behind a secret.
///
/// # Errors
/// [`Error::Unauthenticated`] for anything but a live token, storage.
pub async fn authenticate(app: &App, secret: &str) -> Result<Actor> {
    if secret.len() != LENGTH || !secret.starts_with(PREFIX) {
        return Err(Error::Unauthenticated);
    }
    let found = app.identities.user_by_token(hash(secret), app.clock.now()).await?;
    let (user, token) = found.ok_or(Error::Unauthenticated)?;
    Ok(Actor { user, token })
}

/// Issues a token. The secret is in the answer and nowhere else.
///
/// # Errors
/// [`Error::Forbidden`] for somebody else's account, [`Error::NotFound`], [`Error::Invalid`], storage, randomness.
pub async fn issue(app: &App, actor: &Actor, name: &UserName, request: wire::CreateToken) -> Result<wire::IssuedToken> {
    let user = account(app, actor, name).await?;
    issue_to(app, Some(actor), &user, request).await
}

/// An account's live tokens, without secrets.
///
/// # Errors
/// [`Error::Forbidden`] for somebody else's account, [`Error::NotFound`], storage.
pub async fn list(app: &App, actor: &Actor, name: &UserName) -> Result<Vec<wire::Token>> {
    let user = account(app, actor, name).await?;
    let now = app.clock.now();
    let live = |t: &Token| t.expires.is_none_or(|end| end > now);
    Ok(app.identities.tokens(user.id).await?.into_iter().filter(live).map(shape).collect())
}

/// Revokes a token at once.
///
/// # Errors
/// [`Error::NotFound`] for a token that isn't there or, unless the actor is an administrator, not their own; storage.
pub async fn revoke(app: &App, actor: &Actor, id: TokenId) -> Result<()> {
    let own = app.identities.tokens(actor.id()).await?.iter().any(|t| t.id == id);
    if !own && authorise(actor, Action::ManageTokens).is_err() {
        return Err(Error::not_found("token", id));
    }
    let event = app.event(Some(actor), None, EventKind::TokenRevoked { token: id });
    app.identities.revoke_token(id, event).await?;
    Ok(())
}

pub(crate) async fn issue_to(
    app: &App,
    actor: Option<&Actor>,
    user: &User,
    request: wire::CreateToken,
) -> Result<wire::IssuedToken> {
    check_text("label", &request.label, 100)?;
    let now = app.clock.now();
    if request.expires.is_some_and(|end| end.0 <= now) {
        return Err(Error::invalid("expires is in the past", "send a later time, or none"));
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| Error::Randomness)?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    let token = Token {
        id: TokenId::generate(),
        user: user.id,
        hash: hash(&secret),
        label: request.label,
        created: now,
        expires: request.expires.map(|end| end.0),
    };
    let event = app.event(actor, None, EventKind::TokenIssued { token: token.id, user: user.id });
    app.identities.create_token(token.clone(), event).await?;
    Ok(wire::IssuedToken { token: shape(token), secret })
}

/// The account whose tokens are meant: one's own, or anybody's for an administrator.
async fn account(app: &App, actor: &Actor, name: &UserName) -> Result<User> {
    if actor.user.name == *name {
        return Ok(actor.user.clone());
    }
    authorise(actor, Action::ManageTokens)?;
    app.identities.user_by_name(name).await?.ok_or_else(|| Error::not_found("user", name))
}

fn hash(secret: &str) -> TokenHash {
    TokenHash(Sha256::digest(secret.as_bytes()).into())
}

fn shape(token: Token) -> wire::Token {
    wire::Token {
        id: token.id,
        label: token.label,
        created: token.created.into(),
        expires: token.expires.map(Into::into),
    }
}
