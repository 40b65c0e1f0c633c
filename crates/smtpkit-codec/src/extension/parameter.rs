//! The parameters of MAIL and RCPT: the rule that reads a list of them, once, and the storage that
//! the typed lists of both commands stand on.
//!
//! A list is its text and a set of bits that says which known parameters are in it. Reading checks
//! every known value by its extension's own rule, so a getter cannot fail; asking for a value that
//! is absent is one test of a bit. Unknown parameters are kept: whether they are refused (555) is
//! the server's policy, not the grammar's.

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::grammar::{Class, Fault, Parsed, token};
use crate::limits;
use crate::syntax_error::{Expected, SyntaxError};

/// One parameter of MAIL or RCPT (RFC 5321 §4.1.1.11).
///
/// ```
/// use smtpkit_codec::MailParametersRef;
///
/// let parameters = MailParametersRef::parse("X-Trace=7 SIZE=10")?;
/// let unknown = parameters.unknown().next().unwrap();
/// assert_eq!((unknown.keyword(), unknown.value()), ("X-Trace", Some("7")));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameter<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

impl<'a> Parameter<'a> {
    /// The keyword as written; it is compared without ASCII case.
    #[must_use]
    pub const fn keyword(self) -> &'a str {
        self.keyword
    }

    /// What stands behind the "=", as written.
    #[must_use]
    pub const fn value(self) -> Option<&'a str> {
        self.value
    }
}

impl fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword)?;
        self.value.map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

/// The parameters that a command knows: one row each.
pub(crate) trait Known: Copy {
    /// The parameter whose keyword `input` begins with, in either case, and what follows it.
    fn at(input: &str) -> Option<(&str, Self)>;
    /// Its keyword as it is sent.
    fn keyword(self) -> &'static str;
    /// Its bit in the set of those present; no two share one.
    fn bit(self) -> u16;
    /// The bits of those that must not stand beside it, its own among them.
    fn excludes(self) -> u16;
    /// Reads what follows its keyword: "=" and a value by its rule, or nothing.
    fn rest(self, input: &str) -> Parsed<'_, ()>;

    /// The parameter of that keyword, in either case.
    fn named(keyword: &str) -> Option<Self> {
        Self::at(keyword).filter(|(rest, _)| rest.is_empty()).map(|(_, known)| known)
    }
}

/// What follows `keyword`, if it is the keyword that `input` begins with.
#[inline(always)]
pub(crate) fn behind<'a, const N: usize>(input: &'a str, keyword: &'static [u8; N]) -> Option<&'a str> {
    if !token::starts_with(input, keyword) {
        return None;
    }
    input.get(N..).filter(|rest| !rest.as_bytes().first().is_some_and(|&octet| Class::KEYWORD.has(octet)))
}

/// Makes the table of a command's known parameters: variant, keyword, rule of the value if it
/// takes one.
macro_rules! known_parameters {
    ($Name:ident { $($variant:ident $keyword:literal $(= $rule:path)?;)* } exclusive { $($one:ident / $other:ident;)* }) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $Name { $($variant,)* }

        impl $crate::extension::parameter::Known for $Name {
            #[inline]
            fn at(input: &str) -> Option<(&str, Self)> {
                $(
                    if let Some(rest) = $crate::extension::parameter::behind(input, const {
                        $keyword.as_bytes().first_chunk::<{ $keyword.len() }>().expect("invariant: all of it")
                    }) {
                        return Some((rest, Self::$variant));
                    }
                )*
                None
            }

            fn keyword(self) -> &'static str {
                match self { $(Self::$variant => $keyword,)* }
            }

            #[inline]
            fn bit(self) -> u16 {
                1 << self as u16
            }

            #[inline]
            fn excludes(self) -> u16 {
                match self {
                    $(Self::$one | Self::$other => Self::$one.bit() | Self::$other.bit(),)*
                    _ => self.bit(),
                }
            }

            #[inline]
            fn rest(self, input: &str) -> $crate::grammar::Parsed<'_, ()> {
                match self {
                    $(Self::$variant => known_parameters!(@rest input $($rule)?),)*
                }
            }
        }
    };
    (@rest $input:ident) => { $crate::extension::parameter::no_value($input) };
    (@rest $input:ident $rule:path) => { $crate::extension::parameter::value($input, $rule) };
}

