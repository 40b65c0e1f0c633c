//! What the two paths share: the mailbox in angle brackets, and the source route that is read and
//! dropped.

use nom::Parser as _;
use nom::combinator::cut;
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::grammar::{Parsed, token};
use crate::syntax_error::Expected;

use super::domain;
use super::mailbox::{MailboxRef, mailbox};

/// ```abnf
/// Path      = "<" [ A-d-l ":" ] Mailbox ">"       ; RFC 5321 §4.1.2
/// ```
/// Takes what follows the "<".
#[inline]
pub(super) fn routed_mailbox(inside: &str) -> Parsed<'_, MailboxRef<'_>> {
    let rest = if inside.starts_with('@') { source_route(inside)?.0 } else { inside };
    let (rest, mailbox) = mailbox(rest)?;
    let (rest, ()) = token::octet(b'>', Expected::ClosingAngleBracket)(rest)?;
    Ok((rest, mailbox))
}

/// ```abnf
/// A-d-l     = At-domain *( "," At-domain )        ; RFC 5321 §4.1.2
/// At-domain = "@" Domain
/// ```
/// With the ":" behind it. The route is accepted and ignored (RFC 5321 §3.6.1, appendix C).
fn source_route(input: &str) -> Parsed<'_, ()> {
    let octet = |octet| token::octet(octet, Expected::SourceRoute);
    let at_domain = || preceded(octet(b'@'), domain);
    let others = many0_count(preceded(octet(b','), cut(at_domain())));
    (at_domain(), others, octet(b':')).map(drop).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_routes_are_read_and_dropped() {
        let check = |input: &str, expected: Option<&str>| {
            let found = routed_mailbox(input).ok().map(|(_, mailbox)| mailbox.as_str());
            assert_eq!(found, expected, "{input}");
        };
        check("a@b>", Some("a@b"));
        check("@x.y:a@b>", Some("a@b"));
        check("@x.y,@z:a@b>", Some("a@b"));
        check("@x.y,z:a@b>", None);
        check("@x.y a@b>", None);
        check("@:a@b>", None);
        check("@x.y:>", None);
        check("a@b", None);
        check("a@b >", None);
    }
}
