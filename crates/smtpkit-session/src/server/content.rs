//! Content: what comes after DATA and in BDAT chunks (RFC 5321 §4.1.1.4, RFC 3030 §2).
//!
//! Both look the same to the caller: `Data` once, `Content` pieces, `ContentEnd`. Content that will be refused is
//! still read to its end, because only then is it the server's turn to speak; how far it may go is bounded.

use alloc::boxed::Box;
use core::mem;

use bytes::{Bytes, BytesMut};
use smtpkit_codec::{BareOctet, Bdat, BdatDecoder, BodyStep, DataDecoder, Reply, TextChunks};

use super::event::{Closed, ContentFault, ServerEvent};
use super::machine::{Server, Step};
use super::owed::Owed;
use super::refusals;
use super::state::{Activity, Debt, Phase};

/// What the machine knows of the transaction and its content.
#[derive(Debug, Default)]
pub(super) struct Reception {
    /// Accepted recipients.
    pub(super) recipients: u32,
    /// RCPT commands, whatever became of them.
    pub(super) rcpts: u32,
    /// Whether the addresses of this transaction may be other than ASCII.
    pub(super) smtputf8: bool,
    /// Whether only BDAT may bring the content (RFC 3030 §3).
    pub(super) binary: bool,
    /// Octets of content so far.
    octets: u64,
    /// Octets that were dropped because the content is refused.
    dropped: u64,
    /// Why the content is refused.
    fault: Option<ContentFault>,
    /// Whether the caller has yet to be told.
    is_fault_untold: bool,
    decoder: Decoder,
    /// The chunk that is being read, or that waits for the caller's answer.
    pub(super) chunk: Option<Chunk>,
}

#[derive(Debug, Default)]
enum Decoder {
    #[default]
    None,
    Data(DataDecoder),
    /// Octets that may be anything.
    Chunk(BdatDecoder),
    /// Text in chunks; it stays from one chunk to the next.
    Text(TextChunks),
}

/// A BDAT command.
#[derive(Debug)]
pub(super) struct Chunk {
    size: u64,
    last: bool,
    /// What the command is answered if its octets are dropped.
    refusal: Option<Box<Reply>>,
}

/// A piece of content as a place in the receive buffer, so that the buffer can change owner meanwhile.
enum Piece {
    In { at: usize, len: usize },
    Newline,
}

impl Server {
    /// BDAT: the order is checked here, because the octets of a refused chunk must be read too (RFC 3030 §2).
    pub(super) fn bdat(&mut self, bdat: Bdat, refusal: Option<Reply>) -> Step {
        let too_big = self.reception.octets.saturating_add(bdat.size) > self.config.limits.message_octets_max;
        let refusal = refusal.or(too_big.then_some(refusals::TOO_BIG));
        let is_refused = refusal.is_some();
        self.reception.chunk =
            Some(Chunk { size: bdat.size, last: bdat.last, refusal: refusal.map(Box::new) });
        if is_refused {
            return self.skip_chunk(too_big);
        }
        if self.phase == Phase::Chunks {
            self.start_chunk();
            return Step::Again;
        }
        self.activity = Activity::Owing(Debt::Data);
        Step::Event(ServerEvent::Data(Owed::new()))
    }

    /// Reads the octets of the chunk as content.
    pub(super) fn start_chunk(&mut self) {
        let Some(&Chunk { size, last, .. }) = self.reception.chunk.as_ref() else { return };
        self.reception.decoder = if self.reception.binary {
            Decoder::Chunk(BdatDecoder::new(size))
        } else {
            let mut text = match mem::take(&mut self.reception.decoder) {
                Decoder::Text(text) => text,
                _ => TextChunks::new(self.config.bare_newline),
            };
            text.begin(Bdat { size, last });
            Decoder::Text(text)
        };
        self.activity = Activity::Chunk;
        self.patience.content_starts();
    }

