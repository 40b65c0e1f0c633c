//! Why a message was not taken: by kind and stage, with the reply, whether trying again can help and whether the
//! message may have arrived all the same.

use crate::Session;
use crate::outcome::RecipientOutcome;
use smtpkit_codec::{Reply, Severity};
use smtpkit_session::client::Unsupported;
use std::fmt;

/// What went wrong, by whose fault it is and what can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host has no address.
    HostUnknown,
    /// No connection: refused, unreachable, or the proxy would not.
    Connect,
    /// The server was too slow, or the whole took longer than allowed.
    Timeout,
    /// The connection was lost; look at [`SendError::delivered`].
    Closed,
    /// The TLS handshake failed.
    Tls(smtpkit_tls::ErrorKind),
    /// TLS is required and the server does not offer it, or refused to start it.
    TlsRequired,
    /// Plaintext came behind the reply to STARTTLS: somebody may be in between.
    InjectedPlaintext,
    /// The server does not accept the credentials.
    Authentication,
    /// No mechanism is left that both sides know and that keeps the password safe.
    NoMechanism,
    /// The server refused the session, the sender or the content.
    Refused,
    /// The server refused every recipient, or one of them with all-or-nothing delivery.
    Recipients,
    /// The server lacks an extension that the message needs, or takes no message of this size.
    Unsupported,
    /// The content has a bare CR, a bare LF or a NUL.
    Content,
    /// The content could not be read.
    ContentUnreadable,
    /// The content could not be signed; the caller's matter.
    Signing,
    /// The server does not speak the protocol.
    Protocol,
    /// No connection of the pool became free in time.
    PoolTimeout,
    /// The client has been closed.
    ClientClosed,
}

/// How far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for a connection of the pool.
    Acquire,
    /// Looking up the host.
    Resolve,
    /// Connecting.
    Connect,
    /// Asking the proxy.
    Proxy,
    /// Waiting for the greeting.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The content.
    Content,
    /// The end of the content.
    EndOfContent,
    /// Any other command.
    Command,
    /// QUIT.
    Quit,
}

impl Stage {
    /// Whether the server had heard nothing of the message: the session was not open yet.
    ///
    /// ```
    /// use smtpkit_client::Stage;
    ///
    /// assert!(Stage::Auth.is_opening());
    /// assert!(!Stage::Mail.is_opening());
    /// ```
    #[must_use]
    pub const fn is_opening(self) -> bool {
        matches!(
            self,
            Self::Acquire
                | Self::Resolve
                | Self::Connect
                | Self::Proxy
                | Self::Greeting
                | Self::Hello
                | Self::StartTls
                | Self::Handshake
                | Self::Auth
        )
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acquire => "waiting for a connection",
            Self::Resolve => "host look-up",
            Self::Connect => "connecting",
            Self::Proxy => "proxy",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "TLS handshake",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
            Self::EndOfContent => "end of content",
            Self::Command => "command",
            Self::Quit => "QUIT",
        })
    }
}

/// Whether the same message can be taken later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum Retry {
    /// Something has to be changed first.
    Never,
    /// The same attempt may succeed later.
    Later,
}

/// Whether the message may have been delivered although there is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a delivery that is known is no error")]
pub enum Delivered {
    /// It was not.
    No,
    /// The content was out to its end and the answer never came: sending it again may deliver it twice.
    Unknown,
}

/// Why a message was not taken, or a session not opened.
pub struct SendError(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    stage: Stage,
    detail: String,
    reply: Option<Reply>,
    retry: Retry,
    delivered: Delivered,
    recipients: Vec<RecipientOutcome>,
    session: Option<Session>,
    unsupported: Option<Unsupported>,
}

