//! What goes wrong at other hosts, and what becomes of the mail.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smtpkit_relay::queue::{Action, Filter, Schedule};
use smtpkit_relay::{Clock, HickoryResolver, Lookup, Mx, Resolver};

use crate::host::{Act, Host};
use crate::world::{Dns, Has, PATIENCE, World, until};

const HERE: [(&str, Has); 2] =
    [("far.test.", Has::Mx(10, "mx.test.")), ("mx.test.", Has::Address([127, 0, 0, 1]))];

#[tokio::test]
async fn a_host_that_says_later_gets_it_later() {
    let host = Host::start("127.0.0.1:0", |verb, nth| {
        (verb == "MAIL" && nth < 2).then_some(Act::Say("451 4.3.0 later"))
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, host.address.port());
    let id = world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    let entry = || world.relay.spool().get(id);
    until("tried twice", || entry().is_none_or(|entry| entry.recipients[0].attempts == 2)).await;
    until("delivered", || world.is_empty()).await;
    assert_eq!(host.got()[0].content, "Subject: x\r\n\r\nhi\r\n");
    assert!(world.reports().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn what_the_operator_wants_retried_goes_at_once() {
    let host = Host::start("127.0.0.1:0", |verb, nth| {
        (verb == "MAIL" && nth == 0).then_some(Act::Say("451 4.3.0 later"))
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let tomorrow = Schedule::new(vec![Duration::from_secs(86_400)]).unwrap();
    let world = World::on_disk(&dns, host.address.port(), tomorrow);
    let id = world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    let attempts = || world.relay.spool().get(id).map(|entry| entry.recipients[0].attempts);
    until("tried once", || attempts() == Some(1)).await;
    let receipt = world.relay.manage(Action::Retry, &Filter::all(), Clock::system().now()).await.unwrap();
    assert_eq!(receipt.changed, 1);
    // the scheduler looks again after a minute even if nobody wakes it
    let delivered = until("delivered", || world.is_empty());
    assert!(tokio::time::timeout(PATIENCE / 2, delivered).await.is_ok(), "the scheduler was not woken");
    assert_eq!(host.got().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn each_recipient_has_an_outcome_of_its_own() {
    let host = Host::start("127.0.0.1:0", |verb, nth| match (verb, nth) {
        ("RCPT", 1) => Some(Act::Say("550 5.1.1 no such user")),
        ("RCPT", 2) => Some(Act::Say("450 4.2.1 mailbox busy")),
        _ => None,
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, host.address.port());
    world
        .send(&[("a@far.test", ""), ("b@far.test", ""), ("c@far.test", "")], "Subject: x\r\n\r\nhi\r\n")
        .await;
    until("all settled", || world.is_empty()).await;
    let last = |at: usize| host.got()[at].commands.iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!((host.got().len(), last(0), last(1)), (2, 3, 1), "{:?}", host.got());
    until("one report", || world.reports().len() == 1).await;
    assert!(world.reports()[0].contains("Final-Recipient: rfc822; b@far.test\r\n"));
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_never_came_means_once_more() {
    let host = Host::start("127.0.0.1:0", |verb, nth| (verb == "." && nth == 0).then_some(Act::Close)).await;
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, host.address.port());
    world.send(&[("bob@far.test", "")], "Message-ID: <1@x>\r\n\r\nhi\r\n").await;
    until("delivered", || world.is_empty()).await;
    assert_eq!(host.got().len(), 1);
    assert!(host.got()[0].content.contains("Message-ID: <1@x>\r\n"));
    world.stop().await;
}

#[tokio::test]
async fn a_closing_host_is_asked_again() {
    let host = Host::start("127.0.0.1:0", |verb, nth| {
        (verb == "RCPT" && nth == 0).then_some(Act::Say("421 4.3.2 closing"))
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, host.address.port());
    world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    until("delivered", || world.is_empty()).await;
    assert_eq!(host.got().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_host_that_is_down_is_asked_once_for_many() {
    let host = Host::start("127.0.0.1:0", |verb, nth| {
        (verb == "CONNECT" && nth == 0).then_some(Act::Say("554 5.3.2 no service"))
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, host.address.port());
    for _ in 0..50 {
        world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("all delivered in the end", || world.is_empty()).await;
    assert_eq!(host.got().len(), 50);
    assert!(host.connections() < 20, "{} connections for 50 messages", host.connections());
    world.stop().await;
}

/// Panics over the first questions.
struct Faulty {
    left: AtomicUsize,
    sound: HickoryResolver,
}

impl Resolver for Faulty {
    fn mx<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<Mx>> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "a fault in the program");
        self.sound.mx(domain)
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        self.sound.addresses(host)
    }
}

#[tokio::test]
async fn a_delivery_that_breaks_off_gives_back_what_it_held() {
    let host = Host::start("127.0.0.1:0", |_, _| None).await;
    let dns = Dns::start(&HERE).await;
    // as often as a site may have deliveries to begin with: none of the places is lost
    let resolver = Faulty { left: AtomicUsize::new(2), sound: dns.resolver() };
    let world = World::with_resolver(resolver, host.address.port());
    for _ in 0..3 {
        world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("delivered after all", || world.is_empty()).await;
    assert_eq!(host.got().len(), 3);
    world.stop().await;
}
