//! Both machines against each other on a wire in memory, with time that the test makes.
//!
//! Every scenario runs with the octets of both directions cut everywhere, and with the wire broken after every single
//! octet: closed, or silent until the client's patience ends. What each side then believes about each message has to
//! fit: nothing is taken for accepted that the server did not take, and nothing for lost that it did.

use smtpkit_codec::{DomainRef, Envelope, Reply, ReplyCode};
use smtpkit_session::client::{
    self, Answered, Client, ClientConfig, ClientEvent, Delivery, Pipelining, Plan, Ticket, Transfer,
};
use smtpkit_session::server::{self, Channel, Server, ServerConfig, ServerEvent};
use smtpkit_session::{Iov, Tick, Wire};
use std::collections::{BTreeMap, VecDeque};

/// One message: sender, recipients, content. "no" at the start of a path or of the content means: to be refused.
type Mail = (&'static str, &'static [&'static str], &'static str);

#[derive(Clone)]
struct Scenario {
    name: &'static str,
    mails: Vec<Mail>,
    plan: Plan,
    pipelining: Pipelining,
    is_lmtp: bool,
    /// Pieces of content are this long.
    piece: usize,
}

impl Scenario {
    fn new(name: &'static str, mails: &[Mail]) -> Self {
        Self {
            name,
            mails: mails.to_vec(),
            plan: Plan::default(),
            pipelining: Pipelining::WhenOffered,
            is_lmtp: false,
            piece: usize::MAX,
        }
    }
}

fn scenarios() -> Vec<Scenario> {
    let one: &[Mail] = &[("a@x.test", &["b@y.test", "no@y.test"], "Hello\r\n.dot\r\n")];
    let three: &[Mail] = &[
        ("a@x.test", &["b@y.test"], "one\r\n"),
        ("a@x.test", &["no@y.test"], "two\r\n"),
        ("a@x.test", &["b@y.test", "c@y.test"], "three"),
    ];
    let refused: &[Mail] = &[
        ("no@x.test", &["b@y.test"], "one\r\n"),
        ("a@x.test", &["b@y.test"], "no thanks\r\n"),
        ("a@x.test", &["b@y.test"], "yes\r\n"),
    ];
    let base = Scenario::new;
    vec![
        base("one message", one),
        base("three chained", three),
        base("refused sender and content", refused),
        Scenario { pipelining: Pipelining::Never, ..base("one by one", three) },
        Scenario {
            plan: Plan::default().with_delivery(Delivery::AllOrNothing),
            ..base("all or nothing", three)
        },
        Scenario { plan: Plan::default().with_transfer(Transfer::Chunks), piece: 3, ..base("chunks", three) },
        Scenario { piece: 2, ..base("small pieces", refused) },
        Scenario { is_lmtp: true, ..base("lmtp", three) },
        Scenario {
            is_lmtp: true,
            plan: Plan::default().with_transfer(Transfer::Chunks),
            ..base("lmtp chunks", one)
        },
    ]
}

/// What happens to the wire.
#[derive(Clone, Copy, Debug)]
enum Wiring {
    /// Moves this many octets at a time.
    Step(usize),
    /// Moves so many octets at a time, and stops for the other side after so many octets in all.
    Pause(usize),
    /// Closes after so many octets in all.
    Cut(usize),
    /// Says nothing more after so many octets in all, until the client's time is up.
    Silence(usize),
}

/// What one side believes about one recipient of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belief {
    Accepted,
    Refused,
    Unknown,
}

struct Pair {
    scenario: Scenario,
    client: Client<Vec<u8>>,
    server: Server,
    now: Tick,
    moved: usize,
    is_broken: bool,
    queued: VecDeque<(usize, Mail)>,
    under_way: VecDeque<(Ticket, usize, Vec<u8>)>,
    /// Index of the mail and of the recipient → what the client believes.
    beliefs: BTreeMap<(usize, usize), Belief>,
    /// What the server took: sender, recipients, content.
    taken: Vec<(String, Vec<String>, String)>,
    transaction: (String, Vec<String>, Vec<u8>),
    /// Everything that the client was told, for comparing runs.
    told: Vec<String>,
    closed: Option<client::Closed>,
}