pub(crate) use known_parameters;

/// `"=" value`
#[inline(always)]
pub(crate) fn value<'a, T>(input: &'a str, rule: impl Fn(&'a str) -> Parsed<'a, T>) -> Parsed<'a, ()> {
    let (value, ()) = token::octet(b'=', Expected::Value)(input)?;
    rule(value).map(|(rest, _)| (rest, ()))
}

/// No value: the keyword stands alone.
#[inline(always)]
pub(crate) fn no_value(input: &str) -> Parsed<'_, ()> {
    if input.starts_with('=') { Err(Fault::at(input, Expected::NoValue)) } else { Ok((input, ())) }
}

/// A list of parameters: its text, and which known ones are in it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct List<'a> {
    text: &'a str,
    present: u16,
}

/// The owned form of [`List`].
#[derive(Clone, Default)]
pub(crate) struct ListBuf {
    text: String,
    present: u16,
}

impl<'a> List<'a> {
    pub(crate) const fn as_str(self) -> &'a str {
        self.text
    }

    pub(crate) fn to_owned(self) -> ListBuf {
        ListBuf { text: self.text.into(), present: self.present }
    }

    #[inline]
    pub(crate) fn has(self, known: impl Known) -> bool {
        self.present & known.bit() != 0
    }

    /// The value of a known parameter by its rule, which it has passed when the list was read.
    #[inline]
    pub(crate) fn get<T>(self, known: impl Known, rule: impl FnOnce(&'a str) -> Parsed<'a, T>) -> Option<T> {
        if !self.has(known) {
            return None;
        }
        let parameter =
            self.iter().find(|parameter| parameter.keyword.eq_ignore_ascii_case(known.keyword()))?;
        rule(parameter.value?).ok().map(|(_, value)| value)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.text.split([' ', '\t']).filter(|text| !text.is_empty()).map(|text| match text.split_once('=') {
            Some((keyword, value)) => Parameter { keyword, value: Some(value) },
            None => Parameter { keyword: text, value: None },
        })
    }

    pub(crate) fn unknown<K: Known>(self) -> impl Iterator<Item = Parameter<'a>> + use<'a, K> {
        self.iter().filter(|parameter| K::named(parameter.keyword).is_none())
    }
}

impl ListBuf {
    pub(crate) fn as_ref(&self) -> List<'_> {
        List { text: &self.text, present: self.present }
    }

    /// Puts a known parameter in, in place of one that it excludes. The value is of a type that
    /// cannot hold what the parameter's rule refuses.
    pub(crate) fn set<K: Known>(&mut self, known: K, value: Option<&dyn fmt::Display>) {
        if self.present & known.excludes() != 0 {
            self.retain(|keyword| K::named(keyword).is_none_or(|other| other.bit() & known.excludes() == 0));
        }
        self.separate();
        self.text.push_str(known.keyword());
        if let Some(value) = value {
            // a String takes every octet
            let _ = write!(self.text, "={value}");
        }
        self.present = self.present & !known.excludes() | known.bit();
    }

    /// Puts any parameter in.
    pub(crate) fn push_raw<K: Known>(
        &mut self,
        keyword: &str,
        value: Option<&str>,
    ) -> Result<(), SyntaxError> {
        let mut longer =
            Self { text: String::with_capacity(self.text.len() + keyword.len() + 16), present: 0 };
        longer.text.push_str(&self.text);
        longer.separate();
        let start = longer.text.len();
        longer.text.push_str(keyword);
        if let Some(value) = value {
            longer.text.push('=');
            longer.text.push_str(value);
        }
        let one = longer.text.get(start..).unwrap_or("");
        // alone, it must be one parameter; behind the others, it must not repeat or exclude one
        crate::grammar::whole(one, single::<K>)?;
        longer.present = crate::grammar::whole(&longer.text, list::<K>)?.present;
        *self = longer;
        Ok(())
    }

    /// Takes a parameter out, known or not.
    pub(crate) fn remove<K: Known>(&mut self, keyword: &str) {
        self.retain(|other| !other.eq_ignore_ascii_case(keyword));
        if let Some(known) = K::named(keyword) {
            self.present &= !known.bit();
        }
    }

    fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let mut kept = Self::default();
        for parameter in self.as_ref().iter().filter(|parameter| keep(parameter.keyword)) {
            kept.separate();
            // a String takes every octet
            let _ = write!(kept.text, "{parameter}");
        }
        self.text = kept.text;
    }

    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
    }
}

