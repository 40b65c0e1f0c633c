//! The public behaviour of smtpkit-queue: what both engines promise, and what the one on disk
//! keeps through crashes.

#[cfg(test)]
mod accept;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod list;
#[cfg(test)]
mod model;
#[cfg(test)]
mod open;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod sample;
