//! The reply to EHLO: who the server is, and which extensions it offers (RFC 5321 §4.1.1.1).
//!
//! ```text
//! 250-mx.example.com greets mail.example.org      domain, greeting
//! 250-SIZE 52428800                               keyword, arguments
//! 250-X-LOCAL a b                                 an unknown one, kept
//! 250 PIPELINING
//! ```
//!
//! Reading it takes one pass and no allocation, and leaves a set of the known keywords behind, so
//! asking for one is the test of a bit. Lines that are no announcements are passed over: a client
//! gains nothing from refusing a server for them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::str::from_utf8;

use bytes::BufMut;
use memchr::memchr;

use crate::address::DomainRef;
use crate::encode::Encode;
use crate::extension::announcement::ehlo_line;
use crate::extension::{Arguments, Extension, FutureRelease, Keyword, Limits, MechanismName, SizeLimit};
use crate::grammar::{Class, whole};
use crate::limits;
use crate::reply::{Reply, ReplyCode, ReplyError, ReplyRef};

/// A positive reply to EHLO or LHLO, borrowed from the octets received.
///
/// The owned form is [`EhloReply`].
///
/// ```
/// use smtpkit_codec::{EhloReplyRef, Keyword, ReplyDecoder, ReplyStep, SizeLimit};
///
/// let octets = b"250-mx.example.com at your service\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 X-LOCAL\r\n";
/// let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(octets) else { panic!() };
/// let ehlo = EhloReplyRef::parse(reply)?;
/// assert_eq!(ehlo.domain(), Some("mx.example.com"));
/// assert!(ehlo.has(Keyword::Auth) && !ehlo.has(Keyword::StartTls));
/// assert_eq!(ehlo.size(), Some(SizeLimit::Octets(1000)));
/// assert_eq!(ehlo.auth_mechanisms().count(), 2);
/// assert_eq!(ehlo.extensions().count(), 3);
/// # Ok::<(), smtpkit_codec::EhloReplyError>(())
/// ```
#[derive(Clone, Copy)]
pub struct EhloReplyRef<'a> {
    /// The lines with their codes and CRLFs; none if nothing is known of the server.
    wire: &'a [u8],
    /// The known keywords, by their bits.
    known: u64,
}

/// The owned form of [`EhloReplyRef`], one allocation.
///
/// The default is the reply of which nothing is known: what a client has before EHLO and after
/// STARTTLS, and after HELO.
///
/// ```
/// use smtpkit_codec::{DomainRef, EhloReply, Encode, Extension, Keyword, SizeLimit};
///
/// let reply = EhloReply::builder(DomainRef::parse("mx.example.com").unwrap())
///     .push(Extension::Pipelining)
///     .push(Extension::Size(SizeLimit::Octets(1000)))
///     .build()?;
/// assert_eq!(reply.to_vec(), b"250-mx.example.com\r\n250-PIPELINING\r\n250 SIZE 1000\r\n");
/// assert!(reply.as_ref().has(Keyword::Pipelining));
/// assert!(!EhloReply::default().as_ref().has(Keyword::Pipelining));
/// # Ok::<(), smtpkit_codec::ReplyError>(())
/// ```
#[derive(Clone, Default)]
pub struct EhloReply {
    wire: Box<[u8]>,
    known: u64,
}

/// A reply that is not a positive reply to EHLO: the server refuses, and HELO may be tried.
///
/// ```
/// use smtpkit_codec::{EhloReplyRef, ReplyCode, ReplyDecoder, ReplyStep};
///
/// let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(b"502 what?\r\n") else { panic!() };
/// assert_eq!(EhloReplyRef::parse(reply).unwrap_err().code(), ReplyCode::NOT_IMPLEMENTED);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EhloReplyError(ReplyCode);

impl<'a> EhloReplyRef<'a> {
    /// Reads a reply to EHLO or LHLO.
    ///
    /// # Errors
    /// If its code is not 250.
    pub fn parse(reply: ReplyRef<'a>) -> Result<Self, EhloReplyError> {
        if reply.code() != ReplyCode::OK {
            return Err(EhloReplyError(reply.code()));
        }
        let known =
            reply.lines().skip(1).fold(0, |known, line| known | keyword_of(line).map_or(0, Keyword::bit));
        Ok(Self { wire: reply.as_bytes(), known })
    }

