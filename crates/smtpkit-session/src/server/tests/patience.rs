//! Limits and time.

use super::*;

#[test]
fn errors_slow_the_session_down_and_end_it() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(&b"JUNK\r\n".repeat(10), 999);
    assert_eq!(caller.now, Tick::ZERO, "soft errors are answered at once");
    assert_eq!(caller.feed(&b"JUNK\r\n".repeat(990), 6), Some(Closed::TooManyErrors));
    assert_eq!(caller.codes(), format!("{}421", "500 ".repeat(19)));
    let held = caller.now.since(Tick::ZERO);
    assert!((Duration::from_secs(9)..=Duration::from_secs(10)).contains(&held), "{held:?}");
}

#[test]
fn the_delay_of_an_error_grows_as_far_as_it_may() {
    let check = |most: u64, expected: [u64; 4]| {
        let most = Duration::from_secs(most);
        let timeouts = crate::timeout::ServerTimeouts { error_delay_max: most, ..Default::default() };
        assert_eq!([1, 2, 3, 99].map(|surplus| timeouts.delay_of_error(surplus).as_secs()), expected);
    };
    check(1, [1, 1, 1, 1]);
    check(3, [1, 2, 3, 3]);
    check(0, [0, 0, 0, 0]);
}

#[test]
fn a_delivered_message_forgives() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    let message = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n.\r\n";
    for _ in 0..4 {
        caller.feed(&b"JUNK\r\n".repeat(9), 999);
        assert_eq!(caller.feed(message, 999), None);
    }
    assert_eq!(caller.now, Tick::ZERO);
}

#[test]
fn a_line_that_trickles_in_times_out() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.settle();
    for octet in b"NOO" {
        assert_eq!(caller.wait(Duration::from_secs(90)), None);
        caller.feed(&[*octet], 1);
    }
    assert_eq!(caller.wait(Duration::from_secs(31)), Some(Closed::TimedOut));
    assert_eq!(caller.codes(), "421");
}

#[test]
fn each_command_has_its_own_time() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    for _ in 0..10 {
        assert_eq!(caller.feed(b"NOOP\r\n", 99), None);
        assert_eq!(caller.wait(Duration::from_secs(299)), None);
    }
}

#[test]
fn content_that_stops_times_out() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", 999);
    caller.feed(&[b'x'; 16_000], 999);
    assert_eq!(caller.wait(Duration::from_secs(179)), None);
    caller.feed(b"x", 999);
    assert_eq!(caller.wait(Duration::from_secs(180)), Some(Closed::TimedOut));
    assert_eq!(caller.content.last(), Some(&b'x'), "nothing was delivered");
}

#[test]
fn content_below_the_minimum_rate_is_cut() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", 999);
    let mut closed = None;
    for _ in 0..10 {
        closed = caller.wait(Duration::from_secs(60));
        if closed.is_some() {
            break;
        }
        caller.feed(b"xxxxxxxx", 999);
    }
    assert_eq!(closed, Some(Closed::TooSlow));
    assert!(caller.text().ends_with("421 4.4.2 content comes too slowly\r\n"), "{}", caller.text());
}

#[test]
fn a_client_that_takes_no_replies_is_dropped() {
    let mut server = Server::new(Arc::new(config()), Channel::plaintext(), Tick::ZERO);
    let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { panic!("no greeting") };
    server.greet(owed, Ok(()));
    assert!(matches!(server.poll(Tick::ZERO), ServerEvent::Idle));
    let deadline = server.deadline().unwrap();
    assert_eq!(deadline, Tick::ZERO + Duration::from_secs(300));
    server.expired(deadline);
    assert!(matches!(server.poll(deadline), ServerEvent::Closed(Closed::TimedOut)));
}

#[test]
fn draining_spares_the_transaction() {
    let mut idle = Caller::new(config(), Channel::plaintext());
    idle.feed(b"EHLO c\r\n", 99);
    idle.server.drain();
    assert_eq!(idle.settle(), Some(Closed::ByServer));
    assert_eq!(idle.codes(), "250 421");
    let mut busy = Caller::new(config(), Channel::plaintext());
    busy.feed(b"EHLO c\r\nMAIL FROM:<>\r\n", 99);
    busy.server.drain();
    assert_eq!(busy.feed(b"RCPT TO:<a@b.test>\r\nDATA\r\n", 99), None);
    assert_eq!(busy.feed(b"x\r\n.\r\n", 99), Some(Closed::ByServer));
    assert_eq!(busy.codes(), "250 250 250 354 250 421");
}

