//! The server half of every mechanism against any sequence of responses: it ends, and garbage authenticates nobody.
//! Oracle: no input knows the password or the token, there is no client certificate, and nobody anonymous is let in.
#![no_main]

use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use smtpkit_auth::*;

fuzz_target!(|input: &[u8]| {
    let Some((selector, rest)) = input.split_first() else { return };
    let Some(mechanism) = Mechanism::known().nth(usize::from(selector & 0x0f)) else { return };
    let users = Users::parse("user@x:{TOKEN}4f1c.d77a {PLAIN}c0rrect h0rse", Secret::from("server secret")).expect("a valid table");
    let channel = Channel::Tls(ChannelBindings::default().with_tls_exporter([5; 32]));
    let context = ServerContext::new(Nonce::from_octets(&[2; 24]), channel, users.decoy()).offered(Mechanism::known());
    let mut responses = rest.split(|octet| *octet == b'\n');
    let initial = if selector & 0x10 == 0 { responses.next() } else { None };
    let (mut exchange, mut step) = ServerExchange::start(&mechanism, initial, context);
    loop {
        step = match step {
            ServerStep::Challenge(_) => match responses.next() {
                Some(response) => exchange.respond(response),
                None => return,
            },
            ServerStep::LookUp(query) => {
                let mut look_up = std::pin::pin!(users.look_up(query));
                let Poll::Ready(answer) = look_up.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { return };
                exchange.answer(answer)
            }
            ServerStep::Work(work) => exchange.worked(work.run()),
            ServerStep::Done(identity) => panic!("{mechanism} let {identity:?} in"),
            ServerStep::Failed(failure) => return assert!((400..600).contains(&failure.reply().code)),
        };
    }
});
