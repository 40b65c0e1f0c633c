//! AUTH: the command, the mechanisms that a server names, and the parameter of MAIL (RFC 4954).
//!
//! The exchange itself is the business of a SASL crate. What an initial response holds is a secret
//! more often than not: no build can format it.

use core::fmt;
use core::hash::{Hash, Hasher};

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::value;

use crate::grammar::xtext::{Xtext, xtext};
use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The name of a SASL mechanism (RFC 4422 §3.1), kept as written, compared without case.
///
/// ```
/// use smtpkit_codec::MechanismName;
///
/// assert_eq!(MechanismName::new("scram-sha-256-plus")?, MechanismName::SCRAM_SHA_256_PLUS);
/// assert!(MechanismName::new("PLAIN LOGIN").is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MechanismName<'a>(&'a str);

/// One constant per mechanism that is met in mail.
macro_rules! mechanisms {
    ($($NAME:ident $name:literal $doc:literal;)*) => {
        impl MechanismName<'static> {
            $(#[doc = concat!("`", $name, "` (", $doc, ")")] pub const $NAME: Self = Self($name);)*
        }
    };
}

mechanisms! {
    ANONYMOUS "ANONYMOUS" "RFC 4505";
    CRAM_MD5 "CRAM-MD5" "RFC 2195";
    EXTERNAL "EXTERNAL" "RFC 4422";
    LOGIN "LOGIN" "never specified, widely used";
    OAUTHBEARER "OAUTHBEARER" "RFC 7628";
    PLAIN "PLAIN" "RFC 4616";
    SCRAM_SHA_1 "SCRAM-SHA-1" "RFC 5802";
    SCRAM_SHA_1_PLUS "SCRAM-SHA-1-PLUS" "RFC 5802";
    SCRAM_SHA_256 "SCRAM-SHA-256" "RFC 7677";
    SCRAM_SHA_256_PLUS "SCRAM-SHA-256-PLUS" "RFC 7677";
    SCRAM_SHA_512 "SCRAM-SHA-512" "RFC 5802 with SHA-512";
    SCRAM_SHA_512_PLUS "SCRAM-SHA-512-PLUS" "RFC 5802 with SHA-512";
    XOAUTH2 "XOAUTH2" "Google's predecessor of OAUTHBEARER";
}

impl<'a> MechanismName<'a> {
    /// The name that `text` is.
    ///
    /// # Errors
    /// If it is not 1 to 20 letters, digits, "-" and "_".
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, mechanism_name)
    }

    /// The name as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl PartialEq for MechanismName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for MechanismName<'_> {}

impl Hash for MechanismName<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes().for_each(|octet| state.write_u8(octet.to_ascii_uppercase()));
        state.write_u8(0);
    }
}

impl fmt::Display for MechanismName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for MechanismName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechanismName({})", self.0)
    }
}

/// The `AUTH` command (RFC 4954 §4).
///
/// ```
/// use smtpkit_codec::{Auth, Command, InitialResponse, Line, MechanismName};
///
/// let Ok(Command::Auth(auth)) = Command::parse(Line::new("AUTH EXTERNAL =").unwrap()) else { panic!() };
/// assert_eq!(auth, Auth { mechanism: MechanismName::EXTERNAL, initial_response: InitialResponse::Empty });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// The mechanism that the client wants.
    pub mechanism: MechanismName<'a>,
    /// What it sends along, if anything.
    pub initial_response: InitialResponse<'a>,
}

/// The initial response of AUTH: none, an empty one and one with content are three things
/// (RFC 4954 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialResponse<'a> {
    /// None: the server sends the first challenge, empty if the client is to begin.
    Absent,
    /// `=`: a response of zero octets.
    Empty,
    /// A response with content.
    Base64(Base64<'a>),
}

impl InitialResponse<'_> {
    /// The response as it is sent; empty if there is none.
    pub(crate) const fn as_str(&self) -> &str {
        match self {
            Self::Absent => "",
            Self::Empty => "=",
            Self::Base64(base64) => base64.0,
        }
    }
}

/// base64 as it stands on the wire (RFC 4648 §4), not empty. Likely a secret: it cannot be formatted.
///
/// ```
/// use smtpkit_codec::Base64;
///
/// let response = Base64::new("AGphbmUAc2VjcmV0")?;
/// assert_eq!(response.expose(), "AGphbmUAc2VjcmV0");
/// assert_eq!(format!("{response:?}"), "Base64(16 octets)");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Base64<'a>(&'a str);

impl<'a> Base64<'a> {
    /// The base64 that `text` is, with its padding.
    ///
    /// # Errors
    /// If it is empty or not base64.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, token::base64(Expected::Base64)).map(Self)
    }

    /// The encoded text; mind where it goes.
    #[must_use]
    pub const fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} octets)", self.0.len())
    }
}

