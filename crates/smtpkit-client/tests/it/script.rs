//! A server that follows a script: what it expects, what it says.
//!
//! | line | meaning |
//! |---|---|
//! | `S: text` | the server sends this line |
//! | `C: text` | the client has to send this line; a `*` at its end stands for anything |
//! | `CONTENT` | the client sends content up to the final dot, which is kept |
//! | `TLS` | the server does its handshake |
//! | `RAW: text` | the server sends this in one segment; `\r` and `\n` are newlines |
//! | `READ` | the server takes whatever comes next |
//! | `HANG` | the server says nothing until the client goes |
//! | `END` | the client has to close the stream |
//! | `NEXT` | this connection is closed, the next one begins |

use smtpkit_client::{Anchors, Builder, Client, ServerUrl, tls};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// How long a script waits for the client before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server under way.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    contents: Arc<Mutex<Vec<Vec<u8>>>>,
    running: JoinHandle<Result<(), String>>,
    certificates: tempfile::TempDir,
}

impl Scripted {
    /// Serves one connection after the other, as the script has them.
    pub(crate) async fn start(script: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let certificates = tempfile::tempdir().expect("a folder");
        let identity = tls::DevelopmentIdentity::open(certificates.path(), "mx.test", SystemTime::now())
            .expect("an identity")
            .into_identity();
        let acceptor = tls::Acceptor::new(identity).expect("an acceptor");
        let contents = Arc::new(Mutex::new(Vec::new()));
        let (script, kept) = (script.to_owned(), Arc::clone(&contents));
        let running = tokio::spawn(async move {
            for (index, part) in script.split("NEXT\n").enumerate() {
                let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
                let steps = part.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
                let steps: VecDeque<String> = steps.map(str::to_owned).collect();
                let serving = serve(Box::new(stream), steps, &acceptor, &kept);
                match tokio::time::timeout(PATIENCE, serving).await {
                    Ok(outcome) => outcome.map_err(|why| format!("connection {index}: {why}"))?,
                    Err(_) => return Err(format!("connection {index}: the client keeps the server waiting")),
                }
            }
            Ok(())
        });
        Self { port, contents, running, certificates }
    }

    /// A client of this server, to be changed.
    pub(crate) fn builder(&self, scheme: &str, query: &str) -> Builder {
        let url: ServerUrl = format!("{scheme}://127.0.0.1:{}{query}", self.port).parse().expect("a URL");
        Client::builder(url).hello_name("client.test")
    }

    /// A client that speaks plaintext to it.
    pub(crate) fn client(&self) -> Client {
        self.builder("smtp", "?tls=off").build().expect("a client")
    }

    /// TLS that trusts it.
    pub(crate) fn trust(&self) -> tls::Connector {
        let anchors = Anchors::from_pem_file(self.certificates.path().join("ca.pem")).expect("anchors");
        tls::Connector::builder().roots(tls::Roots::Only(anchors)).build().expect("a connector")
    }

    /// Waits for the end of the script; gives back the contents that came.
    pub(crate) async fn finish(self) -> Vec<String> {
        self.running.await.expect("the server does not panic").expect("the script was followed");
        let contents = self.contents.lock().expect("no panic");
        contents.iter().map(|content| String::from_utf8_lossy(content).into_owned()).collect()
    }
}

async fn serve(
    stream: Box<dyn Both>,
    mut steps: VecDeque<String>,
    acceptor: &tls::Acceptor,
    contents: &Mutex<Vec<Vec<u8>>>,
) -> Result<(), String> {
    let mut stream = BufReader::new(stream);
    while let Some(step) = steps.pop_front() {
        let failed = |error: std::io::Error| format!("{step}: {error}");
        if let Some(line) = step.strip_prefix("S: ") {
            stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(failed)?;
            // What is said in one go goes out in one go.
            if !steps.front().is_some_and(|next| next.starts_with("S: ")) {
                stream.flush().await.map_err(failed)?;
            }
        } else if let Some(text) = step.strip_prefix("RAW: ") {
            let text = text.replace("\\r", "\r").replace("\\n", "\n");
            stream.write_all(text.as_bytes()).await.map_err(failed)?;
            stream.flush().await.map_err(failed)?;
        } else if let Some(expected) = step.strip_prefix("C: ") {
            let line = read_line(&mut stream).await.map_err(failed)?;
            let fits = match expected.strip_suffix('*') {
                Some(start) => line.starts_with(start),
                None => line == expected,
            };
            if !fits {
                return Err(format!("expected {expected:?}, got {line:?}"));
            }
        } else if step == "CONTENT" {
            let content = read_content(&mut stream).await.map_err(failed)?;
            contents.lock().expect("no panic").push(content);
        } else if step == "READ" {
            let octets = stream.fill_buf().await.map_err(failed)?.len();
            stream.consume(octets);
        } else if step == "TLS" {
            let accepted = acceptor.accept(stream.into_inner(), PATIENCE).await;
            stream = BufReader::new(Box::new(accepted.map_err(|error| format!("TLS: {error}"))?));
        } else if step == "HANG" || step == "END" {
            let mut rest = Vec::new();
            // A reset is an end as well.
            let _ = stream.read_to_end(&mut rest).await;
            if step == "END" && !rest.is_empty() {
                return Err(format!("expected the end, got {:?}", String::from_utf8_lossy(&rest)));
            }
        } else {
            return Err(format!("no step {step:?}"));
        }
    }
    let _ = stream.shutdown().await;
    Ok(())
}

async fn read_line(stream: &mut BufReader<Box<dyn Both>>) -> std::io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    let line = String::from_utf8_lossy(&line).into_owned();
    Ok(line.strip_suffix("\r\n").map_or_else(|| format!("{line}<no CRLF>"), str::to_owned))
}

async fn read_content(stream: &mut BufReader<Box<dyn Both>>) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let start = content.len();
        if stream.read_until(b'\n', &mut content).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if &content[start..] == b".\r\n" {
            content.truncate(start);
            return Ok(content);
        }
    }
}