impl SendError {
    pub(crate) fn new(kind: ErrorKind, stage: Stage, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            stage,
            detail: detail.into(),
            reply: None,
            retry: kind.retry(),
            delivered: Delivered::No,
            recipients: Vec::new(),
            session: None,
            unsupported: None,
        }))
    }

    /// The error that a refusal is; whether it can be tried again is in its first digit.
    pub(crate) fn refused(kind: ErrorKind, stage: Stage, reply: Reply) -> Self {
        let mut error = Self::new(kind, stage, "");
        error.0.retry = match reply.severity() {
            Severity::PermanentNegative => Retry::Never,
            _ => Retry::Later,
        };
        error.0.reply = Some(reply);
        error
    }

    pub(crate) fn with_unsupported(mut self, what: Unsupported) -> Self {
        self.0.unsupported = Some(what);
        self
    }

    pub(crate) fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    pub(crate) fn with_reply(mut self, reply: Option<Reply>) -> Self {
        self.0.reply = reply.or(self.0.reply);
        self
    }

    pub(crate) fn with_detail(mut self, detail: String) -> Self {
        self.0.detail = detail;
        self
    }

    /// Becomes what TLS says about it; whether the message was delivered stays as it was.
    pub(crate) fn with_tls_fault(mut self, fault: &smtpkit_tls::Error) -> Self {
        self.0.kind = ErrorKind::Tls(fault.kind());
        self.0.retry = self.0.kind.retry();
        self.0.detail = fault.to_string();
        self
    }

    pub(crate) fn with_delivered(mut self, delivered: Delivered) -> Self {
        self.0.delivered = delivered;
        self
    }

    pub(crate) fn with_recipients(mut self, recipients: Vec<RecipientOutcome>) -> Self {
        self.0.recipients = recipients;
        self
    }

    pub(crate) fn with_session(mut self, session: &Session) -> Self {
        self.0.session = Some(session.clone());
        self
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far it had come.
    pub const fn stage(&self) -> Stage {
        self.0.stage
    }

    /// The reply that decided it.
    pub const fn reply(&self) -> Option<&Reply> {
        self.0.reply.as_ref()
    }

    /// Whether the same message can be taken later.
    pub const fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Whether the message may have been delivered all the same.
    pub const fn delivered(&self) -> Delivered {
        self.0.delivered
    }

    /// One outcome for each recipient of the envelope; empty before the first RCPT.
    pub fn recipients(&self) -> &[RecipientOutcome] {
        &self.0.recipients
    }

    /// The connection, if there was one.
    pub const fn session(&self) -> Option<&Session> {
        self.0.session.as_ref()
    }

    /// What the server cannot do that the message needs, if it is known from what the server offers: then nothing was
    /// sent, and what can be changed about the message may help, such as fewer recipients at once.
    pub const fn unsupported(&self) -> Option<&Unsupported> {
        self.0.unsupported.as_ref()
    }

    /// How far it had come, and what happened: the text of the error without what a person at the keyboard can do about
    /// it. For reports to others.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// use smtpkit_client::Client;
    ///
    /// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    /// let client = Client::builder(format!("smtp://{nobody}?tls=off").parse()?).build()?;
    /// let error = client.check().await.unwrap_err();
    /// assert!(error.to_string().starts_with(&error.cause().to_string()));
    /// assert!(error.to_string().ends_with("is the port right?)"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cause(&self) -> impl fmt::Display {
        Cause(&self.0)
    }
}

struct Cause<'a>(&'a Inner);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { stage, detail, reply, .. } = self.0;
        write!(f, "{stage}: ")?;
        match (reply, detail.as_str()) {
            (Some(reply), "") => write!(f, "the server said {reply}"),
            (Some(reply), detail) => write!(f, "{detail}; the server said {reply}"),
            (None, detail) => f.write_str(detail),
        }
    }
}

impl ErrorKind {
    /// What holds unless a reply says otherwise.
    const fn retry(self) -> Retry {
        use smtpkit_tls::ErrorKind as Tls;
        match self {
            Self::Connect
            | Self::Timeout
            | Self::Closed
            | Self::Protocol
            | Self::PoolTimeout
            | Self::ContentUnreadable
            | Self::Tls(Tls::Timeout | Tls::Closed | Tls::Io) => Retry::Later,
            _ => Retry::Never,
        }
    }

    /// What a person can do about it; empty where the rest says it.
    const fn remedy(self) -> &'static str {
        match self {
            Self::HostUnknown => "check the name of the server",
            Self::Connect => "is the server running, and is the port right?",
            Self::TlsRequired => {
                "the server must offer STARTTLS; ?tls=implicit for a TLS port, ?tls=off to send in plaintext"
            }
            Self::InjectedPlaintext => "do not use this network path",
            Self::Authentication => "check user and password",
            Self::Content => "normalise the newlines of the content",
            Self::ClientClosed => "make a new client",
            Self::PoolTimeout => "allow more connections or more time",
            _ => "",
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, delivered, .. } = &*self.0;
        write!(f, "{}", self.cause())?;
        if *delivered == Delivered::Unknown {
            f.write_str("; the message may have been delivered: sending it again may deliver it twice")?;
        }
        let is_temporary = *kind == ErrorKind::Authentication && self.0.retry == Retry::Later;
        match kind.remedy() {
            "" => Ok(()),
            _ if is_temporary => Ok(()),
            remedy => write!(f, " ({remedy})"),
        }
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.0.kind)
            .field("stage", &self.0.stage)
            .field("retry", &self.0.retry)
            .field("delivered", &self.0.delivered)
            .field("message", &format_args!("{self}"))
            .finish_non_exhaustive()
    }
}

impl std::error::Error for SendError {}
