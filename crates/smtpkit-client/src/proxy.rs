//! Connecting through a proxy: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 §9.3.6), without I/O.
//!
//! The name of the server goes to the proxy unresolved, so that no look-up leaves the machine.

use crate::url::unescape;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use smtpkit_auth::Secret;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The most octets that an HTTP proxy's answer may have.
const HTTP_ANSWER_OCTETS: usize = 8 * 1024;

/// A proxy to connect through: `socks5://[user:password@]host:port` or `http://[user:password@]host:port`, with `%XX`
/// for what user and password cannot hold otherwise.
///
/// ```
/// use smtpkit_client::Proxy;
///
/// let proxy: Proxy = "socks5://alice:secret@127.0.0.1:1080".parse()?;
/// assert_eq!(proxy.to_string(), "socks5://127.0.0.1:1080");
/// # Ok::<(), smtpkit_client::BadProxy>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    login: Option<(Secret, Secret)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Socks5,
    Http,
}

/// Why a text is no proxy. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is socks5://[user:password@]host:port or http://[user:password@]host:port")]
pub struct BadProxy(());

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let bad = || BadProxy(());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let kind = match scheme {
            "socks5" | "socks5h" => Kind::Socks5,
            "http" => Kind::Http,
            _ => return Err(bad()),
        };
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let login = match login {
            None => None,
            Some(login) => {
                let (user, password) = login.split_once(':').ok_or_else(bad)?;
                let unescaped = |text| unescape(text).map(Zeroizing::new).map_err(|_| bad());
                let (user, password) = (unescaped(user)?, unescaped(password)?);
                Some((Secret::from(user.as_str()), Secret::from(password.as_str())))
            }
        };
        let fits = |secret: &Secret| (1..=255).contains(&secret.len());
        if !login.as_ref().is_none_or(|(user, password)| fits(user) && fits(password)) {
            return Err(bad());
        }
        let (host, port) = place.trim_end_matches('/').rsplit_once(':').ok_or_else(bad)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|&port| port != 0).ok_or_else(bad)?;
        if host.is_empty() {
            return Err(bad());
        }
        Ok(Self { kind, host: host.to_owned(), port, login })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.kind == Kind::Socks5 { "socks5" } else { "http" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl Proxy {
    /// Where the proxy itself is.
    pub(crate) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The dialogue that asks it for a connection.
    pub(crate) fn ask(&self, host: &str, port: u16) -> Result<Asking<'_>, String> {
        let first = match self.kind {
            Kind::Socks5 if self.login.is_some() => vec![5, 2, 0, 2],
            Kind::Socks5 => vec![5, 1, 0],
            Kind::Http => self.http_request(host, port)?,
        };
        let state = if self.kind == Kind::Socks5 { State::Method } else { State::Http };
        Ok(Asking {
            proxy: self,
            target: socks_target(host, port)?,
            state,
            out: Zeroizing::new(first),
            received: Vec::new(),
        })
    }

    fn http_request(&self, host: &str, port: u16) -> Result<Vec<u8>, String> {
        if !host.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(format!("{host:?} cannot be asked of an HTTP proxy"));
        }
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some((user, password)) = &self.login {
            let login = Zeroizing::new([user.expose(), b":", password.expose()].concat());
            let encoded = Zeroizing::new(STANDARD.encode(&*login));
            request.extend_from_slice(b"Proxy-Authorization: Basic ");
            request.extend_from_slice(encoded.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        Ok(request)
    }
}

/// `ATYP DST.ADDR DST.PORT` of RFC 1928 §4.
fn socks_target(host: &str, port: u16) -> Result<Vec<u8>, String> {
    let mut target = match host.parse() {
        Ok(IpAddr::V4(address)) => [&[1][..], &address.octets()].concat(),
        Ok(IpAddr::V6(address)) => [&[4][..], &address.octets()].concat(),
        Err(_) => {
            let len =
                u8::try_from(host.len()).map_err(|_| "the host name is longer than 255 octets".to_owned())?;
            [&[3, len][..], host.as_bytes()].concat()
        }
    };
    target.extend_from_slice(&port.to_be_bytes());
    Ok(target)
}

#[derive(Clone, Copy)]
enum State {
    Method,
    Login,
    Connect,
    Http,
    Done,
}

/// One dialogue with a proxy: write [`take_output`](Self::take_output), read [`wanted`](Self::wanted) octets, repeat.
pub(crate) struct Asking<'p> {
    proxy: &'p Proxy,
    target: Vec<u8>,
    state: State,
    out: Zeroizing<Vec<u8>>,
    received: Vec<u8>,
}

