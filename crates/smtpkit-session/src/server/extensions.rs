//! Which extensions a server offers, as a set (RFC 5321 §2.2).

/// A set of ESMTP extensions.
///
/// ```
/// use smtpkit_session::server::Extensions;
///
/// let offered = Extensions::default().without(Extensions::BINARYMIME).with(Extensions::DELIVERBY);
/// assert!(offered.has(Extensions::CHUNKING));
/// assert!(!offered.has(Extensions::BINARYMIME));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extensions(u32);

macro_rules! extensions {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
    };
}

impl Extensions {
    /// No extension at all.
    pub const NONE: Self = Self(0);

    extensions! {
        /// Command pipelining (RFC 2920).
        PIPELINING = 0;
        /// Message size declaration (RFC 1870).
        SIZE = 1;
        /// 8-bit MIME transport (RFC 6152).
        EIGHT_BIT_MIME = 2;
        /// Binary MIME (RFC 3030 §3); works with [`CHUNKING`](Self::CHUNKING) only.
        BINARYMIME = 3;
        /// BDAT (RFC 3030 §2).
        CHUNKING = 4;
        /// Internationalised addresses (RFC 6531).
        SMTPUTF8 = 5;
        /// Delivery status notifications (RFC 3461).
        DSN = 6;
        /// Enhanced status codes (RFC 2034).
        ENHANCEDSTATUSCODES = 7;
        /// Announced limits (RFC 9422).
        LIMITS = 8;
        /// TLS for all hops (RFC 8689); offered inside TLS only.
        REQUIRETLS = 9;
        /// Deliver by a time (RFC 2852).
        DELIVERBY = 10;
        /// Priorities (RFC 6710).
        MT_PRIORITY = 11;
        /// Deliver later (RFC 4865).
        FUTURERELEASE = 12;
        /// Require recipient valid since (RFC 7293).
        RRVS = 13;
        /// A trusted proxy tells whom it speaks for (Postfix's XCLIENT).
        XCLIENT = 14;
        /// A trusted filter tells whom it speaks for (Postfix's XFORWARD).
        XFORWARD = 15;
    }

    /// Those of this set and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in this set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Default for Extensions {
    /// What every server should offer: all that need no policy of the operator.
    fn default() -> Self {
        Self::PIPELINING
            .with(Self::SIZE)
            .with(Self::EIGHT_BIT_MIME)
            .with(Self::BINARYMIME)
            .with(Self::CHUNKING)
            .with(Self::SMTPUTF8)
            .with(Self::DSN)
            .with(Self::ENHANCEDSTATUSCODES)
            .with(Self::LIMITS)
            .with(Self::REQUIRETLS)
    }
}
