//! Verbs: the first word of a command.

use core::fmt;

/// The verb of a command (RFC 5321 §2.3.7).
///
/// ```
/// use smtpkit_codec::{Command, Line, Verb};
///
/// let command = Command::parse(Line::new("mail FROM:<>").unwrap())?;
/// assert_eq!(command.verb(), Verb::Mail);
/// assert_eq!(command.verb().as_str(), "MAIL");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Verb {
    /// `HELO` (RFC 5321 §4.1.1.1)
    Helo,
    /// `EHLO` (RFC 5321 §4.1.1.1)
    Ehlo,
    /// `LHLO` (RFC 2033 §4.1)
    Lhlo,
    /// `MAIL` (RFC 5321 §4.1.1.2)
    Mail,
    /// `RCPT` (RFC 5321 §4.1.1.3)
    Rcpt,
    /// `DATA` (RFC 5321 §4.1.1.4)
    Data,
    /// `BDAT` (RFC 3030 §2)
    Bdat,
    /// `AUTH` (RFC 4954 §4)
    Auth,
    /// `STARTTLS` (RFC 3207 §4)
    StartTls,
    /// `VRFY` (RFC 5321 §4.1.1.6)
    Vrfy,
    /// `EXPN` (RFC 5321 §4.1.1.7)
    Expn,
    /// `HELP` (RFC 5321 §4.1.1.8)
    Help,
    /// `NOOP` (RFC 5321 §4.1.1.9)
    Noop,
    /// `RSET` (RFC 5321 §4.1.1.5)
    Rset,
    /// `QUIT` (RFC 5321 §4.1.1.10)
    Quit,
    /// `ETRN` (RFC 1985 §5)
    Etrn,
    /// `ATRN` (RFC 2645 §5.2.1)
    Atrn,
    /// `BURL` (RFC 4468 §3)
    Burl,
    /// `XCLIENT` (Postfix)
    Xclient,
    /// `XFORWARD` (Postfix)
    Xforward,
    /// `VERB` (Sendmail)
    Verb,
    /// Any other; [`Unknown`](super::Unknown) has its name.
    Unknown,
}

impl Verb {
    /// The verb as it is sent; empty for [`Verb::Unknown`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helo => "HELO",
            Self::Ehlo => "EHLO",
            Self::Lhlo => "LHLO",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Bdat => "BDAT",
            Self::Auth => "AUTH",
            Self::StartTls => "STARTTLS",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Help => "HELP",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
            Self::Etrn => "ETRN",
            Self::Atrn => "ATRN",
            Self::Burl => "BURL",
            Self::Xclient => "XCLIENT",
            Self::Xforward => "XFORWARD",
            Self::Verb => "VERB",
            Self::Unknown => "",
        }
    }
}

impl Verb {
    /// The known verb of that name, in either case.
    ///
    /// ```
    /// # use smtpkit_codec::Verb;
    /// assert_eq!(Verb::named("starttls"), Some(Verb::StartTls));
    /// assert_eq!(Verb::named("TURN"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|verb| verb.as_str().eq_ignore_ascii_case(name))
    }

    const KNOWN: [Self; 21] = [
        Self::Helo,
        Self::Ehlo,
        Self::Lhlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Auth,
        Self::StartTls,
        Self::Vrfy,
        Self::Expn,
        Self::Help,
        Self::Noop,
        Self::Rset,
        Self::Quit,
        Self::Etrn,
        Self::Atrn,
        Self::Burl,
        Self::Xclient,
        Self::Xforward,
        Self::Verb,
    ];
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