impl Asking<'_> {
    /// What has to be written now.
    pub(crate) fn take_output(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.out)
    }

    /// How many octets have to be read next; never more than belong to the proxy's answer. 0: done.
    pub(crate) fn wanted(&self) -> usize {
        let whole = match self.state {
            State::Method | State::Login => 2,
            State::Connect => socks_answer_octets(&self.received),
            // An answer of unknown length is read one octet at a time: what follows it is the server's.
            State::Http => self.received.len() + 1,
            State::Done => 0,
        };
        whole.saturating_sub(self.received.len())
    }

    /// Takes the octets that were read.
    pub(crate) fn received(&mut self, octets: &[u8]) -> Result<(), String> {
        self.received.extend_from_slice(octets);
        if !matches!(self.state, State::Http) && self.wanted() > 0 {
            return Ok(());
        }
        match (self.state, self.received.as_slice()) {
            (State::Method, [5, 0]) | (State::Login, [_, 0]) => self.connect(),
            (State::Method, [5, 2]) => self.login()?,
            (State::Method, [5, _]) => return Err("the proxy wants another way to authenticate".to_owned()),
            (State::Method, _) => return Err("this is no SOCKS5 proxy".to_owned()),
            (State::Login, _) => return Err("the proxy does not accept user and password".to_owned()),
            (State::Connect, [5, 0, ..]) | (State::Done, _) => self.state = State::Done,
            (State::Connect, [5, code, ..]) => return Err(socks_refusal(*code).to_owned()),
            (State::Connect, _) => return Err("the proxy's answer is no SOCKS5".to_owned()),
            (State::Http, answer) if answer.ends_with(b"\r\n\r\n") => self.http_answer()?,
            (State::Http, answer) if answer.len() > HTTP_ANSWER_OCTETS => {
                return Err("the proxy's answer has no end".to_owned());
            }
            (State::Http, _) => {}
        }
        Ok(())
    }

    fn connect(&mut self) {
        self.received.clear();
        self.state = State::Connect;
        self.out = Zeroizing::new([&[5, 1, 0][..], &self.target].concat());
    }

    /// User and password (RFC 1929 §2); their lengths were checked when the proxy was parsed.
    fn login(&mut self) -> Result<(), String> {
        let Some((user, password)) = &self.proxy.login else {
            return Err("the proxy wants a user and a password".to_owned());
        };
        let octets = |secret: &Secret| u8::try_from(secret.len()).unwrap_or(u8::MAX);
        self.received.clear();
        self.state = State::Login;
        self.out = Zeroizing::new(
            [&[1, octets(user)][..], user.expose(), &[octets(password)], password.expose()].concat(),
        );
        Ok(())
    }

    fn http_answer(&mut self) -> Result<(), String> {
        let answer = String::from_utf8_lossy(&self.received);
        let line = answer.lines().next().unwrap_or_default();
        let mut words = line.split(' ');
        let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
        match words.next() {
            Some(code) if is_http && code.starts_with('2') => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(format!("the proxy answered {line:?}")),
        }
    }
}

/// How long the answer to CONNECT is, as far as it can be told.
fn socks_answer_octets(received: &[u8]) -> usize {
    match received {
        [_, _, _, 1, ..] => 10,
        [_, _, _, 4, ..] => 22,
        [_, _, _, 3, len, ..] => 7 + usize::from(*len),
        _ => 5,
    }
}

/// The words of RFC 1928 §6.
const fn socks_refusal(code: u8) -> &'static str {
    match code {
        2 => "the proxy does not allow this connection",
        3 => "the proxy cannot reach the network",
        4 => "the proxy cannot reach the host",
        5 => "the server refused the proxy's connection",
        6 => "the proxy's connection took too long",
        _ => "the proxy failed to connect",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the dialogue with `answers` and gives back everything that was written.
    fn talk(proxy: &str, host: &str, answers: &[u8]) -> Result<(Vec<u8>, usize), String> {
        let proxy: Proxy = proxy.parse().expect("a proxy");
        let mut asking = proxy.ask(host, 25)?;
        let (mut written, mut rest) = (Vec::new(), answers);
        loop {
            written.extend_from_slice(&asking.take_output());
            let wanted = asking.wanted();
            if wanted == 0 {
                return Ok((written, rest.len()));
            }
            let (read, after) = rest.split_at_checked(wanted).ok_or("the answer ends early")?;
            rest = after;
            asking.received(read)?;
        }
    }

    #[test]
    fn socks5_without_and_with_login() {
        let (written, left) =
            talk("socks5://p.test:1080", "mx.test", b"\x05\x00\x05\x00\x00\x01\x7f\0\0\x01\x00\x19220")
                .expect("connected");
        assert_eq!(written, b"\x05\x01\x00\x05\x01\x00\x03\x07mx.test\x00\x19");
        assert_eq!(left, 3, "the greeting belongs to the server");
        let (written, _) =
            talk("socks5://a:pw@p.test:1080", "::1", b"\x05\x02\x01\x00\x05\x00\x00\x03\x01x\0\0")
                .expect("connected");
        assert!(written.starts_with(b"\x05\x02\x00\x02\x01\x01a\x02pw\x05\x01\x00\x04"));
    }

    #[test]
    fn http_connect() {
        let (written, left) =
            talk("http://a:%62@p.test:3128", "mx.test", b"HTTP/1.1 200 ok\r\nX: y\r\n\r\n220")
                .expect("connected");
        assert_eq!(
            written,
            b"CONNECT mx.test:25 HTTP/1.1\r\nHost: mx.test:25\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
        );
        assert_eq!(left, 3);
    }

    #[test]
    fn refusals_say_why() {
        for (proxy, answers) in [
            ("socks5://p.test:1", &b"\x05\xff"[..]),
            ("socks5://p.test:1", b"HTTP"),
            ("socks5://p.test:1", b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0"),
            ("socks5://a:b@p.test:1", b"\x05\x02\x01\x01"),
            ("http://p.test:1", b"HTTP/1.1 407 no\r\n\r\n"),
        ] {
            assert!(talk(proxy, "mx.test", answers).is_err(), "{proxy} {answers:?}");
        }
        assert!(talk("http://p.test:1", "a b\r\n", b"").is_err());
    }

    #[test]
    fn what_is_no_proxy() {
        for text in [
            "",
            "p.test:1",
            "ftp://p.test:1",
            "http://p.test",
            "http://:1",
            "http://a@p.test:1",
            "http://a:50%@p.test:1",
            "http://p.test:0",
        ] {
            assert!(text.parse::<Proxy>().is_err(), "{text}");
        }
    }
}
