//! The machine as a peer sees it: what is said, and what is answered, whatever the pieces in which it comes.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::string::String as StdString;

use proptest::prelude::*;
use smtpkit_codec::{BareNewline, DomainRef, MechanismName, Reply, ReplyCode};

use super::*;
use crate::wire::{Iov, Tick, Wire as _};

fn config() -> ServerConfig {
    ServerConfig::new(DomainRef::parse("mx.test").unwrap())
}

fn refusal(text: &'static str) -> Reply {
    Reply::new(ReplyCode::MAILBOX_UNAVAILABLE, None, text).unwrap()
}

/// A caller that accepts everything, but for recipients and senders whose name begins with `no`.
struct Caller {
    server: Server,
    now: Tick,
    events: Vec<String>,
    content: Vec<u8>,
    replies: Vec<u8>,
    writes: usize,
}

impl Caller {
    fn new(config: ServerConfig, channel: Channel) -> Self {
        let server = Server::new(Arc::new(config), channel, Tick::ZERO);
        Self {
            server,
            now: Tick::ZERO,
            events: Vec::new(),
            content: Vec::new(),
            replies: Vec::new(),
            writes: 0,
        }
    }

    /// Everything that can happen without further input; the last event is `Closed` if the session is over.
    fn settle(&mut self) -> Option<Closed> {
        loop {
            let event = self.server.poll(self.now);
            if !matches!(event, ServerEvent::Idle | ServerEvent::Content(_) | ServerEvent::Greeting(_)) {
                self.events.push(format!("{event:?}"));
            }
            match event {
                ServerEvent::Idle => {
                    if !self.write() {
                        return None;
                    }
                }
                ServerEvent::Closed(why) => return Some(why),
                event => self.answer(event),
            }
        }
    }

    fn answer(&mut self, event: ServerEvent) {
        let server = &mut self.server;
        match event {
            ServerEvent::Greeting(owed) => server.greet(owed, Ok(())),
            ServerEvent::Hello { owed, .. } => server.hello(owed, Ok(())),
            ServerEvent::StartTls(owed) => server.start_tls(owed, Ok(())),
            ServerEvent::Upgrade => self.upgrade(),
            ServerEvent::Auth { initial_response, owed, .. } => match initial_response {
                InitialResponse::Absent => server.auth_challenge(owed, "UGFzc3dvcmQ6"),
                InitialResponse::Empty => server.auth_challenge(owed, ""),
                InitialResponse::Base64(text) => auth_verdict(server, owed, text.expose()),
            },
            ServerEvent::AuthResponse { response, owed } => auth_verdict(server, owed, response.expose()),
            ServerEvent::Mail { reverse_path, owed, .. } => {
                let is_refused = reverse_path.to_string().starts_with("<no");
                server.mail(owed, if is_refused { Err(refusal("no")) } else { Ok(()) });
            }
            ServerEvent::Rcpt { forward_path, owed, .. } => {
                let is_refused = forward_path.to_string().starts_with("<no");
                server.rcpt(owed, if is_refused { Err(refusal("no")) } else { Ok(()) });
            }
            ServerEvent::Data(owed) => server.content(owed, Ok(())),
            ServerEvent::Content(octets) => self.content.extend_from_slice(&octets),
            ServerEvent::ContentEnd(owed) => {
                self.content.extend_from_slice(b"|");
                server.message_each(owed, |index| {
                    Ok(Reply::new(ReplyCode::OK, None, &format!("message {index}")).unwrap())
                });
            }
            ServerEvent::Xclient { owed, .. } | ServerEvent::Xforward { owed, .. } => {
                server.proxied(owed, Ok(()))
            }
            _ => {}
        }
    }

    fn upgrade(&mut self) {
        let config = self.server.config().clone();
        let old = core::mem::replace(&mut self.server, Server::new(config, Channel::plaintext(), self.now));
        let channel = Channel::tls().with_mechanisms([MechanismName::PLAIN]);
        self.server = old.into_upgrade().unwrap().secured(channel, self.now);
    }

