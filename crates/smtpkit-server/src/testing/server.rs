//! A server of this crate on a free port, which keeps what it is sent.

use std::net::SocketAddr;
use std::time::Duration;

use smtpkit_auth::{Account, Secret, StoredCredential, Users};
use smtpkit_tls::Connector;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Authority, Fault, Received, Recording, TestError, TimedOut};
use crate::{Builder, LocalDomains, Role, Served, Server};

/// The name of a test server, which its certificate bears.
const HOSTNAME: &str = "mail.example.test";
/// The domain that is local if none is named.
const DOMAIN: &str = "example.test";

/// How a test server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    Off,
    StartTls,
    Implicit,
}

/// A [`TestServer`] that is being set up.
pub struct TestServerBuilder {
    role: Role,
    domains: Vec<String>,
    accounts: Vec<(String, Secret)>,
    encryption: Encryption,
    recording: Recording,
    change: Box<dyn FnOnce(Builder<Recording>) -> Builder<Recording> + Send>,
}

impl TestServerBuilder {
    fn new(role: Role, encryption: Encryption) -> Self {
        Self {
            role,
            domains: Vec::new(),
            accounts: Vec::new(),
            encryption,
            recording: Recording::default(),
            change: Box::new(|builder| builder),
        }
    }

    /// A local domain; without any it is `example.test`.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domains.push(domain.to_owned());
        self
    }

    /// An account, which may log in by every mechanism that a password serves.
    #[must_use]
    pub fn account(mut self, address: &str, password: &str) -> Self {
        self.accounts.push((address.to_owned(), Secret::from(password)));
        self
    }

    /// TLS begins with the connection (RFC 8314 §3).
    #[must_use]
    pub const fn implicit_tls(mut self) -> Self {
        self.encryption = Encryption::Implicit;
        self
    }

    /// TLS is not needed for anything; AUTH, if there are accounts, is offered in plaintext.
    #[must_use]
    pub const fn without_tls(mut self) -> Self {
        self.encryption = Encryption::Off;
        self
    }

    /// Something goes wrong from the start. See [`TestServer::inject`].
    #[must_use]
    pub fn fault(self, fault: Fault) -> Self {
        self.recording.inject(fault);
        self
    }

    /// Changes the server beneath: limits, time-outs, extensions and all else that [`Builder`] has.
    #[must_use]
    pub fn set_up(
        mut self,
        change: impl FnOnce(Builder<Recording>) -> Builder<Recording> + Send + 'static,
    ) -> Self {
        self.change = Box::new(change);
        self
    }

    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`TestError`] if the set-up makes no sense, or there is no port or no certificate to be had.
    pub async fn start(self) -> Result<TestServer, TestError> {
        let authority = Authority::for_host(HOSTNAME)?;
        let recording = self.recording.clone();
        let (role, encryption) = (self.role, self.encryption);
        let builder = self.builder(&authority)?;
        let listening = builder.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listening.local_addrs().first().copied().ok_or(crate::ServerError::NoAddress)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(listening.serve(stop.clone()));
        Ok(TestServer { role, encryption, address, authority, recording, stop, task })
    }

    fn builder(self, authority: &Authority) -> Result<Builder<Recording>, TestError> {
        let domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
        let domains = LocalDomains::new(if domains.is_empty() { vec![DOMAIN] } else { domains })?;
        let mut users = Users::new(Secret::new(HOSTNAME.as_bytes()));
        let has_accounts = !self.accounts.is_empty();
        for (name, password) in self.accounts {
            let stored = StoredCredential::plaintext(password)
                .map_err(|error| TestError::Password { name: name.clone(), why: error.to_string() })?;
            users
                .insert(Account::new(&name, stored))
                .map_err(|source| TestError::Duplicate { name: name.clone(), source })?;
        }
        let mut builder = match self.role {
            Role::Lmtp => Server::lmtp(HOSTNAME, domains, self.recording),
            Role::Submission => {
                Server::submission(HOSTNAME, authority.acceptor()?, users.clone(), self.recording)
                    .domains(domains)
            }
            _ => Server::mx(HOSTNAME, domains, self.recording),
        };
        if self.encryption != Encryption::Off {
            builder = builder.tls(authority.acceptor()?);
        }
        if self.encryption == Encryption::Implicit {
            builder = builder.implicit_tls();
        }
        if has_accounts {
            builder = builder.auth(users);
        }
        if self.encryption == Encryption::Off {
            builder = builder.auth_without_tls();
        }
        Ok((self.change)(builder))
    }
}

