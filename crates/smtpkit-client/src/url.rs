//! Where mail is handed over, as one line: `smtp://alice@mx.example.test`, `lmtp+unix:/run/lmtp.sock`.
//!
//! ```abnf
//! server-url = scheme "://" [ user "@" ] host [ ":" port ] [ "?tls=" policy ]
//!            / "lmtp+unix:" path
//! scheme     = "smtp" / "smtps" / "lmtp"
//! policy     = "off" / "opportunistic" / "require" / "implicit"
//! ```
//!
//! A password has no place in it: URLs end up in logs and process lists.

use smtpkit_session::client::Protocol;
use smtpkit_tls::Policy;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port that LMTP over TCP uses when none is given; it has no assigned one (RFC 2033 §5 forbids 25).
const LMTP_PORT: u16 = 24;

/// What a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A host name or IP address with a port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The server that takes the mail: protocol, place and how TLS is used.
///
/// ```
/// use smtpkit_client::{Endpoint, ServerUrl};
/// use smtpkit_tls::Policy;
///
/// let url: ServerUrl = "smtp://alice@mx.example.test".parse()?;
/// assert_eq!((url.user(), url.port(), url.tls()), (Some("alice"), Some(587), Policy::Required));
/// assert_eq!("smtps://[::1]".parse::<ServerUrl>()?.to_string(), "smtps://[::1]:465");
/// # Ok::<(), smtpkit_client::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    protocol: Protocol,
    user: Option<String>,
    endpoint: Endpoint,
    has_port: bool,
    tls: Policy,
}

/// Why a text is no URL of a server. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is missing or unknown.
    #[error("a server URL starts with smtp://, smtps://, lmtp:// or lmtp+unix:/, not {0:?}")]
    Scheme(String),
    /// There is no host.
    #[error("the server URL names no host")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is not a port; a port is a number from 1 to 65535")]
    Port(String),
    /// A percent escape of the user name is broken.
    #[error("the user name in the URL has a broken % escape")]
    Escape,
    /// The URL holds a password.
    #[error("a password in the URL would be visible to others; give it apart")]
    Password,
    /// Something follows the host that is neither a port nor `?tls=`.
    #[error("{0:?} has no meaning in a server URL; only ?tls=off|opportunistic|require|implicit has")]
    Rest(String),
    /// The TLS policy is unknown.
    #[error("{0:?} is not a TLS policy; take off, opportunistic, require or implicit")]
    Tls(String),
}

impl ServerUrl {
    /// SMTP or LMTP.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The user to authenticate as, if the URL names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What to connect to.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The host, without brackets; `None` for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix(_) => None,
        }
    }

    /// The port; `None` for a Unix socket.
    pub const fn port(&self) -> Option<u16> {
        match self.endpoint {
            Endpoint::Tcp { port, .. } => Some(port),
            Endpoint::Unix(_) => None,
        }
    }

    /// How TLS is used.
    pub const fn tls(&self) -> Policy {
        self.tls
    }

    /// The same with another use of TLS; a port that was not given follows it (RFC 8314 §7.3).
    #[must_use]
    pub fn with_tls(mut self, tls: Policy) -> Self {
        self.tls = tls;
        if let Endpoint::Tcp { port, .. } = &mut self.endpoint
            && !self.has_port
            && self.protocol == Protocol::Smtp
        {
            *port = tls.default_port();
        }
        self
    }

    /// The same server on another port. A socket has none.
    ///
    /// ```
    /// use smtpkit_client::ServerUrl;
    ///
    /// let url: ServerUrl = "smtp://mx.example.test:25".parse()?;
    /// assert_eq!(url.with_port(587).to_string(), "smtp://mx.example.test:587");
    /// # Ok::<(), smtpkit_client::UrlError>(())
    /// ```
    #[must_use]
    pub const fn with_port(mut self, other: u16) -> Self {
        if let Endpoint::Tcp { port, .. } = &mut self.endpoint {
            *port = other;
            self.has_port = true;
        }
        self
    }

    /// The same server without a user to log in as.
    #[must_use]
    pub fn without_user(self) -> Self {
        Self { user: None, ..self }
    }

    fn unix(path: &Path, query: Option<&str>) -> Result<Self, UrlError> {
        if path.as_os_str().is_empty() {
            return Err(UrlError::Host);
        }
        let endpoint = Endpoint::Unix(path.to_owned());
        let tls = query.map_or(Ok(Policy::Off), policy)?;
        Ok(Self { protocol: Protocol::Lmtp, user: None, endpoint, has_port: true, tls })
    }
}

fn policy(query: &str) -> Result<Policy, UrlError> {
    let Some(name) = query.strip_prefix("tls=") else { return Err(UrlError::Rest(format!("?{query}"))) };
    name.parse().map_err(|_| UrlError::Tls(name.to_owned()))
}

/// `%XX` decoded; a user may hold "@" and "/" that way.
pub(crate) fn unescape(text: &str) -> Result<String, UrlError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        octets.push(value.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(UrlError::Escape)?);
        rest = after.get(2..).unwrap_or_default();
    }
    String::from_utf8(octets).map_err(|_| UrlError::Escape)
}

