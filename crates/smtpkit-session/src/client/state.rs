//! All of the machine but the received octets: what the orders of `machine.rs` and the replies of `replies.rs` act on.

use super::Awaited;
use super::clock::Clock;
use super::config::{ClientConfig, Pipelining, Plaintext, Protocol};
use super::content::{Lent, Outgoing, Part, Progress, Transfer};
use super::event::{Closed, Ending, Ticket};
use super::flight::{Asked, Flights, Rules};
use super::offers::{Offered, Offers};
use super::order::OrderError;
use super::transaction::{Plan, Transaction};
use crate::Tick;
use alloc::collections::VecDeque;
use smtpkit_codec::{Command, EhloReply, Envelope, Line, Mail, Rcpt};

/// All of the machine but the received octets, which events borrow.
pub(super) struct Core<B> {
    pub(super) config: ClientConfig,
    pub(super) phase: Phase,
    pub(super) encrypted: bool,
    pub(super) flights: Flights,
    pub(super) content: Outgoing<B>,
    pub(super) transactions: VecDeque<Transaction>,
    pub(super) ehlo: Option<EhloReply>,
    pub(super) offers: Offers,
    pub(super) clock: Clock,
    pub(super) tickets: u64,
    pub(super) needs_reset: bool,
    pub(super) notices: VecDeque<Notice>,
    /// What the reply at hand answers, while it is looked at.
    pub(super) answered: Option<Awaited>,
    pub(super) closed: Option<Closed>,
}

/// What a session may be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the reply to the hello.
    Opening,
    /// Orders are taken when no reply is owed.
    Open,
    /// The caller owes an answer in an AUTH exchange.
    Challenged,
    /// The peer waits for a TLS handshake.
    Upgrading,
    /// Nothing more is said or heard.
    Over,
}

/// Events that carry no reply, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Upgrade,
    Content(Ticket),
    Finished(Ticket),
}

