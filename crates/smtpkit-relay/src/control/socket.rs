//! The socket of a running relay: `queue.sock` in its folder, for whoever may write there.
//!
//! One line asks, lines answer until the connection ends. A request is at most [`REQUEST_OCTETS_MAX`] long, only so many
//! connections are served at once, and whoever reads slowly is answered slowly: no list is gathered in memory.

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::reload::{Orders, Reloads};
use super::short_path::ShortPath;
use super::{Answer, Request, Target, perform};
use crate::Relay;

/// The name of the socket in the folder of a relay.
pub const SOCKET: &str = "queue.sock";
const REQUEST_OCTETS_MAX: u64 = 64 * 1024;
const CONNECTIONS_MAX: usize = 16;
/// Answers that wait to be written, and octets that are written at once.
const ANSWERS_MAX: usize = 64;
const LINES_OCTETS: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// The socket of a running relay.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: ShortPath,
    orders: Orders,
}

impl Listener {
    /// Makes the socket in `folder`. One that is left over from a relay that was killed goes: whoever holds the queue
    /// open, and no one else, may do this.
    ///
    /// # Errors
    /// What the file system says.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = ShortPath::new(folder, SOCKET)?;
        match fs::remove_file(path.as_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path.as_path())?;
        fs::set_permissions(path.as_path(), fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path, orders: Orders::default() })
    }

    /// The orders to read the configuration anew, for whoever carries them out; nobody else gets any.
    pub fn reloads(&mut self) -> Reloads {
        self.orders.taken()
    }

    /// Answers until `stop` is cancelled; the socket goes then.
    pub async fn serve(self, relay: Relay, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        let (relay, orders) = (relay.clone(), self.orders.clone());
                        connections.spawn(async move {
                            let answered = tokio::time::timeout(PATIENCE, answer(stream, &relay, &orders)).await;
                            if let Ok(Err(error)) = answered {
                                tracing::debug!(target: "smtpkit::relay", %error, "a request was not answered to its end");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(target: "smtpkit::relay", %error, "the control socket");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        // whoever comes next sees that nobody answers, and opens the queue himself
        let _ = fs::remove_file(self.path.as_path());
    }
}

async fn answer(stream: UnixStream, relay: &Relay, orders: &Orders) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut line = String::new();
    BufReader::new(input.take(REQUEST_OCTETS_MAX)).read_line(&mut line).await?;
    let (sender, mut answers) = mpsc::channel(ANSWERS_MAX);
    match serde_json::from_str::<Request>(&line) {
        Ok(Request::Reload) => {
            // the channel has room for one
            let _ = sender.try_send(orders.give().await);
            drop(sender);
        }
        Ok(request) => {
            let (relay, now) = (relay.clone(), relay.now());
            // on a thread that may wait: for the disk, and for whoever reads
            tokio::task::spawn_blocking(move || {
                perform(Target::Relay(&relay), &request, now, |answer| sender.blocking_send(answer).is_ok());
            });
        }
        Err(error) => {
            let _ = sender.try_send(Answer::Error(format!("not a request: {error}")));
            drop(sender);
        }
    }
    let mut lines = Vec::new();
    while let Some(answer) = answers.recv().await {
        write_line(&mut lines, &answer);
        if lines.len() >= LINES_OCTETS || answers.is_empty() {
            output.write_all(&lines).await?;
            lines.clear();
        }
    }
    output.write_all(&lines).await?;
    output.shutdown().await
}

fn write_line(lines: &mut Vec<u8>, answer: &Answer) {
    // writing into memory cannot fail, and every answer is JSON
    if serde_json::to_writer(&mut *lines, answer).is_ok() {
        lines.push(b'\n');
    }
}

/// Asks the relay whose folder this is. Every answer goes to `each`, which says whether to go on; `Ok(false)` if no relay
/// runs there.
///
/// # Errors
/// If the connection breaks, or the relay does not speak as it should.
pub fn ask(folder: &Path, request: &Request, mut each: impl FnMut(Answer) -> bool) -> io::Result<bool> {
    let connected = ShortPath::new(folder, SOCKET)
        .and_then(|path| std::os::unix::net::UnixStream::connect(path.as_path()));
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    for line in io::BufReader::new(stream).lines() {
        if !each(serde_json::from_str(&line?)?) {
            break;
        }
    }
    Ok(true)
}