    /// One vectored write; `false` if there was nothing to write.
    fn write(&mut self) -> bool {
        let mut iov = Iov::new();
        self.server.transmit(&mut iov);
        if iov.is_empty() {
            return false;
        }
        let octets = iov.octets();
        for piece in iov.pieces() {
            self.replies.extend_from_slice(piece);
        }
        self.writes += 1;
        self.server.sent(octets, self.now);
        true
    }

    /// Gives `input` in pieces of at most `step` octets, as far as the machine takes it.
    fn feed(&mut self, mut input: &[u8], step: usize) -> Option<Closed> {
        let mut closed = self.settle();
        while closed.is_none() && !input.is_empty() {
            let slot = self.server.recv_slot();
            let n = slot.len().min(step).min(input.len());
            if n == 0 {
                // A held reply: let its time pass.
                let Some(deadline) = self.server.deadline() else { break };
                self.now = deadline;
                self.server.expired(deadline);
            } else {
                slot[..n].copy_from_slice(&input[..n]);
                self.server.received(n, self.now);
                input = &input[n..];
            }
            closed = self.settle();
        }
        closed
    }

    /// The client closes its side.
    fn end(&mut self) -> Option<Closed> {
        while self.server.deadline().is_some_and(|_| self.server.recv_slot().is_empty()) {
            let deadline = self.server.deadline().unwrap();
            self.now = deadline;
            self.server.expired(deadline);
            self.settle();
        }
        self.server.received(0, self.now);
        self.settle()
    }

    fn wait(&mut self, time: Duration) -> Option<Closed> {
        self.now = self.now + time;
        self.server.expired(self.now);
        self.settle()
    }

    /// The codes of all final reply lines, the greeting left out.
    fn codes(&self) -> String {
        let text = StdString::from_utf8_lossy(&self.replies);
        let finals = text.lines().filter(|line| line.as_bytes().get(3) != Some(&b'-'));
        let codes: Vec<&str> = finals.skip(1).map(|line| &line[..3]).collect();
        codes.join(" ")
    }

    fn text(&self) -> String {
        StdString::from_utf8(self.replies.clone()).unwrap()
    }
}

/// `d3Jvbmc=` is "wrong"; anything else is right.
fn auth_verdict(server: &mut Server, owed: Owed<owed_for::Auth>, response: &str) {
    if response == "d3Jvbmc=" {
        let reply = Reply::new(ReplyCode::AUTH_FAILED, None, "wrong").unwrap();
        server.auth_refused(owed, reply, AuthFailure::Counts);
    } else {
        server.auth_accepted(owed);
    }
}

/// What a whole session comes to, for one fragmentation of its input.
fn session(
    config: ServerConfig,
    channel: Channel,
    input: &[u8],
    step: usize,
) -> (String, Vec<String>, Vec<u8>) {
    let mut caller = Caller::new(config, channel);
    if caller.feed(input, step).is_none() {
        caller.end();
    }
    (caller.text(), caller.events, caller.content)
}

/// Says `input` in pieces of every size and checks the codes of the replies.
fn check_with(config: &ServerConfig, channel: &Channel, input: &str, expected: &str) {
    let whole = session(config.clone(), channel.clone(), input.as_bytes(), usize::MAX);
    let mut caller = Caller::new(config.clone(), channel.clone());
    caller.feed(input.as_bytes(), usize::MAX);
    assert_eq!(caller.codes(), expected, "{input:?}");
    for step in 1..input.len().min(40) {
        assert_eq!(
            session(config.clone(), channel.clone(), input.as_bytes(), step),
            whole,
            "{input:?} by {step}"
        );
    }
}

fn check(input: &str, expected: &str) {
    check_with(&config(), &Channel::plaintext(), input, expected);
}

// ---- order (RFC 5321 §4.1.4)

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

// ---- extensions

