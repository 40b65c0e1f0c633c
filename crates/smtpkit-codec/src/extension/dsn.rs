//! DSN: which delivery status notifications the originator wants (RFC 3461, RFC 6533).
//!
//! `RET` and `ENVID` stand in MAIL, `NOTIFY` and `ORCPT` in RCPT. `ENVID` is plain [`Xtext`].

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::value;

use crate::grammar::xtext::{Xtext, xtext};
use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::limits;
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `RET` in MAIL: what of the mail a notification of failure gives back (RFC 3461 §4.3).
///
/// ```
/// use smtpkit_codec::{MailParametersRef, Ret};
///
/// assert_eq!(MailParametersRef::parse("RET=HDRS")?.ret(), Some(Ret::Headers));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ret {
    /// `FULL`: the whole mail.
    Full,
    /// `HDRS`: its header fields only.
    Headers,
}

impl Ret {
    /// The value as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// ```abnf
/// ret-value = "FULL" / "HDRS"          ; RFC 3461 §4.3
/// ```
pub(crate) fn ret(input: &str) -> Parsed<'_, Ret> {
    let full = value(Ret::Full, token::word(b"FULL", Expected::Ret));
    let headers = value(Ret::Headers, token::word(b"HDRS", Expected::Ret));
    alt((full, headers)).parse(input)
}

/// ```abnf
/// envid-parameter = "ENVID=" xtext     ; RFC 3461 §4.4, at most 100 octets
/// ```
pub(crate) fn envid(input: &str) -> Parsed<'_, Xtext<'_>> {
    let (rest, envid) = xtext(input)?;
    if envid.as_str().len() > limits::ENVID_OCTETS {
        return Err(Fault::at(input, Expected::Xtext));
    }
    Ok((rest, envid))
}

/// The value of `NOTIFY` in RCPT: when to notify the originator (RFC 3461 §4.1).
///
/// `NEVER` is the empty set, so it cannot stand beside a condition.
///
/// ```
/// use smtpkit_codec::Notify;
///
/// let notify = Notify::FAILURE.or(Notify::DELAY);
/// assert!(notify.on_failure() && !notify.on_success());
/// assert_eq!(notify.to_string(), "FAILURE,DELAY");
/// assert!(Notify::NEVER.is_never());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notify(u8);

impl Notify {
    /// `NEVER`: no notification whatever happens.
    pub const NEVER: Self = Self(0);
    /// `SUCCESS`: when the mail was delivered.
    pub const SUCCESS: Self = Self(1);
    /// `FAILURE`: when it cannot be delivered.
    pub const FAILURE: Self = Self(2);
    /// `DELAY`: when delivery takes unusually long.
    pub const DELAY: Self = Self(4);

    const CONDITIONS: [(Self, &'static str); 3] =
        [(Self::SUCCESS, "SUCCESS"), (Self::FAILURE, "FAILURE"), (Self::DELAY, "DELAY")];

    /// On the conditions of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is it `NEVER`?
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// Is success to be told?
    #[must_use]
    pub const fn on_success(self) -> bool {
        self.has(Self::SUCCESS)
    }

    /// Is failure to be told?
    #[must_use]
    pub const fn on_failure(self) -> bool {
        self.has(Self::FAILURE)
    }

    /// Is delay to be told?
    #[must_use]
    pub const fn on_delay(self) -> bool {
        self.has(Self::DELAY)
    }

    const fn has(self, condition: Self) -> bool {
        self.0 & condition.0 != 0
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str("NEVER");
        }
        let mut separator = "";
        for (condition, name) in Self::CONDITIONS {
            if self.has(condition) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

/// ```abnf
/// notify-esmtp-value  = "NEVER" / 1#notify-list-element      ; RFC 3461 §4.1
/// notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
/// ```
pub(crate) fn notify(input: &str) -> Parsed<'_, Notify> {
    let mut notify = Notify::NEVER;
    let mut rest = input;
    loop {
        let element = rest;
        let condition;
        (rest, condition) = notify_element(element)?;
        notify = notify.or(condition);
        let next = rest.strip_prefix(',');
        if condition.is_never() && (next.is_some() || element.len() != input.len()) {
            return Err(Fault::at(element, Expected::Exclusive));
        }
        match next {
            Some(next) => rest = next,
            None => return Ok((rest, notify)),
        }
    }
}

/// `"NEVER" / notify-list-element`
#[inline]
fn notify_element(input: &str) -> Parsed<'_, Notify> {
    let never = value(Notify::NEVER, token::word(b"NEVER", Expected::Notify));
    let success = value(Notify::SUCCESS, token::word(b"SUCCESS", Expected::Notify));
    let failure = value(Notify::FAILURE, token::word(b"FAILURE", Expected::Notify));
    let delay = value(Notify::DELAY, token::word(b"DELAY", Expected::Notify));
    alt((failure, success, delay, never)).parse(input)
}

/// The value of `ORCPT` in RCPT: the recipient as the originator named it (RFC 3461 §4.2, RFC 6533 §3).
///
/// ```
/// use smtpkit_codec::Orcpt;
///
/// let orcpt = Orcpt::new("rfc822;jane+2Blists@example.com")?;
/// assert_eq!(orcpt.address_type(), "rfc822");
/// assert_eq!(&*orcpt.decode(), b"jane+lists@example.com");
///
/// let orcpt = Orcpt::new("utf-8;\\x{7528}\\x{6237}@example.com")?;
/// assert_eq!(&*orcpt.decode(), "用户@example.com".as_bytes());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Orcpt<'a> {
    text: &'a str,
    type_octets: usize,
}

impl<'a> Orcpt<'a> {
    /// A value that is already encoded: address type, ";", address.
    ///
    /// # Errors
    /// If it does not follow the grammar, or has more than 500 octets.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, orcpt)
    }

