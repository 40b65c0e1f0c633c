//! Bad input: one clear line that says what, where and what to do, the right exit code, and nothing lost.

use std::fs;

use crate::harness::{ALICE, BOB, Server, check, finish, smtpkit, with_input};

fn serve(folder: &tempfile::TempDir, config: &str) -> (i32, String, String) {
    let file = folder.path().join("smtpkit.toml");
    fs::write(&file, config).unwrap();
    let outcome = finish(
        smtpkit().args(["serve", "--config"]).arg(&file).arg("--data").arg(folder.path().join("data")),
    );
    assert_eq!(outcome.2.trim_end().lines().count(), 1, "more than one line: {}", outcome.2);
    outcome
}

#[test]
fn command_lines_that_cannot_be_used() {
    let cases: [(&[&str], &str); 6] = [
        (&["serve", "--colour"], "--colour"),
        (&["sned"], "sned"),
        (&["send"], "no server"),
        (&["send", "http://127.0.0.1", "--from", ALICE, "--to", BOB], "http"),
        (&["send", "smtp://127.0.0.1", "--from", ALICE, "--timeout", "soon"], "30s"),
        (&["send", "smtp://127.0.0.1", "--tls", "maybe"], "opportunistic"),
    ];
    for (arguments, says) in cases {
        check(&finish(smtpkit().args(arguments)), 64, &[says]);
    }
}

#[test]
fn addresses_cannot_carry_a_command() {
    for address in ["a@b.test\r\nRCPT TO:<c@d.test>", "a@b.test\n", "no address", "a@b.test> SIZE=1"] {
        let send = |from: &str, to: &str| {
            with_input(smtpkit().args(["send", "smtp://127.0.0.1:9", "--from", from, "--to", to]), "A: b\n\n")
        };
        check(&send(address, BOB), 64, &["--from"]);
        check(&send(ALICE, address), 64, &["--to"]);
    }
}

#[test]
fn messages_that_cannot_be_sent() {
    let send = |input: &str, more: &[&str]| {
        let common = ["send", "smtp://127.0.0.1:9?tls=off", "--from", ALICE, "--to", BOB];
        with_input(smtpkit().args(common).args(more), input)
    };
    check(&send("", &[]), 65, &["empty"]);
    check(&send("", &["/nonexistent/message.eml"]), 74, &["/nonexistent/message.eml"]);
    let nobody =
        with_input(smtpkit().args(["send", "smtp://127.0.0.1:9", "--from", ALICE, "-t"]), "Subject: x\n\n");
    check(&nobody, 64, &["recipient"]);
    let unusable = with_input(
        smtpkit().args(["send", "smtp://127.0.0.1:9", "--from", ALICE, "-t"]),
        "To: b@x.test, root\n\n",
    );
    check(&unusable, 65, &["`root`", "no address"]);
}

#[test]
fn configuration_mistakes_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    for (config, says) in [
        ("hostname = \"mx.example.test\"\ncolour = 1\n", ":2: unknown key `colour`"),
        ("hostname = \"not a name\"\n", ":1: `not a name`"),
        ("[[listener]]\nurl = \"smtp://127.0.0.1:25\"\n", ":2: "),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\ntrusted = [\"0.0.0.0/0\"]\n", ":3: "),
        ("[[domain]]\nname = \"a.test\"\ncatch_all = \"x@a.test\"\n", ":3: "),
        ("[[account]]\naddress = \"x@a.test\"\n", ":2: "),
        ("[[account]]\naddress = \"x@a.test\"\npassword_file = \"gone\"\n", ":3: "),
        ("[tls]\ncertificate = \"gone.pem\"\nkey = \"gone.pem\"\n", "gone.pem"),
        ("max_connections = 0\n", ":1: "),
        ("max_message_size = 10\n", ":1: "),
        ("user_file = \"gone\"\n", ":1: "),
        ("metrics = \"here\"\n", ":1: `here`"),
        ("run_as = \"no-such-user-here\"\n", ":1: there is no user"),
        ("[limits]\nhard_errors = 0\n", ":2: hard_errors = 0"),
        ("[limits]\ncommand_timeout = \"soon\"\n", ":2: `soon`"),
        (
            "[[listener]]\nurl = \"mx://127.0.0.1:2525\"\n[[listener]]\nurl = \"lmtp://127.0.0.1:2525\"\n",
            ":4: lmtp://127.0.0.1:2525 is where another",
        ),
        ("[limits]\nconnection_rate = \"60\"\n", ":2: connection_rate"),
        ("[limits]\nconnection_rate = \"0/1m\"\n", ":2: connection_rate"),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\nlimits = { grace = \"1s\" }\n", ":3: grace counts"),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\nlimits = { colour = 1 }\n", ":3: unknown key `colour`"),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\ntls = \"maybe\"\n", ":3: "),
        ("[[listener]]\nurl = \"submission://127.0.0.1:0\"\ntls = \"off\"\n", ":3: "),
        ("[[listener]]\nurl = \"submission://127.0.0.1:0\"\nrequire_auth = false\n", ":3: "),
        ("[[listener]]\nurl = \"submissions://127.0.0.1:0\"\ntls = \"offer\"\n", ":3: "),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\ntls = \"off\"\nrequire_auth = true\n", ":4: AUTH"),
        ("[[listener]]\nurl = \"submission://127.0.0.1:0\"\n", ":2: submission://127.0.0.1:0 lets nobody in"),
        ("[[site]]\ndomain = \"a.test\"\nrate = \"fast\"\n", ":3: rate"),
        ("[[site]]\ndomain = \"a b\"\n", ":2: `a b`"),
        ("[relay]\nmax_deliveries = 0\n", ":2: max_deliveries"),
        ("[[listener]]\nurl = \"lmtp://192.0.2.1:24\"\n", ":2: lmtp"),
        ("[[listener]]\nurl = \"mx://127.0.0.1:0\"\nproxy_protocol = [\"::/0\"]\n", ":3: "),
        ("[relay]\nretry = []\n", ":2: retry"),
        ("[relay]\ngive_up = \"5\"\n", ":2: `5`"),
        ("[relay]\nsmarthost = \"http://x\"\n", ":2: "),
        ("[relay]\nmx_port = 0\n", ":2: "),
        ("[relay]\ndns = [\"ns.example\"]\n", ":2: "),
        ("[[route]]\nmatch = \"/(/\"\ndiscard = true\n", ":2: "),
        ("[[route]]\nmatch = \"a@b.test\"\n", ":2: "),
        ("[[route]]\nmatch = \"a@b.test\"\nreject = \"250 ok\"\n", ":3: "),
    ] {
        check(&serve(&folder, config), 78, &[says]);
    }
    assert!(!folder.path().join("data/mail").exists());
}

