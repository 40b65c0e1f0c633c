//! The client against servers on the loopback that follow a script.

#[cfg(test)]
mod auth_and_tls;
#[cfg(test)]
mod batch;
#[cfg(all(test, feature = "blocking"))]
mod blocking;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod message;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod script;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod steps;
