//! Mail for the living beside mail for the dead: hosts that refuse connections, hosts that take them and say nothing.
//!
//! `cargo xtask torture` does it with 100,000 recipients at 1,000 dead domains and 1,000 live messages, and shows the
//! figures.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Server, smtpkit, until};
use crate::load::{Sink, Talk, number};

/// How many dead domains, if more than the usual few.
const DOMAINS: &str = "SMTPKIT_TORTURE_DEAD";
/// Recipients at each of them.
const RECIPIENTS: usize = 100;

/// A name server, for `live.test` and every other name: no MX, one address.
pub(crate) fn name_server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut question).unwrap();
            socket.send_to(&answer(&question[..length]), from).unwrap();
        }
    });
    address
}

/// The answer to a question (RFC 1035 §4.1): header, the question itself, and an address record if one is asked for.
fn answer(question: &[u8]) -> Vec<u8> {
    let mut end = 12;
    while question[end] != 0 {
        end += usize::from(question[end]) + 1;
    }
    let (name, kind) = (&question[12..end], question[end + 2]);
    let address = match name.last_chunk() {
        Some(b"\x04live\x04test") => Ipv4Addr::new(127, 0, 0, 1),
        // they refuse connections, or are as the test wants them
        _ if name[1..].contains(&b'r') => Ipv4Addr::new(127, 0, 0, 3),
        _ => Ipv4Addr::new(127, 0, 0, 2),
    };
    let has_answer = kind == 1;
    let mut answer = question[..2].to_vec();
    answer.extend([0x84, 0x00, 0, 1, 0, u8::from(has_answer), 0, 0, 0, 0]);
    answer.extend_from_slice(&question[12..end + 5]);
    if has_answer {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

/// A server that finds the next hops of others by DNS, all of them on one port.
pub(crate) fn relaying_by_dns(name_server: &str, mx_port: u16) -> Command {
    let mut command = smtpkit();
    command.args([
        "serve",
        "--hostname",
        "mx.example.test",
        "--domain",
        "example.test",
        "--listen",
        "mx://127.0.0.1:0",
    ]);
    command.args(["--dns", name_server, "--mx-port", &mx_port.to_string(), "--trusted", "127.0.0.0/8"]);
    command
}

/// A figure of the process out of /proc.
fn process(server: &Server, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{file}", server.id())).unwrap()
}

/// The memory that it has, in MB.
fn memory(server: &Server) -> u64 {
    let status = process(server, "status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_000
}

/// The time that it has worked, in hundredths of a second.
fn worked(server: &Server) -> u64 {
    let stat = process(server, "stat");
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How long it takes until a list of everything begins, and until it ends; and how many recipients it has.
fn whole_list(server: &Server) -> (Duration, Duration, usize) {
    let began = Instant::now();
    let mut command = smtpkit();
    command.args(["queue", "list", "--json", "--data"]).arg(server.data());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let begins = began.elapsed();
    let recipients = |line: &str| line.matches("\"address\"").count();
    let all = recipients(&first) + lines.map(|line| recipients(&line)).sum::<usize>();
    assert!(child.wait().unwrap().success());
    (begins, began.elapsed(), all)
}

#[test]
fn dead_domains_hold_up_nobody_else() {
    let domains = number(DOMAINS, 20);
    let live = domains;
    let sink = Sink::start("127.0.0.1:0");
    // connections wait in its backlog, for a greeting that never comes
    let silent = TcpListener::bind(("127.0.0.2", sink.port)).unwrap();
    let command = relaying_by_dns(&name_server(), sink.port);
    let server = Server::spawn(command, tempfile::tempdir().unwrap());
    let kind = |number: usize| if number.is_multiple_of(2) { "r" } else { "s" };
    let domain = |number: usize| format!("{}{number}.dead.test", kind(number));

    let mut talk = Talk::open(server.port("mx")).unwrap();
    for message in 0..domains {
        let to: Vec<String> = (0..RECIPIENTS)
            .map(|place| format!("x{message}-{place}@{}", domain((message + place) % domains)))
            .collect();
        talk.hand_over("Subject: dead", &to).unwrap();
    }
    let subject = |number: usize| format!("Subject: live {number}");
    let mut sent = Vec::new();
    for number in 0..live {
        sent.push(Instant::now());
        talk.hand_over(&subject(number), &["x@live.test".to_owned()]).unwrap();
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let subjects: Vec<String> = (0..live).map(subject).collect();
    sink.wait_for(&subjects);
    assert_eq!(sink.lacks(&subjects), 0, "{}", server.log());
    let mut delays: Vec<Duration> =
        sent.iter().zip(&subjects).map(|(sent, subject)| sink.arrival(subject).unwrap() - *sent).collect();
    delays.sort();

    let (began, before) = (Instant::now(), worked(&server));
    until(|| began.elapsed() > Duration::from_secs(if domains > 100 { 10 } else { 0 }));
    let idle = (worked(&server) - before) as f64 / began.elapsed().as_secs_f64();
    let timed = |arguments: &[&str]| {
        let began = Instant::now();
        let (code, said, errors) = server.queue(arguments);
        assert_eq!(code, 0, "{errors}");
        (said, began.elapsed())
    };
    let dead = domain(domains / 2);
    let (listed, list) = timed(&["list", "--json", "--domain", &dead]);
    let (held, hold) = timed(&["hold", "--json", "--domain", &dead]);
    let (removed, remove) = timed(&["remove", "--json", "--domain", &dead]);
    let (begins, ends, listed_all) = whole_list(&server);
    println!(
        "{live} live messages beside {} dead recipients at {domains} domains: delay {:?} (median), {:?} (p99); {} MB, \
         idle {idle:.1} % of a processor; by domain: list {list:?}, hold {hold:?}, remove {remove:?}; all of them listed from {begins:?} to {ends:?}",
        domains * RECIPIENTS,
        delays[delays.len() / 2],
        delays[delays.len() * 99 / 100],
        memory(&server),
    );
    assert_eq!(listed.matches(&format!("@{dead}")).count(), RECIPIENTS, "{listed}");
    let changed = format!("{{\"recipients\":{RECIPIENTS}}}\n");
    assert_eq!([&held, &removed], [&changed; 2]);
    assert_eq!(listed_all, (domains - 1) * RECIPIENTS);
    drop(silent);
}
