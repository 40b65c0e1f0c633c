//! Domains: names of hosts and of mail domains, in A-labels or U-labels.

use alloc::boxed::Box;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::grammar::word::owned_word;
use crate::grammar::{Class, Fault, Parsed, whole};
use crate::limits;
use crate::syntax_error::Expected;

use super::AddressError;

/// A domain (RFC 5321 §4.1.2, RFC 6531 §3.3), kept as written; compared without ASCII case.
///
/// The owned form is [`Domain`].
///
/// ```
/// use smtpkit_codec::DomainRef;
///
/// let domain = DomainRef::parse("Mail.Example.COM")?;
/// assert_eq!(domain, DomainRef::parse("mail.example.com")?);
/// assert_eq!(domain.as_str(), "Mail.Example.COM");
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy)]
pub struct DomainRef<'a>(&'a str);

/// The owned form of [`DomainRef`], one allocation.
///
/// ```
/// use smtpkit_codec::Domain;
///
/// let domain: Domain = "bücher.example".parse()?;
/// assert!(!domain.as_ref().is_ascii());
/// assert!("under_score.example".parse::<Domain>().is_err());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone)]
pub struct Domain(Box<str>);

impl<'a> DomainRef<'a> {
    /// The domain that `text` is.
    ///
    /// # Errors
    /// If `text` is not a domain, with the offset of the first octet that cannot be part of one.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        Ok(whole(text, domain)?)
    }

    /// A text that a rule of this crate has found to be a domain.
    pub(super) const fn known(text: &'a str) -> Self {
        Self(text)
    }

    /// The domain as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Are all labels ASCII (A-labels or plain ones)? If not, the peer must offer SMTPUTF8.
    #[must_use]
    pub const fn is_ascii(self) -> bool {
        self.0.is_ascii()
    }

    /// The labels from left to right.
    ///
    /// ```
    /// # use smtpkit_codec::DomainRef;
    /// assert!(DomainRef::parse("mx.example.com")?.labels().eq(["mx", "example", "com"]));
    /// # Ok::<(), smtpkit_codec::AddressError>(())
    /// ```
    pub fn labels(self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.0.split('.')
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> Domain {
        Domain(self.0.into())
    }

    fn folded(self) -> impl Iterator<Item = u8> + use<'a> {
        self.0.bytes().map(|octet| octet.to_ascii_lowercase())
    }
}

impl Domain {
    /// The view of it.
    #[must_use]
    pub const fn as_ref(&self) -> DomainRef<'_> {
        DomainRef(&self.0)
    }

    /// The domain as written.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for DomainRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for DomainRef<'_> {}

impl Hash for DomainRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|octet| state.write_u8(octet));
        state.write_u8(0);
    }
}

impl PartialOrd for DomainRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DomainRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl fmt::Display for DomainRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

owned_word!(Domain, DomainRef, AddressError);

/// ```abnf
/// Domain     = sub-domain *("." sub-domain)       ; RFC 5321 §4.1.2, at most 255 octets
/// sub-domain = Let-dig [Ldh-str] / U-label        ; RFC 6531 §3.3, at most 63 octets
/// ```
pub(crate) fn domain(input: &str) -> Parsed<'_, DomainRef<'_>> {
    let octets = input.as_bytes();
    let mut end = 0;
    loop {
        let label = octets.get(end..).unwrap_or_default();
        let length = Class::LDH.run(label);
        // the octet before the end of an empty label does not exist, so that one is refused, too
        let ends = (label.first(), length.checked_sub(1).and_then(|last| label.get(last)));
        if matches!(ends, (Some(b'-'), _) | (_, Some(b'-') | None)) || length > limits::DOMAIN_LABEL_OCTETS {
            return Err(bad_label(input, end, length));
        }
        end += length;
        if octets.get(end) != Some(&b'.') {
            break;
        }
        end += 1;
    }
    match input.split_at_checked(end) {
        Some((domain, rest)) if end <= limits::DOMAIN_OCTETS => Ok((rest, DomainRef(domain))),
        _ => Err(Fault::at(input, Expected::ShorterDomain)),
    }
}

#[cold]
fn bad_label(input: &str, start: usize, length: usize) -> nom::Err<Fault> {
    let expected =
        if length > limits::DOMAIN_LABEL_OCTETS { Expected::ShorterLabel } else { Expected::Domain };
    Fault::at(input.get(start..).unwrap_or(""), expected)
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Domain {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut text = alloc::string::String::new();
        for label in 0..u.int_in_range(1..=4)? {
            if label > 0 {
                text.push('.');
            }
            for _ in 0..u.int_in_range(1..=12)? {
                text.push(*u.choose(&['a', 'b', 'Z', '0', '9', 'x', 'é', '例'])?);
            }
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn domains_of_rfc_5321() {
        let check = |input: &str, expected: Result<(), usize>| {
            assert_eq!(DomainRef::parse(input).map(drop).map_err(AddressError::offset), expected, "{input}");
        };
        check("example.com", Ok(()));
        check("localhost", Ok(()));
        check("a", Ok(()));
        check("1.2.3.4", Ok(()));
        check("xn--bcher-kva.example", Ok(()));
        check("a--b.c", Ok(()));
        check("例え.テスト", Ok(()));
        check("", Err(0));
        check(".", Err(0));
        check("a.", Err(2));
        check(".a", Err(0));
        check("a..b", Err(2));
        check("-a.b", Err(0));
        check("a.-b", Err(2));
        check("a.b-", Err(2));
        check("a_b.c", Err(1));
        check("a b", Err(1));
        check("a.b\r\n", Err(3));
        check("[1.2.3.4]", Err(0));
    }

    #[test]
    fn lengths_of_rfc_5321_4_5_3_1_2() {
        let label = "a".repeat(63);
        assert!(DomainRef::parse(&label).is_ok());
        assert_eq!(DomainRef::parse(&"a".repeat(64)).unwrap_err().expected(), Expected::ShorterLabel);
        let full = [label.as_str(); 4].join(".");
        assert_eq!(full.len(), 255);
        assert!(DomainRef::parse(&full).is_ok());
        let long: String = ["a"; 129].join(".");
        assert_eq!(DomainRef::parse(&long).unwrap_err().expected(), Expected::ShorterDomain);
    }
}