/// `host`, `host:port`, `[address]`, `[address]:port`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, after) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or(UrlError::Host)?,
        None => text.find(':').and_then(|colon| text.split_at_checked(colon)).unwrap_or((text, "")),
    };
    if host.is_empty() {
        return Err(UrlError::Host);
    }
    let port = match after.strip_prefix(':') {
        None if after.is_empty() => None,
        None => return Err(UrlError::Rest(after.to_owned())),
        Some(port) => {
            Some(port.parse().ok().filter(|&port| port != 0).ok_or_else(|| UrlError::Port(port.to_owned()))?)
        }
    };
    Ok((host.to_owned(), port))
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (text, query) = text.split_once('?').map_or((text, None), |(text, query)| (text, Some(query)));
        if let Some(path) = text.strip_prefix("lmtp+unix:") {
            let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
            return Self::unix(Path::new(path), query);
        }
        let Some((scheme, authority)) = text.split_once("://") else {
            return Err(UrlError::Scheme(text.to_owned()));
        };
        let (protocol, default) = match scheme {
            "smtp" => (Protocol::Smtp, Policy::Required),
            "smtps" => (Protocol::Smtp, Policy::Implicit),
            "lmtp" => (Protocol::Lmtp, Policy::Off),
            _ => return Err(UrlError::Scheme(scheme.to_owned())),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if let Some(slash) = authority.find('/') {
            return Err(UrlError::Rest(authority.get(slash..).unwrap_or_default().to_owned()));
        }
        let (user, place) =
            authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        if user.is_some_and(|user| user.contains(':')) {
            return Err(UrlError::Password);
        }
        let user = user.map(unescape).transpose()?.filter(|user| !user.is_empty());
        let (host, port) = host_and_port(place)?;
        let tls = query.map_or(Ok(default), policy)?;
        let default_port = if protocol == Protocol::Lmtp { LMTP_PORT } else { tls.default_port() };
        let endpoint = Endpoint::Tcp { host, port: port.unwrap_or(default_port) };
        Ok(Self { protocol, user, endpoint, has_port: port.is_some(), tls })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = match (self.protocol, self.tls, &self.endpoint) {
            (_, _, Endpoint::Unix(path)) => {
                write!(f, "lmtp+unix:{}", path.display())?;
                Policy::Off
            }
            (Protocol::Smtp, Policy::Implicit, place) => {
                write!(f, "smtps://{place}")?;
                Policy::Implicit
            }
            (Protocol::Smtp, _, place) => {
                write!(f, "smtp://{place}")?;
                Policy::Required
            }
            (Protocol::Lmtp, _, place) => {
                write!(f, "lmtp://{place}")?;
                Policy::Off
            }
        };
        if self.tls == default { Ok(()) } else { write!(f, "?tls={}", self.tls) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let check = |text: &str, expected: &str, user: Option<&str>| {
            let url: ServerUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.to_string().as_str(), url.user()), (expected, user), "{text}");
        };
        check("smtp://mx.test", "smtp://mx.test:587", None);
        check("smtp://alice@mx.test:2525", "smtp://mx.test:2525", Some("alice"));
        check("smtp://alice%40x.test@mx.test", "smtp://mx.test:587", Some("alice@x.test"));
        check("smtp://alice@x.test@mx.test", "smtp://mx.test:587", Some("alice@x.test"));
        check("smtp://127.0.0.1:25?tls=off", "smtp://127.0.0.1:25?tls=off", None);
        check("smtp://mx.test?tls=implicit", "smtps://mx.test:465", None);
        check("smtps://[::1]/", "smtps://[::1]:465", None);
        check("lmtp://mx.test:24", "lmtp://mx.test:24", None);
        check("lmtp+unix:/run/lmtp.sock", "lmtp+unix:/run/lmtp.sock", None);
        check("lmtp+unix:///run/lmtp.sock", "lmtp+unix:/run/lmtp.sock", None);
    }

    #[test]
    fn what_is_no_url_says_why() {
        let check = |text: &str, expected: UrlError| {
            assert_eq!(text.parse::<ServerUrl>(), Err(expected), "{text}");
        };
        check("mx.test", UrlError::Scheme("mx.test".into()));
        check("http://mx.test", UrlError::Scheme("http".into()));
        check("smtp://", UrlError::Host);
        check("smtp://alice@", UrlError::Host);
        check("smtp://mx.test:0", UrlError::Port("0".into()));
        check("smtp://mx.test:x", UrlError::Port("x".into()));
        check("smtp://alice:pw@mx.test", UrlError::Password);
        check("smtp://a%4@mx.test", UrlError::Escape);
        check("smtp://mx.test/inbox", UrlError::Rest("/inbox".into()));
        check("smtp://mx.test?x=1", UrlError::Rest("?x=1".into()));
        check("smtp://mx.test?tls=on", UrlError::Tls("on".into()));
        check("lmtp+unix:", UrlError::Host);
    }
}
