//! The bounds of memory, one after the other: lines without end, a handler that is slower than its client, idle
//! sessions.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smtpkit_server::testing::Authority;
use smtpkit_server::{
    Body, CancellationToken, Decision, Grant, Handler, Limits, LocalDomains, Network, Peer, Recipient,
    Refusal, Reply, Route, Server, Session, Transaction, accepted, auth, each,
};

const MIB: usize = 1024 * 1024;
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes a piece of content only now and then.
struct Slow;

impl Session for Slow {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }

    async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
        while body.chunk().await?.is_some() {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
        Ok(accepted())
    }
}

/// A value of `/proc/self/status` in octets.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// By how much memory grows at most while `work` is done.
fn growth(work: impl FnOnce()) -> usize {
    // 5 sets the high-water mark back to what is used now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    work();
    status("VmHWM").saturating_sub(before)
}

/// A client of threads and blocking sockets, which takes next to no memory of its own.
struct Client(TcpStream);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn say(&mut self, octets: &[u8]) {
        self.0.write_all(octets).unwrap();
    }

    /// Reads until what was read ends with a whole reply of `code`.
    fn hear(&mut self, code: &str) {
        let (mut said, mut octets) = (Vec::new(), [0; 512]);
        loop {
            let n = self.0.read(&mut octets).unwrap();
            said.extend_from_slice(&octets[..n]);
            let text = String::from_utf8_lossy(&said);
            let last = text.lines().last().unwrap_or_default();
            if text.ends_with("\r\n") && last.starts_with(code) && last.as_bytes().get(3) == Some(&b' ') {
                return;
            }
            assert!(n > 0, "{text}, not {code}");
        }
    }

    /// Sends octets without a line end until there are enough or the server closes.
    fn flood(&mut self, octets: usize) {
        let piece = [b'x'; 64 * 1024];
        for _ in 0..octets / piece.len() {
            if self.0.write_all(&piece).is_err() {
                return;
            }
        }
    }
}

fn domains() -> LocalDomains {
    LocalDomains::new(["local.test"]).unwrap()
}

fn accounts() -> auth::Users {
    let mut users = auth::Users::new(auth::Secret::new([7; 32]));
    let password = auth::StoredCredential::plaintext(auth::Secret::from("pencil")).unwrap();
    users.insert(auth::Account::new("alice@local.test", password)).unwrap();
    users
}

const MAIL: &str = "MAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n";

fn endless_lines(plain: SocketAddr, proxied: SocketAddr) {
    for (place, address, lines) in [
        ("command", plain, &[("EHLO c\r\n", "250")][..]),
        ("AUTH", plain, &[("EHLO c\r\n", "250"), ("AUTH LOGIN\r\n", "334")]),
        ("DATA", plain, &[("EHLO c\r\n", "250"), (MAIL, "250 2.1.5"), ("DATA\r\n", "354")]),
        ("BDAT header", plain, &[("EHLO c\r\n", "250"), (MAIL, "250 2.1.5"), ("BDAT 1", "")]),
        ("PROXY header", proxied, &[]),
    ] {
        let grown = growth(|| {
            let mut client = Client::connect(address);
            if address == plain {
                client.hear("220");
            }
            for (line, code) in lines {
                client.say(line.as_bytes());
                if !code.is_empty() {
                    client.hear(code);
                }
            }
            client.flood(96 * MIB);
        });
        println!("{place}: {grown} octets");
        assert!(grown <= MIB, "{place}: {grown} octets");
    }
}

fn a_slow_handler(address: SocketAddr) {
    let grown = growth(|| {
        let mut client = Client::connect(address);
        client.hear("220");
        client.say(b"EHLO c\r\n");
        client.hear("250");
        client.say(MAIL.as_bytes());
        client.hear("250 2.1.5");
        client.say(b"DATA\r\n");
        client.hear("354");
        let line = [[b'x'; 998].as_slice(), b"\r\n"].concat().repeat(64);
        for _ in 0..512 {
            client.say(&line);
        }
        client.say(b".\r\n");
        client.hear("250");
    });
    assert!(grown <= MIB, "{grown} octets");
}

/// As many idle sessions as there may be sockets; a socket of each end is in this process.
fn idle_sessions(address: SocketAddr) {
    let limits = getrlimit(Resource::Nofile);
    // Only root may have more than the hard limit.
    let wanted = Rlimit { current: Some(20_500), maximum: Some(20_500) };
    if setrlimit(Resource::Nofile, wanted).is_err() {
        setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
    }
    let sockets = getrlimit(Resource::Nofile).current.unwrap_or(20_500);
    let sessions = usize::try_from((sockets - 100) / 2).unwrap().min(10_000);
    let mut clients = Vec::with_capacity(sessions);
    let grown = growth(|| {
        for _ in 0..sessions {
            let mut client = Client::connect(address);
            client.hear("220");
            clients.push(client);
        }
    });
    println!("{sessions} idle sessions: {} octets each", grown / sessions);
    assert!(grown / sessions <= 4096, "{sessions} sessions: {} octets each", grown / sessions);
    // They all live.
    for client in clients.iter_mut().step_by(997) {
        client.say(b"NOOP\r\n");
        client.hear("250");
    }
}

/// Runs a server on a thread of its own.
fn serve<H: Handler>(builder: smtpkit_server::Builder<H>, stop: &CancellationToken) -> SocketAddr {
    let stop = stop.clone();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listening = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
            tell.send(listening.local_addrs()[0]).unwrap();
            listening.serve(stop).await;
        });
    });
    told.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn memory_is_bounded() {
    let stop = CancellationToken::new();
    let limits = Limits { connections_max: 20_000, message_octets_max: 1 << 30, ..Limits::default() };
    let tls = Authority::for_host("mx.test").unwrap().acceptor().unwrap();
    let builder = || Server::mx("mx.test", domains(), each(|_| Slow)).limits(limits.clone());
    let plain = serve(builder().tls(tls).auth(accounts()).auth_without_tls(), &stop);
    let proxied = serve(builder().proxy_protocol(Network::LOOPBACK), &stop);
    // Whatever is made only once is made now.
    a_warm_up(plain);
    endless_lines(plain, proxied);
    a_slow_handler(plain);
    idle_sessions(plain);
    stop.cancel();
}

fn a_warm_up(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.hear("220");
    client.say(b"EHLO c\r\nNOOP\r\n");
    client.hear("250 2.0.0");
    client.say(format!("{MAIL}DATA\r\n").as_bytes());
    client.hear("354");
    client.flood(MIB);
    client.say(b"\r\n.\r\n");
    client.hear("250");
}
