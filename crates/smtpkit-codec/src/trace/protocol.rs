//! The `with` protocol types of Received fields (RFC 3848, RFC 6531 §4.3).

use core::fmt;

/// How mail came, for the `with` clause (IANA registry "Mail Transmission Types").
///
/// ```
/// use smtpkit_codec::trace::Protocol;
///
/// assert_eq!(Protocol::ESMTP.secured().authenticated().to_string(), "ESMTPSA");
/// assert_eq!(Protocol::LMTP.internationalized().to_string(), "UTF8LMTP");
/// assert_eq!(Protocol::ESMTP.internationalized().secured().to_string(), "UTF8SMTPS");
/// assert_eq!(Protocol::SMTP.secured().to_string(), "SMTP", "no other type is registered");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    dialect: Dialect,
    secured: bool,
    authenticated: bool,
    internationalized: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Dialect {
    Smtp,
    Esmtp,
    Lmtp,
}

impl Protocol {
    /// The client said HELO.
    pub const SMTP: Self = Self::of(Dialect::Smtp);
    /// The client said EHLO.
    pub const ESMTP: Self = Self::of(Dialect::Esmtp);
    /// The client said LHLO (RFC 2033).
    pub const LMTP: Self = Self::of(Dialect::Lmtp);

    const fn of(dialect: Dialect) -> Self {
        Self { dialect, secured: false, authenticated: false, internationalized: false }
    }

    /// The same under TLS.
    #[must_use]
    pub const fn secured(mut self) -> Self {
        self.secured = true;
        self
    }

    /// The same after AUTH.
    #[must_use]
    pub const fn authenticated(mut self) -> Self {
        self.authenticated = true;
        self
    }

    /// The same for a mail with the SMTPUTF8 parameter.
    #[must_use]
    pub const fn internationalized(mut self) -> Self {
        self.internationalized = true;
        self
    }

    /// Whether UTF-8 may stand in the header section.
    pub(super) const fn takes_utf8(self) -> bool {
        self.internationalized && !matches!(self.dialect, Dialect::Smtp)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dialect = match (self.dialect, self.internationalized) {
            // HELO offers no extension, so none of the others can be in force.
            (Dialect::Smtp, _) => return f.write_str("SMTP"),
            (Dialect::Esmtp, false) => "ESMTP",
            (Dialect::Esmtp, true) => "UTF8SMTP",
            (Dialect::Lmtp, false) => "LMTP",
            (Dialect::Lmtp, true) => "UTF8LMTP",
        };
        let secured = if self.secured { "S" } else { "" };
        let authenticated = if self.authenticated { "A" } else { "" };
        write!(f, "{dialect}{secured}{authenticated}")
    }
}
