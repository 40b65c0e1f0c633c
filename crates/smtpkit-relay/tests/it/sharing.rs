//! Sites side by side: what one does takes nothing from the others.

use crate::world::{Act, Dns, Has, Host, World, until};

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
