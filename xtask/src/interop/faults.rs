//! `smtpkit send` against a server that fails: smtp-sink with a fault in each place. The exit code says whether to try
//! again, and nothing is called delivered that was not accepted.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::samples;
use super::server::{RECIPIENT, USER};
use super::servers::SmtpSink;
use crate::shell::{Failed, failed};

/// Switches of smtp-sink: refuse for good (`-f`), refuse for now (`-r`), hang up (`-q`), say 421 and hang up (`-Q`) when a
/// command comes; then the exit code (sysexits.h, and 79 for some recipients of several) and whether it was delivered.
const CASES: [(&str, i32, &str); 35] = [
    ("-f connect", 69, "no"),
    ("-r connect", 75, "no"),
    ("-q connect", 75, "no"),
    ("-Q connect", 75, "no"),
    ("-f ehlo,helo", 69, "no"),
    ("-r ehlo,helo", 75, "no"),
    ("-q ehlo,helo", 75, "no"),
    ("-Q ehlo,helo", 75, "no"),
    ("-f mail", 69, "no"),
    ("-r mail", 75, "no"),
    ("-q mail", 75, "no"),
    ("-Q mail", 75, "no"),
    ("-f rcpt", 67, "no"),
    ("-r rcpt", 75, "no"),
    ("-q rcpt", 75, "no"),
    ("-Q rcpt", 75, "no"),
    ("-f data", 69, "no"),
    ("-r data", 75, "no"),
    ("-q data", 75, "no"),
    ("-Q data", 75, "no"),
    ("-f .", 69, "no"),
    ("-r .", 75, "no"),
    ("-Q .", 75, "no"),
    // after the final dot nobody can know
    ("-q .", 75, "unknown"),
    // a refusal before the content has ended
    ("-A 0", 69, "no"),
    // no ESMTP, no PIPELINING, no enhanced codes, an odd name, and a farewell that fails: all of it delivers
    ("-e", 0, "yes"),
    ("-f ehlo", 0, "yes"),
    ("-p", 0, "yes"),
    ("-E", 0, "yes"),
    ("-8", 0, "yes"),
    ("-h odd_name", 0, "yes"),
    ("-f quit", 0, "yes"),
    ("-r quit", 0, "yes"),
    ("-q quit", 0, "yes"),
    ("-Q quit", 0, "yes"),
];

/// Runs every case; gives how many there are.
pub(super) fn run() -> Result<usize, Failed> {
    let folder = tempfile::tempdir()?;
    let content = folder.path().join("sample.eml");
    fs::write(&content, samples::plain().content)?;
    for (switches, exit, delivered) in CASES {
        let sink = SmtpSink::start(&switches.split(' ').collect::<Vec<_>>())?;
        let said = Command::new(super::program())
            .args(["send", &format!("smtp://127.0.0.1:{}?tls=off", sink.port), "--json"])
            .args(["--from", USER, "--to", RECIPIENT])
            .arg(&content)
            .output()?;
        let report: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
        let fact = |name: &str| report.get(name).cloned().unwrap_or_default();
        let accepted = report.pointer("/recipients/0/accepted").and_then(Value::as_bool);
        let as_expected = said.status.code() == Some(exit)
            && fact("exit") == exit
            && fact("ok") == (delivered == "yes")
            && accepted == Some(delivered == "yes")
            && (delivered == "yes" || fact("delivered") == delivered);
        if !as_expected {
            return failed(format!(
                "smtp-sink {switches}: exit code {exit} and delivered: {delivered} expected; {}, {report}",
                said.status,
            ));
        }
    }
    println!("{:>10} → smtp-sink with {} faults: ok", "send", CASES.len());
    Ok(CASES.len())
}