/// ```abnf
/// Mail-parameters = esmtp-param *(SP esmtp-param)      ; RFC 5321 §4.1.2
/// ```
/// Takes the rest of the line; empty is an empty list. More than one space, and white space at the
/// end, are tolerated (§4.1.1).
#[inline]
pub(crate) fn list<K: Known>(input: &str) -> Parsed<'_, List<'_>> {
    let start = token::skip_spaces(input);
    let mut seen = Seen { present: 0, unknown: 0, count: 0 };
    let mut rest = start;
    let mut end = start.len();
    while !rest.is_empty() {
        let parameter = rest;
        rest = seen.parameter::<K>(start, parameter)?;
        end = rest.len();
        let next = token::skip_spaces(rest);
        if next.len() == rest.len() && !next.is_empty() {
            return Err(Fault::at(rest, Expected::Space));
        }
        rest = next;
    }
    let text = start.get(..start.len() - end).unwrap_or("");
    Ok((rest, List { text, present: seen.present }))
}

/// One parameter alone.
fn single<K: Known>(input: &str) -> Parsed<'_, ()> {
    let rest = Seen { present: 0, unknown: 0, count: 0 }.parameter::<K>("", input)?;
    Ok((rest, ()))
}

/// What a list held so far.
struct Seen {
    /// The known ones, by their bits.
    present: u16,
    /// One bit of 64 for each unknown one, by its keyword: a bit that is clear proves that a
    /// keyword is new.
    unknown: u64,
    count: usize,
}

impl Seen {
    /// ```abnf
    /// esmtp-param   = esmtp-keyword ["=" esmtp-value]         ; RFC 5321 §4.1.2
    /// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
    /// ```
    /// `start` is the whole list, of which `input` is the rest; gives back what follows.
    #[inline]
    fn parameter<'a, K: Known>(&mut self, start: &str, input: &'a str) -> Result<&'a str, nom::Err<Fault>> {
        let Some((rest, known)) = K::at(input) else { return self.unknown_parameter(start, input) };
        if self.present & known.excludes() != 0 {
            let twice = self.present & known.bit() != 0;
            return Err(Fault::at(input, if twice { Expected::Once } else { Expected::Exclusive }));
        }
        self.present |= known.bit();
        known.rest(rest).map(|(rest, ())| rest)
    }

    /// ```abnf
    /// esmtp-value = 1*(%d33-60 / %d62-126 / UTF8-non-ascii)   ; RFC 5321 §4.1.2, RFC 6531 §3.4
    /// ```
    #[cold]
    fn unknown_parameter<'a>(&mut self, start: &str, input: &'a str) -> Result<&'a str, nom::Err<Fault>> {
        let (rest, keyword) = token::run(Class::KEYWORD, Expected::Keyword)(input)?;
        if keyword.starts_with('-') {
            return Err(Fault::at(input, Expected::Keyword));
        }
        self.count += 1;
        if self.count > limits::UNKNOWN_PARAMETERS_MAX {
            return Err(Fault::at(input, Expected::FewerParameters));
        }
        let bit = keyword
            .bytes()
            .fold(0_u32, |sum, octet| sum.wrapping_mul(31).wrapping_add(u32::from(octet | 0x20)));
        let bit = 1_u64 << (bit % 64);
        if self.unknown & bit != 0 {
            let before = start.get(..start.len().saturating_sub(input.len())).unwrap_or("");
            let before = List { text: before, present: 0 };
            if before.iter().any(|other| other.keyword.eq_ignore_ascii_case(keyword)) {
                return Err(Fault::at(input, Expected::Once));
            }
        }
        self.unknown |= bit;
        match rest.strip_prefix('=') {
            Some(value) => token::run(Class::VALUE, Expected::Value)(value).map(|(rest, _)| rest),
            None => Ok(rest),
        }
    }
}
