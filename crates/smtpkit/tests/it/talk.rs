//! A client that says any line, right or wrong: in plaintext, behind STARTTLS, or with TLS from the first octet.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use smtpkit_auth::{Secret, line};
use smtpkit_tls::{Anchors, BlockingStream, Connector, Roots, server_name};

use crate::harness::Server;

/// A server that says nothing for so long says nothing at all.
const PATIENCE: Duration = Duration::from_secs(30);

enum Wire {
    Plain(TcpStream),
    Tls(Box<BlockingStream<TcpStream>>),
}

/// A connection; what comes in is kept until its line is complete.
pub(crate) struct Talk {
    wire: Wire,
    kept: Vec<u8>,
}

impl Talk {
    /// Connects to a listener and hears its greeting.
    pub(crate) fn plain(server: &Server, scheme: &str) -> Self {
        let mut talk = Self { wire: Wire::Plain(connect(server, scheme)), kept: Vec::new() };
        assert!(talk.hear().starts_with("220 "));
        talk
    }

    /// Connects and gets TLS, as the listener has it; the last thing heard is the reply to EHLO.
    pub(crate) fn secured(server: &Server, scheme: &str) -> Self {
        let mut talk = Self::greeted(server, scheme);
        talk.ask("EHLO client.test", "250");
        talk
    }

    /// The same before EHLO.
    pub(crate) fn greeted(server: &Server, scheme: &str) -> Self {
        let ca = Anchors::from_pem_file(server.data().join("tls/ca.pem")).unwrap();
        let connector = Connector::builder().roots(Roots::Only(ca)).build().unwrap();
        Self::greeted_with(server, scheme, &connector)
    }

    /// The same with a connector of one's own.
    pub(crate) fn greeted_with(server: &Server, scheme: &str, connector: &Connector) -> Self {
        let stream = if scheme == "submissions" {
            connect(server, scheme)
        } else {
            let mut talk = Self::plain(server, scheme);
            talk.ask("EHLO client.test", "250");
            talk.ask("STARTTLS", "220 ");
            let Wire::Plain(stream) = talk.wire else { unreachable!("it was plain a line ago") };
            stream
        };
        let name = server_name("127.0.0.1").unwrap();
        let stream = connector.connect_blocking(stream, name, PATIENCE).unwrap();
        stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        let mut talk = Self { wire: Wire::Tls(Box::new(stream)), kept: Vec::new() };
        if scheme == "submissions" {
            assert!(talk.hear().starts_with("220 "));
        }
        talk
    }

    /// Says a line and gives the whole reply, its lines with LF between.
    pub(crate) fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.hear()
    }

    /// Says a line; the reply has to start with `expected`.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, expected: &str) -> String {
        let reply = self.say(line);
        let shown: String = line.chars().take(80).collect();
        assert!(reply.starts_with(expected), "{shown}: {reply}");
        reply
    }

    /// Whether nothing more comes, by whatever way the server ends a connection.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.kept.is_empty() && !self.receive()
    }

    /// The fingerprint of the certificate that the server showed.
    pub(crate) fn certificate(&self) -> [u8; 32] {
        let Wire::Tls(stream) = &self.wire else { panic!("there is no TLS") };
        *stream.info().peer().unwrap().sha256()
    }

    /// The pin of the server's key.
    pub(crate) fn pin(&self) -> String {
        let Wire::Tls(stream) = &self.wire else { panic!("there is no TLS") };
        stream.info().peer().unwrap().pin().to_string()
    }

    fn send(&mut self, octets: &str) {
        let sent = match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(octets.as_bytes()),
            Wire::Tls(stream) => stream.write_all(octets.as_bytes()).and_then(|()| stream.flush()),
        };
        sent.unwrap();
    }

    fn hear(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line();
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if is_last {
                return reply;
            }
            reply.push('\n');
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.kept.windows(2).position(|octets| octets == b"\r\n") {
                let line: Vec<u8> = self.kept.drain(..end + 2).collect();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            assert!(self.receive(), "the server hung up behind {:?}", String::from_utf8_lossy(&self.kept));
        }
    }

    /// Receives what comes next; `false` if the connection is over.
    fn receive(&mut self) -> bool {
        let mut octets = [0; 4096];
        let count = match &mut self.wire {
            Wire::Plain(stream) => stream.read(&mut octets),
            Wire::Tls(stream) => stream.read(&mut octets),
        };
        let count = count.unwrap_or(0);
        self.kept.extend_from_slice(&octets[..count]);
        count > 0
    }
}

/// A TCP connection to a listener.
pub(crate) fn connect(server: &Server, scheme: &str) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port(scheme))).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// An AUTH PLAIN command with its initial response (RFC 4616).
pub(crate) fn auth_plain(user: &str, password: &str) -> String {
    let message = Secret::from(format!("\0{user}\0{password}"));
    format!("AUTH PLAIN {}", line::encode_initial(message.expose()).expose_str().unwrap())
}
