//! Store and forward: accept mail, route it, queue it, deliver it, report about it (RFC 5321 §2.3.10, §3.6, §4.5.4, §6).
//!
//! ```text
//! content ─ accept (route, trace field) ─► queue commit ─► 250 with the queue id
//! due(now) ─ delivery (grouped by site) ─ resolve (MX) ─ client ─► reply per recipient
//!     ─ outcome ─► delivered → forget │ deferred → next attempt │ failed, expired → report → queue (null reverse-path)
//! ```
//!
//! | module | what it decides |
//! |---|---|
//! | `accept` | which mail is taken, and what is put on top of it |
//! | `routes`, `directory`, `srs` | where a recipient's mail goes |
//! | `resolve` | which hosts take mail for a domain |
//! | `delivery` | what goes out now, and how much of it at once |
//! | `outcome` | what becomes of a recipient when something goes wrong: the whole failure policy |
//! | `report` | who hears of it |
//! | `control` | what an operator may do with the queue of a running system |
//!
//! The crate composes: it writes no protocol octets (the codec does), opens no connection (the client does) and stores
//! nothing (the queue does). Whatever it decides takes the time and the seed as arguments; name servers, hosts and
//! the clock are its [`Surroundings`], so that all of it runs in a simulator.

mod mix;

mod directory;
mod next_hop;
mod resolve;
mod routes;
mod srs;

mod clock;
mod options;
mod relay;
mod surroundings;

mod accept;
mod header_pass;

mod delivery;
mod outcome;
mod record;
mod report;

pub mod control;

pub use self::accept::{Accepting, Intake};
pub use self::clock::Clock;
pub use self::directory::{Directory, DirectoryError, LocalMailbox};
pub use self::next_hop::NextHop;
pub use self::options::{Limits, Options, SiteLimits};
pub use self::record::describe_metrics;
pub use self::relay::Relay;
pub use self::resolve::{
    HickoryResolver, Lookup, LookupError, Mx, OwnNames, Resolver, ResolverError, Unroutable, next_hops,
};
pub use self::routes::{
    Destination, LEGS_MAX, Leg, Pattern, RouteError, Routes, RoutesBuilder, Sender, Smarthost, Via,
};
pub use self::srs::{DAYS_MAX as SRS_DAYS_MAX, SrsError, SrsKeys};
pub use self::surroundings::Surroundings;

pub use smtpkit_queue as queue;
pub use smtpkit_server::Rate;
