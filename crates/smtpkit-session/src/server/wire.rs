//! Octets in and out of a server session.

use alloc::vec::Vec;
use core::mem;

use bytes::buf::Limit;
use bytes::{BufMut as _, BytesMut};

use super::machine::Server;
use super::state::{Activity, Debt};
use crate::wire::{Iov, Tick, Wire};

/// What is read at once while commands are expected.
const COMMAND_SLOT_OCTETS: usize = 4 * 1024;
/// What is read at once when content begins; it doubles while reads fill it.
const CONTENT_SLOT_OCTETS: usize = 16 * 1024;
/// What is taken from a client that speaks before the greeting.
const EARLY_OCTETS_MAX: usize = 4 * 1024;
/// Most octets of replies that wait to be written before nothing more is read.
const OUTPUT_OCTETS_MAX: usize = 16 * 1024;
/// An output buffer beyond this size is not kept once it is empty.
const OUTPUT_OCTETS_KEPT: usize = 256;

impl Server {
    /// How many octets may be read now.
    fn slot(&self) -> usize {
        if self.has_ended || self.patience.is_held() || self.output.len() >= OUTPUT_OCTETS_MAX {
            return 0;
        }
        match self.activity {
            Activity::Commands | Activity::AuthLine => COMMAND_SLOT_OCTETS,
            Activity::Data | Activity::Chunk | Activity::Skipping => {
                self.slot_octets.max(CONTENT_SLOT_OCTETS).min(self.config.limits.receive_octets_max.max(1))
            }
            Activity::Owing(Debt::Greeting) => EARLY_OCTETS_MAX.saturating_sub(self.filled),
            Activity::Owing(_) | Activity::Upgrading | Activity::Closing(_) | Activity::Closed(_) => 0,
        }
    }

    /// Where a driver can read to without the slot being cleared first: append at most what there is room for, then
    /// tell [`received`](Wire::received) how much it was. Without room (a limit of zero) the machine wants nothing.
    pub fn recv_buffer(&mut self) -> Limit<&mut BytesMut> {
        self.input.truncate(self.filled);
        let slot = self.slot();
        self.input.reserve(slot);
        (&mut self.input).limit(slot)
    }

    /// Whether the machine is ready to take octets from its peer.
    pub fn wants_octets(&self) -> bool {
        self.slot() > 0
    }

    /// Gives the machine a buffer to receive into, so that it does not make one of its own; `buffer` is not asked if it
    /// has one. For drivers of many sessions, of which only few receive at a time.
    pub fn lend_buffer(&mut self, buffer: impl FnOnce() -> BytesMut) {
        if self.input.capacity() == 0 {
            self.input = buffer();
            self.input.clear();
        }
    }

    /// Lets the receive buffer go if nothing in it waits, and otherwise gives an empty one. For drivers that hold many
    /// idle sessions: call it when a read would block, and lend the buffer to whoever reads next.
    pub fn release_buffer(&mut self) -> BytesMut {
        if self.output.is_empty() && self.output.capacity() > OUTPUT_OCTETS_KEPT {
            self.output = Vec::new();
        }
        if self.filled == 0 { mem::take(&mut self.input) } else { BytesMut::new() }
    }
}

impl Wire for Server {
    fn recv_slot(&mut self) -> &mut [u8] {
        let slot = self.slot();
        self.input.truncate(self.filled);
        self.input.resize(self.filled + slot, 0);
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn received(&mut self, n: usize, now: Tick) {
        let is_content = matches!(self.activity, Activity::Data | Activity::Chunk | Activity::Skipping);
        self.filled = self.input.len().min(self.filled + n);
        self.input.truncate(self.filled);
        self.patience.received(n, is_content, now);
        if n == 0 {
            self.has_ended = true;
        } else if self.activity == Activity::Owing(Debt::Greeting) {
            self.notes.spoke_before_greeting = true;
        }
        if is_content && n >= self.slot_octets.max(CONTENT_SLOT_OCTETS) {
            self.slot_octets = n.saturating_mul(2).min(self.config.limits.receive_octets_max);
        }
    }

    fn transmit<'s>(&'s self, iov: &mut Iov<'s>) {
        if !self.patience.is_held() {
            let _fits = iov.push(self.output.get(self.written..).unwrap_or_default());
        }
    }

    fn sent(&mut self, n: usize, now: Tick) {
        self.written += n;
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.patience.sent(self.output.is_empty(), now);
    }

    fn deadline(&self) -> Option<Tick> {
        self.next_deadline()
    }

    fn expired(&mut self, now: Tick) {
        self.time_passed(now);
    }
}
