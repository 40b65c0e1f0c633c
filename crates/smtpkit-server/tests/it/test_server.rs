//! The servers for other people's tests: they keep what comes, fail as they were told, and play scripts.

use std::time::Duration;

use smtpkit_client::{Client as Sender, Credentials, Delivered, Envelope, Secret};
use smtpkit_server::testing::{Fault, Script, ScriptedServer, Step, TestServer};
use smtpkit_server::{
    Body, CancellationToken, Decision, Grant, Peer, Recipient, Refusal, Route, Server, Session, Transaction,
    Verdict, accepted, each,
};
use tokio::net::TcpStream;

use crate::world::{Client, PATIENCE};

const CONTENT: &str = "Subject: x\r\n\r\n.dot\r\n";

fn envelope() -> Envelope {
    Envelope::new("alice@example.test", ["bob@example.test", "carol@example.test"]).unwrap()
}

fn sender(server: &TestServer) -> Sender {
    let url = server.url().parse().unwrap();
    Sender::builder(url).tls(server.connector().unwrap()).build().unwrap()
}

async fn connect(server: &TestServer) -> Client<TcpStream> {
    let mut client = Client::new(TcpStream::connect(server.address()).await.unwrap());
    client.expect("220 mail.example.test").await;
    client.ask("EHLO client.test", "250").await;
    client
}

#[tokio::test]
async fn every_role_keeps_what_it_is_sent() {
    let account = Credentials::password("alice@example.test", Secret::from("pencil"));
    for (role, protocol) in [
        (TestServer::mx(), "ESMTPS"),
        (TestServer::mx().implicit_tls(), "ESMTPS"),
        (TestServer::mx().without_tls(), "ESMTP"),
        (TestServer::submission().account("alice@example.test", "pencil"), "ESMTPSA"),
        (TestServer::submission().account("alice@example.test", "pencil").implicit_tls(), "ESMTPSA"),
        (TestServer::lmtp(), "LMTP"),
    ] {
        let server = role.start().await.unwrap();
        let builder = Sender::builder(server.url().parse().unwrap()).tls(server.connector().unwrap());
        let builder = if protocol == "ESMTPSA" { builder.credentials(account.clone()) } else { builder };
        let client = builder.build().unwrap();
        assert!(client.send(&envelope(), CONTENT).await.unwrap().all_accepted());
        let messages = server.wait_for(1, PATIENCE).await.unwrap();
        let [message] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(message.protocol().to_string(), protocol);
        assert_eq!((message.text().as_ref(), message.envelope().recipients.len()), (CONTENT, 2));
        assert_eq!(message.account(), (protocol == "ESMTPSA").then_some("alice@example.test"));
        assert!(message.hello().is_some() && !message.id().is_empty());
        client.close(PATIENCE).await;
        assert_eq!(server.stop().await.len(), 1);
    }
}

#[tokio::test]
async fn what_does_not_come_is_told() {
    let server = TestServer::mx().start().await.unwrap();
    let missing = server.wait_for(1, Duration::from_millis(1)).await.unwrap_err();
    assert_eq!((missing.messages, missing.waited), (0, Duration::from_millis(1)));
}

#[tokio::test]
async fn each_step_can_be_refused() {
    let server = TestServer::mx().without_tls().start().await.unwrap();
    for (step, dialogue) in [
        (Step::Hello, &["EHLO client.test"][..]),
        (Step::Mail, &["EHLO c", "MAIL FROM:<>"]),
        (Step::Rcpt, &["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.test>"]),
        (Step::Data, &["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.test>", "DATA"]),
        (Step::Content, &["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.test>", "DATA", "x\r\n."]),
        (Step::EndOfContent, &["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.test>", "DATA", "x\r\n."]),
    ] {
        server.inject(Fault::refuse(step, 452, "4.2.2 full").unwrap().times(1));
        let mut client = Client::new(TcpStream::connect(server.address()).await.unwrap());
        client.expect("220").await;
        let (last, before) = dialogue.split_last().unwrap();
        for line in before {
            let reply = client.say(line).await;
            assert!(matches!(reply.as_bytes()[0], b'2' | b'3'), "{step:?} {line}: {reply}");
        }
        client.ask(last, "452 4.2.2 full").await;
        client.ask("EHLO client.test", "250").await;
        client.mail("bob@example.test", "after").await;
    }
    let messages = server.stop().await;
    assert_eq!(messages.len(), 6);
    assert!(messages.iter().all(|message| message.text() == "after\r\n"), "{messages:?}");
}

#[tokio::test]
async fn a_refused_greeting_and_a_cut_one() {
    let server = TestServer::mx().fault(Fault::disconnect(Step::Greeting).times(1)).start().await.unwrap();
    server.inject(Fault::refuse(Step::Greeting, 554, "5.3.2 no").unwrap().times(1));
    for expected in ["", "554 5.3.2 no"] {
        let mut client = Client::new(TcpStream::connect(server.address()).await.unwrap());
        assert!(client.reply().await.starts_with(expected), "{expected}");
        client.expect_end().await;
    }
    connect(&server).await;
}

#[tokio::test]
async fn the_connection_is_cut_without_a_word() {
    let server = TestServer::mx().without_tls().start().await.unwrap();
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Content, Step::EndOfContent, Step::Recorded] {
        server.inject(Fault::disconnect(step).times(1));
        let mut client = connect(&server).await;
        for (at, line) in [
            (Step::Mail, "MAIL FROM:<>"),
            (Step::Rcpt, "RCPT TO:<bob@example.test>"),
            (Step::Data, "DATA"),
            (Step::Content, "x\r\n."),
        ] {
            let reply = client.say(line).await;
            let is_last = at == step || at == Step::Content;
            assert_eq!(reply.is_empty(), is_last, "{step:?} {line}: {reply}");
            if is_last {
                break;
            }
        }
    }
    assert_eq!(server.messages().len(), 1, "the one whose 250 was lost");
}

