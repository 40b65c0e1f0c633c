//! The protocol versions that are spoken at all (RFC 8996 buries the older ones).

use core::fmt;

use rustls::{ProtocolVersion, SupportedProtocolVersion};

/// A protocol version: TLS 1.2 (RFC 5246) or TLS 1.3 (RFC 8446). Older ones are not spoken (RFC 8996).
///
/// ```
/// use smtpkit_tls::Version;
///
/// assert!(Version::Tls12 < Version::Tls13);
/// assert_eq!(Version::Tls13.to_string(), "TLS1_3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Version {
    /// The versions from this one up, newest first, as rustls wants them.
    pub(crate) fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            Self::Tls12 => rustls::ALL_VERSIONS,
            Self::Tls13 => &TLS13_ONLY,
        }
    }

    /// The version that a finished handshake has settled on.
    pub(crate) fn negotiated(version: Option<ProtocolVersion>) -> Self {
        match version {
            Some(ProtocolVersion::TLSv1_2) => Self::Tls12,
            // `and_newer` enables nothing else
            _ => Self::Tls13,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tls12 => "TLS1_2",
            Self::Tls13 => "TLS1_3",
        })
    }
}
