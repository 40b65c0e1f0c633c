//! What holds for every input.

use super::*;

/// A line of a session: mostly good ones, so that it gets somewhere.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("EHLO c\r\n".to_string()),
        Just("MAIL FROM:<a@b.test>\r\n".to_string()),
        Just("RCPT TO:<c@d.test>\r\n".to_string()),
        Just("RCPT TO:<no@d.test>\r\n".to_string()),
        Just("DATA\r\ntext\r\n.\r\n".to_string()),
        Just("BDAT 5\r\nab\ncd".to_string()),
        Just("BDAT 2 LAST\r\nxy".to_string()),
        Just("RSET\r\n".to_string()),
        Just("AUTH PLAIN\r\nZm9v\r\n".to_string()),
        Just("NOOP\n\r\n".to_string()),
        "[A-Z]{0,6}( [ -~]{0,12})?\r\n",
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same_session(lines in proptest::collection::vec(line(), 0..12), step in 1_usize..40) {
        let input = lines.concat();
        let config = ServerConfig { authentication: Authentication::Offered, ..config() };
        let channel = Channel::tls().with_mechanisms([MechanismName::PLAIN]);
        let whole = session(config.clone(), channel.clone(), input.as_bytes(), usize::MAX);
        prop_assert_eq!(session(config, channel, input.as_bytes(), step), whole);
    }

    #[test]
    fn any_octets_are_answered_without_panic(input in proptest::collection::vec(any::<u8>(), 0..600), step in 1_usize..40) {
        let whole = session(config(), Channel::plaintext(), &input, usize::MAX);
        prop_assert_eq!(session(config(), Channel::plaintext(), &input, step), whole);
    }

    /// One reply per command: the commands here are those that are no content and no chunk.
    #[test]
    fn one_reply_per_command(lines in proptest::collection::vec(prop_oneof![
        Just("EHLO c\r\n"), Just("MAIL FROM:<a@b.test>\r\n"), Just("RCPT TO:<c@d.test>\r\n"), Just("RSET\r\n"),
        Just("RCPT TO:<no@d.test>\r\n"), Just("VRFY x\r\n"), Just("BOGUS\r\n"), Just("MAIL FROM:<\r\n"), Just("HELP\r\n"),
    ], 0..30)) {
        let mut caller = Caller::new(config(), Channel::plaintext());
        let mut closed = caller.feed(lines.concat().as_bytes(), 17);
        // replies that are held because there were so many errors; the last of those ends the session
        while closed.is_none() && caller.server.deadline().is_some() && caller.server.recv_slot().is_empty() {
            caller.now = caller.server.deadline().unwrap();
            caller.server.expired(caller.now);
            closed = caller.settle();
        }
        let replies = caller.codes().split_whitespace().count();
        let answered = caller.server.counters().commands as usize;
        prop_assert_eq!(replies, if closed.is_none() { lines.len() } else { answered });
    }
}
