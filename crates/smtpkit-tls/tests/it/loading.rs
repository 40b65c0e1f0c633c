//! Certificates and keys from files: what is wrong is told with file and remedy, what is doubtful becomes a warning.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use smtpkit_tls::{Anchors, Identity, LoadFault, Warning};

use crate::openssl::openssl;
use crate::pki::{HOST, Pair, authority, server};

fn write(folder: &Path, file: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(file);
    fs::write(&path, contents).expect("writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    path
}

#[test]
fn every_fault_names_its_file_and_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let ca = Pair::self_signed(authority("Test CA"));
    let pair = ca.issue(server(&[HOST]));
    let cert = write(folder, "cert.pem", &pair.pem);
    let key = write(folder, "key.pem", pair.key.serialize_pem());
    let check = |cert: &Path, key: &Path, culprit: &Path, expected: &str| {
        let error = Identity::from_pem_files(cert, key).expect_err(expected);
        let text = error.to_string();
        assert_eq!(error.path(), Some(culprit), "{text}");
        assert!(text.starts_with(&culprit.display().to_string()), "{text}");
        assert!(text.contains(expected), "expected {expected:?} in: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    };

    let nowhere = folder.join("nowhere.pem");
    check(&nowhere, &key, &nowhere, "cannot be read: No such file");
    check(&cert, &nowhere, &nowhere, "cannot be read: No such file");
    check(folder, &key, folder, "cannot be read");

    let garbage = write(folder, "garbage.pem", b"\x00\xff\xfe garbage \r\n-----BEGIN");
    check(&garbage, &key, &garbage, "holds no certificate");
    check(&cert, &garbage, &garbage, "holds no private key");
    let damaged = write(folder, "damaged.pem", pair.pem.replace("MII", "!!!"));
    check(&damaged, &key, &damaged, "is damaged PEM");
    let cut = write(folder, "cut.pem", &pair.pem[..pair.pem.len() / 2]);
    check(&cut, &key, &cut, "is damaged PEM: a block has no END line");
    let empty = write(folder, "empty.pem", "");
    check(&empty, &key, &empty, "holds no certificate");
    let huge = write(folder, "huge.pem", vec![b'x'; 1024 * 1024 + 1]);
    check(&huge, &key, &huge, "is larger than 1048576 octets");

    check(&key, &key, &key, "holds no certificate");
    check(&cert, &cert, &cert, "holds no private key");
    let other = write(folder, "other.pem", Pair::self_signed(server(&[HOST])).key.serialize_pem());
    check(&cert, &other, &cert, "does not belong to the private key in");
    check(&cert, &other, &cert, "other.pem");
    let upside_down = write(folder, "upside-down.pem", format!("{}{}", ca.pem, pair.pem));
    check(&upside_down, &key, &upside_down, "put the server's own certificate first");
    let two = write(folder, "two.pem", pair.key.serialize_pem() + &ca.key.serialize_pem());
    check(&cert, &two, &two, "holds 2 private keys");
    let broken = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    let broken = write(folder, "broken.pem", broken);
    check(&cert, &broken, &broken, "a damaged key");
}

#[test]
fn keys_of_other_kinds_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let pair = Pair::self_signed(server(&[HOST]));
    let cert = write(folder, "cert.pem", &pair.pem);
    let plain = write(folder, "plain.pem", pair.key.serialize_pem());
    let plain = plain.to_str().expect("UTF-8");

    let dsa = openssl(&["dsaparam", "-noout", "-genkey", "1024"]);
    let pkcs8 = {
        let traditional = write(folder, "traditional.pem", &dsa);
        openssl(&["pkey", "-in", traditional.to_str().expect("UTF-8")])
    };
    let encrypted = openssl(&["pkey", "-in", plain, "-aes256", "-passout", "pass:secret"]);
    let traditional = openssl(&["pkey", "-in", plain, "-aes256", "-passout", "pass:secret", "-traditional"]);
    let secp256k1 = openssl(&["ecparam", "-name", "secp256k1", "-genkey", "-noout"]);
    for (contents, expected) in [
        (dsa, "a DSA key"),
        (pkcs8, "a DSA key"),
        (encrypted, "pass phrase"),
        (traditional, "pass phrase"),
        (secp256k1, "an unknown kind; TLS needs an ECDSA"),
    ] {
        let key = write(folder, "key.pem", &contents);
        let error = Identity::from_pem_files(&cert, &key).expect_err(expected);
        assert_eq!(error.path(), Some(key.as_path()), "{error}");
        assert!(error.to_string().contains(expected), "expected {expected:?} in: {error}");
    }
}

#[test]
fn a_weak_key_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = crate::openssl::weak_pair(folder.path());
    let error = Identity::from_pem_files(&cert, &key).expect_err("1,024 bits are too few");
    assert!(matches!(error.fault(), LoadFault::WeakKey { bits: 1024 }), "{error}");
    assert_eq!(error.path(), Some(cert.as_path()));
}

