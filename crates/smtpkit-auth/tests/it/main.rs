//! The public behaviour of `smtpkit-auth`: both halves against each other, against an independent implementation, against
//! garbage, and without a leak.

#[cfg(test)]
mod against_rsasl;
#[cfg(test)]
mod dialogue;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod halves;
#[cfg(test)]
mod secrets;
