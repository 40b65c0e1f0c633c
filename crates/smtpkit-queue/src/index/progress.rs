//! What changes about a recipient, and which places of the index that concerns.

use crate::recipient::{DelayNotice, LastReply, Recipient, RecipientState};
use crate::row::RecipientRow;
use crate::site::Site;
use crate::timestamp::Timestamp;

/// What has become of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Never `Leased`: a restart knows no leases.
    pub(crate) state: RecipientState,
    pub(crate) leased: bool,
    /// Is there a row for it?
    pub(crate) stored: bool,
    pub(crate) delay_notice: DelayNotice,
    pub(crate) attempts: u32,
    pub(crate) due: Timestamp,
    pub(crate) last_attempt: Option<Timestamp>,
    pub(crate) site: Site,
    pub(crate) last_reply: Option<Box<LastReply>>,
}

/// Where a recipient stands in the index.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) state: RecipientState,
    pub(crate) site: Site,
    pub(crate) due: Timestamp,
}

impl Progress {
    /// As the row of the entry tells it.
    pub(crate) fn accepted(row: &RecipientRow<'_>, site: Site) -> Self {
        Self {
            state: row.state,
            leased: false,
            stored: false,
            delay_notice: DelayNotice::Owed,
            attempts: 0,
            due: row.due,
            last_attempt: None,
            site,
            last_reply: None,
        }
    }

    /// As the caller tells it. A lease is not taken over.
    pub(crate) fn of(recipient: &Recipient) -> Self {
        let leased = recipient.state == RecipientState::Leased;
        Self {
            state: if leased { RecipientState::Queued } else { recipient.state },
            leased: false,
            stored: false,
            delay_notice: recipient.delay_notice,
            attempts: recipient.attempts,
            due: recipient.due,
            last_attempt: recipient.last_attempt,
            site: recipient.site.clone(),
            last_reply: recipient.last_reply.clone().map(Box::new),
        }
    }

    /// Does the row of the entry not tell all of it?
    pub(crate) fn needs_row(&self) -> bool {
        self.state.is_final()
            || self.attempts > 0
            || self.last_attempt.is_some()
            || self.last_reply.is_some()
            || self.delay_notice == DelayNotice::Sent
    }

    /// The state as others see it.
    pub(crate) fn state(&self) -> RecipientState {
        if self.leased && !self.state.is_final() { RecipientState::Leased } else { self.state }
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing { state: self.state(), site: self.site.clone(), due: self.due }
    }

    /// Puts it into the recipient that the entry's row gave.
    pub(crate) fn apply_to(&self, recipient: &mut Recipient) {
        recipient.state = self.state();
        recipient.delay_notice = self.delay_notice;
        recipient.attempts = self.attempts;
        recipient.due = self.due;
        recipient.last_attempt = self.last_attempt;
        recipient.site = self.site.clone();
        recipient.last_reply = self.last_reply.as_deref().cloned();
    }
}
