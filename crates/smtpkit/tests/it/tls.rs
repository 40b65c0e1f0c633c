//! TLS of the whole program: who is let in, what is recorded, and what a reload, a warning or a cut means.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use smtpkit_tls::{Acceptor, Anchors, Connector, Identity, Roots, server_name};

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit, split_trace, with_input};
use crate::talk::{Talk, connect};

const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate for this machine that nobody vouches for, written as `cert.pem` and `key.pem`.
fn write_certificate(folder: &Path, change: impl FnOnce(&mut CertificateParams)) {
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    write_key(&folder.join("key.pem"), &key, 0o600);
}

fn write_key(file: &Path, key: &KeyPair, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, key.serialize_pem()).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

/// A server with the certificate in `folder`.
fn serve_with(folder: tempfile::TempDir) -> Server {
    fs::write(folder.path().join("users"), format!("{ALICE}:{PASSWORD}\n{BOB}:another\n")).unwrap();
    let mut command = smtpkit();
    command.args([
        "serve",
        "--hostname",
        "localhost",
        "--listen",
        "submissions://127.0.0.1:0",
        "--user-file",
    ]);
    command.arg(folder.path().join("users")).arg("--cert").arg(folder.path().join("cert.pem"));
    command.arg("--key").arg(folder.path().join("key.pem"));
    Server::spawn(command, folder)
}

fn trusting(file: &Path) -> Connector {
    Connector::builder().roots(Roots::Only(Anchors::from_pem_file(file).unwrap())).build().unwrap()
}

/// The Received field of the one message in bob's mailbox.
fn received(server: &Server) -> String {
    let stored = server.messages("bob");
    assert_eq!(stored.len(), 1);
    let fields = split_trace(&stored[0]).0;
    fields.into_iter().find(|field| field.starts_with("Received:")).unwrap()
}

#[test]
fn the_trace_field_tells_protocol_and_cipher() {
    let ca = |server: &Server| server.data().join("tls/ca.pem");
    // TLS without AUTH, between servers
    let server = Server::start();
    let url = format!("smtp://127.0.0.1:{}?tls=require", server.port("mx"));
    let mut send = smtpkit();
    send.args(["send", &url, "--from", ALICE, "--to", BOB, "--ca"]).arg(ca(&server));
    check(&with_input(&mut send, "Subject: x\n\n"), 0, &["TLS1_3 TLS_AES_"]);
    let field = received(&server);
    assert!(field.contains("with ESMTPS tls TLS_AES_"), "{field}");
    // and with it
    let server = Server::start();
    check(
        &with_input(server.send("submissions").args(["--from", ALICE, "--to", BOB]), "Subject: x\n\n"),
        0,
        &[],
    );
    let field = received(&server);
    assert!(field.contains("with ESMTPSA tls TLS_AES_"), "{field}");
    // and with an internationalised header
    let server = Server::start();
    check(
        &with_input(server.send("submission").args(["--from", ALICE, "--to", BOB]), "Subject: Grüße\n\n"),
        0,
        &[],
    );
    let field = received(&server);
    assert!(field.contains("with UTF8SMTPSA "), "{field}");
}

#[test]
fn old_versions_are_refused() {
    let server = Server::start();
    for (version, spoken) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        for (scheme, starttls) in [("submissions", false), ("submission", true)] {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port(scheme)), version]);
            // what a build leaves out by default is not the question here
            client.args(["-cipher", "ALL:@SECLEVEL=0"]);
            if starttls {
                client.args(["-starttls", "smtp"]);
            }
            let (_, out, err) = finish(&mut client);
            let said = format!("{version} {scheme}: {out}{err}");
            assert_eq!(out.contains("Cipher is (NONE)"), !spoken, "{said}");
        }
    }
}

#[test]
fn plaintext_on_a_tls_port_gets_nothing() {
    let server = Server::start();
    let mut stream = connect(&server, "submissions");
    stream.write_all(b"EHLO client.test\r\n").unwrap();
    let mut heard = Vec::new();
    // however the server hangs up
    let _ = stream.read_to_end(&mut heard);
    assert!(heard.is_empty(), "{}", String::from_utf8_lossy(&heard));
    Talk::secured(&server, "submissions");
}

