//! A strict server in memory, whose wires are as thin and whose temper is as bad as dice say.

use smtpkit_client::{AsyncStream, BoxFuture, Connect};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// Numbers from a seed (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("below a usize")
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// What a server does instead of saying one of its replies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It hangs up.
    HangUp,
    /// It says 421 and hangs up.
    Unavailable,
}

/// How the server is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    /// Octets that are on the way at once.
    pub(crate) wire_octets: usize,
    pub(crate) is_lmtp: bool,
    pub(crate) pipelines: bool,
    pub(crate) takes_chunks: bool,
}

/// What became of the mail, and what the server did not expect.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) accepted: Vec<String>,
    pub(crate) wrong: Vec<String>,
    /// After so many replies more the fault happens, once.
    pub(crate) fault: Option<(usize, Fault)>,
}

/// The server; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Memory {
    temper: Temper,
    books: Arc<Mutex<Books>>,
}

impl Connect for Memory {
    fn connect<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>> {
        let (client, server) = tokio::io::duplex(self.temper.wire_octets);
        let memory = self.clone();
        tokio::spawn(async move {
            let stream = BufReader::new(server);
            let mut visit = Visit { memory, stream, recipients: 0, has_sender: false };
            // the client may go at any time
            let _ = visit.serve().await;
        });
        Box::pin(async { Ok(Box::new(client) as Box<dyn AsyncStream>) })
    }
}

impl Memory {
    pub(crate) fn new(temper: Temper) -> Self {
        Self { temper, books: Arc::default() }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no panic")
    }

    /// How often this content was accepted.
    pub(crate) fn times_accepted(&self, content: &str) -> usize {
        self.books().accepted.iter().filter(|accepted| *accepted == content).count()
    }
}

/// One connection.
struct Visit {
    memory: Memory,
    stream: BufReader<DuplexStream>,
    has_sender: bool,
    recipients: usize,
}

/// The connection is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Visit {
    async fn serve(&mut self) -> Result<(), Over> {
        self.say("220 mx.test\r\n").await?;
        loop {
            let line = self.line().await?;
            let temper = self.memory.temper;
            if !temper.pipelines && !self.stream.buffer().is_empty() && !line.starts_with("BDAT") {
                self.wrong(format!("{line:?} came with more behind it"));
            }
            let mut words = line.trim_end().split([' ', ':']);
            match (words.next(), self.has_sender, self.recipients) {
                (Some("EHLO"), ..) if !temper.is_lmtp => self.hello().await?,
                (Some("LHLO"), ..) if temper.is_lmtp => self.hello().await?,
                (Some("MAIL"), false, _) => {
                    self.has_sender = true;
                    self.say("250 ok\r\n").await?;
                }
                (Some("RCPT"), true, _) => {
                    self.recipients += 1;
                    self.say("250 ok\r\n").await?;
                }
                (Some("DATA"), true, 1..) => {
                    self.say("354 go\r\n").await?;
                    let content = self.content().await?;
                    self.accept(content).await?;
                }
                (Some("BDAT"), true, 1..) if temper.takes_chunks => {
                    let size = words.next().and_then(|size| size.parse().ok()).unwrap_or(usize::MAX);
                    self.chunks(size, words.next() == Some("LAST")).await?;
                }
                (Some("QUIT"), false, _) => {
                    self.say("221 bye\r\n").await?;
                    return Ok(());
                }
                _ => {
                    self.wrong(line);
                    self.say("500 what?\r\n").await?;
                }
            }
        }
    }

    fn wrong(&self, what: String) {
        self.memory.books().wrong.push(what);
    }

    async fn hello(&mut self) -> Result<(), Over> {
        let temper = self.memory.temper;
        let pipelining = if temper.pipelines { "250-PIPELINING\r\n" } else { "" };
        let chunking = if temper.takes_chunks { "250-CHUNKING\r\n" } else { "" };
        self.say(&format!("250-mx.test\r\n{pipelining}{chunking}250 8BITMIME\r\n")).await
    }

    /// A whole line; a part of one that the client left behind is none.
    async fn line(&mut self) -> Result<String, Over> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        if line.ends_with("\r\n") { Ok(line) } else { Err(Over) }
    }

    async fn content(&mut self) -> Result<String, Over> {
        let mut content = String::new();
        loop {
            match self.line().await? {
                line if line == ".\r\n" => return Ok(content),
                line => content.push_str(&line),
            }
        }
    }

    async fn chunks(&mut self, size: usize, is_last: bool) -> Result<(), Over> {
        let (mut size, mut is_last, mut content) = (size, is_last, Vec::new());
        loop {
            let start = content.len();
            content.resize(start + size, 0);
            let chunk = content.get_mut(start..).unwrap_or_default();
            tokio::io::AsyncReadExt::read_exact(&mut self.stream, chunk).await?;
            if is_last {
                return self.accept(String::from_utf8_lossy(&content).into_owned()).await;
            }
            self.say("250 ok\r\n").await?;
            let line = self.line().await?;
            let mut words = line.trim_end().split(' ');
            if words.next() != Some("BDAT") {
                self.wrong(line);
                return Err(Over);
            }
            size = words.next().and_then(|size| size.parse().ok()).unwrap_or(0);
            is_last = words.next() == Some("LAST");
        }
    }

    /// Content is accepted, or not, before the client hears of it.
    async fn accept(&mut self, content: String) -> Result<(), Over> {
        {
            let mut books = self.memory.books();
            // whoever says 421 to content has not taken it (RFC 5321 §4.2.3)
            if !matches!(books.fault, Some((0, Fault::Unavailable))) {
                books.accepted.push(content);
            }
        }
        let replies = if self.memory.temper.is_lmtp { self.recipients } else { 1 };
        (self.has_sender, self.recipients) = (false, 0);
        for _ in 0..replies {
            self.say("250 ok\r\n").await?;
        }
        Ok(())
    }

    async fn say(&mut self, reply: &str) -> Result<(), Over> {
        let fault = {
            let mut books = self.memory.books();
            match &mut books.fault {
                Some((0, _)) => books.fault.take().map(|(_, fault)| fault),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        match fault {
            None => self.stream.write_all(reply.as_bytes()).await?,
            Some(Fault::HangUp) => return Err(Over),
            Some(Fault::Unavailable) => {
                self.stream.write_all(b"421 not now\r\n").await?;
                return Err(Over);
            }
        }
        Ok(self.stream.flush().await?)
    }
}
