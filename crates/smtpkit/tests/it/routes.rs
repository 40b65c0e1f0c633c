//! Where mail goes: the order of the table, forwarding that hides its target, smarthosts, LMTP, and one chain of servers.

use std::fs;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, smtpkit, until, with_input};
use crate::talk::Talk;

/// A server for example.test with alice and bob, and what else `config` says.
fn serve(config: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smtpkit.toml");
    let text = format!(
        "hostname = \"mx.example.test\"\n{config}\n\
         [[listener]]\nurl = \"mx://127.0.0.1:0\"\ntrusted = [\"127.0.0.0/8\"]\n\
         [[domain]]\nname = \"example.test\"\nmailboxes = [\"alice\", \"bob\", \"all\"]\ncatch_all = \"all@example.test\"\n"
    );
    fs::write(&file, text).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--config"]).arg(file);
    Server::spawn(command, folder)
}

/// A server for each of `domains` with one mailbox, carol, that passes everything else on as `more` says.
fn other(domains: &str, more: &[&str]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    let accounts: String = domains.split(' ').map(|domain| format!("carol@{domain}:{PASSWORD}\n")).collect();
    fs::write(&users, accounts).unwrap();
    let hostname = format!("mx.{}", domains.split(' ').next().unwrap());
    let mut command = smtpkit();
    command.args(["serve", "--hostname", &hostname, "--retry", "1s", "--user-file"]).arg(users);
    if !more.contains(&"--listen") {
        command.args(["--listen", "mx://127.0.0.1:0"]);
    }
    command.args(more);
    Server::spawn(command, folder)
}

fn send(server: &Server, from: &str, to: &str, content: &str) -> (i32, String, String) {
    with_input(server.send("mx").args(["--from", from, "--to", to]), content)
}

fn mailbox(server: &Server, domain: &str, local_part: &str) -> Vec<String> {
    let new = server.data().join("mail").join(domain).join(local_part).join("new");
    let Ok(entries) = fs::read_dir(new) else { return Vec::new() };
    entries.map(|entry| String::from_utf8(fs::read(entry.unwrap().path()).unwrap()).unwrap()).collect()
}

#[test]
fn the_first_row_that_matches_wins_and_the_catch_all_comes_last() {
    let server = serve("");
    let config = server.scratch().join("smtpkit.toml");
    let rows = "[[route]]\nmatch = \"sales@example.test\"\nto = [\"alice@example.test\"]\n\
                [[route]]\nmatch = \"user+*@example.test\"\nto = [\"bob@example.test\"]\n\
                [[route]]\nmatch = \"/^news-[0-9]+@example[.]test$/\"\nmaildir = \"archive\"\n\
                [[route]]\nmatch = \"sa*@example.test\"\nreject = \"550 5.7.1 never reached\"\n";
    let rows = rows.rsplit_once("[[route]]").unwrap().0;
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}{rows}")).unwrap();
    server.signal("HUP");
    assert!(until(|| server.log().contains("read anew")), "{}", server.log());
    for to in [
        "sales@example.test",
        "user+x@example.test",
        "news-7@example.test",
        "bob+tag@example.test",
        "nobody@example.test",
    ] {
        check(&send(&server, "x@y.test", to, "A: b\n\n"), 0, &[]);
    }
    assert_eq!(server.messages("all").len(), 1, "the catch-all");
    assert_eq!((server.stored("alice").len(), server.stored("bob").len()), (1, 2));
    assert_eq!(fs::read_dir(server.scratch().join("archive/new")).unwrap().count(), 1);

    // a file with a mistake changes nothing, and one line says so
    fs::write(&config, format!("{text}[[route]]\nmatch = \"x\"\n")).unwrap();
    server.signal("HUP");
    assert!(until(|| server.log().contains("nothing is changed")), "{}", server.log());
    let line = server.log().lines().find(|line| line.contains("nothing is changed")).unwrap().to_owned();
    assert!(line.contains("smtpkit.toml:") && line.contains("; "), "{line}");
    check(&send(&server, "x@y.test", "sales@example.test", "A: b\n\n"), 0, &[]);
    assert_eq!(server.messages("alice").len(), 2, "the old table still holds");
}

