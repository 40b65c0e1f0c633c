//! Why a test server did not start.

use std::io;

use smtpkit_auth::DuplicateUser;
use smtpkit_tls::{ConfigError, LoadError};
use thiserror::Error;

use crate::{BadDomain, ServerError};

/// Why a test server did not start. The fault is the test's, but for [`Io`](Self::Io) and
/// [`Certificate`](Self::Certificate), where it is the machine's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TestError {
    /// The server refuses its set-up.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// No port could be taken.
    #[error("cannot listen: {0}")]
    Io(#[from] io::Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// A certificate that was just made cannot be used.
    #[error(transparent)]
    Unusable(#[from] LoadError),
    /// TLS cannot be set up with it.
    #[error(transparent)]
    Tls(#[from] ConfigError),
    /// A local domain is none.
    #[error(transparent)]
    Domain(#[from] BadDomain),
    /// Two accounts have the same name.
    #[error("account {name:?} is there twice")]
    Duplicate {
        /// Its name.
        name: String,
        /// Why.
        source: DuplicateUser,
    },
    /// No password can be like this.
    #[error("the password of {name:?} cannot be used: {why}")]
    Password {
        /// The account's name.
        name: String,
        /// Why not.
        why: String,
    },
    /// The code and the text of a fault make no refusal.
    #[error("{code} {text:?} is no refusal")]
    NoRefusal {
        /// The code.
        code: u16,
        /// The text.
        text: String,
    },
}
