//! Each thing that can go wrong between two hosts, and what becomes of the mail: the table of the failure policy, lived
//! through. A domain has two hosts, the better of which is at fault; where the other one may help, the same happens once
//! more with both at fault.

use std::path::Path;
use std::time::Duration;

use smtpkit_relay::queue::{Action, Filter, QueueId, Schedule};
use smtpkit_relay::{Clock, Options};

use crate::host::Act::{Close, Garble, Hang, Last, Reset, Say};
use crate::host::{Act, Host};
use crate::world::{Dns, Has, World, until};

/// What becomes of the mail.
#[derive(Clone, Copy, Debug)]
enum Becomes {
    /// The host takes it all the same.
    Here,
    /// The other host takes it; if both are at fault it waits with this status.
    Elsewhere(&'static str),
    /// It waits with this status, although the other host is well.
    Later(&'static str),
    /// The sender hears of it at once.
    Reported(&'static str),
}

use Becomes::{Elsewhere, Here, Later, Reported};

/// What a host says the first time it is asked this; "." is the end of the content. A host that fails at STARTTLS offers
/// it, and fails whenever it is asked; `TLS` is the same at a host that did TLS before.
const FAULTS: &[(&str, Act, Becomes)] = &[
    ("CONNECT", Say("554 5.3.2 no service"), Elsewhere("4.3.2")),
    ("CONNECT", Say("421 4.3.2 not now"), Elsewhere("4.3.2")),
    ("CONNECT", Say("450 4.7.1 who are you"), Elsewhere("4.7.1")),
    ("CONNECT", Say("SSH-2.0-OpenSSH"), Elsewhere("4.4.2")),
    ("CONNECT", Hang, Elsewhere("4.4.2")),
    ("CONNECT", Close, Elsewhere("4.4.2")),
    // it depends on the moment whether there was a connection
    ("CONNECT", Reset, Elsewhere("4.4.")),
    ("EHLO", Say("500 5.5.1 what"), Here),
    ("EHLO", Say("421 4.3.2 closing"), Elsewhere("4.3.2")),
    ("EHLO", Say("450 4.3.0 later"), Elsewhere("4.3.0")),
    ("EHLO", Hang, Elsewhere("4.4.2")),
    ("EHLO", Close, Elsewhere("4.4.2")),
    ("EHLO", Reset, Elsewhere("4.4.2")),
    ("STARTTLS", Say("454 4.7.0 not available"), Here),
    ("STARTTLS", Say("501 5.5.4 no"), Here),
    ("STARTTLS", Garble("220 go on"), Here),
    // no word about its TLS: the host is in trouble
    ("STARTTLS", Last("220 go on"), Elsewhere("4.7.5")),
    ("TLS", Say("454 4.7.0 not available"), Elsewhere("4.7.0")),
    ("TLS", Garble("220 go on"), Elsewhere("4.7.5")),
    ("TLS", Last("220 go on"), Elsewhere("4.7.5")),
    ("MAIL", Say("421 4.3.2 closing"), Elsewhere("4.3.2")),
    ("MAIL", Say("451 4.3.0 later"), Later("4.3.0")),
    ("MAIL", Say("452 4.3.1 disk full"), Later("4.3.1")),
    ("MAIL", Say("450"), Later("4.0.0")),
    ("MAIL", Say("550 5.7.1 not from you"), Reported("5.7.1")),
    ("MAIL", Say("552 5.3.4 too large"), Reported("5.3.4")),
    ("MAIL", Hang, Elsewhere("4.4.2")),
    ("MAIL", Close, Elsewhere("4.4.2")),
    ("MAIL", Reset, Elsewhere("4.4.2")),
    ("RCPT", Say("450 4.2.1 busy"), Later("4.2.1")),
    ("RCPT", Say("451 4.7.1 greylisted"), Later("4.7.1")),
    ("RCPT", Say("452 4.5.3 too many, and it is the first"), Later("4.5.3")),
    ("RCPT", Say("552 5.5.3 the same, as of old"), Later("4.5.3")),
    ("RCPT", Say("550 5.1.1 no such user"), Reported("5.1.1")),
    ("RCPT", Say("550 nobody"), Reported("5.0.0")),
    ("RCPT", Say("552 5.2.2 over quota"), Reported("5.2.2")),
    ("RCPT", Say("553 5.1.3 odd address"), Reported("5.1.3")),
    ("RCPT", Say("421 4.3.2 closing"), Elsewhere("4.3.2")),
    ("RCPT", Hang, Elsewhere("4.4.2")),
    ("RCPT", Close, Elsewhere("4.4.2")),
    ("RCPT", Reset, Elsewhere("4.4.2")),
    ("DATA", Say("451 4.3.0 later"), Later("4.3.0")),
    ("DATA", Say("554 5.5.0 no"), Reported("5.5.0")),
    ("DATA", Say("421 4.3.2 closing"), Elsewhere("4.3.2")),
    ("DATA", Hang, Elsewhere("4.4.2")),
    ("DATA", Close, Elsewhere("4.4.2")),
    (".", Say("451 4.3.0 later"), Later("4.3.0")),
    (".", Say("452 4.2.2 over quota"), Later("4.2.2")),
    (".", Say("550 5.7.1 spam"), Reported("5.7.1")),
    (".", Say("554 5.6.0 odd content"), Reported("5.6.0")),
    (".", Say("421 4.3.2 closing"), Elsewhere("4.3.2")),
    // whether it has the mail nobody knows: the other host might make a second copy of it
    (".", Hang, Later("4.4.2")),
    (".", Close, Later("4.4.2")),
    (".", Reset, Later("4.4.2")),
];

/// One row with one or both hosts at fault.
struct Case {
    name: String,
    domain: String,
    becomes: Becomes,
    verb: &'static str,
    both: bool,
    hosts: [Host; 2],
}

impl Case {
    async fn start(row: usize, both: bool, port: u16) -> Self {
        let (verb, act, becomes) = FAULTS[row];
        let script = move |said: &str, nth: usize| match (said, verb) {
            ("EHLO", "STARTTLS" | "TLS") => Some(Say("250-host.test\r\n250 STARTTLS")),
            ("STARTTLS", "STARTTLS" | "TLS") => Some(act),
            _ => (said == verb && nth == 0).then_some(act),
        };
        let first = Host::start(&format!("127.{}.{row}.1:{port}", 1 + u8::from(both)), script).await;
        let port = first.address.port();
        let second = Host::start(&format!("127.{}.{row}.2:{port}", 1 + u8::from(both)), move |said, nth| {
            both.then(|| script(said, nth))?
        })
        .await;
        let domain = format!("r{row}{}.test", if both { "b" } else { "a" });
        let name = format!("{verb} {act:?}{}", if both { ", both hosts" } else { "" });
        Self { name, domain, becomes, verb, both, hosts: [first, second] }
    }

    /// Whether the fault is still there at the next attempt.
    fn lasts(&self) -> bool {
        matches!(self.verb, "STARTTLS" | "TLS")
    }

    /// How many messages each host has. A lone dot, behind a DATA that outran the refusal of all recipients, is none.
    fn got(&self) -> [usize; 2] {
        let messages = |host: &Host| host.got().iter().filter(|message| !message.content.is_empty()).count();
        self.hosts.each_ref().map(messages)
    }

    /// With what status it waits, if it does.
    fn waits(&self) -> Option<&'static str> {
        match self.becomes {
            Elsewhere(status) if self.both => Some(status),
            Later(status) => Some(status),
            _ => None,
        }
    }
}

/// The hosts of all rows, with the names that lead to them.
async fn cases() -> (Vec<Case>, Vec<(String, Has)>, u16) {
    let mut port = 0;
    let mut cases = Vec::new();
    let mut records: Vec<(String, Has)> = Vec::new();
    for (row, (_, _, becomes)) in FAULTS.iter().enumerate() {
        for both in [false, true] {
            if both && !matches!(becomes, Elsewhere(_)) {
                continue;
            }
            let case = Case::start(row, both, port).await;
            port = case.hosts[0].address.port();
            for (at, preference) in [10, 20].into_iter().enumerate() {
                let host = format!("mx{at}.{}.", case.domain);
                // the name of a record lives as long as the test
                let target: &'static str = Box::leak(host.clone().into_boxed_str());
                records.push((format!("{}.", case.domain), Has::Mx(preference, target)));
                let std::net::IpAddr::V4(address) = case.hosts[at].address.ip() else {
                    unreachable!("it is IPv4")
                };
                records.push((host, Has::Address(address.octets())));
            }
            cases.push(case);
        }
    }
    (cases, records, port)
}

/// A world that tries again tomorrow, and has little patience with silence.
fn world(dns: &Dns, port: u16, secure: &str) -> World {
    let tomorrow = Schedule::new(vec![Duration::from_secs(86_400)]).unwrap();
    World::with_options(dns, port, tomorrow, |options: &mut Options, folder: &Path| {
        let file = folder.join("tls-hosts");
        std::fs::write(&file, secure).unwrap();
        options.secure_hosts = Some(file);
        let patience = Duration::from_secs(4);
        let timeouts = &mut options.timeouts;
        for timeout in [
            &mut timeouts.initial_220,
            &mut timeouts.command,
            &mut timeouts.mail,
            &mut timeouts.rcpt,
            &mut timeouts.data_initiation,
            &mut timeouts.data_block,
            &mut timeouts.data_termination,
        ] {
            *timeout = patience;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_consequence() {
    let (cases, records, port) = cases().await;
    let records: Vec<(&str, Has)> = records.iter().map(|(name, has)| (name.as_str(), *has)).collect();
    let dns = Dns::start(&records).await;
    let secure: String = cases
        .iter()
        .filter(|case| case.verb == "TLS")
        .map(|case| {
            let second = if case.both { format!("mx1.{}\n", case.domain) } else { String::new() };
            format!("mx0.{}\n{second}", case.domain)
        })
        .collect();
    let world = world(&dns, port, &secure);
    let mut ids: Vec<QueueId> = Vec::new();
    for case in &cases {
        let to = format!("bob@{}", case.domain);
        ids.push(world.send(&[(&to, "")], "Subject: x\r\n\r\nhi\r\n").await);
    }
    let state = |id: QueueId| {
        let entry = world.relay.spool().get(id)?;
        let recipient = entry.recipients.first()?.clone();
        Some((recipient.attempts, recipient.last_reply.map(|reply| reply.status.to_string())))
    };

    let mut unexpected = Vec::new();
    for (case, id) in cases.iter().zip(&ids) {
        let waits = case.waits();
        until("tried", || state(*id).is_none_or(|(attempts, _)| attempts > 0)).await;
        let found = state(*id).map(|(attempts, status)| (attempts, status.unwrap_or_default()));
        let waits_as_expected = match (&found, waits) {
            (Some((1, status)), Some(expected)) => status.starts_with(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        let expected = match case.becomes {
            Here => [1, 0],
            Elsewhere(_) if !case.both => [0, 1],
            _ => [0, 0],
        };
        if !waits_as_expected || case.got() != expected {
            unexpected.push(format!(
                "{}: {found:?}, {:?}, not {waits:?}, {expected:?}",
                case.name,
                case.got()
            ));
            continue;
        }
        if let Reported(status) = case.becomes {
            let about = format!("Final-Recipient: rfc822; bob@{}\r\n", case.domain);
            let says = format!("Action: failed\r\nStatus: {status}\r\n");
            let is_told =
                || world.reports().iter().any(|report| report.contains(&about) && report.contains(&says));
            until("a report", is_told).await;
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    let reported = cases.iter().filter(|case| matches!(case.becomes, Reported(_))).count();
    assert_eq!(world.reports().len(), reported, "nobody else is reported");

    // whoever waits is tried again, and the hosts are well now
    for (case, id) in cases.iter().zip(&ids).filter(|(case, _)| case.waits().is_some()) {
        let action = if case.lasts() { Action::Remove } else { Action::Retry };
        let receipt =
            world.relay.manage(action, &Filter::all().id(*id), Clock::system().now()).await.unwrap();
        assert_eq!(receipt.changed, 1, "{}", case.name);
    }
    until("nobody waits", || world.is_empty()).await;
    for case in cases.iter().filter(|case| case.waits().is_some() && !case.lasts()) {
        assert_eq!(case.got(), [1, 0], "{}", case.name);
    }
    assert_eq!(world.reports().len(), reported, "nothing more is reported");
    world.stop().await;
}
