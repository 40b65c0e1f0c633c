//! An entry: one mail that is still owed to somebody. Envelope, facts of its origin, and the state
//! of each recipient; the content is kept apart and only counted here.

use std::net::SocketAddr;

use smtpkit_codec::{MailParameters, ReversePath};

use crate::queue_id::QueueId;
use crate::recipient::Recipient;
use crate::schedule::Terms;
use crate::timestamp::Timestamp;

/// One mail that is owed to one or more recipients.
///
/// ```
/// use smtpkit_queue::{Entry, IdSource, Recipient, Site, Timestamp};
///
/// let now = Timestamp::from_seconds(1_767_225_600);
/// let entry = Entry::new(IdSource::new(0).next(now), "joe@example.org".parse()?)
///     .with_recipient(Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com")));
/// assert_eq!(entry.created(), now);
/// assert_eq!(entry.recipients.len(), 1);
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name.
    pub id: QueueId,
    /// Where notifications go (RFC 5321 §4.1.1.2).
    pub reverse_path: ReversePath,
    /// What MAIL asked for: BODY, SMTPUTF8, RET, ENVID, HOLDFOR, BY and others.
    pub parameters: MailParameters,
    /// Octets of the content. The spool fills it in when the entry is accepted.
    pub size: u64,
    /// Where the mail came from.
    pub origin: Origin,
    /// From when until when delivery is tried.
    pub terms: Terms,
    /// To whom it is owed; never empty in a spool.
    pub recipients: Vec<Recipient>,
}

impl Entry {
    /// An entry without recipients, made here, to be tried for ever.
    #[must_use]
    pub fn new(id: QueueId, reverse_path: ReversePath) -> Self {
        Self {
            id,
            reverse_path,
            parameters: MailParameters::default(),
            size: 0,
            origin: Origin::default(),
            terms: Terms::unlimited(id.timestamp()),
            recipients: Vec::new(),
        }
    }

    /// The same with the parameters of its MAIL.
    #[must_use]
    pub fn with_parameters(mut self, parameters: MailParameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// The same with facts of its origin.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same with other terms.
    #[must_use]
    pub const fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// The same with one more recipient.
    #[must_use]
    pub fn with_recipient(mut self, recipient: Recipient) -> Self {
        self.recipients.push(recipient);
        self
    }

    /// When it arrived: the time in its id.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.id.timestamp()
    }
}

/// Where a mail came from, for records and trace fields. All fields are free text for people.
///
/// ```
/// let origin = smtpkit_queue::Origin {
///     protocol: "ESMTPSA".into(),
///     account: Some("joe@example.org".into()),
///     ..Default::default()
/// };
/// assert!(origin.peer.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// How it came (RFC 3848), for instance `ESMTPSA`; empty if it was made here.
    pub protocol: Box<str>,
    /// Who authenticated.
    pub account: Option<Box<str>>,
    /// The address of the peer.
    pub peer: Option<SocketAddr>,
    /// What the peer called itself in EHLO.
    pub hello: Option<Box<str>>,
    /// Version and cipher suite of the connection.
    pub tls: Option<Box<str>>,
    /// The entry that this is a report about. No report is ever made about a report.
    pub report_of: Option<QueueId>,
}
