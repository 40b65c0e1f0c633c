//! Which commands are on the wire: one text, one queue of what was asked, one rule that says how far the text may go.
//!
//! Everything that is planned is encoded at once; [`Flights::release`] moves the border up to which it may be
//! written. A reply answers the command at the front of the queue, so commands and replies match one to one.
//!
//! RFC 2920 §3.1 gives the rule: after the peer has offered PIPELINING, commands may go in groups, EHLO, DATA, VRFY,
//! EXPN, TURN, QUIT and NOOP only as the last of one, and "the actual transfer of message content is explicitly
//! allowed to be the first command in a group", so MAIL RCPT DATA of the next message may follow the final dot at
//! once. All statuses of a group are read. A group fits in the usual TCP window of 4 KiB unless the driver reads
//! while it writes.

use super::Awaited;
use super::event::{Answered, Ticket};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use smtpkit_codec::{Command, Encode, Line};
use zeroize::Zeroize;

/// What a planned command or piece of content asks the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Mail(Ticket),
    Rcpt(Ticket, usize),
    Data(Ticket),
    /// The dot after a 354 that nobody wanted (RFC 2920 §3.1).
    LoneDot(Ticket),
    Chunk(Ticket),
    Content(Ticket),
    Command,
    /// RSET that the machine gives by itself.
    Reset,
    Quit,
}

impl Asked {
    pub(super) const fn awaited(self) -> Awaited {
        match self {
            Self::Greeting => Awaited::Greeting,
            Self::Ehlo | Self::Helo => Awaited::Hello,
            Self::StartTls => Awaited::StartTls,
            Self::Auth => Awaited::Auth,
            Self::Mail(_) => Awaited::Mail,
            Self::Rcpt(..) => Awaited::Rcpt,
            Self::Data(_) => Awaited::Data,
            Self::Chunk(_) => Awaited::Chunk,
            Self::LoneDot(_) | Self::Content(_) => Awaited::EndOfContent,
            Self::Command | Self::Reset => Awaited::Other,
            Self::Quit => Awaited::Quit,
        }
    }

    /// How the reply to it is told.
    pub(super) const fn answered(self) -> Answered {
        match self {
            Self::Greeting => Answered::Greeting,
            Self::Ehlo | Self::Helo => Answered::Hello,
            Self::StartTls => Answered::StartTls,
            Self::Auth => Answered::Auth,
            Self::Mail(ticket) => Answered::Mail(ticket),
            Self::Rcpt(ticket, index) => Answered::Rcpt(ticket, index),
            Self::Data(ticket) => Answered::Data(ticket),
            Self::Chunk(ticket) | Self::Content(ticket) => Answered::Content(ticket),
            Self::Command => Answered::Command,
            Self::Quit => Answered::Quit,
            Self::LoneDot(_) | Self::Reset => Answered::Nothing,
        }
    }

    /// Whether the octets to be written for it are content, not text.
    const fn is_content(self) -> bool {
        matches!(self, Self::LoneDot(_) | Self::Chunk(_) | Self::Content(_))
    }

    const fn ends_group(self) -> bool {
        !matches!(self, Self::Reset) && self.awaited().ends_group()
    }
}

/// One reply that the peer owes or will owe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) asked: Asked,
    /// Where its text starts and ends, counted from the start of the connection.
    start: u64,
    end: u64,
    content_written: bool,
    secret: bool,
}

/// What of the commands that go out may be shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note<'a> {
    /// A command line without its CRLF.
    Command(&'a str),
    /// AUTH with an initial response; only the mechanism is shown.
    AuthCommand(&'a str),
    /// An answer inside an AUTH exchange, or its cancellation.
    AuthResponse,
}

/// When a group may grow.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) pipelining: bool,
    pub(super) octets_max: u64,
}

/// The text and the queue.
pub(super) struct Flights {
    text: Vec<u8>,
    /// Offsets since the start of the connection: of `text`, of what was written, of what was answered, of what was noted.
    base: u64,
    written: u64,
    answered: u64,
    noted: u64,
    steps: VecDeque<Step>,
    released: usize,
    has_secret: bool,
}

impl Flights {
    pub(super) const fn new() -> Self {
        Self {
            text: Vec::new(),
            base: 0,
            written: 0,
            answered: 0,
            noted: 0,
            steps: VecDeque::new(),
            released: 0,
            has_secret: false,
        }
    }