#[test]
fn what_only_a_restart_takes_is_said_at_a_reload() {
    let server = serve("");
    let config = server.scratch().join("smtpkit.toml");
    let text = fs::read_to_string(&config).unwrap();
    let limits = "[limits]\nmax_hops = 7\n[relay]\nmx_port = 2626\n";
    fs::write(&config, format!("# one line more\n{text}{limits}")).unwrap();
    server.signal("HUP");
    assert!(until(|| server.log().contains("only a restart")), "{}", server.log());
    let log = server.log();
    let line = log.lines().find(|line| line.contains("only a restart")).unwrap();
    let listeners = "listener; limits; relay.mx_port";
    assert!(line.ends_with(&format!("only a restart takes what has changed in: {listeners}")), "{line}");

    // as it was at the start, but for lines that moved
    fs::write(&config, format!("# one line more\n{text}")).unwrap();
    let before = log.matches("only a restart").count();
    server.signal("HUP");
    assert!(until(|| server.log().matches("read anew").count() == 2), "{}", server.log());
    assert_eq!(server.log().matches("only a restart").count(), before);
}

#[test]
fn a_forward_hides_its_target_and_rewrites_the_sender() {
    let far = other("target.test", &[]);
    let forward = |to: &str| {
        format!(
            "[relay]\nsmarthost = \"smtp://127.0.0.1:{}?tls=off\"\nretry = [\"1s\"]\n\
             [[route]]\nmatch = \"me@example.test\"\nto = [\"{to}\"]\n",
            far.port("mx")
        )
    };
    let server = serve(&forward("carol@target.test"));
    check(&send(&server, "friend@elsewhere.test", "me@example.test", "Subject: hi\n\n"), 0, &[]);
    assert!(until(|| mailbox(&far, "target.test", "carol").len() == 1), "{}", server.log());
    let stored = mailbox(&far, "target.test", "carol").remove(0);
    assert!(stored.starts_with("Return-Path: <SRS0="), "{stored}");
    assert!(stored.contains("@example.test>"), "{stored}");

    // the same with a target that does not exist: who sent it hears of the alias alone
    let server = serve(&forward("hidden@target.test"));
    check(&send(&server, ALICE, "me@example.test", "Subject: hi\n\n"), 0, &[]);
    let reports = server.messages("alice");
    assert_eq!(reports.len(), 1, "{}", server.log());
    let report = String::from_utf8(reports[0].clone()).unwrap();
    assert!(report.contains("Final-Recipient: rfc822; me@example.test\r\n"), "{report}");
    assert!(report.contains("Action: failed\r\nStatus: 5.1.1\r\n"), "{report}");
    assert!(!report.contains("hidden") && !report.contains("target.test"), "{report}");
    assert!(report.contains("To: alice@example.test\r\n") && !report.contains("SRS0="), "{report}");
    assert!(server.log().contains("hidden@target.test"), "the operator sees it all");

    // one of our own hears no more in the reports of the host behind the alias
    let server = serve(&forward("carol@target.test"));
    check(&send(&server, ALICE, "me@example.test", "Subject: hello\n\n"), 0, &[]);
    assert!(until(|| mailbox(&far, "target.test", "carol").len() == 2), "{}\n{}", server.log(), far.log());
    let stored = mailbox(&far, "target.test", "carol");
    let stored = stored.iter().find(|message| message.contains("Subject: hello")).unwrap();
    let sender = reverse_path(stored);
    assert!(sender.starts_with("SRS0=") && sender.ends_with("=alice@example.test"), "{sender}");
    hand_over(&server, sender, &notification(stored));
    assert_eq!(server.messages("alice").len(), 1, "{}", server.log());
    let report = String::from_utf8(server.stored("alice").remove(0)).unwrap();
    assert!(report.contains("Final-Recipient: rfc822; me@example.test\r\n"), "{report}");
    let body = report.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.contains("target.test") && !body.contains("carol"), "{report}");
}

