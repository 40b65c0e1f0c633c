//! What Postfix, Dovecot and smtp-sink refuse, and `smtpkit send` with them: the exit code says whose turn it is, and the
//! report calls nobody accepted who was not.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::samples;
use super::server::{PASSWORD, USER};
use super::servers::{Dovecot, Hops, Identity, Postfix, SmtpSink, free_port};
use crate::shell::{Failed, failed};

/// Where a case sends to.
#[derive(Clone, Copy)]
enum Peer {
    Postfix,
    /// Its port for STARTTLS, spoken to with TLS from the first octet.
    PostfixTooEarly,
    /// Dovecot's.
    Submission,
    /// Dovecot's.
    Lmtp,
    SmtpSink,
}

/// What `send` is given.
#[derive(Clone, Copy)]
enum Given {
    Trust,
    Password,
    WrongPassword,
    LargeContent,
    Flag(&'static str),
}
use Given::{Flag, LargeContent, Password, Trust, WrongPassword};

const BOB: &str = "bob@postfix.test";
const NOBODY: &str = "nobody@postfix.test";
const BOTH: &str = "bob@postfix.test,nobody@postfix.test";
const INTERNATIONAL: &str = "δοκιμή@dovecot.test";
const TLS_REQUIRED: Given = Flag("--tls=require");
const ALL_OR_NOTHING: Given = Flag("--all-or-nothing");
const OTHER_MECHANISM: Given = Flag("--auth=CRAM-MD5");

/// Name, peer, recipients, what is given; then the exit code and how many recipients were accepted.
type Case = (&'static str, Peer, &'static str, &'static [Given], i32, usize);

#[rustfmt::skip]
const CASES: [Case; 13] = [
    ("some are unknown",      Peer::Postfix,         BOTH,          &[Trust],                            79, 1),
    ("all or nothing",        Peer::Postfix,         BOTH,          &[Trust, ALL_OR_NOTHING],            67, 0),
    ("all are unknown",       Peer::Postfix,         NOBODY,        &[Trust],                            67, 0),
    ("too large",             Peer::Postfix,         BOB,           &[Trust, LargeContent],              69, 0),
    ("unknown authority",     Peer::Postfix,         BOB,           &[],                                 77, 0),
    ("no AUTH offered",       Peer::Postfix,         BOB,           &[Trust, Password],                  77, 0),
    ("no TLS on this port",   Peer::PostfixTooEarly, BOB,           &[Trust],                            77, 0),
    ("wrong password",        Peer::Submission,      BOB,           &[Trust, WrongPassword],             77, 0),
    ("no common mechanism",   Peer::Submission,      BOB,           &[Trust, Password, OTHER_MECHANISM], 77, 0),
    ("login missing",         Peer::Submission,      BOB,           &[Trust],                            77, 0),
    ("no SMTPUTF8",           Peer::Lmtp,            INTERNATIONAL, &[],                                 69, 0),
    ("no STARTTLS",           Peer::SmtpSink,        BOB,           &[TLS_REQUIRED],                     77, 0),
    ("no AUTH without TLS",   Peer::SmtpSink,        BOB,           &[Password],                         77, 0),
];

/// Runs every case; gives how many there are.
pub(super) fn run() -> Result<usize, Failed> {
    let identity = Identity::new()?;
    let postfix = Postfix::start(&identity, free_port()?, &Hops::default())?;
    let dovecot = Dovecot::start(&identity, free_port()?)?;
    let sink = SmtpSink::start(&[])?;
    let folder = tempfile::tempdir()?;
    let [small, large] = ["small.eml", "large.eml"].map(|name| folder.path().join(name));
    fs::write(&small, samples::plain().content)?;
    fs::write(&large, samples::plain().content.repeat(2 * Postfix::SIZE_MAX / 100))?;
    for (name, peer, recipients, given, exit, accepted) in CASES {
        let url = match peer {
            Peer::Postfix => format!("smtp://127.0.0.1:{}", postfix.port),
            Peer::PostfixTooEarly => format!("smtps://127.0.0.1:{}", postfix.port),
            Peer::Submission => format!("smtp://127.0.0.1:{}", dovecot.submission),
            Peer::Lmtp => format!("lmtp://127.0.0.1:{}?tls=off", dovecot.lmtp),
            Peer::SmtpSink => format!("smtp://127.0.0.1:{}?tls=off", sink.port),
        };
        let mut send = Command::new(super::program());
        send.args(["send", &url, "--json", "--from", USER, "--to", recipients]);
        let mut content = &small;
        for given in given {
            match given {
                Trust => drop(send.arg("--ca").arg(identity.authority())),
                Password => drop(send.args(["--user", USER]).env("SMTPKIT_PASSWORD", PASSWORD)),
                WrongPassword => drop(send.args(["--user", USER]).env("SMTPKIT_PASSWORD", "wrong")),
                LargeContent => content = &large,
                Flag(flag) => drop(send.arg(flag)),
            }
        }
        let said = send.arg(content).output()?;
        let report: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
        let outcomes = report.get("recipients").and_then(Value::as_array).cloned().unwrap_or_default();
        let were_accepted = outcomes
            .iter()
            .filter(|outcome| outcome.get("accepted").and_then(Value::as_bool).unwrap_or_default());
        if said.status.code() != Some(exit)
            || outcomes.len() != recipients.split(',').count()
            || were_accepted.count() != accepted
        {
            return failed(format!(
                "{name}: exit code {exit} and {accepted} accepted recipients expected; {}, {report}\n{}",
                said.status,
                String::from_utf8_lossy(&said.stderr)
            ));
        }
        if accepted > 0 {
            postfix.take("bob")?;
        }
    }
    postfix.holds_nothing("bob")?;
    println!("{:>10} → Postfix, Dovecot and smtp-sink, which refuse {} times: ok", "send", CASES.len());
    Ok(CASES.len())
}
