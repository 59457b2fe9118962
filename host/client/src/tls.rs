//! Whom we trust, and who we are, in TLS.

use crate::settings::SettingsRule;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;

/// How connections are secured. The trust of the operating system always holds; certificates are always
/// checked.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Certificates of private authorities, trusted besides those of the system.
    pub extra_roots: Vec<Pem>,
    /// What the client shows to a server that asks for a certificate (mutual TLS).
    pub identity: Option<ClientIdentity>,
}

/// Certificates as PEM text (RFC 7468), one or several. What stands between them is ignored.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem(String);

impl Pem {
    /// Takes the text as it is; [`ProviderSettings::check`](crate::ProviderSettings::check) reads it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

// Whole certificates make no log readable, and somebody may have put a key here.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({} bytes)", self.0.len())
    }
}

/// A client certificate and its key.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate, followed by those that lead to the authority the provider trusts.
    pub chain: Pem,
    /// The private key as PEM, not encrypted: PKCS#8, SEC1 or PKCS#1.
    pub key: SecretString,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("chain", &self.chain)
            .field("key", &format_args!("[redacted]"))
            .finish()
    }
}

impl TlsSettings {
    /// Reads every PEM, so that a mistake in one is found before the first connection.
    pub(crate) fn check(&self) -> Result<(), SettingsRule> {
        let mut store = RootCertStore::empty();
        for (number, certificate) in self.roots()?.into_iter().enumerate() {
            store.add(certificate).map_err(|error| SettingsRule::Pem {
                setting: EXTRA_ROOTS,
                reason: format!("certificate {} in all is unusable: {error}", number + 1),
            })?;
        }
        if let Some(identity) = &self.identity {
            let builder = builder().map_err(unusable)?.with_root_certificates(RootCertStore::empty());
            identity.present(builder)?;
        }
        Ok(())
    }

    /// The configuration of the TLS library: ring, the system's trust and ours.
    ///
    /// The provider of cryptography is handed over explicitly: nothing is installed for the whole process,
    /// and it does not matter what other crates bring into the tree. Without https no certificates are
    /// loaded, so that loopback works on machines that have none.
    pub(crate) fn config(&self, https: bool) -> Result<ClientConfig, SettingsRule> {
        let fail = |error: rustls::Error| SettingsRule::Tls { cause: error.to_string() };
        let builder = builder().map_err(fail)?;
        let builder = if https {
            let ring = builder.crypto_provider().clone();
            let verifier = Verifier::new_with_extra_roots(self.roots()?, ring).map_err(fail)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else {
            builder.with_root_certificates(RootCertStore::empty())
        };
        let mut config = match &self.identity {
            Some(identity) => identity.present(builder)?,
            None => builder.with_no_client_auth(),
        };
        // RFC 7301; a preconfigured TLS is used as it is.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<Vec<CertificateDer<'static>>, SettingsRule> {
        let mut roots = Vec::new();
        for pem in &self.extra_roots {
            roots.extend(certificates(EXTRA_ROOTS, pem)?);
        }
        Ok(roots)
    }
}

const EXTRA_ROOTS: &str = "tls.extra_roots";
const CHAIN: &str = "tls.identity.chain";
const KEY: &str = "tls.identity.key";

type Builder<State> = rustls::ConfigBuilder<ClientConfig, State>;

fn builder() -> Result<Builder<rustls::WantsVerifier>, rustls::Error> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()
}

fn unusable(error: rustls::Error) -> SettingsRule {
    let reason = match error {
        rustls::Error::InconsistentKeys(_) => {
            "it does not belong to the first certificate of the chain".into()
        }
        error => format!("it is unusable: {error}"),
    };
    SettingsRule::Pem { setting: KEY, reason }
}

impl ClientIdentity {
    fn present(
        &self,
        builder: Builder<rustls::client::WantsClientCert>,
    ) -> Result<ClientConfig, SettingsRule> {
        let chain = certificates(CHAIN, &self.chain)?;
        builder.with_client_auth_cert(chain, self.key()?).map_err(unusable)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, SettingsRule> {
        let text = self.key.expose_secret();
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| {
            let reason = match error {
                _ if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
                    "the private key is encrypted; decrypt it first, with `openssl pkey` for instance"
                        .to_owned()
                }
                pem::Error::NoItemsFound => "it has no `-----BEGIN PRIVATE KEY-----`".to_owned(),
                error => broken(&error),
            };
            SettingsRule::Pem { setting: KEY, reason }
        })
    }
}

fn certificates(setting: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, SettingsRule> {
    let fail = |reason: String| SettingsRule::Pem { setting, reason };
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.0.as_bytes()) {
        match section.map_err(|error| fail(broken(&error)))? {
            (SectionKind::Certificate, der) => certificates.push(CertificateDer::from(der)),
            (SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey, _) => {
                return Err(fail(
                    "it contains a private key, which belongs into tls.identity.key only".to_owned(),
                ));
            }
            _ => {}
        }
    }
    if certificates.is_empty() {
        return Err(fail("it has no `-----BEGIN CERTIFICATE-----`; is it DER, or a file name?".to_owned()));
    }
    Ok(certificates)
}

// The library's own words quote the line that it stumbled over, which may be a piece of a key.
fn broken(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section has no `-----END …-----`; was it cut off?".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => "a `-----BEGIN …` line is broken".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "it is not PEM".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["acme.example".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn complaint(extra_roots: &[&str], identity: Option<(&str, &str)>) -> String {
        let identity = identity.map(|(chain, key)| ClientIdentity {
            chain: Pem::new(chain),
            key: SecretString::from(key.to_owned()),
        });
        let extra_roots = extra_roots.iter().copied().map(Pem::new).collect();
        TlsSettings { extra_roots, identity }.check().map_or_else(|rule| rule.to_string(), |()| String::new())
    }

    #[test]
    fn several_certificates_and_what_stands_between_them_are_read() {
        let ((first, first_key), (second, _)) = (pair(), pair());
        let bundle = format!("# our authorities\n{first}\nand\n{second}");
        assert_eq!(complaint(&[&bundle, &first], Some((&first, &first_key))), "");
    }

    #[test]
    fn what_is_wrong_with_a_pem_is_named_and_no_key_is_shown() {
        let ((cert, key), (_, other_key)) = (pair(), pair());
        let cut = &cert[..cert.len() - 40];
        let odd = cert.replace("MII", "***");
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let screen = [
            complaint(&["/etc/ca.pem"], None),
            complaint(&[&cert, cut], None),
            complaint(&[&odd], None),
            complaint(&[&cert, no_certificate], None),
            complaint(&[&format!("{cert}{key}")], None),
            complaint(&[], Some(("", &key))),
            complaint(&[], Some((&cert, ""))),
            complaint(&[], Some((&cert, &key[..key.len() - 40]))),
            complaint(&[], Some((&cert, &other_key))),
            complaint(&[], Some((&cert, encrypted))),
        ]
        .join("\n");
        let body: Vec<_> =
            key.lines().chain(other_key.lines()).filter(|line| !line.starts_with('-')).collect();
        assert!(body.iter().all(|line| !screen.contains(line)), "{screen}");
        insta::assert_snapshot!(screen);
    }
}
