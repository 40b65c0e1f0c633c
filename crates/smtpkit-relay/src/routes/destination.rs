//! What a row of the routing table does with the mail that it matches.

use std::path::PathBuf;

use smtpkit_client::{Protocol, ServerUrl};
use smtpkit_codec::address::Mailbox;
use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, Severity};

use super::{LEGS_MAX, RouteError, Smarthost};

/// What a row of the routing table does.
///
/// ```
/// use smtpkit_relay::Destination;
///
/// let alias = Destination::alias(["bob@example.test", "carol@elsewhere.test"])?;
/// assert!(matches!(alias, Destination::Alias(targets) if targets.len() == 2));
/// # Ok::<(), smtpkit_relay::RouteError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Destination {
    /// Into a Maildir of its own.
    Maildir(PathBuf),
    /// To a server that takes local deliveries (RFC 2033).
    Lmtp(ServerUrl),
    /// To other addresses, of this system or foreign ones (RFC 5321 §3.9.1).
    Alias(Vec<Mailbox>),
    /// To the members of a list; notifications go to its owner (RFC 5321 §3.9.2).
    List {
        /// Takes the place of the reverse-path.
        owner: Mailbox,
        /// Who gets the mail.
        members: Vec<Mailbox>,
    },
    /// To a server that relays for us.
    Smarthost(Box<Smarthost>),
    /// Nowhere: the client hears this reply.
    Reject(Reply),
    /// Nowhere: the client hears that all is well.
    Discard,
}

impl Destination {
    /// Other addresses.
    ///
    /// # Errors
    /// If one is no address, or if there is none or too many.
    pub fn alias<I: IntoIterator<Item: AsRef<str>>>(targets: I) -> Result<Self, RouteError> {
        mailboxes(targets).map(Self::Alias)
    }

    /// The members of a list.
    ///
    /// # Errors
    /// As [`alias`](Self::alias), also for the owner.
    pub fn list<I: IntoIterator<Item: AsRef<str>>>(owner: &str, members: I) -> Result<Self, RouteError> {
        Ok(Self::List { owner: mailbox(owner)?, members: mailboxes(members)? })
    }

    /// An LMTP server, `lmtp://host:port` or `lmtp+unix:/path`.
    ///
    /// # Errors
    /// If the URL is none of an LMTP server.
    pub fn lmtp(url: &str) -> Result<Self, RouteError> {
        let bad = |why: String| RouteError::Url { url: url.into(), why: why.into() };
        let parsed: ServerUrl =
            url.parse().map_err(|error: smtpkit_client::UrlError| bad(error.to_string()))?;
        if parsed.protocol() != Protocol::Lmtp {
            return Err(bad("write lmtp://host:port or lmtp+unix:/path".to_owned()));
        }
        Ok(Self::Lmtp(parsed))
    }

    /// A server that relays for us.
    #[must_use]
    pub fn smarthost(smarthost: Smarthost) -> Self {
        Self::Smarthost(Box::new(smarthost))
    }

    /// A reply that refuses the recipient: a code, an enhanced code if there is one, and a text.
    ///
    /// # Errors
    /// If it is no reply, or one that refuses nothing.
    pub fn reject(reply: &str) -> Result<Self, RouteError> {
        let bad = || RouteError::Reply(reply.into());
        let (code, text) = reply.split_at_checked(3).ok_or_else(bad)?;
        let code = code.parse().ok().and_then(ReplyCode::new).ok_or_else(bad)?;
        if !matches!(code.severity(), Severity::TransientNegative | Severity::PermanentNegative) {
            return Err(bad());
        }
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (enhanced, text) = match EnhancedStatusCode::split(code, text.as_bytes()) {
            Some((enhanced, rest)) => (Some(enhanced), std::str::from_utf8(rest).map_err(|_| bad())?),
            None => (None, text),
        };
        if text.is_empty() || text.contains('\n') {
            return Err(bad());
        }
        Reply::new(code, enhanced, text.trim()).map(Self::Reject).map_err(|_| bad())
    }
}

fn mailbox(text: &str) -> Result<Mailbox, RouteError> {
    text.parse().map_err(|_| RouteError::Address(text.into()))
}

fn mailboxes<I: IntoIterator<Item: AsRef<str>>>(texts: I) -> Result<Vec<Mailbox>, RouteError> {
    let found = texts.into_iter().map(|text| mailbox(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
    if (1..=LEGS_MAX).contains(&found.len()) { Ok(found) } else { Err(RouteError::Targets(found.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_a_reply_that_refuses() {
        let check = |text: &str, expected: Option<&str>| {
            let found = match Destination::reject(text) {
                Ok(Destination::Reject(reply)) => Some(reply.to_string()),
                _ => None,
            };
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("550 5.7.1 no", Some("550 5.7.1 no"));
        check("450 come back later", Some("450 come back later"));
        check("250 2.0.0 fine", None);
        check("550", None);
        check("no", None);
        check("550 5.7.1 a\r\nb", None);
        check("999 no", None);
    }

    #[test]
    fn targets_are_checked() {
        assert_eq!(Destination::alias(["bob"]).unwrap_err(), RouteError::Address("bob".into()));
        assert_eq!(Destination::alias::<[&str; 0]>([]).unwrap_err(), RouteError::Targets(0));
        assert!(matches!(Destination::lmtp("smtp://a.test"), Err(RouteError::Url { .. })));
        assert!(matches!(Smarthost::new("lmtp://a.test:24"), Err(RouteError::Url { .. })));
    }
}
