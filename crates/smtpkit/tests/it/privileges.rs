//! Low ports without root: the service manager's sockets, and root that becomes somebody else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit, with_input};

/// Opens a socket for each name, passes them as sd_listen_fds(3) says, and becomes the program.
const PARENT: &str = "
import os, socket, sys
names = sys.argv[1].split(':')
for at, name in enumerate(names):
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen()
    os.dup2(s.fileno(), 40 + at)
for at, name in enumerate(names):
    os.dup2(40 + at, 3 + at)
    os.close(40 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
";

fn with_sockets(names: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", PARENT, names]).arg(env!("CARGO_BIN_EXE_smtpkit")).arg("serve");
    command
}

fn users(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let users = folder.path().join("users");
    fs::write(&users, format!("{ALICE}:{PASSWORD}\n{BOB}:another one\n")).unwrap();
    users
}

#[test]
fn sockets_of_the_service_manager_are_matched_by_name_and_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_sockets("in:out:spare");
    command.arg("--user-file").arg(users(&folder));
    command.args(["--hostname", "mx.example.test", "--listen", "submissions+fd:out", "--listen", "mx+fd:0"]);
    let server = Server::spawn(command, folder);
    for scheme in ["mx", "submissions"] {
        check(&with_input(server.send(scheme).args(["--from", ALICE, "--to", BOB]), "A: b\n\n"), 0, &[]);
    }
    assert_eq!(server.messages("bob").len(), 2);
    assert!(server.log().contains("no listener takes the socket `spare`"), "{}", server.log());
}

#[test]
fn a_socket_that_was_not_passed_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let outcome = finish(with_sockets("in:out").args(["--listen", "mx+fd:smtp", "--data"]).arg(&data));
    check(&outcome, 78, &["no socket `smtp` was passed, only in, out", "FileDescriptorName="]);
    let outcome = finish(smtpkit().args(["serve", "--listen", "mx+fd:smtp", "--data"]).arg(&data));
    check(&outcome, 78, &["the service manager passed none"]);
    assert!(!data.exists());
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn root_opens_the_ports_and_is_somebody_else_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    if !is_root() {
        // what is left to see for others: they cannot
        let outcome =
            finish(smtpkit().args(["serve", "--run-as", "nobody", "--data"]).arg(folder.path().join("data")));
        return check(&outcome, 78, &["--run-as", "only root can become `nobody`"]);
    }
    // the user has to get to its data folder
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let left_by_root = folder.path().join("data/mail");
    fs::create_dir_all(&left_by_root).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--run-as", "nobody", "--hostname", "mx.example.test", "--user-file"]);
    command.arg(users(&folder)).args([
        "--listen",
        "mx://127.0.0.1:0",
        "--listen",
        "submissions://127.0.0.1:0",
    ]);
    let server = Server::spawn(command, folder);
    for scheme in ["mx", "submissions"] {
        check(&with_input(server.send(scheme).args(["--from", ALICE, "--to", BOB]), "A: b\n\n"), 0, &[]);
    }
    assert_eq!(server.messages("bob").len(), 2);
    let nobody = fs::metadata(left_by_root).unwrap();
    assert_ne!((nobody.uid(), nobody.gid()), (0, 0), "the data folder is handed over");
    for task in fs::read_dir(format!("/proc/{}/task", server.id())).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        let ids: Vec<String> = line("Uid:").split_whitespace().map(str::to_owned).collect();
        assert_eq!(ids, vec![nobody.uid().to_string(); 4], "a thread is still root");
        assert_eq!(line("CapEff:").trim(), "0000000000000000");
        assert!(!line("Groups:").split_whitespace().any(|group| group == "0"), "{status}");
    }
    assert!(!server.log().contains("as root"), "{}", server.log());
}

#[test]
fn root_without_another_user_is_warned_about() {
    let server = Server::start();
    assert_eq!(server.log().contains("--run-as"), is_root(), "{}", server.log());
}

#[test]
fn nobody_can_run_as_somebody_unknown() {
    for (user, says) in [("no-such-user-here", "no user"), ("root", "root")] {
        check(&finish(smtpkit().args(["serve", "--check", "--run-as", user])), 78, &["--run-as", says]);
    }
}
