//! Who may say what when: the SMTP and LMTP state machines of both sides, without I/O (RFC 5321, RFC 2033).
//!
//! A machine is fed octets and time through the [`Wire`] trait and tells what happened through one `poll` method.
//! It opens no socket, reads no clock and spawns nothing: a blocking loop, a tokio task and a simulator are each a
//! page of code around the same machine.
//!
//! | module | what is in it |
//! |---|---|
//! | [`wire`] | how a driver moves octets and time in and out: [`Wire`], [`Tick`], [`Iov`] |
//! | [`timeout`] | every time-out of RFC 5321 §4.5.3.2 by name |
//! | [`server`] | the receiving side |
//! | [`client`] | the sending side |
//!
//! Two attacks cannot be written with these machines. Plaintext that was sent before a TLS handshake lives in the
//! machine's own buffer, and `into_upgrade` consumes the machine and refuses to go on while an octet is left
//! (STARTTLS injection). Content reaches the wire through the codec's `DataEncoder` alone, which lets no bare CR, LF
//! or NUL through (message smuggling).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod client;
pub mod server;
pub mod timeout;
pub mod wire;

pub use wire::{Iov, Tick, Wire};
