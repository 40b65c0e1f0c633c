//! A session machine on a stream: octets, time and the order to stop, as one `poll`.
//!
//! Nothing lives in a future here, so waiting costs no memory and every await can be dropped: the machine has it all.
//! While a session is idle it has no receive buffer: each thread has one for all of its sessions, and a session keeps
//! it only as long as something in it waits.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use smtpkit_session::server::{Closed, Server as Machine, ServerEvent};
use smtpkit_session::{Iov, Tick, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::order::Order;
use crate::transport::Transport;

/// How long a peer that was told to go may take to read it, before the connection is cut.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much such a peer may still send meanwhile.
const FAREWELL_OCTETS_MAX: usize = 256 * 1024;

thread_local! {
    /// The receive buffer of whichever session of this thread reads next.
    static BUFFER: Cell<BytesMut> = Cell::default();
}

pub(crate) struct Link {
    transport: Transport,
    machine: Machine,
    /// The origin of the machine's ticks.
    origin: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    stop: Option<Order>,
    /// Whether TLS may hold octets that were written but not sent.
    is_unflushed: bool,
    /// Whether the machine has said that it waits for octets, and nobody touched it since.
    is_waiting: bool,
    is_lost: bool,
}

impl Link {
    pub(crate) fn new(
        transport: Transport,
        machine: Machine,
        origin: Instant,
        stop: CancellationToken,
    ) -> Self {
        Self {
            transport,
            machine,
            origin,
            timer: None,
            stop: Some(Order::new(stop)),
            is_unflushed: false,
            is_waiting: false,
            is_lost: false,
        }
    }

    pub(crate) const fn machine(&mut self) -> &mut Machine {
        self.is_waiting = false;
        &mut self.machine
    }

    pub(crate) const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The stream, before the machine has seen anything of it.
    pub(crate) const fn transport_mut(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Takes the stream out, for a handshake.
    pub(crate) const fn take_transport(&mut self) -> Transport {
        mem::replace(&mut self.transport, Transport::Gone)
    }

    /// Puts a stream in, after a handshake.
    pub(crate) fn set_transport(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// Swaps the machine for another one.
    pub(crate) fn replace_machine(&mut self, machine: Machine) -> Machine {
        self.is_waiting = false;
        mem::replace(&mut self.machine, machine)
    }

    pub(crate) fn now(&self) -> Tick {
        Tick::from_origin(self.origin.elapsed())
    }

    /// The next event that is not [`ServerEvent::Idle`].
    pub(crate) async fn next(&mut self) -> ServerEvent {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<ServerEvent> {
        // One look at the clock, because nobody waits before the end of this function.
        let mut now = self.now();
        loop {
            if self.is_lost {
                return Poll::Ready(ServerEvent::Closed(Closed::ByPeer));
            }
            if !mem::take(&mut self.is_waiting) {
                match self.machine.poll(now) {
                    ServerEvent::Idle => {}
                    event => return Poll::Ready(event),
                }
            }
            // A machine that wants octets has nothing else to do, also when its replies are out. One that does not may
            // go on when they are. It has to be asked before: with replies that are out it wants octets again.
            let wants_octets = self.machine.wants_octets();
            let has_written = self.poll_write(cx, now);
            let has_read = self.poll_read(cx, now);
            if has_read || (has_written && !wants_octets) || self.is_lost {
                continue;
            }
            // Only who would sleep has to know what may wake it.
            if !(self.poll_stop(cx) | self.poll_time(cx, now)) {
                self.is_waiting = wants_octets;
                return Poll::Pending;
            }
            now = self.now();
        }
    }

    /// Writes what the machine lends; whether anything moved.
    fn poll_write(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        let mut has_moved = false;
        loop {
            let mut iov = Iov::new();
            self.machine.transmit(&mut iov);
            let Some(piece) = iov.pieces().first() else { break };
            match Pin::new(&mut self.transport).poll_write(cx, piece) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.is_unflushed = true;
                    has_moved = true;
                    self.machine.sent(n, now);
                }
                Poll::Ready(_) => return self.lose(),
                Poll::Pending => break,
            }
        }
        if self.is_unflushed {
            match Pin::new(&mut self.transport).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_unflushed = false,
                Poll::Ready(Err(_)) => return self.lose(),
                Poll::Pending => {}
            }
        }
        has_moved
    }

    /// Reads what the machine has room for; whether anything moved.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        if self.is_lost || !self.machine.wants_octets() {
            return false;
        }
        self.machine.lend_buffer(|| BUFFER.take());
        // There is room in it, or the machine would not want octets: to read nothing would look like the end.
        let mut slot = self.machine.recv_buffer();
        match tokio_util::io::poll_read_buf(Pin::new(&mut self.transport), cx, &mut slot) {
            Poll::Ready(Ok(n)) => {
                self.machine.received(n, now);
                true
            }
            Poll::Ready(Err(_)) => self.lose(),
            Poll::Pending => {
                let buffer = self.machine.release_buffer();
                if buffer.capacity() > 0 {
                    BUFFER.set(buffer);
                }
                false
            }
        }
    }

    /// Whether the order to stop came just now.
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.stop.as_mut().is_some_and(|stop| stop.poll_given(cx)) {
            return false;
        }
        self.stop = None;
        self.machine.drain();
        true
    }

    /// Whether the machine's deadline passed. A timer is set anew only when the deadline comes nearer: a busy session
    /// moves its deadline away all the time, and that costs nothing.
    fn poll_time(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        let Some(deadline) = self.machine.deadline() else { return false };
        if deadline <= now {
            self.machine.expired(now);
            return true;
        }
        let at = self.origin + deadline.since(Tick::ZERO);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at || timer.is_elapsed() {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).is_ready()
    }

    /// The stream is broken.
    const fn lose(&mut self) -> bool {
        self.is_lost = true;
        true
    }

    /// Nothing more is read or written: the session is over without a word.
    pub(crate) const fn hang_up(&mut self) {
        self.is_lost = true;
    }

    /// Waits `delay` before the greeting, or until the client speaks before its turn (RFC 5321 §3.1).
    pub(crate) async fn listen_before_greeting(&mut self, delay: Duration) {
        let spoke = poll_fn(|cx| {
            while self.poll_read(cx, self.now()) {
                if self.is_lost || self.machine.notes().spoke_before_greeting {
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        });
        let _spoke_or_waited = timeout(delay, spoke).await;
    }

    /// Writes what is left and closes. A peer that still sends gets a moment to read its last reply: to close at once
    /// would reset the connection and take the reply away (RFC 1122 §4.2.2.13).
    pub(crate) async fn finish(&mut self, why: Closed) {
        if self.is_lost || matches!(self.transport, Transport::Gone) {
            return;
        }
        let farewell = async {
            if self.transport.shutdown().await.is_ok() && !matches!(why, Closed::Quit | Closed::ByPeer) {
                self.swallow().await;
            }
        };
        let _in_time = timeout(FAREWELL, farewell).await;
    }

    async fn swallow(&mut self) {
        let mut left = FAREWELL_OCTETS_MAX;
        let mut octets = [0; 512];
        while left > 0 {
            match self.transport.read(&mut octets).await {
                Ok(n) if n > 0 => left = left.saturating_sub(n),
                _ => return,
            }
        }
    }
}
