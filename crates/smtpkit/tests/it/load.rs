//! Mail in numbers: sessions that hand it over as fast as they can, and a sink that takes it and counts.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::harness::until;

/// How much, if more than usual is asked for.
pub(crate) fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// When each copy of a message came in, by its subject.
type Copies = BTreeMap<String, Vec<Instant>>;

/// Takes all mail.
pub(crate) struct Sink {
    pub(crate) port: u16,
    copies: Arc<Mutex<Copies>>,
}

impl Sink {
    pub(crate) fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let copies: Arc<Mutex<Copies>> = Arc::default();
        let all = Arc::clone(&copies);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let copies = Arc::clone(&all);
                // a server that is killed hangs up in the middle of something
                std::thread::spawn(move || take_mail(&stream.unwrap(), &copies));
            }
        });
        Self { port, copies }
    }

    /// How many of these did not arrive.
    pub(crate) fn lacks(&self, subjects: &[String]) -> usize {
        let copies = self.copies.lock().unwrap();
        subjects.iter().filter(|subject| !copies.contains_key(*subject)).count()
    }

    pub(crate) fn second_copies(&self) -> usize {
        self.copies.lock().unwrap().values().map(|copies| copies.len() - 1).sum()
    }

    /// When the first copy came in.
    pub(crate) fn arrival(&self, subject: &str) -> Option<Instant> {
        self.copies.lock().unwrap().get(subject)?.first().copied()
    }

    /// Waits for these, as long as more of them arrive.
    pub(crate) fn wait_for(&self, subjects: &[String]) {
        let mut lacking = self.lacks(subjects);
        while lacking > 0 && until(|| self.lacks(subjects) < lacking) {
            lacking = self.lacks(subjects);
        }
    }
}

fn take_mail(stream: &TcpStream, copies: &Mutex<Copies>) -> Result<()> {
    let (mut output, mut is_content, mut subject) = (stream, false, String::new());
    output.write_all(b"220 sink\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let reply: &[u8] = match (is_content, line.get(..4).unwrap_or(&line)) {
            (true, ".") => {
                copies.lock().unwrap().entry(std::mem::take(&mut subject)).or_default().push(Instant::now());
                is_content = false;
                b"250 kept\r\n"
            }
            (true, "Subj") => {
                subject = line;
                continue;
            }
            (true, _) => continue,
            (false, "EHLO") => b"250-sink\r\n250 PIPELINING\r\n",
            (false, "DATA") => {
                is_content = true;
                b"354 go on\r\n"
            }
            (false, "QUIT") => return output.write_all(b"221 bye\r\n"),
            (false, _) => b"250 ok\r\n",
        };
        output.write_all(reply)?;
    }
    Ok(())
}

/// A session with a server, spoken by hand.
pub(crate) struct Talk {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Talk {
    pub(crate) fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let replies = BufReader::new(stream.try_clone()?);
        let mut talk = Self { stream, replies };
        talk.reply()?;
        talk.stream.write_all(b"EHLO load.test\r\n")?;
        talk.reply()?;
        Ok(talk)
    }

    /// When the server says 421 to a session that says nothing.
    pub(crate) fn farewell(&mut self) -> Instant {
        let told = self.reply().unwrap_err();
        assert_eq!(told.kind(), ErrorKind::ConnectionAborted, "{told}");
        Instant::now()
    }

    /// The last line of the next reply; 421 is an end like any other.
    fn reply(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.replies.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if line.starts_with("421 ") {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            if line.get(3..4) != Some("-") {
                return Ok(line);
            }
        }
    }

    /// Hands one message over, and wants to hear 250.
    pub(crate) fn hand_over(&mut self, subject: &str, recipients: &[String]) -> Result<()> {
        let mut envelope = "MAIL FROM:<alice@example.test>\r\n".to_owned();
        for recipient in recipients {
            envelope.push_str(&format!("RCPT TO:<{recipient}>\r\n"));
        }
        envelope.push_str("DATA\r\n");
        self.stream.write_all(envelope.as_bytes())?;
        for _ in 0..=recipients.len() {
            let reply = self.reply()?;
            assert!(reply.starts_with("250"), "{reply}");
        }
        let reply = self.reply()?;
        assert!(reply.starts_with("354"), "{reply}");
        self.stream.write_all(format!("{subject}\r\n\r\n{}\r\n.\r\n", "x".repeat(2_000)).as_bytes())?;
        let reply = self.reply()?;
        assert!(reply.starts_with("250"), "{reply}");
        Ok(())
    }
}

/// What all sessions have handed over.
#[derive(Default)]
pub(crate) struct Load {
    next: AtomicUsize,
    acknowledged: Mutex<Vec<String>>,
}

impl Load {
    /// How many numbers are gone, also those of messages that never were handed over.
    pub(crate) fn begun(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }

    /// The subjects of all messages that were answered with 250.
    pub(crate) fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// One session: messages as long as their numbers are wanted, or until the server is gone.
    pub(crate) fn hand_over(&self, port: u16, is_wanted: impl Fn(usize) -> bool) {
        let talk = || -> Result<()> {
            let mut talk = Talk::open(port)?;
            loop {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                if !is_wanted(number) {
                    return Ok(());
                }
                let subject = format!("Subject: message {number}");
                talk.hand_over(&subject, &["x@far.test".to_owned()])?;
                self.acknowledged.lock().unwrap().push(subject);
            }
        };
        // a kill ends it in the middle of something
        let _ = talk();
    }
}