#[test]
fn a_client_hello_on_a_plaintext_port_is_refused() {
    let server = Server::start();
    for scheme in ["mx", "submission"] {
        let connector = trusting(&server.data().join("tls/ca.pem"));
        let stream = connect(&server, scheme);
        let refused = connector.connect_blocking(stream, server_name("127.0.0.1").unwrap(), PATIENCE);
        let error = refused.expect_err("the greeting is no handshake");
        assert_eq!(error.kind(), smtpkit_tls::ErrorKind::Plaintext, "{scheme}: {error}");
        // a handshake is known by its first octet: the end comes at once, behind a refusal at most
        let mut stream = connect(&server, scheme);
        let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0x0a; 501], b"\r\n"].concat();
        stream.write_all(&hello).unwrap();
        let heard: Vec<String> = BufReader::new(stream).lines().map_while(Result::ok).collect();
        assert!(heard.iter().skip(1).all(|line| line.starts_with(['4', '5'])), "{scheme}: {heard:?}");
    }
    Talk::secured(&server, "submission");
}

#[test]
fn a_reload_shows_the_new_certificate_and_drops_no_session() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), |_| {});
    let server = serve_with(folder);
    let certificate = server.scratch().join("cert.pem");
    let mut old = Talk::greeted_with(&server, "submissions", &trusting(&certificate));
    let shown = old.certificate();
    old.ask("EHLO client.test", "250");
    old.ask(&crate::talk::auth_plain(ALICE, PASSWORD), "235");
    old.ask("MAIL FROM:<alice@example.test>", "250");
    write_certificate(server.scratch(), |_| {});
    server.signal("HUP");
    // the reload is asynchronous: ask until it is there, at most as often as a slow machine needs
    let anyone = Connector::builder().dangerously_accept_any_certificate().build().unwrap();
    let taken = (0..200).any(|_| Talk::greeted_with(&server, "submissions", &anyone).certificate() != shown);
    assert!(taken, "{}", server.log());
    Talk::greeted_with(&server, "submissions", &trusting(&certificate));
    old.ask("RCPT TO:<bob@example.test>", "250");
    old.ask("DATA", "354");
    old.ask("Subject: x\r\n\r\nhello\r\n.", "250");
    assert_eq!(server.messages("bob").len(), 1);
    // a pair that does not fit changes nothing
    write_key(&server.scratch().join("key.pem"), &KeyPair::generate().unwrap(), 0o600);
    server.signal("HUP");
    let said = (0..200).any(|_| {
        Talk::greeted_with(&server, "submissions", &trusting(&certificate));
        server.log().contains("nothing is changed")
    });
    assert!(said, "{}", server.log());
}

#[test]
fn careless_keys_and_old_certificates_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let soon = rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(3 * 24 * 3600);
    write_certificate(folder.path(), |params| params.not_after = soon);
    let server = serve_with(folder);
    assert!(server.log().contains("expires"), "{}", server.log());
    assert!(!server.log().contains("key.pem"), "{}", server.log());

    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), |_| {});
    let key = fs::read_to_string(folder.path().join("key.pem")).unwrap();
    write_key(&folder.path().join("key.pem"), &KeyPair::from_pem(&key).unwrap(), 0o644);
    let server = serve_with(folder);
    assert!(server.log().contains("key.pem"), "{}", server.log());
    assert!(!server.log().contains("expires"), "{}", server.log());
}

