//! What is traced: a span for each connection and each transaction, and nothing that is nobody's business.

use crate::script::Scripted;
use smtpkit_client::{Credentials, Envelope, PasswordInClear, Secret};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

type Fields = BTreeMap<&'static str, String>;

/// A span that has ended, and the name of its parent.
#[derive(Debug)]
struct Span {
    name: &'static str,
    parent: Option<&'static str>,
    fields: Fields,
}

/// The spans that have ended.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<Vec<Span>>>);

struct Visitor<'f>(&'f mut Fields);

impl tracing::field::Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Ended {
    fn on_new_span(&self, new: &tracing::span::Attributes<'_>, id: &tracing::span::Id, all: Context<'_, S>) {
        let mut fields = Fields::new();
        new.record(&mut Visitor(&mut fields));
        all.span(id).expect("it is new").extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &tracing::span::Id, values: &tracing::span::Record<'_>, all: Context<'_, S>) {
        let span = all.span(id).expect("it is open");
        let mut extensions = span.extensions_mut();
        values.record(&mut Visitor(extensions.get_mut().expect("put there when it was new")));
    }

    fn on_close(&self, id: tracing::span::Id, all: Context<'_, S>) {
        let span = all.span(&id).expect("it ends now");
        let fields = span.extensions_mut().remove::<Fields>().expect("put there when it was new");
        let parent = span.parent().map(|parent| parent.name());
        self.0.lock().expect("no panic").push(Span { name: span.name(), parent, fields });
    }
}

impl Ended {
    /// Of what happens on this thread while the guard lives.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // while there is only one subscriber, the first thread to pass a place decides for all whether it is traced
        static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| tracing_subscriber::registry().into());
        let ended = Self::default();
        (ended.clone(), tracing::subscriber::set_default(tracing_subscriber::registry().with(ended)))
    }

    /// The fields of the one span of this name, and the name of its parent.
    #[track_caller]
    fn one(&self, name: &str) -> (Option<&'static str>, Fields) {
        let ended = self.0.lock().expect("no panic");
        let mut named = ended.iter().filter(|span| span.name == name);
        match (named.next(), named.next()) {
            (Some(span), None) => (span.parent, span.fields.clone()),
            _ => panic!("{name}: {ended:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_and_a_transaction_without_mailboxes_and_secrets() {
    let (ended, _guard) = Ended::start();
    let script = "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *\n\
                  S: 235 yes\nC: MAIL FROM:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@y.test>\nS: 250 ok\n\
                  C: RCPT TO:<c@y.test>\nS: 550 no\nC: DATA\nS: 354 go\nCONTENT\nS: 250 ok\nC: QUIT\nS: 221 bye\nEND\n";
    let server = Scripted::start(script).await;
    let builder = server.builder("smtp", "?tls=off").password_in_clear(PasswordInClear::Allowed);
    let builder = builder.credentials(Credentials::password("alice", Secret::from("pencil")));
    let client = builder.build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("addresses");
    let work = tracing::info_span!("work");
    tracing::Instrument::instrument(client.send(&envelope, "Hello\r\n"), work).await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    let peer = format!("127.0.0.1:{}", server.port);
    server.finish().await;

    let (parent, connection) = ended.one("connection");
    assert_eq!(parent, None, "it outlives the work");
    let is = |fields: &Fields, expected: &[(&str, &str)]| {
        for (name, value) in expected {
            assert_eq!(
                fields.get(name).map(|value| value.trim_matches('"')),
                Some(*value),
                "{name}: {fields:?}"
            );
        }
        assert_eq!(fields.len(), expected.len(), "{fields:?}");
    };
    is(&connection, &[("server", &peer), ("peer", &peer), ("mechanism", "PLAIN")]);
    let (parent, transaction) = ended.one("transaction");
    assert_eq!(parent, Some("work"));
    is(
        &transaction,
        &[
            ("peer", &peer),
            ("recipients", "2"),
            ("accepted", "1"),
            ("octets", "10"),
            ("reply", "250"),
            ("outcome", "accepted"),
        ],
    );
}

#[tokio::test]
async fn what_failed_says_how_and_what_was_dropped_says_nothing() {
    let open = "S: 220 mx.test\nC: EHLO client.test\nS: 250 mx.test\nC: MAIL FROM:<a@x.test>\n";
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");

    let (ended, guard) = Ended::start();
    let server = Scripted::start(&format!("{open}S: 451 not now\nC: QUIT\nS: 221 bye\nEND\n")).await;
    let client = server.client();
    client.send(&envelope, "Hello\r\n").await.expect_err("refused");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
    let (_, transaction) = ended.one("transaction");
    assert_eq!((transaction["reply"].as_str(), transaction["outcome"].as_str()), ("451", "\"failed\""));
    drop(guard);

    let (ended, _guard) = Ended::start();
    let server = Scripted::start(&format!("{open}HANG\n")).await;
    let client = server.client();
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.send(&envelope, "Hello\r\n"));
    assert!(given_up.await.is_err(), "the server says nothing");
    server.finish().await;
    assert!(!ended.one("transaction").1.contains_key("outcome"));

    let (ended, _guard) = Ended::start();
    let server = Scripted::start("S: 554 no\nEND\n").await;
    server.client().check().await.expect_err("refused");
    server.finish().await;
    assert_eq!(ended.one("connection").1["error"], "Refused");
}