    fn planned_end(&self) -> u64 {
        self.base + self.text.len() as u64
    }

    fn push(&mut self, asked: Asked, start: u64, secret: bool) {
        let end = self.planned_end();
        self.steps.push_back(Step { asked, start, end, content_written: false, secret });
        self.has_secret |= secret;
    }

    /// Puts a command at the end of the plan.
    pub(super) fn plan(&mut self, command: &Command<'_>, asked: Asked) {
        let start = self.planned_end();
        command.encode(&mut self.text);
        self.push(asked, start, false);
    }

    /// Puts a line of the caller's own at the end of the plan.
    pub(super) fn plan_line(&mut self, line: Line<'_>) {
        let start = self.planned_end();
        self.text.extend_from_slice(line.as_str().as_bytes());
        self.text.extend_from_slice(b"\r\n");
        self.push(Asked::Command, start, false);
    }

    /// Puts a reply at the end of the plan that the peer owes without a command: the greeting.
    pub(super) fn plan_greeting(&mut self) {
        self.push(Asked::Greeting, self.planned_end(), false);
    }

    /// Puts AUTH with its initial response at the end of the plan, in a buffer that does not move and is wiped.
    pub(super) fn plan_auth(&mut self, command: &Command<'_>) {
        self.text.reserve(command.encoded_len());
        let start = self.planned_end();
        command.encode(&mut self.text);
        self.push(Asked::Auth, start, true);
    }

    /// Puts one line of an AUTH exchange at the end of the plan; the caller has checked the alphabet.
    pub(super) fn plan_auth_line(&mut self, line: &[u8]) {
        self.text.reserve(line.len() + 2);
        let start = self.planned_end();
        self.text.extend_from_slice(line);
        self.text.extend_from_slice(b"\r\n");
        self.push(Asked::Auth, start, true);
    }

    /// Puts content (a chunk, all of it, or the lone dot) behind what is on its way and before what is not.
    pub(super) fn begin_content(&mut self, asked: Asked) {
        let step =
            Step { asked, start: self.written, end: self.written, content_written: false, secret: false };
        self.steps.insert(self.released, step);
        self.released += 1;
    }

