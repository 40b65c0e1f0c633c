//! The facts of one X.509 certificate (RFC 5280): whom it names, who issued it, when it holds, how strong its key is.
//!
//! It only reads. Whether a certificate is to be believed is the verifier's business.

use core::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::*;

use crate::Pin;

/// The shortest RSA modulus that is still accepted, in bits (RFC 7525 §4.3, RFC 9325 §4.5).
pub(crate) const RSA_BITS_MIN: usize = 2048;

/// The facts of one certificate (RFC 5280), such as the peer's in a [`SessionInfo`](crate::SessionInfo).
///
/// Text in it was written by whoever made the certificate; control characters are replaced, nothing else is promised.
///
/// ```
/// use smtpkit_tls::DevelopmentIdentity;
/// use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let identity = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?.into_identity();
/// let certificate = identity.certificate();
/// assert_eq!(certificate.common_name(), Some("mx.example.test"));
/// assert!(certificate.dns_names().contains(&"localhost".to_owned()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    subject: String,
    issuer: String,
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    email_addresses: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
    sha256: [u8; 32],
    pin: Pin,
}

impl Certificate {
    /// Reads the facts; the error is the parser's word.
    pub(crate) fn parse(der: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = parse(der)?;
        let mut facts = Self {
            subject: text(certificate.subject()),
            issuer: text(certificate.issuer()),
            common_name: certificate
                .subject()
                .iter_common_name()
                .find_map(|name| name.as_str().ok().map(text)),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            email_addresses: Vec::new(),
            not_before: system_time(certificate.validity().not_before),
            not_after: system_time(certificate.validity().not_after),
            sha256: Sha256::digest(der).into(),
            pin: Pin::of_key(certificate.public_key().raw),
        };
        let names = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => facts.dns_names.push(text(name).to_ascii_lowercase()),
                GeneralName::RFC822Name(address) => facts.email_addresses.push(text(address)),
                GeneralName::IPAddress(octets) => facts.ip_addresses.extend(ip_address(octets)),
                _ => {}
            }
        }
        Ok(facts)
    }

    /// The subject's distinguished name, as text (RFC 5280 §4.1.2.6).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer's distinguished name, as text (RFC 5280 §4.1.2.4).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The first common name of the subject. Good for a log; servers are checked by `dns_names` only (RFC 9525 §2).
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The host names it is for, in lower case; may hold `*` as first label (RFC 5280 §4.2.1.6).
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The IP addresses it is for (RFC 5280 §4.2.1.6).
    #[must_use]
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// The mail addresses it is for (RFC 5280 §4.2.1.6): what EXTERNAL authentication goes by.
    #[must_use]
    pub fn email_addresses(&self) -> &[String] {
        &self.email_addresses
    }

    /// The first moment of its validity (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The last moment of its validity (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// SHA-256 of the whole certificate: its fingerprint.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The pin of its key.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// Everything it is for, as text: host names, then addresses.
    pub(crate) fn names(&self) -> Vec<String> {
        self.dns_names.iter().cloned().chain(self.ip_addresses.iter().map(ToString::to_string)).collect()
    }
}

/// Parses a certificate without keeping anything of it; the error is the parser's word.
pub(crate) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("octets follow the certificate".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The length of the key's modulus if it is an RSA key below [`RSA_BITS_MIN`].
pub(crate) fn weak_rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(x509_parser::public_key::PublicKey::RSA(key)) => {
            Some(key.key_size()).filter(|bits| *bits < RSA_BITS_MIN)
        }
        _ => None,
    }
}

/// A name or text of a certificate, with control characters replaced so that it stays on one line of a log.
pub(crate) fn text(name: impl ToString) -> String {
    name.to_string().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn system_time(time: ASN1Time) -> SystemTime {
    let distance = Duration::from_secs(time.timestamp().unsigned_abs());
    let moment = if time.timestamp() < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    moment.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .ok()
        .or_else(|| <[u8; 16]>::try_from(octets).map(IpAddr::from).ok())
}

/// A moment, written for people: `2027-01-31 12:00:00 UTC`.
pub(crate) struct Moment(pub(crate) SystemTime);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = match self.0.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).ok(),
            Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
        };
        let Some(date) = seconds.and_then(|seconds| ASN1Time::from_timestamp(seconds).ok()) else {
            return f.write_str("an unknown date");
        };
        let date = date.to_datetime();
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        let (hour, minute, second) = date.to_hms();
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_for_people() {
        let check = |seconds: u64, expected: &str| {
            assert_eq!(Moment(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), expected);
        };
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_827_696, "2000-02-29 12:34:56 UTC");
        assert_eq!(
            Moment(SystemTime::UNIX_EPOCH - Duration::from_secs(1)).to_string(),
            "1969-12-31 23:59:59 UTC"
        );
    }

    #[test]
    fn names_stay_on_one_line() {
        assert_eq!(text("mx\r\n250 ok"), "mx\u{fffd}\u{fffd}250 ok");
    }

    #[test]
    fn garbage_is_no_certificate() {
        for octets in [&b""[..], b"\x30", b"\x30\x80\x00\x00", b"220 mx.example.test"] {
            assert!(Certificate::parse(&CertificateDer::from(octets)).is_err(), "{octets:?}");
        }
    }
}
