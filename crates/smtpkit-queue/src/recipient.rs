//! One recipient of an entry: what was asked for it (RFC 5321 §4.1.1.3, RFC 3461 §4), and what has
//! become of it so far.
//!
//! ```text
//!            lease                     record
//! Queued ────────────► Leased ──► Done │ Failed            (final; forgotten with the entry)
//!   ▲ ▲  ◄──────────────┘  deferred, given back, restart
//!   │ └──────── release ──── Held ◄── hold
//!   └ retry: due now
//! ```

use std::fmt;
use std::str::FromStr;

use smtpkit_codec::{EnhancedStatusCode, ForwardPath, RcptParameters};

use crate::queue_id::{BadQueueId, QueueId};
use crate::site::Site;
use crate::timestamp::Timestamp;

/// The most octets of a reply that are kept; a longer text is cut.
pub const REPLY_TEXT_OCTETS: usize = 2_000;

/// One recipient of one entry.
///
/// ```
/// use smtpkit_queue::{QueueId, RecipientKey};
///
/// let key = RecipientKey { id: QueueId::from_u64(1), index: 2 };
/// assert_eq!(key.to_string(), "0000000000001/2");
/// assert_eq!("0000000000001/2".parse::<RecipientKey>()?, key);
/// # Ok::<(), smtpkit_queue::BadQueueId>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientKey {
    /// The entry.
    pub id: QueueId,
    /// The place among its recipients.
    pub index: u32,
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.index)
    }
}

impl FromStr for RecipientKey {
    type Err = BadQueueId;

    fn from_str(text: &str) -> Result<Self, BadQueueId> {
        let (id, index) = text.split_once('/').ok_or(BadQueueId::NEW)?;
        Ok(Self { id: id.parse()?, index: index.parse().map_err(|_| BadQueueId::NEW)? })
    }
}

/// Where a recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecipientState {
    /// Waits for its next attempt.
    Queued,
    /// Somebody is at it. A restart forgets that.
    Leased,
    /// The operator holds it back.
    Held,
    /// Delivered, relayed or expanded; nothing is owed any more.
    Done,
    /// Given up; what had to be reported has been.
    Failed,
}

impl RecipientState {
    /// Is nothing owed any more?
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Held => "held",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for RecipientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Has the sender been told of the delay (RFC 3461 §4.1, `NOTIFY=DELAY`)?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DelayNotice {
    /// Not yet.
    Owed,
    /// Yes; once is enough.
    Sent,
}

/// What was said at the last attempt.
///
/// ```
/// use smtpkit_codec::EnhancedStatusCode;
/// use smtpkit_queue::LastReply;
///
/// let status: EnhancedStatusCode = "4.2.2".parse()?;
/// let reply = LastReply::new(status, "452 4.2.2 mailbox full").from_host("mx1.example.com");
/// assert_eq!(reply.host.as_deref(), Some("mx1.example.com"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastReply {
    /// Who said it; none if it was us.
    pub host: Option<Box<str>>,
    /// Its meaning (RFC 3463).
    pub status: EnhancedStatusCode,
    /// The words, with code and status as they were said.
    pub text: Box<str>,
}

impl LastReply {
    /// What we said ourselves; cut after [`REPLY_TEXT_OCTETS`].
    #[must_use]
    pub fn new(status: EnhancedStatusCode, text: &str) -> Self {
        let end = text.floor_char_boundary(REPLY_TEXT_OCTETS);
        Self { host: None, status, text: text.get(..end).unwrap_or(text).into() }
    }

    /// The same, said by that host.
    #[must_use]
    pub fn from_host(mut self, host: impl Into<Box<str>>) -> Self {
        self.host = Some(host.into());
        self
    }
}

/// One recipient of an entry: its path and parameters, and what has become of it.
///
/// ```
/// use smtpkit_queue::{Recipient, RecipientState, Site};
///
/// let recipient = Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com"));
/// assert_eq!(recipient.state, RecipientState::Queued);
/// assert_eq!(recipient.attempts, 0);
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipient {
    /// To whom.
    pub path: ForwardPath,
    /// What RCPT asked for: NOTIFY, ORCPT and others.
    pub parameters: RcptParameters,
    /// The address that the sender knows, if mail for it goes to `path` without the sender's knowledge: reports name it in
    /// the place of `path` (RFC 3464 §2.3.2).
    pub alias: Option<ForwardPath>,
    /// The next hop.
    pub site: Site,
    /// When the next attempt is due.
    pub due: Timestamp,
    /// Where it stands.
    pub state: RecipientState,
    /// How many attempts there were.
    pub attempts: u32,
    /// When the last one ended.
    pub last_attempt: Option<Timestamp>,
    /// What came of it.
    pub last_reply: Option<LastReply>,
    /// Has the sender been told of the delay?
    pub delay_notice: DelayNotice,
}

impl Recipient {
    /// A recipient without parameters, due at once.
    #[must_use]
    pub fn new(path: ForwardPath, site: Site) -> Self {
        Self {
            path,
            parameters: RcptParameters::default(),
            alias: None,
            site,
            due: Timestamp::new(0),
            state: RecipientState::Queued,
            attempts: 0,
            last_attempt: None,
            last_reply: None,
            delay_notice: DelayNotice::Owed,
        }
    }

    /// The same with the parameters of its RCPT.
    #[must_use]
    pub fn with_parameters(mut self, parameters: RcptParameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// The same, which the sender knows by that address alone.
    #[must_use]
    pub fn with_alias(mut self, alias: ForwardPath) -> Self {
        self.alias = Some(alias);
        self
    }

    /// The same, with no attempt before that moment.
    #[must_use]
    pub fn with_due(mut self, due: Timestamp) -> Self {
        self.due = due;
        self
    }

    /// The same, held until it is released.
    #[must_use]
    pub fn with_held(mut self) -> Self {
        self.state = RecipientState::Held;
        self
    }
}