#[test]
fn a_key_in_every_usual_form_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let ca = Pair::self_signed(authority("Test CA"));
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_RSA_SHA256] {
        let pair = ca.issue_with(server(&[HOST]), algorithm);
        let pkcs8 = write(folder, "pkcs8.pem", pair.key.serialize_pem());
        let traditional = openssl(&["pkey", "-traditional", "-in", pkcs8.to_str().expect("UTF-8")]);
        for contents in [pair.key.serialize_pem().into_bytes(), traditional] {
            let with_text = [b"Bag Attributes\r\n  friendlyName: mx\r\n".as_slice(), &contents].concat();
            Identity::from_pem(pair.pem.as_bytes(), &with_text).unwrap_or_else(|error| panic!("{error}"));
        }
        let both = write(folder, "both.pem", pair.pem.clone() + &pair.key.serialize_pem());
        let identity = Identity::from_pem_files(&both, &both).expect("one file may hold both");
        assert_eq!(identity.names(), [HOST]);
    }
}

#[test]
fn a_key_that_others_can_read_gets_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::self_signed(server(&[HOST]));
    let cert = write(folder.path(), "cert.pem", &pair.pem);
    let key = write(folder.path(), "key.pem", pair.key.serialize_pem());
    for (mode, warned) in
        [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true), (0o644, true)]
    {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("ours");
        let identity = Identity::from_pem_files(&cert, &key).expect("usable all the same");
        let expected = warned.then(|| Warning::KeyReadable { path: key.clone(), mode });
        assert_eq!(
            identity.warnings(SystemTime::now()),
            expected.into_iter().collect::<Vec<_>>(),
            "{mode:o}"
        );
    }
}

#[test]
fn nothing_of_a_key_is_formatted() {
    let pair = Pair::self_signed(server(&[HOST]));
    let key = pair.key.serialize_pem();
    let text = format!("{:?}", pair.identity());
    assert_eq!(text, format!("Identity {{ names: [{HOST:?}], .. }}"));
    let spoilt = key.replace("END", "EMD");
    let error =
        Identity::from_pem(pair.pem.as_bytes(), spoilt.as_bytes()).expect_err("the armour is damaged");
    let line = key.lines().nth(1).expect("a line of base64");
    assert!(!format!("{error} {error:?}").contains(line), "{error:?}");
}

#[test]
fn anchors_may_be_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = Pair::self_signed(authority("A")).pem + &Pair::self_signed(authority("B")).pem;
    let bundle = write(folder.path(), "bundle.pem", bundle);
    assert_eq!(Anchors::from_pem_file(&bundle).expect("two CAs").len(), 2);
    let key = write(folder.path(), "key.pem", Pair::self_signed(authority("A")).key.serialize_pem());
    let error = Anchors::from_pem_file(&key).expect_err("a key is no CA");
    assert_eq!(error.path(), Some(key.as_path()));
}
