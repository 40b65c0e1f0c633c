//! MX records as real name servers give them (RFC 5321 §5.1, RFC 7505).

use std::net::{Ipv6Addr, SocketAddr};

use smtpkit_relay::{HickoryResolver, OwnNames, next_hops};
use tokio::net::UdpSocket;

use crate::host::Host;
use crate::world::{Dns, Has, World, until};

async fn hops(resolver: &HickoryResolver, domain: &str) -> String {
    match next_hops(resolver, domain, &OwnNames::new(["us.test"]), 7).await {
        Ok(hosts) => hosts.join(" "),
        Err(error) => error.status().to_string(),
    }
}

#[tokio::test]
async fn every_kind_of_answer() {
    let dns = Dns::start(&[
        ("ties.test.", Has::Mx(20, "c.test.")),
        ("ties.test.", Has::Mx(10, "a.test.")),
        ("ties.test.", Has::Mx(10, "b.test.")),
        ("null.test.", Has::Mx(0, ".")),
        ("bare.test.", Has::Address([127, 0, 0, 1])),
        ("other.test.", Has::Alias("ties.test.")),
        ("ours.test.", Has::Mx(10, "us.test.")),
        ("backup.test.", Has::Mx(10, "us.test.")),
        ("backup.test.", Has::Mx(5, "a.test.")),
    ])
    .await;
    let resolver = dns.resolver();
    let ties = hops(&resolver, "ties.test").await;
    assert!(ties == "a.test b.test c.test" || ties == "b.test a.test c.test", "{ties}");
    assert_eq!(hops(&resolver, "other.test").await, ties, "CNAME is followed");
    for (domain, expected) in [
        ("null.test", "5.1.10"),
        ("bare.test", "bare.test"),
        ("ours.test", "5.4.6"),
        ("backup.test", "a.test"),
        ("nowhere.test", "5.1.2"),
        ("refused.example", "4.4.3"),
    ] {
        assert_eq!(hops(&resolver, domain).await, expected, "{domain}");
    }
}

#[tokio::test]
async fn the_next_host_takes_what_the_first_one_cannot() {
    let second = Host::start("127.0.0.2:0", |_, _| None).await;
    let port = second.address.port();
    let first = Host::start(&format!("127.0.0.1:{port}"), |verb, _| {
        (verb == "CONNECT").then_some(crate::host::Act::Say("421 4.3.2 not now"))
    })
    .await;
    let dns = Dns::start(&[
        ("far.test.", Has::Mx(10, "one.test.")),
        ("far.test.", Has::Mx(20, "two.test.")),
        ("one.test.", Has::Address([127, 0, 0, 1])),
        ("two.test.", Has::Address([127, 0, 0, 2])),
    ])
    .await;
    let world = World::start(&dns, port);
    world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    until("delivered", || world.is_empty()).await;
    assert_eq!((first.connections(), second.got().len()), (1, 1));
    assert_eq!(second.got()[0].commands[1], "RCPT TO:<bob@far.test>");
    world.stop().await;
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_host_by_either_kind_of_address() {
    let six = Host::start("[::1]:0", |_, _| None).await;
    let port = six.address.port();
    let four = Host::start(&format!("127.0.0.3:{port}"), |_, _| None).await;
    let dns = Dns::start(&[
        ("six.test.", Has::Address6(Ipv6Addr::LOCALHOST)),
        ("four.test.", Has::Address([127, 0, 0, 3])),
        // the first address is that of nobody
        ("both.test.", Has::Address([127, 0, 0, 4])),
        ("both.test.", Has::Address6(Ipv6Addr::LOCALHOST)),
    ])
    .await;
    let world = World::start(&dns, port);
    for to in ["a@six.test", "b@four.test", "c@both.test"] {
        world.send(&[(to, "")], "Subject: x\r\n\r\nhi\r\n").await;
    }
    until("delivered", || world.is_empty()).await;
    assert_eq!((six.got().len(), four.got().len()), (2, 1));
    world.stop().await;
}

/// A name server with one answer to everything: the question with these header flags, or nothing at all.
async fn saying(flags: Option<[u8; 2]>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let Some(flags) = flags else { continue };
            question[2..4].copy_from_slice(&flags);
            socket.send_to(&question[..length], from).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn name_servers_in_trouble_fail_no_mail() {
    // RFC 1035 section 4.1.1: SERVFAIL and REFUSED; and one that never answers
    for flags in [Some([0x84, 0x02]), Some([0x84, 0x05]), None] {
        let resolver = HickoryResolver::with_servers(&[saying(flags).await]).unwrap();
        assert_eq!(hops(&resolver, "far.test").await, "4.4.3", "{flags:?}");
    }
}
