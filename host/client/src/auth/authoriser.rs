//! What the requests to one provider carry: nothing, always the same header, or a token that is kept fresh.

use super::tokens::{Generation, Origin, Tokens};
use super::{Authentication, basic, bearer};
use crate::failure::Failure;
use crate::quote::Secrets;
use crate::settings::{ProviderSettings, SettingsRule};
use crate::transport::Transport;
use secrecy::SecretString;

/// Hands out the `Authorization` header of each request.
#[derive(Debug)]
pub(crate) enum Authoriser {
    /// Nothing is sent.
    Nothing,
    /// Always the same.
    Fixed(SecretString),
    /// A token that is kept fresh.
    Tokens(Box<Tokens>),
}

/// The header of one request, and which token it was made of.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) header: Option<SecretString>,
    generation: Option<Generation>,
}

impl Authoriser {
    /// The settings have been checked. `secrets` is told each token that is fetched.
    pub(crate) fn new(settings: &ProviderSettings, secrets: &Secrets) -> Result<Self, SettingsRule> {
        let tokens = |origin| Self::Tokens(Box::new(Tokens::new(origin, secrets.clone())));
        Ok(match &settings.auth {
            Authentication::None => Self::Nothing,
            Authentication::Bearer(token) => Self::Fixed(bearer(token)),
            Authentication::Basic { user, password } => Self::Fixed(basic::header(user, password)),
            Authentication::Fetched(source) => {
                tokens(Origin::Source(source.clone(), settings.timeouts.request))
            }
            Authentication::ClientCredentials(grant) => {
                let transport = Transport::to_token_endpoint(settings, &grant.token_url, secrets.clone())?;
                tokens(Origin::Grant(Box::new(grant.clone()), Box::new(transport)))
            }
        })
    }

    /// What the next request carries; a token is fetched where none is at hand.
    ///
    /// # Errors
    /// [`Failure::TokenRefused`] and [`Failure::TokenUnavailable`].
    pub(crate) async fn credential(&self) -> Result<Credential, Failure> {
        Ok(match self {
            Self::Nothing => Credential { header: None, generation: None },
            Self::Fixed(header) => Credential { header: Some(header.clone()), generation: None },
            Self::Tokens(tokens) => {
                let (header, generation) = tokens.current().await?;
                Credential { header: Some(header), generation: Some(generation) }
            }
        })
    }

    /// A request with this credential was answered 401. Says whether another attempt would carry another
    /// credential.
    pub(crate) async fn refused(&self, credential: &Credential) -> bool {
        match (self, credential.generation) {
            (Self::Tokens(tokens), Some(generation)) => {
                tokens.refused(generation).await;
                true
            }
            _ => false,
        }
    }
}