    /// Reads the octets of the chunk and drops them; its refusal is said at their end.
    pub(super) fn skip_chunk(&mut self, tell: bool) -> Step {
        let Some(chunk) = &self.reception.chunk else { return Step::Again };
        let surplus_max =
            self.config.limits.message_octets_max.saturating_add(self.config.limits.surplus_octets_max);
        let amid_content = self.phase == Phase::Chunks;
        if self.is_in_transaction() {
            self.phase = Phase::Spoiled;
        }
        if chunk.size > surplus_max {
            let reply = chunk.refusal.as_deref().cloned().unwrap_or(refusals::TOO_BIG);
            self.end(&reply, Closed::TooMuchContent);
        } else {
            self.reception.decoder = Decoder::Chunk(BdatDecoder::new(chunk.size));
            self.activity = Activity::Skipping;
            self.patience.content_starts();
        }
        if tell && amid_content {
            Step::Event(ServerEvent::ContentRefused(ContentFault::TooBig))
        } else {
            Step::Again
        }
    }

    /// Refuses the chunk that waits for the caller's answer.
    pub(super) fn refuse_chunk(&mut self, reply: Reply) {
        if let Some(chunk) = &mut self.reception.chunk {
            chunk.refusal = Some(Box::new(reply));
        }
        let _told_by_answer = self.skip_chunk(false);
    }

    /// Reads content after the 354.
    pub(super) fn start_data(&mut self) {
        self.reception.decoder = Decoder::Data(DataDecoder::new(self.config.bare_newline));
        self.activity = Activity::Data;
        self.patience.content_starts();
    }

    /// Takes one piece of content from the input.
    pub(super) fn next_content(&mut self) -> Step {
        if let Some(fault) = self.reception.fault
            && mem::take(&mut self.reception.is_fault_untold)
        {
            return Step::Event(ServerEvent::ContentRefused(fault));
        }
        let input = mem::take(&mut self.input);
        let step = match &mut self.reception.decoder {
            Decoder::Data(decoder) => decoder.decode(&input),
            Decoder::Chunk(decoder) => decoder.decode(&input),
            Decoder::Text(decoder) => decoder.decode(&input),
            Decoder::None => BodyStep::NeedMore,
        };
        match step {
            BodyStep::Chunk { octets, consumed } => {
                let piece = place(octets, &input);
                self.take_piece(input, &piece, consumed)
            }
            BodyStep::End { consumed, fault } => {
                self.put_back(input, consumed);
                self.patience.progressed();
                self.end_of_content(fault.map(ContentFault::Unclean))
            }
            BodyStep::NeedMore => {
                self.put_back(input, 0);
                if !self.has_ended {
                    return Step::Idle;
                }
                self.forget_input();
                self.activity = Activity::Closing(Closed::ByPeer);
                Step::Again
            }
        }
    }

    fn take_piece(&mut self, mut input: BytesMut, piece: &Piece, consumed: usize) -> Step {
        self.patience.progressed();
        if self.activity == Activity::Skipping || self.reception.fault.is_some() {
            self.put_back(input, consumed);
            return self.drop_octets(consumed);
        }
        let octets = match *piece {
            Piece::In { at, len } => input.split_to(consumed).freeze().slice(at..at + len),
            Piece::Newline => {
                let _newline = input.split_to(consumed);
                Bytes::from_static(b"\r\n")
            }
        };
        self.put_back(input, 0);
        self.hand_out(octets)
    }

    /// Hands out as much of `octets` as the largest message has room for.
    fn hand_out(&mut self, mut octets: Bytes) -> Step {
        let room = self.config.limits.message_octets_max.saturating_sub(self.reception.octets);
        if octets.len() as u64 > room {
            // The room is smaller than a length, so it is one.
            octets.truncate(room as usize);
            self.reception.fault = Some(ContentFault::TooBig);
            self.reception.is_fault_untold = true;
        }
        self.reception.octets += octets.len() as u64;
        self.counters.content_octets = self.counters.content_octets.saturating_add(octets.len() as u64);
        if octets.is_empty() { Step::Again } else { Step::Event(ServerEvent::Content(octets)) }
    }

