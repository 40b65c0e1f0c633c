//! Moves octets between a machine and a stream, reading while it writes. Nothing lives in its futures: dropped at any
//! await, machine and stream still agree.

use super::stream::{Stream, Transport};
use crate::opening::Machine;
use crate::transcript::{Observer, note_commands};
use smtpkit_session::client::ClientConfig;
use smtpkit_session::{Iov, Tick, Wire};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// One connection: the stream, the machine that speaks on it, and the time.
pub(super) struct Link {
    stream: Stream,
    pub(super) machine: Machine,
    epoch: Instant,
    /// Armed no later than the machine's deadline; moved only when it fires, since deadlines mostly move away.
    timer: Option<Pin<Box<Sleep>>>,
    /// When the caller's own patience ends.
    limit: Option<Instant>,
    observer: Option<Arc<dyn Observer>>,
    needs_flush: bool,
    /// Writing failed: only what the peer said before is still of interest.
    is_broken: bool,
    io_error: Option<io::Error>,
}

impl Link {
    pub(super) fn new(stream: Stream, config: ClientConfig, observer: Option<Arc<dyn Observer>>) -> Self {
        let epoch = Instant::now();
        let machine = match stream {
            Stream::Plain(_) => Machine::new(config, Tick::ZERO),
            Stream::Tls(_) => Machine::encrypted(config, Tick::ZERO),
        };
        Self {
            stream,
            machine,
            epoch,
            timer: None,
            limit: None,
            observer,
            needs_flush: false,
            is_broken: false,
            io_error: None,
        }
    }

    pub(super) fn now(&self) -> Tick {
        Tick::from_origin(self.epoch.elapsed())
    }

    /// From here on nothing may take longer than until `limit`.
    pub(super) const fn set_limit(&mut self, limit: Option<Instant>) {
        self.limit = limit;
    }

    pub(super) const fn limit(&self) -> Option<Instant> {
        self.limit
    }

    /// What the operating system said when the connection broke.
    pub(super) const fn take_io_error(&mut self) -> Option<io::Error> {
        self.io_error.take()
    }

    /// The stream in plaintext, for the handshake, and the machine, to be upgraded.
    pub(super) fn into_parts(self) -> (Stream, Machine, Option<Arc<dyn Observer>>) {
        (self.stream, self.machine, self.observer)
    }

    /// A link after the handshake.
    pub(super) fn upgraded(
        stream: smtpkit_tls::Stream<Transport>,
        machine: impl FnOnce(Tick) -> Machine,
        observer: Option<Arc<dyn Observer>>,
        limit: Option<Instant>,
    ) -> Self {
        Self {
            stream: Stream::Tls(Box::new(stream)),
            machine: machine(Tick::ZERO),
            epoch: Instant::now(),
            timer: None,
            limit,
            observer,
            needs_flush: false,
            is_broken: false,
            io_error: None,
        }
    }

    /// Moves octets until there is something to ask the machine about. Failures are told by the machine, too.
    ///
    /// The clock is looked at once after each wait: `now` is the caller's look at it, the last one is given back.
    pub(super) async fn transfer(&mut self, now: Tick) -> Tick {
        let mut first = Some(now);
        poll_fn(|cx| {
            let now = first.take().unwrap_or_else(|| self.now());
            self.poll_transfer(cx, now).map(|()| now)
        })
        .await
    }

    fn poll_transfer(&mut self, cx: &mut Context<'_>, now: Tick) -> Poll<()> {
        if !self.is_broken {
            if let Some(observer) = &self.observer {
                note_commands(&mut self.machine, &**observer);
            }
            if let Err(error) = self.poll_write(cx, now) {
                self.io_error = Some(error);
                self.is_broken = true;
            }
            if self.machine.wants_body() {
                return Poll::Ready(());
            }
        }
        if self.poll_read(cx, |_| now).is_ready() {
            return Poll::Ready(());
        }
        if self.is_broken {
            // What the peer said before the write failed has been read.
            self.machine.received(0, now);
            return Poll::Ready(());
        }
        self.poll_timer(cx)
    }

    /// Writes as much as goes.
    fn poll_write(&mut self, cx: &mut Context<'_>, now: Tick) -> io::Result<()> {
        while self.machine.has_output() {
            let mut iov = Iov::new();
            self.machine.transmit(&mut iov);
            let stream = Pin::new(&mut self.stream);
            let written = match iov.pieces() {
                [piece] => stream.poll_write(cx, piece),
                _ => {
                    let (slices, len) = iov.io_slices();
                    stream.poll_write_vectored(cx, slices.get(..len).unwrap_or_default())
                }
            };
            match written {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.needs_flush = true;
                    self.machine.sent(n, now);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if self.needs_flush {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(outcome) => {
                    outcome?;
                    self.needs_flush = false;
                }
            }
        }
        Ok(())
    }

    /// Reads once; only who has read something needs the time.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: impl FnOnce(&Self) -> Tick) -> Poll<()> {
        let slot = self.machine.recv_slot();
        if slot.is_empty() {
            return Poll::Ready(());
        }
        let mut buffer = ReadBuf::new(slot);
        let n = match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => buffer.filled().len(),
            Poll::Ready(Err(error)) => {
                self.io_error.get_or_insert(error);
                0
            }
        };
        let now = now(self);
        self.machine.received(n, now);
        Poll::Ready(())
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let deadline = self.machine.deadline().map(|tick| self.epoch + tick.since(Tick::ZERO));
            let deadline = match (deadline, self.limit) {
                (Some(deadline), Some(limit)) => deadline.min(limit),
                (Some(deadline), None) => deadline,
                (None, Some(limit)) => limit,
                (None, None) => return Poll::Pending,
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= deadline {
                self.machine.give_up();
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// Whether the peer has neither closed nor said anything, as far as is known without asking it.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.machine.is_ready()
            && self.poll_read(&mut Context::from_waker(Waker::noop()), Self::now).is_pending()
    }

    /// Ends the stream, with close_notify under TLS; waits for nothing.
    pub(super) fn shut_down(&mut self) {
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}