#[test]
fn a_bad_user_file_is_named_without_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, "alice@example.test:fine\nsecretword\n").unwrap();
    let outcome = finish(smtpkit().args(["serve", "--check", "--user-file"]).arg(&users));
    check(&outcome, 78, &["users:2: "]);
    assert!(!outcome.2.contains("secretword"));
    let outcome = finish(smtpkit().args(["serve", "--check", "--user", "secretword"]));
    check(&outcome, 78, &["--user"]);
    assert!(!outcome.2.contains("secretword"));
}

#[test]
fn a_certificate_has_to_fit_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let one = rcgen::generate_simple_self_signed(["mx.example.test".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["mx.example.test".to_owned()]).unwrap();
    fs::write(folder.path().join("cert.pem"), one.cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), other.signing_key.serialize_pem()).unwrap();
    let outcome = finish(
        smtpkit()
            .args(["serve", "--check", "--cert"])
            .arg(folder.path().join("cert.pem"))
            .arg("--key")
            .arg(folder.path().join("key.pem")),
    );
    check(&outcome, 78, &["key.pem"]);
}

#[test]
fn a_dsa_certificate_is_refused_before_anything_else() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let folder = tempfile::tempdir().unwrap();
    let config = format!("[tls]\ncertificate = \"{files}/dsa-cert.pem\"\nkey = \"{files}/dsa-key.pem\"\n");
    check(&serve(&folder, &config), 78, &["smtpkit.toml:2: ", "DSA", "ECDSA"]);
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn a_taken_port_is_named_before_anything_is_served() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mx://{}", taken.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let outcome =
        finish(smtpkit().args(["serve", "--listen", &url, "--data"]).arg(folder.path().join("data")));
    check(&outcome, 74, &[&url, "in use"]);
    assert!(!outcome.1.contains("ready"));
}

#[test]
fn check_says_that_a_good_configuration_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smtpkit.toml");
    fs::write(&file, "hostname = \"mx.example.test\"\n[[domain]]\nname = \"example.test\"\n").unwrap();
    check(&finish(smtpkit().args(["serve", "--check", "--config"]).arg(&file)), 0, &["good"]);
}

#[test]
fn the_files_for_the_service_manager_fit_each_other() {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/systemd");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smtpkit.toml");
    let config = fs::read_to_string(format!("{dist}/smtpkit.toml")).unwrap();
    fs::write(&file, &config).unwrap();
    fs::write(folder.path().join("users"), "alice@example.test:a word\n").unwrap();
    check(&finish(smtpkit().args(["serve", "--check", "--config"]).arg(&file)), 0, &["good"]);
    let service = fs::read_to_string(format!("{dist}/smtpkit.service")).unwrap();
    for name in ["mx", "submission", "submissions"] {
        let unit = fs::read_to_string(format!("{dist}/smtpkit-{name}.socket")).unwrap();
        assert!(unit.contains(&format!("\nFileDescriptorName={name}\n")), "{unit}");
        assert!(config.contains(&format!("\nurl = \"{name}+fd:{name}\"\n")), "{config}");
        assert_eq!(service.matches(&format!("smtpkit-{name}.socket")).count(), 2, "{service}");
    }
}

#[test]
fn a_bare_newline_on_the_wire_delivers_nothing() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let server = Server::start();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port("mx"))).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut reply = || {
        let mut line = String::new();
        loop {
            line.clear();
            replies.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.clone();
            }
        }
    };
    assert!(reply().starts_with("220"));
    for (command, code) in [
        ("EHLO client.test\r\n", "250"),
        ("MAIL FROM:<a@b.test>\r\n", "250"),
        ("RCPT TO:<bob@example.test>\r\n", "250"),
        ("DATA\r\n", "354"),
        ("Subject: x\r\n\r\nhello\n.\nMAIL FROM:<evil@b.test>\r\n.\r\n", "5"),
        ("QUIT\r\n", "221"),
    ] {
        stream.write_all(command.as_bytes()).unwrap();
        let reply = reply();
        assert!(reply.starts_with(code), "{command:?}: {reply}");
    }
    assert!(server.messages("bob").is_empty());
}
