//! Who may send where: foreign recipients, whatever their form, need a permission that only the server gives.

use smtpkit_server::{LocalDomains, Network, Server};

use crate::world::{Recorder, mx, run};

/// Ways to say a foreign address that relays have fallen for.
const FOREIGN: [&str; 8] = [
    "bob@foreign.test",
    "\"bob@local.test\"@foreign.test",
    "bob%local.test@foreign.test",
    "local.test!bob@foreign.test",
    "@local.test:bob@foreign.test",
    "bob@[192.0.2.1]",
    "bob@sub.local.test",
    "bob@local.test.foreign.test",
];

#[tokio::test]
async fn strangers_may_not_relay() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<bob@local.test>", "250").await;
    for foreign in FOREIGN {
        client.ask(&format!("RCPT TO:<{foreign}>"), "550 5.7.1").await;
    }
    client.ask("RCPT TO:<bob@local.test.>", "5").await;
    client.ask("DATA", "554 5.5.1").await;
    assert!(!server.journal.entries().iter().any(|entry| entry.starts_with("rcpt")), "the handler was asked");
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<Postmaster>", "250").await;
    client.ask("RCPT TO:<bob@LOCAL.TEST>", "250").await;
    client.ask("RCPT TO:<nobody@local.test>", "550 5.1.1").await;
}

#[tokio::test]
async fn trusted_networks_may_relay() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder).trusted(Network::LOOPBACK), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@foreign.test", "hello").await;
    assert!(server.journal.has(r#"message ESMTP relayed=1 "hello\r\n""#), "{:?}", server.journal.entries());
}

#[tokio::test]
async fn a_local_route_for_a_foreign_recipient_is_refused() {
    // This handler knows no other foreign domain than foreign.test.
    let recorder = Recorder::default();
    let server = run(mx(&recorder).trusted(Network::LOOPBACK), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@elsewhere.test>", "550 5.7.1").await;
}

#[tokio::test]
async fn domains_change_while_the_server_runs() {
    let recorder = Recorder::default();
    let domains = LocalDomains::new(["old.test"]).unwrap();
    let server = run(Server::mx("mx.test", domains.clone(), recorder.clone()), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@new.test>", "550").await;
    domains.replace(["new.test"]).unwrap();
    client.ask("RCPT TO:<bob@new.test>", "250").await;
    client.ask("RCPT TO:<bob@old.test>", "550").await;
}

#[tokio::test]
async fn catch_all_takes_everything() {
    let recorder = Recorder::default();
    let server = run(Server::catch_all("mx.test", recorder.clone()), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@anywhere.test", "hello").await;
}
