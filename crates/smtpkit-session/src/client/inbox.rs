//! The octets that came and were not yet told as replies. Plaintext lives here and nowhere else, so that
//! an upgrade can prove that none is left.

use alloc::vec::Vec;
use smtpkit_codec::{ReplyDecoder, ReplyStep, limits};

/// What is asked for at first; a reply that needs more makes it grow up to [`limits::REPLY_OCTETS_ACCEPTED`].
const FIRST_OCTETS: usize = 2048;

/// Growing receive buffer with the reply decoder on top.
pub(super) struct Inbox {
    octets: Vec<u8>,
    start: usize,
    end: usize,
    shown: usize,
    ended: bool,
    decoder: ReplyDecoder,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { octets: Vec::new(), start: 0, end: 0, shown: 0, ended: false, decoder: ReplyDecoder::new() }
    }

    /// Where to read to; empty when a reply of the greatest accepted size is waiting, or the stream has ended.
    pub(super) fn slot(&mut self) -> &mut [u8] {
        if self.ended {
            return &mut [];
        }
        if self.end == self.octets.len() {
            if self.start > 0 {
                self.octets.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            } else if self.octets.len() < limits::REPLY_OCTETS_ACCEPTED {
                let grown = (self.octets.len() * 2).clamp(FIRST_OCTETS, limits::REPLY_OCTETS_ACCEPTED);
                self.octets.resize(grown, 0);
            }
        }
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// `n` octets were read to the slot; 0 is the end of the stream.
    pub(super) fn filled(&mut self, n: usize) {
        self.ended |= n == 0;
        self.end = (self.end + n).min(self.octets.len());
    }

    /// Drops the reply that the last event showed.
    pub(super) fn discard_shown(&mut self) {
        self.start = (self.start + core::mem::take(&mut self.shown)).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// The next whole reply, shown until [`discard_shown`](Self::discard_shown).
    pub(super) fn decode(&mut self) -> ReplyStep<'_> {
        let step = self.decoder.decode(self.octets.get(self.start..self.end).unwrap_or_default());
        if let ReplyStep::Reply { consumed, .. } = step {
            self.shown = consumed;
        }
        step
    }

    /// Whether an octet is left that no event has shown.
    pub(super) const fn has_leftover(&self) -> bool {
        self.end - self.start > self.shown
    }

    /// Whether the stream has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }
}
