//! What the tests share: a handler that records, a server on a free port, and a client that speaks lines.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use smtpkit_server::auth::{Account, Secret, StoredCredential, Users};
use smtpkit_server::{
    Body, Builder, CancellationToken, Handler, LocalDomains, Peer, Recipient, Refusal, RelayGrant, Reply,
    Route, RouteKind, Served, Server, Session, Transaction, accepted_as, tls,
};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing in these tests takes longer on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the handler saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, entry: &str) -> bool {
        self.entries().iter().any(|known| known == entry)
    }
}

/// Accepts what it may; recipients named `nobody` do not exist, one named `panic` is a bug.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) journal: Journal,
}

impl Handler for Recorder {
    type Session = Self;

    async fn connect(&self, _peer: &Peer) -> Result<Self, Refusal> {
        self.journal.add("connect");
        Ok(self.clone())
    }
}

impl Session for Recorder {
    async fn tls(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.journal.add(format!("tls {}", peer.tls().unwrap().version()));
        Ok(())
    }

    async fn authenticated(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.journal.add(format!("authenticated {}", peer.identity().unwrap().authentication()));
        Ok(())
    }

    async fn rcpt<'a>(
        &mut self,
        _peer: &Peer,
        _tx: &Transaction,
        recipient: &Recipient,
        grant: Option<RelayGrant<'a>>,
    ) -> Result<Route<'a>, Refusal> {
        let path = recipient.path.to_string();
        if path.starts_with("<nobody@") {
            return Err(Refusal::no_such_user());
        }
        assert!(!path.starts_with("<panic@"), "a bug");
        self.journal.add(format!("rcpt {path}"));
        let is_foreign = path.ends_with("@foreign.test>");
        Ok(match grant {
            Some(grant) if is_foreign => Route::relay(grant),
            _ => Route::local(),
        })
    }

    async fn message(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        let content = body.read_to_end(1024 * 1024).await?;
        let received = String::from_utf8(tx.received(peer, 0)).unwrap();
        let protocol = received
            .split_whitespace()
            .skip_while(|word| *word != "with")
            .nth(1)
            .unwrap()
            .trim_end_matches(';')
            .to_owned();
        let relayed = tx.routes().iter().filter(|route| **route == RouteKind::Relay).count();
        self.journal
            .add(format!("message {protocol} relayed={relayed} {:?}", String::from_utf8_lossy(&content)));
        if content.starts_with(b"disk full") {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        Ok(accepted_as("4711"))
    }

    async fn reset(&mut self, _peer: &Peer) {
        self.journal.add("reset");
    }

    async fn closed(&mut self, _peer: &Peer) {
        self.journal.add("closed");
    }
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Journal,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Served>,
}

pub(crate) async fn run(builder: Builder<Recorder>, recorder: &Recorder) -> Running {
    let listening = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listening.local_addrs()[0];
    let stop = CancellationToken::new();
    let task = tokio::spawn(listening.serve(stop.clone()));
    Running { address, journal: recorder.journal.clone(), stop, task }
}

impl Running {
    pub(crate) async fn client(&self) -> Client<TcpStream> {
        let mut client = Client::new(TcpStream::connect(self.address).await.unwrap());
        client.expect("220").await;
        client
    }

    pub(crate) async fn stop(self) -> Served {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }
}

pub(crate) fn domains() -> LocalDomains {
    LocalDomains::new(["local.test"]).unwrap()
}

pub(crate) fn mx(recorder: &Recorder) -> Builder<Recorder> {
    Server::mx("mx.test", domains(), recorder.clone())
}

pub(crate) fn accounts() -> Users {
    let mut users = Users::new(Secret::new([7; 32]));
    let password = StoredCredential::plaintext(Secret::from("pencil")).unwrap();
    users.insert(Account::new("alice@local.test", password)).unwrap();
    users
}

/// A development certificate for `mx.test` and the connector that trusts it.
pub(crate) struct Certificate {
    _folder: TempDir,
    pub(crate) acceptor: tls::Acceptor,
    pub(crate) connector: tls::Connector,
}

pub(crate) fn certificate() -> Certificate {
    let folder = TempDir::new().unwrap();
    let identity = tls::DevelopmentIdentity::open(folder.path(), "mx.test", SystemTime::now()).unwrap();
    let anchors = tls::Anchors::from_pem_file(identity.ca_path()).unwrap();
    let connector = tls::Connector::builder().roots(tls::Roots::Only(anchors)).build().unwrap();
    let acceptor = tls::Acceptor::new(identity.into_identity()).unwrap();
    Certificate { _folder: folder, acceptor, connector }
}

pub(crate) fn submission(recorder: &Recorder, certificate: &Certificate) -> Builder<Recorder> {
    Server::submission("mx.test", certificate.acceptor.clone(), accounts(), recorder.clone())
        .domains(domains())
}

impl Certificate {
    pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Client<tls::Stream<S>> {
        let name = tls::server_name("mx.test").unwrap();
        Client::new(self.connector.connect(stream, name, PATIENCE).await.unwrap())
    }
}

/// A client that says lines and looks at codes.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends octets as they are.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends a line and gives the reply.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Sends a line whose reply must begin with `expected`.
    pub(crate) async fn ask(&mut self, line: &str, expected: &str) -> String {
        let reply = self.say(line).await;
        assert!(reply.starts_with(expected), "{line}: {reply}, not {expected}");
        reply
    }

    /// The next reply must begin with `expected`.
    pub(crate) async fn expect(&mut self, expected: &str) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(expected), "{reply}, not {expected}");
        reply
    }

    /// The next reply, all its lines; empty if the server closed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = timeout(PATIENCE, self.line()).await.expect("the server is silent");
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return String::from_utf8(line).unwrap();
            }
            let mut octets = [0; 4096];
            match self.stream.read(&mut octets).await {
                Ok(n) if n > 0 => self.buffer.extend_from_slice(&octets[..n]),
                _ => return String::new(),
            }
        }
    }

    /// Whether the server closes, and says nothing more.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.reply().await, "");
    }

    pub(crate) async fn mail(&mut self, recipient: &str, content: &str) {
        self.ask("MAIL FROM:<alice@local.test>", "250").await;
        self.ask(&format!("RCPT TO:<{recipient}>"), "250").await;
        self.ask("DATA", "354").await;
        self.ask(&format!("{content}\r\n."), "250").await;
    }
}
