//! The first flight of a client: octets in, a ClientHello (RFC 8446 §4.1.2) out, before an identity is chosen.
//!
//! No I/O here: blocking and asynchronous callers feed it alike. A peer that speaks plaintext is told by its first
//! octet, and gets nothing back.

use rustls::server::{Accepted, Acceptor};

use crate::Error;

/// How much is read at once: a ClientHello with a post-quantum key share fits.
pub(crate) const CHUNK_OCTETS: usize = 4096;

/// Collects a ClientHello.
#[derive(Default)]
pub(crate) struct HelloReader {
    acceptor: Acceptor,
    started: bool,
}

/// The first flight is unusable; `alert` is what the peer is to be told, if anything.
pub(crate) struct Rejected {
    pub(crate) error: Error,
    pub(crate) alert: Vec<u8>,
}

impl HelloReader {
    /// Takes what was read; gives the ClientHello once it is whole.
    pub(crate) fn push(&mut self, mut octets: &[u8]) -> Result<Option<Accepted>, Rejected> {
        if !self.started
            && let Some(first) = octets.first()
        {
            self.started = true;
            if is_text(*first) {
                return Err(Rejected { error: Error::NotTls, alert: Vec::new() });
            }
        }
        while !octets.is_empty() {
            match self.acceptor.read_tls(&mut octets) {
                Ok(1..) => {}
                // the buffer is full: no ClientHello is that large
                Ok(0) | Err(_) => {
                    let error = Error::Misbehaved("its ClientHello is too large".to_owned());
                    return Err(Rejected { error, alert: Vec::new() });
                }
            }
        }
        self.acceptor.accept().map_err(|(error, mut alert)| {
            let mut octets = Vec::new();
            let written = alert.write_all(&mut octets);
            debug_assert!(written.is_ok(), "writing to memory cannot fail");
            Rejected { error: Error::from_rustls(&error), alert: octets }
        })
    }
}

/// Whether a line of SMTP, or of anything written in ASCII, may begin so. No TLS record does (RFC 8446 §5.1).
fn is_text(octet: u8) -> bool {
    octet.is_ascii_graphic() || octet.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_told_by_its_first_octet_and_gets_no_answer() {
        for line in ["EHLO client.example.test\r\n", "\r\n", "QUIT\r\n", "GET / HTTP/1.1\r\n", "220 mx\r\n"] {
            let rejected = HelloReader::default().push(line.as_bytes()).err();
            let rejected = rejected.unwrap_or_else(|| panic!("{line:?} must not pass for TLS"));
            assert!(matches!(rejected.error, Error::NotTls), "{line:?}");
            assert!(rejected.alert.is_empty(), "{line:?}");
        }
    }

    #[test]
    fn an_incomplete_record_needs_more() {
        let mut reader = HelloReader::default();
        for octet in [0x16, 0x03, 0x01, 0x02, 0x00, 0x01] {
            assert!(reader.push(&[octet]).is_ok_and(|accepted| accepted.is_none()));
        }
    }
}
