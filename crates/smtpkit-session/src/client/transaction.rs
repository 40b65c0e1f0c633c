//! One mail transaction: what is asked of the peer, and how far it has come.

use super::content::Transfer;
use super::event::Ticket;
use alloc::collections::VecDeque;
use smtpkit_codec::Body;

/// What happens to a message of which some recipients are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum Delivery {
    /// It goes to the others. DATA is sent in one group with MAIL and RCPT.
    #[default]
    Partial,
    /// It goes to nobody. DATA is sent when every recipient has been accepted, never before.
    AllOrNothing,
}

/// How one message is to be sent, beside its envelope.
///
/// ```
/// use smtpkit_codec::Body;
/// use smtpkit_session::client::{Delivery, Plan};
///
/// let plan = Plan::default().with_size(1_234).with_body(Body::EightBitMime).with_delivery(Delivery::AllOrNothing);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(super) size: Option<u64>,
    pub(super) body: Option<Body>,
    pub(super) delivery: Delivery,
    pub(super) transfer: Transfer,
}

impl Plan {
    /// The octets of the content with its CRLFs, before dot-stuffing (RFC 1870 §4): told to the peer and checked
    /// against its limit.
    #[must_use]
    pub const fn with_size(mut self, octets: u64) -> Self {
        self.size = Some(octets);
        self
    }

    /// What octets the content has (RFC 6152, RFC 3030 §3); unless the envelope says it.
    #[must_use]
    pub const fn with_body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// What happens when some recipients are refused.
    #[must_use]
    pub const fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// By DATA or by BDAT.
    #[must_use]
    pub const fn with_transfer(mut self, transfer: Transfer) -> Self {
        self.transfer = transfer;
        self
    }
}

/// Where a transaction stands.
pub(super) struct Transaction {
    pub(super) ticket: Ticket,
    pub(super) delivery: Delivery,
    pub(super) transfer: Transfer,
    recipients: usize,
    answered: usize,
    /// The peer's answer to MAIL.
    mail: Option<bool>,
    accepted: usize,
    /// LMTP: who has to be answered for after the content, in order.
    waiting: VecDeque<usize>,
    /// No content may follow: refused, or refused in part.
    pub(super) given_up: bool,
}

impl Transaction {
    pub(super) fn new(ticket: Ticket, recipients: usize, plan: &Plan) -> Self {
        Self {
            ticket,
            delivery: plan.delivery,
            transfer: plan.transfer,
            recipients,
            answered: 0,
            mail: None,
            accepted: 0,
            waiting: VecDeque::new(),
            given_up: false,
        }
    }

    pub(super) fn mail_answered(&mut self, accepted: bool) {
        self.mail = Some(accepted);
        self.given_up |= !accepted;
    }

    /// Counts the answer for one recipient; `remember` keeps it for LMTP's answers after the content.
    pub(super) fn rcpt_answered(&mut self, index: usize, accepted: bool, remember: bool) {
        self.answered += 1;
        if accepted {
            self.accepted += 1;
            if remember {
                self.waiting.push_back(index);
            }
        }
        let all_refused = self.answered == self.recipients && self.accepted == 0;
        let one_refused = self.delivery == Delivery::AllOrNothing && !accepted;
        self.given_up |= all_refused || one_refused;
    }

    /// Whether DATA may go now: with the group, or after every recipient has been accepted.
    pub(super) fn lets_data_go(&self) -> bool {
        match self.delivery {
            Delivery::Partial => !self.given_up,
            Delivery::AllOrNothing => self.mail == Some(true) && self.accepted == self.recipients,
        }
    }

    /// Whether the envelope has been answered and content may follow.
    pub(super) fn is_ready_for_content(&self) -> bool {
        self.mail == Some(true) && self.answered == self.recipients && !self.given_up
    }

    /// Whether the peer holds an open transaction for it, which RSET has to end.
    pub(super) fn is_open_at_peer(&self) -> bool {
        self.mail == Some(true)
    }

    /// LMTP: the recipient that the next answer is for, and whether more follow (RFC 2033 §4.2).
    pub(super) fn next_waiting(&mut self) -> Option<(usize, bool)> {
        let index = self.waiting.pop_front()?;
        Some((index, !self.waiting.is_empty()))
    }
}
