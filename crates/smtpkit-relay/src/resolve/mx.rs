//! From MX records to the hosts that are tried, in order (RFC 5321 §5.1, RFC 7505).
//!
//! Hosts of a lower preference come first; those of the same one in random order, so that they share the load. If we are
//! in the list ourselves, only hosts that are better than us count, or two servers would pass a message to and fro for
//! ever. Without MX records the domain itself is the host. Addresses are not looked up here.

use smtpkit_codec::address::AddressLiteral;
use smtpkit_codec::{EnhancedStatusCode, StatusClass};

use super::{LookupError, Resolver};
use crate::mix::shuffle;

/// Hosts of one domain that are tried for one message; the rest waits for the next attempt.
pub(crate) const HOSTS_MAX: usize = 8;

/// The names that this system answers to, for finding itself among the hosts of a domain.
///
/// ```
/// let own = smtpkit_relay::OwnNames::new(["MX.example.test"]);
/// assert!(own.contains("mx.example.test"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct OwnNames(Vec<Box<str>>);

impl OwnNames {
    /// Host names, in any case.
    #[must_use]
    pub fn new<I: IntoIterator<Item: AsRef<str>>>(names: I) -> Self {
        Self(names.into_iter().map(|name| name.as_ref().to_ascii_lowercase().into()).collect())
    }

    /// Whether `host` is one of them.
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// Why no host can be named for a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unroutable {
    /// The domain does not exist.
    #[error("domain {0} does not exist")]
    NoSuchDomain(Box<str>),
    /// The domain says that it takes no mail (RFC 7505).
    #[error("domain {0} takes no mail (null MX)")]
    NullMx(Box<str>),
    /// The mail for the domain comes to us, and we have no mailbox for it.
    #[error("mail for {0} loops back to this system")]
    Loop(Box<str>),
    /// The address literal is none that can be connected to.
    #[error("{0} is not an IP address")]
    BadLiteral(Box<str>),
    /// Nobody could say.
    #[error("DNS look-up of {domain} failed: {why}")]
    Temporary {
        /// What was looked up.
        domain: Box<str>,
        /// What went wrong.
        why: Box<str>,
    },
}

impl Unroutable {
    /// The status of the recipients (RFC 3463, RFC 7505 §4.2).
    #[must_use]
    pub const fn status(&self) -> EnhancedStatusCode {
        let status = match self {
            Self::NoSuchDomain(_) | Self::BadLiteral(_) => {
                EnhancedStatusCode::new(StatusClass::Permanent, 1, 2)
            }
            Self::NullMx(_) => EnhancedStatusCode::new(StatusClass::Permanent, 1, 10),
            Self::Loop(_) => EnhancedStatusCode::new(StatusClass::Permanent, 4, 6),
            Self::Temporary { .. } => EnhancedStatusCode::new(StatusClass::Transient, 4, 3),
        };
        status.expect("invariant: every code in this function is within the limits of RFC 3463")
    }
}

