//! Checks that end early, lines of one's own, tokens that end, certificates that are refused.

use crate::script::Scripted;
use smtpkit_client::{
    AccessToken, CheckStep, Client, Envelope, ErrorKind, Mechanism, PasswordInClear, Retry, Secret,
    ServerUrl, TokenError, TokenFuture, TokenSource, tls,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

const OPEN: &str = "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 AUTH XOAUTH2\n";
const QUIT: &str = "C: QUIT\nS: 221 bye\nEND\n";

#[tokio::test]
async fn a_check_goes_as_far_as_it_is_told() {
    let cases = [
        (CheckStep::Connect, String::new()),
        (CheckStep::Greeting, format!("S: 220 mx.test\n{QUIT}")),
        (CheckStep::Hello, [OPEN, QUIT].concat()),
        (CheckStep::Session, [OPEN, QUIT].concat()),
    ];
    for (step, script) in cases {
        let server = Scripted::start(&script).await;
        let session = server.client().check_until(step).await.expect("nothing is wrong");
        assert_eq!(session.greeting().is_some(), step >= CheckStep::Greeting, "{step:?}");
        assert_eq!(session.hello().is_some(), step >= CheckStep::Hello, "{step:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_check_up_to_hello_does_not_start_tls() {
    let script = format!("S: 220 hi\nC: EHLO client.test\nS: 250-hi\nS: 250 STARTTLS\n{QUIT}");
    let server = Scripted::start(&script).await;
    let client = server.builder("smtp", "").build().expect("a client");
    let session = client.check_until(CheckStep::Hello).await.expect("nothing is wrong");
    assert!(session.tls().is_none() && session.ehlo().is_some());
    server.finish().await;
}

#[tokio::test]
async fn a_line_is_said_as_it_is_and_cannot_be_two() {
    let script =
        format!("{OPEN}C: RCPT TO:<@a,@b:c@d.>\nS: 503 no\nC: RSET\nS: 250 ok\nC: DATA\nS: 354 go\nEND\n");
    let server = Scripted::start(&script).await;
    let mut connection = server.client().exclusive().await.expect("a connection");
    for line in ["NOOP\r\nDATA", "NOOP\n", "STARTTLS", "auth PLAIN", "BDAT 1", "QUIT", "EHLO x"] {
        let error = connection.line(line).await.expect_err(line);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{line:?}");
    }
    let reply = connection.line("RCPT TO:<@a,@b:c@d.>").await.expect("a reply");
    assert_eq!(reply.code().get(), 503);
    connection.reset().await.expect("a reply");
    let reply = connection.line("DATA").await.expect("a reply");
    assert_eq!(reply.code().get(), 354);
    connection.noop().await.expect_err("the server waits for content, which will not come");
    drop(connection);
    server.finish().await;
}

/// Hands out `token-1`, `token-2` and so on; fails from the third on.
struct Counting(AtomicUsize);

impl TokenSource for Counting {
    fn fetch(&self) -> TokenFuture<'_> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            if number > 2 {
                return Err(TokenError::temporary("the key ring is locked"));
            }
            Ok(AccessToken::new(Secret::from(format!("token-{number}").as_str())))
        })
    }
}

const REFUSED: &str = "C: AUTH XOAUTH2 *\nS: 535 5.7.8 no\nEND\n";

fn with_tokens(server: &Scripted) -> Client {
    let builder = server.builder("smtp", "?tls=off").password_in_clear(PasswordInClear::Allowed);
    let builder = builder.mechanisms([Mechanism::XOAUTH2]);
    builder.token_source("alice@x.test", Counting(AtomicUsize::new(0))).build().expect("a client")
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let taken = "C: AUTH XOAUTH2 *\nS: 235 yes\n";
    let server = Scripted::start(&[OPEN, REFUSED, "NEXT\n", OPEN, taken, QUIT].concat()).await;
    let session = with_tokens(&server).check().await.expect("the second token is good");
    assert_eq!(session.mechanism(), Some(&Mechanism::XOAUTH2));
    server.finish().await;

    let server = Scripted::start(&[OPEN, REFUSED, "NEXT\n", OPEN, REFUSED].concat()).await;
    let client = with_tokens(&server);
    let error = client.check().await.expect_err("no token is good");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, Retry::Never));
    server.finish().await;
    let error = client.check().await.expect_err("there are no more");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, Retry::Later));
    assert!(error.to_string().contains("the key ring is locked"), "{error}");
}

/// Has one token alone.
struct Single(std::sync::Arc<AtomicUsize>);

impl TokenSource for Single {
    fn fetch(&self) -> TokenFuture<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(AccessToken::new(Secret::from("the-only-one"))) })
    }
}

#[tokio::test]
async fn a_refused_token_that_is_the_only_one_is_not_tried_twice() {
    let server = Scripted::start(&[OPEN, REFUSED].concat()).await;
    let builder = server.builder("smtp", "?tls=off").password_in_clear(PasswordInClear::Allowed);
    let fetched = std::sync::Arc::new(AtomicUsize::new(0));
    let client =
        builder.mechanisms([Mechanism::XOAUTH2]).token_source("alice@x.test", Single(fetched.clone()));
    let error = client.build().expect("a client").check().await.expect_err("the token is not good");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, Retry::Never));
    assert_eq!(error.reply().map(|reply| reply.code().get()), Some(535));
    assert_eq!(fetched.load(Ordering::Relaxed), 2, "it was asked whether there is another");
    server.finish().await;
}

#[tokio::test]
async fn a_connection_that_was_made_beforehand_carries_the_message() {
    let script = "C: MAIL FROM:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@y.test>\nS: 250 ok\nC: DATA\nS: 354 go\n\
                  CONTENT\nS: 250 ok\n";
    let server = Scripted::start(&[OPEN, "C: AUTH XOAUTH2 *\nS: 235 yes\n", script, QUIT].concat()).await;
    let client = with_tokens(&server);
    let session = client.connect().await.expect("it logs in");
    assert_eq!(session.mechanism(), Some(&Mechanism::XOAUTH2));
    assert_eq!((client.stats().connections_opened, client.stats().connections_idle), (1, 1));
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    client.send(&envelope, "Hello\r\n").await.expect("accepted");
    client.close(Duration::from_secs(5)).await;
    server.finish().await;
}

/// A server that takes nobody without a certificate; answers one connection.
async fn demanding() -> (u16, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = tls::DevelopmentIdentity::open(folder.path(), "mx.test", SystemTime::now())
        .expect("an identity")
        .into_identity();
    let anchors = tls::Anchors::from_pem_file(folder.path().join("ca.pem")).expect("anchors");
    let acceptor = tls::Acceptor::builder(vec![identity])
        .client_certificates(tls::ClientCertificates::Require(anchors))
        .build()
        .expect("an acceptor");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        acceptor.accept(stream, Duration::from_secs(20)).await.expect_err("there is no certificate");
    });
    (port, folder)
}

#[tokio::test]
async fn a_client_certificate_that_is_missed_after_the_handshake_is_a_refusal_by_tls() {
    let (port, folder) = demanding().await;
    let url: ServerUrl = format!("smtps://127.0.0.1:{port}").parse().expect("a URL");
    let anchors = tls::Anchors::from_pem_file(folder.path().join("ca.pem")).expect("anchors");
    let connector = tls::Connector::builder().roots(tls::Roots::Only(anchors)).build().expect("a connector");
    let client = Client::builder(url).tls(connector).tls_name("mx.test").build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let error = client.send(&envelope, "Hello\r\n").await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Tls(tls::ErrorKind::Certificate), "{error}");
    assert_eq!(error.retry(), Retry::Never);
}
