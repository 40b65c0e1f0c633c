//! The machine as a peer sees it: what is said, and what is answered, whatever the pieces in which it comes.

mod content;
mod extensions;
mod order;
mod patience;
mod properties;
mod security;

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
