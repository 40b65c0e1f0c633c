//! Every SASL mechanism that other people's clients speak, against `smtpkit serve`, over STARTTLS and over TLS from the
//! first octet. A mechanism that is off has to be refused, and nothing be delivered.

use std::fs;

use super::clients::{AIOSMTPLIB, CURL, Client, Delivery, GIT, GO, Keeps, MSMTP, Mode, NODEMAILER, PERL};
use super::clients::{S_NAIL, SMTPLIB, SWAKS};
use super::server::{PASSWORD, RECIPIENT, ROBOT, Server, TOKEN, USER};
use crate::shell::{Failed, failed, output};

/// Has every field that a submission would be given.
const CONTENT: &str = "From: robot@example.test\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
                       Message-ID: <authenticated@example.test>\r\nSubject: authenticated\r\n\r\nhello\r\n";

/// What the server is to make of a login.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
}

/// Client, mechanism, verdict.
const CASES: [(&Client, &str, Verdict); 38] = [
    (&SWAKS, "PLAIN", Verdict::Taken),
    (&SWAKS, "LOGIN", Verdict::Taken),
    (&SWAKS, "CRAM-MD5", Verdict::Refused),
    (&CURL, "PLAIN", Verdict::Taken),
    (&CURL, "LOGIN", Verdict::Taken),
    (&CURL, "CRAM-MD5", Verdict::Refused),
    (&CURL, "OAUTHBEARER", Verdict::Taken),
    (&CURL, "XOAUTH2", Verdict::Taken),
    (&MSMTP, "PLAIN", Verdict::Taken),
    (&MSMTP, "LOGIN", Verdict::Taken),
    (&MSMTP, "SCRAM-SHA-1", Verdict::Taken),
    (&MSMTP, "SCRAM-SHA-256", Verdict::Taken),
    (&MSMTP, "CRAM-MD5", Verdict::Refused),
    (&MSMTP, "DIGEST-MD5", Verdict::Refused),
    (&MSMTP, "OAUTHBEARER", Verdict::Taken),
    (&MSMTP, "XOAUTH2", Verdict::Taken),
    (&SMTPLIB, "PLAIN", Verdict::Taken),
    (&SMTPLIB, "LOGIN", Verdict::Taken),
    (&SMTPLIB, "CRAM-MD5", Verdict::Refused),
    (&AIOSMTPLIB, "PLAIN", Verdict::Taken),
    (&AIOSMTPLIB, "LOGIN", Verdict::Taken),
    (&AIOSMTPLIB, "CRAM-MD5", Verdict::Refused),
    (&S_NAIL, "PLAIN", Verdict::Taken),
    (&S_NAIL, "LOGIN", Verdict::Taken),
    (&S_NAIL, "CRAM-MD5", Verdict::Refused),
    (&S_NAIL, "OAUTHBEARER", Verdict::Taken),
    (&GIT, "PLAIN", Verdict::Taken),
    (&GIT, "LOGIN", Verdict::Taken),
    (&GIT, "CRAM-MD5", Verdict::Refused),
    (&NODEMAILER, "PLAIN", Verdict::Taken),
    (&NODEMAILER, "LOGIN", Verdict::Taken),
    (&NODEMAILER, "CRAM-MD5", Verdict::Refused),
    (&NODEMAILER, "XOAUTH2", Verdict::Taken),
    (&PERL, "PLAIN", Verdict::Taken),
    (&PERL, "LOGIN", Verdict::Taken),
    (&PERL, "CRAM-MD5", Verdict::Refused),
    (&GO, "PLAIN", Verdict::Taken),
    (&GO, "CRAM-MD5", Verdict::Refused),
];

/// Runs every case both ways; gives how many logins there were.
pub(super) fn run() -> Result<usize, Failed> {
    let server = Server::start()?;
    for mode in [Mode::Starttls, Mode::Implicit] {
        for (client, mechanism, verdict) in CASES {
            log_in(&server, client, mode, mechanism, verdict)?;
        }
        println!("{:>11} ← {} logins of every client, {mode:?}: ok", "serve", CASES.len());
    }
    Ok(2 * CASES.len())
}

fn log_in(
    server: &Server,
    client: &Client,
    mode: Mode,
    mechanism: &str,
    verdict: Verdict,
) -> Result<(), Failed> {
    let content = server.scratch().join("authenticated.eml");
    fs::write(&content, CONTENT)?;
    let (user, secret) = if mechanism.contains("OAUTH") { (ROBOT, TOKEN) } else { (USER, PASSWORD) };
    let delivery = Delivery {
        mode,
        port: server.port(mode.scheme())?,
        trust: &server.trust(),
        content: &content,
        mechanism: Some(mechanism),
        user,
        secret,
        recipients: &[RECIPIENT.to_owned()],
    };
    let outcome = output(&mut (client.command)(&delivery)?);
    match (verdict, outcome) {
        (Verdict::Taken, Ok(_)) => {
            let stored = server.take_content(RECIPIENT)?;
            // the header is the client's own where it keeps the body only
            if client.keeps == Keeps::Body || stored == CONTENT.as_bytes() {
                return Ok(());
            }
            failed(format!("{}, {mechanism}, {mode:?}: the content differs", client.name))
        }
        (Verdict::Refused, Err(_)) => Ok(()),
        (Verdict::Taken, Err(error)) => Err(error),
        (Verdict::Refused, Ok(_)) => {
            failed(format!("{}, {mechanism}, {mode:?}: taken, although it is off", client.name))
        }
    }
}
