//! Which end of a session a stream is, and what that end alone knows.

use std::sync::Arc;

use rustls::CommonState;
use rustls::pki_types::CertificateDer;

use crate::{Authentication, ChannelBinding};

/// Which end of a session a stream is.
#[derive(Clone)]
pub(crate) enum Side {
    /// The client's, and whether it has checked the server's certificate.
    Client(Authentication),
    /// The server's, and the certificate that it has shown: rustls does not say afterwards.
    Server(Arc<CertificateDer<'static>>),
}

impl Side {
    /// What is known about the peer if it has sent a certificate.
    pub(crate) fn authentication(&self) -> Authentication {
        match self {
            Self::Client(authentication) => *authentication,
            // a server takes no client certificate that does not verify
            Self::Server(_) => Authentication::Verified,
        }
    }

    /// The server's certificate, from whichever side.
    pub(crate) fn server_end_point(&self, connection: &CommonState) -> Option<ChannelBinding> {
        match self {
            Self::Client(_) => ChannelBinding::server_end_point(connection.peer_certificates()?.first()?),
            Self::Server(leaf) => ChannelBinding::server_end_point(leaf),
        }
    }
}
