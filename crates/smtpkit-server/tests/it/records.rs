//! What is logged: one record for each session and transaction, alarms, and never a secret.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use smtpkit_server::{Limits, Network, Rate};
use tokio::net::TcpStream;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Client, Recorder, Running, certificate, mx, run, submission};

/// The log as lines of text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// A log of what happens on this thread while the guard lives.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // while there is only one subscriber, the first thread to pass a place decides for all whether it is logged
        static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| tracing_subscriber::fmt().with_writer(io::sink).finish().into());
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Stops the server, so that all records are there, and gives the lines that have `word`.
    async fn lines(&self, server: Running, word: &str) -> Vec<String> {
        server.stop().await;
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

/// The one line, which must have all the words.
#[track_caller]
fn check(lines: &[String], words: &[&str]) {
    let [line] = lines else { panic!("{lines:?}") };
    for word in words {
        assert!(line.contains(word), "{word} is not in {line}");
    }
}

#[tokio::test]
async fn a_session_and_its_transaction() {
    let (log, _guard) = Log::start();
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("VRFY bob", "252").await;
    client.ask("EXPN list", "502").await;
    client.ask("MAIL FROM:<alice@example.test>", "250").await;
    client.ask("RCPT TO:<nobody@local.test>", "550").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.ask("DATA", "354").await;
    client.ask("secret content\r\n.", "250").await;
    client.ask("QUIT", "221").await;
    drop(client);
    let lines = log.lines(server, "smtpkit::").await;
    assert!(!lines.concat().contains("secret"), "{lines:?}");
    let (sessions, transactions): (Vec<String>, Vec<String>) =
        lines.into_iter().partition(|line| line.contains("smtpkit::session: session "));
    let words =
        ["address=127.0.0.1:", "role=mx", "hello=\"client.test\"", "probes=2", "messages=1", "outcome=quit"];
    check(&sessions, &words);
    check(&sessions, &["unknown_recipients=1", "refused_recipients=1", "octets=16"]);
    let words = ["reverse_path=<alice@example.test>", "recipients=<bob@local.test>", "refused=1"];
    check(&transactions, &words);
    check(
        &transactions,
        &[
            "smtpkit::transaction: transaction ",
            "octets=16",
            "outcome=\"accepted\"",
            "reply=250 2.0.0 ok, queued as 4711",
        ],
    );
}

#[tokio::test]
async fn passwords_are_in_no_record() {
    let (log, _guard) = Log::start();
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(submission(&recorder, &certificate).implicit_tls(), &recorder).await;
    let mut client = certificate.secure(TcpStream::connect(server.address).await.unwrap()).await;
    client.expect("220").await;
    client.ask("EHLO client.test", "250").await;
    client.ask("AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAd3Jvbmc=", "535").await;
    client.ask("AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAcGVuY2ls", "235").await;
    client.ask("QUIT", "221").await;
    drop(client);
    let lines = log.lines(server, "smtpkit::").await;
    for secret in ["pencil", "wrong", "AGFsaWNl"] {
        assert!(!lines.concat().contains(secret), "{secret} is in {lines:?}");
    }
    let (failures, sessions): (Vec<String>, Vec<String>) =
        lines.into_iter().partition(|line| line.contains("authentication failed"));
    check(&failures, &["mechanism=\"PLAIN\"", "address=127.0.0.1:"]);
    check(&sessions, &["tls=TLS1_3", "account=\"alice@local.test\"", "auth_failures=1"]);
}

#[tokio::test]
async fn who_looks_for_mailboxes_raises_one_alarm() {
    let (log, _guard) = Log::start();
    let recorder = Recorder::default();
    let rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    let limits = Limits { unknown_recipient_rate: rate, ..Limits::default() };
    let server = run(mx(&recorder).limits(limits).exempt([]), &recorder).await;
    for expected in ["550", "421", "421"] {
        let mut client = server.client().await;
        client.ask("EHLO client.test", "250").await;
        client.ask("MAIL FROM:<>", "250").await;
        client.ask("RCPT TO:<nobody@local.test>", expected).await;
    }
    let alarms = log.lines(server, "smtpkit::alarm").await;
    check(&alarms, &["WARN", "many unknown recipients", "address=127.0.0.1:"]);
}

#[tokio::test]
async fn who_may_relay_looks_for_nothing() {
    let (log, _guard) = Log::start();
    let recorder = Recorder::default();
    let rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    let limits = Limits { unknown_recipient_rate: rate, ..Limits::default() };
    let builder = mx(&recorder).limits(limits).exempt([]).trusted(Network::LOOPBACK);
    let server = run(builder, &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    for _ in 0..3 {
        client.ask("RCPT TO:<nobody@local.test>", "550").await;
    }
    drop(client);
    assert_eq!(log.lines(server, "smtpkit::alarm").await, [""; 0]);
}

#[tokio::test]
async fn tls_on_a_plaintext_port_is_named() {
    let (log, _guard) = Log::start();
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = Client::new(TcpStream::connect(server.address).await.unwrap());
    client.expect("220").await;
    client.send([0x16, 3, 1]).await;
    client.expect_end().await;
    drop(client);
    check(&log.lines(server, "smtpkit::session").await, &["outcome=tls-on-plaintext-port"]);
}
