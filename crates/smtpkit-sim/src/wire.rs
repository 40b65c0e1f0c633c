//! Wires: streams in memory that take time, cut what is written into pieces, and break.
//!
//! ```text
//! End ── write ─► lane: segments with their times of arrival ─► read ── End        (and one lane back)
//! ```
//!
//! A wire may break after some octet in one direction: by a reset, which both ends learn at once, or silently, so that
//! nothing arrives any more and only a time-out ends the wait. The end of a machine without power does nothing.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::dice::Dice;
use crate::power::Power;

/// How a wire behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// The time of travel, at least and at most, in milliseconds.
    pub(crate) latency: (u64, u64),
    /// How much one write takes at most.
    pub(crate) piece_octets_max: u64,
    /// How much may be under way.
    pub(crate) window_octets: usize,
    /// After how many octets it breaks, and how.
    pub(crate) breaks: Option<(Side, u64, Break)>,
}

/// The two ends of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// How a wire breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Both ends learn of it.
    Reset,
    /// Nobody does.
    Silence,
}

#[derive(Debug)]
struct Wire {
    quality: Quality,
    from_client: Lane,
    from_server: Lane,
    broken: Option<Break>,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    /// What is under way; an empty segment is the end.
    segments: VecDeque<(Instant, Bytes)>,
    octets: usize,
    written: u64,
    read: u64,
    is_ended: bool,
    /// Nobody reads it any more.
    is_abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn put(&mut self, octets: Bytes, latency: Duration) {
        let soonest = self.segments.back().map_or_else(Instant::now, |(arrival, _)| *arrival);
        let arrival = soonest.max(Instant::now() + latency);
        self.octets += octets.len();
        self.segments.push_back((arrival, octets));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Wire {
    const fn lane_from(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }

    fn break_down(&mut self, how: Break) {
        if self.broken.is_none() {
            self.broken = Some(how);
            for side in [Side::Client, Side::Server] {
                let lane = self.lane_from(side);
                lane.segments.clear();
                lane.octets = 0;
                lane.wake();
            }
        }
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

type Shared = Arc<Mutex<Wire>>;

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    // nothing that holds the lock can panic half-way
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One end of a wire.
#[derive(Debug)]
pub(crate) struct End {
    wire: Shared,
    side: Side,
    power: Power,
    dice: Dice,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A hold on a wire from outside.
#[derive(Clone, Debug)]
pub(crate) struct Handle(Weak<Mutex<Wire>>);

impl Handle {
    pub(crate) fn break_down(&self, how: Break) {
        if let Some(wire) = self.0.upgrade() {
            lock(&wire).break_down(how);
        }
    }

    /// Whether the client still has its end.
    pub(crate) fn is_in_use(&self) -> bool {
        self.0.upgrade().is_some_and(|wire| !lock(&wire).from_server.is_abandoned)
    }
}

/// Tells whether the other end has read what was written up to some moment.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    wire: Shared,
    side: Side,
    octets: u64,
}

impl Receipt {
    pub(crate) fn is_read(&self) -> bool {
        lock(&self.wire).lane_from(self.side).read >= self.octets
    }
}

/// A wire between a client and a server, each with the power of its machine.
pub(crate) fn stretch(quality: Quality, powers: [Power; 2], dice: &Dice) -> (End, End, Handle) {
    let (from_client, from_server) = Default::default();
    let wire = Arc::new(Mutex::new(Wire { quality, from_client, from_server, broken: None }));
    let handle = Handle(Arc::downgrade(&wire));
    let [client, server] = powers;
    let end =
        |side, power, name| End { wire: Arc::clone(&wire), side, power, dice: dice.fork(name), timer: None };
    (end(Side::Client, client, "client"), end(Side::Server, server, "server"), handle)
}

impl End {
    /// For what was written until now.
    pub(crate) fn receipt(&self) -> Receipt {
        let octets = lock(&self.wire).lane_from(self.side).written;
        Receipt { wire: Arc::clone(&self.wire), side: self.side, octets }
    }

    fn end_lane(&mut self) {
        let mut wire = lock(&self.wire);
        let latency = Duration::from_millis(wire.quality.latency.1);
        let is_broken = wire.broken.is_some();
        let lane = wire.lane_from(self.side);
        if !lane.is_ended && !is_broken {
            lane.is_ended = true;
            lane.put(Bytes::new(), latency);
        }
    }
}

fn dead() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the machine has no power")
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.power.is_on() {
            return Poll::Ready(Err(dead()));
        }
        let mut wire = lock(&this.wire);
        let broken = wire.broken;
        let lane = wire.lane_from(this.side.other());
        match broken {
            Some(Break::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Break::Silence) => {
                lane.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            None => {}
        }
        let Some((arrival, octets)) = lane.segments.front_mut() else {
            lane.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if *arrival > Instant::now() {
            let arrival = *arrival;
            // a reset wakes a reader that waits for an arrival, too
            lane.reader = Some(cx.waker().clone());
            drop(wire);
            let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(arrival)));
            timer.as_mut().reset(arrival);
            // armed for later than now, so it is pending
            let _ = timer.as_mut().poll(cx);
            return Poll::Pending;
        }
        if octets.is_empty() {
            // the end is read as often as somebody asks
            return Poll::Ready(Ok(()));
        }
        let count = octets.len().min(buf.remaining());
        buf.put_slice(octets.get(..count).unwrap_or_default());
        octets.advance(count);
        if octets.is_empty() {
            lane.segments.pop_front();
        }
        lane.octets -= count;
        lane.read += count as u64;
        if let Some(writer) = lane.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.power.is_on() {
            return Poll::Ready(Err(dead()));
        }
        let mut wire = lock(&this.wire);
        match wire.broken {
            Some(Break::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Break::Silence) => {
                wire.lane_from(this.side).written += buf.len() as u64;
                return Poll::Ready(Ok(buf.len()));
            }
            None => {}
        }
        let Quality { latency, piece_octets_max, window_octets, breaks } = wire.quality;
        let lane = wire.lane_from(this.side);
        if lane.is_abandoned || lane.is_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if lane.octets >= window_octets {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let piece = usize::try_from(this.dice.between(1, piece_octets_max)).unwrap_or(usize::MAX);
        let count = buf.len().min(window_octets - lane.octets).min(piece);
        let travel = this.dice.milliseconds(latency.0, latency.1);
        lane.written += count as u64;
        let written = lane.written;
        lane.put(Bytes::copy_from_slice(buf.get(..count).unwrap_or_default()), travel);
        if let Some((side, octets, how)) = breaks
            && side == this.side
            && written >= octets
        {
            wire.break_down(how);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().end_lane();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.power.is_on() {
            self.end_lane();
        }
        let mut wire = lock(&self.wire);
        let lane = wire.lane_from(self.side.other());
        lane.is_abandoned = true;
        if let Some(writer) = lane.writer.take() {
            writer.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn wire(breaks: Option<(Side, u64, Break)>) -> (End, End, Handle) {
        let quality = Quality { latency: (5, 50), piece_octets_max: 3, window_octets: 8, breaks };
        stretch(quality, [Power::on(), Power::on()], &Dice::new(1))
    }

    #[tokio::test(start_paused = true)]
    async fn octets_arrive_whole_in_order_and_later() {
        let (mut client, mut server, _) = wire(None);
        let began = Instant::now();
        let writing = async {
            client.write_all(b"twenty octets of text").await.unwrap();
            let receipt = client.receipt();
            client.shutdown().await.unwrap();
            receipt
        };
        let mut text = String::new();
        let (receipt, _) = tokio::join!(writing, server.read_to_string(&mut text));
        assert_eq!(text, "twenty octets of text");
        assert!(receipt.is_read());
        assert!(began.elapsed() >= Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_is_learned_at_both_ends() {
        let (mut client, mut server, _) = wire(Some((Side::Client, 4, Break::Reset)));
        let _ = client.write_all(b"more than four").await;
        let kind = server.read_u8().await.unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::ConnectionReset);
        assert_eq!(client.read_u8().await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_learned_from_the_clock_alone() {
        let (mut client, mut server, _) = wire(Some((Side::Client, 4, Break::Silence)));
        client.write_all(b"more than four").await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(3_600), server.read_u8()).await;
        assert!(read.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_without_power_says_nothing() {
        let power = Power::on();
        let quality = Quality { latency: (1, 1), piece_octets_max: 9, window_octets: 99, breaks: None };
        let (mut client, _server, _) = stretch(quality, [power.clone(), Power::on()], &Dice::new(1));
        power.cut();
        assert!(client.write_all(b"x").await.is_err());
    }
}