    /// Counts octets that are read only to be dropped, and cuts the connection when there are too many.
    fn drop_octets(&mut self, octets: usize) -> Step {
        self.reception.dropped = self.reception.dropped.saturating_add(octets as u64);
        if self.activity == Activity::Data && self.reception.dropped > self.config.limits.surplus_octets_max {
            self.reset_transaction();
            self.end(&refusals::TOO_BIG, Closed::TooMuchContent);
        }
        Step::Again
    }

    fn end_of_content(&mut self, unclean: Option<ContentFault>) -> Step {
        if let Some(Chunk { last, refusal, .. }) = self.reception.chunk.take() {
            return self.end_of_chunk(last, refusal, unclean);
        }
        match self.reception.fault.or(unclean) {
            None => self.end_of_message(),
            Some(fault) => self.refuse_content(fault),
        }
    }

    fn end_of_chunk(
        &mut self,
        last: bool,
        refusal: Option<Box<Reply>>,
        unclean: Option<ContentFault>,
    ) -> Step {
        if let Some(reply) = refusal {
            let replies = if last { self.replies_owed() } else { 1 };
            self.activity = Activity::Commands;
            if last {
                self.reset_transaction();
            }
            for _ in 1..replies {
                self.say(&reply);
            }
            self.refuse(*reply);
            return Step::Again;
        }
        match self.reception.fault.or(unclean) {
            None if last => self.end_of_message(),
            Some(fault) if last => self.refuse_content(fault),
            None => {
                self.activity = Activity::Commands;
                self.phase = Phase::Chunks;
                self.say(&refusals::CHUNK_OK);
                Step::Again
            }
            Some(fault) => {
                self.activity = Activity::Commands;
                self.phase = Phase::Spoiled;
                self.refuse(reply_to(fault));
                let is_told = self.reception.fault.is_some();
                if is_told { Step::Again } else { Step::Event(ServerEvent::ContentRefused(fault)) }
            }
        }
    }

    /// The content came to its end and is refused for what it is. The caller may have been told already.
    fn refuse_content(&mut self, fault: ContentFault) -> Step {
        let replies = self.replies_owed();
        let is_known = self.reception.fault.is_some();
        self.reset_transaction();
        self.activity = Activity::Commands;
        for _ in 1..replies {
            self.say(&reply_to(fault));
        }
        self.refuse(reply_to(fault));
        if is_known { Step::Again } else { Step::Event(ServerEvent::ContentRefused(fault)) }
    }

    fn end_of_message(&mut self) -> Step {
        self.activity = Activity::Owing(Debt::Message);
        Step::Event(ServerEvent::ContentEnd(Owed::new()))
    }

    /// Forgets the transaction: RSET, EHLO, or its end.
    pub(super) fn reset_transaction(&mut self) {
        self.reception = Reception::default();
        if self.is_in_transaction() {
            self.phase = Phase::Ready;
        }
    }
}

/// Where `octets` are in `input`. What the decoder made by itself is a normalised newline.
fn place(octets: &[u8], input: &[u8]) -> Piece {
    let at = octets.as_ptr().addr().wrapping_sub(input.as_ptr().addr());
    if octets.is_empty() || at.checked_add(octets.len()).is_some_and(|end| end <= input.len()) {
        Piece::In { at: if octets.is_empty() { 0 } else { at }, len: octets.len() }
    } else {
        Piece::Newline
    }
}

const fn reply_to(fault: ContentFault) -> Reply {
    match fault {
        ContentFault::TooBig => refusals::TOO_BIG,
        ContentFault::Unclean(unclean) => match unclean.what {
            BareOctet::Cr => refusals::BARE_CR,
            BareOctet::Lf => refusals::BARE_LF,
            BareOctet::Nul => refusals::NUL,
        },
    }
}
