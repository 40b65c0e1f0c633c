//! A server that plays scripts: one for each connection, in their order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smtpkit_tls::{Acceptor, Connector};
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::script::{Pattern, Turn};
use super::{Authority, Script, TestError};
use crate::transport::{Plain, Transport};

/// How long a client may take for one line.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest line of a client that is taken.
const LINE_OCTETS_MAX: usize = 64 * 1024;
/// Most octets that a client may send where a script skips.
const SKIPPED_OCTETS_MAX: usize = 64 * 1024 * 1024;
/// The name in the certificate.
const HOSTNAME: &str = "mail.example.test";

/// What was said on one connection, as `S: ` and `C: ` lines. Skipped content is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialogue(Vec<String>);

impl Dialogue {
    /// The lines in their order.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// Where a client did not follow its script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("connection {connection}: expected {expected:?}, got {got}; before it: {before:?}")]
#[non_exhaustive]
pub struct Divergence {
    /// Which connection, counted from 1.
    pub connection: usize,
    /// What the script wants.
    pub expected: String,
    /// What came instead: a line in quotes, or what happened to the connection.
    pub got: String,
    /// The dialogue up to there.
    pub before: Vec<String>,
}

/// A server that plays a [`Script`] for each connection: the first one for the first, and so on. Connections beyond
/// the last script, or after one that was left, are closed at once.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_client::{Client, Envelope};
/// use smtpkit_server::testing::{Script, ScriptedServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script: Script = "\
/// S: 220 mx.test ESMTP
/// C: EHLO *
/// S: 250 mx.test
/// C: MAIL FROM:<alice@example.test>
/// S: 250 ok
/// C: RCPT TO:<bob@example.test>
/// S: 250-ok
/// S: 251 and a reply with two codes
/// ".parse()?;
/// let server = ScriptedServer::start([script]).await?;
/// let client = Client::from_url(&server.url())?;
/// let envelope = Envelope::new("alice@example.test", ["bob@example.test"])?;
/// client.send(&envelope, "hello\r\n").await.unwrap_err();
/// let dialogues = server.finish(Duration::from_secs(10)).await?;
/// assert_eq!(dialogues[0].lines()[1], "C: EHLO [127.0.0.1]");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    authority: Authority,
    outcomes: Arc<Mutex<Vec<Result<Dialogue, Divergence>>>>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`TestError`] if there is no port or no certificate to be had.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Result<Self, TestError> {
        let scripts: Vec<Script> = scripts.into_iter().collect();
        let authority = Authority::for_host(HOSTNAME)?;
        let acceptor = authority.acceptor()?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let outcomes = Arc::default();
        let task = tokio::spawn(play_all(listener, acceptor, scripts, Arc::clone(&outcomes)));
        Ok(Self { address, authority, outcomes, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL, for a client that needs no TLS.
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=off", self.address)
    }

    /// The certificate of its authority in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// The client's side of TLS, which trusts this server's authority alone.
    ///
    /// # Errors
    /// [`TestError::Tls`] if TLS cannot be set up.
    pub fn connector(&self) -> Result<Connector, TestError> {
        self.authority.connector()
    }

    /// Waits until every script was played or one was left, and tells what was said.
    ///
    /// # Errors
    /// The first [`Divergence`], or one that says which script nobody connected for within `time`.
    pub async fn finish(mut self, time: Duration) -> Result<Vec<Dialogue>, Divergence> {
        let is_done = timeout(time, &mut self.task).await.is_ok();
        let outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
        let connection = outcomes.len() + 1;
        let dialogues = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        if is_done {
            return Ok(dialogues);
        }
        let (expected, got) = ("the end of the script".to_owned(), "nothing in time".to_owned());
        Err(Divergence { connection, expected, got, before: Vec::new() })
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play_all(
    listener: TcpListener,
    acceptor: Acceptor,
    scripts: Vec<Script>,
    outcomes: Arc<Mutex<Vec<Result<Dialogue, Divergence>>>>,
) {
    for (Script(turns), connection) in scripts.into_iter().zip(1..) {
        let Ok((stream, _)) = listener.accept().await else { return };
        let mut player = Player::new(stream, acceptor.clone());
        let outcome = match player.play(turns).await {
            Ok(()) => Ok(Dialogue(player.said)),
            Err((expected, got)) => Err(Divergence { connection, expected, got, before: player.said }),
        };
        let has_diverged = outcome.is_err();
        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        if has_diverged {
            return;
        }
    }
}

/// One connection with its script.
struct Player {
    stream: Transport,
    acceptor: Acceptor,
    input: Vec<u8>,
    output: Vec<u8>,
    said: Vec<String>,
}

/// What was expected, and what came.
type Mismatch = (String, String);

impl Player {
    fn new(stream: TcpStream, acceptor: Acceptor) -> Self {
        let stream = Transport::Plain(Plain::Tcp(stream));
        Self { stream, acceptor, input: Vec::new(), output: Vec::new(), said: Vec::new() }
    }

    async fn play(&mut self, turns: Vec<Turn>) -> Result<(), Mismatch> {
        for turn in turns {
            match turn {
                Turn::Say(line) => {
                    self.output.extend_from_slice(line.as_bytes());
                    self.output.extend_from_slice(b"\r\n");
                    self.said.push(format!("S: {line}"));
                    continue;
                }
                Turn::Close => break,
                _ => self.flush().await,
            }
            match turn {
                Turn::Expect(pattern) => self.expect(&pattern).await?,
                Turn::SkipTo(pattern) => self.skip_to(&pattern).await?,
                Turn::Wait(time) => sleep(time).await,
                Turn::StartTls => self.start_tls().await?,
                Turn::Say(_) | Turn::Close => {}
            }
        }
        self.flush().await;
        // The client may be gone already.
        let _closed = self.stream.shutdown().await;
        Ok(())
    }

    /// Says what is to be said. A client that is gone is noticed when it is its turn.
    async fn flush(&mut self) {
        let _said = self.stream.write_all(&self.output).await;
        let _sent = self.stream.flush().await;
        self.output.clear();
    }

    async fn expect(&mut self, pattern: &Pattern) -> Result<(), Mismatch> {
        let line = self.line().await.map_err(|got| (pattern.0.clone(), got))?;
        if !pattern.matches(&line) {
            return Err((pattern.0.clone(), format!("{line:?}")));
        }
        self.said.push(format!("C: {line}"));
        Ok(())
    }

    async fn skip_to(&mut self, pattern: &Pattern) -> Result<(), Mismatch> {
        let mut skipped = 0;
        while skipped < SKIPPED_OCTETS_MAX {
            let line = self.line().await.map_err(|got| (pattern.0.clone(), got))?;
            if pattern.matches(&line) {
                self.said.push(format!("C: {line}"));
                return Ok(());
            }
            skipped += line.len() + 2;
        }
        Err((pattern.0.clone(), "too many octets".to_owned()))
    }

    async fn start_tls(&mut self) -> Result<(), Mismatch> {
        let failed = |got: String| ("a TLS handshake".to_owned(), got);
        if !self.input.is_empty() {
            return Err(failed("octets that came before it".to_owned()));
        }
        let Transport::Plain(stream) = std::mem::replace(&mut self.stream, Transport::Gone) else {
            return Err(failed("TLS is active already".to_owned()));
        };
        let stream =
            self.acceptor.accept(stream, PATIENCE).await.map_err(|error| failed(error.to_string()))?;
        self.stream = Transport::Tls(Box::new(stream));
        self.said.push("! tls".to_owned());
        Ok(())
    }

    /// The client's next line, without its CRLF; or why there is none.
    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.input, b"\r\n") {
                let rest = self.input.split_off(end + 2);
                let mut line = std::mem::replace(&mut self.input, rest);
                line.truncate(end);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.input.len() > LINE_OCTETS_MAX {
                return Err("a line without end".to_owned());
            }
            match timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await {
                Ok(Ok(0)) => return Err("the end of the connection".to_owned()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("nothing in time".to_owned()),
            }
        }
    }
}
