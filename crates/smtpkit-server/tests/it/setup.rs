//! What is unsafe or impossible is refused before a port is opened.

use std::time::Duration;

use smtpkit_server::auth::{Secret, Users};
use smtpkit_server::{Builder, Limits, LocalDomains, Network, Rate, Server, ServerError, ServerTimeouts};

use crate::world::{Recorder, accounts, certificate, domains, mx, run, submission};

fn error(result: Result<impl Sized, ServerError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn unsafe_set_ups_are_errors() {
    let recorder = Recorder::default();
    let check = |builder: Builder<Recorder>| error(builder.check());
    let certificate = certificate();
    assert_eq!(check(mx(&recorder)), "");
    assert_eq!(
        check(mx(&recorder).trusted(["0.0.0.0/0".parse().unwrap()])),
        "trusted contains 0.0.0.0/0, which is everybody"
    );
    assert_eq!(
        check(mx(&recorder).trusted(["::/0".parse().unwrap()])),
        "trusted contains ::/0, which is everybody"
    );
    assert_eq!(check(mx(&recorder).implicit_tls()), "TLS is asked for: give a certificate");
    assert_eq!(check(mx(&recorder).require_tls()), "TLS is asked for: give a certificate");
    assert_eq!(check(mx(&recorder).auth(accounts())), "AUTH needs TLS: give a certificate");
    let nobody = Users::new(Secret::new([7; 32]));
    let unusable = Server::submission("mx.test", certificate.acceptor.clone(), nobody, recorder.clone());
    assert_eq!(check(unusable), "the accounts serve no AUTH mechanism");
    let limits = Limits { recipients_max: 0, ..Limits::default() };
    assert_eq!(check(mx(&recorder).limits(limits)), "limit recipients_max is zero");
    let everybody: Network = "::/0".parse().unwrap();
    for (builder, list) in [
        (mx(&recorder).proxy_protocol([everybody]), "proxy_protocol"),
        (mx(&recorder).xclient([everybody]), "xclient"),
        (mx(&recorder).xforward([everybody]), "xforward"),
    ] {
        assert_eq!(check(builder), format!("{list} contains ::/0, which is everybody"));
    }
    let never = Some(Rate { count: 0, per: Duration::from_secs(60) });
    for (limits, limit) in [
        (Limits { message_rate: never, ..Limits::default() }, "message_rate"),
        (Limits { unknown_recipient_rate: never, ..Limits::default() }, "unknown_recipient_rate"),
        (Limits { tls_handshake: Duration::ZERO, ..Limits::default() }, "tls_handshake"),
    ] {
        assert_eq!(check(mx(&recorder).limits(limits)), format!("limit {limit} is zero"));
    }
    let hasty = ServerTimeouts { command: Duration::ZERO, ..ServerTimeouts::default() };
    assert_eq!(check(mx(&recorder).timeouts(hasty.clone())), "limit timeouts.command is zero");
    assert_eq!(check(mx(&recorder).timeouts_under_pressure(hasty)), "limit timeouts.command is zero");
    let nameless = Server::mx("no host", LocalDomains::default(), recorder);
    assert_eq!(check(nameless), "host name \"no host\" is no domain name");
}

#[tokio::test]
async fn some_roles_are_for_this_machine_only() {
    let recorder = Recorder::default();
    let anywhere = "0.0.0.0:0".parse().unwrap();
    let catch_all = Server::catch_all("mx.test", recorder.clone()).bind(anywhere).await;
    assert_eq!(
        error(catch_all),
        "catch-all serves this machine only, and 0.0.0.0:0 is not a loopback address"
    );
    let lmtp = Server::lmtp("mx.test", domains(), recorder.clone()).bind(anywhere).await;
    assert_eq!(error(lmtp), "lmtp serves this machine only, and 0.0.0.0:0 is not a loopback address");
    let plaintext = mx(&recorder).auth(accounts()).auth_without_tls();
    assert_eq!(
        error(plaintext.bind(anywhere).await),
        "AUTH without TLS on 0.0.0.0:0, which is not a loopback address"
    );
    let certificate = certificate();
    submission(&recorder, &certificate).bind(anywhere).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let message = error(mx(&recorder).bind(server.address).await);
    assert!(message.starts_with(&format!("cannot listen on {}: ", server.address)), "{message}");
    assert_eq!(error(mx(&recorder).bind_all([]).await), "no address to listen on");
}

#[tokio::test]
async fn sockets_of_a_service_manager_are_taken() {
    let recorder = Recorder::default();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let listening = mx(&recorder).listen_on([socket]).unwrap();
    assert_eq!(listening.local_addrs(), [address]);
}
