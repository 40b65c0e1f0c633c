//! `smtpkit account hash`: what it prints logs in.

use std::fs;

use crate::harness::{Server, check, smtpkit, with_input};

#[test]
fn a_hash_logs_in() {
    let (code, hash, stderr) = with_input(smtpkit().args(["account", "hash"]), "my secret\n");
    assert_eq!(code, 0, "{stderr}");
    assert!(hash.starts_with("$argon2id$") && !hash.contains("my secret"), "{hash}");
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, format!("carol@example.test:{hash}")).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--listen", "submissions://127.0.0.1:0", "--user-file"]).arg(&users);
    let server = Server::spawn(command, folder);
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let mut send = smtpkit();
        send.args(["send", &format!("smtps://127.0.0.1:{}", server.port("submissions"))])
            .args(["--user", "carol@example.test", "--auth", mechanism, "--password-stdin", "--ca"])
            .arg(server.data().join("tls/ca.pem"))
            .args(["--from", "carol@example.test", "--to", "carol@example.test", "--subject", mechanism]);
        check(&with_input(&mut send, "my secret\n"), 0, &["1 of 1"]);
        check(&with_input(&mut send, "not my secret\n"), 77, &["535"]);
    }
}

#[test]
fn an_empty_password_is_refused() {
    check(&with_input(smtpkit().args(["account", "hash"]), "\n"), 65, &["empty"]);
}