    /// The encoded value, as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// The address type, for instance `rfc822` or `utf-8`; it is compared without case.
    #[must_use]
    pub fn address_type(self) -> &'a str {
        self.text.get(..self.type_octets).unwrap_or(self.text)
    }

    /// The address, encoded as it stands on the wire.
    #[must_use]
    pub fn address(self) -> &'a str {
        self.text.get(self.type_octets + 1..).unwrap_or("")
    }

    /// The address, decoded by the rule of its type. It may hold any octets.
    #[must_use]
    pub fn decode(self) -> Cow<'a, [u8]> {
        let address = self.address();
        if !is_utf_8(self.address_type()) {
            return xtext(address).map_or(Cow::Borrowed(address.as_bytes()), |(_, address)| address.decode());
        }
        let mut decoded = String::new();
        let mut rest = address;
        while let Some((plain, escape)) = rest.split_once("\\x{") {
            let Some((digits, after)) = escape.split_once('}') else { break };
            decoded.push_str(plain);
            decoded.extend(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
            rest = after;
        }
        if decoded.is_empty() {
            return Cow::Borrowed(rest.as_bytes());
        }
        decoded.push_str(rest);
        Cow::Owned(decoded.into_bytes())
    }

    /// The value for a mailbox: `rfc822` and xtext if it is ASCII, else `utf-8` in the form that
    /// also a server without SMTPUTF8 takes.
    ///
    /// ```
    /// # use smtpkit_codec::Orcpt;
    /// assert_eq!(Orcpt::encode("a+b@example.com"), "rfc822;a+2Bb@example.com");
    /// assert_eq!(Orcpt::encode("é@example.com"), "utf-8;\\x{E9}@example.com");
    /// ```
    #[must_use]
    pub fn encode(mailbox: &str) -> String {
        use core::fmt::Write as _;
        if mailbox.is_ascii() {
            return alloc::format!("rfc822;{}", Xtext::encode(mailbox.as_bytes()));
        }
        let mut encoded = String::from("utf-8;");
        for character in mailbox.chars() {
            if is_qchar(character) && character.is_ascii() {
                encoded.push(character);
            } else {
                // a String takes every octet
                let _ = write!(encoded, "\\x{{{:X}}}", u32::from(character));
            }
        }
        encoded
    }
}

impl fmt::Display for Orcpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// ```abnf
/// original-recipient-address = addr-type ";" xtext     ; RFC 3461 §4.2, at most 500 octets
/// addr-type                  = atom
/// ```
pub(crate) fn orcpt(input: &str) -> Parsed<'_, Orcpt<'_>> {
    let (rest, address_type) = token::run(Class::ADDRESS_TYPE, Expected::OriginalRecipient)(input)?;
    let (rest, ()) = token::octet(b';', Expected::OriginalRecipient)(rest)?;
    let rest = if is_utf_8(address_type) { utf_8_address(rest)?.0 } else { xtext(rest)?.0 };
    let octets = input.len() - rest.len();
    if octets > limits::ORCPT_OCTETS {
        return Err(Fault::at(input, Expected::OriginalRecipient));
    }
    let (rest, text) = token::split(input, octets, Expected::OriginalRecipient)?;
    Ok((rest, Orcpt { text, type_octets: address_type.len() }))
}

fn is_utf_8(address_type: &str) -> bool {
    address_type.eq_ignore_ascii_case("utf-8")
}