#[tokio::test]
async fn a_client_whose_250_was_lost_does_not_know() {
    let server = TestServer::mx().fault(Fault::disconnect(Step::Recorded)).start().await.unwrap();
    let error = sender(&server).send(&envelope(), CONTENT).await.unwrap_err();
    assert_eq!(error.delivered(), Delivered::Unknown);
    server.wait_for(1, PATIENCE).await.unwrap();
    server.mend();
    sender(&server).send(&envelope(), CONTENT).await.unwrap();
}

#[tokio::test]
async fn lmtp_recipients_fail_one_by_one() {
    let server = TestServer::lmtp().start().await.unwrap();
    let full = Fault::refuse(Step::EndOfContent, 452, "4.2.2 full").unwrap();
    server.inject(full.for_recipient("bob@example.test"));
    let report = sender(&server).send(&envelope(), CONTENT).await.unwrap();
    let accepted: Vec<bool> = report.recipients().iter().map(|outcome| outcome.is_accepted()).collect();
    assert_eq!(accepted, [false, true]);
    assert_eq!(server.messages()[0].envelope().recipients.len(), 1);
}

#[tokio::test]
async fn a_delayed_step_goes_on() {
    let delay = Duration::from_millis(30);
    let server = TestServer::mx().fault(Fault::delay(Step::Mail, delay)).start().await.unwrap();
    let mut client = connect(&server).await;
    let start = std::time::Instant::now();
    client.ask("MAIL FROM:<>", "250").await;
    assert!(start.elapsed() >= delay, "{:?}", start.elapsed());
}

/// A server in front of another one: its 250 is that of the one behind.
struct Filter(Sender);

impl Session for Filter {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }

    async fn message(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Verdict {
        let content = [b"X-Filtered: yes\r\n", &body.read_to_end(1_000_000).await?[..]].concat();
        match self.0.send(tx.envelope(), content).await {
            Ok(report) => Ok(report.reply().cloned().unwrap_or_else(accepted)),
            Err(error) => Err(error.reply().cloned().map_or_else(Refusal::try_later, Refusal::from)),
        }
    }
}

#[tokio::test]
async fn a_filter_says_what_the_server_behind_it_says() {
    let behind = TestServer::mx().start().await.unwrap();
    behind.inject(Fault::refuse(Step::EndOfContent, 452, "4.2.2 full").unwrap().times(1));
    behind.inject(Fault::disconnect(Step::Data).times(1));
    let onward = sender(&behind);
    let filter = Server::catch_all("filter.test", each(move |_| Filter(onward.clone())));
    let listening = filter.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("smtp://{}?tls=off", listening.local_addrs()[0]);
    tokio::spawn(listening.serve(CancellationToken::new()));
    let client = Sender::from_url(&url).unwrap();
    let mut replies = Vec::new();
    for _ in 0..3 {
        replies.push(match client.send(&envelope(), CONTENT).await {
            Ok(report) => report.reply().unwrap().to_string(),
            Err(error) => error.reply().unwrap().to_string(),
        });
    }
    let messages = behind.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(messages[0].text(), format!("X-Filtered: yes\r\n{CONTENT}"));
    let accepted = format!("250 2.0.0 ok, queued as {}", messages[0].id());
    assert_eq!(replies, ["451 4.3.0 local error, try again", "452 4.2.2 full", &accepted]);
}

fn script(text: &str) -> Script {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_script_with_tls_and_content_is_played() {
    let script = script(
        "\
S: 220 mx.test ESMTP
C: EHLO *
S: 250-mx.test
S: 250 STARTTLS
C: STARTTLS
S: 220 go
! tls
C: EHLO *
S: 250 mx.test
C: MAIL FROM:<alice@example.test>*
S: 250 ok
C: RCPT TO:<bob@example.test>
S: 250 ok
C: RCPT TO:<carol@example.test>
S: 550 no
C: DATA
S: 354 go
C~ .
S: 250 ok
C: QUIT
S: 221 bye
",
    );
    let server = ScriptedServer::start([script]).await.unwrap();
    let url = format!("smtp://{}?tls=require", server.address()).parse().unwrap();
    let client = Sender::builder(url).tls(server.connector().unwrap()).build().unwrap();
    let report = client.send(&envelope(), CONTENT).await.unwrap();
    assert_eq!(report.accepted_count(), 1);
    client.close(PATIENCE).await;
    let dialogues = server.finish(PATIENCE).await.unwrap();
    assert_eq!(dialogues[0].lines().last().unwrap(), "S: 221 bye");
}

#[tokio::test]
async fn whoever_leaves_the_script_is_told() {
    let server =
        ScriptedServer::start([script("S: 220 x\nC: EHLO *\n"), script("S: 220 y\n")]).await.unwrap();
    let mut client = Client::new(TcpStream::connect(server.address()).await.unwrap());
    client.expect("220").await;
    client.send("HELO me\r\n").await;
    client.expect_end().await;
    let error = server.finish(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"connection 1: expected "EHLO *", got "HELO me"; before it: ["S: 220 x"]"#
    );
}

#[tokio::test]
async fn a_script_that_nobody_plays_is_told() {
    let server = ScriptedServer::start([script("S: 220 x\n")]).await.unwrap();
    let error = server.finish(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!((error.connection, error.got.as_str()), (1, "nothing in time"));
}