#[test]
fn closing_stands_in_for_the_reply_that_is_owed() {
    let mut server = Server::new(Arc::new(config()), Channel::plaintext(), Tick::ZERO);
    let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { panic!("no greeting") };
    server.close(&Reply::new(ReplyCode::SERVICE_UNAVAILABLE, None, "gone").unwrap());
    server.greet(owed, Ok(()));
    let mut iov = Iov::new();
    server.transmit(&mut iov);
    assert_eq!(iov.pieces(), [b"421 gone\r\n"]);
}

#[test]
fn who_speaks_before_the_greeting_is_noted_or_refused() {
    for (early_talkers, expected) in [(EarlyTalkers::Noted, "250"), (EarlyTalkers::Refused, "521")] {
        let config = ServerConfig { early_talkers, ..config() };
        let mut server = Server::new(Arc::new(config), Channel::plaintext(), Tick::ZERO);
        let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { panic!("no greeting") };
        server.recv_slot()[..6].copy_from_slice(b"NOOP\r\n");
        server.received(6, Tick::ZERO);
        assert!(server.notes().spoke_before_greeting);
        server.greet(owed, Ok(()));
        let _event = server.poll(Tick::ZERO);
        let mut iov = Iov::new();
        server.transmit(&mut iov);
        let text = StdString::from_utf8_lossy(iov.pieces()[0]);
        assert!(text.lines().nth(1).unwrap().starts_with(expected), "{text}");
    }
}

#[test]
fn an_idle_session_holds_no_buffer() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(b"EHLO c\r\nNOOP\r\n", 99);
    caller.server.release_buffer();
    assert_eq!(caller.server.input.capacity(), 0);
    assert!(caller.server.output.capacity() <= 256);
    assert!(size_of::<Server>() <= 640, "{}", size_of::<Server>());
}

#[test]
fn the_receive_buffer_does_not_grow_with_a_line() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(b"EHLO c\r\n", 99);
    let endless = [b'x'; 65_536];
    for _ in 0..64 {
        caller.feed(&endless, usize::MAX);
        assert!(caller.server.input.capacity() <= 65_536, "{}", caller.server.input.capacity());
    }
    caller.feed(b"\r\nNOOP\r\n", 99);
    assert_eq!(caller.codes(), "250 500 250");
}

#[test]
fn a_bare_lf_is_answered_though_no_crlf_comes() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    let pause = Duration::from_secs(2);
    caller.feed(b"EHLO c\n", 999);
    assert_eq!((caller.wait(pause / 2), caller.codes()), (None, String::new()));
    assert_eq!((caller.wait(pause / 2), caller.codes()), (None, "500".into()));
    assert!(caller.text().ends_with("500 5.5.2 bare LF in line, lines end with CRLF\r\n"));
    assert_eq!((caller.wait(pause), caller.codes()), (None, "500".into()), "once is enough");
    caller.feed(b"MAIL FROM:<>\nRCPT TO:<a@b.test>\n", 1);
    assert_eq!((caller.wait(pause), caller.codes()), (None, "500 500".into()));
    caller.feed(b"RSET\nNOO", 999);
    assert_eq!((caller.wait(pause), caller.codes()), (None, "500 500".into()), "the client still writes");
    caller.feed(b"P\r\nNOOP\r\n", 999);
    assert_eq!(caller.codes(), "500 500 500 250");
    assert_eq!(caller.server.counters().errors, 3);
    for _ in 0..16 {
        caller.feed(b"HELP\n", 999);
        assert_eq!(caller.wait(pause), None);
        assert_eq!(caller.wait(pause), None);
    }
    caller.feed(b"HELP\n", 999);
    assert_eq!((caller.wait(pause), caller.wait(pause)), (None, Some(Closed::TooManyErrors)));
}

#[test]
fn a_line_that_never_ends_times_out_in_pieces_too() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    for _ in 0..4 {
        caller.feed(b"a\0b", 999);
        assert_eq!(caller.wait(Duration::from_secs(60)), None);
    }
    assert_eq!(caller.wait(Duration::from_secs(60)), Some(Closed::TimedOut));
}
