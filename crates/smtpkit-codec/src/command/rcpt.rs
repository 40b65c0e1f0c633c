//! RCPT: one recipient of the mail transaction.

use crate::address::{ForwardPathRef, forward_path};
use crate::grammar::{Fault, Parsed, token};
use crate::syntax_error::Expected;

use super::rcpt_parameters::{RcptParametersRef, rcpt_parameters};

/// The `RCPT` command (RFC 5321 §4.1.1.3).
///
/// ```
/// use smtpkit_codec::{Command, Line, Notify};
///
/// let line = Line::new("RCPT TO:<joe@example.org> NOTIFY=NEVER").unwrap();
/// let Ok(Command::Rcpt(rcpt)) = Command::parse(line) else { panic!() };
/// assert_eq!(rcpt.forward_path.mailbox().unwrap().as_str(), "joe@example.org");
/// assert_eq!(rcpt.parameters.notify(), Some(Notify::NEVER));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rcpt<'a> {
    /// To whom the mail goes.
    pub forward_path: ForwardPathRef<'a>,
    /// What extensions say about this recipient.
    pub parameters: RcptParametersRef<'a>,
}

/// ```abnf
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
///        [SP Rcpt-parameters]                                 ; RFC 5321 §4.1.1.3
/// ```
/// Takes what follows "RCPT". Spaces behind the colon are tolerated.
#[inline]
pub(super) fn rcpt(input: &str) -> Parsed<'_, Rcpt<'_>> {
    let (rest, ()) = token::word(b" TO:", Expected::To)(input)?;
    let (rest, forward_path) = forward_path(token::skip_spaces(rest))?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Err(Fault::at(rest, Expected::Space));
    }
    let (rest, parameters) = rcpt_parameters(rest)?;
    Ok((rest, Rcpt { forward_path, parameters }))
}
