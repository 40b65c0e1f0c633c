//! Who has authenticated, whom they act for, and as whom they may send.
//!
//! Permission is data on the identity, not a question to anybody, so that the server can decide at MAIL
//! (RFC 6409 §6.1) without another look-up. What an identity may not do is everything that it does not list.

/// Who came out of a successful exchange: authentication and authorization identity (RFC 4422 §2).
///
/// ```
/// use smtpkit_auth::{Identity, SendAs};
///
/// let alice = Identity::new("alice@example.test").with_send_as([SendAs::parse("*@sales.example.test")?]);
/// assert!(alice.may_send_as("Alice@example.test"));
/// assert!(alice.may_send_as("offers@sales.example.test"));
/// assert!(alice.may_send_as(""), "the null reverse-path names nobody");
/// assert!(!alice.may_send_as("bob@example.test"));
/// # Ok::<(), smtpkit_auth::InvalidSendAs>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    authentication: String,
    authorization: String,
    send_as: Vec<SendAs>,
}

impl Identity {
    /// An identity that acts for itself.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { authorization: name.clone(), authentication: name, send_as: Vec::new() }
    }

    /// The same one acting for another.
    #[must_use]
    pub fn acting_as(mut self, name: impl Into<String>) -> Self {
        self.authorization = name.into();
        self
    }

    /// Adds reverse-paths that it may use besides its own.
    #[must_use]
    pub fn with_send_as(mut self, send_as: impl IntoIterator<Item = SendAs>) -> Self {
        self.send_as.extend(send_as);
        self
    }

    /// Whose credentials were shown.
    pub fn authentication(&self) -> &str {
        &self.authentication
    }

    /// For whom everything that follows is done; the same as [`Identity::authentication`] unless they asked to act for another.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Whether it may use this reverse-path (without angle brackets): its own name, a [`SendAs`], or the null
    /// reverse-path, which notifications must use (RFC 8098 §2.1). ASCII case does not matter.
    pub fn may_send_as(&self, reverse_path: &str) -> bool {
        reverse_path.is_empty()
            || reverse_path.eq_ignore_ascii_case(&self.authorization)
            || self.send_as.iter().any(|pattern| pattern.matches(reverse_path))
    }
}

/// A pattern of reverse-paths: `bob@x.test`, `*@x.test`, `bob+*@x.test`, or `*` for all.
///
/// ```
/// use smtpkit_auth::SendAs;
///
/// assert!(SendAs::parse("bob+*@x.test")?.matches("bob+lists@X.test"));
/// assert!(!SendAs::parse("bob+*@x.test")?.matches("bob@x.test"));
/// assert!(SendAs::parse("b*b@x.test").is_err());
/// # Ok::<(), smtpkit_auth::InvalidSendAs>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAs(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Everyone,
    Exactly(String),
    Between { start: String, end: String },
}

impl SendAs {
    /// Reads a pattern. A star stands for at least one character and only directly before the `@`.
    ///
    /// # Errors
    /// [`InvalidSendAs`] if there is no `@`, an empty side, a white space, or a star elsewhere.
    pub fn parse(text: &str) -> Result<Self, InvalidSendAs> {
        if text == "*" {
            return Ok(Self(Pattern::Everyone));
        }
        let (local_part, domain) = text.rsplit_once('@').ok_or(InvalidSendAs)?;
        let whole = !local_part.is_empty() && !domain.is_empty();
        if !whole || domain.contains('*') || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(InvalidSendAs);
        }
        match local_part.strip_suffix('*') {
            Some(start) if start.contains('*') => Err(InvalidSendAs),
            Some(start) => Ok(Self(Pattern::Between {
                start: start.to_ascii_lowercase(),
                end: format!("@{}", domain.to_ascii_lowercase()),
            })),
            None if local_part.contains('*') => Err(InvalidSendAs),
            None => Ok(Self(Pattern::Exactly(text.to_ascii_lowercase()))),
        }
    }

    /// Whether it covers this address; ASCII case does not matter.
    pub fn matches(&self, address: &str) -> bool {
        let address = address.to_ascii_lowercase();
        match &self.0 {
            Pattern::Everyone => true,
            Pattern::Exactly(own) => *own == address,
            Pattern::Between { start, end } => address
                .strip_prefix(start.as_str())
                .and_then(|rest| rest.strip_suffix(end.as_str()))
                .is_some_and(|star| !star.is_empty() && !star.contains('@')),
        }
    }
}

/// A text that is not a pattern of reverse-paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address, *@domain, user+*@domain, or * alone")]
pub struct InvalidSendAs;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say_and_no_more() {
        fn check(pattern: &str, address: &str, expected: bool) {
            assert_eq!(SendAs::parse(pattern).unwrap().matches(address), expected, "{pattern} {address}");
        }
        check("bob@x.test", "bob@x.test", true);
        check("bob@x.test", "BOB@X.TEST", true);
        check("bob@x.test", "rob@x.test", false);
        check("*@x.test", "anyone@x.test", true);
        check("*@x.test", "@x.test", false);
        check("*@x.test", "a@b@x.test", false);
        check("*@x.test", "a@sub.x.test", false);
        check("*@x.test", "a@xx.test", false);
        check("bob+*@x.test", "bob+@x.test", false);
        check("bob+*@x.test", "bob+1@x.test", true);
        check("*", "a@b.test", true);
        for wrong in ["", "@x", "a@", "a", "**@x", "a*b@x", "a@*", "a b@x", "a@x\n"] {
            assert_eq!(SendAs::parse(wrong), Err(InvalidSendAs), "{wrong:?}");
        }
    }

    #[test]
    fn acting_for_another_changes_whose_name_may_be_used() {
        let identity = Identity::new("admin@x.test").acting_as("bob@x.test");
        assert!(identity.may_send_as("bob@x.test"));
        assert!(!identity.may_send_as("admin@x.test"));
    }
}
