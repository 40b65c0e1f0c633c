//! Upgrades a plaintext stream to TLS, safely: STARTTLS (RFC 3207) and implicit TLS (RFC 8314), client and server.
//!
//! A [`Connector`] or [`Acceptor`] takes the raw stream *by value* and gives a TLS stream back, under tokio (feature
//! `tokio`, on by default) or over blocking `std` streams. The caller's protocol machine proves that none of its
//! plaintext is left before it gives the stream away; nothing here reads ahead of the handshake, so no plaintext can
//! slip into the encrypted session, in either direction.
//!
//! What it refuses to do: TLS 1.0 and 1.1 (RFC 8996), compression, renegotiation, early data, a certificate check that
//! is silently skipped, and a fallback that nobody asked for. It knows no SMTP.
//!
//! ```
//! use smtpkit_tls as tls;
//! use std::time::{Duration, SystemTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let development = tls::DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
//! let roots = tls::Roots::Only(tls::Anchors::from_pem_file(development.ca_path())?);
//! let acceptor = tls::Acceptor::new(development.into_identity())?;
//! let connector = tls::Connector::builder().roots(roots).build()?;
//!
//! let (near, far) = tokio::io::duplex(16 * 1024);
//! let (server, client) = tokio::try_join!(
//!     acceptor.accept(far, Duration::from_secs(30)),
//!     connector.connect(near, tls::server_name("mx.example.test")?, Duration::from_secs(30)),
//! )?;
//! assert_eq!(server.info().sni(), Some("mx.example.test"));
//! assert_eq!(client.info().version(), tls::Version::Tls13);
//! # Ok(())
//! # })
//! # }
//! ```

// what is wanted
mod policy;
mod server_name;
mod version;
// whom to trust, who we are
mod anchors;
mod certificate;
mod development;
mod identity;
mod pem;
mod pin;
mod warning;
// handshakes
mod acceptor;
mod choice;
mod connector;
mod hello;
mod provider;
mod verifier;
// what comes out
mod blocking;
mod channel_binding;
mod session_info;
mod side;
#[cfg(feature = "tokio")]
mod stream;
// what goes wrong
mod config_error;
mod error;
mod fault;
mod load_error;

pub use acceptor::{Acceptor, AcceptorBuilder, ClientCertificates};
pub use anchors::{Anchors, Roots};
pub use blocking::{BlockingStream, BlockingTransport};
pub use certificate::Certificate;
pub use channel_binding::{ChannelBinding, ChannelBindingKind};
pub use config_error::ConfigError;
pub use connector::{Connector, ConnectorBuilder};
pub use development::{DevelopmentIdentity, Origin};
pub use error::{Error, ErrorKind};
pub use fault::CertificateFault;
pub use identity::Identity;
pub use load_error::{LoadError, LoadFault};
pub use pin::{InvalidPin, Pin};
pub use policy::{Policy, PolicyError, Starttls, Step, UnknownPolicy};
pub use provider::warm_up;
pub use rustls::client::danger::ServerCertVerifier;
pub use rustls::pki_types::ServerName;
pub use server_name::{InvalidName, server_name};
pub use session_info::{Authentication, SessionInfo};
#[cfg(feature = "tokio")]
pub use stream::Stream;
pub use version::Version;
pub use warning::Warning;
