//! The sendmail personality, as cron, mail and mail readers use it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit, with_input};

/// The program under its other name, with the server in the environment.
fn sendmail(server: &Server) -> Command {
    let path = server.scratch().join("sendmail");
    if !path.exists() {
        symlink(env!("CARGO_BIN_EXE_smtpkit"), &path).unwrap();
    }
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("LOGNAME", "alice")
        .env("SMTPKIT_URL", format!("smtp://127.0.0.1:{}?tls=off", server.port("mx")));
    command
}

fn stored(server: &Server, name: &str) -> String {
    String::from_utf8(server.messages(name).remove(0)).unwrap()
}

#[test]
fn a_message_from_cron() {
    let server = Server::start();
    let sent = with_input(
        sendmail(&server).args(["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", ALICE]),
        "To: bob@example.test\nBcc: alice@example.test\nSubject: Cron\n\n.\nafter the dot\n",
    );
    check(&sent, 0, &[]);
    assert_eq!((sent.1.as_str(), sent.2.as_str()), ("", ""), "silence is success");
    let message = stored(&server, "bob");
    for field in [
        "Return-Path: <alice@example.test>",
        "\r\nDate: ",
        "\r\nMessage-ID: <",
        "\r\nFrom: CronDaemon <alice@",
    ] {
        assert!(message.contains(field), "{field} is not in {message}");
    }
    assert!(message.contains("\r\n\r\n.\r\nafter the dot\r\n") && !message.contains("Bcc"), "{message}");
    assert_eq!(server.messages("alice").len(), 1);
}

#[test]
fn names_are_completed_and_a_dot_ends_the_message() {
    let server = Server::start();
    let config = server.scratch().join("sendmail.toml");
    let url = format!("smtp://127.0.0.1:{}?tls=off", server.port("mx"));
    fs::write(&config, format!("server = \"{url}\"\ndomain = \"example.test\"\n")).unwrap();
    let sent = with_input(
        sendmail(&server).env_remove("SMTPKIT_URL").env("SMTPKIT_CONFIG", &config).arg("bob"),
        "Subject: x\n\nhello\n.\nnot sent\n",
    );
    check(&sent, 0, &[]);
    let message = stored(&server, "bob");
    assert!(message.contains("\r\nFrom: alice@example.test\r\n"), "{message}");
    assert!(message.ends_with("\r\n\r\nhello\r\n"), "{message}");
    let named = with_input(
        sendmail(&server).env_remove("SMTPKIT_URL").env("SMTPKIT_CONFIG", &config).args(["-t", "-oi"]),
        "To: alice\nSubject: x\n\nhello\n",
    );
    check(&named, 0, &[]);
    assert_eq!(server.messages("alice").len(), 1);
}

#[test]
fn a_login_from_the_file() {
    let server = Server::start();
    let (config, password) = (server.scratch().join("sendmail.toml"), server.scratch().join("password"));
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let url = format!("smtp://{ALICE}@127.0.0.1:{}", server.port("submission"));
    let ca = server.data().join("tls/ca.pem");
    fs::write(
        &config,
        format!("server = \"{url}\"\nca = {ca:?}\npassword_file = {password:?}\nfrom = \"{ALICE}\"\n"),
    )
    .unwrap();
    let mut command = sendmail(&server);
    command.env_remove("SMTPKIT_URL").arg("-C").arg(&config).args(["-oi", BOB]);
    check(&with_input(&mut command, "Subject: x\n\nhello\n"), 0, &[]);
    assert!(stored(&server, "bob").contains("with ESMTPSA"));
}

#[test]
fn exit_codes_are_those_of_sysexits() {
    let server = Server::start();
    let nobody = "nobody@example.test";
    let send = |arguments: &[&str]| with_input(sendmail(&server).args(arguments), "Subject: x\n\nhello\n");
    check(&send(&["-i", "-f", ALICE, nobody, BOB]), 67, &[nobody, "550"]);
    assert!(server.messages("bob").is_empty(), "all or nobody");
    check(&send(&["-z"]), 64, &["-z"]);
    check(&send(&["-f", ALICE]), 64, &["no recipient"]);
    check(&send(&["-bp"]), 69, &["smtpkit queue"]);
    check(&send(&["-bi"]), 0, &[]);
    let unset = with_input(sendmail(&server).env_remove("SMTPKIT_URL").arg(BOB), "Subject: x\n\nhello\n");
    check(&unset, 78, &["SMTPKIT_URL", "/etc/smtpkit/sendmail.toml"]);
    let config = server.scratch().join("bad.toml");
    fs::write(&config, "server = \"smtp://x.test\"\ncolour = 1\n").unwrap();
    let mut command = sendmail(&server);
    let bad = with_input(command.arg("-C").arg(&config).arg(BOB), "Subject: x\n\n");
    check(&bad, 78, &["bad.toml:2: ", "colour"]);
    let help = finish(smtpkit().args(["sendmail", "--help"]));
    assert!(help.0 == 0 && help.1.contains("-bs"), "{help:?}");
}

#[test]
fn smtp_on_standard_input() {
    let server = Server::start();
    let dialogue = "EHLO client.test\r\nMAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n\
                    Subject: x\r\n\r\n..dot\r\n.\r\n\
                    MAIL FROM:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n\
                    Subject: x\r\n\r\ny\r\n.\r\nQUIT\r\n";
    let mut child = sendmail(&server)
        .arg("-bs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // one at a time, as a mail reader does
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut replies = std::io::BufRead::lines(std::io::BufReader::new(output)).map(Result::unwrap);
    let mut last = move || replies.find(|line| line.as_bytes().get(3) != Some(&b'-')).unwrap();
    let mut heard = vec![last()];
    let mut is_content = false;
    for line in dialogue.split_inclusive("\r\n") {
        std::io::Write::write_all(&mut input, line.as_bytes()).unwrap();
        if !is_content || line == ".\r\n" {
            heard.push(last());
            is_content = line.starts_with("DATA");
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let codes: Vec<&str> = heard.iter().map(|line| line.get(..3).unwrap()).collect();
    assert_eq!(
        codes,
        ["220", "250", "250", "250", "354", "250", "250", "250", "354", "550", "221"],
        "{heard:?}"
    );
    assert!(stored(&server, "bob").ends_with("\r\n\r\n.dot\r\n"));
}
