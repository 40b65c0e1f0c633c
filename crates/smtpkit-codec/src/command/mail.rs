//! MAIL: a mail transaction begins.

use crate::address::{ReversePathRef, reverse_path};
use crate::grammar::{Fault, Parsed, token};
use crate::syntax_error::Expected;

use super::mail_parameters::{MailParametersRef, mail_parameters};

/// The `MAIL` command (RFC 5321 §4.1.1.2).
///
/// ```
/// use smtpkit_codec::{Body, Command, Line};
///
/// let line = Line::new("MAIL FROM:<jane@example.com> SIZE=1024 BODY=8BITMIME").unwrap();
/// let Ok(Command::Mail(mail)) = Command::parse(line) else { panic!() };
/// assert_eq!(mail.reverse_path.mailbox().unwrap().as_str(), "jane@example.com");
/// assert_eq!(mail.parameters.size(), Some(1024));
/// assert_eq!(mail.parameters.body(), Some(Body::EightBitMime));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mail<'a> {
    /// Where notifications go.
    pub reverse_path: ReversePathRef<'a>,
    /// What extensions say about the mail.
    pub parameters: MailParametersRef<'a>,
}

/// ```abnf
/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]      ; RFC 5321 §4.1.1.2
/// ```
/// Takes what follows "MAIL". Spaces behind the colon are tolerated.
#[inline]
pub(super) fn mail(input: &str) -> Parsed<'_, Mail<'_>> {
    let (rest, ()) = token::word(b" FROM:", Expected::From)(input)?;
    let (rest, reverse_path) = reverse_path(token::skip_spaces(rest))?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Err(Fault::at(rest, Expected::Space));
    }
    let (rest, parameters) = mail_parameters(rest)?;
    Ok((rest, Mail { reverse_path, parameters }))
}