/// The reverse-path that a stored message came with.
fn reverse_path(stored: &str) -> &str {
    stored.strip_prefix("Return-Path: <").and_then(|rest| rest.split_once('>')).unwrap().0
}

/// A delivery status notification of the host behind the alias, about this message.
fn notification(stored: &str) -> String {
    let header = stored.split_once("\r\n\r\n").unwrap().0;
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\n<carol@target.test> is full\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.target.test\r\n\r\nFinal-Recipient: rfc822; carol@target.test\r\n\
         Action: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 carol is over quota\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\n{header}\r\n\r\n--b--\r\n."
    )
}

/// Mail from nobody, as reports are.
fn hand_over(server: &Server, to: &str, content: &str) {
    let mut talk = Talk::plain(server, "mx");
    for (line, code) in [
        ("EHLO mx.target.test", "250"),
        ("MAIL FROM:<>", "250"),
        (&format!("RCPT TO:<{to}>"), "250"),
        ("DATA", "354"),
        (content, "250"),
        ("QUIT", "221"),
    ] {
        talk.ask(line, code);
    }
}

#[test]
fn a_report_that_comes_back_to_a_rewritten_sender_finds_its_way() {
    let far = other("target.test origin.test", &[]);
    let server = serve(&format!(
        "[relay]\nsmarthost = \"smtp://127.0.0.1:{}?tls=off\"\nretry = [\"1s\"]\n\
         [[route]]\nmatch = \"me@example.test\"\nto = [\"carol@target.test\"]\n",
        far.port("mx"),
    ));
    check(&send(&server, "carol@origin.test", "me@example.test", "Subject: hi\n\n"), 0, &[]);
    assert!(until(|| mailbox(&far, "target.test", "carol").len() == 1), "{}", server.log());
    let stored = mailbox(&far, "target.test", "carol").remove(0);
    let sender = reverse_path(&stored);
    let mut talk = Talk::plain(&server, "mx");
    for (line, code) in [
        ("EHLO mx.target.test", "250"),
        ("MAIL FROM:<>", "250"),
        (&format!("RCPT TO:<{sender}>"), "250"),
        ("DATA", "354"),
        ("Subject: a report\r\n\r\n.", "250"),
        ("MAIL FROM:<>", "250"),
        (&format!("RCPT TO:<{}>", sender.replacen("SRS0=", "SRS0=x", 1)), "550"),
        ("QUIT", "221"),
    ] {
        talk.ask(line, code);
    }
    assert!(until(|| mailbox(&far, "origin.test", "carol").len() == 1), "{}", server.log());
    let report = mailbox(&far, "origin.test", "carol").remove(0);
    assert!(report.starts_with("Return-Path: <>\r\n") && report.contains("Subject: a report"), "{report}");

    // a delivery status notification of the host behind the alias tells the sender nothing of it
    hand_over(&server, sender, &notification(&stored));
    assert!(until(|| mailbox(&far, "origin.test", "carol").len() == 2), "{}", server.log());
    let report =
        mailbox(&far, "origin.test", "carol").into_iter().find(|report| report.contains("5.2.2")).unwrap();
    assert!(report.contains("Final-Recipient: rfc822; me@example.test\r\n"), "{report}");
    let body = report.split_once("\r\n\r\n").unwrap().1;
    assert!(body.contains("Subject: hi") && !body.contains("target.test"), "{report}");
    assert!(!body.contains("over quota"), "{report}");
}