    /// The last octet of the chunk, or of the whole content, was written.
    pub(super) fn content_written(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.asked.is_content()) {
            step.content_written = true;
        }
    }

    /// Moves the border as far as the rules let it. `may_go` is asked for each command beyond the first.
    pub(super) fn release(&mut self, rules: Rules, may_go: impl Fn(Asked) -> bool) {
        while let Some(step) = self.steps.get(self.released) {
            let previous = self.released.checked_sub(1).and_then(|before| self.steps.get(before));
            let in_group = previous.is_none_or(|previous| {
                rules.pipelining
                    && !previous.asked.ends_group()
                    && step.end.saturating_sub(self.answered) <= rules.octets_max
            });
            if !in_group || !may_go(step.asked) {
                return;
            }
            self.released += 1;
        }
    }

    fn released_end(&self) -> u64 {
        self.released
            .checked_sub(1)
            .and_then(|last| self.steps.get(last))
            .map_or(self.written, |step| step.end)
    }

    /// The text that may be written now.
    pub(super) fn unwritten(&self) -> &[u8] {
        let from = self.index(self.written);
        let to = self.index(self.released_end());
        self.text.get(from..to).unwrap_or_default()
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// `n` octets of the text were written.
    pub(super) fn wrote(&mut self, n: usize) {
        self.written = (self.written + n as u64).min(self.planned_end());
        if self.written == self.planned_end() {
            self.forget_text();
        }
    }

    fn forget_text(&mut self) {
        if core::mem::take(&mut self.has_secret) {
            self.text.zeroize();
        }
        self.base = self.written;
        self.noted = self.noted.max(self.base);
        self.text.clear();
    }

    /// What the next reply answers, with whether it was written whole.
    pub(super) fn front(&self) -> Option<(Asked, bool)> {
        if self.released == 0 {
            return None;
        }
        let step = self.steps.front()?;
        Some((step.asked, self.written >= step.end && (!step.asked.is_content() || step.content_written)))
    }

    /// The front of the queue was answered.
    pub(super) fn answer(&mut self) {
        if let Some(step) = self.steps.pop_front() {
            self.answered = step.end;
            self.released = self.released.saturating_sub(1);
        }
    }

    /// Forgets the commands that may not be written yet; they are always those of the newest transaction.
    pub(super) fn cancel_unreleased(&mut self) {
        let end = self.released_end();
        self.steps.truncate(self.released);
        self.text.truncate(self.index(end));
        if self.written == self.planned_end() {
            self.forget_text();
        }
    }

    /// Whether a reply to a command of this transaction is still owed or planned.
    pub(super) fn concerns(&self, ticket: Ticket) -> bool {
        self.steps.iter().any(|step| match step.asked {
            Asked::Mail(of)
            | Asked::Rcpt(of, _)
            | Asked::Data(of)
            | Asked::LoneDot(of)
            | Asked::Chunk(of)
            | Asked::Content(of) => of == ticket,
            _ => false,
        })
    }

    /// Whether an answer to an earlier chunk is owed.
    pub(super) fn awaits_chunk(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.asked, Asked::Chunk(_)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Shows each command that was released since the last call.
    pub(super) fn note(&mut self, mut show: impl FnMut(Note<'_>)) {
        let released_end = self.released_end();
        for step in self.steps.iter().take(self.released).filter(|step| step.end > self.noted) {
            let (from, to) = (self.index(step.start), self.index(step.end));
            let text = self.text.get(from..to).unwrap_or_default();
            let line = core::str::from_utf8(text).unwrap_or_default().trim_end_matches("\r\n");
            match (step.secret, line.strip_prefix("AUTH ")) {
                (true, Some(rest)) => show(Note::AuthCommand(rest.split(' ').next().unwrap_or_default())),
                (true, None) => show(Note::AuthResponse),
                (false, _) => show(Note::Command(line)),
            }
        }
        self.noted = self.noted.max(released_end);
    }
}

impl Drop for Flights {
    fn drop(&mut self) {
        if self.has_secret {
            self.text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINED: Rules = Rules { pipelining: true, octets_max: 4096 };
    const ONE_BY_ONE: Rules = Rules { pipelining: false, octets_max: 4096 };

    fn group(rules: Rules) -> Flights {
        let mut flights = Flights::new();
        let ticket = Ticket(0);
        flights.plan(&Command::Rset, Asked::Reset);
        flights.plan(&Command::Noop(None), Asked::Mail(ticket));
        flights.plan(&Command::Data, Asked::Data(ticket));
        flights.plan(&Command::Quit, Asked::Quit);
        flights.release(rules, |_| true);
        flights
    }

    #[test]
    fn a_group_ends_with_data() {
        let flights = group(PIPELINED);
        assert_eq!(flights.unwritten(), b"RSET\r\nNOOP\r\nDATA\r\n");
    }

    #[test]
    fn without_pipelining_one_command_is_out() {
        let mut flights = group(ONE_BY_ONE);
        assert_eq!(flights.unwritten(), b"RSET\r\n");
        flights.wrote(6);
        assert_eq!(flights.front(), Some((Asked::Reset, true)));
        flights.release(ONE_BY_ONE, |_| true);
        assert_eq!(flights.unwritten(), b"");
        flights.answer();
        flights.release(ONE_BY_ONE, |_| true);
        assert_eq!(flights.unwritten(), b"NOOP\r\n");
    }

    #[test]
    fn a_group_keeps_to_the_window() {
        let mut flights = group(Rules { pipelining: true, octets_max: 12 });
        assert_eq!(flights.unwritten(), b"RSET\r\nNOOP\r\n");
        flights.wrote(12);
        flights.answer();
        flights.release(Rules { pipelining: true, octets_max: 12 }, |_| true);
        assert_eq!(flights.unwritten(), b"DATA\r\n");
    }

    #[test]
    fn what_was_not_released_can_be_cancelled() {
        let mut flights = group(ONE_BY_ONE);
        flights.wrote(6);
        flights.cancel_unreleased();
        flights.answer();
        assert!(flights.is_empty());
        flights.plan(&Command::Quit, Asked::Quit);
        flights.release(ONE_BY_ONE, |_| true);
        assert_eq!(flights.unwritten(), b"QUIT\r\n");
    }

    #[test]
    fn auth_text_is_never_shown() {
        let mut flights = Flights::new();
        flights.plan_auth_line(b"c2VjcmV0");
        flights.release(ONE_BY_ONE, |_| true);
        let mut shown = Vec::new();
        flights.note(|note| shown.push(matches!(note, Note::AuthResponse)));
        flights.note(|_| shown.push(false));
        assert_eq!(shown, [true]);
    }
}
