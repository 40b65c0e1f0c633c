//! What is wrong with a peer's certificate, one clear line for each class (RFC 5280 §6, RFC 9525).

use std::time::SystemTime;

use crate::certificate::Moment;

/// Why the peer's certificate is not accepted.
///
/// ```
/// use smtpkit_tls::CertificateFault;
///
/// let fault = CertificateFault::SelfSigned { subject: "CN=mx.example.test".into() };
/// assert!(fault.to_string().contains("self-signed"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its time is over.
    #[error("the certificate expired{}; the peer must renew it", on(*.not_after))]
    Expired {
        /// The last moment of its validity, if known.
        not_after: Option<SystemTime>,
    },
    /// Its time has not come.
    #[error("the certificate is not valid before{}; check the clocks on both sides", on(*.not_before))]
    NotYetValid {
        /// The first moment of its validity, if known.
        not_before: Option<SystemTime>,
    },
    /// It is for somebody else (RFC 9525 §6).
    #[error("the certificate is not for `{expected}` but for {}", list(presented))]
    WrongName {
        /// The name that was asked for.
        expected: String,
        /// The names that it is for.
        presented: Vec<String>,
    },
    /// Its issuer is not trusted.
    #[error(
        "the certificate was issued by `{issuer}`, which is not trusted; name its CA file if it should be"
    )]
    UnknownIssuer {
        /// Who issued it.
        issuer: String,
    },
    /// It vouches for itself and is not trusted by name.
    #[error(
        "the certificate of `{subject}` is self-signed and not trusted; name it as CA file if it should be"
    )]
    SelfSigned {
        /// Whom it names.
        subject: String,
    },
    /// A certificate that may not issue others has issued one (RFC 5280 §4.2.1.9).
    #[error("the certificate chain is invalid: `{subject}` issued a certificate but is not a CA")]
    NotCa {
        /// Whom the issuing certificate names.
        subject: String,
    },
    /// A CA's own certificate is used by a server or client (RFC 5280 §4.2.1.9).
    #[error("the certificate of `{subject}` is a CA's own; the peer must use one that the CA issued")]
    CaAsLeaf {
        /// Whom it names.
        subject: String,
    },
    /// A key that can be broken.
    #[error(
        "the certificate of `{subject}` has an RSA key of {bits} bits, which is too weak; 2,048 are the minimum"
    )]
    WeakKey {
        /// Whom it names.
        subject: String,
        /// Length of the modulus.
        bits: usize,
    },
    /// Not for this use (RFC 5280 §4.2.1.12).
    #[error("the certificate is not meant for this side of a TLS connection (extended key usage)")]
    WrongPurpose,
    /// Its issuer took it back.
    #[error("the certificate was revoked by its issuer")]
    Revoked,
    /// The key is not one of the pinned ones.
    #[error("the certificate's key is not one of the pinned ones; it is {found}")]
    PinMismatch {
        /// The pin that would have matched.
        found: crate::Pin,
    },
    /// Not parsable, wrongly signed, or refused by a verifier of the caller's.
    #[error("the certificate is invalid: {0}")]
    Other(String),
}

fn on(moment: Option<SystemTime>) -> String {
    moment.map(|moment| format!(" {}", Moment(moment))).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    if names.is_empty() {
        return "no name at all".to_owned();
    }
    let mut text =
        names.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_names_is_cut() {
        let fault = CertificateFault::WrongName {
            expected: "mx.example.test".into(),
            presented: (0..7).map(|n| format!("mx{n}.example.net")).collect(),
        };
        let text = fault.to_string();
        assert!(text.ends_with("`mx4.example.net` and 2 more"), "{text}");
    }

    #[test]
    fn no_name_is_said_so() {
        let fault = CertificateFault::WrongName { expected: "mx.example.test".into(), presented: Vec::new() };
        assert!(fault.to_string().ends_with("but for no name at all"), "{fault}");
    }
}