#[test]
fn a_certificate_is_a_login() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), |_| {});
    let file = |name: &str| folder.path().join(name);
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "Users");
    fs::write(file("clients.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    for (name, address, issuer) in
        [("alice", ALICE, Some(&ca_key)), ("stranger", "x@else.test", Some(&ca_key)), ("forger", ALICE, None)]
    {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().unwrap())];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let pem = match issuer {
            Some(ca_key) => params.signed_by(&key, &Issuer::from_params(&ca, ca_key)).unwrap().pem(),
            None => params.self_signed(&key).unwrap().pem(),
        };
        fs::write(file(&format!("{name}.pem")), pem).unwrap();
        write_key(&file(&format!("{name}.key")), &key, 0o600);
    }
    let config = format!(
        "hostname = \"localhost\"\n[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nclient_ca = \"clients.pem\"\n\
         [[listener]]\nurl = \"submission://127.0.0.1:0\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n\
         [[account]]\naddress = \"{ALICE}\"\npassword_file = \"alice.pw\"\n\
         [[domain]]\nname = \"example.test\"\nmailboxes = [\"bob\"]\n"
    );
    fs::write(file("smtpkit.toml"), config).unwrap();
    fs::write(file("alice.pw"), PASSWORD).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--config"]).arg(file("smtpkit.toml"));
    let server = Server::spawn(command, folder);
    let send = |scheme: &str, name: &str, flags: &[&str]| {
        let mut command = smtpkit();
        let url = format!("smtp://127.0.0.1:{}?tls=require", server.port(scheme));
        let file = |name: &str| server.scratch().join(name);
        command.args(["send", &url, "--json", "--from", ALICE, "--to", BOB, "--subject", "x"]).args(flags);
        command
            .arg("--cert")
            .arg(file(&format!("{name}.pem")))
            .arg("--key")
            .arg(file(&format!("{name}.key")));
        finish(command.arg("--ca").arg(file("cert.pem")))
    };
    let external = ["--auth", "EXTERNAL"];
    let right = send("submission", "alice", &external);
    check(&right, 0, &[]);
    assert!(right.1.contains("\"mechanism\":\"EXTERNAL\""), "{}", right.1);
    assert!(server.messages("bob").len() == 1);
    check(&send("submission", "stranger", &external), 77, &["535"]);
    check(&send("submission", "alice", &["--auth", "EXTERNAL", "--user", BOB]), 77, &["535"]);
    // one that nobody vouches for ends the handshake with a user's listener; another server's is not even asked for
    check(&send("submission", "forger", &external), 77, &["does not accept our certificate"]);
    check(&send("mx", "forger", &[]), 0, &[]);
    // nobody has to have one
    let talk = Talk::greeted_with(&server, "submission", &trusting(&server.scratch().join("cert.pem")))
        .say("EHLO x.test");
    assert!(talk.contains("AUTH ") && !talk.contains("EXTERNAL"), "{talk}");
}

#[test]
fn a_pin_has_to_match() {
    let server = Server::start();
    let send = |pin: &str| {
        finish(server.send("submissions").args([
            "--from",
            ALICE,
            "--to",
            BOB,
            "--subject",
            "x",
            "--pin",
            pin,
        ]))
    };
    check(&send(&"ab".repeat(32)), 77, &["pin"]);
    check(&send("abc"), 64, &["--pin"]);
    check(&send(&Talk::secured(&server, "submissions").pin()), 0, &[]);
}

/// A TLS server that takes one message and then cuts the connection, with or without a reply, never with close_notify.
fn takes_and_cuts(reply: &'static str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), |_| {});
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let acceptor = Acceptor::new(Identity::from_pem_files(&cert, key).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtps://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = acceptor.accept_blocking(stream, PATIENCE).unwrap();
        let mut say = |expected: &str, answer: &str| {
            let mut heard = Vec::new();
            while !heard.ends_with(expected.as_bytes()) {
                let mut octet = [0];
                stream.read_exact(&mut octet).unwrap();
                heard.push(octet[0]);
            }
            stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).unwrap();
        };
        say("", "220 hi\r\n");
        for answer in ["250 hi\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
            say("\r\n", answer);
        }
        say("\r\n.\r\n", reply);
    });
    let outcome = with_input(
        smtpkit().args(["send", &url, "--from", ALICE, "--to", BOB, "--ca"]).arg(&cert),
        "Subject: x\n\nhello\n",
    );
    server.join().unwrap();
    outcome
}

#[test]
fn a_cut_behind_the_final_dot_is_an_unknown_outcome_and_behind_the_reply_none() {
    check(&takes_and_cuts(""), 75, &["outcome unknown"]);
    check(&takes_and_cuts("250 2.0.0 taken\r\n"), 0, &["1 of 1"]);
}
