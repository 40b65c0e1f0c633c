//! Which hosts take mail for a domain (RFC 5321 §5).
//!
//! | file | what |
//! |---|---|
//! | this one | the [`Resolver`] trait: what is asked of the DNS |
//! | `mx` | the rules: order, random within a preference, null MX, ourselves in the list |
//! | `hickory` | the resolver that asks real name servers |

mod hickory;
mod mx;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

pub use self::hickory::{HickoryResolver, ResolverError};
pub use self::mx::{OwnNames, Unroutable, next_hops};

/// An answer that comes later.
pub type Lookup<'a, T> = Pin<Box<dyn Future<Output = Result<T, LookupError>> + Send + 'a>>;

/// What a relay asks of the DNS. It follows CNAME records and caches as the records allow.
pub trait Resolver: Send + Sync + 'static {
    /// The MX records of `domain`, an A-label without a final dot, in any order.
    fn mx<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<Mx>>;

    /// The addresses of `host`, best first; never an empty list.
    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>>;
}

/// One MX record (RFC 1035 §3.3.9).
///
/// ```
/// let null = smtpkit_relay::Mx::new(0, ".");
/// assert!(null.is_null());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// The host, in lower case, without a final dot; empty for the root.
    pub host: Box<str>,
}

impl Mx {
    /// A record as it is written in a zone.
    #[must_use]
    pub fn new(preference: u16, host: &str) -> Self {
        Self { preference, host: host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into() }
    }

    /// Whether it says that the domain takes no mail (RFC 7505 §3).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.host.is_empty()
    }
}

/// Why the DNS gave no records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The name does not exist (NXDOMAIN).
    #[error("no such name")]
    NoSuchName,
    /// The name exists, but has no such record.
    #[error("no such record")]
    NoRecords,
    /// Nobody could say: SERVFAIL, a time-out, no route. Asking again can help.
    #[error("{0}")]
    Temporary(Box<str>),
}
