//! The SMTP wire grammar without I/O: octets in, words out, and back.
//!
//! Read it in the order in which a session meets it:
//!
//! - [`LineDecoder`] cuts octets into [`Line`]s (RFC 5321 §2.3.8);
//! - [`DataDecoder`] and [`BdatDecoder`] take content off the wire, [`DataEncoder`] puts it
//!   there ([`data`]);
//! - [`ReplyDecoder`] reads replies, [`Reply`] says them ([`reply`]).
//!
//! Nothing here opens a socket, reads a clock, or guesses. Every decoder gives the same
//! result for every fragmentation of its input, looks at no octet twice, and is bounded by
//! a name in [`limits`]. Every value that exists can be put on the wire ([`Encode`]): no
//! constructor lets CR, LF or NUL through.
//!
//! Features: `std` (default) adds run-time detection of vector instructions; `serde`,
//! `arbitrary` and `tokio-util` add implementations of their traits. None changes behaviour.

#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod limits;

mod encode;
mod line;
mod sweep;
mod syntax_error;

mod grammar;

pub mod address;
pub mod command;
mod ehlo;
pub mod extension;

mod bdat;
pub mod data;
pub mod reply;
mod text_chunks;

pub mod envelope;
pub mod trace;

#[cfg(feature = "tokio-util")]
pub mod framed;

pub use address::{
    AddressError, AddressLiteral, Domain, DomainRef, ForwardPath, ForwardPathRef, GeneralLiteral,
    LocalPartRef, Mailbox, MailboxRef, ReversePath, ReversePathRef,
};
pub use bdat::BdatDecoder;
pub use command::{
    ClientName, ClientNameBuf, Command, CommandBuf, Mail, MailParameters, MailParametersRef, Rcpt,
    RcptParameters, RcptParametersRef, Text, Unknown, Verb,
};
pub use data::{BareOctet, BodyStep, Clean, DataDecoder, DataEncoder, Segment, Unclean, is_ascii, normalise};
pub use ehlo::{EhloReply, EhloReplyBuilder, EhloReplyError, EhloReplyRef};
pub use encode::Encode;
pub use envelope::{Envelope, Recipient};
pub use extension::{
    Arguments, Atrn, AttributeValue, Attributes, Auth, Base64, Bdat, Body, Burl, By, ByMode, Etrn, Extension,
    FutureRelease, Hold, InitialResponse, Interval, Keyword, Limits, MechanismName, MtPriority, Mtrk, Notify,
    Orcpt, Parameter, QueueName, Ret, Rrvs, RrvsUnsupported, SizeLimit, Solicitation, Submitter,
    TransactionId, UnknownExtension,
};
pub use grammar::date_time::DateTime;
pub use grammar::xtext::Xtext;
pub use line::{BadLine, BareNewline, Line, LineDecoder, LineStep};
pub use reply::{
    BadEnhancedStatusCode, BadReply, EnhancedStatusCode, Reply, ReplyCode, ReplyDecoder, ReplyError,
    ReplyRef, ReplyStep, Severity, StatusClass,
};
pub use syntax_error::{Expected, SyntaxError};
pub use text_chunks::TextChunks;