#[test]
fn parameters_need_their_extension() {
    let mail = |parameters: &str| format!("EHLO c\r\nMAIL FROM:<a@b.test> {parameters}\r\n");
    for (parameters, expected) in [
        ("SIZE=52428800", "250 250"),
        ("SIZE=52428801", "250 552"),
        ("BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=1", "250 250"),
        ("BODY=BINARYMIME", "250 250"),
        ("BODY=9BIT", "250 501"),
        ("X-UNKNOWN", "250 555"),
        ("BY=100;R", "250 555"),
        ("MT-PRIORITY=3", "250 555"),
        ("HOLDFOR=10", "250 555"),
        ("AUTH=<>", "250 555"),
        ("REQUIRETLS", "250 530"),
    ] {
        check(&mail(parameters), expected);
    }
    let opted = ServerConfig {
        extensions: Extensions::default()
            .with(Extensions::DELIVERBY)
            .with(Extensions::MT_PRIORITY)
            .with(Extensions::FUTURERELEASE)
            .without(Extensions::SIZE)
            .without(Extensions::CHUNKING),
        ..config()
    };
    for (parameters, expected) in [
        ("BY=100;R", "250 250"),
        ("MT-PRIORITY=3", "250 250"),
        ("HOLDFOR=10", "250 250"),
        ("SIZE=1", "250 555"),
        ("BODY=BINARYMIME", "250 555"),
    ] {
        check_with(&opted, &Channel::plaintext(), &mail(parameters), expected);
    }
}

#[test]
fn recipients_have_rules_of_their_own() {
    let rcpt =
        |parameters: &str| format!("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test> {parameters}\r\n");
    check(&rcpt("NOTIFY=NEVER ORCPT=rfc822;c@d.test"), "250 250 250");
    check(&rcpt("RRVS=2014-04-03T23:01:00Z"), "250 250 555");
    check(&rcpt("FOO=1"), "250 250 555");
    let few =
        ServerConfig { limits: ServerLimits { recipients_max: 2, ..ServerLimits::default() }, ..config() };
    let three = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<no@b.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\n";
    check_with(&few, &Channel::plaintext(), three, "250 250 250 550 250 452");
}

#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    check("EHLO c\r\nMAIL FROM:<ü@b.test>\r\n", "250 553");
    check("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ü@b.test>\r\n", "250 250 553");
    check("EHLO c\r\nMAIL FROM:<ü@b.test> SMTPUTF8\r\nRCPT TO:<ä@bücher.test>\r\n", "250 250 250");
}

#[test]
fn the_list_of_extensions() {
    let (text, ..) = session(config(), Channel::plaintext(), b"EHLO c\r\n", 99);
    let expected = "220 mx.test ESMTP smtpkit\r\n250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
                    250-CHUNKING\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 52428800\r\n\
                    250-LIMITS RCPTMAX=1000\r\n250 HELP\r\n";
    assert_eq!(text, expected);
    let config = ServerConfig { tls: TlsRule::Offered, authentication: Authentication::Offered, ..config() };
    let (text, ..) = session(config.clone(), Channel::plaintext(), b"EHLO c\r\n", 99);
    assert!(
        text.contains("250-STARTTLS\r\n") && !text.contains("AUTH") && !text.contains("REQUIRETLS"),
        "{text}"
    );
    let secured = Channel::tls().with_mechanisms([MechanismName::PLAIN, MechanismName::LOGIN]);
    let (text, ..) = session(config, secured, b"EHLO c\r\n", 99);
    assert!(!text.contains("STARTTLS") && text.contains("250-AUTH PLAIN LOGIN\r\n250"), "{text}");
    assert!(text.contains("250-REQUIRETLS\r\n"), "{text}");
}

// ---- the end of data (RFC 5321 §4.1.1.4)

