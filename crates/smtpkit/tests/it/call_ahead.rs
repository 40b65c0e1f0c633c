//! Recipients whose mailboxes another server has: it is asked at RCPT, so that nobody hears in a report what a reply can
//! say, and once for many messages.

use std::fs;

use crate::harness::{Server, smtpkit, until};
use crate::talk::Talk;

/// A server for local deliveries with carol and dora.
fn store(folder: tempfile::TempDir) -> Server {
    fs::write(folder.path().join("users"), "carol@example.test:another one\ndora@example.test:another one\n")
        .unwrap();
    let command = storing(&folder.path().join("users"), &folder.path().join("lmtp.sock"));
    Server::spawn(command, folder)
}

fn storing(users: &std::path::Path, socket: &std::path::Path) -> std::process::Command {
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "store.example.test", "--user-file"]).arg(users);
    command.args(["--listen", &format!("lmtp+unix:{}", socket.display())]);
    command
}

fn ask(server: &Server, dialogue: &[(&str, &str)]) {
    let mut talk = Talk::plain(server, "mx");
    talk.ask("EHLO client.test", "250");
    talk.ask("MAIL FROM:<x@y.test>", "250");
    for (to, expected) in dialogue {
        talk.ask(&format!("RCPT TO:<{to}>"), expected);
    }
}

#[test]
fn the_store_is_asked_at_rcpt_and_its_answer_is_kept() {
    let mut store = store(tempfile::tempdir().unwrap());
    let (users, socket) = (store.scratch().join("users"), store.scratch().join("lmtp.sock"));
    let server = Server::configured(&format!(
        "hostname = \"mx.example.test\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n\
         [[domain]]\nname = \"example.test\"\n\
         [[route]]\nmatch = \"both@example.test\"\nto = [\"nobody@example.test\", \"carol@example.test\"]\n\
         [[route]]\nmatch = \"gone@example.test\"\nto = [\"nobody@example.test\"]\n\
         [[route]]\nmatch = \"*@example.test\"\nlmtp = \"lmtp+unix:{}\"\n[relay]\nretry = [\"1s\"]\n",
        socket.display()
    ));
    ask(
        &server,
        &[
            ("nobody@example.test", "550 5.1.1"),
            ("carol@example.test", "250 2.1.5"),
            ("carol@example.test", "250 2.1.5"),
            ("gone@example.test", "550 5.1.1"),
            ("x@elsewhere.test", "550 5.7.1"),
        ],
    );
    // who is left out of an alias keeps nobody else from the mail
    let mut talk = Talk::plain(&server, "mx");
    for (line, code) in [
        ("EHLO client.test", "250"),
        ("MAIL FROM:<x@y.test>", "250"),
        ("RCPT TO:<both@example.test>", "250"),
        ("DATA", "354"),
        ("Subject: x\r\n\r\nhi\r\n.", "250"),
    ] {
        talk.ask(line, code);
    }
    assert!(until(|| store.stored("carol").len() == 1), "{}\n{}", server.log(), store.log());

    // what was said is known when nobody can say it; who was not asked about has to wait
    store.kill();
    ask(
        &server,
        &[
            ("nobody@example.test", "550 5.1.1"),
            ("carol@example.test", "250"),
            ("dora@example.test", "250"),
            ("nemo@example.test", "250"),
        ],
    );

    // another table begins anew
    store.restart(storing(&users, &socket));
    server.signal("HUP");
    assert!(until(|| server.log().contains("read anew")), "{}", server.log());
    ask(&server, &[("nemo@example.test", "550 5.1.1"), ("dora@example.test", "250")]);
}
