//! The relay as a program uses it: real queue, real DNS, real SMTP, all on loopback.

#[cfg(test)]
mod failures;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod host;
#[cfg(test)]
mod next_hops;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod world;
