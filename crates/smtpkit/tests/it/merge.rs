//! `smtpkit send --csv`: a message for each row, errors row by row, and a second run that sends only the rest.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{ALICE, Server, check, finish};

const TABLE: &str = "email,name,note\n\
    bob@example.test,Bob,\"one, two\"\n\
    alice@example.test,Jörg <\"x\">,ü\n\
    eve@example.test,\"Eve\nBcc: all@example.test\",x\n\
    not an address,Nobody,x\n\
    short@example.test,Short\n\
    nobody@example.test,Unknown,x\n";

fn file(server: &Server, name: &str, content: &str) -> PathBuf {
    let path = server.scratch().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn text(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).unwrap()
}

#[test]
fn rows_become_messages_and_errors_have_a_place() {
    let server = Server::start();
    let table = file(&server, "people.csv", TABLE);
    let flags = ["--from", ALICE, "--subject", "For {{name}}", "--text", "Dear {{name}}: {{note}}", "--json"];
    let sent = finish(server.send("mx").args(flags).arg("--csv").arg(&table));
    check(
        &sent,
        79,
        &[
            "people.csv:4: column `name`: a line break cannot stand in a header field",
            "people.csv:6: column `email`: `not an address` is no address",
            "people.csv:7: the row has 2 values for 3 columns",
            "people.csv:8: ",
            "550",
            "sent 2 of 6 messages",
            "3 unusable",
        ],
    );
    let objects: Vec<Value> = sent.1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 7, "one for each row, and a summary");
    let of_line = |line: u64| objects.iter().find(|object| object["line"] == line).unwrap();
    assert_eq!(of_line(4)["column"], "name");
    assert_eq!(of_line(4)["exit"], 65);
    assert_eq!(of_line(8)["exit"], 67);
    let bob = text(&server.messages("bob")[0]);
    assert!(bob.contains("To: bob@example.test\r\n") && bob.contains("Subject: For Bob\r\n"), "{bob}");
    assert!(bob.contains("Dear Bob: one, two"), "{bob}");
    let alice = text(&server.messages("alice")[0]);
    assert!(alice.contains("Subject: For =?utf-8?Q?J=C3=B6rg?= <\"x\">\r\n"), "{alice}");
    assert_eq!(server.messages("alice").len(), 1);
    assert!(server.messages("eve").is_empty());
}

#[test]
fn a_template_keeps_its_shape() {
    let server = Server::start();
    let table = file(&server, "people.csv", "mail;first\nbob@example.test;Zoë <b>\n");
    let template = file(
        &server,
        "letter.eml",
        "From: News <alice@example.test>\nTo: {{first}} <{{mail}}>\nSubject: Für {{first}}\nX-Kept: as  is\n\
         MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>Grüß {{first}}</p>\n",
    );
    let mut command = server.send("mx");
    command.args(["--from", ALICE, "--to", "{{mail}}", "--delimiter", ";"]);
    let sent = finish(command.arg("--csv").arg(&table).arg("--template").arg(&template));
    check(&sent, 0, &["sent 1 of 1 message over 1 connection"]);
    let message = text(&server.messages("bob")[0]);
    assert!(message.is_ascii() && message.contains("X-Kept: as  is\r\n"), "{message}");
    assert!(message.contains("Message-ID: <") && message.contains("Date: "), "{message}");
    assert!(message.contains("<p>Gr=C3=BC=C3=9F Zo=C3=AB &lt;b&gt;</p>"), "{message}");
}

#[test]
fn a_second_run_sends_only_the_rest() {
    let server = Server::start();
    let rows = "email\nbob@example.test\nlater@example.test\n";
    let table = file(&server, "people.csv", rows);
    let resume = server.scratch().join("sent.txt");
    let errors = server.scratch().join("errors.txt");
    let run = || {
        let mut command = server.send("mx");
        command.args(["--from", ALICE, "--subject", "x"]).arg("--csv").arg(&table);
        finish(command.arg("--resume").arg(&resume).arg("--errors").arg(&errors))
    };
    check(&run(), 79, &["sent 1 of 2"]);
    assert!(fs::read_to_string(&errors).unwrap().contains("people.csv:3: <later@example.test>"));
    check(&run(), 67, &["sent 0 of 1", "1 accepted by an earlier run"]);
    file(&server, "people.csv", "email\nalice@example.test\nbob@example.test\n");
    check(&run(), 0, &["sent 1 of 1", "1 accepted by an earlier run"]);
    assert_eq!((server.messages("bob").len(), server.messages("alice").len()), (1, 1));
    let kept = fs::read_to_string(&resume).unwrap();
    assert!(kept.starts_with("smtpkit accepted rows 1\n") && kept.lines().count() == 3, "{kept}");
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let server = Server::start();
    let table = file(&server, "people.csv", "mail,name\nbob@example.test,Bob\n");
    let template = file(&server, "letter.eml", "Subject: x\n\nDear {{nmae}}\n");
    let run = |flags: &[&str]| {
        finish(server.send("mx").args(["--from", ALICE]).arg("--csv").arg(&table).args(flags))
    };
    let template = template.to_str().unwrap();
    check(&run(&["--subject", "x"]), 64, &["no column `email` or `to`", "mail, name"]);
    check(&run(&["--to", "{{mail}}"]), 64, &["--template"]);
    check(&run(&["--to", "{{mail}}", "--subject", "{{x}}"]), 64, &["--subject", "no column `x`"]);
    check(&run(&["--to", "{{mail}}", "--template", template]), 65, &["letter.eml:3: ", "`nmae`"]);
    check(&run(&["--to", "{{mail}}", "--template", template, "--subject", "x"]), 64, &["--subject"]);
    check(&run(&["--to", "{{mail}}", template]), 64, &["--template"]);
    assert!(server.messages("bob").is_empty());
}
