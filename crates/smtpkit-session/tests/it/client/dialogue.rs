//! Runs one dialogue in every way that its octets can be cut.

use smtpkit_codec::{Body, ClientName, Command, Envelope, InitialResponse, MechanismName};
use smtpkit_session::client::{
    Answered, Client, ClientConfig, ClientEvent, Delivery, Pipelining, Plaintext, Plan, Protocol, Transfer,
};
use smtpkit_session::{Iov, Tick, Wire};

/// How the octets of both directions are cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Octets,
    At(usize),
}

pub(super) fn check(name: &str, text: &str) {
    if text.lines().any(|line| line == "# in one segment") {
        return Run::new(text, Cut::Whole).run(name, text);
    }
    let longest = blocks(text).iter().map(|block| block.sent.len()).max().unwrap_or_default();
    let cuts = [Cut::Whole, Cut::Octets].into_iter().chain((1..longest).map(Cut::At));
    for cut in cuts {
        Run::new(text, cut).run(name, text);
    }
}

/// One stretch of a dialogue: orders, the flight that follows, the peer's lines, the events.
#[derive(Debug, Default)]
struct Block {
    orders: Vec<String>,
    flight: String,
    sent: Vec<u8>,
    ends: bool,
    events: Vec<String>,
    line: usize,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = vec![Block::default()];
    let mut last = 'O';
    for (number, line) in text.lines().enumerate() {
        let Some((mark, rest)) = line.split_once(':').filter(|_| !line.starts_with('#')) else { continue };
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let mark = mark.chars().next().expect("a mark");
        let order = |mark| "OCSE".find(mark).expect("a known mark");
        if order(mark) < order(last) {
            blocks.push(Block { line: number + 1, ..Block::default() });
        }
        last = mark;
        let block = blocks.last_mut().expect("one block");
        match mark {
            'O' => block.orders.push(rest.to_owned()),
            'C' => {
                block.flight.push_str(rest);
                block.flight.push_str("\r\n");
            }
            'S' if rest == "EOF" => block.ends = true,
            'S' => {
                block.sent.extend_from_slice(rest.as_bytes());
                block.sent.extend_from_slice(b"\r\n");
            }
            _ => block.events.push(rest.to_owned()),
        }
    }
    blocks
}

struct Run {
    client: Option<Client<Vec<u8>>>,
    cut: Cut,
}

impl Run {
    fn new(text: &str, cut: Cut) -> Self {
        let has = |word: &str| text.lines().any(|line| line == format!("# {word}"));
        let name = ClientName::new("client.test").expect("a name");
        let mut config = ClientConfig::new(if has("lmtp") { Protocol::Lmtp } else { Protocol::Smtp }, name);
        if has("never pipelining") {
            config = config.with_pipelining(Pipelining::Never);
        }
        if has("plaintext refused") {
            config = config.with_plaintext(Plaintext::Refused);
        }
        Self { client: Some(Client::new(config, Tick::ZERO)), cut }
    }

    fn client(&mut self) -> &mut Client<Vec<u8>> {
        self.client.as_mut().expect("a machine")
    }

    fn run(mut self, name: &str, text: &str) {
        for block in blocks(text) {
            let place = format!("{name}.txt near line {}, cut {:?}", block.line, self.cut);
            let mut events: Vec<String> = block.orders.iter().filter_map(|order| self.order(order)).collect();
            if self.client.is_some() {
                assert_eq!(self.written(), block.flight, "the flight of {place}");
                events.extend(self.events());
                events.extend(self.feed(&block.sent));
                if block.ends {
                    self.client().received(0, Tick::ZERO);
                    events.extend(self.events());
                }
            }
            assert_eq!(events, block.events, "the events of {place}");
        }
        if let Some(client) = &mut self.client {
            let mut iov = Iov::new();
            client.transmit(&mut iov);
            assert!(iov.is_empty(), "{name}: something is left to be written");
        }
    }

    fn written(&mut self) -> String {
        let one_by_one = matches!(self.cut, Cut::Octets);
        let mut written = Vec::new();
        loop {
            let mut iov = Iov::new();
            self.client().transmit(&mut iov);
            let octets = iov.pieces().concat();
            if octets.is_empty() {
                return String::from_utf8(written).expect("ASCII");
            }
            let n = if one_by_one { 1 } else { octets.len() };
            written.extend_from_slice(&octets[..n]);
            self.client().sent(n, Tick::ZERO);
        }
    }

