//! Why a handshake, or an encrypted stream, failed: one variant and one clear line for each class.
//!
//! The text may hold what the peer's certificate says, never octets of the stream and never a key.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::CertificateFault;

/// A handshake failed, or a stream that it had secured broke.
///
/// ```
/// use smtpkit_tls::{Error, ErrorKind};
/// use std::io;
///
/// let error = Error::from_io(io::Error::from(io::ErrorKind::UnexpectedEof));
/// assert_eq!(error.kind(), ErrorKind::Closed);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's certificate is not accepted.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The two sides share no protocol version that is still safe (RFC 8996).
    #[error("the peer does not speak a TLS version that is allowed here (at least TLS 1.2)")]
    ProtocolVersion,
    /// The two sides share no cipher suite, key exchange or signature.
    #[error("the peer shares no cipher suite, key exchange group or signature algorithm with us")]
    NothingInCommon,
    /// A client certificate was asked for and not sent.
    #[error("the connection needs a client certificate and there is none")]
    ClientCertificateMissing,
    /// What the peer sent is not TLS: plaintext, most likely.
    #[error("the peer does not speak TLS on this connection; is it a plaintext or STARTTLS port?")]
    NotTls,
    /// The peer refused us; the text is its reason.
    #[error("the peer refused the TLS connection: {0}")]
    Refused(String),
    /// The handshake took too long.
    #[error("the TLS handshake did not finish within {} s", after.as_secs_f32())]
    Timeout {
        /// How long it was given.
        after: Duration,
    },
    /// The peer went away in the middle of the handshake.
    #[error("the peer closed the connection during the TLS handshake")]
    Closed,
    /// The stream ended without the peer saying so: octets may be missing (RFC 8446 §6.1).
    #[error("the connection ended without a TLS close_notify; the end may have been cut off")]
    Truncated,
    /// A record was altered on its way.
    #[error("a TLS record was damaged or altered on its way")]
    CorruptRecord,
    /// The peer broke the protocol.
    #[error("the peer broke the TLS protocol: {0}")]
    Misbehaved(String),
    /// This side cannot go on, through no fault of the peer.
    #[error("TLS failed on this side: {0}")]
    Local(String),
    /// The connection beneath failed.
    #[error("the connection failed: {0}")]
    Io(io::Error),
}

/// The class of an [`Error`].
///
/// ```
/// use smtpkit_tls::{Error, ErrorKind};
///
/// assert_eq!(Error::NotTls.kind(), ErrorKind::Plaintext);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer's certificate, or the lack of it.
    Certificate,
    /// Protocol version, cipher suites and the like.
    Version,
    /// The peer does not speak TLS.
    Plaintext,
    /// The peer refused us.
    Refused,
    /// Time ran out.
    Timeout,
    /// The connection ended too early.
    Closed,
    /// A record was altered.
    Corrupt,
    /// The peer broke the protocol.
    Protocol,
    /// The connection beneath, or this machine.
    Io,
}

/// Whether the handshake is over: the same octets mean different things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Established,
}

impl Error {
    /// The class.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate(_) | Self::ClientCertificateMissing => ErrorKind::Certificate,
            Self::ProtocolVersion | Self::NothingInCommon => ErrorKind::Version,
            Self::NotTls => ErrorKind::Plaintext,
            Self::Refused(_) => ErrorKind::Refused,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Closed | Self::Truncated => ErrorKind::Closed,
            Self::CorruptRecord => ErrorKind::Corrupt,
            Self::Misbehaved(_) => ErrorKind::Protocol,
            Self::Local(_) | Self::Io(_) => ErrorKind::Io,
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind(), ErrorKind::Timeout | ErrorKind::Closed | ErrorKind::Io | ErrorKind::Corrupt)
    }

    /// Tells the class of an error that reading from or writing to an established stream has given.
    ///
    /// With TLS 1.3 a client learns only at its first read that its certificate was refused (RFC 8446 §4.4.2.4).
    #[must_use]
    pub fn from_io(error: io::Error) -> Self {
        Self::at(Stage::Established, error)
    }

    /// Tells the class of an error during the handshake.
    pub(crate) fn in_handshake(error: io::Error) -> Self {
        Self::at(Stage::Handshake, error)
    }

    /// Tells the class of what rustls complains about during the handshake.
    pub(crate) fn from_rustls(error: &rustls::Error) -> Self {
        Self::classify(Stage::Handshake, error)
    }

    fn at(stage: Stage, error: io::Error) -> Self {
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::classify(stage, error);
        }
        match (error.kind(), stage) {
            (io::ErrorKind::UnexpectedEof, Stage::Established) => Self::Truncated,
            (
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe,
                Stage::Handshake,
            ) => Self::Closed,
            _ => Self::Io(error),
        }
    }

    fn classify(stage: Stage, error: &rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::InvalidCertificate(error) => Self::Certificate(certificate_fault(error)),
            Tls::NoCertificatesPresented => Self::ClientCertificateMissing,
            Tls::PeerIncompatible(reason) => incompatible(reason),
            Tls::AlertReceived(alert) => refused(*alert),
            Tls::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) if stage == Stage::Handshake => Self::NotTls,
            Tls::DecryptError | Tls::PeerSentOversizedRecord => Self::CorruptRecord,
            Tls::InvalidMessage(_) if stage == Stage::Established => Self::CorruptRecord,
            Tls::InvalidMessage(_)
            | Tls::InappropriateMessage { .. }
            | Tls::InappropriateHandshakeMessage { .. }
            | Tls::PeerMisbehaved(_) => Self::Misbehaved(error.to_string()),
            _ => Self::Local(error.to_string()),
        }
    }
}