/// The hosts to try for `domain`, best first: names, or one IP address for a literal. Never an empty list.
///
/// # Errors
/// [`Unroutable`] says why there is none, and its status whether that is for good.
pub async fn next_hops(
    resolver: &dyn Resolver,
    domain: &str,
    own: &OwnNames,
    seed: u64,
) -> Result<Vec<Box<str>>, Unroutable> {
    if domain.starts_with('[') {
        let literal = AddressLiteral::parse(domain).ok().and_then(|literal| literal.ip());
        let address = literal.ok_or_else(|| Unroutable::BadLiteral(domain.into()))?;
        return Ok(vec![address.to_string().into()]);
    }
    let mut records = match resolver.mx(domain).await {
        Ok(records) => records,
        // no MX: the domain is its own and only host (RFC 5321 §5.1)
        Err(LookupError::NoRecords) if own.contains(domain) => return Err(Unroutable::Loop(domain.into())),
        Err(LookupError::NoRecords) => return Ok(vec![domain.into()]),
        Err(LookupError::NoSuchName) => return Err(Unroutable::NoSuchDomain(domain.into())),
        Err(LookupError::Temporary(why)) => return Err(Unroutable::Temporary { domain: domain.into(), why }),
    };
    if records.iter().all(super::Mx::is_null) {
        return Err(Unroutable::NullMx(domain.into()));
    }
    // a null MX beside others is a mistake that says nothing (RFC 7505 §3)
    records.retain(|record| !record.is_null());
    records.sort();
    shuffle(&mut records, seed);
    records.sort_by_key(|record| record.preference);
    let ours =
        records.iter().filter(|record| own.contains(&record.host)).map(|record| record.preference).min();
    if let Some(ours) = ours {
        records.retain(|record| record.preference < ours);
    }
    let mut hosts: Vec<Box<str>> = Vec::new();
    for record in records {
        if !hosts.contains(&record.host) {
            hosts.push(record.host);
        }
    }
    hosts.truncate(HOSTS_MAX);
    if hosts.is_empty() { Err(Unroutable::Loop(domain.into())) } else { Ok(hosts) }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::{Lookup, Mx};
    use super::*;

    /// Answers every question alike.
    struct Fixed(Result<Vec<Mx>, LookupError>);

    impl Resolver for Fixed {
        fn mx<'a>(&'a self, _: &'a str) -> Lookup<'a, Vec<Mx>> {
            Box::pin(std::future::ready(self.0.clone()))
        }

        fn addresses<'a>(&'a self, _: &'a str) -> Lookup<'a, Vec<IpAddr>> {
            Box::pin(std::future::ready(Err(LookupError::NoRecords)))
        }
    }

    async fn hops(
        answer: Result<&[(u16, &str)], LookupError>,
        domain: &str,
        seed: u64,
    ) -> Result<String, String> {
        let records = answer.map(|records| records.iter().map(|(at, host)| Mx::new(*at, host)).collect());
        let own = OwnNames::new(["us.test"]);
        match next_hops(&Fixed(records), domain, &own, seed).await {
            Ok(hosts) => Ok(hosts.join(" ")),
            Err(error) => Err(format!("{} {error}", error.status())),
        }
    }

    #[tokio::test]
    async fn the_rules_of_rfc_5321_section_5() {
        let check = async |answer, domain: &str, expected: Result<&str, &str>| {
            let found = hops(answer, domain, 1).await;
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{domain}");
        };
        let down = || Err(LookupError::Temporary("SERVFAIL".into()));
        check(Ok(&[(20, "b.test."), (10, "A.test.")]), "x.test", Ok("a.test b.test")).await;
        check(Err(LookupError::NoRecords), "x.test", Ok("x.test")).await;
        check(
            Err(LookupError::NoRecords),
            "us.test",
            Err("5.4.6 mail for us.test loops back to this system"),
        )
        .await;
        check(Err(LookupError::NoSuchName), "x.test", Err("5.1.2 domain x.test does not exist")).await;
        check(down(), "x.test", Err("4.4.3 DNS look-up of x.test failed: SERVFAIL")).await;
        check(Ok(&[(0, ".")]), "x.test", Err("5.1.10 domain x.test takes no mail (null MX)")).await;
        check(Ok(&[(0, "."), (10, "a.test")]), "x.test", Ok("a.test")).await;
        check(Ok(&[(5, "a.test"), (10, "US.test"), (20, "b.test")]), "x.test", Ok("a.test")).await;
        check(Ok(&[(10, "us.test")]), "x.test", Err("5.4.6 mail for x.test loops back to this system")).await;
        check(Ok(&[(1, "a.test"), (2, "a.test")]), "x.test", Ok("a.test")).await;
        check(Err(LookupError::NoRecords), "[127.0.0.1]", Ok("127.0.0.1")).await;
        check(Err(LookupError::NoRecords), "[IPv6:::1]", Ok("::1")).await;
        check(Err(LookupError::NoRecords), "[x:y]", Err("5.1.2 [x:y] is not an IP address")).await;
    }

    #[tokio::test]
    async fn equal_preferences_share_the_load() {
        let records: &[(u16, &str)] = &[(10, "a"), (10, "b"), (10, "c"), (20, "z")];
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let found = hops(Ok(records), "x.test", seed).await.unwrap();
            assert_eq!(hops(Ok(records), "x.test", seed).await.unwrap(), found, "a seed repeats its order");
            assert!(found.ends_with(" z"), "{found}");
            seen.insert(found);
        }
        assert_eq!(seen.len(), 6);
    }
}
