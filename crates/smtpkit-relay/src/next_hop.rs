//! Where a recipient goes next, and how the queue names it.
//!
//! The queue groups recipients by an opaque [`Site`]; this file is the only place that knows what stands in it. The text
//! is stored on the disk, so a form that is there stays readable for good.
//!
//! ```abnf
//! site = "mx:" (Domain / address-literal)   ; another domain, by its MX records
//!      / "via:" name                        ; a smarthost, by its name in the routing table
//!      / "lmtp:" url                        ; a server that takes local deliveries (RFC 2033)
//!      / "mailbox:" local-part "@" domain   ; a mailbox of this system
//!      / "maildir:" path                    ; a folder that a route names
//!      / "discard:"                         ; nowhere, on purpose
//!      / "loop:"                            ; nowhere: it has been here before (RFC 5321 §6.3)
//! ```

use std::fmt;
use std::path::PathBuf;

use smtpkit_queue::Site;

use crate::directory::LocalMailbox;

/// Where a recipient goes next.
///
/// ```
/// use smtpkit_relay::NextHop;
///
/// let hop = NextHop::Mx("example.test".into());
/// assert_eq!(hop.site().as_str(), "mx:example.test");
/// assert_eq!(NextHop::of(&hop.site()), Some(hop));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NextHop {
    /// The hosts that take mail for a domain: an A-label in lower case, or an address literal with brackets.
    Mx(Box<str>),
    /// A smarthost of the routing table, by its name.
    Smarthost(Box<str>),
    /// A server that takes local deliveries, by its URL.
    Lmtp(Box<str>),
    /// A mailbox of this system.
    Mailbox(LocalMailbox),
    /// A Maildir that a route names.
    Maildir(PathBuf),
    /// Nowhere: the operator wants it thrown away.
    Discard,
    /// Nowhere: it would go round and round.
    Loop,
}

impl NextHop {
    /// The queue's name for it.
    #[must_use]
    pub fn site(&self) -> Site {
        Site::new(self.to_string())
    }

    /// What a name of the queue means; `None` for a name that this version does not know.
    #[must_use]
    pub fn of(site: &Site) -> Option<Self> {
        let (kind, value) = site.as_str().split_once(':')?;
        Some(match kind {
            "mx" => Self::Mx(value.into()),
            "via" => Self::Smarthost(value.into()),
            "lmtp" => Self::Lmtp(value.into()),
            "mailbox" => Self::Mailbox(LocalMailbox::from_canonical(value)?),
            "maildir" => Self::Maildir(value.into()),
            "discard" => Self::Discard,
            "loop" => Self::Loop,
            _ => return None,
        })
    }

    /// Its kind in one word: what stands before the first colon of its name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mx(_) => "mx",
            Self::Smarthost(_) => "via",
            Self::Lmtp(_) => "lmtp",
            Self::Mailbox(_) => "mailbox",
            Self::Maildir(_) => "maildir",
            Self::Discard => "discard",
            Self::Loop => "loop",
        }
    }

    /// Whether delivery needs no other host.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Mailbox(_) | Self::Maildir(_) | Self::Discard | Self::Loop)
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Mx(name) | Self::Smarthost(name) | Self::Lmtp(name) => f.write_str(name),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Maildir(path) => path.display().fmt(f),
            Self::Discard | Self::Loop => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_queue_means_the_same_after_a_restart() {
        for text in [
            "mx:example.test",
            "mx:[IPv6:::1]",
            "via:smtps://mail.test:465",
            "lmtp:lmtp+unix:/run/lmtp.sock",
            "mailbox:alice@example.test",
            "mailbox:odd@name@example.test",
            "maildir:/srv/mail/all",
            "discard:",
            "loop:",
        ] {
            let hop = NextHop::of(&Site::new(text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(hop.site().as_str(), text);
        }
        for text in ["", "nowhere", "other:x", "mailbox:nobody"] {
            assert_eq!(NextHop::of(&Site::new(text)), None, "{text}");
        }
    }
}
