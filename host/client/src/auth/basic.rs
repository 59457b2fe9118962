//! Basic authentication (RFC 7617).

use super::secret_fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// User and password as the header has them, without the scheme. They are taken as UTF-8 (RFC 7617
/// section 2.1), which is what a provider that says nothing most likely reads.
pub(super) fn encoded(user: &str, password: &SecretString) -> SecretString {
    SecretString::from(STANDARD.encode(format!("{user}:{}", password.expose_secret())))
}

/// The value of the `Authorization` header.
pub(super) fn header(user: &str, password: &SecretString) -> SecretString {
    SecretString::from(format!("Basic {}", encoded(user, password).expose_secret()))
}

/// RFC 7617 section 2: no control characters in either, no colon in the user. A password may be empty, as
/// where an API key is sent as the user.
pub(super) fn fault(user: &str, password: &SecretString) -> Option<(&'static str, &'static str)> {
    if user.contains(':') {
        return Some(("user", "it contains a colon, which is where the password would begin"));
    }
    if let Some(reason) = secret_fault(user) {
        return Some(("user", reason));
    }
    let password = Some(password.expose_secret()).filter(|password| !password.is_empty());
    password.and_then(secret_fault).map(|reason| ("password", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_travel_as_utf_8() {
        // The example of RFC 7617 section 2.1.
        let header = header("test", &SecretString::from("123£"));
        assert_eq!(header.expose_secret(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn what_the_header_cannot_tell_apart_is_refused() {
        let fault = |user: &str, password: &str| fault(user, &SecretString::from(password.to_owned()));
        assert_eq!(fault("a:b", "c").unwrap().0, "user");
        assert_eq!(fault("", "c").unwrap(), ("user", "it is empty"));
        assert_eq!(fault("a", "c\u{7}").unwrap(), ("password", "it contains a control character"));
        assert!(fault("a", "c\n").unwrap().1.contains("line break"));
        assert_eq!(fault("a", "c:d é"), None);
        assert_eq!(fault("api-key", ""), None);
    }
}
