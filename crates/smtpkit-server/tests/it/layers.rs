//! Layers refuse before the session is asked and see what it decided; boxed handlers are handlers.

use smtpkit_server::{
    BoxHandler, Handler, Layer, LocalDomains, Peer, Recipient, Refusal, Reply, Server, Transaction,
};

use crate::world::{Client, Journal, Recorder, domains};
use tokio::net::TcpStream;

/// Writes down what it is asked, and refuses what its name stands in.
struct Wall {
    name: &'static str,
    journal: Journal,
}

impl Wall {
    fn of(name: &'static str, journal: &Journal) -> impl Fn(&Peer) -> Self + Send + Sync + 'static {
        let journal = journal.clone();
        move |_| Self { name, journal: journal.clone() }
    }

    fn ask(&self, what: impl Into<String>) -> Result<(), Refusal> {
        let what = what.into();
        let is_refused = what.contains(self.name);
        self.journal.add(format!("{}: {what}", self.name));
        if is_refused { Err(Refusal::try_later()) } else { Ok(()) }
    }
}

impl Layer for Wall {
    async fn connect(&mut self, _: &Peer) -> Result<(), Refusal> {
        self.ask("connect")
    }

    async fn hello(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.ask(format!("hello {}", peer.hello().unwrap_or_default()))
    }

    async fn mail(&mut self, _: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.ask(format!("mail {}", tx.reverse_path()))
    }

    async fn rcpt(&mut self, _: &Peer, tx: &Transaction, to: &Recipient) -> Result<(), Refusal> {
        self.ask(format!("rcpt {} {to}", tx.recipients().len()))
    }

    async fn data(&mut self, _: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.ask(format!("data {}", tx.recipients().len()))
    }

    async fn decided(&mut self, _: &Peer, _: &Transaction, replies: &[&Reply]) {
        let replies: Vec<String> = replies.iter().map(ToString::to_string).collect();
        self.journal.add(format!("{}: decided {}", self.name, replies.join(", ")));
    }

    async fn closed(&mut self, _: &Peer) {
        self.journal.add(format!("{}: closed", self.name));
    }
}

async fn serve(handler: impl Handler, domains: LocalDomains) -> Client<TcpStream> {
    let builder = Server::mx("mx.test", domains, handler);
    let listening = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stream = TcpStream::connect(listening.local_addrs()[0]).await.unwrap();
    tokio::spawn(listening.serve(smtpkit_server::CancellationToken::new()));
    Client::new(stream)
}

#[tokio::test]
async fn layers_are_asked_from_the_outside_in() {
    let recorder = Recorder::default();
    let journal = recorder.journal.clone();
    let handler = recorder.layer(Wall::of("inner", &journal)).layer(Wall::of("outer", &journal));
    let mut client = serve(handler, domains()).await;
    client.expect("220").await;
    client.ask("EHLO outer.test", "451 4.3.0").await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<inner@local.test>", "451 4.3.0").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.ask("RCPT TO:<nobody@local.test>", "550 5.1.1").await;
    client.ask("DATA", "354").await;
    client.ask("disk full\r\n.", "452 4.3.1").await;
    client.ask("QUIT", "221").await;
    client.expect_end().await;
    let expected = [
        "outer: connect",
        "inner: connect",
        "connect",
        "outer: hello outer.test",
        "outer: hello client.test",
        "inner: hello client.test",
        "outer: mail <>",
        "inner: mail <>",
        "outer: rcpt 0 <inner@local.test>",
        "inner: rcpt 0 <inner@local.test>",
        "outer: rcpt 0 <bob@local.test>",
        "inner: rcpt 0 <bob@local.test>",
        "rcpt <bob@local.test>",
        "outer: rcpt 1 <nobody@local.test>",
        "inner: rcpt 1 <nobody@local.test>",
        "outer: data 1",
        "inner: data 1",
        r#"message ESMTP relayed=0 "disk full\r\n""#,
        "inner: decided 452 4.3.1 not enough storage, try again",
        "outer: decided 452 4.3.1 not enough storage, try again",
        "closed",
        "inner: closed",
        "outer: closed",
    ];
    assert_eq!(journal.entries(), expected);
}

#[tokio::test]
async fn a_layer_can_take_the_greetings_place() {
    let recorder = Recorder::default();
    let journal = recorder.journal.clone();
    let mut client = serve(recorder.layer(Wall::of("connect", &journal)), domains()).await;
    client.expect("451 4.3.0").await;
    client.expect_end().await;
    assert_eq!(journal.entries(), ["connect: connect"], "the session was not made");
}

#[tokio::test]
async fn no_layer_makes_a_relay() {
    struct Yes;
    impl Layer for Yes {}
    let recorder = Recorder::default();
    let mut client = serve(recorder.layer(|_| Yes), domains()).await;
    client.expect("220").await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@foreign.test>", "550 5.7.1").await;
}

#[tokio::test]
async fn a_boxed_handler_hears_everything() {
    let recorder = Recorder::default();
    let journal = recorder.journal.clone();
    let mut client = serve(BoxHandler::new(recorder), domains()).await;
    client.expect("220").await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RSET", "250").await;
    client.mail("bob@local.test", "hello").await;
    client.ask("QUIT", "221").await;
    client.expect_end().await;
    let message = r#"message ESMTP relayed=0 "hello\r\n""#;
    assert_eq!(journal.entries(), ["connect", "reset", "rcpt <bob@local.test>", message, "closed"]);
}