/// The value of `AUTH` in MAIL: who submitted the mail first (RFC 4954 §5).
///
/// ```
/// use smtpkit_codec::{MailParametersRef, Submitter};
///
/// assert_eq!(MailParametersRef::parse("AUTH=<>")?.auth(), Some(Submitter::Untold));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Submitter<'a> {
    /// `<>`: not known, or not to be told.
    Untold,
    /// A mailbox, as xtext.
    Mailbox(Xtext<'a>),
}

impl fmt::Display for Submitter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold => f.write_str("<>"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// ```abnf
/// sasl-mech = 1*20(UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE)     ; RFC 4422 §3.1, here in either case
/// ```
pub(crate) fn mechanism_name(input: &str) -> Parsed<'_, MechanismName<'_>> {
    let (rest, name) = token::run(Class::MECHANISM, Expected::Mechanism)(input)?;
    if name.len() > 20 {
        return Err(Fault::at(input, Expected::Mechanism));
    }
    Ok((rest, MechanismName(name)))
}

/// ```abnf
/// auth-command     = "AUTH" SP sasl-mech [SP initial-response]    ; RFC 4954 §8
/// initial-response = base64 / "="
/// ```
/// Takes what follows "AUTH" and its space.
pub(crate) fn auth(input: &str) -> Parsed<'_, Auth<'_>> {
    let (rest, mechanism) = mechanism_name(input)?;
    let (rest, initial_response) = match rest.strip_prefix(' ').map(token::skip_spaces) {
        None => (rest, InitialResponse::Absent),
        Some("") => ("", InitialResponse::Absent),
        Some(response) => initial_response(response)?,
    };
    Ok((rest, Auth { mechanism, initial_response }))
}

fn initial_response(input: &str) -> Parsed<'_, InitialResponse<'_>> {
    let empty = value(InitialResponse::Empty, token::octet(b'=', Expected::InitialResponse));
    let base64 = token::base64(Expected::InitialResponse).map(|text| InitialResponse::Base64(Base64(text)));
    let (rest, response) = alt((empty, base64)).parse(input)?;
    // What is stuck to it makes it undecodable; what stands apart is an argument too many.
    if rest.is_empty() || rest.starts_with(' ') {
        Ok((rest, response))
    } else {
        Err(Fault::at(rest, Expected::InitialResponse))
    }
}

/// ```abnf
/// auth-param = "AUTH=" ( "<>" / xtext )                           ; RFC 4954 §5
/// ```
pub(crate) fn submitter(input: &str) -> Parsed<'_, Submitter<'_>> {
    match input.strip_prefix("<>") {
        Some(rest) => Ok((rest, Submitter::Untold)),
        None => match xtext(input) {
            Ok((rest, mailbox)) => Ok((rest, Submitter::Mailbox(mailbox))),
            Err(_) => Err(Fault::at(input, Expected::AuthIdentity)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_commands_of_rfc_4954() {
        let check = |input: &str, expected: Result<(&str, &str), (usize, Expected)>| {
            let found = whole(input, auth);
            let found = found.as_ref().map(|auth| (auth.mechanism.as_str(), auth.initial_response.as_str()));
            assert_eq!(found.map_err(|error| (error.offset(), error.expected())), expected, "{input}");
        };
        check("PLAIN", Ok(("PLAIN", "")));
        check("PLAIN =", Ok(("PLAIN", "=")));
        check("plain AGFi", Ok(("plain", "AGFi")));
        check("XOAUTH2 AA==", Ok(("XOAUTH2", "AA==")));
        check("", Err((0, Expected::Mechanism)));
        check("PLAIN A", Err((6, Expected::InitialResponse)));
        check("PLAIN *", Err((6, Expected::InitialResponse)));
        check("PLAIN AGFi AGFi", Err((10, Expected::EndOfLine)));
        check("PLAIN ==", Err((7, Expected::InitialResponse)));
        check("PLAIN AGFi!", Err((10, Expected::InitialResponse)));
        check("A23456789012345678901", Err((0, Expected::Mechanism)));
    }

    #[test]
    fn submitters_of_rfc_4954() {
        let check = |input: &str, expected: Option<Submitter<'_>>| {
            assert_eq!(whole(input, submitter).ok(), expected, "{input}");
        };
        check("<>", Some(Submitter::Untold));
        check("e+3Dmc2@example.com", Some(Submitter::Mailbox(Xtext::new("e+3Dmc2@example.com").unwrap())));
        check("e=mc2@example.com", None);
        check("", None);
    }
}
