//! ESMTP extensions: one file each, with all that it adds (RFC 5321 §2.2).
//!
//! An extension may add a keyword with arguments to the reply to EHLO ([`Extension`]), parameters to
//! MAIL and RCPT ([`MailParameters`](crate::MailParameters), [`RcptParameters`](crate::RcptParameters)),
//! and commands ([`Command`](crate::Command)). Its types, its rules and their table stand together in
//! its file; a row in `keyword`, `announcement` or the parameters of a command ties it in.
//!
//! | extension | RFC | types |
//! |---|---|---|
//! | `8BITMIME`, `BINARYMIME` | 6152, 3030 | [`Body`] |
//! | `ATRN` | 2645 | [`Atrn`] |
//! | `AUTH` | 4954 | [`Auth`], [`MechanismName`], [`InitialResponse`], [`Submitter`] |
//! | `BURL` | 4468 | [`Burl`] |
//! | `CHECKPOINT` | 1845 | [`TransactionId`] |
//! | `CHUNKING` | 3030 | [`Bdat`] |
//! | `DELIVERBY` | 2852 | [`By`], [`ByMode`] |
//! | `DSN` | 3461, 6533 | [`Ret`], [`Notify`], [`Orcpt`], [`Xtext`](crate::Xtext) |
//! | `ETRN` | 1985 | [`Etrn`] |
//! | `FUTURERELEASE` | 4865 | [`FutureRelease`], [`Hold`], [`Interval`] |
//! | `LIMITS` | 9422 | [`Limits`] |
//! | `MT-PRIORITY` | 6710 | [`MtPriority`] |
//! | `MTRK` | 3885 | [`Mtrk`] |
//! | `NO-SOLICITING` | 3865 | [`Solicitation`] |
//! | `RRVS` | 7293 | [`Rrvs`] |
//! | `SIZE` | 1870 | [`SizeLimit`] |
//! | `XCLIENT`, `XFORWARD` | Postfix | [`Attributes`] |
//!
//! The others add a keyword, or a parameter without a value, and no type of their own.

pub(crate) mod announcement;
pub(crate) mod keyword;
pub(crate) mod parameter;

pub(crate) mod atrn;
pub(crate) mod attribute;
pub(crate) mod auth;
pub(crate) mod burl;
pub(crate) mod checkpoint;
pub(crate) mod chunking;
pub(crate) mod deliver_by;
pub(crate) mod dsn;
pub(crate) mod eight_bit_mime;
pub(crate) mod etrn;
pub(crate) mod future_release;
pub(crate) mod limits;
pub(crate) mod mt_priority;
pub(crate) mod mtrk;
pub(crate) mod no_soliciting;
pub(crate) mod rrvs;
pub(crate) mod size;

pub use self::announcement::{Arguments, Extension, UnknownExtension};
pub use self::atrn::Atrn;
pub use self::attribute::{AttributeValue, Attributes};
pub use self::auth::{Auth, Base64, InitialResponse, MechanismName, Submitter};
pub use self::burl::Burl;
pub use self::checkpoint::TransactionId;
pub use self::chunking::Bdat;
pub use self::deliver_by::{By, ByMode};
pub use self::dsn::{Notify, Orcpt, Ret};
pub use self::eight_bit_mime::Body;
pub use self::etrn::{Etrn, QueueName};
pub use self::future_release::{FutureRelease, Hold, Interval};
pub use self::keyword::Keyword;
pub use self::limits::Limits;
pub use self::mt_priority::MtPriority;
pub use self::mtrk::Mtrk;
pub use self::no_soliciting::Solicitation;
pub use self::parameter::Parameter;
pub use self::rrvs::{Rrvs, RrvsUnsupported};
pub use self::size::SizeLimit;
