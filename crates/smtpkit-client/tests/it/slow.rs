//! A server that takes content octet by octet: it is borne as long as it keeps the least rate.

use crate::memory::{Memory, Temper};
use smtpkit_client::{Client, ClientTimeouts, Content, Delivered, Envelope, ErrorKind, Report, SendError};
use std::time::Duration;

/// Sends content over a wire of one octet; each block of it has a time that is much too short for all.
async fn send(content: Content, octets_per_second_min: u32) -> Result<Report, SendError> {
    let temper = Temper { wire_octets: 1, is_lmtp: false, pipelines: true, takes_chunks: false };
    let timeouts = ClientTimeouts {
        data_block: Duration::from_millis(50),
        content_octets_per_second_min: octets_per_second_min,
        ..ClientTimeouts::default()
    };
    let builder = Client::builder("smtp://mx.test?tls=off".parse().expect("a URL")).hello_name("client.test");
    let client = builder.timeouts(timeouts).connector(Memory::new(temper)).build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    client.send(&envelope, content).await
}

#[tokio::test]
async fn progress_alone_does_not_keep_a_connection() {
    let error = send(Content::blocking_reader(std::io::repeat(b'x')), u32::MAX).await;
    let error = error.expect_err("nobody is as fast as that");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::No), "{error}");
}

#[tokio::test]
async fn who_keeps_the_rate_may_take_the_time() {
    let content = "a line\r\n".repeat(100);
    send(Content::from(content), ClientTimeouts::default().content_octets_per_second_min)
        .await
        .expect("it is fast enough");
}