/// Sends `content` after 354, and a QUIT after it. `Ok` is what was taken, `Err` the reply.
fn check_end_of_data(policy: BareNewline, content: &[u8], expected: Result<&[u8], &str>) {
    let config = ServerConfig { bare_newline: policy, ..config() };
    let mut input = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n".to_vec();
    input.extend_from_slice(content);
    input.extend_from_slice(b"\r\nQUIT\r\n");
    let whole = session(config.clone(), Channel::plaintext(), &input, usize::MAX);
    for step in 1..input.len() {
        assert_eq!(
            session(config.clone(), Channel::plaintext(), &input, step),
            whole,
            "{content:?} by {step}"
        );
    }
    let taken = whole.2.strip_suffix(b"|");
    let after = whole.0.split("354 ").nth(1).unwrap().lines().nth(1).unwrap_or_default();
    match expected {
        Ok(expected) => {
            assert_eq!(
                taken.map(StdString::from_utf8_lossy),
                Some(StdString::from_utf8_lossy(expected)),
                "{content:?}"
            );
            assert!(after.starts_with("250"), "{content:?}: {after}");
        }
        Err(expected) => {
            assert_eq!(taken, None, "{content:?}");
            assert!(after.starts_with(expected), "{content:?}: {after}");
        }
    }
}

#[test]
fn only_crlf_dot_crlf_ends_data() {
    for (content, expected) in [
        (&b"a\r\n."[..], Ok(&b"a\r\n"[..])),
        (b".", Ok(b"")),
        (b"..\r\n.", Ok(b".\r\n")),
        (b"a\r\n..\r\n...\r\n.", Ok(b"a\r\n.\r\n..\r\n")),
        (b"a\n.\n\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\n.\r\n\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\r.\r\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\r\n.\nb\r\n.", Err("550 5.6.0 bare LF")),
        (b"a\r\n.\rb\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\r\n.\r\r\nb\r\n.", Err("550 5.6.0 bare CR")),
        (b"a\0b\r\n.", Err("550 5.6.0 NUL")),
        (b"a\r\r\n.", Err("550 5.6.0 bare CR")),
    ] {
        check_end_of_data(BareNewline::Refuse, content, expected);
    }
}

#[test]
fn a_normalised_newline_does_not_end_data() {
    for (content, expected) in [
        (&b"a\nb\r\n."[..], Ok(&b"a\r\nb\r\n"[..])),
        (b"a\rb\r\n.", Ok(b"a\r\nb\r\n")),
        (b"a\0b\r\n.", Err("550 5.6.0 NUL")),
    ] {
        check_end_of_data(BareNewline::Normalise, content, expected);
    }
    let smuggled = b"a\n.\nMAIL FROM:<x@y.test>\r\n.";
    let config = ServerConfig { bare_newline: BareNewline::Normalise, ..config() };
    let mut input = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n".to_vec();
    input.extend_from_slice(smuggled);
    input.extend_from_slice(b"\r\n");
    let (_, events, content) = session(config, Channel::plaintext(), &input, 3);
    assert_eq!(events.iter().filter(|event| event.starts_with("Mail")).count(), 1, "{events:?}");
    assert!(content.ends_with(b"|"));
}

#[test]
fn a_message_that_is_too_big_is_refused_at_its_end() {
    let limits = ServerLimits { message_octets_max: 10, ..ServerLimits::default() };
    let config = ServerConfig { limits, ..config() };
    let start = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n";
    let plaintext = Channel::plaintext();
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\n12345678\r\n.\r\nNOOP\r\n"),
        "250 250 250 354 250 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\n123456789\r\n.\r\nNOOP\r\n"),
        "250 250 250 354 552 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}BDAT 11 LAST\r\n12345678901NOOP\r\n"),
        "250 250 250 552 250",
    );
    check_with(
        &config,
        &plaintext,
        &format!("{start}BDAT 10 LAST\r\n1234567890NOOP\r\n"),
        "250 250 250 250 250",
    );
}

