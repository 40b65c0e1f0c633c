//! A disk that a test can take the power from: what was written since the last sync is then
//! dropped, kept or torn, octet by octet, as a seed says. It can also refuse to sync.

use std::io;
use std::sync::{Arc, Mutex};

use proptest::test_runner::{RngAlgorithm, TestRng};
use smtpkit_queue::StorageBackend;

use proptest::prelude::Rng;

/// A disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What survives for sure.
    synced: Vec<u8>,
    /// What is read.
    current: Vec<u8>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
    syncs: u64,
    fault: Option<Fault>,
    broken: Option<i32>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, octets: Vec<u8> },
    Length(usize),
}

/// What happens at a sync to come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The power goes; the seed decides what of the unsynced writes is on the disk.
    PowerLoss { at_sync: u64, seed: u64 },
    /// The sync answers with this error number, and so does every write and sync after it.
    Error { at_sync: u64, number: i32 },
}

pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

impl Disk {
    /// What is on the disk after it has lost power, or at the last sync.
    pub(crate) fn survivor(&self) -> Self {
        let state = self.0.lock().unwrap();
        let synced = state.synced.clone();
        Self(Arc::new(Mutex::new(State { current: synced.clone(), synced, ..State::default() })))
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.0.lock().unwrap().fault = Some(fault);
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.0.lock().unwrap().syncs
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        self.broken.map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
    }

    fn lose_power(&mut self, seed: u64) {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut below = |limit: usize| (random.next_u64() % (limit as u64 + 1)) as usize;
        // how much gets lost differs from crash to crash
        let mood = below(3);
        for change in std::mem::take(&mut self.unsynced) {
            match (mood, below(2)) {
                (0, _) | (2, 0) | (3, 0) => {}
                (1, _) | (2, _) | (3, 1) => change.apply_to(&mut self.synced),
                _ => change.torn(&mut below).apply_to(&mut self.synced),
            }
        }
        self.broken = Some(EIO);
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
                image[*offset..end].copy_from_slice(octets);
            }
        }
    }

    /// A part of it: up to some octet, or from some octet on.
    fn torn(&self, below: &mut impl FnMut(usize) -> usize) -> Self {
        match self {
            Self::Length(length) => Self::Length(*length),
            Self::Write { offset, octets } => {
                let at = below(octets.len());
                if below(1) == 0 {
                    Self::Write { offset: *offset, octets: octets[..at].to_vec() }
                } else {
                    Self::Write { offset: offset + at, octets: octets[at..].to_vec() }
                }
            }
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let state = self.0.lock().unwrap();
        state.check()?;
        Ok(state.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let stored = state.current.get(offset..offset + out.len());
        out.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.check()?;
        let change = Change::Length(usize::try_from(length).unwrap());
        change.apply_to(&mut state.current);
        state.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.syncs += 1;
        state.check()?;
        match state.fault {
            Some(Fault::PowerLoss { at_sync, seed }) if state.syncs >= at_sync => state.lose_power(seed),
            Some(Fault::Error { at_sync, number }) if state.syncs >= at_sync => state.broken = Some(number),
            _ => {}
        }
        state.check()?;
        for change in std::mem::take(&mut state.unsynced) {
            change.apply_to(&mut state.synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.check()?;
        let change = Change::Write { offset: usize::try_from(offset).unwrap(), octets: octets.to_vec() };
        change.apply_to(&mut state.current);
        state.unsynced.push(change);
        Ok(())
    }
}
