//! The ground that every rule of the grammar stands on: what a rule takes and gives back,
//! the octet classes, and the tokens that many rules share.
//!
//! A rule is a plain function `fn(&str) -> Parsed<T>`, complete input, one pass, named like the
//! ABNF rule that its documentation quotes; nom's combinators join them. Rules take `&str` and look
//! at octets: every class that takes one octet of a multi-octet character takes all of them, so a
//! rule can only stop between characters. Nothing here allocates, and nothing here knows a command.

pub(crate) mod class;
pub(crate) mod date_time;
pub(crate) mod fault;
pub(crate) mod token;
pub(crate) mod word;
pub(crate) mod xtext;

pub(crate) use self::class::Class;
pub(crate) use self::fault::{Fault, Parsed, whole};
