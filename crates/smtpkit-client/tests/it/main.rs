//! The client against servers on the loopback that follow a script.

#[cfg(test)]
mod auth_and_tls;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod script;
