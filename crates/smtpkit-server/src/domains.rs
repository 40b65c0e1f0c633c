//! The domains whose mail ends here. Everything else is foreign, and relaying to it needs a permission.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use smtpkit_codec::{AddressLiteral, ForwardPath};
use thiserror::Error;

/// The set of local domains. Clones share it, so that it can be replaced while servers run.
///
/// Names are compared as DNS does (RFC 5321 §2.3.5): ASCII case does not matter, and a U-label equals its A-label
/// (RFC 5891 §2).
///
/// ```
/// use smtpkit_server::LocalDomains;
///
/// let domains = LocalDomains::new(["Example.test", "bücher.test"])?;
/// assert!(domains.contains("example.TEST"));
/// assert!(domains.contains("xn--bcher-kva.test"));
/// assert!(!domains.contains("sub.example.test"));
/// # Ok::<(), smtpkit_server::BadDomain>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LocalDomains(Arc<RwLock<Set>>);

#[derive(Debug, Default)]
struct Set {
    names: HashSet<Box<str>>,
    addresses: HashSet<IpAddr>,
}

/// A name that is no domain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no domain name")]
pub struct BadDomain(String);

impl LocalDomains {
    /// The set of `names`. `[192.0.2.1]` and `[IPv6:2001:db8::1]` are this host's addresses, for mail to
    /// `user@[192.0.2.1]`.
    ///
    /// # Errors
    /// [`BadDomain`] with the first name that is none.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BadDomain> {
        let domains = Self::default();
        domains.replace(names)?;
        Ok(domains)
    }

    /// Replaces the whole set, for every clone at once.
    ///
    /// # Errors
    /// [`BadDomain`] with the first name that is none; the set then stays as it was.
    pub fn replace<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), BadDomain> {
        let mut set = Set::default();
        for name in names {
            match literal(name) {
                Some(address) => set.addresses.insert(address),
                None => set.names.insert(normal_form(name).ok_or_else(|| BadDomain(name.to_owned()))?),
            };
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    /// Whether `domain` is in the set.
    pub fn contains(&self, domain: &str) -> bool {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.names.contains(domain) || normal_form(domain).is_some_and(|name| set.names.contains(&name))
    }

    /// Whether mail to `path` ends here. `<Postmaster>` always does (RFC 5321 §4.5.1).
    pub fn is_local(&self, path: &ForwardPath) -> bool {
        let path = path.as_ref();
        let Some(mailbox) = path.mailbox() else { return path.is_postmaster() };
        if let Some(domain) = mailbox.domain() {
            return self.contains(domain.as_str());
        }
        let address = match mailbox.literal() {
            Some(AddressLiteral::V4(v4)) => IpAddr::V4(v4),
            Some(AddressLiteral::V6(v6)) => IpAddr::V6(v6),
            _ => return false,
        };
        self.0.read().unwrap_or_else(PoisonError::into_inner).addresses.contains(&address)
    }
}

fn literal(name: &str) -> Option<IpAddr> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => inner.get(5..)?.parse().ok().map(IpAddr::V6),
        _ => inner.parse().ok().map(IpAddr::V4),
    }
}

/// A domain as A-labels in lower case; `None` if it is no domain.
fn normal_form(name: &str) -> Option<Box<str>> {
    let ascii = idna::domain_to_ascii(name).ok()?;
    let is_domain = !ascii.is_empty()
        && ascii.len() <= smtpkit_codec::limits::DOMAIN_OCTETS
        && ascii.split('.').all(|label| {
            let is_inner = !label.starts_with('-') && !label.ends_with('-');
            let is_ldh =
                label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
            !label.is_empty() && is_inner && is_ldh
        });
    is_domain.then(|| ascii.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_domain() {
        for name in
            ["", ".", "a..b", "-a.test", "a b.test", "user@example.test", "example.test.", "[192.0.2]"]
        {
            assert_eq!(LocalDomains::new([name]).unwrap_err(), BadDomain(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_bad_name_changes_nothing() {
        let domains = LocalDomains::new(["a.test"]).unwrap();
        domains.replace(["b.test", "?"]).unwrap_err();
        assert!(domains.contains("a.test") && !domains.contains("b.test"));
        let clone = domains.clone();
        domains.replace(["b.test"]).unwrap();
        assert!(clone.contains("b.test") && !clone.contains("a.test"));
    }

    #[test]
    fn local_and_foreign_paths() {
        let domains = LocalDomains::new(["example.test", "[192.0.2.1]", "[IPv6:2001:db8::1]"]).unwrap();
        for (path, expected) in [
            ("<bob@example.test>", true),
            ("<bob@EXAMPLE.test>", true),
            ("<Postmaster>", true),
            ("<bob@[192.0.2.1]>", true),
            ("<bob@[IPv6:2001:db8::1]>", true),
            ("<bob@[192.0.2.2]>", false),
            ("<bob@example.test.evil.test>", false),
            ("<bob@evil.test>", false),
            ("<\"bob@example.test\"@evil.test>", false),
            ("<@example.test:bob@evil.test>", false),
        ] {
            let parsed: ForwardPath = path.parse().unwrap();
            assert_eq!(domains.is_local(&parsed), expected, "{path}");
        }
    }
}