#[test]
fn credentials_of_a_smarthost_change_without_a_restart() {
    let far = other("far.test", &["--listen", "submissions://127.0.0.1:0"]);
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("pw");
    fs::write(&password, "not this one\n").unwrap();
    let server = serve(&format!(
        "[relay]\nsmarthost = \"smtps://carol%40far.test@127.0.0.1:{}\"\nsmarthost_password_file = \"{}\"\n\
         smarthost_ca = \"{}\"\nretry = [\"1s\"]\n",
        far.port("submissions"),
        password.display(),
        far.data().join("tls/ca.pem").display(),
    ));
    check(&send(&server, "carol@far.test", "carol@far.test", "A: b\n\n"), 0, &[]);
    let is_refused = || server.queue(&["list", "--json"]).1.contains("\"last_status\":\"5.7.8\"");
    assert!(until(is_refused), "{}\n{}", server.queue(&["list"]).1, server.log());
    fs::write(&password, PASSWORD).unwrap();
    server.signal("HUP");
    assert!(until(|| mailbox(&far, "far.test", "carol").len() == 1), "{}\n{}", server.log(), far.log());
}

#[test]
fn a_blocked_port_of_a_smarthost_is_passed_over() {
    let far = other("far.test", &[]);
    let blocked = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = serve(&format!(
        "[relay]\nsmarthost = \"smtp://127.0.0.1:{blocked}?tls=off\"\nsmarthost_fallback_ports = [{}]\n",
        far.port("mx")
    ));
    check(&send(&server, ALICE, "carol@far.test", "A: b\n\n"), 0, &[]);
    assert!(until(|| mailbox(&far, "far.test", "carol").len() == 1), "{}", server.log());
}

#[test]
fn local_mail_may_go_to_an_lmtp_server() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lmtp.sock");
    let store = other("example.test", &["--listen", &format!("lmtp+unix:{}", socket.display())]);
    let server = serve(&format!(
        "[[route]]\nmatch = \"carol@example.test\"\nlmtp = \"lmtp+unix:{}\"\n",
        socket.display()
    ));
    check(&send(&server, BOB, "carol@example.test", "A: b\n\n"), 0, &[]);
    assert!(
        until(|| mailbox(&store, "example.test", "carol").len() == 1),
        "{}\n{}",
        server.log(),
        store.log()
    );
    let stored = mailbox(&store, "example.test", "carol").remove(0);
    assert_eq!(
        (stored.matches("Return-Path:").count(), stored.matches("with LMTP").count()),
        (1, 1),
        "{stored}"
    );
}

#[test]
fn a_chain_of_five_delivers_though_one_is_killed_half_way() {
    let last = other("far.test", &[]);
    let mut ports = vec![last.port("mx")];
    let mut chain = Vec::new();
    for hop in 0..4 {
        // the hop that will be killed is not there yet: its port is
        let smarthost = format!("smtp://127.0.0.1:{}?tls=off", ports[hop]);
        let flags = ["--smarthost", &smarthost, "--trusted", "127.0.0.0/8"];
        let server = other(&format!("hop{hop}.test"), &flags);
        ports.push(server.port("mx"));
        chain.push(server);
    }
    // kill the second to last, send, bring it back on its port with its queue
    let mut killed = chain.remove(0);
    let port = killed.port("mx");
    killed.signal("KILL");
    killed.wait();
    let first = chain.last().unwrap();
    check(&send(first, ALICE, "carol@far.test", "Subject: far\n\n.dot\n"), 0, &[]);
    let waits = || chain[0].queue(&["list", "--json"]).1.contains("\"last_status\":\"4.4.1\"");
    assert!(until(waits), "{}", chain[0].log());
    let smarthost = format!("smtp://127.0.0.1:{}?tls=off", last.port("mx"));
    let listen = format!("mx://127.0.0.1:{port}");
    let _back =
        other("hop0.test", &["--listen", &listen, "--smarthost", &smarthost, "--trusted", "127.0.0.0/8"]);
    assert!(until(|| mailbox(&last, "far.test", "carol").len() == 1), "{}", chain[0].log());
    let stored = mailbox(&last, "far.test", "carol").remove(0);
    assert_eq!(stored.matches("\nReceived:").count(), 5, "{stored}");
    assert!(stored.ends_with("Subject: far\r\n\r\n.dot\r\n"), "{stored}");
}