impl Pair {
    fn new(scenario: &Scenario) -> Self {
        let name = smtpkit_codec::ClientName::new("client.test").expect("a name");
        let protocol = if scenario.is_lmtp { client::Protocol::Lmtp } else { client::Protocol::Smtp };
        let config = ClientConfig::new(protocol, name).with_pipelining(scenario.pipelining);
        let protocol = if scenario.is_lmtp { server::Protocol::Lmtp } else { server::Protocol::Smtp };
        let hostname = DomainRef::parse("mx.test").expect("a domain");
        let server = ServerConfig { protocol, ..ServerConfig::new(hostname) };
        Self {
            scenario: scenario.clone(),
            client: Client::new(config, Tick::ZERO),
            server: Server::new(server.into(), Channel::plaintext(), Tick::ZERO),
            now: Tick::ZERO,
            moved: 0,
            is_broken: false,
            queued: scenario.mails.iter().copied().enumerate().collect(),
            under_way: VecDeque::new(),
            beliefs: BTreeMap::new(),
            taken: Vec::new(),
            transaction: Default::default(),
            told: Vec::new(),
            closed: None,
        }
    }

    fn run(mut self, wiring: Wiring) -> Self {
        while self.closed.is_none() {
            self.poll_server();
            let mut progress = self.poll_client();
            progress |= self.give_orders();
            if !self.is_broken {
                progress |= self.move_octets(wiring);
            }
            if !progress {
                self.let_time_pass();
            }
        }
        self.poll_server();
        self
    }

    /// The wire has nothing to move: only time can change something.
    fn let_time_pass(&mut self) {
        let deadline =
            self.client.deadline().unwrap_or_else(|| panic!("{} hangs: {:?}", self.scenario.name, self.told));
        assert!(deadline > self.now || self.is_broken, "time stands still");
        self.now = self.now.max(deadline);
        self.client.expired(self.now);
    }

    fn move_octets(&mut self, wiring: Wiring) -> bool {
        let room = |moved: usize| match wiring {
            Wiring::Step(step) => step,
            Wiring::Pause(at) if moved < at => at - moved,
            Wiring::Pause(_) => usize::MAX,
            Wiring::Cut(at) | Wiring::Silence(at) => at - moved,
        };
        let up = carry(&mut self.client, &mut self.server, room(self.moved), self.now);
        self.moved += up;
        self.poll_server();
        let down = carry(&mut self.server, &mut self.client, room(self.moved), self.now);
        self.moved += down;
        match wiring {
            Wiring::Cut(at) if self.moved >= at => {
                self.client.received(0, self.now);
                self.server.received(0, self.now);
                self.is_broken = true;
            }
            Wiring::Silence(at) if self.moved >= at => self.is_broken = true,
            _ => {}
        }
        up + down > 0 || self.is_broken
    }

    fn give_orders(&mut self) -> bool {
        let mut gave = false;
        while (self.client.is_ready() && self.under_way.is_empty()) || self.client.can_chain() {
            let Some((index, (sender, recipients, content))) = self.queued.pop_front() else {
                if self.client.is_ready() {
                    self.client.quit(self.now).expect("ready");
                    gave = true;
                }
                break;
            };
            let envelope = Envelope::new(sender, recipients).expect("paths");
            let ticket =
                self.client.transaction(&envelope, &self.scenario.plan, self.now).expect("a plain message");
            self.under_way.push_back((ticket, index, content.as_bytes().to_vec()));
            gave = true;
        }
        gave
    }

