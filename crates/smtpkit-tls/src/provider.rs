//! The one place where the cryptography is chosen: AWS-LC, through rustls.
//!
//! Every configuration gets it explicitly, so no process-wide default is needed and a process that installs another
//! one, or none, changes nothing here.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ProducesTickets;

/// The provider of all cryptography: key exchange, cipher suites, signatures, randomness.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

/// Gathers the randomness that the first key needs. AWS-LC measures the jitter of the processor for it, once in a process,
/// which takes about 0.1 seconds: a program that has something else to do first calls this from a thread of its own. Without it
/// the first handshake, or the first [`Acceptor`](crate::Acceptor), takes that much longer.
///
/// ```
/// let warming = std::thread::spawn(smtpkit_tls::warm_up);
/// // … read the configuration, open the database …
/// # warming.join().unwrap();
/// ```
pub fn warm_up() {
    // should it fail, so will the first use, which tells
    let _ = provider().secure_random.fill(&mut [0]);
}

/// A maker of session tickets (RFC 8446 §4.6.1) with its own keys, which it rotates.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    aws_lc_rs::Ticketer::new()
}
