//! The Received field, which every server puts on top of what it takes (RFC 5321 §4.4).

use core::fmt::{self, Write};
use core::net::IpAddr;

use bytes::BufMut;
use thiserror::Error;

use super::field::{Field, WriteField, field_len, put_field};
use super::{DateTime, Protocol};
use crate::{AddressLiteral, ClientName, DomainRef, Encode, MailboxRef};

/// The Received field (RFC 5321 §4.4; the `tls` clause is of RFC 8314 §4.3).
///
/// ```abnf
/// Time-stamp-line = "Received:" FWS Stamp <CRLF>
/// Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
/// ```
///
/// Non-ASCII text is written only where the protocol type says that the header section
/// takes it (RFC 6531 §4.3); otherwise the `for` clause is left out and the client's name
/// is shown with `?` in a comment. So is a name that is neither a domain nor a literal,
/// because the `from` clause has no place for it.
///
/// ```
/// use smtpkit_codec::trace::{DateTime, Protocol, Received};
/// use smtpkit_codec::{ClientName, DomainRef, Encode, MailboxRef};
///
/// let date = DateTime::new(1_000_000_000, 0).expect("within the range");
/// let field = Received::new(DomainRef::parse("mx.example.org")?, Protocol::ESMTP.secured(), date)
///     .from(ClientName::new("client.example.com")?)
///     .peer([192, 0, 2, 1].into())
///     .tls("TLS_AES_128_GCM_SHA256")?
///     .id("4711")?
///     .recipient(MailboxRef::parse("bob@example.org")?);
/// assert_eq!(
///     String::from_utf8(field.to_vec())?,
///     "Received: from client.example.com ([192.0.2.1]) by mx.example.org with ESMTPS\r\n \
///      tls TLS_AES_128_GCM_SHA256 id 4711 for <bob@example.org>;\r\n \
///      Sun, 09 Sep 2001 01:46:40 +0000\r\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    from: Option<ClientName<'a>>,
    peer: Option<IpAddr>,
    peer_domain: Option<DomainRef<'a>>,
    by: DomainRef<'a>,
    with: Protocol,
    tls: Option<&'a str>,
    id: Option<&'a str>,
    recipient: Option<MailboxRef<'a>>,
    date: DateTime,
}

/// A text that cannot stand in a clause of a trace field. The fault is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("expected an atom: ASCII letters, digits and !#$%&'*+-/=?^_`{{|}}~")]
pub struct BadClause(());

impl<'a> Received<'a> {
    /// The field of the server `by`, for mail that came `with` a protocol at `date`.
    #[must_use]
    pub const fn new(by: DomainRef<'a>, with: Protocol, date: DateTime) -> Self {
        Self {
            from: None,
            peer: None,
            peer_domain: None,
            by,
            with,
            tls: None,
            id: None,
            recipient: None,
            date,
        }
    }

    /// The name that the client gave itself.
    #[must_use]
    pub const fn from(mut self, name: ClientName<'a>) -> Self {
        self.from = Some(name);
        self
    }

    /// The address that the connection came from.
    #[must_use]
    pub const fn peer(mut self, address: IpAddr) -> Self {
        self.peer = Some(address);
        self
    }

    /// The domain that the name system gives for the address; shown only with the address.
    #[must_use]
    pub const fn peer_domain(mut self, domain: DomainRef<'a>) -> Self {
        self.peer_domain = Some(domain);
        self
    }

    /// The TLS cipher suite, by its registered name (RFC 8314 §4.3).
    ///
    /// # Errors
    /// If it is no atom.
    pub fn tls(mut self, cipher_suite: &'a str) -> Result<Self, BadClause> {
        self.tls = Some(atom(cipher_suite)?);
        Ok(self)
    }

    /// The server's own identifier of the mail.
    ///
    /// # Errors
    /// If it is no atom.
    pub fn id(mut self, id: &'a str) -> Result<Self, BadClause> {
        self.id = Some(atom(id)?);
        Ok(self)
    }

    /// The recipient. Only for mail that has just one, or recipients see each other
    /// (RFC 5321 §7.2).
    #[must_use]
    pub const fn recipient(mut self, mailbox: MailboxRef<'a>) -> Self {
        self.recipient = Some(mailbox);
        self
    }