    fn poll_client(&mut self) -> bool {
        let mut any = false;
        loop {
            let event = self.client.poll();
            let place =
                |ticket: Ticket| self.under_way.iter().find(|(of, ..)| *of == ticket).expect("under way").1;
            match event {
                ClientEvent::Idle => return any,
                ClientEvent::Reply { to, reply } => {
                    let belief = if reply.is_positive() { Belief::Accepted } else { Belief::Refused };
                    self.told.push(format!("{to:?} {}", reply.code()));
                    match to {
                        Answered::Rcpt(ticket, index) if !reply.is_positive() => {
                            self.beliefs.insert((place(ticket), index), Belief::Refused);
                        }
                        Answered::ContentFor(ticket, index) => {
                            self.beliefs.insert((place(ticket), index), belief);
                        }
                        Answered::Content(ticket) => {
                            let mail = place(ticket);
                            for index in 0..self.scenario.mails[mail].1.len() {
                                self.beliefs.entry((mail, index)).or_insert(belief);
                            }
                        }
                        Answered::Nothing => assert!(
                            !matches!(self.closed, Some(closed) if closed.why == client::Ending::Unsolicited),
                            "out of step"
                        ),
                        _ => {}
                    }
                }
                ClientEvent::Content(_) => {
                    let (.., content) = self.under_way.front_mut().expect("a message");
                    let cut = content.len().min(self.scenario.piece);
                    let rest = content.split_off(cut);
                    let piece = std::mem::replace(content, rest);
                    let lent = if content.is_empty() {
                        self.client.last_body(piece, self.now)
                    } else {
                        self.client.body(piece, self.now)
                    };
                    lent.expect("it was asked for");
                }
                ClientEvent::Finished(ticket) => {
                    let (finished, mail, _) = self.under_way.pop_front().expect("a message");
                    assert_eq!(finished, ticket, "messages finish in order");
                    self.told.push(format!("finished {mail}"));
                }
                ClientEvent::Closed(closed) => {
                    if let Some(ticket) = closed.unknown {
                        let mail = place(ticket);
                        for index in 0..self.scenario.mails[mail].1.len() {
                            self.beliefs.entry((mail, index)).or_insert(Belief::Unknown);
                        }
                    }
                    self.told.push(format!("closed {:?}", closed.why));
                    self.closed = Some(closed);
                    return true;
                }
                other => panic!("{other:?}"),
            }
            any = true;
        }
    }

    fn poll_server(&mut self) {
        const NO: Reply = Reply::fixed(ReplyCode::MAILBOX_UNAVAILABLE, None, "no");
        const OK: Reply = Reply::fixed(ReplyCode::OK, None, "ok");
        let verdict = |text: &str| if text.starts_with("no") { Err(NO) } else { Ok(()) };
        loop {
            match self.server.poll(self.now) {
                ServerEvent::Greeting(owed) => self.server.greet(owed, Ok(())),
                ServerEvent::Hello { owed, .. } => self.server.hello(owed, Ok(())),
                ServerEvent::Mail { reverse_path, owed, .. } => {
                    let sender =
                        reverse_path.mailbox().map(|mailbox| mailbox.as_str().to_owned()).unwrap_or_default();
                    self.server.mail(owed, verdict(&sender));
                    self.transaction = (sender, Vec::new(), Vec::new());
                }
                ServerEvent::Rcpt { forward_path, owed, .. } => {
                    let to =
                        forward_path.mailbox().map(|mailbox| mailbox.as_str().to_owned()).unwrap_or_default();
                    let verdict = verdict(&to);
                    if verdict.is_ok() {
                        self.transaction.1.push(to);
                    }
                    self.server.rcpt(owed, verdict);
                }
                ServerEvent::Data(owed) => self.server.content(owed, Ok(())),
                ServerEvent::Content(octets) => self.transaction.2.extend_from_slice(&octets),
                ServerEvent::ContentEnd(owed) => {
                    let (sender, recipients, content) = std::mem::take(&mut self.transaction);
                    let content = String::from_utf8(content).expect("ASCII");
                    let verdict = verdict(&content).map(|()| OK);
                    if verdict.is_ok() {
                        self.taken.push((sender, recipients, content));
                    }
                    self.server.message(owed, verdict);
                }
                ServerEvent::Idle | ServerEvent::Closed(_) => return,
                _ => {}
            }
        }
    }

    /// Whether the server took this mail for this recipient.
    fn was_taken(&self, mail: usize, recipient: usize) -> bool {
        let (sender, recipients, content) = &self.scenario.mails[mail];
        self.taken.iter().any(|(from, to, octets)| {
            let same = octets.trim_end() == content.trim_end() && from == sender;
            same && to.iter().any(|to| to == recipients[recipient])
        })
    }

