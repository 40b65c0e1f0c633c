//! Connections, errors and slow clients are bounded.

use std::time::Duration;

use smtpkit_server::{Gate, Limits, Rate, Server, ServerTimeouts};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{Client, PATIENCE, Recorder, domains, mx, run};

#[tokio::test]
async fn too_many_connections_are_turned_away() {
    let recorder = Recorder::default();
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let gate = Gate::new(&limits);
    let server = run(mx(&recorder).limits(limits).gate(gate.clone()), &recorder).await;
    let mut first = server.client().await;
    let _second = server.client().await;
    assert_eq!(gate.connections(), 2);
    let mut third = Client::new(TcpStream::connect(server.address).await.unwrap());
    third.expect("421 4.7.0").await;
    third.expect_end().await;
    first.ask("QUIT", "221").await;
    first.expect_end().await;
    timeout(PATIENCE, async {
        while gate.connections() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    server.client().await;
}

#[tokio::test]
async fn loopback_is_exempt_unless_told_otherwise() {
    let recorder = Recorder::default();
    let limits = Limits {
        connections_per_address_max: 1,
        connection_rate: Some(Rate { count: 2, per: Duration::from_secs(3600) }),
        ..Limits::default()
    };
    let server = run(mx(&recorder).limits(limits.clone()), &recorder).await;
    let _clients = [server.client().await, server.client().await, server.client().await];
    let server = run(mx(&recorder).limits(limits).exempt([]), &recorder).await;
    let _client = server.client().await;
    let mut second = Client::new(TcpStream::connect(server.address).await.unwrap());
    second.expect("421 4.7.0").await;
}

#[tokio::test(start_paused = true)]
async fn junk_is_slowed_down_and_cut() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (client, stream) = tokio::io::duplex(64 * 1024);
    let mut client = Client::new(client);
    let session = async {
        client.expect("220").await;
        let start = tokio::time::Instant::now();
        for _ in 0..19 {
            client.ask("JUNK", "500").await;
        }
        client.ask("JUNK", "421 4.7.0").await;
        // the eleventh error and those after it wait a second each
        let waited = start.elapsed();
        assert!((Duration::from_secs(9)..=Duration::from_secs(11)).contains(&waited), "{waited:?}");
    };
    tokio::join!(listening.serve_stream(stream, None, smtpkit_server::CancellationToken::new()), session);
}

#[tokio::test]
async fn messages_and_recipients_come_at_a_rate() {
    let recorder = Recorder::default();
    let per = Duration::from_secs(3600);
    let limits = Limits {
        message_rate: Some(Rate { count: 2, per }),
        recipient_rate_total: Some(Rate { count: 3, per }),
        ..Limits::default()
    };
    let server = run(mx(&recorder).limits(limits).exempt([]), &recorder).await;
    for expected in ["250", "451 4.7.1"] {
        let mut client = server.client().await;
        client.ask("EHLO client.test", "250").await;
        client.ask("MAIL FROM:<>", "250").await;
        client.ask("RCPT TO:<bob@local.test>", "250").await;
        client.ask("RCPT TO:<bob@local.test>", expected).await;
        client.ask("RSET", "250").await;
    }
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "451 4.7.1").await;
}

#[tokio::test]
async fn connections_come_at_a_rate_in_all() {
    let recorder = Recorder::default();
    let rate = Some(Rate { count: 2, per: Duration::from_secs(3600) });
    let limits = Limits { connection_rate_total: rate, ..Limits::default() };
    let server = run(mx(&recorder).limits(limits), &recorder).await;
    for _ in 0..2 {
        server.client().await.ask("QUIT", "221").await;
    }
    let mut third = Client::new(TcpStream::connect(server.address).await.unwrap());
    third.expect("421 4.7.0").await;
}

#[tokio::test]
async fn whoever_looks_for_mailboxes_is_stopped_over_all_sessions() {
    let recorder = Recorder::default();
    let rate = Some(Rate { count: 3, per: Duration::from_secs(3600) });
    let limits = Limits { unknown_recipient_rate: rate, ..Limits::default() };
    let server = run(mx(&recorder).limits(limits).exempt([]), &recorder).await;
    for expected in [["550 5.1.1", "550 5.1.1"], ["550 5.1.1", "421 4.7.1"]] {
        let mut client = server.client().await;
        client.ask("EHLO client.test", "250").await;
        client.ask("MAIL FROM:<>", "250").await;
        for expected in expected {
            client.ask("RCPT TO:<nobody@local.test>", expected).await;
        }
    }
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@local.test", "who knows a name may use it").await;
}

#[tokio::test]
async fn a_server_that_asks_for_others_is_answered_as_often_as_it_asks() {
    let recorder = Recorder::default();
    let rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    let limits = Limits { unknown_recipient_rate: rate, ..Limits::default() };
    let lmtp = Server::lmtp("mx.test", domains(), recorder.clone());
    let server = run(lmtp.limits(limits).exempt([]), &recorder).await;
    for _ in 0..4 {
        let mut client = server.client().await;
        client.ask("LHLO relay.test", "250").await;
        client.ask("MAIL FROM:<>", "250").await;
        client.ask("RCPT TO:<nobody@local.test>", "550 5.1.1").await;
    }
}

#[tokio::test]
async fn time_is_short_under_pressure() {
    let recorder = Recorder::default();
    let limits = Limits { connections_max: 10, ..Limits::default() };
    let gate = Gate::new(&limits);
    let short = ServerTimeouts { command: Duration::from_millis(50), ..ServerTimeouts::default() };
    let builder = mx(&recorder).limits(limits).gate(gate.clone()).timeouts_under_pressure(short);
    let server = run(builder, &recorder).await;
    let mut patient = Vec::new();
    for _ in 0..9 {
        patient.push(server.client().await);
    }
    let mut hurried = server.client().await;
    hurried.expect("421 4.4.2").await;
    for client in &mut patient {
        client.ask("NOOP", "250").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_told_to_go() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (client, stream) = tokio::io::duplex(64 * 1024);
    let mut client = Client::new(client);
    let session = async {
        client.expect("220").await;
        tokio::time::sleep(Duration::from_secs(299)).await;
        client.ask("NOOP", "250").await;
        tokio::time::sleep(Duration::from_secs(301)).await;
        client.expect("421 4.4.2").await;
        client.expect_end().await;
    };
    tokio::join!(listening.serve_stream(stream, None, smtpkit_server::CancellationToken::new()), session);
}

#[tokio::test(start_paused = true)]
async fn who_speaks_before_the_greeting_is_refused() {
    let recorder = Recorder::default();
    let builder = mx(&recorder).greeting_delay(Duration::from_secs(5));
    let listening = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    for (early, expected) in [(true, "521 5.5.1"), (false, "250")] {
        let (client, stream) = tokio::io::duplex(64 * 1024);
        let mut client = Client::new(client);
        let session = async {
            if early {
                client.send("EHLO client.test\r\n").await;
                client.expect("220").await;
            } else {
                client.expect("220").await;
                client.send("EHLO client.test\r\n").await;
            }
            client.expect(expected).await;
            drop(client);
        };
        tokio::join!(listening.serve_stream(stream, None, smtpkit_server::CancellationToken::new()), session);
    }
}
