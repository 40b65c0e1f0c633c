//! What an operator may do with a relay: list, show, hold, release, retry, remove and flush its queue; have it read its
//! configuration anew.
//!
//! The same requests are answered for a running relay, over a Unix socket in its folder, and for a queue that nobody has
//! open, by whoever opens it. One request and its answers are one JSON object a line.
//!
//! | file | what |
//! |---|---|
//! | this one | requests and answers |
//! | `perform` | from one to the other |
//! | `socket` | the socket of a running relay, both ends |
//! | `reload` | an order to read the configuration anew |
//! | `short_path` | a path to it that the operating system takes |

mod perform;
#[cfg(unix)]
mod reload;
#[cfg(unix)]
mod short_path;
#[cfg(unix)]
mod socket;

use serde::{Deserialize, Serialize};
use smtpkit_queue::{Filter, Match, QueueId, RecipientKey, RecipientState, Timestamp};

pub use self::perform::{Target, perform};
#[cfg(unix)]
pub use self::reload::{ReloadOrder, Reloads};
#[cfg(unix)]
pub use self::socket::{Listener, SOCKET, ask};

/// What an operator wants.
///
/// ```
/// use smtpkit_relay::control::{Request, Selection};
///
/// let request = Request::Hold(Selection { domain: Some("example.test".into()), ..Selection::default() });
/// assert_eq!(serde_json::to_string(&request)?, r#"{"hold":{"domain":"example.test"}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// What is in the queue.
    List(Selection),
    /// One entry and its header.
    Show(Selection),
    /// The whole content of one entry.
    Content(Selection),
    /// Keep it where it is.
    Hold(Selection),
    /// End that.
    Release(Selection),
    /// Deliver at once, whatever the schedule says.
    Retry(Selection),
    /// Forget it; nobody is told.
    Remove(Selection),
    /// Deliver everything at once.
    Flush,
    /// Read the configuration anew; only a running relay can, if whoever runs it lets it.
    Reload,
}

/// Which recipients: those that meet every condition; without any, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// A queue id, or one recipient of it as `ID/0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The domain of the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The reverse-path; empty for the null one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// One of queued, leased, held, done, failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only what is older than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than_seconds: Option<u64>,
    /// At most so many recipients in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A condition that means nothing.
///
/// ```
/// use smtpkit_relay::control::Selection;
///
/// let selection = Selection { id: Some("?".into()), ..Selection::default() };
/// let error = selection.filter(smtpkit_queue::Timestamp::new(0)).unwrap_err();
/// assert_eq!(error.to_string(), "`?` is not a queue id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSelection {
    /// The id is none.
    #[error("`{0}` is not a queue id")]
    Id(String),
    /// The state is none.
    #[error("`{0}` is not queued, leased, held, done or failed")]
    State(String),
}

impl Selection {
    /// The same for the queue.
    ///
    /// # Errors
    /// If a condition means nothing.
    pub fn filter(&self, now: Timestamp) -> Result<Filter, BadSelection> {
        let mut filter = Filter::all();
        if let Some(text) = &self.id {
            filter = match (text.parse::<RecipientKey>(), text.parse::<QueueId>()) {
                (Ok(key), _) => filter.recipient(key),
                (_, Ok(id)) => filter.id(id),
                _ => return Err(BadSelection::Id(text.clone())),
            };
        }
        if let Some(domain) = &self.domain {
            filter = filter.domain(domain);
        }
        if let Some(sender) = &self.sender {
            filter = filter.sender(sender.trim_start_matches('<').trim_end_matches('>'));
        }
        if let Some(text) = &self.state {
            filter = filter.state(state(text).ok_or_else(|| BadSelection::State(text.clone()))?);
        }
        if let Some(seconds) = self.older_than_seconds {
            let before = now.get().saturating_sub(seconds.saturating_mul(1_000));
            filter = filter.created_before(Timestamp::new(before));
        }
        Ok(filter)
    }
}

fn state(text: &str) -> Option<RecipientState> {
    use RecipientState::{Done, Failed, Held, Leased, Queued};
    [Queued, Leased, Held, Done, Failed].into_iter().find(|state| state.as_str() == text)
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// One entry, with the recipients that were asked for.
    Entry(Box<EntryView>),
    /// The header of the entry.
    Header(String),
    /// The next piece of the content, in base64 (RFC 4648 §4).
    Piece(String),
    /// The end: so many recipients were changed, or listed.
    Done {
        /// Recipients.
        changed: u64,
    },
    /// The end: it did not work.
    Error(String),
}

/// An entry as operators see it. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryView {
    /// The queue id.
    pub id: String,
    /// When it was taken.
    pub created: u64,
    /// Where notifications go; empty for the null one.
    pub sender: String,
    /// Octets of the content.
    pub size: u64,
    /// When it is given up.
    pub expires: u64,
    /// How it came: ESMTPSA and the like; empty for reports made here.
    pub protocol: String,
    /// Who logged in to send it.
    pub account: Option<String>,
    /// Whom it is for.
    pub recipients: Vec<RecipientView>,
}

/// A recipient as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecipientView {
    /// Its place in the entry.
    pub index: u32,
    /// The address.
    pub address: String,
    /// queued, leased, held, done or failed.
    pub state: String,
    /// Where it goes next.
    pub next_hop: String,
    /// When it is tried next.
    pub due: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// Who answered last.
    pub last_host: Option<String>,
    /// With which status.
    pub last_status: Option<String>,
    /// And which words.
    pub last_reply: Option<String>,
}

impl EntryView {
    /// The recipients that are meant.
    #[must_use]
    pub fn of(found: &Match) -> Self {
        let entry = &found.entry;
        let path = |path: String| path.trim_start_matches('<').trim_end_matches('>').to_owned();
        let recipients = found.indexes.iter().zip(&entry.recipients).map(|(index, recipient)| {
            let last = recipient.last_reply.as_ref();
            RecipientView {
                index: *index,
                address: path(recipient.path.to_string()),
                state: recipient.state.to_string(),
                next_hop: recipient.site.to_string(),
                due: recipient.due.get() / 1_000,
                attempts: recipient.attempts,
                last_host: last.and_then(|last| last.host.as_deref()).map(str::to_owned),
                last_status: last.map(|last| last.status.to_string()),
                last_reply: last.map(|last| last.text.to_string()),
            }
        });
        Self {
            id: entry.id.to_string(),
            created: entry.created().get() / 1_000,
            sender: path(entry.reverse_path.to_string()),
            size: entry.size,
            expires: entry.terms.expires.get() / 1_000,
            protocol: entry.origin.protocol.to_string(),
            account: entry.origin.account.as_deref().map(str::to_owned),
            recipients: recipients.collect(),
        }
    }
}