/// ```abnf
/// utf-8-addr-unitext  = 1*(QUCHAR / EmbeddedUnicodeChar)        ; RFC 6533 §3
/// EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"
/// ```
/// `utf-8-addr-xtext` is the part of it that is ASCII.
fn utf_8_address(input: &str) -> Parsed<'_, ()> {
    let mut rest = input;
    loop {
        rest = rest.trim_start_matches(is_qchar);
        let Some(escape) = rest.strip_prefix("\\x{") else { break };
        let point = escape.split_once('}').filter(|(digits, _)| is_hexpoint(digits));
        let Some((_, after)) = point else { return Err(Fault::at(rest, Expected::OriginalRecipient)) };
        rest = after;
    }
    if rest.len() == input.len() {
        return Err(Fault::at(input, Expected::OriginalRecipient));
    }
    Ok((rest, ()))
}

/// ```abnf
/// QUCHAR = %x21-2A / %x2C-3C / %x3E-5B / %x5D-7E / UTF8-non-ascii     ; RFC 6533 §3
/// ```
const fn is_qchar(character: char) -> bool {
    matches!(character, '!'..='~' if !matches!(character, '+' | '=' | '\\')) || !character.is_ascii()
}

/// ```abnf
/// HEXPOINT = 2 to 6 upper-case hexadecimal digits without leading zeros   ; RFC 6533 §3
/// ```
/// A control, a surrogate or a character that can stand for itself is refused.
fn is_hexpoint(digits: &str) -> bool {
    let upper_case = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    if !upper_case || !(2..=6).contains(&digits.len()) || digits.starts_with('0') {
        return false;
    }
    let stands_for_itself = |character: char| character.is_ascii() && is_qchar(character);
    u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
        .is_some_and(|character| !character.is_control() && !stands_for_itself(character))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn notify_values_of_rfc_3461() {
        let check = |input: &str, expected: Option<&str>| {
            let found = whole(input, notify).ok().map(|notify| notify.to_string());
            assert_eq!(found.as_deref(), expected, "{input}");
        };
        check("NEVER", Some("NEVER"));
        check("never", Some("NEVER"));
        check("SUCCESS", Some("SUCCESS"));
        check("delay,FAILURE", Some("FAILURE,DELAY"));
        check("SUCCESS,FAILURE,DELAY", Some("SUCCESS,FAILURE,DELAY"));
        check("FAILURE,FAILURE", Some("FAILURE"));
        check("NEVER,FAILURE", None);
        check("FAILURE,NEVER", None);
        check("FAILURE,", None);
        check(",FAILURE", None);
        check("SOMETIMES", None);
        check("", None);
    }

    #[test]
    fn original_recipients_of_rfc_3461_and_6533() {
        let check = |input: &str, expected: Option<(&str, &str)>| {
            let found = Orcpt::new(input).ok();
            let found =
                found.map(|orcpt| (orcpt.address_type(), String::from_utf8(orcpt.decode().into()).unwrap()));
            assert_eq!(found.as_ref().map(|(kind, text)| (*kind, text.as_str())), expected, "{input}");
        };
        check("rfc822;a@b", Some(("rfc822", "a@b")));
        check("RFC822;a+2Bb@c", Some(("RFC822", "a+b@c")));
        check("x400;/C=US/", None);
        check("x400;/C+3DUS/", Some(("x400", "/C=US/")));
        check("utf-8;a@b", Some(("utf-8", "a@b")));
        check("utf-8;é@b", Some(("utf-8", "é@b")));
        check("utf-8;\\x{E9}@b", Some(("utf-8", "é@b")));
        check("UTF-8;a\\x{2B}b\\x{5C}@\\x{10FFFF}", Some(("UTF-8", "a+b\\@\u{10ffff}")));
        check("utf-8;\\x{e9}@b", None);
        check("utf-8;\\x{41}@b", None);
        check("utf-8;\\x{0D}@b", None);
        check("utf-8;\\x{D800}@b", None);
        check("utf-8;\\x{110000}@b", None);
        check("utf-8;\\x{E9", None);
        check("utf-8;a+b", None);
        check("utf-8;", None);
        check("rfc822;é@b", None);
        check("rfc822;", None);
        check("rfc822", None);
        check(";a", None);
    }

    #[test]
    fn mailboxes_become_original_recipients_and_come_back() {
        for mailbox in ["a@b", "a+b=c@d", "用户@例え", "\"a b\"@c", "\"ü\\\"\"@c"] {
            let encoded = Orcpt::encode(mailbox);
            assert_eq!(&*Orcpt::new(&encoded).unwrap().decode(), mailbox.as_bytes(), "{encoded}");
        }
    }

    #[test]
    fn ret_and_envid_of_rfc_3461() {
        let check =
            |input: &str, expected: Option<Ret>| assert_eq!(whole(input, ret).ok(), expected, "{input}");
        check("FULL", Some(Ret::Full));
        check("hdrs", Some(Ret::Headers));
        check("NONE", None);
        let lengths: Vec<bool> = [100, 101].map(|octets| whole(&"x".repeat(octets), envid).is_ok()).into();
        assert_eq!(lengths, [true, false]);
    }
}
