//! AUTH on a submission server: only inside TLS, only with the right password, and the sender is who it says.

use tokio::net::TcpStream;

use crate::world::{Client, Recorder, Running, certificate, run, submission};
use smtpkit_server::auth::FailurePolicy;
use smtpkit_server::tls::Stream;
use smtpkit_server::{Gate, Limits};

const RIGHT: &str = "AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAcGVuY2ls";
const WRONG: &str = "AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAd3Jvbmc=";

async fn secured() -> (Running, Client<Stream<TcpStream>>) {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(submission(&recorder, &certificate), &recorder).await;
    let mut client = server.client().await;
    let offers = client.ask("EHLO client.test", "250").await;
    assert!(!offers.contains("AUTH"), "{offers}");
    client.ask(RIGHT, "538 5.7.11").await;
    client.ask("MAIL FROM:<alice@local.test>", "530 5.7.0").await;
    client.ask("STARTTLS", "220").await;
    let mut client = certificate.secure(client.stream).await;
    let offers = client.ask("EHLO client.test", "250").await;
    assert!(offers.contains("AUTH SCRAM-SHA-512-PLUS"), "{offers}");
    assert!(!offers.contains("EXTERNAL"), "{offers}");
    (server, client)
}

#[tokio::test]
async fn plain_with_and_without_initial_response() {
    let (server, mut client) = secured().await;
    client.ask("MAIL FROM:<alice@local.test>", "530 5.7.0").await;
    client.ask("AUTH PLAIN", "334").await;
    client.ask("*", "501").await;
    client.ask("AUTH PLAIN", "334").await;
    client.ask("AGFsaWNlQGxvY2FsLnRlc3QAcGVuY2ls", "235 2.7.0").await;
    client.ask(RIGHT, "503").await;
    client.mail("bob@foreign.test", "hello").await;
    assert!(server.journal.has("authenticated alice@local.test"));
}

#[tokio::test]
async fn login_in_two_steps() {
    let (_server, mut client) = secured().await;
    client.ask("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
    client.ask("YWxpY2VAbG9jYWwudGVzdA==", "334 UGFzc3dvcmQ6").await;
    client.ask("cGVuY2ls", "235").await;
}

#[tokio::test]
async fn wrong_passwords_end_the_session() {
    let (_server, mut client) = secured().await;
    client.ask(WRONG, "535 5.7.8").await;
    client.ask("AUTH XYZZY", "504").await;
    client.ask("AUTH PLAIN not!base64", "501 5.5.2").await;
    client.ask(WRONG, "535 5.7.8").await;
    client.ask(WRONG, "421 4.7.0").await;
    client.expect_end().await;
}

#[tokio::test]
async fn auth_has_its_place_and_its_form() {
    let (_server, mut client) = secured().await;
    client.ask("HELO client.test", "250").await;
    client.ask(RIGHT, "503 5.5.1").await;
    client.ask("EHLO client.test", "250").await;
    for (line, expected) in [
        ("AUTH", "501 5.5.4"),
        ("AUTH PLAIN A", "501 5.5.2"),
        ("AUTH PLAIN AGFs!", "501 5.5.2"),
        ("AUTH PLAIN AGFi AGFi", "501 5.5.4"),
        ("AUTH EXTERNAL =", "504 5.5.4"),
    ] {
        client.ask(line, expected).await;
    }
    client.ask("AUTH PLAIN", "334").await;
    client.ask("not base64", "501 5.5.2").await;
    client.ask("AUTH LOGIN", "334").await;
    // A response that no exchange has use for (RFC 4954 §4).
    client.ask(&"A".repeat(12_300), "500 5.5.").await;
    client.ask(RIGHT, "235").await;
    client.ask("MAIL FROM:<alice@local.test>", "250").await;
    client.ask(RIGHT, "503").await;
}

#[tokio::test]
async fn the_reverse_path_belongs_to_the_identity() {
    let (_server, mut client) = secured().await;
    client.ask(RIGHT, "235").await;
    client.ask("MAIL FROM:<mallory@local.test>", "553 5.7.1").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RSET", "250").await;
    client.ask("MAIL FROM:<Alice@LOCAL.test>", "250").await;
}

#[tokio::test]
async fn an_address_that_guesses_is_stopped_over_all_its_connections() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let policy = FailurePolicy { failures_max: 2, ..FailurePolicy::default() };
    let limits = Limits { auth_failures_per_address: policy, ..Limits::default() };
    // Two listeners: whoever guesses at one is stopped at the other too.
    let gate = Gate::new(&limits);
    let builder = || submission(&recorder, &certificate).implicit_tls().exempt([]).gate(gate.clone());
    let servers = [run(builder(), &recorder).await, run(builder(), &recorder).await];
    for (expected, server) in ["535", "535", "454 4.7.0", "454 4.7.0"].into_iter().zip(servers.iter().cycle())
    {
        let mut client = certificate.secure(TcpStream::connect(server.address).await.unwrap()).await;
        client.expect("220").await;
        client.ask("EHLO client.test", "250").await;
        client.ask(if expected == "535" { WRONG } else { RIGHT }, expected).await;
    }
}
