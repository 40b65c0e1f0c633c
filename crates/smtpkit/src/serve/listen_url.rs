//! `--listen` and `[[listener]] url`: where a listener listens and which role it plays.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// What a listener is for (the scheme of its URL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// Mail for local domains; STARTTLS; no AUTH.
    Mx,
    /// STARTTLS, then AUTH required.
    Submission,
    /// TLS from the first octet, AUTH required.
    Submissions,
    /// Local delivery from another server (RFC 2033).
    Lmtp,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Lmtp => "lmtp",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::Mx, Self::Submission, Self::Submissions, Self::Lmtp];
        all.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    /// Whether it takes mail from users, who have to log in.
    pub(crate) const fn is_submission(self) -> bool {
        matches!(self, Self::Submission | Self::Submissions)
    }

    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Mx => Some(25),
            Self::Submission => Some(587),
            Self::Submissions => Some(465),
            Self::Lmtp => None,
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// A socket that the service manager passes: its name, or its number from 0 (sd_listen_fds(3)).
    Inherited(String),
}

/// A listener as its URL says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenUrl {
    pub(crate) scheme: Scheme,
    pub(crate) address: ListenAddress,
}

/// Why a text is no listener URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListenUrlError {
    #[error("`{0}` is not one of mx://, submission://, submissions://, lmtp://, lmtp+unix: and mx+fd:")]
    Scheme(String),
    #[error("`{0}` is not an IP address with a port, such as 127.0.0.1:2525 or [::1]:2525")]
    Address(String),
    #[error("lmtp has no well-known port: say one, such as lmtp://127.0.0.1:2424")]
    LmtpPort,
    #[error("lmtp+unix: takes an absolute path, such as lmtp+unix:/run/smtpkit/lmtp.sock")]
    UnixPath,
    #[error("{0}+fd: takes the name of a socket unit's FileDescriptorName=, such as {0}+fd:smtp")]
    SocketName(&'static str),
}

impl FromStr for ListenUrl {
    type Err = ListenUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("lmtp+unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            if !path.is_absolute() {
                return Err(ListenUrlError::UnixPath);
            }
            return Ok(Self { scheme: Scheme::Lmtp, address: ListenAddress::Unix(path) });
        }
        if let Some((scheme, name)) = text.split_once("+fd:")
            && let Some(scheme) = Scheme::named(scheme)
        {
            let name = name.strip_prefix("//").unwrap_or(name);
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':');
            if !is_name {
                return Err(ListenUrlError::SocketName(scheme.name()));
            }
            return Ok(Self { scheme, address: ListenAddress::Inherited(name.to_owned()) });
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| ListenUrlError::Scheme(text.to_owned()))?;
        let scheme = Scheme::named(scheme).ok_or_else(|| ListenUrlError::Scheme(scheme.to_owned()))?;
        let host = rest.strip_suffix('/').unwrap_or(rest);
        let address = match (host.parse::<SocketAddr>(), bare_address(host), scheme.default_port()) {
            (Ok(address), ..) => address,
            (Err(_), Some(ip), Some(port)) => SocketAddr::new(ip, port),
            (Err(_), Some(_), None) => return Err(ListenUrlError::LmtpPort),
            (Err(_), None, _) => return Err(ListenUrlError::Address(host.to_owned())),
        };
        Ok(Self { scheme, address: ListenAddress::Tcp(address) })
    }
}

/// An address without a port; `localhost` is the one name that needs no look-up.
fn bare_address(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

impl fmt::Display for ListenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            ListenAddress::Tcp(address) => write!(f, "{}://{address}", self.scheme.name()),
            ListenAddress::Unix(path) => write!(f, "{}+unix:{}", self.scheme.name(), path.display()),
            ListenAddress::Inherited(name) => write!(f, "{}+fd:{name}", self.scheme.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, ListenUrlError>) {
        let found = text.parse::<ListenUrl>().map(|url| url.to_string());
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn listener_urls() {
        check("mx://127.0.0.1:2525", Ok("mx://127.0.0.1:2525"));
        check("MX://127.0.0.1:0/", Ok("mx://127.0.0.1:0"));
        check("submission://[::1]:2587", Ok("submission://[::1]:2587"));
        check("submissions://0.0.0.0", Ok("submissions://0.0.0.0:465"));
        check("mx://[::]", Ok("mx://[::]:25"));
        check("lmtp://127.0.0.1:24", Ok("lmtp://127.0.0.1:24"));
        check("lmtp+unix:/run/lmtp.sock", Ok("lmtp+unix:/run/lmtp.sock"));
        check("mx+fd:smtp", Ok("mx+fd:smtp"));
        check("Submissions+fd://2", Ok("submissions+fd:2"));
        check("mx+fd:", Err(ListenUrlError::SocketName("mx")));
        check("mx+fd:a:b", Err(ListenUrlError::SocketName("mx")));
        check("smtp+fd:a", Err(ListenUrlError::Scheme("smtp+fd:a".into())));
        check("lmtp+unix:lmtp.sock", Err(ListenUrlError::UnixPath));
        check("lmtp://127.0.0.1", Err(ListenUrlError::LmtpPort));
        check("smtp://127.0.0.1:25", Err(ListenUrlError::Scheme("smtp".into())));
        check("127.0.0.1:25", Err(ListenUrlError::Scheme("127.0.0.1:25".into())));
        check("mx://here:25", Err(ListenUrlError::Address("here:25".into())));
        check("mx://127.0.0.1:70000", Err(ListenUrlError::Address("127.0.0.1:70000".into())));
    }
}
