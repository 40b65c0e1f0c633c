//! A client session is the same for every fragmentation of the server's lines, and takes no message for accepted that
//! it has not written to its end. The first octet is the size of the pieces, the rest is what a server sends.
#![no_main]
use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{ClientName, Envelope};
use smtpkit_session::client::{Answered, Client, ClientConfig, ClientEvent as Event, Plan, Protocol};
use smtpkit_session::{Iov, Tick, Wire};

fuzz_target!(|data: &[u8]| if let Some((step, input)) = data.split_first() {
    assert_eq!(session(input, usize::from(*step) + 1), session(input, usize::MAX));
});

fn session(input: &[u8], step: usize) -> (Vec<String>, Vec<u8>) {
    let config = ClientConfig::new(Protocol::Smtp, ClientName::new("client.test").expect("a name"));
    let (mut client, mut log) = (Client::new(config, Tick::ZERO), (Vec::new(), Vec::new()));
    for piece in input.split_inclusive(|octet| *octet == b'\n').flat_map(|line| line.chunks(step)).chain([&b""[..]]) {
        let slot = client.recv_slot();
        let n = slot.len().min(piece.len());
        slot[..n].copy_from_slice(&piece[..n]);
        client.received(n, Tick::ZERO);
        while go_on(&mut client, &mut log) {}
    }
    log
}

/// Takes one event and writes what waits; `false` when octets are needed, or the session is over.
fn go_on(client: &mut Client<&[u8]>, (told, written): &mut (Vec<String>, Vec<u8>)) -> bool {
    let is_over = match client.poll() {
        Event::Idle => {
            let envelope = Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("paths");
            !client.is_ready() || client.transaction(&envelope, &Plan::default(), Tick::ZERO).is_err()
        }
        Event::Content(_) => client.last_body(b"Hello\r\n.\r\n", Tick::ZERO).is_err(),
        Event::Reply { to: Answered::Content(_), reply } if reply.is_positive() => {
            assert!(written.ends_with(b"\r\n.\r\n"));
            false
        }
        event => {
            // The end is told again for each piece that comes after it.
            let text = format!("{event:?}");
            if told.last() != Some(&text) { told.push(text); }
            matches!(event, Event::Closed(_))
        }
    };
    let mut iov = Iov::new();
    client.transmit(&mut iov);
    iov.pieces().iter().for_each(|piece| written.extend_from_slice(piece));
    client.sent(iov.octets(), Tick::ZERO);
    !is_over
}
