//! Sites side by side: what one does takes nothing from the others.

use std::time::Duration;

use smtpkit_relay::queue::Schedule;

use crate::host::{Act, Got, Host};
use crate::world::{Dns, Has, World, until};

/// Messages to one site, and connections that it is given.
const MESSAGES: usize = 1_000;
const CONNECTIONS: usize = 4;

#[tokio::test]
async fn a_silent_host_holds_up_nobody_else() {
    let silent = Host::start("127.0.0.1:0", |verb, _| (verb == "CONNECT").then_some(Act::Hang)).await;
    let port = silent.address.port();
    let alive = Host::start(&format!("127.0.0.2:{port}"), |_, _| None).await;
    let dns = Dns::start(&[
        ("silent.test.", Has::Address([127, 0, 0, 1])),
        ("alive.test.", Has::Address([127, 0, 0, 2])),
    ])
    .await;
    let world = World::start(&dns, port);
    for _ in 0..100 {
        world.send(&[("bob@silent.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("the silent host is asked", || silent.connections() > 0).await;
    for _ in 0..20 {
        world.send(&[("bob@alive.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("the others have theirs", || alive.got().len() == 20).await;
    assert!(silent.connections() <= 2, "{} connections at first", silent.connections());
    world.stop().await;
}

#[tokio::test]
async fn connections_are_used_again() {
    let host = Host::start("127.0.0.1:0", |_, _| None).await;
    let dns = Dns::start(&[("far.test.", Has::Address([127, 0, 0, 1]))]).await;
    let world = World::start(&dns, host.address.port());
    for _ in 0..200 {
        world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("all delivered", || world.is_empty()).await;
    assert_eq!(host.got().len(), 200);
    assert!(host.connections() <= 21, "{} connections for 200 messages", host.connections());
    world.stop().await;
}

#[tokio::test]
async fn a_thousand_messages_take_few_connections_and_two_round_trips_each() {
    // MAIL and RCPT are answered together with DATA: whoever waits for an answer before that waits for ever
    let host = Host::start("127.0.0.1:0", |verb, _| match verb {
        "MAIL" => Some(Act::Keep("250 2.1.0 ok")),
        "RCPT" => Some(Act::Keep("250 2.1.5 ok")),
        _ => None,
    })
    .await;
    let dns = Dns::start(&[("far.test.", Has::Address([127, 0, 0, 1]))]).await;
    let minute = Schedule::new(vec![Duration::from_secs(60)]).unwrap();
    let world = World::with_options(&dns, host.address.port(), minute, |options, _| {
        options.limits.site_max = CONNECTIONS;
    });
    for _ in 0..MESSAGES {
        world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("all delivered", || world.is_empty()).await;
    let mut loads = vec![0; host.connections()];
    for message in host.got() {
        loads[message.connection] += 1;
    }
    assert_eq!(loads.iter().sum::<usize>(), MESSAGES);
    assert!(host.most_open() <= CONNECTIONS, "{} connections at once", host.most_open());
    // each takes a hundred, but for the few that are open at the end
    assert!(loads.iter().all(|load| *load <= 100), "{loads:?}");
    assert!(loads.len() <= MESSAGES / 100 + CONNECTIONS, "{loads:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_host_that_names_its_limits_gets_no_more_than_that() {
    // RFC 9422 section 4
    let host = Host::start("127.0.0.1:0", |verb, _| {
        let offers = "250-host.test\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2 MAILMAX=1";
        (verb == "EHLO").then_some(Act::Say(offers))
    })
    .await;
    let dns =
        Dns::start(&[("far.test.", Has::Mx(10, "mx.test.")), ("mx.test.", Has::Address([127, 0, 0, 1]))])
            .await;
    let world = World::start(&dns, host.address.port());
    let names: Vec<String> = (0..5).map(|number| format!("r{number}@far.test")).collect();
    let recipients: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    for _ in 0..2 {
        world.send(&recipients, "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("delivered", || world.is_empty()).await;
    assert!(world.reports().is_empty(), "{:?}", world.reports());
    let got = host.got();
    let counts = |got: &Got| got.commands.iter().filter(|command| command.starts_with("RCPT")).count();
    assert_eq!(got.iter().map(counts).sum::<usize>(), 10);
    assert!(got.iter().all(|got| counts(got) <= 2), "{got:?}");
    assert_eq!(host.connections(), got.len(), "one message each");
    world.stop().await;
}