    /// The server's name, the first word of the first line, as it gives it; none if it gives none.
    #[must_use]
    pub fn domain(self) -> Option<&'a str> {
        let line = from_utf8(self.lines().next()?).ok()?;
        line.split(' ').next().filter(|word| !word.is_empty())
    }

    /// What follows the name on the first line.
    #[must_use]
    pub fn greeting(self) -> Option<&'a str> {
        from_utf8(self.lines().next()?).ok()?.split_once(' ').map(|(_, greeting)| greeting)
    }

    /// Does it offer an extension that this crate knows?
    #[must_use]
    #[inline]
    pub const fn has(self, keyword: Keyword) -> bool {
        self.known & keyword.bit() != 0
    }

    /// All announcements in their order, unknown ones among them.
    pub fn extensions(self) -> impl Iterator<Item = Extension<'a>> {
        self.lines().skip(1).filter_map(|line| whole(from_utf8(line).ok()?, ehlo_line).ok())
    }

    /// The announcement of a known keyword; the first one if there are several.
    #[must_use]
    pub fn get(self, keyword: Keyword) -> Option<Extension<'a>> {
        if !self.has(keyword) {
            return None;
        }
        let line = self.lines().skip(1).find(|line| keyword_of(line) == Some(keyword))?;
        whole(from_utf8(line).ok()?, ehlo_line).ok()
    }

    /// The arguments of an extension that this crate does not know, if it is offered.
    ///
    /// ```
    /// # use smtpkit_codec::{EhloReplyRef, ReplyDecoder, ReplyStep};
    /// let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(b"250-mx\r\n250 X-OWN a b\r\n") else { panic!() };
    /// assert_eq!(EhloReplyRef::parse(reply)?.unknown("x-own").unwrap().as_str(), "a b");
    /// # Ok::<(), smtpkit_codec::EhloReplyError>(())
    /// ```
    #[must_use]
    pub fn unknown(self, keyword: &str) -> Option<Arguments<'a>> {
        self.extensions().find_map(|extension| match extension {
            Extension::Unknown(unknown) if unknown.keyword().eq_ignore_ascii_case(keyword) => {
                Some(unknown.arguments())
            }
            _ => None,
        })
    }

    /// `SIZE`: the largest mail that it takes (RFC 1870).
    #[must_use]
    pub fn size(self) -> Option<SizeLimit> {
        match self.get(Keyword::Size)? {
            Extension::Size(limit) => Some(limit),
            _ => None,
        }
    }

    /// `AUTH`: the mechanisms, those of the old form `AUTH=` among them, each once (RFC 4954 §3).
    pub fn auth_mechanisms(self) -> impl Iterator<Item = MechanismName<'a>> {
        // only the lines of AUTH are parsed, of which a server sends one or two
        let announced = move || {
            let lines = self.has(Keyword::Auth).then(|| self.lines().skip(1)).into_iter().flatten();
            lines
                .filter(|line| keyword_of(line) == Some(Keyword::Auth))
                .filter_map(|line| whole(from_utf8(line).ok()?, ehlo_line).ok())
                .flat_map(Extension::mechanisms)
        };
        announced()
            .enumerate()
            .filter(move |(at, name)| !announced().take(*at).any(|before| before == *name))
            .map(|(_, name)| name)
    }

    /// `LIMITS`: how much it takes (RFC 9422).
    #[must_use]
    pub fn limits(self) -> Option<Limits<'a>> {
        match self.get(Keyword::Limits)? {
            Extension::Limits(limits) => Some(limits),
            _ => None,
        }
    }

    /// `FUTURERELEASE`: how long it holds mails (RFC 4865).
    #[must_use]
    pub fn future_release(self) -> Option<FutureRelease<'a>> {
        match self.get(Keyword::FutureRelease)? {
            Extension::FutureRelease(longest) => Some(longest),
            _ => None,
        }
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> EhloReply {
        EhloReply { wire: self.wire.into(), known: self.known }
    }

    /// The text of each line.
    fn lines(self) -> Lines<'a> {
        Lines { rest: self.wire }
    }
}

