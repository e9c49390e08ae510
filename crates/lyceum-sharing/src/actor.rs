//! Who is asking: an account that presented a valid token.

use crate::model::User;
use lyceum_schema::id::{TokenId, UserId};
use lyceum_schema::name::OrganisationName;

/// Somebody who presented a valid token. Only [`crate::usecase::tokens::authenticate`] makes one.
#[derive(Debug, Clone)]
pub struct Actor {
    pub(crate) user: User,
    pub(crate) token: TokenId,
}

impl Actor {
    /// The account.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The account's id.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.user.id
    }

    /// The account's organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationName {
        &self.user.organisation
    }

    /// The token that was presented.
    #[must_use]
    pub const fn token(&self) -> TokenId {
        self.token
    }
}
