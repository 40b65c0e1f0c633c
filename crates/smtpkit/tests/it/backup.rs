//! A listener for other servers as a backup: it takes mail for the domains of the file from anybody, without a login, and
//! passes it on to where their mailboxes are.

use crate::harness::{Server, check, smtpkit, until, with_input};
use crate::talk::Talk;

#[test]
fn mail_for_a_relay_domain_is_taken_from_anybody_and_for_others_from_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, "carol@far.test:another one\n").unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "mx.far.test", "--listen", "mx://127.0.0.1:0", "--user-file"]);
    command.arg(users);
    let far = Server::spawn(command, folder);
    let backup = Server::configured(&format!(
        "hostname = \"mx.example.test\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n\
         [[domain]]\nname = \"example.test\"\nmailboxes = [\"bob\"]\n\
         [[domain]]\nname = \"far.test\"\n\
         [[route]]\nmatch = \"*@far.test\"\nsmarthost = \"smtp://127.0.0.1:{}?tls=off\"\n",
        far.port("mx")
    ));
    let mut talk = Talk::plain(&backup, "mx");
    let offered = talk.ask("EHLO client.test", "250");
    assert!(!offered.contains("AUTH"), "{offered}");
    for (line, code) in [
        ("MAIL FROM:<x@y.test>", "250"),
        ("RCPT TO:<bob@example.test>", "250"),
        ("RCPT TO:<carol@far.test>", "250"),
        ("RCPT TO:<x@elsewhere.test>", "550 5.7.1"),
        ("RCPT TO:<x@sub.far.test>", "550 5.7.1"),
        ("RCPT TO:<nobody@example.test>", "550 5.1.1"),
        ("DATA", "354"),
        ("Subject: x\r\n\r\nhi\r\n.", "250"),
    ] {
        talk.ask(line, code);
    }
    assert_eq!(backup.messages("bob").len(), 1);
    assert!(until(|| far.mailbox("far.test", "carol").len() == 1), "{}\n{}", backup.log(), far.log());
    let sent = with_input(
        backup.send("mx").args(["--from", "x@y.test", "--to", "x@elsewhere.test"]),
        "Subject: x\n\n",
    );
    check(&sent, 67, &["550 5.7.1"]);
}
