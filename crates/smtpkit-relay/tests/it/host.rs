//! A host that takes mail, and misbehaves to order.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a host does about a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Answers.
    Say(&'static str),
    /// Answers nothing any more.
    Hang,
    /// Closes the connection without a word.
    Close,
    /// Ends it with a reset.
    Reset,
    /// Answers, and closes.
    Last(&'static str),
    /// Answers together with what it answers next.
    Keep(&'static str),
    /// Answers, and to what comes then with nonsense.
    Garble(&'static str),
}

/// A message as the host got it.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    /// Which connection brought it, counted from 0.
    pub(crate) connection: usize,
    pub(crate) commands: Vec<String>,
    pub(crate) content: String,
}

#[derive(Default)]
struct Log {
    connections: usize,
    open: usize,
    most_open: usize,
    counts: HashMap<String, usize>,
    got: Vec<Got>,
}

impl Log {
    /// Counts a connection, and gives its number.
    fn begin(&mut self) -> usize {
        self.connections += 1;
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
        self.connections - 1
    }
}

/// A host that speaks SMTP, and misbehaves as its script says: for a verb ("." is the end of the content) and how often it
/// has been said before, what to do instead of what is right.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

type Script = dyn Fn(&str, usize) -> Option<Act> + Send + Sync;

impl Host {
    pub(crate) async fn start(
        address: &str,
        script: impl Fn(&str, usize) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let script: Arc<Script> = Arc::new(script);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = shared.lock().unwrap().begin();
                let (log, script) = (Arc::clone(&shared), Arc::clone(&script));
                tokio::spawn(async move {
                    // a client that goes away ends the conversation
                    let _ = converse(stream, connection, &log, &*script).await;
                    log.lock().unwrap().open -= 1;
                });
            }
        });
        Self { address, log, task }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.log.lock().unwrap().got.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// The most connections that it had at one time.
    pub(crate) fn most_open(&self) -> usize {
        self.log.lock().unwrap().most_open
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, connection: usize, log: &Mutex<Log>, script: &Script) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).split(b'\n');
    let mut got = Got { connection, commands: Vec::new(), content: String::new() };
    let mut verb = "CONNECT".to_owned();
    let (mut is_open, mut kept) = (false, String::new());
    loop {
        let nth = {
            let mut log = log.lock().unwrap();
            let count = log.counts.entry(verb.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let act = script(&verb, nth).unwrap_or(Act::Say(match verb.as_str() {
            "CONNECT" => "220 host.test ESMTP",
            "EHLO" => "250-host.test\r\n250-PIPELINING\r\n250 8BITMIME",
            "RCPT" | "DATA" if !is_open => "503 5.5.1 not now",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 ok",
        }));
        let reply = match act {
            Act::Say(reply) | Act::Keep(reply) => reply,
            Act::Hang => return std::future::pending().await,
            Act::Close => return Ok(()),
            Act::Reset => {
                output.as_ref().set_zero_linger()?;
                // no orderly end of our half before it
                output.forget();
                return Ok(());
            }
            Act::Garble(reply) => {
                output.write_all(format!("{reply}\r\n").as_bytes()).await?;
                output.as_ref().readable().await?;
                return output.write_all(b"500 5.5.2 what is this\r\n").await;
            }
            Act::Last(reply) => return output.write_all(format!("{reply}\r\n").as_bytes()).await,
        };
        if verb == "." && reply.starts_with('2') {
            log.lock().unwrap().got.push(got.clone());
        }
        if matches!(verb.as_str(), "MAIL" | "RCPT") {
            // a host without a recipient takes no content; one that took one goes on
            is_open = reply.starts_with('2') || (is_open && verb == "RCPT");
        }
        kept.push_str(&format!("{reply}\r\n"));
        if !matches!(act, Act::Keep(_)) {
            output.write_all(std::mem::take(&mut kept).as_bytes()).await?;
        }
        if verb == "QUIT" || reply.starts_with("421") {
            return Ok(());
        }
        if reply.starts_with("354") {
            got.content.clear();
            while let Some(line) = lines.next_segment().await? {
                if line == b".\r" {
                    break;
                }
                got.content.push_str(&String::from_utf8_lossy(&line));
                got.content.push('\n');
            }
            verb = ".".to_owned();
            continue;
        }
        let Some(line) = lines.next_segment().await? else { return Ok(()) };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        if verb == "MAIL" {
            got.commands.clear();
        }
        got.commands.push(line);
    }
}