impl std::fmt::Debug for TestServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServerBuilder")
            .field("role", &self.role)
            .field("domains", &self.domains)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

/// A mail server for tests: real, on a free port, and it keeps what it accepts. It stops when it is dropped.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_server::testing::TestServer;
/// use tokio::io::AsyncWriteExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TestServer::mx().domain("bücher.test").without_tls().start().await?;
/// let mut client = tokio::net::TcpStream::connect(server.address()).await?;
/// client.write_all(b"HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<bob@xn--bcher-kva.test>\r\nDATA\r\n").await?;
/// client.write_all(b"Subject: hi\r\n\r\n..\r\n.\r\n").await?;
/// let messages = server.wait_until(|messages| !messages.is_empty(), Duration::from_secs(10)).await?;
/// assert_eq!(messages[0].text(), "Subject: hi\r\n\r\n.\r\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestServer {
    role: Role,
    encryption: Encryption,
    address: SocketAddr,
    authority: Authority,
    recording: Recording,
    stop: CancellationToken,
    task: JoinHandle<Served>,
}

impl TestServer {
    /// A mail exchanger with STARTTLS: it takes mail for its domains from anybody (RFC 5321).
    pub fn mx() -> TestServerBuilder {
        TestServerBuilder::new(Role::Mx, Encryption::StartTls)
    }

    /// A submission server with STARTTLS: it takes mail for everywhere from its accounts (RFC 6409).
    pub fn submission() -> TestServerBuilder {
        TestServerBuilder::new(Role::Submission, Encryption::StartTls)
    }

    /// An LMTP server without TLS: each recipient gets a reply of its own (RFC 2033).
    pub fn lmtp() -> TestServerBuilder {
        TestServerBuilder::new(Role::Lmtp, Encryption::Off)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL for `smtpkit_client` and `smtpkit send`: `smtp://127.0.0.1:2525?tls=require`.
    pub fn url(&self) -> String {
        let scheme = match (self.role, self.encryption) {
            (Role::Lmtp, _) => "lmtp",
            (_, Encryption::Implicit) => "smtps",
            _ => "smtp",
        };
        let tls = match self.encryption {
            Encryption::Off => "off",
            Encryption::StartTls => "require",
            Encryption::Implicit => "implicit",
        };
        format!("{scheme}://{}?tls={tls}", self.address)
    }

    /// The certificate of its authority in PEM, for clients that want a file or a string.
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

    /// The messages so far, in the order in which they were accepted.
    pub fn messages(&self) -> Vec<Received> {
        self.recording.messages()
    }

    /// Waits until there are `count` messages, and gives all there are.
    ///
    /// # Errors
    /// [`TimedOut`] if they do not come within `time`.
    pub async fn wait_for(&self, count: usize, time: Duration) -> Result<Vec<Received>, TimedOut> {
        self.wait_until(|messages| messages.len() >= count, time).await
    }

    /// Waits until the messages are what `is_enough` wants, and gives all there are.
    ///
    /// # Errors
    /// [`TimedOut`] if that does not happen within `time`.
    pub async fn wait_until(
        &self,
        is_enough: impl FnMut(&[Received]) -> bool,
        time: Duration,
    ) -> Result<Vec<Received>, TimedOut> {
        self.recording.wait_until(is_enough, time).await
    }

    /// From now on something goes wrong. Faults of one step strike in the order in which they were given; a delay
    /// lets the next one have its turn too.
    pub fn inject(&self, fault: Fault) {
        self.recording.inject(fault);
    }

    /// From now on everything goes well again.
    pub fn mend(&self) {
        self.recording.mend();
    }

    /// Stops the server: idle sessions are told 421, transactions may finish. Gives all messages.
    pub async fn stop(mut self) -> Vec<Received> {
        self.stop.cancel();
        // A task that panicked has nothing more to say than that it is over.
        let _served = (&mut self.task).await;
        self.messages()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}