    fn put_origin(&self, field: &mut Field<&mut dyn Write>) -> fmt::Result {
        let name = self.from.map(ClientName::as_str);
        let standard = self.from.is_some_and(ClientName::is_standard) && self.takes(name.unwrap_or_default());
        let address = self.peer.map(AddressLiteral::from);
        let domain = self.peer_domain.filter(|domain| self.takes(domain.as_str()));
        match (name, standard, address, domain) {
            (Some(name), true, None, _) => field.clause(format_args!("from {name}")),
            (Some(name), true, Some(address), None) => field.clause(format_args!("from {name} ({address})")),
            (Some(name), true, Some(address), Some(domain)) => {
                field.clause(format_args!("from {name} ({domain} {address})"))
            }
            (_, _, address, _) => {
                match address {
                    Some(address) => field.clause(format_args!("from {address} ({address})"))?,
                    None => field.clause(format_args!("from unknown"))?,
                }
                name.map_or(Ok(()), |name| field.clause(format_args!("(hello {})", Comment(name))))
            }
        }
    }

    fn takes(&self, text: &str) -> bool {
        text.is_ascii() || self.with.takes_utf8()
    }
}

impl WriteField for Received<'_> {
    fn write_field(&self, out: &mut dyn Write) -> fmt::Result {
        let mut field = Field::start(out, "Received:")?;
        self.put_origin(&mut field)?;
        field.clause(format_args!("by {}", self.by))?;
        field.clause(format_args!("with {}", self.with))?;
        if let Some(tls) = self.tls {
            field.clause(format_args!("tls {tls}"))?;
        }
        if let Some(id) = self.id {
            field.clause(format_args!("id {id}"))?;
        }
        if let Some(recipient) = self.recipient.filter(|recipient| self.takes(recipient.as_str())) {
            field.clause(format_args!("for <{recipient}>"))?;
        }
        field.semicolon()?;
        field.clause(format_args!("{}", self.date))?;
        field.finish()
    }
}

impl Encode for Received<'_> {
    fn encoded_len(&self) -> usize {
        field_len(self)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_field(self, out);
    }
}

/// ```abnf
/// Atom = 1*atext
/// ```
fn atom(text: &str) -> Result<&str, BadClause> {
    let atext = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet);
    if !text.is_empty() && text.bytes().all(atext) { Ok(text) } else { Err(BadClause(())) }
}

/// Any text as the content of a comment (RFC 5322 §3.2.2): what has a meaning is quoted, what
/// is not printable ASCII becomes `?`.
struct Comment<'a>(&'a str);

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '(' | ')' | '\\' => write!(f, "\\{c}"),
            ' '..='~' => f.write_char(c),
            _ => f.write_char('?'),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn received<'a>(with: Protocol) -> Received<'a> {
        Received::new(DomainRef::parse("mx.test").unwrap(), with, DateTime::new(0, 0).unwrap())
    }

    #[track_caller]
    fn check(field: Received<'_>, expected: &str) {
        let wire = String::from_utf8(field.to_vec()).unwrap();
        assert_eq!(wire.len(), field.encoded_len());
        for line in wire.split_inclusive("\r\n") {
            assert!(line.ends_with("\r\n") && !line[..line.len() - 2].contains(['\r', '\n']));
        }
        let unfolded = wire.replace("\r\n ", " ");
        assert_eq!(unfolded, alloc::format!("Received: {expected} Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
    }

    #[test]
    fn clauses_of_rfc_5321() {
        let name = |text| ClientName::new(text).unwrap();
        let v6 = "2001:db8::1".parse().unwrap();
        check(received(Protocol::LMTP), "from unknown by mx.test with LMTP;");
        check(received(Protocol::SMTP).from(name("c.test")), "from c.test by mx.test with SMTP;");
        check(
            received(Protocol::ESMTP)
                .from(name("c.test"))
                .peer(v6)
                .peer_domain(DomainRef::parse("r.test").unwrap()),
            "from c.test (r.test [IPv6:2001:db8::1]) by mx.test with ESMTP;",
        );
        check(
            received(Protocol::ESMTP).from(name("my_host(")).peer(v6).id("x1").unwrap(),
            "from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) (hello my_host\\() by mx.test with ESMTP id x1;",
        );
    }

    #[test]
    fn utf_8_stands_only_where_the_protocol_says_so() {
        let field = |with| {
            received(with)
                .from(ClientName::new("bücher.test").unwrap())
                .recipient(MailboxRef::parse("ü@b.test").unwrap())
        };
        check(field(Protocol::ESMTP), "from unknown (hello b?cher.test) by mx.test with ESMTP;");
        let utf8 = Protocol::ESMTP.internationalized();
        check(field(utf8), "from bücher.test by mx.test with UTF8SMTP for <ü@b.test>;");
    }

    #[test]
    fn what_is_no_atom_stands_in_no_clause() {
        for text in ["", "a b", "a;b", "a\r\n", "ü", "<a>", "a.b"] {
            assert_eq!(received(Protocol::ESMTP).id(text).err(), Some(BadClause(())), "{text:?}");
            assert_eq!(received(Protocol::ESMTP).tls(text).err(), Some(BadClause(())), "{text:?}");
        }
    }
}