impl<B: AsRef<[u8]>> Core<B> {
    pub(super) fn new(config: ClientConfig, now: Tick) -> Self {
        Self {
            config,
            phase: Phase::Opening,
            encrypted: false,
            flights: Flights::new(),
            content: Outgoing::new(),
            transactions: VecDeque::new(),
            ehlo: None,
            offers: Offers::default(),
            clock: Clock::new(now),
            tickets: 0,
            needs_reset: false,
            notices: VecDeque::new(),
            answered: None,
            closed: None,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Open
            && self.flights.is_empty()
            && self.transactions.is_empty()
            && self.notices.is_empty()
    }

    pub(super) fn transactions_left(&self) -> Option<u64> {
        self.offers.transactions_left(self.tickets)
    }

    pub(super) fn can_chain(&self) -> bool {
        self.phase == Phase::Open
            && self.pipelines()
            && self.transactions.len() == 1
            && matches!(self.content.progress(), Progress::Writing(Part::Last) | Progress::Written)
            && !self.flights.awaits_chunk()
    }

    pub(super) fn pipelines(&self) -> bool {
        self.offers.pipelining && self.config.pipelining == Pipelining::WhenOffered
    }

    pub(super) fn take_order(&mut self, now: Tick) -> Result<(), OrderError> {
        match self.phase {
            Phase::Over => Err(OrderError::Over),
            _ if self.is_ready() => {
                self.clock.advance(now);
                self.clock.progress();
                Ok(())
            }
            _ => Err(OrderError::NotReady),
        }
    }

    pub(super) fn refuse_plaintext(&self) -> Result<(), OrderError> {
        match self.config.plaintext {
            Plaintext::Refused if !self.encrypted => Err(OrderError::Plaintext),
            _ => Ok(()),
        }
    }

    /// Plans one command and sends it as soon as the rules allow.
    pub(super) fn say(&mut self, command: &Command<'_>, asked: Asked) {
        self.flights.plan(command, asked);
        self.release();
    }

    /// Plans one line of the caller's own.
    pub(super) fn say_line(&mut self, line: Line<'_>) {
        self.flights.plan_line(line);
        self.release();
    }

    /// EHLO, or LHLO where the protocol is LMTP.
    pub(super) fn say_hello(&mut self) {
        let name = self.config.client_name();
        let hello = match self.config.protocol {
            Protocol::Smtp => Command::Ehlo(name),
            Protocol::Lmtp => Command::Lhlo(name),
        };
        self.flights.plan(&hello, Asked::Ehlo);
        self.release();
    }

    pub(super) fn answer_challenge(&mut self, line: &[u8], now: Tick) -> Result<(), OrderError> {
        if self.phase != Phase::Challenged {
            return Err(OrderError::NotReady);
        }
        self.phase = Phase::Open;
        self.clock.advance(now);
        self.clock.progress();
        self.flights.plan_auth_line(line);
        self.release();
        Ok(())
    }

    pub(super) fn begin(&mut self, envelope: &Envelope, plan: &Plan) -> Result<Ticket, OrderError> {
        if envelope.recipients.is_empty() {
            return Err(OrderError::NoRecipients);
        }
        let session =
            Offered { ehlo: self.ehlo.as_ref(), encrypted: self.encrypted, transactions: self.tickets };
        let parameters = self.offers.parameters(&session, envelope, plan).map_err(OrderError::Unsupported)?;
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        if core::mem::take(&mut self.needs_reset) {
            self.flights.plan(&Command::Rset, Asked::Reset);
        }
        let mail = Mail { reverse_path: envelope.reverse_path.as_ref(), parameters: parameters.as_ref() };
        self.flights.plan(&Command::Mail(mail), Asked::Mail(ticket));
        for (index, recipient) in envelope.recipients.iter().enumerate() {
            let rcpt =
                Rcpt { forward_path: recipient.path.as_ref(), parameters: recipient.parameters.as_ref() };
            self.flights.plan(&Command::Rcpt(rcpt), Asked::Rcpt(ticket, index));
        }
        if plan.transfer == Transfer::Data {
            self.flights.plan(&Command::Data, Asked::Data(ticket));
        }
        self.transactions.push_back(Transaction::new(ticket, envelope.recipients.len(), plan));
        self.clock.transaction_started();
        self.release();
        Ok(ticket)
    }

    pub(super) fn lend(&mut self, piece: Lent<B>, part: Part, now: Tick) -> Result<(), OrderError> {
        let Some(transaction) = self.transactions.front() else { return Err(OrderError::NotReady) };
        if self.closed.is_some() {
            return Err(OrderError::Over);
        }
        if self.content.progress() != Progress::Wanted {
            return Err(OrderError::NotReady);
        }
        let ticket = transaction.ticket;
        if transaction.transfer == Transfer::Chunks {
            let asked = if part == Part::Last { Asked::Content(ticket) } else { Asked::Chunk(ticket) };
            self.flights.begin_content(asked);
        }
        self.notices.retain(|notice| *notice != Notice::Content(ticket));
        self.clock.advance(now);
        self.clock.progress();
        self.clock.piece_lent();
        if let Err(unclean) = self.content.lend(piece, part) {
            self.close(Ending::Unclean(unclean));
        }
        Ok(())
    }

    /// Lets as many planned commands go as the rules allow.
    pub(super) fn release(&mut self) {
        if self.content.is_open() {
            return;
        }
        let rules =
            Rules { pipelining: self.pipelines(), octets_max: self.config.unanswered_octets_max as u64 };
        let transactions = &self.transactions;
        self.flights.release(rules, |asked| match asked {
            Asked::Data(ticket) => transactions
                .iter()
                .find(|transaction| transaction.ticket == ticket)
                .is_some_and(Transaction::lets_data_go),
            _ => true,
        });
    }

    /// Ends the connection: nothing more is said or heard.
    pub(super) fn close(&mut self, why: Ending) -> Closed {
        if let Some(closed) = self.closed {
            return closed;
        }
        let unanswered = || self.flights.front().map(|(asked, _)| asked.awaited());
        let awaited = self.answered.or_else(unanswered);
        let is_written = self.content.progress() == Progress::Written;
        let unknown = self.transactions.front().filter(|front| is_written && !front.given_up);
        let unknown = unknown.map(|transaction| transaction.ticket);
        let closed = Closed { why, awaited, unknown };
        self.closed = Some(closed);
        self.phase = Phase::Over;
        self.content.clear();
        self.notices.retain(|notice| matches!(notice, Notice::Finished(_)));
        closed
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        if matches!(self.phase, Phase::Over | Phase::Upgrading | Phase::Challenged) {
            return None;
        }
        let timeouts = &self.config.timeouts;
        match self.flights.front() {
            Some((asked, _))
                if self.content.progress() != Progress::Wanted || self.flights.awaits_chunk() =>
            {
                Some(self.clock.deadline(timeouts, asked.awaited(), self.content.octets()))
            }
            _ => self.clock.transaction_deadline(timeouts),
        }
    }
}
