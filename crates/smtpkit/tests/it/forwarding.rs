//! Mail that is passed on to another address, by one server after the other: octet by octet as it was signed, from an
//! address of whoever passes it on (SRS), with a way back for reports, and not in a circle.

use crate::harness::{Server, check, smtpkit, until, with_input};
use crate::talk::Talk;

/// What a signature protects (RFC 6376): not an octet of it may change.
const SIGNED: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=origin.test; s=key;\r\n\
    \t h=From : To:Subject;   bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\r\n  b=Zm9yZ2Vk \r\n\
    From: Carol  <carol@origin.test>\r\nto:me@one.test\r\nSubject:  =?utf-8?q?odd=20?= \r\n  folding\r\n\r\n\
    .dots \t\r\n\r\nFrom the first\r\n\r\n\r\n";

/// A server for a domain that passes its mail for `me` and `round` on, and everything else to `smarthost`.
fn forwarder(domain: &str, smarthost: u16, rows: &str) -> Server {
    Server::configured(&config(domain, smarthost, rows))
}

fn config(domain: &str, smarthost: u16, rows: &str) -> String {
    format!(
        "hostname = \"mx.{domain}\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n[[domain]]\nname = \"{domain}\"\n\
         [relay]\nsmarthost = \"smtp://127.0.0.1:{smarthost}?tls=off\"\ntrusted = [\"127.0.0.0/8\"]\nretry = [\"1s\"]\n{rows}"
    )
}

fn alias(name: &str, target: &str) -> String {
    format!("[[route]]\nmatch = \"{name}\"\nto = [\"{target}\"]\n")
}

/// The first forwarder, the second one behind it, and the server with the mailboxes of both ends.
fn chain() -> (Server, Server, Server) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, "carol@target.test:another one\ncarol@origin.test:another one\n").unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "mx.target.test", "--listen", "mx://127.0.0.1:0", "--user-file"]);
    command.arg(users);
    let ends = Server::spawn(command, folder);
    let rows = alias("me@two.test", "carol@target.test") + &alias("round@two.test", "round@one.test");
    let second = forwarder("two.test", ends.port("mx"), &rows);
    let rows = alias("me@one.test", "me@two.test") + &alias("round@one.test", "round@two.test");
    let first = forwarder("one.test", second.port("mx"), &rows);
    // each has to know the other
    let rows = alias("me@two.test", "carol@target.test")
        + &alias("round@two.test", "round@one.test")
        + &format!(
            "[[route]]\nmatch = \"*@one.test\"\nsmarthost = \"smtp://127.0.0.1:{}?tls=off\"\n",
            first.port("mx")
        );
    std::fs::write(second.scratch().join("smtpkit.toml"), config("two.test", ends.port("mx"), &rows))
        .unwrap();
    second.signal("HUP");
    assert!(until(|| second.log().contains("read anew")), "{}", second.log());
    (first, second, ends)
}

fn text(message: Vec<u8>) -> String {
    String::from_utf8(message).unwrap()
}

#[test]
fn two_forwarders_change_nothing_and_reports_find_their_way_back() {
    let (first, second, ends) = chain();
    let sent =
        with_input(first.send("mx").args(["--from", "carol@origin.test", "--to", "me@one.test"]), SIGNED);
    check(&sent, 0, &[]);
    let logs = || format!("{}\n{}\n{}", first.log(), second.log(), ends.log());
    assert!(until(|| ends.mailbox("target.test", "carol").len() == 1), "{}", logs());
    let stored = text(ends.mailbox("target.test", "carol").remove(0));
    assert!(stored.ends_with(SIGNED), "{stored}");
    // the domain of the reverse-path is that of the host that came: SPF (RFC 7208) looks for it there
    let sender = stored.strip_prefix("Return-Path: <").and_then(|rest| rest.split_once('>')).unwrap().0;
    assert!(sender.starts_with("SRS1=") && sender.ends_with("@two.test"), "{sender}");
    assert_eq!(stored.matches("\nReceived:").count(), 3, "{stored}");
    assert!(stored.contains("by mx.one.test") && stored.contains("by mx.two.test"), "{stored}");

    let mut talk = Talk::plain(&second, "mx");
    for (line, code) in [
        ("EHLO mx.target.test", "250"),
        ("MAIL FROM:<>", "250"),
        (&*format!("RCPT TO:<{sender}>"), "250"),
        ("DATA", "354"),
        ("Subject: on holiday\r\n\r\n.", "250"),
    ] {
        talk.ask(line, code);
    }
    assert!(until(|| ends.mailbox("origin.test", "carol").len() == 1), "{}", logs());
    let report = text(ends.mailbox("origin.test", "carol").remove(0));
    assert!(report.starts_with("Return-Path: <>\r\nDelivered-To: carol@origin.test\r\n"), "{report}");
}

#[test]
fn a_circle_of_forwarders_ends_in_one_report() {
    let (first, second, ends) = chain();
    let sent = with_input(
        first.send("mx").args(["--from", "carol@origin.test", "--to", "round@one.test"]),
        "Message-ID: <round@origin.test>\nSubject: round\n\n",
    );
    check(&sent, 0, &[]);
    let logs = || format!("{}\n{}\n{}", first.log(), second.log(), ends.log());
    assert!(until(|| !ends.mailbox("origin.test", "carol").is_empty()), "{}", logs());
    for server in [&first, &second] {
        assert!(until(|| server.queue(&["list", "--json"]).1.is_empty()), "{}", server.log());
    }
    let reports = ends.mailbox("origin.test", "carol");
    assert_eq!(reports.len(), 1, "{}", logs());
    let report = text(reports[0].clone());
    for part in ["Return-Path: <>\r\n", "Action: failed\r\nStatus: 5.4.6\r\n", "Subject: round\r\n"] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
}
