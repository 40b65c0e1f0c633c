//! Forwarding addresses by command: live at once, listed, switched off and on, removed; and nothing written that would not
//! work.

use std::fs;

use serde_json::Value;

use crate::harness::{ALICE, Server, check, finish, smtpkit, with_input};

/// A server for example.test with alice, bob and a row of its own.
fn serve() -> Server {
    Server::configured(
        "hostname = \"mx.example.test\"\n\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n\n\
         [[domain]]\nname = \"example.test\"\nmailboxes = [\"alice\", \"bob\"]\n\n\
         # whoever is left\n[[route]]\nmatch = \"/^[a-z]{2}@/\"\nreject = \"550 5.1.1 nobody of that name\"\n",
    )
}

fn route(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let config = server.scratch().join("smtpkit.toml");
    finish(
        smtpkit().arg("route").args(arguments).arg("--config").arg(config).arg("--data").arg(server.data()),
    )
}

/// What a sender to this address hears: the exit code of `smtpkit send`.
fn sent(server: &Server, to: &str) -> i32 {
    with_input(server.send("mx").args(["--from", "x@y.test", "--to", to]), "Subject: x\n\n").0
}

#[test]
fn an_address_is_added_listed_switched_off_and_removed_while_mail_flows() {
    let server = serve();
    let config = || fs::read_to_string(server.scratch().join("smtpkit.toml")).unwrap();
    let before = config();
    assert_eq!(sent(&server, "hi@example.test"), 67);
    let done = |arguments: &[&str]| {
        let outcome = route(&server, arguments);
        check(&outcome, 0, &[]);
        assert_eq!(outcome.1, "live\n");
    };
    done(&["add", "hi@example.test", ALICE]);
    assert_eq!(sent(&server, "hi@example.test"), 0);
    assert_eq!(server.messages("alice").len(), 1);
    // the row for all others comes behind it
    let listed = route(&server, &["list"]);
    assert_eq!(
        listed.1,
        "hi@example.test -> alice@example.test\n/^[a-z]{2}@/ -> reject 550 5.1.1 nobody of that name\n"
    );
    done(&["disable", "hi@example.test"]);
    assert_eq!(sent(&server, "hi@example.test"), 67);
    assert!(route(&server, &["list"]).1.contains("hi@example.test -> alice@example.test  (disabled)\n"));
    let row: Value =
        serde_json::from_str(route(&server, &["list", "--json"]).1.lines().next().unwrap()).unwrap();
    assert_eq!((&row["match"], &row["enabled"]), (&"hi@example.test".into(), &false.into()));
    assert_eq!(row["leads_to"][0], ALICE);
    done(&["enable", "hi@example.test"]);
    assert_eq!(sent(&server, "hi@example.test"), 0);
    done(&["remove", "hi@example.test"]);
    assert_eq!(sent(&server, "hi@example.test"), 67);
    assert_eq!(config(), before, "not a comment is lost");
    assert_eq!(server.messages("alice").len(), 2);
}

#[test]
fn what_would_not_work_is_not_written() {
    let mut server = serve();
    let config = server.scratch().join("smtpkit.toml");
    let before = fs::read_to_string(&config).unwrap();
    for (arguments, exit, says) in [
        (&["add", "hi@example.test", "no address"][..], 78, "smtpkit.toml:"),
        (&["add", "no pattern", ALICE], 78, "write match as"),
        (&["add", "/^[a-z]{2}@/", ALICE], 64, "remove it first"),
        (&["remove", "hi@example.test"], 66, "there is no row for hi@example.test"),
        (&["add", "hi@example.test"], 64, "TARGET"),
    ] {
        let refused = route(&server, arguments);
        check(&refused, exit, &[says]);
    }
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
    let folder = fs::read_dir(server.scratch()).unwrap().count();

    // without a server the file is all that there is
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    let added = route(&server, &["add", "hi@example.test", ALICE, "--json"]);
    check(&added, 0, &[]);
    assert_eq!(added.1, "{\"live\":false}\n");
    assert_eq!(fs::read_dir(server.scratch()).unwrap().count(), folder, "nothing is left lying about");
    let missing = finish(smtpkit().args(["route", "list", "--config", "/nonexistent/smtpkit.toml"]));
    check(&missing, 66, &["/nonexistent/smtpkit.toml"]);
}

#[test]
fn a_target_that_nobody_has_is_told() {
    let server = serve();
    let says = "a route leads to bib@example.test, and nobody here takes mail for it";
    check(&route(&server, &["add", "hi@example.test", "bib@example.test", ALICE]), 0, &[]);
    assert!(server.log().contains(says), "{}", server.log());
    let config = server.scratch().join("smtpkit.toml");
    check(&finish(smtpkit().args(["serve", "--check", "--config"]).arg(config)), 0, &["warning: ", says]);
}

#[test]
fn the_environment_names_file_and_folder() {
    let server = serve();
    let mut command = smtpkit();
    command.args(["route", "add", "hi@example.test", ALICE]);
    command.env("SMTPKIT_CONFIG", server.scratch().join("smtpkit.toml")).env("SMTPKIT_DATA", server.data());
    let added = finish(&mut command);
    check(&added, 0, &[]);
    assert_eq!(added.1, "live\n");
    let checked = finish(
        smtpkit().args(["serve", "--check"]).env("SMTPKIT_CONFIG", server.scratch().join("smtpkit.toml")),
    );
    check(&checked, 0, &[]);
    let mistake = server.scratch().join("mistake.toml");
    fs::write(&mistake, "colour = 1\n").unwrap();
    check(&finish(smtpkit().args(["serve", "--check"]).env("SMTPKIT_CONFIG", mistake)), 78, &["colour"]);
}
