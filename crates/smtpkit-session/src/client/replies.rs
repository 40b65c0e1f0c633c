//! What a reply does: the effects of the state table in `awaited.rs`.

use super::awaited::Verdict;
use super::config::{Hello, Protocol};
use super::content::{Part, Progress, Transfer};
use super::event::{Answered, Ending, Ticket};
use super::flight::Asked;
use super::offers::Offers;
use super::state::{Core, Notice, Phase};
use super::transaction::Transaction;
use smtpkit_codec::{Command, EhloReplyRef, ReplyCode, ReplyRef, Severity};

impl<B: AsRef<[u8]>> Core<B> {
    /// Takes one whole reply and says what it answers.
    pub(super) fn on_reply(&mut self, reply: ReplyRef<'_>) -> Answered {
        let Some((asked, was_written)) = self.flights.front() else {
            self.close(Self::ending_of_unsolicited(reply));
            return Answered::Nothing;
        };
        self.answered = Some(asked.awaited());
        let answered = self.on_reply_to(asked, was_written, reply);
        self.answered = None;
        answered
    }

    fn on_reply_to(&mut self, asked: Asked, was_written: bool, reply: ReplyRef<'_>) -> Answered {
        let verdict = asked.awaited().verdict(reply.code());
        if !was_written {
            return self.on_early_reply(asked, reply, verdict);
        }
        if verdict == Verdict::Wrong {
            self.close(Ending::WrongClass);
            return asked.answered();
        }
        self.clock.progress();
        let answered = self.on_answer(asked, reply, verdict);
        if reply.code() == ReplyCode::SERVICE_UNAVAILABLE {
            self.close(Ending::ServiceUnavailable);
        }
        answered
    }

    fn ending_of_unsolicited(reply: ReplyRef<'_>) -> Ending {
        match reply.code() {
            ReplyCode::SERVICE_UNAVAILABLE => Ending::ServiceUnavailable,
            _ => Ending::Unsolicited,
        }
    }

    /// A reply to a command or content that is not out yet: 421 may come at any time (RFC 5321 §3.8), and servers
    /// refuse content in its midst; whoever does so is not spoken to again.
    fn on_early_reply(&mut self, asked: Asked, reply: ReplyRef<'_>, verdict: Verdict) -> Answered {
        let is_content = matches!(asked, Asked::Chunk(_) | Asked::Content(_));
        if reply.code() == ReplyCode::SERVICE_UNAVAILABLE {
            self.close(Ending::ServiceUnavailable);
        } else if is_content && verdict == Verdict::No {
            self.close(Ending::Refused);
        } else {
            self.close(Ending::Unsolicited);
            return Answered::Nothing;
        }
        asked.answered()
    }

    fn on_answer(&mut self, asked: Asked, reply: ReplyRef<'_>, verdict: Verdict) -> Answered {
        match asked {
            Asked::Content(ticket) => return self.on_content(ticket),
            Asked::Auth if verdict == Verdict::GoOn => {
                self.flights.answer();
                self.phase = Phase::Challenged;
                return Answered::Challenge;
            }
            _ => self.flights.answer(),
        }
        let is_yes = verdict == Verdict::Yes;
        match asked {
            Asked::Greeting if is_yes && self.config.hello == Hello::Never => self.phase = Phase::Open,
            Asked::Greeting if is_yes => self.say_hello(),
            Asked::Greeting => drop(self.close(Ending::Refused)),
            Asked::Ehlo | Asked::Helo => self.on_hello(asked, reply, is_yes),
            Asked::StartTls if is_yes => {
                self.phase = Phase::Upgrading;
                self.notices.push_back(Notice::Upgrade);
            }
            Asked::Mail(ticket) => self.on_envelope(ticket, |transaction| transaction.mail_answered(is_yes)),
            Asked::Rcpt(ticket, index) => {
                let remember = self.config.protocol == Protocol::Lmtp;
                self.on_envelope(ticket, |transaction| transaction.rcpt_answered(index, is_yes, remember));
            }
            Asked::Data(ticket) => return self.on_data(ticket, verdict),
            Asked::Chunk(ticket) => return self.on_chunk(ticket, is_yes),
            Asked::Quit => drop(self.close(Ending::Quit)),
            Asked::LoneDot(_) => self.content.clear(),
            Asked::StartTls | Asked::Auth | Asked::Command | Asked::Reset | Asked::Content(_) => {}
        }
        self.settle();
        self.release();
        asked.answered()
    }

    fn on_hello(&mut self, asked: Asked, reply: ReplyRef<'_>, is_yes: bool) {
        if is_yes {
            let ehlo = EhloReplyRef::parse(reply).ok().filter(|_| asked == Asked::Ehlo);
            self.ehlo = ehlo.map(EhloReplyRef::to_owned);
            self.offers = self.ehlo.as_ref().map(Offers::of).unwrap_or_default();
            self.phase = Phase::Open;
        } else if asked == Asked::Ehlo
            && self.config.protocol == Protocol::Smtp
            && reply.severity() == Severity::PermanentNegative
        {
            // RFC 5321 §3.2: a server that does not know EHLO is greeted with HELO.
            let name = self.config.client_name();
            self.flights.plan(&Command::Helo(name), Asked::Helo);
        } else {
            self.close(Ending::Refused);
        }
    }

