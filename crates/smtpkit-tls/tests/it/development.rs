//! The development identity: made once, loaded afterwards, renewed in time, and never in place of somebody else's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use smtpkit_tls::{Acceptor, Anchors, Connector, DevelopmentIdentity, LoadFault, Origin, Roots, Warning};

use crate::pki::{HOST, Pair, named, server};
use crate::wire::handshake_with;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn open(folder: &Path, host: &str, now: SystemTime) -> DevelopmentIdentity {
    DevelopmentIdentity::open(folder, host, now).unwrap_or_else(|error| panic!("{error}"))
}

fn contents(folder: &Path) -> Vec<Vec<u8>> {
    ["ca.pem", "cert.pem", "key.pem"].map(|file| fs::read(folder.join(file)).expect("it is there")).to_vec()
}

#[tokio::test]
async fn it_serves_its_host_and_the_local_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = open(&folder.path().join("deep/tls"), HOST, SystemTime::now());
    assert_eq!(made.origin(), Origin::Created);
    let roots = Roots::Only(Anchors::from_pem_file(made.ca_path()).expect("a CA"));
    let connector = Connector::builder().roots(roots).build().expect("good");
    let acceptor = Acceptor::new(made.into_identity()).expect("good");
    for name in [HOST, "localhost", "127.0.0.1", "::1"] {
        let (_, client) = handshake_with(&acceptor, &connector, name).await;
        assert!(client.is_ok(), "{name}: {client:?}");
    }
    let (_, client) = handshake_with(&acceptor, &connector, "other.example.test").await;
    assert!(client.is_err());
}

#[test]
fn it_is_made_once_and_its_key_is_private() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now();
    let made = open(folder.path(), HOST, now);
    assert!(made.identity().warnings(now).is_empty(), "{:?}", made.identity().warnings(now));
    let mode = fs::metadata(made.key_path()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = contents(folder.path());
    for host in [HOST, "MX.example.test.", "localhost"] {
        assert_eq!(open(folder.path(), host, now + DAY).origin(), Origin::Loaded, "{host}");
    }
    assert_eq!(contents(folder.path()), before);
    let mut files: Vec<_> =
        fs::read_dir(folder.path()).expect("it is there").flatten().map(|f| f.file_name()).collect();
    files.sort();
    assert_eq!(files, ["ca.pem", "cert.pem", "key.pem"], "nothing else is left behind");
}

#[test]
fn it_is_renewed_when_it_has_expired_or_the_host_has_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now();
    open(folder.path(), HOST, now);
    let later = now + 366 * DAY;
    let renewed = open(folder.path(), HOST, later);
    assert_eq!(renewed.origin(), Origin::Renewed);
    assert!(renewed.identity().not_after() > later);
    assert_eq!(open(folder.path(), HOST, later).origin(), Origin::Loaded);
    let moved = open(folder.path(), "mx.example.net", later);
    assert_eq!(moved.origin(), Origin::Renewed);
    assert!(moved.identity().names().contains(&"mx.example.net".to_owned()));
    let mode = fs::metadata(moved.key_path()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn it_warns_before_it_expires() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now();
    let made = open(folder.path(), HOST, now);
    let check = |after: u32, expected: &str| {
        let texts: Vec<_> =
            made.identity().warnings(now + after * DAY).iter().map(ToString::to_string).collect();
        match expected {
            "" => assert_eq!(texts, Vec::<String>::new(), "after {after} days"),
            _ => assert!(texts.iter().any(|text| text.contains(expected)), "after {after} days: {texts:?}"),
        }
    };
    check(0, "");
    check(350, "");
    check(352, "expires in 12 days");
    check(366, "expired");
    let early = made.identity().warnings(now - DAY);
    assert!(matches!(early.as_slice(), [Warning::NotYetValid { .. }]), "{early:?}");
}

#[test]
fn an_interrupted_creation_starts_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now();
    let made = open(folder.path(), HOST, now);
    fs::remove_file(made.key_path()).expect("it is there");
    fs::write(folder.path().join("key.pem.new"), "half a k").expect("writable");
    assert_eq!(open(folder.path(), HOST, now).origin(), Origin::Created);
    assert!(!folder.path().join("key.pem.new").exists());
}

#[test]
fn a_certificate_from_elsewhere_is_never_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut params = server(&["old.example.test"]);
    params.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let theirs = Pair::self_signed(params);
    fs::write(folder.path().join("cert.pem"), &theirs.pem).expect("writable");
    let error =
        DevelopmentIdentity::open(folder.path(), HOST, SystemTime::now()).expect_err("there is no key");
    assert_eq!(error.path(), Some(folder.path().join("key.pem").as_path()));

    fs::write(folder.path().join("key.pem"), theirs.key.serialize_pem()).expect("writable");
    let loaded = open(folder.path(), HOST, SystemTime::now());
    assert_eq!(loaded.origin(), Origin::Loaded);
    assert!(matches!(loaded.identity().warnings(SystemTime::now()).first(), Some(Warning::Expired { .. })));
    assert_eq!(fs::read_to_string(folder.path().join("cert.pem")).ok(), Some(theirs.pem));
}

#[test]
fn a_pair_that_does_not_match_is_refused_not_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = open(folder.path(), HOST, SystemTime::now());
    fs::write(made.key_path(), Pair::self_signed(named("other")).key.serialize_pem()).expect("writable");
    let before = contents(folder.path());
    let error = DevelopmentIdentity::open(folder.path(), HOST, SystemTime::now()).expect_err("no pair");
    assert!(matches!(error.fault(), LoadFault::KeyMismatch { .. }), "{error}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_bad_host_name_or_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for host in ["", "a b", "mx\r\n.example.test"] {
        let error = DevelopmentIdentity::open(folder.path(), host, SystemTime::now()).expect_err(host);
        assert!(matches!(error.fault(), LoadFault::BadHostname { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0, "nothing was made");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("writable");
    let error = DevelopmentIdentity::open(file.join("tls"), HOST, SystemTime::now()).expect_err("no folder");
    assert!(error.path().is_some_and(|path| path.starts_with(&file)), "{error}");
}

#[test]
fn a_long_host_name_is_fine() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = format!("{}.{}.example.test", "a".repeat(60), "b".repeat(60));
    let made = open(folder.path(), &host, SystemTime::now());
    assert!(made.identity().names().contains(&host));
}
