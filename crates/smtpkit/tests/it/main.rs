//! The program as a user runs it: the real binary, real sockets on loopback, real files.

#[cfg(test)]
mod account;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bounces;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod call_ahead;
#[cfg(test)]
mod chain;
#[cfg(test)]
mod check;
#[cfg(test)]
mod composed;
#[cfg(test)]
mod dead;
#[cfg(test)]
mod dialogue;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod first_start;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod international;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod load;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod monitor;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod order;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod send;
#[cfg(test)]
mod sendmail;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod talk;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod walk;