    /// What the client believes fits what the server did.
    fn check(&self, place: &dyn std::fmt::Debug) {
        for (mail, (_, recipients, _)) in self.scenario.mails.iter().enumerate() {
            for recipient in 0..recipients.len() {
                let was_taken = self.was_taken(mail, recipient);
                let belief = self.beliefs.get(&(mail, recipient));
                let fits = match belief {
                    Some(Belief::Accepted) => was_taken,
                    Some(Belief::Unknown) => true,
                    Some(Belief::Refused) | None => !was_taken,
                };
                let name = self.scenario.name;
                assert!(
                    fits,
                    "{name}, {place:?}: mail {mail} for {recipient}: {belief:?}, taken: {was_taken}"
                );
            }
        }
    }
}

/// Moves up to `room` octets from one machine to the other.
fn carry(from: &mut impl Wire, to: &mut impl Wire, room: usize, now: Tick) -> usize {
    let mut carried = 0;
    while carried < room {
        let mut iov = Iov::new();
        from.transmit(&mut iov);
        let octets = iov.pieces().concat();
        let slot = to.recv_slot();
        let n = octets.len().min(slot.len()).min(room - carried);
        if n == 0 {
            break;
        }
        slot[..n].copy_from_slice(&octets[..n]);
        from.sent(n, now);
        to.received(n, now);
        carried += n;
        if room < usize::MAX {
            break;
        }
    }
    carried
}

#[test]
fn every_cut_of_the_octets_gives_the_same_session() {
    for scenario in scenarios() {
        let whole = Pair::new(&scenario).run(Wiring::Step(usize::MAX));
        whole.check(&"whole");
        assert!(!whole.taken.is_empty(), "{}: nothing was taken", scenario.name);
        let cuts = (1..40).map(Wiring::Step).chain((1..whole.moved).map(Wiring::Pause));
        for wiring in cuts {
            let run = Pair::new(&scenario).run(wiring);
            assert_eq!(run.told, whole.told, "{}, {wiring:?}", scenario.name);
            assert_eq!(run.taken, whole.taken, "{}, {wiring:?}", scenario.name);
        }
    }
}

#[test]
fn a_wire_that_breaks_after_any_octet_deceives_nobody() {
    for scenario in scenarios() {
        let octets = Pair::new(&scenario).run(Wiring::Step(usize::MAX)).moved;
        for at in 0..octets {
            for wiring in [Wiring::Cut(at), Wiring::Silence(at)] {
                let run = Pair::new(&scenario).run(wiring);
                run.check(&wiring);
                let why = run.closed.map(|closed| closed.why);
                let expected = match wiring {
                    Wiring::Cut(_) => [client::Ending::EndOfStream, client::Ending::Quit],
                    _ => [client::Ending::TimedOut, client::Ending::Quit],
                };
                assert!(
                    expected.iter().any(|expected| why == Some(*expected)),
                    "{}, {wiring:?}: {why:?}",
                    scenario.name
                );
            }
        }
    }
}

#[test]
fn chained_messages_need_one_round_trip_each() {
    let mails: Vec<Mail> = vec![("a@x.test", &["b@y.test"], "x\r\n"); 10];
    let count = |pipelining| {
        let scenario = Scenario { pipelining, ..Scenario::new("round trips", &mails) };
        let mut pair = Pair::new(&scenario);
        let mut trips = 0;
        while pair.closed.is_none() {
            pair.poll_server();
            pair.poll_client();
            pair.give_orders();
            let up = carry(&mut pair.client, &mut pair.server, usize::MAX, Tick::ZERO);
            pair.poll_server();
            carry(&mut pair.server, &mut pair.client, usize::MAX, Tick::ZERO);
            trips += usize::from(up > 0);
        }
        assert_eq!(pair.taken.len(), 10);
        trips
    };
    // EHLO, the first envelope, ten contents (nine of them with the next envelope), QUIT.
    assert_eq!(count(Pipelining::WhenOffered), 1 + 1 + 10 + 1);
    assert_eq!(count(Pipelining::Never), 1 + 10 * 4 + 1);
}