impl EhloReply {
    /// The reply of the server `domain`, with no extension yet.
    #[must_use]
    pub fn builder(domain: DomainRef<'_>) -> EhloReplyBuilder {
        let mut builder =
            EhloReplyBuilder { wire: String::with_capacity(256), last_line: 0, known: 0, too_long: false };
        builder.line(format_args!("{domain}"));
        builder
    }

    /// The view of it; every look-up is there.
    #[must_use]
    pub const fn as_ref(&self) -> EhloReplyRef<'_> {
        EhloReplyRef { wire: &self.wire, known: self.known }
    }

    /// The same as a [`Reply`]; an empty one if nothing is known.
    #[must_use]
    pub fn to_reply(&self) -> Reply {
        Reply::from_lines(ReplyCode::OK, None, self.as_ref().lines()).unwrap_or(Reply::fixed(
            ReplyCode::OK,
            None,
            "",
        ))
    }
}

impl Encode for EhloReply {
    fn encoded_len(&self) -> usize {
        self.wire.len()
    }

    #[inline]
    fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&self.wire);
    }
}

impl fmt::Debug for EhloReplyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines().map(String::from_utf8_lossy)).finish()
    }
}

impl fmt::Debug for EhloReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl EhloReplyError {
    /// The code that came instead of 250.
    #[must_use]
    pub const fn code(self) -> ReplyCode {
        self.0
    }
}

impl fmt::Display for EhloReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reply to EHLO is {}, not 250", self.0.get())
    }
}

impl core::error::Error for EhloReplyError {}

/// Makes the reply to EHLO of a server.
///
/// ```
/// use smtpkit_codec::{Arguments, DomainRef, EhloReply, Encode, Extension};
///
/// let reply = EhloReply::builder(DomainRef::parse("mx.example.com").unwrap())
///     .push(Extension::Auth(Arguments::new("PLAIN SCRAM-SHA-256").unwrap()))
///     .build()?;
/// assert_eq!(reply.to_vec(), b"250-mx.example.com\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n");
/// # Ok::<(), smtpkit_codec::ReplyError>(())
/// ```
#[derive(Debug)]
pub struct EhloReplyBuilder {
    wire: String,
    last_line: usize,
    known: u64,
    too_long: bool,
}

impl EhloReplyBuilder {
    /// Announces an extension.
    #[must_use]
    pub fn push(mut self, extension: Extension<'_>) -> Self {
        self.known |= extension.keyword().map_or(0, Keyword::bit);
        self.line(format_args!("{extension}"));
        self
    }

    /// The reply.
    ///
    /// # Errors
    /// [`ReplyError::TooLong`] if a line has more than 512 octets (RFC 5321 §4.5.3.1.5).
    pub fn build(self) -> Result<EhloReply, ReplyError> {
        if self.too_long {
            return Err(ReplyError::TooLong);
        }
        let mut wire: Vec<u8> = self.wire.into();
        if let Some(separator) = wire.get_mut(self.last_line + 3) {
            *separator = b' ';
        }
        Ok(EhloReply { wire: wire.into(), known: self.known })
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        self.last_line = self.wire.len();
        // a String takes every octet
        let _ = write!(self.wire, "250-{text}\r\n");
        self.too_long |= self.wire.len() - self.last_line > limits::REPLY_LINE_OCTETS;
    }
}

/// The known keyword at the front of a line. `AUTH=` is the old form of AUTH.
#[inline]
fn keyword_of(line: &[u8]) -> Option<Keyword> {
    let keyword = line.get(..Class::KEYWORD.run(line))?;
    let found = Keyword::of_keyword(keyword)?;
    match line.get(keyword.len()) {
        None | Some(b' ' | b'\t') => Some(found),
        Some(b'=') if found == Keyword::Auth => Some(found),
        Some(_) => None,
    }
}

/// The text of each line of a reply that a decoder or builder of this crate has made.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (line, rest) = self.rest.split_at_checked(memchr(b'\r', self.rest)?)?;
        self.rest = rest.get(2..)?;
        Some(line.get(4..).unwrap_or_default())
    }
}
