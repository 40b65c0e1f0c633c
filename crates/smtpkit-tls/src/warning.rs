//! What is not wrong yet: a certificate about to expire, a key that others can read.
//!
//! Warnings are data. Who shows them, and where, is the program's business.

use core::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::certificate::Moment;

/// How long before its end a certificate is worth a warning: CAs that renew automatically do so 30 days before.
pub(crate) const EXPIRY_NOTICE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Something about an [`Identity`](crate::Identity) that works and still deserves a look. One line, with the remedy.
///
/// ```
/// use smtpkit_tls::Warning;
///
/// let warning = Warning::KeyReadable { path: "key.pem".into(), mode: 0o644 };
/// assert_eq!(warning.to_string(), "key.pem: others can read the private key (mode 0644); run `chmod 600 key.pem`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The certificate has expired: clients will refuse it.
    Expired {
        /// File, or whom the certificate names.
        certificate: String,
        /// The last moment of its validity.
        not_after: SystemTime,
    },
    /// The certificate expires within 14 days.
    Expiring {
        /// File, or whom the certificate names.
        certificate: String,
        /// The last moment of its validity.
        not_after: SystemTime,
        /// Whole days left.
        days: u64,
    },
    /// The certificate holds only later: clients will refuse it.
    NotYetValid {
        /// File, or whom the certificate names.
        certificate: String,
        /// The first moment of its validity.
        not_before: SystemTime,
    },
    /// The key file can be read or written by its group or by everybody.
    KeyReadable {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { certificate, not_after } => {
                write!(
                    f,
                    "{certificate}: the certificate expired {}; renew it and reload",
                    Moment(*not_after)
                )
            }
            Self::Expiring { certificate, not_after, days } => {
                let left = match days {
                    0 => "in less than a day".to_owned(),
                    1 => "in 1 day".to_owned(),
                    days => format!("in {days} days"),
                };
                let moment = Moment(*not_after);
                write!(f, "{certificate}: the certificate expires {left}, {moment}; renew it and reload")
            }
            Self::NotYetValid { certificate, not_before } => {
                let moment = Moment(*not_before);
                write!(
                    f,
                    "{certificate}: the certificate is not valid before {moment}; check this machine's clock"
                )
            }
            Self::KeyReadable { path, mode } => {
                let path = path.display();
                write!(f, "{path}: others can read the private key (mode {mode:04o}); run `chmod 600 {path}`")
            }
        }
    }
}
