//! What a row of the routing table matches.
//!
//! Addresses are compared in their canonical form: no case, no quotes that mean nothing, the domain as A-labels. An
//! expression sees that form, too, as `local-part@domain`; it matches anywhere unless it is anchored with `^` and `$`.

use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use smtpkit_codec::address::{Mailbox, MailboxRef};

use super::RouteError;
use crate::directory::{canonical_domain, canonical_local_part};

/// The largest compiled expression, in octets.
const EXPRESSION_OCTETS_MAX: usize = 1024 * 1024;

/// What a row of the routing table matches.
///
/// ```
/// use smtpkit_relay::Pattern;
/// use smtpkit_codec::address::Mailbox;
///
/// let pattern: Pattern = "shop+*@example.test".parse()?;
/// let address: Mailbox = "Shop+2026@example.test".parse()?;
/// assert!(pattern.matches(address.as_ref()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pattern(Form);

#[derive(Clone, Debug)]
enum Form {
    Exact {
        local_part: Box<str>,
        domain: Box<str>,
    },
    /// The part before the `+`, which is included.
    Tagged {
        prefix: Box<str>,
        domain: Box<str>,
    },
    Domain(Box<str>),
    Expression(Regex),
}

impl Pattern {
    /// Whether `address` is one that the row is for.
    #[must_use]
    pub fn matches(&self, address: MailboxRef<'_>) -> bool {
        let domain = canonical_domain(address.domain_text());
        let local_part = canonical_local_part(address);
        self.matches_canonical(&local_part, &domain)
    }

    pub(super) fn matches_canonical(&self, wanted: &str, at: &str) -> bool {
        match &self.0 {
            Form::Exact { local_part, domain } => **local_part == *wanted && **domain == *at,
            Form::Tagged { prefix, domain } => wanted.starts_with(&**prefix) && **domain == *at,
            Form::Domain(domain) => **domain == *at,
            Form::Expression(expression) => expression.is_match(&format!("{wanted}@{at}")),
        }
    }
}

impl FromStr for Pattern {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        if let Some(expression) = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            let compiled = RegexBuilder::new(expression).size_limit(EXPRESSION_OCTETS_MAX).build();
            return compiled.map(|regex| Self(Form::Expression(regex))).map_err(|error| {
                RouteError::Expression {
                    expression: expression.into(),
                    why: last_line(&error.to_string()).into(),
                }
            });
        }
        let bad = || RouteError::Pattern(text.into());
        let (local_part, _) = text.rsplit_once('@').ok_or_else(bad)?;
        // the asterisk is a character of local parts, too: `a*b@domain` is the address that it looks like
        let mailbox: Mailbox = text.parse().map_err(|_| bad())?;
        let domain = canonical_domain(mailbox.as_ref().domain_text()).into();
        let wanted = canonical_local_part(mailbox.as_ref());
        Ok(Self(if local_part == "*" {
            Form::Domain(domain)
        } else if local_part.len() > "+*".len() && local_part.ends_with("+*") {
            Form::Tagged { prefix: wanted.strip_suffix('*').unwrap_or(&wanted).into(), domain }
        } else {
            Form::Exact { local_part: wanted.into(), domain }
        }))
    }
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms() {
        let check = |pattern: &str, address: &str, expected: bool| {
            let parsed: Pattern = pattern.parse().unwrap();
            let address: Mailbox = address.parse().unwrap();
            assert_eq!(parsed.matches(address.as_ref()), expected, "{pattern} on {address}");
        };
        check("sales@example.test", "SALES@Example.test", true);
        check("sales@example.test", "\"sales\"@example.test", true);
        check("sales@example.test", "sales+x@example.test", false);
        check("sales@example.test", "sales@other.test", false);
        check("sales+*@example.test", "sales+x@example.test", true);
        check("sales+*@example.test", "sales@example.test", false);
        check("sales+*@example.test", "sales+x@other.test", false);
        check("*@example.test", "any.body@example.test", true);
        check("*@παράδειγμα.test", "a@xn--hxajbheg2az3al.test", true);
        check("*@example.test", "a@sub.example.test", false);
        check("/^ticket-[0-9]+@example\\.test$/", "Ticket-42@example.test", true);
        check("/^ticket-[0-9]+@example\\.test$/", "ticket-x@example.test", false);
        check("a*b@example.test", "aXb@example.test", false);
    }

    #[test]
    fn what_is_no_pattern_says_so_in_one_line() {
        for text in ["", "sales", "@example.test", "a b@example.test", "*@", "/unclosed"] {
            assert_eq!(text.parse::<Pattern>().unwrap_err(), RouteError::Pattern(text.into()));
        }
        let error = "/(/".parse::<Pattern>().unwrap_err().to_string();
        assert!(error.starts_with("`(` is not a regular expression") && !error.contains('\n'), "{error}");
    }
}