    fn on_envelope(&mut self, ticket: Ticket, count: impl FnOnce(&mut Transaction)) {
        let Some(transaction) = self.transactions.iter_mut().find(|transaction| transaction.ticket == ticket)
        else {
            return;
        };
        count(transaction);
        if transaction.given_up {
            self.flights.cancel_unreleased();
        } else if transaction.transfer == Transfer::Chunks && transaction.is_ready_for_content() {
            self.begin_content(ticket, Transfer::Chunks);
        }
    }

    fn begin_content(&mut self, ticket: Ticket, transfer: Transfer) {
        self.content.begin(transfer);
        self.clock.content_started();
        self.notices.push_back(Notice::Content(ticket));
    }

    fn on_data(&mut self, ticket: Ticket, verdict: Verdict) -> Answered {
        let is_wanted = self.transactions.front().is_some_and(Transaction::is_ready_for_content);
        match verdict {
            Verdict::GoOn if is_wanted => {
                self.flights.begin_content(Asked::Content(ticket));
                self.begin_content(ticket, Transfer::Data);
                return Answered::Data(ticket);
            }
            // RFC 2920 §3.1: "if the DATA command was accepted the client SMTP should send a single dot".
            Verdict::GoOn => {
                self.flights.begin_content(Asked::LoneDot(ticket));
                self.content.begin_lone_dot();
                return Answered::Nothing;
            }
            _ => {}
        }
        if let Some(transaction) = self.transactions.front_mut() {
            transaction.given_up = true;
        }
        self.settle();
        self.release();
        if is_wanted { Answered::Data(ticket) } else { Answered::Nothing }
    }

    fn on_chunk(&mut self, ticket: Ticket, is_yes: bool) -> Answered {
        let was_given_up = self.transactions.front().is_none_or(|transaction| transaction.given_up);
        if is_yes || was_given_up {
            self.ask_for_content();
            self.settle();
            self.release();
            return Answered::Nothing;
        }
        if let Some(transaction) = self.transactions.front_mut() {
            transaction.given_up = true;
        }
        if self.content.progress() == Progress::Wanted {
            self.content.clear();
        }
        self.notices.retain(|notice| *notice != Notice::Content(ticket));
        self.settle();
        self.release();
        Answered::Content(ticket)
    }

    /// The final reply, or one of those that LMTP gives per recipient.
    fn on_content(&mut self, ticket: Ticket) -> Answered {
        let Some(transaction) = self.transactions.front_mut() else { return Answered::Nothing };
        let was_given_up = transaction.given_up;
        let mut answered = if was_given_up { Answered::Nothing } else { Answered::Content(ticket) };
        if self.config.protocol == Protocol::Lmtp
            && let Some((index, has_more)) = transaction.next_waiting()
        {
            if !was_given_up {
                answered = Answered::ContentFor(ticket, index);
            }
            if has_more {
                return answered;
            }
        }
        self.flights.answer();
        self.content.clear();
        self.needs_reset |= was_given_up;
        self.finish();
        self.release();
        answered
    }

    /// Asks the caller for the next piece, if the last one is out and the peer lets chunks follow each other.
    pub(super) fn ask_for_content(&mut self) {
        let Some(transaction) = self.transactions.front() else { return };
        if self.content.progress() != Progress::Wanted {
            return;
        }
        if transaction.given_up {
            self.content.clear();
            self.settle();
            return;
        }
        let notice = Notice::Content(transaction.ticket);
        if !self.holds_content() && !self.notices.contains(&notice) {
            self.notices.push_back(notice);
        }
    }

    /// Whether the next chunk waits for the answer to the last one. LMTP answers the last chunk per recipient
    /// (RFC 2033 §4.3), so none may be out behind a refused one.
    pub(super) fn holds_content(&self) -> bool {
        let one_by_one = !self.pipelines() || self.config.protocol == Protocol::Lmtp;
        one_by_one && self.flights.awaits_chunk()
    }

    /// Finishes a transaction that was given up and is owed nothing any more.
    fn settle(&mut self) {
        while let Some(transaction) = self.transactions.front() {
            let is_under_way = self.flights.concerns(transaction.ticket)
                || matches!(self.content.progress(), Progress::Writing(Part::More));
            if !transaction.given_up || is_under_way {
                return;
            }
            self.needs_reset = transaction.is_open_at_peer();
            self.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(transaction) = self.transactions.pop_front() {
            self.notices.push_back(Notice::Finished(transaction.ticket));
            self.clock.transaction_finished(!self.transactions.is_empty());
        }
    }
}
