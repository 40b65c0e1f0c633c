//! Moves octets between a machine and a blocking stream: write what waits, then read. The machine keeps its unanswered
//! commands under 4 KiB, so neither side can be stuck writing to the other.

use super::stream::Stream;
use crate::opening::Machine;
use crate::transcript::{Observer, note_commands};
use smtpkit_session::client::ClientConfig;
use smtpkit_session::{Iov, Tick, Wire};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The shortest time-out that a socket takes: zero would mean none.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// One connection: the stream, the machine that speaks on it, and the time.
pub(super) struct Link {
    stream: Stream,
    pub(super) machine: Machine,
    epoch: Instant,
    limit: Option<Instant>,
    observer: Option<Arc<dyn Observer>>,
    io_error: Option<io::Error>,
}

impl Link {
    pub(super) fn new(stream: Stream, config: ClientConfig, observer: Option<Arc<dyn Observer>>) -> Self {
        let machine = match stream {
            Stream::Plain(_) => Machine::new(config, Tick::ZERO),
            Stream::Tls(_) => Machine::encrypted(config, Tick::ZERO),
        };
        Self::with_machine(stream, machine, observer)
    }

    pub(super) fn with_machine(
        stream: Stream,
        machine: Machine,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self { stream, machine, epoch: Instant::now(), limit: None, observer, io_error: None }
    }

    pub(super) fn now(&self) -> Tick {
        Tick::from_origin(self.epoch.elapsed())
    }

    pub(super) const fn set_limit(&mut self, limit: Option<Instant>) {
        self.limit = limit;
    }

    pub(super) const fn limit(&self) -> Option<Instant> {
        self.limit
    }

    pub(super) const fn take_io_error(&mut self) -> Option<io::Error> {
        self.io_error.take()
    }

    pub(super) fn into_parts(self) -> (Stream, Machine, Option<Arc<dyn Observer>>) {
        (self.stream, self.machine, self.observer)
    }

    /// Writes what waits and reads once, unless the machine wants content first. Failures are told by the machine.
    pub(super) fn transfer(&mut self) {
        if let Some(observer) = &self.observer {
            note_commands(&mut self.machine, &**observer);
        }
        if let Err(error) = self.write() {
            if self.is_over(&error) {
                return;
            }
            self.io_error = Some(error);
        }
        if self.io_error.is_none() && self.machine.wants_body() {
            return;
        }
        self.read();
    }

    fn write(&mut self) -> io::Result<()> {
        let mut wrote = false;
        loop {
            self.arm()?;
            let mut iov = Iov::new();
            self.machine.transmit(&mut iov);
            if iov.is_empty() {
                break;
            }
            let (slices, len) = iov.io_slices();
            match self.stream.write_vectored(slices.get(..len).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    wrote = true;
                    let now = self.now();
                    self.machine.sent(n, now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if wrote { self.stream.flush() } else { Ok(()) }
    }

    /// Reads once; after a failed write what the peer said before it, up to the end.
    fn read(&mut self) {
        let outcome = self.arm().and_then(|()| {
            let slot = self.machine.recv_slot();
            if slot.is_empty() { Ok(None) } else { self.stream.read(slot).map(Some) }
        });
        let now = self.now();
        match outcome {
            Ok(Some(n)) => self.machine.received(n, now),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted || self.is_over(&error) => {}
            Err(error) => {
                self.io_error.get_or_insert(error);
                self.machine.received(0, now);
            }
        }
    }

    /// Whether the error is a time-out; the machine is told if it was its deadline.
    fn is_over(&mut self, error: &io::Error) -> bool {
        let is_timeout = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        if is_timeout && self.left().is_some_and(|left| left <= TIMEOUT_MIN) {
            self.machine.give_up();
        }
        is_timeout
    }

    /// The time left until the machine's deadline or the caller's limit.
    fn left(&self) -> Option<Duration> {
        let deadline = self.machine.deadline().map(|tick| self.epoch + tick.since(Tick::ZERO));
        let until = [deadline, self.limit].into_iter().flatten().min()?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    fn arm(&self) -> io::Result<()> {
        self.stream.set_timeout(self.left().map(|left| left.max(TIMEOUT_MIN)))
    }

    /// Whether the peer has neither closed nor said anything, as far as is known without asking it.
    pub(super) fn is_quiet(&self) -> bool {
        self.machine.is_ready() && self.stream.is_quiet()
    }

    pub(super) fn close(&mut self) {
        self.stream.close();
    }
}
