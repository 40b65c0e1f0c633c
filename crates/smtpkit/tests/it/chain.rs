//! Three servers in a row, and the one in the middle is killed half-way.

use std::fs;
use std::net::TcpListener;

use crate::harness::{Server, smtpkit, until};
use crate::load::Load;

const MESSAGES: usize = 200;

fn serve(hostname: &str, listener: &str, flags: &[&str]) -> std::process::Command {
    let mut command = smtpkit();
    command.args(["serve", "--hostname", hostname, "--listen", listener, "--retry", "1s"]).args(flags);
    command
}

#[test]
fn a_hop_that_is_killed_half_way_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, "x@far.test:another one\n").unwrap();
    let far = serve("mx.far.test", "mx://127.0.0.1:0", &["--user-file", users.to_str().unwrap()]);
    let far = Server::spawn(far, folder);
    let trusted = ["--trusted", "127.0.0.0/8", "--domain"];

    // it has to come back where it was
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to_far = format!("smtp://127.0.0.1:{}?tls=off", far.port("mx"));
    let flags = [&trusted[..], &["middle.test", "--smarthost", &to_far]].concat();
    let middle = || serve("mx.middle.test", &format!("mx://127.0.0.1:{port}"), &flags);
    let mut hop = Server::spawn(middle(), tempfile::tempdir().unwrap());

    let to_middle = format!("smtp://127.0.0.1:{port}?tls=off");
    let flags = [&trusted[..], &["near.test", "--smarthost", &to_middle]].concat();
    let near = Server::spawn(serve("mx.near.test", "mx://127.0.0.1:0", &flags), tempfile::tempdir().unwrap());

    let load = Load::default();
    let arrived = || {
        let new = far.data().join("mail/far.test/x/new");
        let Ok(files) = fs::read_dir(new) else { return Vec::new() };
        let text = |file: std::io::Result<fs::DirEntry>| fs::read_to_string(file.unwrap().path()).unwrap();
        let subject =
            |text: String| text.lines().find(|line| line.starts_with("Subject:")).unwrap().to_owned();
        let mut subjects: Vec<String> = files.map(text).map(subject).collect();
        subjects.sort();
        subjects
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.hand_over(near.port("mx"), |number| number < MESSAGES));
        }
        assert!(until(|| arrived().len() >= MESSAGES / 4), "{}", hop.log());
        hop.kill();
    });
    hop.restart(middle());
    let mut sent = load.acknowledged();
    sent.sort();
    assert_eq!(sent.len(), MESSAGES, "the first hop took them all");
    let all_arrived = || {
        let mut subjects = arrived();
        subjects.dedup();
        subjects == sent
    };
    assert!(until(all_arrived), "{} of {MESSAGES}\n{}\n{}", arrived().len(), near.log(), hop.log());
}
