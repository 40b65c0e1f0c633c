//! Who is believed: the checks around the certificate chain's own proof, for both sides.
//!
//! The proof itself (RFC 5280 §6, RFC 9525) is rustls-webpki's or the platform's. This file adds what they leave out:
//! weak keys told by name, certificates trusted as themselves, pins, and a reason that a person can act upon.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore};
use rustls::{SignatureScheme, client::verify_server_name};
use x509_parser::prelude::X509Certificate;

use crate::certificate::{self, Certificate};
use crate::provider::provider;
use crate::{Anchors, CertificateFault, ConfigError, Pin, Roots};

/// How a client decides whether a server's chain proves its name.
#[derive(Debug)]
pub(crate) enum Trust {
    /// By a chain up to somebody who is trusted.
    Chain(Arc<dyn ServerCertVerifier>),
    /// As the caller's verifier says, in its own words.
    Caller(Arc<dyn ServerCertVerifier>),
    /// Only certificates that are trusted as themselves.
    Exact,
    /// Not at all.
    Anything,
}

/// Verifies servers.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    pub(crate) trust: Trust,
    pub(crate) exact: Vec<CertificateDer<'static>>,
    pub(crate) pins: Vec<Pin>,
}

impl ServerVerifier {
    /// Trust in `roots`, with `pins` on top.
    pub(crate) fn new(roots: &Roots, pins: Vec<Pin>) -> Result<Self, ConfigError> {
        let (trust, exact) = match roots {
            Roots::Platform => (platform([])?, Vec::new()),
            Roots::PlatformAnd(anchors) => (platform(anchors.issuers())?, anchors.certificates().to_vec()),
            Roots::Only(anchors) => (only(anchors)?, anchors.certificates().to_vec()),
        };
        Ok(Self { trust, exact, pins })
    }

    fn check_pins(&self, leaf: &X509Certificate<'_>) -> Result<(), Error> {
        let found = Pin::of_key(leaf.public_key().raw);
        if self.pins.is_empty() || self.pins.contains(&found) {
            Ok(())
        } else {
            Err(refusal(CertificateFault::PinMismatch { found }))
        }
    }
}

fn platform(extra: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<Trust, ConfigError> {
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider())
        .map_err(|error| ConfigError::NoPlatformRoots { reason: error.to_string() })?;
    Ok(Trust::Chain(Arc::new(verifier)))
}

fn only(anchors: &Anchors) -> Result<Trust, ConfigError> {
    let Some(roots) = root_store(anchors)? else { return Ok(Trust::Exact) };
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider())
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    Ok(Trust::Chain(verifier))
}

fn root_store(anchors: &Anchors) -> Result<Option<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for issuer in anchors.issuers() {
        roots.add(issuer)?;
    }
    Ok(Some(roots).filter(|roots| !roots.is_empty()))
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = parse(end_entity)?;
        self.check_pins(&leaf)?;
        if matches!(self.trust, Trust::Anything) {
            return Ok(ServerCertVerified::assertion());
        }
        check_strength(end_entity, intermediates)?;
        if self.exact.iter().any(|trusted| trusted == end_entity) {
            check_itself(&leaf, now)?;
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)
                .map_err(|error| explain(error, end_entity, &[], &self.exact, Some(server_name)))?;
            return Ok(ServerCertVerified::assertion());
        }
        let proof = match &self.trust {
            Trust::Caller(caller) => {
                return caller.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
            }
            Trust::Chain(chain) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Trust::Exact | Trust::Anything => Err(CertificateError::UnknownIssuer.into()),
        };
        proof.map_err(|error| explain(error, end_entity, intermediates, &self.exact, Some(server_name)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trust {
            Trust::Chain(chain) | Trust::Caller(chain) => chain.verify_tls12_signature(message, cert, dss),
            Trust::Exact | Trust::Anything => {
                verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trust {
            Trust::Chain(chain) | Trust::Caller(chain) => chain.verify_tls13_signature(message, cert, dss),
            Trust::Exact | Trust::Anything => {
                verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match &self.trust {
            Trust::Chain(chain) | Trust::Caller(chain) => chain.supported_verify_schemes(),
            Trust::Exact | Trust::Anything => {
                provider().signature_verification_algorithms.supported_schemes()
            }
        }
    }
}

/// Verifies clients.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    exact: Vec<CertificateDer<'static>>,
}

/// What a server does about a client that sends no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anonymous {
    Allowed,
    Refused,
}

impl ClientVerifier {
    /// Trust in `anchors`, which must hold a CA: a client is told whose certificates are welcome.
    pub(crate) fn new(anchors: &Anchors, anonymous: Anonymous) -> Result<Self, ConfigError> {
        let roots = root_store(anchors)?.ok_or(ConfigError::NoClientAnchors)?;
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
        if anonymous == Anonymous::Allowed {
            builder = builder.allow_unauthenticated();
        }
        let chain = builder.build().map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { chain, exact: anchors.certificates().to_vec() })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        self.chain.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        check_strength(end_entity, intermediates)?;
        self.chain
            .verify_client_cert(end_entity, intermediates, now)
            .map_err(|error| explain(error, end_entity, intermediates, &self.exact, None))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    certificate::parse(der).map_err(|_| CertificateError::BadEncoding.into())
}

/// No RSA key below the minimum anywhere in what the peer presents.
fn check_strength(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), Error> {
    for der in std::iter::once(leaf).chain(intermediates) {
        let certificate = parse(der)?;
        if let Some(bits) = certificate::weak_rsa_bits(&certificate) {
            let subject = certificate::text(certificate.subject());
            return Err(refusal(CertificateFault::WeakKey { subject, bits }));
        }
    }
    Ok(())
}

/// What remains to be checked of a certificate that is trusted as itself: its time and its purpose.
fn check_itself(leaf: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let (not_before, not_after) =
        (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < not_before {
        return Err(
            CertificateError::NotValidYetContext { time: now, not_before: unix_time(not_before) }.into()
        );
    }
    if seconds > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after: unix_time(not_after) }.into());
    }
    match leaf.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => Ok(()),
        _ => Err(CertificateError::InvalidPurpose.into()),
    }
}

fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn refusal(fault: CertificateFault) -> Error {
    CertificateError::Other(OtherError(Arc::new(fault))).into()
}

/// Turns the verifier's terse word into one that names names. Dates keep their variant: its alert is more precise.
fn explain(
    error: Error,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    expected: Option<&ServerName<'_>>,
) -> Error {
    let Error::InvalidCertificate(reason) = &error else { return error };
    let Ok(facts) = Certificate::parse(leaf) else { return error };
    let fault = match reason {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let expected = expected.map(|name| name.to_str().into_owned()).unwrap_or_default();
            Some(CertificateFault::WrongName { expected, presented: facts.names() })
        }
        CertificateError::UnknownIssuer => {
            Some(without_ca_bit(&facts, intermediates, anchors).unwrap_or_else(|| {
                if facts.subject() == facts.issuer() {
                    CertificateFault::SelfSigned { subject: facts.subject().to_owned() }
                } else {
                    CertificateFault::UnknownIssuer { issuer: top_issuer(&facts, intermediates) }
                }
            }))
        }
        CertificateError::Other(_) => without_ca_bit(&facts, intermediates, anchors).or_else(|| {
            let is_ca = certificate::parse(leaf).is_ok_and(|leaf| leaf.is_ca());
            is_ca.then(|| match facts.subject() == facts.issuer() {
                true => CertificateFault::SelfSigned { subject: facts.subject().to_owned() },
                false => CertificateFault::CaAsLeaf { subject: facts.subject().to_owned() },
            })
        }),
        _ => None,
    };
    fault.map_or(error, refusal)
}

/// The certificate in the chain, or among the trusted ones, that issued the leaf though it is no CA.
fn without_ca_bit(
    leaf: &Certificate,
    intermediates: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
) -> Option<CertificateFault> {
    let mut issuer = leaf.issuer().to_owned();
    // each step goes one certificate up; the chain's length bounds it
    for _ in 0..=intermediates.len() {
        let above = intermediates.iter().chain(anchors).find_map(|der| {
            let certificate = certificate::parse(der).ok()?;
            (certificate::text(certificate.subject()) == issuer).then_some(certificate)
        })?;
        if issuer == leaf.subject() {
            return None;
        }
        if !above.is_ca() {
            return Some(CertificateFault::NotCa { subject: issuer });
        }
        issuer = certificate::text(above.issuer());
    }
    None
}

/// Who issued the topmost certificate that the peer has presented.
fn top_issuer(leaf: &Certificate, intermediates: &[CertificateDer<'_>]) -> String {
    let mut issuer = leaf.issuer().to_owned();
    for _ in 0..intermediates.len() {
        let above = intermediates.iter().filter_map(|der| Certificate::parse(der).ok());
        match above.into_iter().find(|above| above.subject() == issuer && above.issuer() != issuer) {
            Some(above) => issuer = above.issuer().to_owned(),
            None => break,
        }
    }
    issuer
}
