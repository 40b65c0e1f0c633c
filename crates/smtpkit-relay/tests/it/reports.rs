//! Who hears of what (RFC 3461, RFC 3464).

use std::time::Duration;

use smtpkit_mime::Message;
use smtpkit_mime::report::{Action, DeliveryStatus};
use smtpkit_relay::queue::Schedule;

use crate::host::{Act, Host};
use crate::world::{Dns, Has, World, until};

const HERE: [(&str, Has); 3] = [
    ("far.test.", Has::Mx(10, "mx.test.")),
    ("mx.test.", Has::Address([127, 0, 0, 1])),
    ("null.test.", Has::Mx(0, ".")),
];

fn status(report: &str) -> DeliveryStatus {
    let found = DeliveryStatus::find(&Message::parse(report.as_bytes())).unwrap();
    assert!(found.defects.is_empty(), "{:?}", found.defects);
    found.report
}

#[tokio::test]
async fn a_domain_without_mail_is_reported_at_once() {
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, 9);
    world.send(&[("bob@null.test", "ORCPT=rfc822;b@x.test")], "Subject: x\r\n\r\nhi\r\n").await;
    until("a report", || world.reports().len() == 1).await;
    let report = world.reports().remove(0);
    assert!(report.starts_with("Return-Path: <>\r\n"), "{report}");
    let status = status(&report);
    assert_eq!(status.recipients[0].action, Action::Failed);
    assert_eq!(status.recipients[0].status.to_string(), "5.1.10");
    assert_eq!(status.recipients[0].original_recipient.as_ref().unwrap().value(), "b@x.test");
    world.stop().await;
}

#[tokio::test]
async fn nobody_is_told_who_does_not_want_to_be_and_no_report_is_reported() {
    let dns = Dns::start(&HERE).await;
    let world = World::start(&dns, 9);
    world.send(&[("bob@null.test", "NOTIFY=NEVER")], "Subject: x\r\n\r\nhi\r\n").await;
    world.send_from("<>", &[("bob@null.test", "")], "Subject: a report\r\n\r\nhi\r\n").await;
    until("both are over", || world.is_empty()).await;
    assert!(world.reports().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_delay_is_told_once_and_success_by_whoever_knows_it_last() {
    let host = Host::start("127.0.0.1:0", |verb, nth| {
        (verb == "MAIL" && nth < 3).then_some(Act::Say("451 4.3.0 later"))
    })
    .await;
    let dns = Dns::start(&HERE).await;
    let schedule = Schedule::new(vec![Duration::from_secs(1)])
        .unwrap()
        .with_jitter(0)
        .unwrap()
        .with_delay_notice(Some(Duration::from_millis(500)));
    let world = World::with_schedule(&dns, host.address.port(), schedule);
    world.send(&[("bob@far.test", "NOTIFY=SUCCESS,DELAY")], "Subject: x\r\n\r\nhi\r\n").await;
    until("two reports", || world.reports().len() == 2).await;
    until("nothing left", || world.is_empty()).await;
    let mut actions: Vec<String> =
        world.reports().iter().map(|report| status(report).recipients[0].action.to_string()).collect();
    actions.sort();
    assert_eq!(actions, ["delayed", "relayed"], "the host does not offer DSN");
    assert!(!host.got()[0].commands.iter().any(|line| line.contains("NOTIFY")), "{:?}", host.got());
    world.stop().await;
}

#[tokio::test]
async fn the_end_of_patience_is_told() {
    let host =
        Host::start("127.0.0.1:0", |verb, _| (verb == "MAIL").then_some(Act::Say("451 4.3.0 never"))).await;
    let dns = Dns::start(&HERE).await;
    let schedule = Schedule::new(vec![Duration::from_secs(1)])
        .unwrap()
        .with_jitter(0)
        .unwrap()
        .with_give_up(Duration::from_millis(1_500));
    let world = World::with_schedule(&dns, host.address.port(), schedule);
    world.send(&[("bob@far.test", "")], "Subject: x\r\n\r\nhi\r\n").await;
    until("a report", || world.reports().len() == 1).await;
    let status = status(&world.reports()[0]);
    assert_eq!(status.recipients[0].status.to_string(), "5.4.7");
    assert!(status.recipients[0].diagnostic_code.as_ref().unwrap().value().contains("451 4.3.0 never"));
    world.stop().await;
}