    fn feed(&mut self, octets: &[u8]) -> Vec<String> {
        let parts = match self.cut {
            Cut::Whole => vec![octets],
            Cut::Octets => octets.chunks(1).collect(),
            Cut::At(at) => octets.split_at_checked(at).map_or(vec![octets], |(one, two)| vec![one, two]),
        };
        let mut events = Vec::new();
        for mut part in parts {
            while !part.is_empty() {
                let slot = self.client().recv_slot();
                let n = slot.len().min(part.len());
                if n == 0 {
                    break;
                }
                slot[..n].copy_from_slice(&part[..n]);
                part = &part[n..];
                self.client().received(n, Tick::ZERO);
                // Injected octets come in one segment with the reply before them, whatever the cut.
                if part.is_empty() || !matches!(self.cut, Cut::Whole) {
                    events.extend(self.events());
                }
            }
        }
        events
    }

    fn events(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let event = self.client().poll();
            let text = match event {
                ClientEvent::Idle => return told,
                ClientEvent::Reply { to, reply } => format!("{} {}", answered(to), reply.code()),
                ClientEvent::Upgrade => "Upgrade".to_owned(),
                ClientEvent::Content(_) => "Wanted".to_owned(),
                ClientEvent::Finished(_) => "Finished".to_owned(),
                ClientEvent::Closed(closed) => {
                    let unknown = if closed.unknown.is_some() { ", delivery unknown" } else { "" };
                    told.push(format!("Closed: {}{unknown}", closed.why));
                    return told;
                }
                other => format!("{other:?}"),
            };
            told.push(text);
        }
    }

    /// Gives an order; a refusal is told as an event.
    fn order(&mut self, order: &str) -> Option<String> {
        let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
        let now = Tick::ZERO;
        if verb == "upgrade" {
            let client = self.client.take().expect("a machine");
            return match client.into_upgrade() {
                Ok(upgrade) => {
                    self.client = Some(upgrade.into_client(now));
                    None
                }
                Err(fatal) => Some(format!("Fatal: {fatal}")),
            };
        }
        let client = self.client();
        let outcome = match verb {
            "send" | "send-all" | "send-chunks" => {
                let mut words = rest.split(' ');
                let mut plan = match verb {
                    "send-all" => Plan::default().with_delivery(Delivery::AllOrNothing),
                    "send-chunks" => Plan::default().with_transfer(Transfer::Chunks),
                    _ => Plan::default(),
                };
                let mut paths = Vec::new();
                let mut envelope_parameters = Vec::new();
                for word in &mut words {
                    match word.split_once('=') {
                        Some(("size", octets)) => plan = plan.with_size(octets.parse().expect("a size")),
                        Some(("body", "8bit")) => plan = plan.with_body(Body::EightBitMime),
                        Some(("mail", parameter)) => envelope_parameters.push(parameter),
                        _ => paths.push(word),
                    }
                }
                let mut envelope = Envelope::new(paths[0], &paths[1..]).expect("paths");
                for parameter in envelope_parameters {
                    envelope.parameters.push_raw(parameter, None).expect("a parameter");
                }
                client.transaction(&envelope, &plan, now).map(drop)
            }
            "body" => client.body(unescape(rest), now),
            "last" => client.last_body(unescape(rest), now),
            "starttls" => client.start_tls(now),
            "auth" => {
                client.auth(MechanismName::new(rest).expect("a mechanism"), InitialResponse::Absent, now)
            }
            "respond" => client.respond(rest.as_bytes(), now),
            "cancel" => client.cancel(now),
            "noop" => client.command(&Command::Noop(None), now),
            "reset" => client.command(&Command::Rset, now),
            "data" => client.command(&Command::Data, now),
            "quit" => client.quit(now),
            other => panic!("no order {other:?}"),
        };
        outcome.err().map(|error| format!("Refused: {error}"))
    }
}

fn unescape(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").into_bytes()
}

fn answered(to: Answered) -> String {
    match to {
        Answered::Mail(_) => "Mail".to_owned(),
        Answered::Rcpt(_, index) => format!("Rcpt {index}"),
        Answered::Data(_) => "Data".to_owned(),
        Answered::Content(_) => "Content".to_owned(),
        Answered::ContentFor(_, index) => format!("Content for {index}"),
        other => format!("{other:?}"),
    }
}
