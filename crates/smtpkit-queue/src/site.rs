//! The next hop of a recipient, as a key: what may share a connection has the same site.
//!
//! The relay makes the text (a domain, the set of its MX hosts, a smarthost, a mailbox store); the
//! queue only groups and takes turns by it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A next hop, opaque to the queue. Clones share the text.
///
/// ```
/// use smtpkit_queue::Site;
///
/// let site = Site::new("mx:example.com");
/// assert_eq!(site.as_str(), "mx:example.com");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site(Arc<str>);

impl Site {
    /// The site with this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Site {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({})", self.0)
    }
}