fn incompatible(reason: &PeerIncompatible) -> Error {
    match reason {
        // a client without the extension knows nothing newer than TLS 1.1
        PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => Error::ProtocolVersion,
        _ => Error::NothingInCommon,
    }
}

/// What an alert means to the side that gets it (RFC 8446 §6.2).
fn refused(alert: AlertDescription) -> Error {
    let reason = match alert {
        AlertDescription::ProtocolVersion => return Error::ProtocolVersion,
        AlertDescription::InsufficientSecurity => return Error::NothingInCommon,
        AlertDescription::CertificateRequired => return Error::ClientCertificateMissing,
        AlertDescription::BadRecordMac | AlertDescription::DecryptionFailed => return Error::CorruptRecord,
        AlertDescription::UnknownCA => "it does not trust the issuer of our certificate (unknown_ca)",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => "it does not accept our certificate",
        AlertDescription::CertificateExpired => {
            "our certificate is outside its time of validity (certificate_expired)"
        }
        AlertDescription::CertificateRevoked => "our certificate is revoked (certificate_revoked)",
        AlertDescription::HandshakeFailure => "it found nothing in common with us (handshake_failure)",
        AlertDescription::UnrecognisedName => {
            "it does not know the name that we asked for (unrecognized_name)"
        }
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::InternalError => "internal error on its side",
        other => return Error::Refused(format!("alert {other:?}")),
    };
    Error::Refused(reason.to_owned())
}

fn certificate_fault(error: &CertificateError) -> CertificateFault {
    match error {
        CertificateError::Expired => CertificateFault::Expired { not_after: None },
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateFault::Expired { not_after: Some(moment(not_after.as_secs())) }
        }
        CertificateError::NotValidYet => CertificateFault::NotYetValid { not_before: None },
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateFault::NotYetValid { not_before: Some(moment(not_before.as_secs())) }
        }
        CertificateError::NotValidForNameContext { expected, presented } => CertificateFault::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.clone(),
        },
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFault::WrongPurpose
        }
        CertificateError::BadSignature => {
            CertificateFault::Other("a signature does not match its key, or the key is too weak".to_owned())
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<CertificateFault>() {
            Some(fault) => fault.clone(),
            None => CertificateFault::Other(other.to_string()),
        },
        other => CertificateFault::Other(other.to_string()),
    }
}

fn moment(seconds: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(std::time::SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_tell_plaintext_from_damage() {
        let wrapped = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let octets = || rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(Error::in_handshake(wrapped(octets())).kind(), ErrorKind::Plaintext);
        assert_eq!(Error::from_io(wrapped(octets())).kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn every_alert_has_a_class() {
        let check = |alert, expected| {
            assert_eq!(
                Error::from_rustls(&rustls::Error::AlertReceived(alert)).kind(),
                expected,
                "{alert:?}"
            );
        };
        check(AlertDescription::ProtocolVersion, ErrorKind::Version);
        check(AlertDescription::CertificateRequired, ErrorKind::Certificate);
        check(AlertDescription::UnknownCA, ErrorKind::Refused);
        check(AlertDescription::BadRecordMac, ErrorKind::Corrupt);
        check(AlertDescription::Unknown(200), ErrorKind::Refused);
    }

    #[test]
    fn a_broken_connection_is_told_by_stage() {
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(matches!(Error::in_handshake(eof()), Error::Closed));
        assert!(matches!(Error::from_io(eof()), Error::Truncated));
        assert!(matches!(Error::from_io(io::Error::from(io::ErrorKind::ConnectionReset)), Error::Io(_)));
    }
}
