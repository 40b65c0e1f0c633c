//! Where mail goes: one ordered table, the local mailboxes below it, all other domains below those.
//!
//! | file | what |
//! |---|---|
//! | `pattern` | what a row matches: an address, `user+*@domain`, `*@domain`, `/expression/` |
//! | `destination` | what a row does |
//! | `smarthost` | a server that takes mail for others |
//! | `table` | the rows in their order, and from a recipient to its next hops |

mod destination;
mod pattern;
mod smarthost;
mod table;

pub use self::destination::Destination;
pub use self::pattern::Pattern;
pub use self::smarthost::Smarthost;
pub use self::table::{LEGS_MAX, Leg, Routes, RoutesBuilder, Sender, Via};

/// Why a row of the routing table cannot be used. The operator's fault.
///
/// ```
/// use smtpkit_relay::{Destination, RouteError};
///
/// let error = Destination::reject("250 2.0.0 fine").unwrap_err();
/// assert_eq!(error, RouteError::Reply("250 2.0.0 fine".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// What a row matches is none of the four forms.
    #[error("`{0}` is not an address, *@domain, user+*@domain or /expression/")]
    Pattern(Box<str>),
    /// The regular expression is none, or too large.
    #[error("`{expression}` is not a regular expression: {why}")]
    Expression {
        /// As it was written.
        expression: Box<str>,
        /// In one line.
        why: Box<str>,
    },
    /// A target is no address.
    #[error("`{0}` is not a mail address")]
    Address(Box<str>),
    /// There is no target, or more than [`LEGS_MAX`].
    #[error("a route has from 1 to {LEGS_MAX} targets, not {0}")]
    Targets(usize),
    /// A URL is none, or none of a server of the right kind.
    #[error("`{url}`: {why}")]
    Url {
        /// As it was written.
        url: Box<str>,
        /// In one line.
        why: Box<str>,
    },
    /// The reply is not one that refuses a recipient.
    #[error("`{0}` is not a reply such as 550 5.7.1 no, with a code from 400 to 599")]
    Reply(Box<str>),
}
