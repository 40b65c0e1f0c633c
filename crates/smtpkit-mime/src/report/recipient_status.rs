//! What became of a message for one recipient (RFC 3464 §2.3).

use core::fmt;
use core::str::FromStr;

use super::field_block::{Block, BlockReader, BlockWriter, ReportDefect, without_comments};
use super::{ReportText, StatusCode, TypedValue};
use crate::DateTime;
use crate::build::FieldName;

/// What a system did with a message for a recipient (RFC 3464 §2.3.3).
///
/// ```
/// use smtpkit_mime::report::Action;
///
/// assert_eq!("Delayed".parse(), Ok(Action::Delayed));
/// assert_eq!(Action::Relayed.to_string(), "relayed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It could not be delivered, and is given up.
    Failed,
    /// It could not be delivered yet.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was passed on to a system that makes no reports.
    Relayed,
    /// It was delivered to an alias or list that passed it on to several others.
    Expanded,
}

/// A word that is none of the five actions.
///
/// ```
/// assert!("bounced".parse::<smtpkit_mime::report::Action>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an action is failed, delayed, delivered, relayed or expanded")]
pub struct ActionError;

impl Action {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Failed, "failed"),
        (Self::Delayed, "delayed"),
        (Self::Delivered, "delivered"),
        (Self::Relayed, "relayed"),
        (Self::Expanded, "expanded"),
    ];
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(word: &str) -> Result<Self, ActionError> {
        let found = Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
        found.map(|(action, _)| *action).ok_or(ActionError)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(action, _)| action == self).map_or("", |(_, name)| name))
    }
}

/// The fields about one recipient (RFC 3464 §2.3).
///
/// ```
/// use smtpkit_mime::report::{Action, RecipientStatus, TypedValue};
///
/// let mut delayed =
///     RecipientStatus::new(TypedValue::rfc822("bob@example.com")?, Action::Delayed, "4.4.1".parse()?);
/// delayed.remote_mta = Some(TypedValue::dns("mx.example.com")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientStatus {
    /// The address as the sender gave it, from `ORCPT` (§2.3.1).
    pub original_recipient: Option<TypedValue>,
    /// The address as this system had it (§2.3.2).
    pub final_recipient: TypedValue,
    /// What was done (§2.3.3).
    pub action: Action,
    /// Why (§2.3.4).
    pub status: StatusCode,
    /// The system that said so (§2.3.5).
    pub remote_mta: Option<TypedValue>,
    /// What it said (§2.3.6).
    pub diagnostic_code: Option<TypedValue>,
    /// When delivery was last tried (§2.3.7).
    pub last_attempt_date: Option<DateTime>,
    /// What the last system logged it under (§2.3.8).
    pub final_log_id: Option<ReportText>,
    /// Until when delivery will be tried (§2.3.9).
    pub will_retry_until: Option<DateTime>,
    /// Fields that are not known, or could not be read (§2.4).
    pub extensions: Vec<(FieldName, ReportText)>,
}

impl RecipientStatus {
    /// The three fields that must be there.
    pub const fn new(final_recipient: TypedValue, action: Action, status: StatusCode) -> Self {
        Self {
            original_recipient: None,
            final_recipient,
            action,
            status,
            remote_mta: None,
            diagnostic_code: None,
            last_attempt_date: None,
            final_log_id: None,
            will_retry_until: None,
            extensions: Vec::new(),
        }
    }

    pub(super) fn write(&self, out: &mut BlockWriter) {
        out.typed("Original-Recipient", self.original_recipient.as_ref());
        out.typed("Final-Recipient", Some(&self.final_recipient));
        out.raw("Action", &self.action.to_string());
        out.raw("Status", &self.status.to_string());
        out.typed("Remote-MTA", self.remote_mta.as_ref());
        out.typed("Diagnostic-Code", self.diagnostic_code.as_ref());
        out.date("Last-Attempt-Date", self.last_attempt_date);
        out.text("Final-Log-ID", self.final_log_id.as_ref());
        out.date("Will-Retry-Until", self.will_retry_until);
        out.extensions(&self.extensions);
    }

    /// Reads a block; none if it lacks one of the three fields that make it useful.
    pub(super) fn read(block: Block<'_>, defects: &mut Vec<ReportDefect>) -> Option<Self> {
        let mut block = BlockReader::new(block, defects);
        let final_recipient = block.typed("Final-Recipient");
        let action = block.one("Action", |value| without_comments(value).parse().ok());
        let status = block.one("Status", |value| without_comments(value).parse().ok());
        let (Some(final_recipient), Some(action), Some(status)) = (final_recipient.clone(), action, status)
        else {
            if final_recipient.is_none() {
                block.missing("Final-Recipient");
            }
            if action.is_none() {
                block.missing("Action");
            }
            if status.is_none() {
                block.missing("Status");
            }
            return None;
        };
        Some(Self {
            original_recipient: block.typed("Original-Recipient"),
            final_recipient,
            action,
            status,
            remote_mta: block.typed("Remote-MTA"),
            diagnostic_code: block.typed("Diagnostic-Code"),
            last_attempt_date: block.date("Last-Attempt-Date"),
            final_log_id: block.text("Final-Log-ID"),
            will_retry_until: block.date("Will-Retry-Until"),
            extensions: block.extensions(),
        })
    }

    pub(super) fn needs_utf8(&self) -> bool {
        let typed = [
            self.original_recipient.as_ref(),
            Some(&self.final_recipient),
            self.remote_mta.as_ref(),
            self.diagnostic_code.as_ref(),
        ];
        typed.into_iter().flatten().any(TypedValue::needs_utf8)
            || self.final_log_id.iter().any(|text| !text.as_str().is_ascii())
            || self.extensions.iter().any(|(_, text)| !text.as_str().is_ascii())
    }
}
