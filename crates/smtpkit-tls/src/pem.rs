//! PEM blocks (RFC 7468) out of files: certificates, and the one private key.
//!
//! Every file has an upper bound, contents of key files are wiped, and whatever is wrong is told in a [`LoadFault`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::certificate;
use crate::{LoadError, LoadFault};

/// No chain, key or CA bundle is larger: the bundle of all public CAs takes a quarter of it.
pub(crate) const FILE_OCTETS_MAX: u64 = 1024 * 1024;

/// Reads a whole file, at most [`FILE_OCTETS_MAX`] octets; wiped when dropped, for it may hold a key.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, LoadError> {
    let unreadable = |error: io::Error| LoadError::new(LoadFault::Unreadable(error)).in_file(path);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    // capacity for all of it at once: a growing vector would leave copies of the key behind
    let mut octets =
        Zeroizing::new(Vec::with_capacity(usize::try_from(length.min(FILE_OCTETS_MAX)).unwrap_or(0) + 1));
    file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets).map_err(unreadable)?;
    if u64::try_from(octets.len()).is_ok_and(|length| length > FILE_OCTETS_MAX) {
        return Err(LoadError::new(LoadFault::TooLarge { octets_max: FILE_OCTETS_MAX }).in_file(path));
    }
    Ok(octets)
}

/// All certificates, in order, each parsed once to see that it is whole. At least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, LoadFault> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
    if certificates.is_empty() {
        return Err(LoadFault::NoCertificate);
    }
    for (index, der) in certificates.iter().enumerate() {
        if let Err(reason) = certificate::parse(der) {
            return Err(LoadFault::BadCertificate { position: index + 1, reason });
        }
    }
    Ok(certificates)
}

/// The only private key: PKCS #8, PKCS #1 or SEC 1, not encrypted.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, LoadFault> {
    for (marker, fault) in [
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", LoadFault::EncryptedKey),
        ("Proc-Type: 4,ENCRYPTED", LoadFault::EncryptedKey),
        ("-----BEGIN DSA PRIVATE KEY-----", LoadFault::UnsupportedKey { kind: "a DSA key".to_owned() }),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", LoadFault::UnsupportedKey { kind: "an SSH key".to_owned() }),
    ] {
        if pem.windows(marker.len()).any(|window| window == marker.as_bytes()) {
            return Err(fault);
        }
    }
    let mut keys = PrivateKeyDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), others) => Err(LoadFault::SeveralKeys { count: others + 1 }),
        (None, _) => Err(LoadFault::NoKey),
    }
}

/// What kind of key a PKCS #8 block holds, when rustls refuses it. DSA: OID 1.2.840.10040.4.1 (RFC 3279 §2.3.2).
pub(crate) fn kind_of_refused_key(key: &PrivateKeyDer<'_>) -> String {
    const DSA: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
    let der = key.secret_der();
    if der.windows(DSA.len()).any(|window| window == DSA) {
        "a DSA key".to_owned()
    } else {
        "a damaged key or one of an unknown kind".to_owned()
    }
}

/// The parser's complaint, without quoting the file: it may be a key.
fn damaged(error: PemError) -> LoadFault {
    LoadFault::Pem(match error {
        PemError::MissingSectionEnd { .. } => "a block has no END line".to_owned(),
        PemError::IllegalSectionStart { .. } => "a BEGIN line is malformed".to_owned(),
        PemError::Base64Decode(_) => "a block is not base64".to_owned(),
        _ => "a block cannot be read".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_keys_are_told_apart() {
        let check = |pem: &str, expected: &str| {
            let fault = private_key(pem.as_bytes()).expect_err(pem);
            assert!(fault.to_string().contains(expected), "{pem:?} gives: {fault}");
        };
        check("", "no private key");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key");
        check("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "pass phrase");
        check("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "pass phrase");
        check("-----BEGIN DSA PRIVATE KEY-----\n", "DSA");
        check("-----BEGIN OPENSSH PRIVATE KEY-----\n", "SSH");
        check("-----BEGIN PRIVATE KEY-----\nAAAA\n", "no END line");
        check("-----BEGIN PRIVATE KEY-----\n!secret!\n-----END PRIVATE KEY-----\n", "not base64");
        let one = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        check(&one.repeat(2), "2 private keys");
    }

    #[test]
    fn unusable_certificates_are_told_apart() {
        let check = |pem: &str, expected: &str| {
            let fault = certificates(pem.as_bytes()).expect_err(pem);
            assert!(fault.to_string().contains(expected), "{pem:?} gives: {fault}");
        };
        check("hello", "holds no certificate");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 is damaged");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", "no END line");
    }
}
