//! A disk that loses power: of what was written since the last sync, each write is then there, gone or torn.
//!
//! What becomes of a write depends on the seed, its place and its length, not on when it came, so a database may write its
//! pages in any order. A sync can also fail with an error number, after which the disk takes nothing any more.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtpkit_queue::StorageBackend;

use crate::dice::mix;
use crate::power::Power;

/// A disk; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What survives for sure.
    synced: Vec<u8>,
    /// What is read.
    current: Vec<u8>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
    syncs: u64,
    fault: Option<(u64, Fault)>,
    broken: Option<i32>,
    power: Power,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, octets: Vec<u8> },
    Length(usize),
}

/// What happens at a sync to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power goes; the seed decides what of the unsynced writes is there afterwards.
    PowerLoss { seed: u64 },
    /// The sync fails with this error number, and so does every write and sync after it.
    Error { number: i32 },
}

/// The disk is broken (errno EIO).
pub(crate) const EIO: i32 = 5;
/// The disk is full (errno ENOSPC).
pub(crate) const ENOSPC: i32 = 28;

impl Disk {
    /// An empty one, in a machine with this power.
    pub(crate) fn new(power: Power) -> Self {
        Self::holding(Vec::new(), power)
    }

    fn holding(synced: Vec<u8>, power: Power) -> Self {
        Self(Arc::new(Mutex::new(State {
            current: synced.clone(),
            synced,
            unsynced: Vec::new(),
            syncs: 0,
            fault: None,
            broken: None,
            power,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // nothing that holds the lock can panic half-way
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there after power was lost, in a machine that has power again.
    pub(crate) fn survivor(&self, power: Power) -> Self {
        Self::holding(self.state().synced.clone(), power)
    }

    /// Whether nothing was ever written to it.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.synced.is_empty() && state.current.is_empty()
    }

    /// Has all at once what another one holds for sure, if there is power to put it there.
    pub(crate) fn begin_with(&self, draft: &Self) {
        let octets = draft.state().synced.clone();
        let mut state = self.state();
        if state.broken.is_none() {
            state.current.clone_from(&octets);
            state.synced = octets;
        }
    }

    /// Arms a fault: it happens at the `nth` sync from now on, counted from 1.
    pub(crate) fn arm(&self, nth: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.syncs + nth, fault));
    }

    /// The power goes now.
    pub(crate) fn lose_power(&self, seed: u64) {
        self.state().lose_power(seed);
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        self.broken.map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
    }

    fn lose_power(&mut self, seed: u64) {
        if self.power.is_on() {
            // how much gets lost differs from crash to crash
            let mood = mix(seed) % 4;
            for change in std::mem::take(&mut self.unsynced) {
                if let Some(change) = change.surviving(mood, seed) {
                    change.apply_to(&mut self.synced);
                }
            }
            self.broken = Some(EIO);
            self.power.cut();
        }
    }
}

impl Change {
    fn apply_to(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Write { offset, octets } => {
                let end = offset + octets.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                if let Some(place) = image.get_mut(*offset..end) {
                    place.copy_from_slice(octets);
                }
            }
        }
    }

    /// What of it is on the disk: nothing of any (mood 0), all (1), some (2), some torn (3).
    fn surviving(self, mood: u64, seed: u64) -> Option<Self> {
        let fate = match &self {
            Self::Length(length) => mix(seed ^ mix(*length as u64)),
            Self::Write { offset, octets } => mix(seed ^ mix(((*offset as u64) << 24) ^ octets.len() as u64)),
        };
        match (mood, fate % 2, self) {
            (0, ..) | (2 | 3, 0, _) => None,
            (3, _, Self::Write { offset, octets }) if fate & 4 == 0 => {
                let length = octets.len() as u64 + 1;
                let at = usize::try_from((fate >> 3) % length).unwrap_or_default();
                let (front, back) = octets.split_at_checked(at).unwrap_or((&octets, &[]));
                Some(if fate & 2 == 0 {
                    Self::Write { offset, octets: front.to_vec() }
                } else {
                    Self::Write { offset: offset + at, octets: back.to_vec() }
                })
            }
            (_, _, change) => Some(change),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let state = self.state();
        state.check()?;
        Ok(state.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let stored = state.current.get(offset..offset + out.len());
        out.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let change = Change::Length(usize::try_from(length).map_err(io::Error::other)?);
        change.apply_to(&mut state.current);
        state.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.syncs += 1;
        state.check()?;
        if let Some((at, fault)) = state.fault
            && state.syncs >= at
        {
            match fault {
                Fault::PowerLoss { seed } => state.lose_power(seed),
                Fault::Error { number } => {
                    state.broken = Some(number);
                    state.power.ail();
                }
            }
        }
        state.check()?;
        for change in std::mem::take(&mut state.unsynced) {
            change.apply_to(&mut state.synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let change = Change::Write { offset, octets: octets.to_vec() };
        change.apply_to(&mut state.current);
        state.unsynced.push(change);
        Ok(())
    }
}
