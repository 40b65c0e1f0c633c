//! The keywords of the reply to EHLO: the registry of SMTP service extensions, one row each.

use core::fmt;

use crate::grammar::{Class, token};

/// One row per keyword: its variant, its text, its reference.
macro_rules! keywords {
    ($($Variant:ident $keyword:literal $reference:literal;)*) => {
        /// A keyword of the IANA registry of SMTP service extensions, or one of Postfix.
        ///
        /// ```
        /// use smtpkit_codec::Keyword;
        ///
        /// assert_eq!(Keyword::named("8bitMIME"), Some(Keyword::EightBitMime));
        /// assert_eq!(Keyword::RequireTls.as_str(), "REQUIRETLS");
        /// assert_eq!(Keyword::named("X-LOCAL"), None);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Keyword {
            $(#[doc = concat!("`", $keyword, "` (", $reference, ")")] $Variant,)*
        }

        impl Keyword {
            /// Every known keyword.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)*];

            /// The keyword as it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $keyword,)* }
            }
        }
    };
}

keywords! {
    EightBitMime "8BITMIME" "RFC 6152";
    Atrn "ATRN" "RFC 2645";
    Auth "AUTH" "RFC 4954";
    BinaryMime "BINARYMIME" "RFC 3030";
    Burl "BURL" "RFC 4468";
    Checkpoint "CHECKPOINT" "RFC 1845";
    Chunking "CHUNKING" "RFC 3030";
    Conneg "CONNEG" "RFC 4141";
    Conperm "CONPERM" "RFC 4141";
    DeliverBy "DELIVERBY" "RFC 2852";
    Dsn "DSN" "RFC 3461";
    EnhancedStatusCodes "ENHANCEDSTATUSCODES" "RFC 2034";
    Etrn "ETRN" "RFC 1985";
    Expn "EXPN" "RFC 5321";
    FutureRelease "FUTURERELEASE" "RFC 4865";
    Help "HELP" "RFC 5321";
    Limits "LIMITS" "RFC 9422";
    MtPriority "MT-PRIORITY" "RFC 6710";
    Mtrk "MTRK" "RFC 3885";
    NoSoliciting "NO-SOLICITING" "RFC 3865";
    Pipelining "PIPELINING" "RFC 2920";
    RequireTls "REQUIRETLS" "RFC 8689";
    Rrvs "RRVS" "RFC 7293";
    Size "SIZE" "RFC 1870";
    SmtpUtf8 "SMTPUTF8" "RFC 6531";
    StartTls "STARTTLS" "RFC 3207";
    Turn "TURN" "RFC 821, unsafe";
    Utf8Smtp "UTF8SMTP" "RFC 5336, obsolete";
    Verb "VERB" "Sendmail";
    Xclient "XCLIENT" "Postfix";
    Xforward "XFORWARD" "Postfix";
}

impl Keyword {
    /// The known keyword of that name, in either case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if Class::KEYWORD.all(name) { Self::of_keyword(name.as_bytes()) } else { None }
    }

    /// The known keyword of that name, of which every octet is in [`Class::KEYWORD`].
    #[inline]
    pub(crate) fn of_keyword(name: &[u8]) -> Option<Self> {
        let found = (*SLOTS.get(slot(name)?)?)?;
        token::same_keyword(found.as_str().as_bytes(), name).then_some(found)
    }

    /// The bit of this keyword in a set of them.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a keyword stands in [`SLOTS`]: length, first and third octet tell all of them apart, in
/// either case. None of them is shorter than three octets.
#[inline]
const fn slot(name: &[u8]) -> Option<usize> {
    match name {
        [first, _, third, ..] => {
            Some(((*first & 0x1f) as usize + 3 * (*third & 0x1f) as usize + 16 * name.len()) % SLOTS_LEN)
        }
        _ => None,
    }
}

const SLOTS_LEN: usize = 128;

/// Every keyword at its [`slot`]. A new keyword that shares one does not compile: change the factors.
static SLOTS: [Option<Keyword>; SLOTS_LEN] = {
    let mut slots = [None; SLOTS_LEN];
    let mut left = Keyword::ALL;
    while let [keyword, rest @ ..] = left {
        if let Some(slot) = slot(keyword.as_str().as_bytes())
            && let Some((_, [free, ..])) = slots.split_at_mut_checked(slot)
        {
            assert!(free.is_none(), "two keywords share a slot");
            *free = Some(*keyword);
        }
        left = rest;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_found_in_either_case() {
        for &keyword in Keyword::ALL {
            assert_eq!(Keyword::named(keyword.as_str()), Some(keyword));
            assert_eq!(Keyword::named(&keyword.as_str().to_ascii_lowercase()), Some(keyword));
            assert_eq!(Keyword::named(&alloc::format!("{keyword}X")), None);
        }
        assert_eq!(Keyword::named(""), None);
        assert_eq!(Keyword::named("\u{0}SIZE"), None);
    }

    #[test]
    fn every_keyword_has_a_bit() {
        assert!(Keyword::ALL.len() <= 64);
    }
}
