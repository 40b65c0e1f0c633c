//! STARTTLS (RFC 3207) and AUTH (RFC 4954).

use super::*;

fn with_tls(tls: TlsRule) -> ServerConfig {
    ServerConfig { tls, authentication: Authentication::Offered, ..config() }
}

#[test]
fn starttls_forgets_everything() {
    let mut caller = Caller::new(with_tls(TlsRule::Offered), Channel::plaintext());
    assert_eq!(caller.feed(b"STARTTLS\r\nEHLO c\r\n", 10), None);
    assert_eq!(caller.codes(), "503 250");
    caller.feed(b"STARTTLS\r\n", 99);
    caller.feed(b"MAIL FROM:<>\r\nEHLO c\r\nSTARTTLS\r\nMAIL FROM:<>\r\n", 99);
    assert_eq!(caller.codes(), "503 250 220 503 250 503 250");
}

#[test]
fn plaintext_behind_starttls_is_never_carried_out() {
    for injected in ["MAIL FROM:<x@y.test>\r\n", "\r\n", "M", "RSET\r\nEHLO x\r\n"] {
        let input = format!("EHLO c\r\nSTARTTLS\r\n{injected}");
        let mut caller = Caller::new(with_tls(TlsRule::Offered), Channel::plaintext());
        let closed = caller.feed(input.as_bytes(), usize::MAX);
        assert_eq!(closed, Some(Closed::PlaintextAfterStartTls), "{injected:?}");
        assert_eq!(caller.codes(), "250 554", "{injected:?}");
        assert!(!caller.events.iter().any(|event| event.starts_with("Mail") || event.starts_with("Upgrade")));
    }
}

#[test]
fn nothing_is_read_between_starttls_and_the_handshake() {
    let mut server = Server::new(Arc::new(with_tls(TlsRule::Offered)), Channel::plaintext(), Tick::ZERO);
    let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { panic!("no greeting") };
    server.greet(owed, Ok(()));
    let greeting = 27;
    server.sent(greeting, Tick::ZERO);
    server.recv_slot()[..18].copy_from_slice(b"EHLO c\r\nSTARTTLS\r\n");
    server.received(18, Tick::ZERO);
    let ServerEvent::Hello { owed, .. } = server.poll(Tick::ZERO) else { panic!("no EHLO") };
    server.hello(owed, Ok(()));
    let ServerEvent::StartTls(owed) = server.poll(Tick::ZERO) else { panic!("no STARTTLS") };
    server.start_tls(owed, Ok(()));
    assert!(server.recv_slot().is_empty());
    assert!(matches!(server.poll(Tick::ZERO), ServerEvent::Idle), "the 220 is not written yet");
    assert!(matches!(server.into_upgrade(), Err(Fatal::NotReady)));
}

#[test]
fn required_tls_comes_first() {
    let config = with_tls(TlsRule::Required);
    let input = "EHLO c\r\nMAIL FROM:<>\r\nRSET\r\nVRFY x\r\nAUTH PLAIN =\r\nQUIT\r\n";
    check_with(&config, &Channel::plaintext(), input, "250 530 530 530 530 221");
}

#[test]
fn authentication() {
    let config = ServerConfig { authentication: Authentication::Required, ..config() };
    let channel = Channel::tls().with_mechanisms([MechanismName::PLAIN]);
    for (input, expected) in [
        ("EHLO c\r\nMAIL FROM:<>\r\n", "250 530"),
        ("AUTH PLAIN Zm9v\r\n", "503"),
        ("HELO c\r\nAUTH PLAIN Zm9v\r\n", "250 503"),
        ("EHLO c\r\nAUTH PLAIN Zm9v\r\nMAIL FROM:<>\r\n", "250 235 250"),
        ("EHLO c\r\nAUTH PLAIN Zm9v\r\nAUTH PLAIN Zm9v\r\n", "250 235 503"),
        ("EHLO c\r\nAUTH PLAIN Zm9v\r\nMAIL FROM:<>\r\nAUTH PLAIN Zm9v\r\n", "250 235 250 503"),
        ("EHLO c\r\nAUTH PLAIN\r\nZm9v\r\n", "250 334 235"),
        ("EHLO c\r\nAUTH PLAIN =\r\nQUIT\r\nNOOP\r\n", "250 334 235 250"),
        ("EHLO c\r\nAUTH PLAIN\r\n*\r\nMAIL FROM:<>\r\n", "250 334 501 530"),
        ("EHLO c\r\nAUTH PLAIN\r\nbad\nline\r\nNOOP\r\n", "250 334 500 250"),
        ("EHLO c\r\nAUTH PLAIN d3Jvbmc=\r\nAUTH PLAIN Zm9v\r\n", "250 535 235"),
        (
            "EHLO c\r\nAUTH PLAIN d3Jvbmc=\r\nAUTH PLAIN d3Jvbmc=\r\nAUTH PLAIN d3Jvbmc=\r\nNOOP\r\n",
            "250 535 535 421",
        ),
    ] {
        check_with(&config, &channel, input, expected);
    }
    check_with(&config, &Channel::plaintext(), "EHLO c\r\nAUTH PLAIN Zm9v\r\n", "250 538");
}

#[test]
fn an_identity_does_not_survive_starttls() {
    let config = ServerConfig { authentication: Authentication::Required, tls: TlsRule::Offered, ..config() };
    let mut caller = Caller::new(config, Channel::plaintext().with_mechanisms([MechanismName::PLAIN]));
    caller.feed(b"EHLO c\r\nAUTH PLAIN Zm9v\r\nSTARTTLS\r\n", 999);
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\n", 999);
    assert_eq!(caller.codes(), "250 235 220 250 530");
}

#[test]
fn long_lines_in_auth_only() {
    let config = ServerConfig { authentication: Authentication::Offered, ..config() };
    let channel = Channel::tls().with_mechanisms([MechanismName::PLAIN]);
    let long = "Zm9v".repeat(2000);
    check_with(&config, &channel, &format!("EHLO c\r\nAUTH PLAIN {long}\r\n"), "250 235");
    check_with(&config, &channel, &format!("EHLO c\r\nAUTH PLAIN\r\n{long}\r\n"), "250 334 235");
    check_with(&config, &channel, &format!("EHLO c\r\nNOOP {long}\r\nNOOP\r\n"), "250 500 250");
    let longer = "Zm9v".repeat(4000);
    check_with(&config, &channel, &format!("EHLO c\r\nAUTH PLAIN {longer}\r\nNOOP\r\n"), "250 500 250");
}

#[test]
fn a_tls_handshake_on_a_plaintext_port_is_known_by_its_first_octet() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    assert_eq!(caller.feed(b"\x16", 1), Some(Closed::SpokeTls));
    assert_eq!(caller.codes(), "");
    let mut caller = Caller::new(config(), Channel::plaintext());
    assert_eq!(caller.feed(b"NOOP\r\n\x16\x03\x01\r\n", 1), None);
    assert_eq!(caller.codes(), "250 500");
}
