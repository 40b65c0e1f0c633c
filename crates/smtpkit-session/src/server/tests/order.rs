//! The order of commands (RFC 5321 §4.1.4), pipelined or not (RFC 2920).

use super::*;

#[test]
fn commands_in_and_out_of_order() {
    for (input, expected) in [
        ("NOOP\r\nQUIT\r\n", "250 221"),
        ("MAIL FROM:<a@b.test>\r\n", "503"),
        ("RCPT TO:<a@b.test>\r\nDATA\r\n", "503 503"),
        ("EHLO c\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", "250 503 503"),
        ("EHLO c\r\nMAIL FROM:<a@b.test>\r\nDATA\r\n", "250 250 503"),
        ("EHLO c\r\nMAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\n", "250 250 503"),
        ("EHLO c\r\nMAIL FROM:<a@b.test>\r\nEHLO c\r\nRCPT TO:<a@b.test>\r\n", "250 250 250 503"),
        ("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRSET\r\nRCPT TO:<a@b.test>\r\n", "250 250 250 503"),
        (
            "EHLO c\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\nVRFY x\r\nHELP\r\nRCPT TO:<a@b.test>\r\n",
            "250 250 250 252 214 250",
        ),
        ("EHLO c\r\nMAIL FROM:<no@b.test>\r\nRCPT TO:<a@b.test>\r\n", "250 550 503"),
        ("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@b.test>\r\nDATA\r\nRSET\r\n", "250 250 550 554 250"),
        ("HELO c\r\nMAIL FROM:<a@b.test> SIZE=1\r\nMAIL FROM:<a@b.test>\r\n", "250 555 250"),
        ("LHLO c\r\nEHLO c\r\n", "500 250"),
        ("XYZZY\r\nEXPN l\r\nETRN x\r\nSTARTTLS\r\nAUTH PLAIN\r\n", "500 502 502 502 502"),
        ("\r\nEHLO\r\nEHLO c\r\n", "500 501 250"),
        ("QUIT\r\nNOOP\r\n", "221"),
    ] {
        check(input, expected);
    }
}

#[test]
fn a_message_and_the_next() {
    let input = "EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n\
                 MAIL FROM:<>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\nQUIT\r\n";
    check(input, "250 250 250 354 250 250 250 354 250 221");
    let (_, _, content) = session(config(), Channel::plaintext(), input.as_bytes(), 7);
    assert_eq!(content, b"Subject: x\r\n\r\n.dot\r\n||");
}

#[test]
fn one_write_for_each_segment() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.settle();
    caller.feed(b"EHLO c\r\n", 999);
    let before = caller.writes;
    caller.feed(
        b"MAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<no@b.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n",
        999,
    );
    assert_eq!(caller.writes, before + 1);
    caller.feed(b"x\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<no@b.test>\r\nDATA\r\n", 999);
    assert_eq!(caller.writes, before + 2);
    assert_eq!(caller.codes(), "250 250 250 550 250 354 250 250 550 554");
}

#[test]
fn replies_are_bounded_when_the_client_reads_none() {
    let limits = ServerLimits { idle_commands_max: u32::MAX, ..ServerLimits::default() };
    let mut server =
        Server::new(Arc::new(ServerConfig { limits, ..config() }), Channel::plaintext(), Tick::ZERO);
    let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { panic!("no greeting") };
    server.greet(owed, Ok(()));
    for _ in 0..10_000 {
        assert!(matches!(server.poll(Tick::ZERO), ServerEvent::Idle));
        let slot = server.recv_slot();
        let n = slot.len() / 6 * 6;
        for (place, octet) in slot.iter_mut().zip(b"NOOP\r\n".iter().cycle()) {
            *place = *octet;
        }
        if n == 0 {
            break;
        }
        server.received(n, Tick::ZERO);
    }
    let mut iov = Iov::new();
    server.transmit(&mut iov);
    assert!(iov.octets() < 40_000, "{}", iov.octets());
}