#[test]
fn endless_content_is_cut() {
    let limits = ServerLimits { message_octets_max: 10, surplus_octets_max: 100, ..ServerLimits::default() };
    let mut caller = Caller::new(ServerConfig { limits, ..config() }, Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", 999);
    assert_eq!(caller.feed(&[b'x'; 1000], 50), Some(Closed::TooMuchContent));
    let limits = ServerLimits { message_octets_max: 10, surplus_octets_max: 100, ..ServerLimits::default() };
    let mut caller = Caller::new(ServerConfig { limits, ..config() }, Channel::plaintext());
    caller.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n", 999);
    assert_eq!(caller.feed(b"BDAT 18446744073709551615\r\n", 999), Some(Closed::TooMuchContent));
}

// ---- BDAT (RFC 3030)

#[test]
fn chunks() {
    let start = "EHLO c\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.test>\r\n";
    for (input, expected) in [
        ("BDAT 3\r\nabcBDAT 0 LAST\r\n", "250 250"),
        ("BDAT 0 LAST\r\n", "250"),
        ("BDAT 5 LAST\r\na\n\0\r.NOOP\r\n", "250 250"),
        (
            "BDAT 3\r\nabcDATA\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nNOOP\r\nBDAT 1 LAST\r\nx",
            "250 503 503 503 250 250",
        ),
        ("BDAT 3\r\nabcRSET\r\nBDAT 3\r\nabcNOOP\r\n", "250 250 503 250"),
        ("DATA\r\n", "503"),
        ("BDAT -1\r\nBDAT 1 FIRST\r\nBDAT\r\nBDAT 99999999999999999999999\r\n", "501 501 501 501"),
    ] {
        check(&format!("{start}{input}"), &format!("250 250 250 {expected}"));
    }
    // The octets of a chunk that is refused are no commands.
    check("EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 250");
    check("EHLO c\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 250 503 250");
    let whole = format!("{start}BDAT 3\r\nabcBDAT 2\r\ndeBDAT 1 LAST\r\nf");
    assert_eq!(session(config(), Channel::plaintext(), whole.as_bytes(), 5).2, b"abcdef|");
}

// ---- LMTP (RFC 2033)

#[test]
fn lmtp_answers_each_recipient() {
    let config = ServerConfig { protocol: Protocol::Lmtp, ..config() };
    let start =
        "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<no@b.test>\r\nRCPT TO:<c@b.test>\r\n";
    let plaintext = Channel::plaintext();
    check_with(&config, &plaintext, "EHLO c\r\nHELO c\r\n", "500 500");
    check_with(&config, &plaintext, &format!("{start}DATA\r\n.\r\n"), "250 250 250 550 250 354 250 250");
    check_with(
        &config,
        &plaintext,
        &format!("{start}DATA\r\na\nb\r\n.\r\n"),
        "250 250 250 550 250 354 550 550",
    );
    check_with(&config, &plaintext, &format!("{start}BDAT 1 LAST\r\nx"), "250 250 250 550 250 250 250");
    check_with(
        &config,
        &plaintext,
        "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@b.test>\r\nDATA\r\n",
        "250 250 550 503",
    );
}

// ---- STARTTLS (RFC 3207)

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

// ---- AUTH (RFC 4954)

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

// ---- pipelining (RFC 2920)

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

// ---- limits and time

#[test]
fn errors_slow_the_session_down_and_end_it() {
    let mut caller = Caller::new(config(), Channel::plaintext());
    caller.feed(&b"JUNK\r\n".repeat(10), 999);
    assert_eq!(caller.now, Tick::ZERO, "soft errors are answered at once");
    assert_eq!(caller.feed(&b"JUNK\r\n".repeat(990), 6), Some(Closed::TooManyErrors));
    assert_eq!(caller.codes(), format!("{}421", "500 ".repeat(19)));
    assert!(caller.now.since(Tick::ZERO) >= Duration::from_secs(9), "{:?}", caller.now);
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

// ---- properties

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
        let closed = caller.feed(lines.concat().as_bytes(), 17);
        let replies = caller.codes().split_whitespace().count();
        let answered = caller.server.counters().commands as usize;
        if closed.is_none() {
            while caller.server.deadline().is_some() && caller.server.recv_slot().is_empty() {
                caller.now = caller.server.deadline().unwrap();
                caller.server.expired(caller.now);
                caller.settle();
            }
            prop_assert_eq!(caller.codes().split_whitespace().count(), lines.len());
        } else {
            prop_assert_eq!(replies, answered);
        }
    }
}
