//! TLS policies and AUTH against servers that do them well and badly.

use crate::script::Scripted;
use smtpkit_client::{
    Builder, Credentials, Entry, Envelope, ErrorKind, PasswordInClear, Report, Retry, Secret, SendError,
    Stage, tls,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!("dialogues/", $name, ".txt"))
    };
}

fn alice() -> Credentials {
    Credentials::password("alice", Secret::from("secret"))
}

async fn send(
    script: &str,
    scheme: &str,
    query: &str,
    configure: impl FnOnce(Builder, &Scripted) -> Builder,
) -> (Result<Report, SendError>, Scripted) {
    let server = Scripted::start(script).await;
    let client = configure(server.builder(scheme, query), &server).build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("addresses");
    let outcome = client.send(&envelope, "Hello\r\n").await;
    client.close(Duration::from_secs(1)).await;
    (outcome, server)
}

fn trusting(builder: Builder, server: &Scripted) -> Builder {
    builder.tls(server.trust()).tls_name("mx.test")
}

#[tokio::test]
async fn starttls_then_auth_then_mail_and_no_secret_in_the_transcript() {
    let transcript = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&transcript);
    let observer = move |entry: &Entry<'_>| {
        let mut transcript = seen.lock().expect("no panic");
        match entry {
            Entry::Command { line, encrypted } => {
                *transcript += &format!("{} {line}\n", if *encrypted { "~>" } else { "->" })
            }
            Entry::Reply { reply, .. } => {
                for line in reply.lines() {
                    *transcript += &format!("<- {line}\n");
                }
            }
            Entry::Content { octets, .. } => *transcript += &format!("~> {octets} octets\n"),
            _ => {}
        }
    };
    let (outcome, server) = send(dialogue!("starttls"), "smtp", "", |builder, server| {
        trusting(builder, server).credentials(alice()).observer(observer)
    })
    .await;
    let report = outcome.expect("accepted");
    assert_eq!(report.session().mechanism().map(|mechanism| mechanism.as_str()), Some("PLAIN"));
    assert!(report.session().tls().is_some());
    server.finish().await;
    let transcript = transcript.lock().expect("no panic").clone();
    assert!(transcript.contains("~> AUTH PLAIN <hidden>\n"), "{transcript}");
    assert!(transcript.contains("~> 10 octets\n"), "{transcript}");
    assert!(transcript.contains("-> STARTTLS\n"), "{transcript}");
    assert!(!transcript.contains("AGFsaWNlAHNlY3JldA"), "{transcript}");
}

#[tokio::test]
async fn implicit_tls() {
    let (outcome, server) = send(dialogue!("implicit"), "smtps", "", trusting).await;
    assert!(outcome.expect("accepted").session().tls().is_some());
    server.finish().await;
}

#[tokio::test]
async fn a_stranger_is_not_trusted() {
    let (outcome, server) = send("TLS\n", "smtps", "", |builder, _| {
        let other = tls::Connector::builder().build().expect("a connector");
        builder.tls(other).tls_name("mx.test")
    })
    .await;
    let error = outcome.expect_err("nobody vouches for it");
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Tls(tls::ErrorKind::Certificate), Stage::Handshake)
    );
    drop(server);
}

#[tokio::test]
async fn the_name_has_to_fit() {
    let (outcome, server) =
        send("TLS\n", "smtps", "", |builder, server| builder.tls(server.trust()).tls_name("other.test"))
            .await;
    let error = outcome.expect_err("another name");
    assert_eq!(error.kind(), ErrorKind::Tls(tls::ErrorKind::Certificate));
    drop(server);
}

#[tokio::test]
async fn stripped_refused_and_injected_starttls_fail_closed() {
    for (script, kind) in [
        (dialogue!("starttls_stripped"), ErrorKind::TlsRequired),
        (dialogue!("starttls_refused"), ErrorKind::TlsRequired),
        (dialogue!("starttls_injected"), ErrorKind::InjectedPlaintext),
    ] {
        let (outcome, server) = send(script, "smtp", "", trusting).await;
        let error = outcome.expect_err("no TLS");
        assert_eq!((error.kind(), error.stage()), (kind, Stage::StartTls), "{script}");
        server.finish().await;
    }
}

#[tokio::test]
async fn opportunistic_tls_falls_back_on_a_new_connection() {
    let (outcome, server) =
        send(dialogue!("opportunistic"), "smtp", "?tls=opportunistic", |builder, _| builder).await;
    assert!(outcome.expect("accepted").session().tls().is_none());
    assert_eq!(server.finish().await.len(), 1);
}

#[tokio::test]
async fn a_wrong_password_says_so() {
    let (outcome, server) = send(dialogue!("wrong_password"), "smtp", "?tls=off", |builder, _| {
        builder.credentials(alice()).password_in_clear(PasswordInClear::Allowed)
    })
    .await;
    let error = outcome.expect_err("not the password");
    assert_eq!(
        (error.kind(), error.stage(), error.retry()),
        (ErrorKind::Authentication, Stage::Auth, Retry::Never)
    );
    server.finish().await;
}

#[tokio::test]
async fn a_password_never_goes_in_clear() {
    let (outcome, server) =
        send(dialogue!("auth_in_plaintext"), "smtp", "?tls=off", |builder, _| builder.credentials(alice()))
            .await;
    let error = outcome.expect_err("no TLS");
    assert_eq!((error.kind(), error.stage()), (ErrorKind::NoMechanism, Stage::Auth));
    server.finish().await;
}
