//! What a newcomer gets: an account, a file to trust, and a line that works.

use std::fs;

use crate::harness::{Server, check, shell, smtpkit, until};

fn start(folder: tempfile::TempDir) -> Server {
    let mut command = smtpkit();
    command.current_dir(folder.path()).arg("serve");
    for scheme in ["mx", "submission", "submissions"] {
        command.args(["--listen", &format!("{scheme}://127.0.0.1:0")]);
    }
    Server::spawn(command, folder)
}

#[test]
fn the_line_that_is_shown_sends_a_greeting() {
    let server = start(tempfile::tempdir().unwrap());
    let log = server.log();
    let line = log.lines().find(|line| line.contains(" send ")).unwrap_or_else(|| panic!("no line in {log}"));
    assert!(log.contains("tls/ca.pem"), "{log}");
    let sent = shell(line.trim(), server.scratch(), std::env::var_os("PATH").unwrap());
    check(&sent, 0, &["1 of 1 recipients accepted"]);
    let new = server.data().join("mail/localhost/me/new");
    assert!(until(|| fs::read_dir(&new).is_ok_and(|files| files.count() == 1)), "{}", server.log());
}

#[test]
fn the_password_is_shown_once_and_kept_as_a_hash() {
    let mut server = start(tempfile::tempdir().unwrap());
    let log = server.log();
    let password = log.lines().find_map(|line| line.trim().strip_prefix("password:")).unwrap();
    let password = password.split_whitespace().next().unwrap();
    let kept = fs::read_to_string(server.data().join("accounts")).unwrap();
    assert!(!kept.contains(password));
    assert!(kept.contains("$argon2id$"), "{kept}");
    // the same folder again, which belongs to one server at a time
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    let mut command = smtpkit();
    command.args(["serve", "--listen", "mx://127.0.0.1:0", "--data"]).arg(server.data());
    let log = server.scratch().join("second.log");
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut ready)
        .unwrap();
    assert_eq!(ready, "ready\n");
    child.kill().unwrap();
    child.wait().unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains(password) && log.contains("me@localhost"), "{log}");
}
