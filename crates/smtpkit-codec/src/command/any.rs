//! All commands: the one place where verbs are told apart, and where commands are written.
//!
//! Verbs are compared as integers: four octets folded to upper case, one `match`. A bare verb,
//! which is the whole line, is found before any rule runs.

use bytes::BufMut;
use core::fmt;

use crate::encode::Encode;
use crate::extension::{
    Atrn, Attributes, Auth, Bdat, Burl, Etrn, atrn, attribute, auth, burl, chunking, etrn,
};
use crate::grammar::{Fault, Parsed, token};
use crate::line::Line;
use crate::syntax_error::{Expected, SyntaxError};

use super::client_name::{ClientName, client_name};
use super::mail::{Mail, mail};
use super::rcpt::{Rcpt, rcpt};
use super::text::{Text, text};
use super::unknown::{Unknown, unknown};
use super::{CommandBuf, Verb};

/// A command (RFC 5321 §4.1), borrowed from its line.
///
/// ```
/// use smtpkit_codec::{Command, Encode, Line};
///
/// let command = Command::parse(Line::new("ehlo mail.example.com").unwrap())?;
/// assert!(matches!(command, Command::Ehlo(name) if name.as_str() == "mail.example.com"));
/// assert_eq!(command.to_vec(), b"EHLO mail.example.com\r\n");
///
/// let line = "MAIL FROM:<jane@example.com";
/// let error = Command::parse(Line::new(line).unwrap()).unwrap_err();
/// assert_eq!(error.reply().to_string(), "501 5.5.2 expected >");
/// assert_eq!(error.caret(line).to_string(), format!("{line}\n{:27}^ expected >", ""));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `HELO`: the client's name, no extensions.
    Helo(ClientName<'a>),
    /// `EHLO`: the client's name; the reply lists extensions.
    Ehlo(ClientName<'a>),
    /// `LHLO`: EHLO of LMTP (RFC 2033).
    Lhlo(ClientName<'a>),
    /// `MAIL`: a transaction begins.
    Mail(Mail<'a>),
    /// `RCPT`: one recipient.
    Rcpt(Rcpt<'a>),
    /// `DATA`: content follows, ended by a lone dot.
    Data,
    /// `BDAT`: a chunk of content follows (RFC 3030).
    Bdat(Bdat),
    /// `AUTH`: an authentication exchange begins (RFC 4954).
    Auth(Auth<'a>),
    /// `STARTTLS`: a TLS handshake follows the reply (RFC 3207).
    StartTls,
    /// `VRFY`: is there such a mailbox?
    Vrfy(Text<'a>),
    /// `EXPN`: who is on the list?
    Expn(Text<'a>),
    /// `HELP`
    Help(Option<Text<'a>>),
    /// `NOOP`: only a reply is wanted.
    Noop(Option<Text<'a>>),
    /// `RSET`: the transaction is given up.
    Rset,
    /// `QUIT`: the session is over.
    Quit,
    /// `ETRN`: send what is held (RFC 1985).
    Etrn(Etrn<'a>),
    /// `ATRN`: turn around (RFC 2645).
    Atrn(Atrn<'a>),
    /// `BURL`: content stands at a URL (RFC 4468).
    Burl(Burl<'a>),
    /// `XCLIENT`: a proxy tells for whom it speaks (Postfix).
    Xclient(Attributes<'a>),
    /// `XFORWARD`: a filter tells whose mail it passes on (Postfix).
    Xforward(Attributes<'a>),
    /// `VERB`: verbose replies (Sendmail).
    Verb(Option<Text<'a>>),
    /// A verb that this crate does not know.
    Unknown(Unknown<'a>),
}

/// The four octets of a verb as one integer, in upper case. Clearing bit 5 folds letters; what is
/// not a letter and folds to one (0x01 to 0x1A) is a control and no line that counts begins with it:
/// it is read as the letter, harmlessly.
#[inline(always)]
const fn folded(verb: [u8; 4]) -> u32 {
    u32::from_le_bytes(verb) & 0xdf_df_df_df
}

const DATA: u32 = folded(*b"DATA");
const RSET: u32 = folded(*b"RSET");
const QUIT: u32 = folded(*b"QUIT");
const NOOP: u32 = folded(*b"NOOP");
const HELP: u32 = folded(*b"HELP");
const VERB: u32 = folded(*b"VERB");
const ATRN: u32 = folded(*b"ATRN");
const MAIL: u32 = folded(*b"MAIL");
const RCPT: u32 = folded(*b"RCPT");
const BDAT: u32 = folded(*b"BDAT");
const EHLO: u32 = folded(*b"EHLO");
const HELO: u32 = folded(*b"HELO");
const LHLO: u32 = folded(*b"LHLO");
const AUTH: u32 = folded(*b"AUTH");
const VRFY: u32 = folded(*b"VRFY");
const EXPN: u32 = folded(*b"EXPN");
const ETRN: u32 = folded(*b"ETRN");
const BURL: u32 = folded(*b"BURL");

impl<'a> Command<'a> {
    /// Reads the command that a line is.
    ///
    /// # Errors
    /// If the line does not follow the grammar: with the offset, what was expected there, and the
    /// reply that a server owes.
    #[inline]
    pub fn parse(line: Line<'a>) -> Result<Self, SyntaxError> {
        let text = line.as_str();
        if let Ok(verb) = <[u8; 4]>::try_from(text.as_bytes())
            && let Some(bare) = Self::bare(folded(verb))
        {
            return Ok(bare);
        }
        // RFC 5321 §4.1.1: tolerate white space before the end of the line
        let text = if text.ends_with([' ', '\t']) { trimmed(text) } else { text };
        match command(text) {
            Ok(("", command)) => Ok(command),
            Ok((rest, _)) => Err(Fault::in_line(Fault::at(rest, Expected::EndOfLine), text)),
            Err(fault) => Err(Fault::in_line(fault, text)),
        }
    }

    /// A verb of four octets that is the whole line.
    #[inline]
    const fn bare(verb: u32) -> Option<Self> {
        Some(match verb {
            DATA => Self::Data,
            RSET => Self::Rset,
            QUIT => Self::Quit,
            NOOP => Self::Noop(None),
            HELP => Self::Help(None),
            VERB => Self::Verb(None),
            ATRN => Self::Atrn(Atrn::ALL),
            _ => return None,
        })
    }

    /// Its verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Helo(_) => Verb::Helo,
            Self::Ehlo(_) => Verb::Ehlo,
            Self::Lhlo(_) => Verb::Lhlo,
            Self::Mail(_) => Verb::Mail,
            Self::Rcpt(_) => Verb::Rcpt,
            Self::Data => Verb::Data,
            Self::Bdat(_) => Verb::Bdat,
            Self::Auth(_) => Verb::Auth,
            Self::StartTls => Verb::StartTls,
            Self::Vrfy(_) => Verb::Vrfy,
            Self::Expn(_) => Verb::Expn,
            Self::Help(_) => Verb::Help,
            Self::Noop(_) => Verb::Noop,
            Self::Rset => Verb::Rset,
            Self::Quit => Verb::Quit,
            Self::Etrn(_) => Verb::Etrn,
            Self::Atrn(_) => Verb::Atrn,
            Self::Burl(_) => Verb::Burl,
            Self::Xclient(_) => Verb::Xclient,
            Self::Xforward(_) => Verb::Xforward,
            Self::Verb(_) => Verb::Verb,
            Self::Unknown(_) => Verb::Unknown,
        }
    }

    /// The owned form: its line, in one allocation.
    #[must_use]
    pub fn to_owned(&self) -> CommandBuf {
        CommandBuf::new(self)
    }
}

#[cold]
fn trimmed(line: &str) -> &str {
    line.trim_end_matches([' ', '\t'])
}

/// `command = verb [SP argument]`: the rest of the line is what the verb's rule left.
#[inline(always)]
fn command(line: &str) -> Parsed<'_, Command<'_>> {
    let (Some(verb), Some(rest)) = (line.as_bytes().first_chunk::<4>(), line.get(4..)) else {
        return unknown(line).map(|(rest, command)| (rest, Command::Unknown(command)));
    };
    let verb = folded(*verb);
    if rest.is_empty()
        && let Some(bare) = Command::bare(verb)
    {
        return Ok((rest, bare));
    }
    if !rest.is_empty() && !rest.starts_with(' ') {
        return longer(line);
    }
    match verb {
        MAIL => mail(rest).map(|(rest, mail)| (rest, Command::Mail(mail))),
        RCPT => rcpt(rest).map(|(rest, rcpt)| (rest, Command::Rcpt(rcpt))),
        DATA => Ok((token::skip_spaces(rest), Command::Data)),
        BDAT => argument(rest, chunking::bdat, Command::Bdat),
        EHLO => argument(rest, client_name, Command::Ehlo),
        HELO => argument(rest, client_name, Command::Helo),
        LHLO => argument(rest, client_name, Command::Lhlo),
        RSET => Ok((token::skip_spaces(rest), Command::Rset)),
        QUIT => Ok((token::skip_spaces(rest), Command::Quit)),
        NOOP => argument(rest, text, |text| Command::Noop(Some(text))),
        AUTH => argument(rest, auth::auth, Command::Auth),
        VRFY => argument(rest, text, Command::Vrfy),
        EXPN => argument(rest, text, Command::Expn),
        HELP => argument(rest, text, |text| Command::Help(Some(text))),
        ETRN => argument(rest, etrn::etrn, Command::Etrn),
        ATRN => argument(rest, atrn::atrn, Command::Atrn),
        BURL => argument(rest, burl::burl, Command::Burl),
        VERB => argument(rest, text, |text| Command::Verb(Some(text))),
        _ => unknown(line).map(|(rest, command)| (rest, Command::Unknown(command))),
    }
}

/// The known verbs of more than four octets.
fn longer(line: &str) -> Parsed<'_, Command<'_>> {
    let behind = |verb: &str| line.get(verb.len()..).filter(|rest| rest.is_empty() || rest.starts_with(' '));
    if token::starts_with(line, b"STARTTLS")
        && let Some(rest) = behind("STARTTLS")
    {
        Ok((token::skip_spaces(rest), Command::StartTls))
    } else if token::starts_with(line, b"XCLIENT")
        && let Some(rest) = behind("XCLIENT")
    {
        argument(rest, attribute::attributes, Command::Xclient)
    } else if token::starts_with(line, b"XFORWARD")
        && let Some(rest) = behind("XFORWARD")
    {
        argument(rest, attribute::attributes, Command::Xforward)
    } else {
        unknown(line).map(|(rest, command)| (rest, Command::Unknown(command)))
    }
}

/// `SP argument`, by the rule of the verb.
#[inline(always)]
fn argument<'a, T>(
    rest: &'a str,
    rule: impl Fn(&'a str) -> Parsed<'a, T>,
    command: impl Fn(T) -> Command<'a>,
) -> Parsed<'a, Command<'a>> {
    let (rest, argument) = rule(token::skip_spaces(rest))?;
    Ok((rest, command(argument)))
}

impl Encode for Command<'_> {
    fn encoded_len(&self) -> usize {
        let mut octets = Count(0);
        self.write(&mut octets);
        octets.0
    }

    #[inline]
    fn encode(&self, out: &mut impl BufMut) {
        self.write(&mut Wire(out));
    }
}

/// Where the pieces of a command go: onto the wire, or only counted.
trait Pieces {
    fn put(&mut self, piece: &str);
}

struct Count(usize);

impl Pieces for Count {
    fn put(&mut self, piece: &str) {
        self.0 += piece.len();
    }
}

struct Wire<'o, B>(&'o mut B);

impl<B: BufMut> Pieces for Wire<'_, B> {
    #[inline(always)]
    fn put(&mut self, piece: &str) {
        self.0.put_slice(piece.as_bytes());
    }
}

impl Command<'_> {
    #[inline]
    fn write(&self, out: &mut impl Pieces) {
        match self {
            Self::Rcpt(rcpt) => {
                out.put("RCPT TO:<");
                out.put(rcpt.forward_path.inside());
                parameters(out, rcpt.parameters.as_str());
            }
            Self::Mail(mail) => {
                out.put("MAIL FROM:<");
                out.put(mail.reverse_path.inside());
                parameters(out, mail.parameters.as_str());
            }
            Self::Data => out.put("DATA\r\n"),
            Self::Rset => out.put("RSET\r\n"),
            Self::Quit => out.put("QUIT\r\n"),
            Self::StartTls => out.put("STARTTLS\r\n"),
            Self::Noop(None) => out.put("NOOP\r\n"),
            _ => self.write_argument(out),
        }
    }

    fn write_argument(&self, out: &mut impl Pieces) {
        out.put(self.verb().as_str());
        match self {
            Self::Helo(name) | Self::Ehlo(name) | Self::Lhlo(name) => argument_of(out, name.as_str()),
            Self::Vrfy(text) | Self::Expn(text) => argument_of(out, text.as_str()),
            Self::Help(text) | Self::Noop(text) | Self::Verb(text) => {
                argument_of(out, text.map_or("", Text::as_str));
            }
            Self::Bdat(bdat) => {
                out.put(" ");
                decimal(out, bdat.size);
                argument_of(out, if bdat.last { "LAST" } else { "" });
            }
            Self::Auth(auth) => {
                argument_of(out, auth.mechanism.as_str());
                argument_of(out, auth.initial_response.as_str());
            }
            Self::Etrn(etrn) => {
                let (option, name) = etrn.parts();
                out.put(" ");
                out.put(option);
                out.put(name);
            }
            Self::Atrn(atrn) => argument_of(out, atrn.as_str()),
            Self::Burl(burl) => {
                argument_of(out, burl.url());
                argument_of(out, if burl.is_last() { "LAST" } else { "" });
            }
            Self::Xclient(attributes) | Self::Xforward(attributes) => argument_of(out, attributes.as_str()),
            Self::Unknown(unknown) => {
                out.put(unknown.verb());
                argument_of(out, unknown.argument().unwrap_or(""));
            }
            Self::Mail(_) | Self::Rcpt(_) | Self::Data | Self::Rset | Self::Quit | Self::StartTls => {}
        }
        out.put("\r\n");
    }
}

/// `">" [SP parameters] CRLF`
#[inline(always)]
fn parameters(out: &mut impl Pieces, parameters: &str) {
    if parameters.is_empty() {
        return out.put(">\r\n");
    }
    out.put("> ");
    out.put(parameters);
    out.put("\r\n");
}

/// `[SP argument]`
fn argument_of(out: &mut impl Pieces, argument: &str) {
    if !argument.is_empty() {
        out.put(" ");
        out.put(argument);
    }
}

fn decimal(out: &mut impl Pieces, number: u64) {
    let mut digits = [0; 20];
    let mut left = number;
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        start -= 1;
        if left == 0 {
            break;
        }
    }
    out.put(digits.get(start..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or("0"));
}

impl fmt::Display for Command<'_> {
    /// The line without its end, for people: of AUTH and BURL only what is no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(auth) => write!(f, "AUTH {}", auth.mechanism),
            Self::Burl(_) => f.write_str("BURL"),
            _ => {
                let line = self.to_vec();
                f.write_str(alloc::string::String::from_utf8_lossy(&line).trim_ascii_end())
            }
        }
    }
}
